"""The pulse of a long answer: whoever asked hears that work goes on, and may end it by raising.

A face gives a callback. `heard` keeps it for the time of one answer, and any room beats while it works, without
passing the callback through every call. What the callback raises travels as `Ended`, which no handler of errors on the
way takes for an error of the question, and leaves `heard` as what it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Progress = Callable[[str, int, int], None]

# Beats closer together than this [s] are not passed on.
EVERY_S = 0.01


class Ended(BaseException):
    """What the callback raised, on its way out.

    Args:
        by: the ear whose callback raised it.
        reason: what it raised.
    """

    def __init__(self, by: Ear, reason: BaseException) -> None:
        super().__init__(str(reason))
        self.by, self.reason = by, reason


class Ear:
    """One callback, what it heard last, and when."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.said = progress, ("start", 0, 0)
        self.at = time.perf_counter()

    def tell(self, phase: str, done: int = 0, total: int = 0) -> None:
        """Call back.

        Raises:
            Ended: the callback raised.
        """
        self.said = (phase, done, total)
        try:
            self.progress(phase, done, total)
        except Ended:
            raise
        except BaseException as reason:
            raise Ended(self, reason) from reason
        self.at = time.perf_counter()


_EAR: ContextVar[Ear | None] = ContextVar("ear", default=None)


@contextmanager
def heard(progress: Progress | None) -> Iterator[Progress | None]:
    """Let `progress` hear the pulse of a block; yield what the block is to call in its place, None where it is None.

    Without a callback of its own a block inside another goes on beating for the outer one.
    """
    if progress is None:
        yield None
        return
    ear = Ear(progress)
    token = _EAR.set(ear)
    reason: BaseException | None = None
    try:
        yield ear.tell
    except Ended as ended:
        if ended.by is not ear:
            raise
        reason = ended.reason
    finally:
        _EAR.reset(token)
    if reason is not None:
        raise reason


def phase(name: str) -> None:
    """Say that another part of the work begins."""
    ear = _EAR.get()
    if ear is not None:
        ear.tell(name)


def beat() -> None:
    """Say that work goes on: what was said last again, unless that was just now."""
    ear = _EAR.get()
    if ear is not None and time.perf_counter() - ear.at >= EVERY_S:
        ear.tell(*ear.said)
