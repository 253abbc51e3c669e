"""One line on stderr that says where a load test stands: only on a terminal, gone when the answer comes."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, TextIO

from wherewithal.app.face import Face
from wherewithal.app.text import clean, exact, number, scale

if TYPE_CHECKING:
    from wherewithal.measure.load.drive import State


class Live:
    """Called as `live(phase, state)` some times a second.

    Args:
        face: a quiet one, or a stream that is no terminal, draws nothing.
        stream: where to draw; stderr.
    """

    def __init__(self, face: Face, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.width = face.width
        self.live = not face.quiet and self.stream.isatty()
        self.shown = False

    def __call__(self, phase: str, state: State | None = None) -> None:
        """Draw the line anew."""
        if not self.live:
            return
        line = phase if state is None else f"{phase} | {words(state)}"
        self.stream.write("\r" + clean(line)[: self.width - 1].ljust(self.width - 1))
        self.stream.flush()
        self.shown = True

    def close(self) -> None:
        """Wipe the line."""
        if self.shown:
            self.stream.write("\r" + " " * (self.width - 1) + "\r")
            self.stream.flush()
            self.shown = False


def words(state: State) -> str:
    """Return a state in a line: time, requests, in flight, recent latencies, rate, failures."""
    rate = state.tokens / state.elapsed_s if state.elapsed_s > 0 else 0.0
    said = [
        f"{state.elapsed_s:.0f} s",
        f"{state.done:,} of {state.sent:,} sent answered",
        f"{state.flight:,} in flight",
    ]
    for name, value in (("TTFT", state.ttft_s), ("TPOT", state.tpot_s)):
        if math.isfinite(value):
            divisor, unit = scale(value, "s")
            said.append(f"{name} {number(value / divisor)} {unit}")
    said.append(f"{exact(rate, '')} tok/s")
    return ", ".join(said) + (f", {state.failed:,} FAILED" if state.failed else "")
