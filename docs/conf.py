"""How the pages are built: Sphinx, MyST for Markdown, furo for the looks. Warnings are errors (`make docs`)."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

project = "Wherewithal"
author = "The Wherewithal authors"
copyright = author
release = re.findall(r'__version__ = "(.+)"', (ROOT / "wherewithal" / "__init__.py").read_text(encoding="utf-8"))[0]

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "locale"]
# Tables by page; docs/locale/pages.toml lists the pages that are promised in Chinese.
locale_dirs = ["locale"]
gettext_compact = False
gettext_location = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = "Wherewithal"
# Nothing is fetched by a reader's browser: no fonts, no badges, no analytics.
html_show_sphinx = False
html_copy_source = False
