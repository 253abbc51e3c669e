"""Whole answers: intervals, pools, parts that add up, energy above its floor, and the same figures when asked again."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from itertools import pairwise

import pytest

from wherewithal import ask
from wherewithal.machine.load import parse_on, system
from wherewithal.plan.answer import Answer, Interval, Latency, Plan
from wherewithal.plan.setup import Question
from wherewithal.pricing.energy import floor

QUESTIONS = [
    Question("qwen3-32b", "h100-8:16", slo="ttft=2s,tpot=30ms"),
    Question("qwen3-32b", "h100-8", rate_per_s=2.0, slo="tpot=40ms"),
    Question("qwen3-32b", "h100-8", concurrency=64),
    Question("deepseek-v3", "h20-8:32", slo="ttft=2s,tpot=50ms"),
    Question("deepseek-v3", "cloudmatrix-384:64", slo="tpot=50ms", serving=("disaggregated",)),
    Question("deepseek-v3", "h20-8:32", rate_per_s=3.0, slo="ttft.p95=3s,tpot.p95=60ms"),
    Question("qwen3-30b-a3b", "prefill=h100-8:8,decode=h20-8:16", slo="ttft=1s,tpot=20ms"),
    Question("qwen3-30b-a3b", "prefill=h100-8:8,decode=h20-8:16", rate_per_s=5.0),
    Question("qwen3-30b-a3b", "rtx-4090-1", offload=True),
    Question("llama-3.1-8b", "l4-8:3", length_spread=0.2, cached_input_tokens=1000),
    Question("gpt-oss-120b", "mi300x-8", accepted_tokens_per_step=1.7, slo="tpot=20ms"),
    Question("gemma-3-27b", "gaudi3-8", engine="vllm", slo="ttft=3s"),
    Question("mamba-codestral-7b", "h100-8:3", slo="tpot=15ms"),
    Question("qwen3-next-80b-a3b", "gb200-nvl72:8", power_limit_w=15_000.0),
]
every = pytest.mark.parametrize("q", QUESTIONS, ids=lambda q: f"{q.model} on {q.on} {q.slo}"[:60])


@cache
def _answered(at: int) -> Answer:
    return ask.plan(QUESTIONS[at])


def answered(q: Question) -> Answer:
    return _answered(QUESTIONS.index(q))


def plans(q: Question) -> list[Plan]:
    found = answered(q)
    assert found.best is not None, found.why_not
    return [found.best, *found.frontier]


@every
def test_low_value_high(q: Question) -> None:
    for p in plans(q):
        bands = [v for f in dataclasses.fields(p) if isinstance(v := getattr(p, f.name), Interval | Latency)]
        assert len(bands) >= 5
        for band in bands:
            assert 0 < band.low <= band.value <= band.high < math.inf


@every
def test_pools_stay_within_their_chips(q: Question) -> None:
    asked = {role: chips for role, _, chips in parse_on(q.on) if chips}
    for p in plans(q):
        assert sum(pool.chips for pool in p.pools) <= p.chips
        assert p.chips == answered(q).system["chips"]
        for pool in p.pools:
            chip = system(pool.system, 1).chip
            assert pool.chips == math.ceil(pool.replicas * pool.layout.ranks / chip.ranks)
            assert pool.replicas >= 1
            if pool.role in asked:
                assert pool.chips <= asked[pool.role]
            assert not pool.layout.expert * pool.layout.expert_tensor % (pool.layout.tensor * pool.layout.data)


@every
def test_memory_parts_fit(q: Question) -> None:
    for p in plans(q):
        for pool in p.pools:
            m = pool.memory_bytes_per_chip
            parts = (m.weights, m.kv, m.activations, m.reserved)
            assert min(parts) >= 0
            assert sum(parts) <= m.capacity * (1 + 1e-9)


@every
def test_figures_agree_with_each_other(q: Question) -> None:
    w = answered(q).workload
    mean = 1 - w["length_spread"] / 2
    for p in plans(q):
        tokens = p.output_tokens_per_s.value
        assert tokens == pytest.approx(p.requests_per_s.value * w["output_tokens"] * mean, rel=1e-9)
        assert tokens == pytest.approx(p.output_tokens_per_s_per_chip.value * p.chips, rel=1e-9)
        assert p.input_tokens_per_s_per_chip * p.chips == pytest.approx(
            p.requests_per_s.value * w["input_tokens"] * mean, rel=1e-9
        )
        assert p.tokens_per_s_per_user == pytest.approx(1 / p.tpot_s.value)
        if p.power_w:
            assert p.joules_per_output_token.value == pytest.approx(p.power_w.value / tokens, rel=1e-9)
        if p.usd_per_hour:
            assert p.usd_per_million_output_tokens.value == pytest.approx(
                p.usd_per_hour / 3600 / tokens * 1e6, rel=1e-9
            )


@every
def test_no_plan_beats_another(q: Question) -> None:
    found = answered(q).frontier
    for a, b in pairwise(found):
        assert a.tpot_s.value < b.tpot_s.value
        if q.power_limit_w is None:  # chips left dark by a limit change what a plan makes in all
            assert a.output_tokens_per_s.value < b.output_tokens_per_s.value


@every
def test_the_best_meets_what_was_asked(q: Question) -> None:
    found = answered(q)
    assert found.best.feasible
    for name, bound in found.slo.items():
        assert getattr(found.best, f"{name}_s").value <= bound["limit_s"]
    if q.power_limit_w:
        assert found.best.power_w.value <= q.power_limit_w * (1 + 1e-9)
    if q.rate_per_s:
        assert found.best.requests_per_s.value == pytest.approx(q.rate_per_s, rel=1e-9)
    if q.concurrency:
        assert found.best.concurrency == pytest.approx(q.concurrency, rel=2e-3)
    assert found.considered >= found.legal >= 1


@every
def test_littles_law(q: Question) -> None:
    """Requests in flight = rate x time from end to end, where means are asked."""
    if ".p" in q.slo:
        return
    w = answered(q).workload
    for p in plans(q):
        rest = w["output_tokens"] * (1 - w["length_spread"] / 2) - 1
        held = p.requests_per_s.value * (p.ttft_s.value + rest * p.tpot_s.value)
        assert p.concurrency == pytest.approx(held, rel=5e-3)


@every
def test_operators_are_the_step(q: Question) -> None:
    """Each pool's lines add up to its step, what it waits for the host included."""
    for pool in answered(q).best.pools:
        assert sum(r.seconds for r in pool.operators) == pytest.approx(pool.step_s, rel=1e-9)
        assert sum(r.share for r in pool.operators) == pytest.approx(1.0, rel=1e-9)


@every
def test_energy_is_never_below_its_floor(q: Question) -> None:
    """No deployment draws less than its switched-on chips do idle and the least that its memory traffic takes."""
    for p in plans(q):
        if p.power_w is None:
            continue
        least = 0.0
        for pool in p.pools:
            chip = system(pool.system, 1).chip
            moved = (
                sum(r.bytes for r in pool.operators) / pool.step_s * chip.ranks
                if pool.operators and len(p.pools) == 1
                else 0.0
            )
            share = (
                (
                    p.requests_per_s.value
                    * answered(q).workload["output_tokens"]
                    * pool.step_s
                    / pool.batch_per_replica
                    / pool.replicas
                )
                if moved
                else 1.0
            )
            least += pool.chips * (floor(chip.power_w or 0.0, moved * min(share, 1.0)) if chip.power_w else 0.0)
        assert p.power_w.low >= least * (1 - 1e-9)
        assert p.joules_per_output_token.low >= least / p.output_tokens_per_s.value * (1 - 1e-9)


@pytest.mark.parametrize(
    "q", [q for q in QUESTIONS if not q.offload and q.power_limit_w is None], ids=lambda q: f"{q.model} on {q.on}"[:50]
)
def test_a_plan_predicted_is_the_plan(q: Question) -> None:
    """The layout and load of the best plan, asked of `predict`, give its figures."""
    best = answered(q).best
    one = len(best.pools) == 1
    layout = str(best.pools[0].layout) if one else "; ".join(f"{p.role}: {p.replicas}x {p.layout}" for p in best.pools)
    load = {"rate_per_s": q.rate_per_s} if q.rate_per_s else {"concurrency": best.concurrency, "rate_per_s": None}
    again = ask.predict(dataclasses.replace(q, layout=layout, serving=(), **load)).best
    assert again is not None
    # On pools `predict` chooses how many prompts share a pass, and batches are not whole numbers.
    rel = 5e-3 if one else 0.1
    assert again.output_tokens_per_s.value == pytest.approx(best.output_tokens_per_s.value, rel=rel)
    assert again.tpot_s.value == pytest.approx(best.tpot_s.value, rel=rel)
    if one:
        assert again.ttft_s.value == pytest.approx(best.ttft_s.value, rel=2e-2)
    assert [p.chips for p in again.pools] == [p.chips for p in best.pools]


def test_a_higher_power_limit_never_lowers_the_rate() -> None:
    reached = []
    for limit in (2_000.0, 4_000.0, 6_000.0, 8_000.0, 10_000.0, 14_000.0):
        best = ask.plan(Question("qwen3-32b", "h100-8", slo="tpot=40ms", power_limit_w=limit)).best
        reached.append(best.output_tokens_per_s.value if best else 0.0)
    assert reached == sorted(reached)
    assert reached[-1] > reached[0]
    free = ask.plan(Question("qwen3-32b", "h100-8", slo="tpot=40ms")).best
    assert reached[-1] == pytest.approx(free.output_tokens_per_s.value, rel=1e-9)


def test_a_question_asked_twice_has_one_answer() -> None:
    first, second = (ask.plan(QUESTIONS[0]).to_dict() for _ in range(2))
    for answer in (first, second):
        answer.pop("elapsed_s")
    assert first == second
