"""Charts as files: the specification itself, or an SVG, PNG or PDF made from it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wherewithal.app.text import clean
from wherewithal.catalog.add import write_whole
from wherewithal.errors import InputError, MissingExtra

ENDINGS = (".svg", ".png", ".pdf", ".json")
# A file has no page to fill: its plotting area [px].
WIDTH = 680
_VERSION = "6.1"


def check(path: Path, force: bool = False, option: str = "--plot") -> None:
    """Refuse, before the work is done, a chart file that could not be written.

    Args:
        path: the file.
        force: whether one that is there may be replaced.
        option: what named the file, for the message.

    Raises:
        InputError: another ending than those there are; a file that is there without force; a folder that is not.
        MissingExtra: the ending needs a library that is not installed.
    """
    kind = path.suffix.lower()
    if kind not in ENDINGS:
        what = f"{clean(path)}: cannot write {path.suffix or 'a file without an ending'}"
        raise InputError(option, what, f"name a file that ends in {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise InputError(option, f"{clean(path.parent)} is no folder", "create it first or choose another")
    if path.is_symlink() or path.is_dir():
        raise InputError(option, f"{clean(path)} is a link or a folder", "name a plain file")
    if path.exists() and not force:
        raise InputError(option, f"{clean(path)} exists", "choose another name or add --force")
    if kind != ".json" and importlib.util.find_spec("vl_convert") is None:
        raise MissingExtra(f"a chart as {kind} (.json needs nothing more)", "plots")


def write(spec: Mapping[str, Any], path: Path, force: bool = False, option: str = "--plot") -> None:
    """Write a chart by the ending of its name: all of it or nothing.

    Raises:
        InputError: it cannot be written.
        MissingExtra: the ending needs a library that is not installed.
    """
    check(path, force, option)
    write_whole(path, drawn(spec, path.suffix.lower()), force)


def drawn(spec: Mapping[str, Any], ending: str) -> bytes:
    """Return the bytes of a chart file; nothing is fetched from anywhere."""
    if ending == ".json":
        return (json.dumps(spec, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    import vl_convert

    fixed = {**spec, "width": WIDTH} if spec.get("width") == "container" else dict(spec)
    fixed["autosize"] = "pad"
    options: dict[str, Any] = {"vl_version": _VERSION, "allowed_base_urls": []}
    if ending == ".svg":
        return str(vl_convert.vegalite_to_svg(fixed, **options)).encode()
    if ending == ".png":
        return bytes(vl_convert.vegalite_to_png(fixed, scale=2.0, **options))
    return bytes(vl_convert.vegalite_to_pdf(fixed, **options))


def chosen(found: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any] | None:
    """Return one chart of an answer by name, the first where it has not that one, None where it has none."""
    return found.get(name) or next(iter(found.values()), None)
