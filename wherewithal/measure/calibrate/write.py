"""Writing what was calibrated into a catalog folder; what it takes the place of is kept under `history/`."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wherewithal.catalog.add import write_whole
from wherewithal.pricing.curve_files import FOLDER, ChipCurves

HISTORY = "history"


def _text(value: Any) -> str:
    """Return a TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "inf" if math.isinf(value) else f"{value:.6g}" if math.isfinite(value) else "nan"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} = {_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(v) for v in value) + "]"
    plain = "".join(c if c.isprintable() else " " for c in str(value))
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def toml(data: Mapping[str, Any]) -> str:
    """Return plain data as TOML: figures first, then tables, then lists of tables."""
    flat = {k: v for k, v in data.items() if not isinstance(v, Mapping) and not _tables(v)}
    lines = [f"{k} = {_text(v)}" for k, v in flat.items()]
    for key, value in data.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{key}]", *(f"{k} = {_text(v)}" for k, v in value.items())]
        elif _tables(value):
            for one in value:
                lines += ["", f"[[{key}]]", *(f"{k} = {_text(v)}" for k, v in one.items())]
    return "\n".join(lines) + "\n"


def _tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(v, Mapping) for v in value)


def curves(folder: Path, file: ChipCurves) -> Path:
    """Write a chip's curve file into a catalog folder; return where it lies.

    Args:
        folder: the catalog folder.
        file: what it is to hold.

    Raises:
        InputError: it cannot be written.
    """
    data = file.model_dump(exclude_none=True, exclude_defaults=True)
    head = "# Written by `wherewithal calibrate`. Times in seconds; see docs/calibrate.md.\n"
    return put(folder, FOLDER, file.chip, head + toml(data))


def put(folder: Path, kind: str, name: str, text: str) -> Path:
    """Write `KIND/NAME.toml` in a catalog folder; an older one of another content goes to `history/`.

    Raises:
        InputError: it cannot be written.
    """
    path = folder / kind / f"{name}.toml"
    if path.is_file():
        old = path.read_bytes()
        if old == text.encode():
            return path
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        write_whole(folder / HISTORY / kind / f"{name}.{stamp}.toml", old, force=True)
    write_whole(path, text.encode(), force=True)
    return path
