"""Requests, service levels and offered loads, and the words for a layout."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.axes.split import Split
from wherewithal.errors import InputError
from wherewithal.plan.layout_text import as_replicas, parse_layout
from wherewithal.plan.workload import Offered, Slo, Workload, parse_slo


def test_means_by_hand() -> None:
    w = Workload(input_tokens=1000, output_tokens=201, cached_input_tokens=400)
    assert (w.mean_input, w.mean_output, w.new_input) == (1000, 201, 600)
    assert w.decode_context == 1100.5
    assert w.prefill_context == 400 + 300.5
    assert (w.decode_steps, w.step_tokens, w.longest) == (200, 1, 1201)


def test_speculation() -> None:
    w = Workload(output_tokens=171, accepted_tokens_per_step=1.7)
    assert w.decode_steps == pytest.approx(100)
    assert w.step_tokens == 2
    assert Workload(accepted_tokens_per_step=2.0).step_tokens == 2
    assert Workload(accepted_tokens_per_step=2.1).step_tokens == 3


@given(spread=st.floats(0, 0.9), inputs=st.integers(1, 10_000), outputs=st.integers(1, 10_000))
def test_spread_lengths_are_a_sample(spread: float, inputs: int, outputs: int) -> None:
    """Means and deviation of requests drawn uniformly, at uniform progress."""
    w = Workload(input_tokens=inputs, output_tokens=outputs, length_spread=spread)
    r = np.random.default_rng(1)
    factor = 1 - spread * r.random((2, 20_000))
    assert w.mean_input == pytest.approx(inputs * factor[0].mean(), rel=0.01)
    context = inputs * factor[0] + w.mean_output * r.random(20_000)
    assert w.decode_context == pytest.approx(context.mean(), rel=0.02)
    assert w.kept(0.0) == w.decode_context
    assert w.kept_sd(0.0) >= context.std() * 0.97 - 1
    whole = inputs * factor[0] + outputs * factor[1]
    assert w.kept(1.0) == pytest.approx(whole.mean(), rel=0.02)
    assert w.kept_sd(1.0) == pytest.approx(whole.std(), rel=0.05, abs=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_tokens": -1}, {"output_tokens": 0}, {"length_spread": 1.0}, {"accepted_tokens_per_step": 0.5}, {"max_context": -1},
        {"input_tokens": 10, "cached_input_tokens": 10}, {"input_tokens": math.nan}, {"output_tokens": math.inf},
    ],
)  # fmt: skip
def test_what_no_request_can_be(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Workload(**wrong)


@pytest.mark.parametrize(
    ("text", "ttft", "tpot", "statistic"),
    [
        ("ttft=2s,tpot=50ms", 2.0, 0.05, "mean"),
        ("tpot=0.5s", None, 0.5, "mean"),
        ("ttft.p95=1.5s", 1.5, None, "p95"),
        ("", None, None, ""),
        (" TTFT = 300 ms ", 0.3, None, "mean"),
    ],
)
def test_service_levels(text: str, ttft: float | None, tpot: float | None, statistic: str) -> None:
    found = parse_slo(text)
    for bound, limit in ((found.ttft, ttft), (found.tpot, tpot)):
        assert (bound and bound.limit_s) == limit
    first = found.ttft or found.tpot
    assert first is None or first.statistic == statistic
    assert parse_slo("").to_dict() == {}


@pytest.mark.parametrize(
    "text", ["ttft", "ttft=2", "itl=3ms", "ttft.p80=2s", "ttft=2s,ttft=3s", "tpot=-1s", "tpot=0s", "tpot=abc"]
)
def test_what_no_service_level_can_be(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_slo(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [{"concurrency": 0.0}, {"rate_per_s": 0.0}, {"concurrency": 1.0, "rate_per_s": 1.0}, {"rate_per_s": math.inf}],
)
def test_what_no_load_can_be(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Offered(**wrong)
    assert not Offered().given
    assert Slo().to_dict() == {}


@pytest.mark.parametrize(
    ("text", "role", "replicas", "split"),
    [
        ("tp8", "all", None, Split(8, 1, 1, 8)),
        ("tp2 dp4 ep8", "all", None, Split(2, 1, 8, 1, 4)),
        ("TP2, DP4, EP4 two-batch", "all", None, Split(2, 1, 4, 2, 4, 1, 2)),
        ("tp1 pp2 cp4", "all", None, Split(1, 2, 1, 1, 1, 4)),
        ("prefill: 4x tp8 ep8", "prefill", 4, Split(8, 1, 8, 1)),
        ("tp2 dp2 ep2 etp2", "all", None, Split(2, 1, 2, 2, 2)),
    ],
)
def test_layouts_in_words(text: str, role: str, replicas: int | None, split: Split) -> None:
    found = parse_layout(text)
    assert list(found) == [role]
    assert found[role] == (replicas, split)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("tp2 dp4", "4x tp2"), ("3x dp2", "6x tp1"), ("tp4 pp2", "tp4 pp2"), ("dp4 two-batch", "4x tp1 two-batch")],
)
def test_attention_groups_without_experts_are_replicas(text: str, plain: str) -> None:
    assert as_replicas(parse_layout(text)["all"]) == parse_layout(plain)["all"]


def test_groups_that_share_experts_are_left_alone() -> None:
    one = parse_layout("tp2 dp4 ep8")["all"]
    assert as_replicas(one) == one


def test_two_pools_in_words() -> None:
    found = parse_layout("prefill: 4x tp8 ep8; decode: 1x dp32 ep32")
    assert set(found) == {"prefill", "decode"}
    assert found["decode"].split == Split(1, 1, 32, 1, 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tp",
        "tp0",
        "tp8 tp8",
        "xx3",
        "0x tp8",
        "tp2 ep3",
        "train: tp8",
        "tp8; tp4",
        "prefill: tp8; prefill: tp4",
        "tp99999999999",
        "tp-1",
        "tp1.5",
    ],
)
def test_what_no_layout_can_be(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_layout(text)
    assert "\n" not in str(caught.value)
