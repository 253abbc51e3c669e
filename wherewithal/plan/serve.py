"""The verb `plan`: search, frontier, best, and what stands around it."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from wherewithal import pulse
from wherewithal.plan import assumed, levers, why
from wherewithal.plan.answer import Answer, Plan
from wherewithal.plan.outcome import Outcome, Picked, Progress, fitted, pick
from wherewithal.plan.result import Context, plan_of
from wherewithal.plan.setup import Question, Setup, setup

# Plans written out of a frontier: enough for a chart, few enough to read.
SHOWN = 24
# Up to so many chips each number of them is tried under a power limit.
FEW = 16
# Numbers of chips that would draw more than this many times the limit, at the least of what the last one drew, are left out.
SURELY = 1.25


def context(s: Setup, *, explain: bool) -> Context:
    """Return what turns rows into plans."""
    return Context(s.pools, s.precisions, s.total, s.goal, assumed.pue(s), assumed.prices(s), explain)


def plans(
    s: Setup, outcome: Outcome, picked: Picked, most: int = SHOWN
) -> tuple[list[Plan], Plan | None, list[tuple[int, int]]]:
    """Return the plans of an evenly thinned frontier, the best one in full, and the rows that they stand for."""
    pulse.phase("plans written out")
    shown = np.unique(np.rint(np.linspace(0, len(picked.rows) - 1, min(most, len(picked.rows)))).astype(int))
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
    return out, best, [picked.rows[at] for at in shown]


class Result(NamedTuple):
    """A question as it was answered, what the search found, the plans and the rows (way, row) that they stand for."""

    setup: Setup
    outcome: Outcome
    shown: list[Plan]
    best: Plan | None
    rows: list[tuple[int, int]]


def solve(s: Setup, progress: Progress = None) -> Result:
    """Search a question and write out its frontier and its best plan."""
    s, outcome = fitted(s, progress=progress)
    return Result(s, outcome, *plans(s, outcome, pick(s, outcome)))


def plan(q: Question, progress: Progress = None) -> Answer:
    """Return the frontier of layouts and the best one under the service levels and the power limit."""
    start = time.perf_counter()
    pulse.phase("question")
    found = solve(setup(q), progress)
    if q.power_limit_w is not None:
        found = _powered(found, q.power_limit_w, progress)
    s, outcome, shown, best, _ = found
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

    Numbers of chips are tried from all downwards; the plan that makes most is taken. Where every plan on a number of
    chips is within the limit, fewer cannot make more. Chips that are dark draw nothing.
    """
    whole, best = found.setup.total, found._replace(best=None)
    sizes = _sizes(whole) if isinstance(found.setup.chips, int) else [whole]
    most, least = 0.0, 0.0
    for chips in sizes:
        if least * chips > limit * SURELY:
            continue
        pulse.phase("power limit")
        tried = found if chips == whole else solve(_resized(found.setup, chips), progress)
        draws = [p.power_w.value if p.power_w else math.inf for p in tried.shown]
        least = min(draws, default=0.0) / chips
        inside = [i for i, watts in enumerate(draws) if watts <= limit]
        able = [i for i in inside if tried.shown[i].feasible]
        top = max(able, key=lambda i: tried.shown[i].output_tokens_per_s.value, default=None)
        if top is not None and tried.shown[top].output_tokens_per_s.value > most:
            most = tried.shown[top].output_tokens_per_s.value
            shown = [tried.shown[i] for i in inside]
            best = tried._replace(shown=shown, best=_full(tried, top), setup=_dark(tried.setup, whole))
        if len(inside) == len(draws) or not any(p.feasible for p in tried.shown):
            break
    return best if best.best else _least(best, sizes, progress)


def _least(found: Result, sizes: list[int], progress: Progress) -> Result:
    """Return, without a best plan, the fewest chips on which any plan meets the service levels: what is drawn at least."""
    if any(p.feasible for p in found.shown):
        for chips in sizes[:0:-1]:
            tried = solve(_resized(found.setup, chips), progress)
            if any(p.feasible for p in tried.shown):
                return tried._replace(best=None)
    return found


def _sizes(whole: int) -> list[int]:
    """Return the numbers of chips that are tried under a power limit, all first: each where few, else a tenth apart."""
    few = (
        range(whole, 0, -1)
        if whole <= FEW
        else (round(whole * 2.0 ** (-k / 8)) for k in range(int(8 * math.log2(whole)) + 1))
    )
    return list(dict.fromkeys(max(n, 1) for n in few))


def _full(found: Result, at: int) -> Plan:
    """Return one of the shown plans with its operators."""
    way, row = found.rows[at]
    return plan_of(context(found.setup, explain=True), found.outcome.found[way], row)


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
