"""The verb `predict`: one given deployment under one given load, no search."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from wherewithal import pulse
from wherewithal.axes.split import Split
from wherewithal.errors import InputError
from wherewithal.plan import assumed, run, why
from wherewithal.plan.answer import Answer, Plan
from wherewithal.plan.engines import legal_pairs, legal_rows
from wherewithal.plan.lattice import DEGREES, NAMES, Layouts
from wherewithal.plan.layout_text import Asked, as_replicas, parse_layout
from wherewithal.plan.legal import experts, reasons, straddling
from wherewithal.plan.memory import room
from wherewithal.plan.outcome import Outcome
from wherewithal.plan.pools import carrying
from wherewithal.plan.result import plan_of
from wherewithal.plan.search import Counts, Extremes, Found, Goal, boundaries, colocated, model_facts, step_tokens
from wherewithal.plan.serve import context
from wherewithal.plan.setup import Question, Setup, setup
from wherewithal.plan.steady import Deployment
from wherewithal.plan.workload import Bound, Slo, parse_slo
from wherewithal.simulate.statistics import Served


def predict(q: Question) -> Answer:
    """Return what the deployment of `q.layout` does under the load of the question.

    Raises:
        InputError: no layout or no load given, or a layout that the model, the engine or the chips cannot take.
    """
    start = time.perf_counter()
    pulse.phase("question")
    if not q.layout:
        raise InputError("--layout", "not given", 'say which, such as --layout "tp8 ep8"')
    if q.concurrency is None and q.rate_per_s is None and q.load != "offline":
        raise InputError("--concurrency", "no load given", "give --concurrency N or --rate R (predict does not search)")
    asked = parse_layout(q.layout)
    s = setup(replace(q, serving=("colocated",) if len(asked) == 1 else ("disaggregated",)))
    s, asked = _grouped(s, asked)
    for role, one in asked.items():
        check(s.pools[role], one.split, role)
    if len(asked) == 2:
        check_pair(s.pools["decode"], asked["prefill"].split, asked["decode"].split)
    s = s._replace(goal=Goal(_open(s.goal.slo), s.goal.offered))
    counts = Counts(considered=1, legal=1)
    if "all" in asked:
        found, reached = _colocated(s, asked["all"], counts)
    else:
        found, reached = _separate(s, asked)
    seen: Served | None = None
    if found is not None and len(found.tpot_s) and s.goal.offered.run:
        pulse.phase("replay")
        found, seen = _replayed(s, asked, found)
    judged = s._replace(goal=Goal(parse_slo(q.slo), s.goal.offered))
    pulse.phase("plans written out")
    best: Plan | None = None
    if found is not None and len(found.tpot_s):
        best = plan_of(context(judged, explain=True), found, 0)
        best = _alone(best, asked)
        counts.fit = counts.feasible = 1
    answer = assumed.answer(judged._replace(question=q), counts, time.perf_counter() - start, "predict")
    outcome = Outcome([found] if found is not None else [], counts, [reached])
    limits = () if best else why.limits(judged, outcome, [])
    extra = answer.extra | ({"run": seen._asdict()} if seen else {})
    return replace(answer, best=best, frontier=(best,) if best else (), why_not=limits, extra=extra)


def _grouped(s: Setup, asked: dict[str, Asked]) -> tuple[Setup, dict[str, Asked]]:
    """Return the pools with attention groups that share no experts read as replicas, which a note then says."""
    read = {r: one if experts(s.pools[r].model) else as_replicas(one) for r, one in asked.items()}
    groups = [int(asked[r].split.data) for r, one in read.items() if one != asked[r]]
    said = [f"dp{n} read as replicas: this model has no experts that attention groups could share" for n in groups]
    return s._replace(notes=(*s.notes, *said)), read


def _open(slo: Slo) -> Slo:
    """Return service levels that bind nothing but keep their statistics."""
    return Slo(*(b and Bound(math.inf, b.statistic) for b in (slo.ttft, slo.tpot)))


def one_row(split: Split) -> Layouts:
    """Return a split as a table of one layout."""
    return Layouts({n: np.array([float(split.degree(n))]) for n in NAMES})


def check(d: Deployment, split: Split, role: str) -> None:
    """Refuse a layout that the model cannot be split into, the engine cannot express, or the chips cannot hold."""
    row = one_row(split)
    have = d.machine.system.chips * d.machine.system.chip.ranks
    uneven = straddling(boundaries(d, have), row)
    for text, broken in {**reasons(d.model, row), **uneven}.items():
        if broken[0]:
            degrees = ", ".join(f"{n} {split.degree(n):g}" for n in DEGREES[:6] if split.degree(n) != 1)
            raise InputError("--layout", f"{d.model.name} with {degrees or 'no split'}: {text}", "choose other degrees")
    fine, why_not = legal_rows(d.engine, {n: row.columns[n] for n in DEGREES}, model_facts(d.model))
    if not np.all(fine):
        raise InputError(
            "--layout",
            next(iter(why_not), f"{d.engine.title} cannot express it"),
            "choose other degrees or another engine",
        )
    if split.ranks > have:
        what = f"one {role if role != 'all' else ''} replica takes {split.ranks:g} ranks, {d.machine.system.name} has {have}"
        raise InputError(
            "--layout",
            what.replace("  ", " "),
            f"smaller degrees, or --on {d.machine.system.name}:{math.ceil(split.ranks / d.machine.system.chip.ranks)}",
        )


def check_pair(d: Deployment, first: Split, second: Split) -> None:
    """Refuse pools between which the engine cannot hand caches."""
    before, after = ({n: one_row(x).columns[n] for n in DEGREES} for x in (first, second))
    fine, why_not = legal_pairs(d.engine, before, after, model_facts(d.model))
    if not np.all(fine):
        raise InputError("--layout", next(iter(why_not)), "other degrees of one pool, or another engine")


def _colocated(s: Setup, asked: Asked, counts: Counts) -> tuple[Found | None, Extremes]:
    d = s.pools["all"]
    if asked.replicas is not None:
        chips = math.ceil(asked.replicas * float(asked.split.ranks) / d.machine.system.chip.ranks)
        if chips > s.total:
            raise InputError(
                "--layout", f"{asked.replicas} replicas take {chips} chips, there are {s.total}", "fewer replicas"
            )
    return colocated(d, s.total, s.goal, counts, one_row(asked.split))


def _separate(s: Setup, asked: dict[str, Asked]) -> tuple[Found | None, Extremes]:
    """Return the row of a pair of pools, or of one pool whose other side is never the limit."""
    shares = {role: _replicas(s, role, one, asked) for role, one in asked.items()}
    for role, one in asked.items():
        gap = _misses(s.pools[role], one.split, role)
        if gap is not None:
            return None, gap
    found = carrying(s.pools, {r: (a.split, shares[r]) for r, a in asked.items()}, s.goal, s.chips)
    return found, Extremes(float(found.tpot_s[0]), float(found.ttft_s[0]), float(found.rate[0]), -1.0, 0.0, 0.0)


def _replayed(s: Setup, asked: dict[str, Asked], found: Found) -> tuple[Found, Served]:
    """Return a row with what a client of the whole run measures, and that in full."""
    roles = [r for r in ("all", "prefill", "decode") if r in asked]
    sides = [
        run.Side(s.pools[r], asked[r].split, int((found.prefill_replicas if r == "prefill" else found.replicas)[0]), r)
        for r in roles
    ]
    offered = s.goal.offered
    most = s.chips if isinstance(s.chips, int) else s.chips[0]
    seen = run.run(sides, run.Run(offered, s.question.seed), most)
    levels = s.goal.slo
    one = np.ones(1)
    return found._replace(
        ttft_s=one * seen.ttft_s[levels.ttft.statistic if levels.ttft else "mean"],
        tpot_s=one * seen.tpot_s[levels.tpot.statistic if levels.tpot else "mean"],
        rate=one * seen.output_tokens_per_s / s.total,
        requests_per_s=one * seen.requests_per_s,
        in_flight=one * seen.in_flight,
    ), seen


def _replicas(s: Setup, role: str, one: Asked, asked: dict[str, Asked]) -> int:
    """Return how many replicas a pool has: as said, or what the chips hold where it stands alone or has its own."""
    if one.replicas is not None:
        return one.replicas
    if len(asked) > 1 and isinstance(s.chips, int):
        raise InputError(
            "--layout", f"pool {role} does not say how many replicas", 'write "prefill: 4x ...; decode: 1x ..."'
        )
    system = s.pools[role].machine.system
    return int(system.chips * system.chip.ranks // float(one.split.ranks))


def _misses(d: Deployment, split: Split, role: str) -> Extremes | None:
    """Return by how much a pool misses memory; None where it fits."""
    held = room(d.model, split, d.machine, d.engine, d.workload, tokens=step_tokens(d, split, role), role=role)
    if float(held.sequences) >= 1:
        return None
    needed = float(held.weights + held.activations + held.longest + held.reserved)
    left = float(held.kv_room - held.longest)
    return Extremes(math.inf, math.inf, 0.0, -left, needed, needed + left)


def _alone(plan: Plan, asked: dict[str, Asked]) -> Plan:
    """Return the plan of a single pool with the other side's figures left out."""
    if len(asked) == 2 or "all" in asked:
        return plan
    role = next(iter(asked))
    nan = math.nan
    note = f"the {role} pool alone: the other side is taken as never the limit"
    if role == "decode":
        return replace(plan, ttft_s=replace(plan.ttft_s, value=nan, low=nan, high=nan), notes=(*plan.notes, note))
    return replace(plan, tpot_s=replace(plan.tpot_s, value=nan, low=nan, high=nan), notes=(*plan.notes, note))
