"""Seconds with their spread: interleaved repeats, the middle of those that nothing disturbed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SPREAD = 0.15
SHARE = 0.97
LEAST_KEPT = 3


class Sample(NamedTuple):
    """One repeat: seconds of one operator [s], and the share of that time in which the process had its processors."""

    seconds: float
    share: float = 1.0


Runner = Callable[[int], Sample]


@dataclass(frozen=True)
class Timed:
    """The middle of the repeats with 10% and 90% of them [s], how many there were, and whether they were disturbed."""

    seconds: float
    low: float
    high: float
    repeats: int
    disturbed: bool = False

    @property
    def spread(self) -> float:
        """Width of the repeats over their middle."""
        return (self.high - self.low) / self.seconds


def on_host(work: Callable[[], None], operators: int, threads: int = 1) -> Runner:
    """Return the runner of work on the processor: wall time, and how much of it the process was given.

    Args:
        work: does `operators` operators and returns when they are done.
        operators: how many operators one call does.
        threads: threads that it keeps busy.
    """

    def run(loops: int) -> Sample:
        busy, start = time.process_time(), time.perf_counter()
        for _ in range(loops):
            work()
        wall = time.perf_counter() - start
        share = min(1.0, (time.process_time() - busy) / max(wall * threads, 1e-12))
        return Sample(wall / (loops * operators), share)

    return run


def measure(
    runners: Sequence[Runner], repeats: int = 7, least_s: float = 0.01, until: float = float("inf")
) -> list[Timed]:
    """Time several operators in turn, so that what disturbs the machine meets all of them.

    Repeats in which the process was put aside are dropped; an operator whose repeats spread by more than 15% is measured
    again and the narrower set kept.

    Args:
        runners: one for each operator, run once before; called with how often to loop.
        repeats: repeats of each.
        least_s: [s] shortest repeat.
        until: [s] of the monotonic clock after which no more repeats than needed are begun.
    """
    loops = [_loops(r, least_s) for r in runners]
    rounds: list[list[Sample]] = []
    while len(rounds) < repeats and (len(rounds) < LEAST_KEPT or time.monotonic() < until):
        rounds.append([r(n) for r, n in zip(runners, loops, strict=True)])
    found = [summed([one[i] for one in rounds]) for i in range(len(runners))]
    for i, timed in enumerate(found):
        if (timed.spread > SPREAD or timed.disturbed) and time.monotonic() < until:
            again = summed([runners[i](loops[i]) for _ in range(repeats)])
            found[i] = min(timed, again, key=lambda t: (t.disturbed, t.spread))
    return found


def _loops(runner: Runner, least_s: float) -> int:
    start = time.perf_counter()
    runner(1)
    return max(1, min(100_000, round(least_s / max(time.perf_counter() - start, 1e-9))))


def summed(samples: Sequence[Sample]) -> Timed:
    """Return the middle of repeats; where the process was put aside in most, that of the time that it had."""
    kept = [s.seconds for s in samples if s.share >= SHARE]
    disturbed = len(kept) < min(LEAST_KEPT, len(samples))
    if disturbed:
        kept = [s.seconds * s.share for s in samples]
    ordered = sorted(kept)
    return Timed(_at(ordered, 0.5), _at(ordered, 0.1), _at(ordered, 0.9), len(kept), disturbed)


def _at(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted numbers, between neighbours in proportion."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
