"""A quick answer: the question searched only over layouts that stood on an earlier answer's frontier.

True prices of real plans, at all batches, in a small part of the time; what is best among all layouts may be another.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from wherewithal import pulse
from wherewithal.axes.split import Split
from wherewithal.plan import assumed
from wherewithal.plan.answer import Answer, Plan
from wherewithal.plan.lattice import DEGREES, NAMES, Layouts
from wherewithal.plan.outcome import Progress, fitted, pick
from wherewithal.plan.search import LARGEST, Counts, space
from wherewithal.plan.serve import plans
from wherewithal.plan.setup import Question, Setup, setup

# What is said of a quick answer.
NOTE = "best among the layouts of the last answer; the whole search goes on"
# Plans of its frontier that are written out, layouts of a pool that are searched, and neighbours of them, at most.
# Decode pools have none: what a limit on TPOT asks of them stands along the frontier already.
SHOWN, MOST, MORE = 6, 48, 24
# Neighbours: one degree that many times as large.
STEPS = (
    *((name, times) for name in ("tensor", "data") for times in (0.25, 0.5, 2.0, 4.0)),
    *((name, times) for name in ("pipeline", "context") for times in (0.5, 2.0)),
)


class Near(NamedTuple):
    """One layout to search again: the role of its pool (`all`, `prefill`, `decode`) and its degrees."""

    role: str
    split: Split


def near_of(found: Answer | Iterable[Plan]) -> tuple[Near, ...]:
    """Return the layouts of an answer's frontier (or of plans), each once a role."""
    rows = found.frontier if isinstance(found, Answer) else found
    seen = (
        Near(pool.role, Split(**{n: float(getattr(pool.layout, n)) for n in NAMES})) for p in rows for pool in p.pools
    )
    return tuple(dict.fromkeys(seen))


def near_in(document: Mapping[str, Any]) -> tuple[Near, ...]:
    """Return the layouts of the frontier of an answer that was read back from its JSON, each once a role.

    Raises:
        KeyError, TypeError, ValueError: it is no answer of `plan`.
    """
    seen = (
        Near(pool["role"], Split(**{n: float(pool["layout"][n]) for n in NAMES}))
        for plan in document["frontier"]
        for pool in plan["pools"]
    )
    return tuple(dict.fromkeys(seen))


def tables(near: Iterable[Near], depth: int) -> dict[str, Layouts]:
    """Return role to its layouts, each once, evenly thinned; what no lattice has is left out.

    Args:
        near: layouts.
        depth: layers of the model, as many of which may live on the host.
    """
    rows: dict[str, set[tuple[float, ...]]] = {}
    for one in near:
        degrees = tuple(float(one.split.degree(n)) for n in NAMES)
        whole = all(0 <= d <= LARGEST and d == int(d) for d in degrees)
        if whole and min(degrees[: len(DEGREES)]) >= 1 and max(degrees[len(DEGREES) :]) <= depth:
            rows.setdefault(one.role, set()).add(degrees)
    return {role: _table(found, 0 if role == "decode" else MORE) for role, found in rows.items()}


def _table(found: set[tuple[float, ...]], more: int) -> Layouts:
    rows = _thinned(found, MOST)
    beside = {new for row in rows for new in _neighbours(row)} - set(rows)
    table = np.array(sorted([*rows, *_thinned(beside, more)]))
    return Layouts({n: np.ascontiguousarray(table[:, i]) for i, n in enumerate(NAMES)})


def _thinned(rows: set[tuple[float, ...]], most: int) -> list[tuple[float, ...]]:
    ordered = sorted(rows)
    at = np.unique(np.rint(np.linspace(0, len(ordered) - 1, min(most, len(ordered)))).astype(int))
    return [ordered[i] for i in at]


def _neighbours(row: tuple[float, ...]) -> Iterator[tuple[float, ...]]:
    """Yield the layouts in which one degree is another; experts lie over tensor x data as they did."""
    given = dict(zip(NAMES, row, strict=True))
    for name, times in STEPS:
        new = given | {name: given[name] * times}
        stage = new["tensor"] * new["data"]
        if given["expert"] == 1:
            new["expert_tensor"] = stage
        else:
            new["expert"] = stage / new["expert_tensor"]
        if new["data"] == 1:
            new["microbatches"] = 1.0
        if all(v == int(v) for v in new.values()) and min(new[n] for n in DEGREES) >= 1:
            yield tuple(new[n] for n in NAMES)


def _sizes(s: Setup, role: str) -> int:
    """Return at how many batch sizes the whole search would try each layout, so that both look at the same ones."""
    if role == "prefill":
        return 0  # tried at prompt tokens of a pass, whatever the layouts
    d = s.pools[role]
    chips = s.chips if isinstance(s.chips, int) else s.chips[role == "decode"]
    whole, _ = space(d, chips * d.machine.system.chip.ranks, role, Counts())
    return whole.sizes


def quick(q: Question, near: Iterable[Near], progress: Progress = None) -> Answer | None:
    """Return the best plan under a question among the layouts of an earlier answer; None where none of them serves.

    Args:
        q: the question.
        near: layouts, as `near_of` or `near_in` give them.
        progress: called with (phase, done, in all) as work goes on.
    """
    start = time.perf_counter()
    pulse.phase("quick")
    s = setup(q)
    only = tables(near, s.model.depth)
    modes = tuple(
        m for m in s.modes if all(r in only for r in (("all",) if m == "colocated" else ("prefill", "decode")))
    )
    if not modes or q.power_limit_w is not None:
        return None
    roles = {r for m in modes for r in (("all",) if m == "colocated" else ("prefill", "decode"))}
    only = {r: replace(only[r], sizes=_sizes(s, r)) for r in roles}
    s, outcome = fitted(s._replace(modes=modes), only, progress)
    picked = pick(s, outcome)
    if picked.best is None:
        return None
    shown, best, _ = plans(s, outcome, picked, SHOWN)
    answer = assumed.answer(s._replace(question=q, notes=(*s.notes, NOTE)), outcome.counts, time.perf_counter() - start)
    return replace(
        answer,
        feasible=outcome.counts.feasible,
        best=best,
        frontier=tuple(shown),
        extra=answer.extra | {"quick": True},
        elapsed_s=time.perf_counter() - start,
    )
