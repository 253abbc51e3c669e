"""The verb `plan`: search, frontier, best, and what stands around it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

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


class Result(NamedTuple):
    """A question as it was answered, what the search found, and the plans."""

    setup: Setup
    outcome: Outcome
    shown: list[Plan]
    best: Plan | None


def solve(s: Setup, progress: Progress = None) -> Result:
    """Search a question and write out its frontier and its best plan."""
    s, outcome = fitted(s, progress=progress)
    shown, best = plans(s, outcome, pick(s, outcome))
    return Result(s, outcome, shown, best)


def plan(q: Question, progress: Progress = None) -> Answer:
    """Return the frontier of layouts and the best one under the service levels and the power limit."""
    start = time.perf_counter()
    found = solve(setup(q), progress)
    if q.power_limit_w is not None:
        found = _powered(found, q.power_limit_w, progress)
    s, outcome, shown, best = found
    answer = assumed.answer(s._replace(question=q), outcome.counts, time.perf_counter() - start)
    return replace(
        answer,
        feasible=outcome.counts.feasible if best else 0,
        best=best,
        frontier=tuple(shown),
        why_not=() if best else why.limits(s._replace(question=q), outcome, shown),
        levers=levers.levers(s, outcome, best, q) if best else (),
        closest=None if best or not shown else shown[0],
        elapsed_s=time.perf_counter() - start,
    )


def _powered(found: Result, limit: float, progress: Progress) -> Result:
    """Return the answer within a power limit [W] at the meter: all chips at a gentler point, or some left dark.

    Where no plan on all chips stays within the limit, the number of chips is cut in proportion to the power, until one
    does; chips that are dark draw nothing.
    """
    whole = found.setup.total
    while True:
        inside = [p for p in found.shown if p.power_w is not None and p.power_w.value <= limit]
        able = [p for p in inside if p.feasible]
        if able:
            best = max(able, key=lambda p: p.output_tokens_per_s.value)
            return found._replace(shown=inside, best=best, setup=_dark(found.setup, whole))
        draws = [p.power_w.value for p in found.shown if p.power_w is not None]
        chips = int(found.setup.total * limit / min(draws)) if draws else 0
        chips = min(chips, found.setup.total - 1)
        if chips < 1 or not isinstance(found.setup.chips, int) or not any(p.feasible for p in found.shown):
            return found._replace(best=None)
        fewer = solve(_resized(found.setup, chips), progress)
        if not fewer.shown:
            return found._replace(best=None)
        found = fewer


def _resized(s: Setup, chips: int) -> Setup:
    """Return a question on fewer chips of the same system."""
    name = s.question.on.partition(":")[0]
    smaller = setup(replace(s.question, on=f"{name}:{chips}"))
    return smaller._replace(notes=s.notes)


def _dark(s: Setup, whole: int) -> Setup:
    """Return a question that says how many of its chips stay dark."""
    if s.total == whole:
        return s
    return s._replace(notes=(*s.notes, f"{whole - s.total} of {whole} chips stay dark under the power limit"))
