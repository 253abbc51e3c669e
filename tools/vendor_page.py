"""Write the page's vendored modules from npm tarballs, each checked by its hash: `vendor_page.py FOLDER_OF_TARBALLS`.

`npm pack preact@11.2.0 htm@3.1.1 vega@6.4.0 vega-lite@6.4.3 vega-interpreter@2.3.2` brings the tarballs. Only the names
that the modules import each other by are changed, since the page has no import map (it would need an inline script).
"""

from __future__ import annotations

import hashlib
import re
import sys
import tarfile
from pathlib import Path

OUT = Path(__file__).parent.parent / "wherewithal" / "app" / "page" / "vendor"
# tarball, file in it, name here
FILES = (
    ("preact-11.2.0", "dist/preact.mjs", "preact.js"),
    ("preact-11.2.0", "hooks/dist/hooks.mjs", "hooks.js"),
    ("htm-3.1.1", "dist/htm.mjs", "htm.js"),
    ("vega-6.4.0", "build/vega.min.js", "vega.js"),
    ("vega-lite-6.4.3", "build/vega-lite.min.js", "vega-lite.js"),
    ("vega-interpreter-2.3.2", "build/vega-interpreter.js", "vega-interpreter.js"),
)
_NAMES = (
    ('from"preact"', 'from"./preact.js"'),
    (
        "import { ascending, isString, DisallowedObjectProperties } from 'vega-util';",
        "const { ascending, isString, DisallowedObjectProperties } = globalThis.vega;",
    ),
)


def vendored(folder: Path) -> dict[str, bytes]:
    """Return each file by its name here, made from the tarballs in a folder."""
    made: dict[str, bytes] = {}
    for package, inside, name in FILES:
        with tarfile.open(folder / f"{package}.tgz") as tar:
            made[name] = _module(_member(tar, inside))
            made[f"{package}.LICENSE.txt"] = _member(tar, "LICENSE")
    return made


def _member(tar: tarfile.TarFile, inside: str) -> bytes:
    file = tar.extractfile(f"package/{inside}")
    if file is None:
        sys.exit(f"no {inside}")
    return file.read()


def _module(data: bytes) -> bytes:
    text = data.decode()
    for old, new in _NAMES:
        text = text.replace(old, new)
    return re.sub(r"\n?//# sourceMappingURL=\S+\s*$", "\n", text).encode()


def main() -> None:
    """Write the files and SHA256SUMS."""
    made = vendored(Path(sys.argv[1]))
    OUT.mkdir(exist_ok=True)
    for name, data in made.items():
        (OUT / name).write_bytes(data)
    sums = [f"{hashlib.sha256(made[name]).hexdigest()}  {name}\n" for name in sorted(made)]
    (OUT / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()
