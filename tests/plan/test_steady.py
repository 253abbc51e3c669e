"""Steady states by hand and at their limits: queues, shares, memory, quantiles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import world
from wherewithal.axes.split import Split
from wherewithal.plan import steady
from wherewithal.plan.memory import Z90, room
from wherewithal.plan.steady import Deployment
from wherewithal.plan.workload import Workload

NAME, ON = "qwen3-32b", "h100-8:16"


def deployed(**workload: float) -> Deployment:
    return world.deployment(world.real(NAME), world.machine(ON, NAME), Workload(**workload))


@settings(max_examples=30, deadline=None)
@given(
    s=st.integers(1, 400),
    inputs=st.integers(1, 20_000),
    outputs=st.integers(2, 4000),
    tensor=st.sampled_from((2.0, 4.0, 8.0)),
)
def test_prompts_in_are_prompts_done(s: int, inputs: int, outputs: int, tensor: float) -> None:
    """In steady state, prompt tokens that steps carry are those of the requests that end: f t / step = rate n."""
    d = deployed(input_tokens=float(inputs), output_tokens=float(outputs))
    split = Split(tensor, 1, 1, tensor)
    found = steady.colocated(d, split, float(s))
    if found.busy > 1:
        return
    mean = float(found.tpot_s) * d.workload.accepted_tokens_per_step
    carried = float(found.share * found.chunk) / mean
    assert carried == pytest.approx(float(found.requests_per_s) * d.workload.new_input, rel=1e-9)
    assert float(found.requests_per_s) * d.workload.decode_steps * mean == pytest.approx(s, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(s=st.integers(1, 300))
def test_a_mean_step_lies_between_its_two_kinds(s: int) -> None:
    d, split = deployed(), Split(4, 1, 1, 4)
    found = steady.colocated(d, split, float(s))
    plain = float(steady.host(d, split, float(s), found.decode.seconds))
    mixed = float(steady.host(d, split, float(s), found.prefill.seconds, prompts=True))
    assert plain <= float(found.tpot_s) <= max(mixed, plain)
    assert float(found.tpot_sd_s) >= 0


def test_speculation_is_more_tokens_a_step_and_a_longer_one() -> None:
    split = Split(4, 1, 1, 4)
    one = steady.colocated(deployed(), split, 8.0)
    two = steady.colocated(deployed(accepted_tokens_per_step=2.0), split, 8.0)
    assert two.decode.seconds > one.decode.seconds
    assert two.tpot_s < one.tpot_s


@given(busy=st.floats(0.0, 0.94), more=st.floats(0.0, 0.05), servers=st.integers(1, 64), service=st.floats(0.01, 10))
def test_a_fuller_pool_waits_longer_and_a_larger_one_shorter(
    busy: float, more: float, servers: int, service: float
) -> None:
    d = deployed()._replace(open=True)
    waits = [
        float(steady.prefill_wait(d, service, service, b, n))
        for b, n in ((busy, servers), (busy + more, servers), (busy, servers + 1))
    ]
    assert waits[1] >= waits[0] * (1 - 1e-12)
    assert waits[2] <= waits[0] * (1 + 1e-12)
    assert waits[0] >= 0


def test_an_empty_pool_does_not_make_wait() -> None:
    assert float(steady.prefill_wait(deployed()._replace(open=True), 1.0, 1.0, 0.0, 1.0)) == 0.0


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_of_a_wait_are_those_of_m_m_1(quantile: float) -> None:
    """P(wait > x) = rho exp(-rho x / mean), the law of M/M/1 with its mean rho / (mu - lambda)."""
    rho, mu = 0.8, 2.0
    mean = rho / (mu * (1 - rho))
    x = float(steady.wait_at(mean, rho, quantile))
    assert rho * math.exp(-mu * (1 - rho) * x) == pytest.approx(min(1 - quantile, rho))
    assert float(steady.wait_at(mean, 0.1, 0.5)) == 0.0
    assert steady.wait_at(mean, rho, None) == mean


@given(mean=st.floats(0.001, 1), sd=st.floats(0, 1))
def test_higher_quantiles_are_later(mean: float, sd: float) -> None:
    values = [float(steady.tpot_at(mean, sd, q)) for q in (None, 0.5, 0.9, 0.95, 0.99)]
    assert values == sorted(values)


def test_normal_quantiles() -> None:
    from statistics import NormalDist

    for q, z in steady.NORMAL.items():
        assert z == pytest.approx(NormalDist().inv_cdf(q) if q else 0.0, abs=1e-12)
    assert pytest.approx(NormalDist().inv_cdf(0.9)) == Z90


def test_nine_steps_of_ten_what_runs_fits() -> None:
    """Draw as many sequences as `room` allows: their caches stay within it in about nine draws of ten."""
    d = deployed(length_spread=0.5, output_tokens=4000.0)
    split = Split(2, 1, 1, 2)
    held = room(d.model, split, d.machine, d.engine, d.workload, tokens=2048.0, role="all")
    count, w = int(held.sequences), d.workload
    assert count > 20
    r = np.random.default_rng(3)
    factor = 1 - w.length_spread * r.random((2, 4000, count))
    lengths = (
        w.input_tokens * factor[0]
        + w.output_tokens * factor[1] * r.random((4000, count))
        + d.engine.kv_block_tokens / 2
    )
    each = float(held.per_sequence) / (w.decode_context + d.engine.kv_block_tokens / 2)
    fits = np.mean(lengths.sum(axis=1) * each <= float(held.kv_room))
    assert 0.85 <= fits <= 0.999


def test_context_ranks_share_a_cache_and_prompt_tokens() -> None:
    d = deployed()
    one = room(d.model, Split(2, 1, 1, 2), d.machine, d.engine, d.workload, tokens=2048.0, role="all")
    two = room(d.model, Split(2, 1, 1, 2, 1, 2), d.machine, d.engine, d.workload, tokens=2048.0, role="all")
    assert float(two.per_sequence) == pytest.approx(float(one.per_sequence) / 2)
    assert float(two.sequences) > 2 * float(one.sequences)


def test_a_prefill_pool_makes_prompts_at_its_pace() -> None:
    d, split = deployed(input_tokens=4000.0), Split(2, 2, 1, 2)
    found = steady.prefill_pool(d, split, 1000.0)
    assert float(found.requests_per_s) == pytest.approx(1000 / (float(found.pass_s) / 2 * 4000))
    assert float(found.service_s) == pytest.approx(float(found.pass_s) * (1 + 3 / 2))


def test_prompts_are_launched_and_taken_in() -> None:
    """What the host needs for a prompt shows where the device is quicker, and in the time before the scheduler sees it."""
    d, split = deployed(input_tokens=100.0), Split(4, 1, 1, 4)
    slow = d._replace(launch_s=1.0)
    assert float(steady.colocated(slow, split, 4.0).service_s) > 1.0 > float(steady.colocated(d, split, 4.0).service_s)
    assert float(steady.host(slow, split, 4.0, 0.01)) == float(steady.host(d, split, 4.0, 0.01))
    handled = d._replace(engine=replace(d.engine, host_s_per_prompt_token=1e-3))
    assert handled.arrival_s - d.arrival_s == pytest.approx(1e-3 * d.workload.mean_input)


def test_launches_are_the_operators_of_a_prompt() -> None:
    few, many = (
        world.deployment(world.real(m), world.machine(ON, m), Workload()) for m in ("llama-3.1-8b", "deepseek-v3")
    )
    counts = [steady.launches(d.model, d.machine.formats, d.workload) for d in (few, many)]
    assert counts[0] > 5 * few.model.depth
    assert counts[1] > 2 * counts[0]


def test_one_cache_scores_every_sequence_against_all() -> None:
    """Attention of s sequences of n tokens costs as much as that of s sequences of s n; one alone costs no more."""
    d, split = deployed(input_tokens=2000.0, output_tokens=500.0), Split(4, 1, 1, 4)
    shared = d._replace(engine=replace(d.engine, one_cache=True))
    load = steady.decode_load(split, d.workload, 16.0)
    assert steady.masked(d, split, load) is load
    found = steady.masked(shared, split, load)
    assert float(found.decode_masked) == pytest.approx(15.0 * float(load.decode_context))
    assert float(steady.decode_step(shared, split, 1.0).seconds) == float(steady.decode_step(d, split, 1.0).seconds)
    assert float(steady.decode_step(shared, split, 64.0).seconds) > float(steady.decode_step(d, split, 64.0).seconds)
    beside = shared._replace(beside=4000.0)
    assert float(steady.prefill_step(beside, split, 500.0).seconds) > float(
        steady.prefill_step(d, split, 500.0).seconds
    )
