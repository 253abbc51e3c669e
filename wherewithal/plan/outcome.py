"""One question searched in every serving mode, and the row to choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from wherewithal.plan.lattice import Layouts
from wherewithal.plan.pareto import frontier, knee
from wherewithal.plan.pools import disaggregated
from wherewithal.plan.search import Counts, Extremes, Found, colocated
from wherewithal.plan.setup import Setup

# Layouts to search: those of every pool, or role to those of its pool; None for all.
Only = Layouts | Mapping[str, Layouts] | None
Progress = Callable[[str, int, int], None] | None


class Outcome(NamedTuple):
    """What a search found: frontier rows of each way of serving, counts, and the best that any row reaches."""

    found: list[Found]
    counts: Counts
    reached: list[Extremes]


# Token budgets of a step that are tried, largest first, where the engine's own leaves no room in memory.
BUDGETS = (2048.0, 512.0)


def fitted(s: Setup, only: Only = None, progress: Progress = None) -> tuple[Setup, Outcome]:
    """Search; where nothing fits because of the working memory of a step, search again with a smaller token budget.

    Returns:
        The question as it was answered, with the smaller budget in it and a note that says so, and what was found.
    """
    outcome = search(s, only, progress)
    for budget in BUDGETS:
        if not outcome.counts.legal or any(r.short_bytes <= 0 for r in outcome.reached):
            return s, outcome
        own = max(d.engine.token_budget for d in s.pools.values())
        if budget >= own:
            continue
        pools = {r: d._replace(engine=replace(d.engine, token_budget=budget)) for r, d in s.pools.items()}
        note = f"steps of {budget:g} tokens instead of {own:g}: a larger step's working memory would not fit"
        smaller = s._replace(pools=pools, notes=(*s.notes, note))
        again = search(smaller, only, progress)
        if any(r.short_bytes <= 0 for r in again.reached):
            return smaller, again
    return s, outcome


def search(s: Setup, only: Only = None, progress: Progress = None) -> Outcome:
    """Search every serving mode of a question."""
    counts, found, reached = Counts(), [], []
    for mode in s.modes:
        tick = _ticker(mode, counts, progress)
        if mode == "colocated":
            rows, low = colocated(s.pools["all"], s.total, s.goal, counts, _of(only, "all"), tick)
        else:
            pair = (_of(only, "prefill"), _of(only, "decode"))
            rows, low = disaggregated(s.pools["prefill"], s.pools["decode"], s.chips, s.goal, counts, pair, tick)
        reached.append(low)
        if rows is not None:
            found.append(rows)
    return Outcome(found, counts, reached)


def _of(only: Only, role: str) -> Layouts | None:
    return only if only is None or isinstance(only, Layouts) else only[role]


def _ticker(mode: str, counts: Counts, progress: Progress) -> Callable[[int], None] | None:
    if progress is None:
        return None
    done = [0]

    def tick(rows: int) -> None:
        done[0] += rows
        progress(mode, done[0], counts.legal)

    return tick


class Picked(NamedTuple):
    """Frontier rows over all ways of serving, best speed per user first: (way, row) each, and which is best."""

    rows: list[tuple[int, int]]
    tpot_s: Any
    rate: Any
    best: int | None


def pick(s: Setup, outcome: Outcome) -> Picked:
    """Return the joint frontier and the best row: the fastest per chip under the service levels, else the knee."""
    if not outcome.found:
        return Picked([], np.empty(0), np.empty(0), None)
    tpot = np.concatenate([f.tpot_s for f in outcome.found])
    rate = np.concatenate([f.rate for f in outcome.found])
    owner = [(i, j) for i, f in enumerate(outcome.found) for j in range(len(f.tpot_s))]
    top = frontier(tpot, rate, np.arange(len(tpot), dtype=float))
    tpot, rate = tpot[top], rate[top]
    rows = [owner[i] for i in top]
    slo = s.goal.slo
    if slo.tpot:
        good = np.flatnonzero(tpot <= slo.tpot.limit_s)
        return Picked(rows, tpot, rate, int(good[-1]) if len(good) else None)
    best = len(rows) - 1 if slo.ttft or s.goal.offered.given else knee(tpot, rate)
    return Picked(rows, tpot, rate, best)
