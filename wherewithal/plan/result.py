"""A row of the search as a plan: pools, memory, latencies with intervals, power, money, what it is bound by."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from wherewithal import pulse
from wherewithal.axes.split import Split
from wherewithal.engine import Step
from wherewithal.machine.system import System
from wherewithal.model.op import Load
from wherewithal.plan import calibrated, explain, steady
from wherewithal.plan.answer import Interval, Latency, Layout, Memory, OperatorRow, Plan, Pool, Precision
from wherewithal.plan.bill import Prices, Use, bill
from wherewithal.plan.lattice import NAMES
from wherewithal.plan.memory import room
from wherewithal.plan.search import Found, Goal, step_tokens
from wherewithal.plan.steady import Deployment
from wherewithal.plan.workload import Bound
from wherewithal.pricing.evidence import weakest
from wherewithal.pricing.intervals import Case, band


class Context(NamedTuple):
    """What turns rows into plans.

    Attributes:
        deployments: role (`all`, or `prefill` and `decode`) to deployment.
        precisions: role to the names of its formats.
        chips: chips of the question.
        goal: service levels and offered load.
        pue: power at the meter over power of the machines.
        prices: as `bill` takes them.
        explain: whether pools carry their operators.
    """

    deployments: dict[str, Deployment]
    precisions: dict[str, Precision]
    chips: int
    goal: Goal
    pue: float
    prices: Prices
    explain: bool = False


class Passed(NamedTuple):
    """One pool as it runs: the pool, its evidence, what bounds it, its use of compute and memory."""

    pool: Pool
    evidence: str
    bound: str
    compute_use: float
    memory_use: float
    busy: float = 1.0


def interval(value: float, figure: str, evidence: str, case: Case) -> Interval:
    """Return a figure with its 80% interval."""
    low, high = band(figure, evidence, case)
    return Interval(value, value * low, value * high)


def latency(value: float, evidence: str, case: Case, bound: Bound | None, name: str) -> Latency:
    """Return a latency with its 80% interval and the statistic that was asked for."""
    low, high = band(name, evidence, case)
    return Latency(value, value * low, value * high, bound.statistic if bound else "mean")


def case_of(c: Context) -> Case:
    """Return what the width of an interval may depend on: how requests come, and the chip where all pools have one."""
    chips = {d.machine.system.chip.name: d for d in c.deployments.values()}
    if len(chips) != 1:
        return Case(c.goal.offered.kind)
    name, one = chips.popitem()
    return Case(c.goal.offered.kind, name, calibrated.cells(one.machine.curves, one.engine))


def plan_of(c: Context, found: Found, row: int) -> Plan:
    """Return one row of a frontier as a plan."""
    pulse.beat()
    at = {
        name: float(getattr(found, name)[row]) for name in ("batch", "replicas", "prefill_tokens", "prefill_replicas")
    }
    split = found.layouts.row(row)
    if found.prefill_layouts is None:
        passed = [_mixed(c, split, at["batch"], int(at["replicas"]))]
        serving = "colocated"
    else:
        passed = []
        if at["prefill_replicas"]:
            first, rate = found.prefill_layouts.row(row), float(found.requests_per_s[row])
            passed.append(_prefill(c, first, at["prefill_tokens"], int(at["prefill_replicas"]), rate))
        if at["replicas"]:
            passed.append(_decode(c, split, at["batch"], int(at["replicas"]), float(found.scale[row])))
        serving = "disaggregated"
    numbers = {n: float(getattr(found, n)[row]) for n in ("tpot_s", "ttft_s", "rate", "requests_per_s", "in_flight")}
    return _plan(c, serving, passed, numbers)


def _plan(c: Context, serving: str, passed: list[Passed], at: dict[str, float]) -> Plan:
    slo = c.goal.slo
    w = next(iter(c.deployments.values())).workload
    whole = weakest([p.evidence for p in passed])
    case = case_of(c)
    tokens = interval(at["rate"] * c.chips, "output_tokens_per_s", whole, case)
    uses = [Use(p.pool, c.deployments[p.pool.role].machine.system, p.compute_use, p.memory_use, p.busy) for p in passed]
    paid = bill(uses, _unused(c, uses), c.pue, c.prices, tokens)
    meets = _within(slo.ttft, at["ttft_s"]) and _within(slo.tpot, at["tpot_s"])
    bounds = {k: v for p in passed for k, v in _bounds(p).items()}
    return Plan(
        serving=serving,
        chips=c.chips,
        pools=tuple(p.pool for p in passed),
        ttft_s=latency(at["ttft_s"], whole, case, slo.ttft, "ttft_s"),
        tpot_s=latency(at["tpot_s"], whole, case, slo.tpot, "tpot_s"),
        output_tokens_per_s=tokens,
        output_tokens_per_s_per_chip=interval(at["rate"], "output_tokens_per_s", whole, case),
        requests_per_s=interval(at["requests_per_s"], "output_tokens_per_s", whole, case),
        power_w=paid.power_w,
        joules_per_output_token=paid.joules_per_output_token,
        usd_per_hour=paid.usd_per_hour,
        usd_per_million_output_tokens=paid.usd_per_million,
        bound_by=bounds,
        evidence=whole,
        concurrency=at["in_flight"],
        input_tokens_per_s_per_chip=at["requests_per_s"] * w.mean_input / c.chips,
        tokens_per_s_per_user=1.0 / at["tpot_s"] if at["tpot_s"] > 0 else math.nan,
        price_basis=paid.basis,
        feasible=meets,
        notes=paid.notes,
    )


def _unused(c: Context, uses: list[Use]) -> list[tuple[System, int]]:
    """Return chips of the question that no replica uses, by system."""
    systems = {u.system.name: u.system for u in uses}
    if len(systems) > 1:
        used = {name: sum(u.pool.chips for u in uses if u.system.name == name) for name in systems}
        return [(system, max(system.chips - used[name], 0)) for name, system in systems.items()]
    system = next(iter(systems.values()))
    return [(system, max(c.chips - sum(u.pool.chips for u in uses), 0))]


def _within(bound: Bound | None, value: float) -> bool:
    return bound is None or value <= bound.limit_s


def _bounds(p: Passed) -> dict[str, str]:
    if p.pool.role == "all":
        first, second = p.bound.split("|")
        return {"prefill": first, "decode": second}
    return {p.pool.role: p.bound}


def _mixed(c: Context, split: Split, s: float, replicas: int) -> Passed:
    """Return a pool that prefills and decodes."""
    d = c.deployments["all"]
    found = steady.colocated(d, split, s)
    t = float(found.chunk)
    load = steady.decode_load(split, d.workload, s)
    rows = _operators(d, split, load, found.decode, s)
    mixed = steady.with_prefill(split, d.workload, load if d.engine.policy == "mixed" else Load(), t)
    more = _operators(d, split, mixed, found.prefill, s, prompts=True)
    share = float(found.share)
    use = [
        share * _use(part, found.prefill, d, split, s, prompts=True)
        + (1 - share) * _use(part, found.decode, d, split, s)
        for part in ("compute", "memory")
    ]
    bound = f"{explain.bound(found.prefill, _waits(d, split, s, found.prefill, prompts=True))}|"
    bound += explain.bound(found.decode, _waits(d, split, s, found.decode))
    pool = _pool(c, "all", split, s * float(steady.groups(split)), replicas, rows)
    if c.explain:
        pool = replace(pool, mixed_operators=more, mixed_step_s=sum(r.seconds for r in more))
    return Passed(pool, weakest([explain.evidence(rows), explain.evidence(more)]), bound, *use)


def _decode(c: Context, split: Split, s: float, replicas: int, scale: float) -> Passed:
    """Return a pool that only decodes."""
    d = c.deployments["decode"]
    one = steady.decode_step(d, split, s)
    rows = _operators(d, split, steady.decode_load(split, d.workload, s), one, s)
    compute, memory = (_use(part, one, d, split, s) for part in ("compute", "memory"))
    pool = _pool(c, "decode", split, s * float(steady.groups(split)), replicas, rows)
    return Passed(pool, explain.evidence(rows), explain.bound(one, _waits(d, split, s, one)), compute, memory, scale)


def _prefill(c: Context, split: Split, t: float, replicas: int, rate: float) -> Passed:
    """Return a pool that only prefills."""
    d = c.deployments["prefill"]
    found = steady.prefill_pool(d, split, t)
    prompts = max(t / d.workload.new_input, 1.0)
    rows = _operators(d, split, steady.with_prefill(split, d.workload, Load(), t), found.step, prompts, prompts=True)
    busy = min(rate / max(float(found.requests_per_s) * replicas, 1e-12), 1.0)
    compute, memory = (_use(part, found.step, d, split, prompts, prompts=True) for part in ("compute", "memory"))
    batch = prompts * float(steady.groups(split))
    pool = _pool(c, "prefill", split, batch, replicas, rows)
    bound = explain.bound(found.step, _waits(d, split, prompts, found.step, prompts=True))
    return Passed(pool, explain.evidence(rows), bound, compute, memory, busy)


def _waits(d: Deployment, split: Split, s: float, one: Step, *, prompts: bool = False) -> float:
    """Return the seconds of a step in which the device waits for the host."""
    return float(steady.host(d, split, s, one.seconds, prompts=prompts)) - float(one.seconds)


def _use(part: str, one: Step, d: Deployment, split: Split, s: float, *, prompts: bool = False) -> float:
    """Return the share of a step in which the chip's arithmetic (or memory) is in full use."""
    return min(float(getattr(one, part)) / float(steady.host(d, split, s, one.seconds, prompts=prompts)), 1.0)


def _operators(
    d: Deployment, split: Split, load: Load, one: Step, s: float, *, prompts: bool = False
) -> tuple[OperatorRow, ...]:
    return explain.operators(d, split, load, _waits(d, split, s, one, prompts=prompts))


def _pool(c: Context, role: str, split: Split, batch: float, replicas: int, rows: tuple[OperatorRow, ...]) -> Pool:
    d = c.deployments[role]
    chip = d.machine.system.chip
    return Pool(
        role=role,
        chips=math.ceil(replicas * float(split.ranks) / chip.ranks),
        replicas=replicas,
        layout=layout_of(split),
        batch_per_replica=max(round(batch), 1),
        precision=c.precisions[role],
        memory_bytes_per_chip=memory_of(d, split, role, batch / float(steady.groups(split))),
        system=d.machine.system.name,
        step_s=sum(r.seconds for r in rows),
        operators=rows if c.explain else (),
    )


def layout_of(split: Split) -> Layout:
    """Return degrees as whole numbers."""
    return Layout(**{n: int(split.degree(n)) for n in NAMES})


def memory_of(d: Deployment, split: Split, role: str, s: float) -> Memory:
    """Return where the bytes of one chip go [B], with s sequences per attention group and micro-batch."""
    held = room(d.model, split, d.machine, d.engine, d.workload, tokens=step_tokens(d, split, role), role=role)
    ranks = d.machine.system.chip.ranks
    sequences = s * float(split.pipeline * split.microbatches)
    kv = float(held.per_sequence) * sequences
    capacity = float(held.capacity)
    used = float(held.weights) + float(held.activations) + kv
    outside = max(capacity - float(held.weights) - float(held.activations) - max(float(held.kv_room), kv), 0.0)
    reserved = min(outside, max(capacity - used, 0.0))
    return Memory(*(ranks * v for v in (float(held.weights), kv, float(held.activations), reserved, capacity)))
