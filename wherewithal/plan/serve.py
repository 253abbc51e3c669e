"""The verb `plan`: search, frontier, best, and what stands around it."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from wherewithal.plan import assumed, levers, why
from wherewithal.plan.answer import Answer, Plan
from wherewithal.plan.outcome import Outcome, Picked, Progress, fitted, pick
from wherewithal.plan.result import Context, plan_of
from wherewithal.plan.setup import Question, Setup, setup

# Plans written out of a frontier: enough for a chart, few enough to read.
SHOWN = 24


def context(s: Setup, *, explain: bool) -> Context:
    """Return what turns rows into plans."""
    return Context(s.pools, s.precisions, s.total, s.goal, assumed.pue(s), assumed.prices(s), explain)


def plans(s: Setup, outcome: Outcome, picked: Picked) -> tuple[list[Plan], Plan | None]:
    """Return the plans of an evenly thinned frontier, and the best one in full."""
    shown = np.unique(np.rint(np.linspace(0, len(picked.rows) - 1, min(SHOWN, len(picked.rows)))).astype(int))
    if picked.best is not None:
        shown = np.unique(np.append(shown, picked.best))
    brief, full = context(s, explain=False), context(s, explain=True)
    out, best = [], None
    for at in shown:
        way, row = picked.rows[at]
        chosen = int(at) == picked.best
        made = plan_of(full if chosen else brief, outcome.found[way], row)
        out.append(made)
        best = made if chosen else best
    return out, best


def plan(q: Question, progress: Progress = None) -> Answer:
    """Return the frontier of layouts and the best one under the service levels and the power limit."""
    start = time.perf_counter()
    s = setup(q)
    s, outcome = fitted(s, progress=progress)
    picked = pick(s, outcome)
    shown, best = plans(s, outcome, picked)
    if q.power_limit_w is not None:
        shown, best = _powered(q, shown, best)
    feasible = outcome.counts.feasible if best else 0
    limits = () if best else why.limits(s, outcome, shown)
    found = assumed.answer(s, outcome.counts, time.perf_counter() - start)
    closest = None if best or not shown else shown[0]
    return replace(
        found,
        feasible=feasible,
        best=best,
        frontier=tuple(shown),
        why_not=limits,
        levers=levers.levers(s, outcome, best) if best else (),
        closest=closest,
        elapsed_s=time.perf_counter() - start,
    )


def _powered(q: Question, shown: list[Plan], best: Plan | None) -> tuple[list[Plan], Plan | None]:
    """Return the plans within a power limit, and the fastest of them that meets the service levels."""
    limit = q.power_limit_w or 0.0
    inside = [p for p in shown if p.power_w is not None and p.power_w.value <= limit]
    if best is not None and best in inside:
        return inside, best
    able = [p for p in inside if p.feasible]
    return inside, max(able, key=lambda p: p.output_tokens_per_s.value, default=None)
