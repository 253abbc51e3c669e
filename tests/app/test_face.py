"""Which form, how wide, what stays silent: the screen's side of an answer."""

from __future__ import annotations

import io

import pytest

from wherewithal.app.face import Face, face_of, width
from wherewithal.app.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "columns"),
    [
        ({}, 100),
        ({"COLUMNS": "80"}, 80),
        ({"COLUMNS": "0"}, 100),
        ({"COLUMNS": "x"}, 100),
        ({"COLUMNS": "7"}, 40),
        ({"COLUMNS": "9" * 5000}, 120),
    ],
)
def test_width(environ: dict[str, str], columns: int) -> None:
    assert width(environ, io.StringIO()) == columns


@pytest.mark.parametrize(
    ("environ", "stream", "flags", "colour"),
    [
        ({"TERM": "xterm"}, Terminal(), {}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Terminal(), {}, False),
        ({"TERM": "dumb"}, Terminal(), {}, False),
        ({}, Terminal(), {}, False),
        ({"TERM": "xterm"}, io.StringIO(), {}, False),
        ({"TERM": "xterm"}, Terminal(), {"plain": True}, False),
    ],
)
def test_colour_only_where_it_is_wanted(
    environ: dict[str, str], stream: io.StringIO, flags: dict[str, bool], colour: bool
) -> None:
    face = face_of(flags, environ, stream)
    assert face.colour == colour
    assert ("\x1b" in face.strong("x")) == colour


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_waits_then_shows_one_line_and_wipes_it() -> None:
    clock, stream = Clock(), Terminal()
    progress = Progress(Face(width=80), stream, clock)
    clock.now = 0.5
    progress("pricing", 10, 100)
    assert stream.getvalue() == ""
    clock.now = 1.0
    progress("pricing", 50, 100)
    clock.now = 1.05
    progress("pricing", 60, 100)
    shown = stream.getvalue()
    assert shown.count("\r") == 1
    assert "pricing 50 of 100, 50/s, 1 s left" in shown
    progress.close()
    assert stream.getvalue().endswith("\r")
    assert "\n" not in stream.getvalue()


@pytest.mark.parametrize(
    ("face", "stream"), [(Face(quiet=True), Terminal()), (Face(form="json"), Terminal()), (Face(), io.StringIO())]
)
def test_progress_is_silent_where_nobody_looks(face: Face, stream: io.StringIO) -> None:
    clock = Clock()
    progress = Progress(face, stream, clock)
    clock.now = 5.0
    progress("pricing", 1, 2)
    progress.close()
    assert stream.getvalue() == ""
