"""How many steps one core prices in a second: all operators of one layout and batch, with the curves of the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench.cases import MODEL, SYSTEM
from bench.promise import Row


def _rate(price: Callable[[], int], seconds: float) -> float:
    """Return rows per second of CPU of the fastest of the runs that fit into `seconds`, the first one left out."""
    price()
    best, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.process_time()
        rows = price()
        best = max(best, rows / (time.process_time() - start))
    return best


def steps(*, smoke: bool) -> Iterator[Row]:
    """Decode and prefill steps per second of CPU, over the legal layouts of the main question and their batches."""
    from wherewithal.plan import steady
    from wherewithal.plan.search import Counts, pieces, space
    from wherewithal.plan.setup import Question, setup

    ready = setup(Question(MODEL, SYSTEM))
    deployment = ready.pools["decode"]
    ranks = ready.total * deployment.machine.system.chip.ranks
    where, _ = space(deployment, ranks, "decode", Counts())
    work = [(split, sizes) for _, split, sizes, _ in pieces(where, 64)][:: 16 if smoke else 1][:24]

    def decode() -> int:
        return sum(steady.decode_step(deployment, split, sizes).seconds.size for split, sizes in work)  # type: ignore[union-attr]

    def prefill() -> int:
        return sum(steady.prefill_step(deployment, split, 64.0 * sizes).seconds.size for split, sizes in work)  # type: ignore[union-attr]

    seconds = 0.5 if smoke else 3.0
    yield Row("decode steps a second on one core", _rate(decode, seconds), "steps/s", 1e6, more=True)
    yield Row("prefill steps a second on one core", _rate(prefill, seconds), "steps/s", 1e6, more=True)
