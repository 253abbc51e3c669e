"""One line of progress on stderr: only on a terminal, only after 0.7 s, gone when the answer comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from wherewithal.app.face import Face
from wherewithal.app.text import clean, count

PATIENCE_S = 0.7
EVERY_S = 0.1


class Progress:
    """Called as `progress(phase, done, total, best)` by the search; draws at most ten times a second.

    Args:
        face: a quiet one, or a stream that is no terminal, draws nothing.
        stream: where to draw; stderr.
        clock: returns seconds.
    """

    def __init__(self, face: Face, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.clock, self.width = clock, face.width
        self.live = not face.quiet and face.form == "text" and self.stream.isatty()
        self.start = self.drawn = clock()
        self.shown = False

    def __call__(self, phase: str, done: float = 0, total: float = 0, best: str = "") -> None:
        """Draw one line where it is time to: phase, done of total, rate, time left, best so far."""
        now = self.clock()
        if not self.live or now - self.start < PATIENCE_S or now - self.drawn < EVERY_S:
            return
        self.drawn, self.shown = now, True
        rate = done / (now - self.start)
        left = f", {(total - done) / rate:.0f} s left" if total and rate else ""
        of = f" {count(done)}" + (f" of {count(total)}" if total else "") if done else ""
        line = f"{phase}{of}, {count(rate)}/s{left}" + (f", best so far {best}" if best else "")
        self.stream.write("\r" + clean(line)[: self.width - 1].ljust(self.width - 1))
        self.stream.flush()

    def close(self) -> None:
        """Wipe the line."""
        if self.shown:
            self.stream.write("\r" + " " * (self.width - 1) + "\r")
            self.stream.flush()
            self.shown = False
