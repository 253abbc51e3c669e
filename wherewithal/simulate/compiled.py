"""The event loop compiled: the same functions, made into machine code once and kept on disk."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FunctionType
from typing import Any

from wherewithal.simulate import loop

# Steps that a process runs as plain code (some 25 us each) before it loads the compiled loop (about 0.8 s).
FEW = 30_000


class Meter:
    """Counts the work of this process, so that a single short run does without the compiled loop."""

    def __init__(self) -> None:
        self.steps = 0.0

    def worth(self, steps: float) -> bool:
        """Return whether so many more steps make it worth to load the compiled loop."""
        self.steps += steps
        return self.steps > FEW


METER = Meter()


@contextmanager
def unbroken() -> Iterator[None]:
    """Hold back an interrupt (Ctrl-C) until the block ends: one in the midst of compiling leaves half a function behind.

    Only the main thread hears signals; elsewhere nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
    if heard:
        raise KeyboardInterrupt


@cache
def build() -> Callable[..., int]:
    """Return `loop.serve` compiled; the plain functions stay as they are.

    Each compiled copy sees the compiled copies of those before it, so their order in `loop.COMPILED` is that of calls.
    """
    import numba

    space: dict[str, Any] = dict(vars(loop))
    for plain in loop.COMPILED:
        copy = FunctionType(plain.__code__, space, plain.__name__, plain.__defaults__, plain.__closure__)
        copy.__module__, copy.__qualname__ = plain.__module__, plain.__qualname__
        space[plain.__name__] = numba.njit(cache=True, _nrt=False)(copy)
    found: Callable[..., int] = space[loop.serve.__name__]
    return found
