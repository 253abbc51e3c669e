"""How one answer goes out: which form, how wide, to which stream; nothing else than the answer reaches stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from wherewithal.app.text import clean

DESIGNED = 100
STACK_BELOW = 70
WIDEST = 120


@dataclass(frozen=True)
class Face:
    """The form of an answer: `form` is text, json, csv or markdown; `width` in columns; `plain` for screen readers."""

    form: str = "text"
    width: int = DESIGNED
    plain: bool = False
    quiet: bool = False
    colour: bool = False

    @property
    def stack(self) -> bool:
        """Whether tables become blocks of `label: value` lines."""
        return self.plain or self.width < STACK_BELOW

    def strong(self, text: str) -> str:
        """Return `text` in bold where the terminal has it."""
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text


def width(environ: Mapping[str, str], stream: TextIO) -> int:
    """Return the columns of the screen: COLUMNS, else the terminal's, else the designed 100; from 40 to 120."""
    stated = environ.get("COLUMNS", "")
    if stated.isascii() and stated.isdigit() and int(stated[:6]):
        return min(max(int(stated[:6]), 40), WIDEST)
    try:
        found = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return DESIGNED
    return min(max(found, 40), WIDEST) if found else DESIGNED


def face_of(flags: Mapping[str, bool], environ: Mapping[str, str] | None = None, stream: TextIO | None = None) -> Face:
    """Return the face that the global flags and the terminal ask for (NO_COLOR and TERM=dumb are honoured)."""
    environ = os.environ if environ is None else environ
    stream = sys.stdout if stream is None else stream
    form = next((f for f in ("json", "csv", "markdown") if flags.get(f)), "text")
    tty = _is_tty(stream)
    plain = bool(flags.get("plain"))
    colour = tty and not plain and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"
    return Face(form, width(environ, stream), plain, bool(flags.get("quiet")), colour)


def _is_tty(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (ValueError, AttributeError):
        return False


def out(text: str) -> None:
    """Write an answer to stdout; characters that its encoding lacks become `?`."""
    _write(sys.stdout, text if text.endswith("\n") else text + "\n")


def out_json(document: Any) -> None:
    """Write one JSON document to stdout: ASCII only, so that every encoding carries it; never NaN or Infinity."""
    out(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False))


def note(text: str, face: Face | None = None) -> None:
    """Write a hint or warning to stderr, unless the user asked for quiet."""
    if face is None or not face.quiet:
        _write(sys.stderr, f"{clean(text)}\n")


def fail(text: str) -> None:
    """Write the one line that says what went wrong to stderr."""
    _write(sys.stderr, f"error: {clean(text, 600)}\n")


def _write(stream: TextIO, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        safe = text.encode(encoding, "replace").decode(encoding)
    except LookupError:
        safe = text.encode("ascii", "replace").decode("ascii")
    stream.write(safe)
    stream.flush()
