"""Words of the charts, in English or in the asker's language."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

Table = dict[str, str]


@cache
def _table(lang: str) -> Table:
    """Return what the charts say in another language, by English template; empty for English."""
    if lang == "en":
        return {}
    file = resources.files("wherewithal.app").joinpath("words", lang, "charts.json")
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def say(template: str, lang: str = "en", **holes: object) -> str:
    """Return a template in a language with its holes filled; what fills them is never read as a template."""
    return _table(lang).get(template, template).format(**holes)


def translated(text: str, lang: str = "en") -> str:
    """Return a finished sentence in a language, as it is where it has no translation."""
    return _table(lang).get(text, text)
