"""Whole searches: more of anything never lowers the best plan, looser limits never shrink it, frontiers are frontiers.

The best plan is searched over a grid of batches and, at a service level, between two of its batches; `SLACK` is what the
grid may cost.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import world
from wherewithal.engine import Machine
from wherewithal.plan import pools, search
from wherewithal.plan.outcome import Outcome, pick
from wherewithal.plan.pareto import frontier, knee
from wherewithal.plan.search import Counts, Found, Goal
from wherewithal.plan.steady import Deployment
from wherewithal.plan.workload import Offered, Workload, parse_slo
from wherewithal.pricing.curve import curves_for

SLACK = 0.01
MODELS = ("qwen3-32b", "qwen3-30b-a3b", "llama-3.1-8b", "gpt-oss-120b", "mamba-codestral-7b", "deepseek-v3")
ON = ("h100-8:8", "h20-8:16", "mi300x-8:8", "cloudmatrix-384:16", "rtx-4090-8:4", "gaudi3-8:8", "l4-8:8")
MODES = ("colocated", "disaggregated")
cases = st.tuples(st.sampled_from(MODELS), st.sampled_from(ON), st.sampled_from(MODES))


def found(d: Deployment, mode: str, slo: str, offered: Offered | None = None) -> Found | None:
    chips, goal = d.machine.system.chips, Goal(parse_slo(slo), offered or Offered())
    if mode == "colocated":
        return search.colocated(d, chips, goal, Counts())[0]
    return pools.disaggregated(d, d, chips, goal, Counts())[0]


def best(rows: Found | None, slo: str) -> float:
    """Return the highest rate of rows within the limit on time per token [token/s per chip]; 0 without one."""
    limit = parse_slo(slo).tpot
    return (
        0.0 if rows is None else float(rows.rate[rows.tpot_s <= (limit.limit_s if limit else np.inf)].max(initial=0.0))
    )


def deployed(name: str, on: str, workload: Workload | None = None) -> Deployment:
    return world.deployment(world.real(name), world.machine(on, name), workload)


@settings(max_examples=40, deadline=None)
@given(
    case=cases,
    what=st.sampled_from(("bandwidth", "compute", "link", "latency", "memory")),
    factor=st.floats(1.0, 4.0),
    tpot=st.sampled_from((15, 30, 60, 200)),
)
def test_a_better_machine_never_lowers_the_best_plan(
    case: tuple[str, str, str], what: str, factor: float, tpot: int
) -> None:
    """At the same engine settings; nothing that was feasible stops being so."""
    name, on, mode = case
    d = deployed(name, on)
    stronger = world.scaled(d.machine.system, what, factor)
    also = d._replace(machine=Machine(stronger, curves_for(stronger.chip), d.machine.formats))
    slo = f"ttft=3s,tpot={tpot}ms"
    assert best(found(also, mode, slo), slo) >= best(found(d, mode, slo), slo) * (1 - SLACK)


@settings(max_examples=25, deadline=None)
@given(case=cases, tight=st.floats(8, 100), more=st.floats(1.0, 4.0), ttft=st.floats(0.2, 5), later=st.floats(1.0, 4.0))
def test_a_looser_limit_never_lowers_the_best_plan(
    case: tuple[str, str, str], tight: float, more: float, ttft: float, later: float
) -> None:
    name, on, mode = case
    d = deployed(name, on)
    slo, loose = f"ttft={ttft:.3f}s,tpot={tight:.3f}ms", f"ttft={ttft * later:.3f}s,tpot={tight * more:.3f}ms"
    before, after = found(d, mode, slo), found(d, mode, loose)
    assert best(after, loose) >= best(before, slo) * (1 - SLACK)


@settings(max_examples=20, deadline=None)
@given(case=cases, more=st.sampled_from((2, 3, 4)))
def test_whole_multiples_of_a_system_never_lower_the_total(case: tuple[str, str, str], more: int) -> None:
    """Twice the chips make at least as many tokens as once."""
    name, on, mode = case
    d = deployed(name, on)
    on_more = dataclasses.replace(world.machine_system(on), chips=d.machine.system.chips * more)
    if not on_more.tiers or on_more.tiers[-1].chips < on_more.chips:
        return
    also = d._replace(machine=Machine(on_more, curves_for(on_more.chip), d.machine.formats))
    slo = "ttft=3s,tpot=60ms"
    assert best(found(also, mode, slo), slo) * more >= best(found(d, mode, slo), slo) * (1 - 0.02)


@settings(max_examples=20, deadline=None)
@given(case=cases, short=st.integers(100, 8000), more=st.floats(1.0, 4.0), rate=st.floats(0.05, 0.5))
def test_a_longer_input_never_lowers_the_least_ttft(
    case: tuple[str, str, str], short: int, more: float, rate: float
) -> None:
    """The lowest time to first token that any row reaches, under no load to speak of and under a rate."""
    name, on, mode = case
    least = []
    for tokens in (float(short), float(int(short * more))):
        d = deployed(name, on, Workload(input_tokens=tokens, output_tokens=100.0))
        chips, goal = d.machine.system.chips, Goal(parse_slo(""), Offered())
        low = (
            search.colocated(d, chips, goal, Counts())[1]
            if mode == "colocated"
            else pools.disaggregated(d, d, chips, goal, Counts())[1]
        )
        least.append(low.ttft_s)
    assert least[1] >= least[0] * (1 - 1e-9)


@settings(max_examples=25, deadline=None)
@given(
    case=cases,
    slo=st.sampled_from(("", "tpot=30ms", "ttft=1s,tpot=50ms", "ttft.p95=2s")),
    load=st.sampled_from((None, 5.0, 60.0)),
)
def test_no_row_beats_another(case: tuple[str, str, str], slo: str, load: float | None) -> None:
    """Along a frontier time per token and rate both rise strictly; so they do over both ways of serving together."""
    name, on, _ = case
    d = deployed(name, on)
    offered = Offered(concurrency=load) if load else Offered()
    ways = [rows for mode in MODES if (rows := found(d, mode, slo, offered)) is not None]
    for rows in ways:
        assert np.all(np.diff(rows.tpot_s) > 0)
        assert np.all(np.diff(rows.rate) > 0)
    joint = pick(_setup(d, slo, offered), Outcome(ways, Counts(), []))
    assert np.all(np.diff(joint.tpot_s) > 0)
    assert np.all(np.diff(joint.rate) > 0)


class _Asked:
    power_limit_w = None


class _Setup:
    """What `pick` asks of a setup."""

    def __init__(self, d: Deployment, goal: Goal) -> None:
        self.goal, self.pools, self.question, self.terms = goal, {"all": d, "prefill": d, "decode": d}, _Asked(), {}
        self.total = self.chips = d.machine.system.chips


def _setup(d: Deployment, slo: str, offered: Offered):
    return _Setup(d, Goal(parse_slo(slo), offered))


@settings(max_examples=25, deadline=None)
@given(case=cases, share=st.floats(0.005, 0.9))
@example(case=("deepseek-v3", "mi300x-8:8", "disaggregated"), share=0.6875)
def test_the_rate_asked_is_the_rate_answered(case: tuple[str, str, str], share: float) -> None:
    """Any rate below the most that a system carries is carried exactly."""
    name, on, mode = case
    d = deployed(name, on)._replace(open=True)
    free = found(d, mode, "ttft=5s")
    if free is None:
        return
    want = float(free.requests_per_s.max()) * share
    rows = found(d, mode, "ttft=5s", Offered(rate_per_s=want))
    assert rows is not None
    assert rows.requests_per_s == pytest.approx(want, rel=1e-9)
    assert len(rows.rate) == 1, "rows of one rate differ only in time per token: the quickest stays"


@settings(max_examples=25, deadline=None)
@given(case=cases, load=st.integers(1, 400))
def test_the_load_asked_is_in_flight(case: tuple[str, str, str], load: int) -> None:
    name, on, mode = case
    rows = found(deployed(name, on), mode, "", Offered(concurrency=float(load)))
    if rows is None:
        return
    assert rows.in_flight == pytest.approx(float(load), rel=2e-3)


@settings(max_examples=30, deadline=None)
@given(
    case=cases,
    load=st.sampled_from((None, 3.0, 40.0)),
    rate=st.sampled_from((None, 0.2)),
    statistic=st.sampled_from(("ttft=9s", "")),
)
def test_littles_law(case: tuple[str, str, str], load: float | None, rate: float | None, statistic: str) -> None:
    """Requests in flight = rate x (time to first token + the rest of the answer), in closed and open loads."""
    name, on, mode = case
    d = deployed(name, on)._replace(open=rate is not None and load is None)
    offered = Offered(concurrency=load) if load else Offered(rate_per_s=rate) if rate else Offered()
    rows = found(d, mode, statistic, offered)
    if rows is None:
        return
    rest = d.workload.decode_steps * d.workload.accepted_tokens_per_step
    held = rows.requests_per_s * (rows.ttft_s + rest * rows.tpot_s)
    assert rows.in_flight == pytest.approx(held, rel=5e-3)


@given(rows=st.lists(st.tuples(st.floats(0.001, 10), st.floats(0.001, 1e6), st.integers(0, 5)), max_size=60))
def test_a_frontier_is_what_no_row_beats(rows: list[tuple[float, float, int]]) -> None:
    latency, rate, tie = (np.array([r[i] for r in rows], dtype=float) for i in range(3))
    kept = set(frontier(latency, rate, tie).tolist())
    for i, (a, b, c) in enumerate(rows):
        beaten = any(
            x <= a and y >= b and ((x, -y) != (a, -b) or (z, j) < (c, i)) for j, (x, y, z) in enumerate(rows) if j != i
        )
        assert (i in kept) != beaten
    if kept:
        order = frontier(latency, rate, tie)
        assert 0 <= knee(latency[order], rate[order]) < len(order)
