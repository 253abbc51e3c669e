"""Throughput from latencies."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.measure import derived, validate
from wherewithal.measure.judged import Judged
from wherewithal.measure.predicted import Predicted
from wherewithal.measure.rows import Row

Maker = Callable[..., Row]
positive = st.floats(1e-3, 1e3)


@given(st.floats(1, 1e4), st.floats(1, 1e5), positive, positive)
def test_tokens_in_flight_are_rate_times_time(flight: float, length: float, ttft: float, tpot: float) -> None:
    """Little's law."""
    rate = derived.in_flight_rate(flight, length, ttft, tpot)
    assert rate / length * (ttft + (length - 1) * tpot) == pytest.approx(flight)


def judged(row: Row, predicted: float, median: float = math.nan) -> Judged:
    return Judged(row, Predicted(predicted, median, "measured"), 0.0, 1.0)


def test_both_sides_by_one_formula(made: Maker) -> None:
    ttft, tpot = made(id="1", metric="ttft_s", value=0.2), made(id="2", value=0.01)
    (one,) = derived.throughputs([judged(ttft, 0.4), judged(tpot, 0.02)])
    assert one.row.metric == "output_tokens_per_s"
    assert one.row.value == pytest.approx(8 * 200 / (0.2 + 199 * 0.01))
    assert one.error == pytest.approx(-0.5)


def test_lengths_are_means(made: Maker) -> None:
    values = (("ttft_s", 1.0), ("tpot_s", 0.01))
    (one,) = derived.throughputs([judged(made(id=m, metric=m, value=v, length_spread=0.2), v) for m, v in values])
    assert one.row.value == pytest.approx(8 * 180 / (1.0 + 179 * 0.01))


def test_open_statistic_is_scored_by_the_nearer(made: Maker) -> None:
    some = [judged(made(id=m, metric=m, value=0.1, statistic=""), 0.2, 0.1) for m in ("ttft_s", "tpot_s")]
    (one,) = derived.throughputs(some)
    assert one.error == pytest.approx(-0.5)
    assert one.scored == pytest.approx(0.0)


@pytest.mark.parametrize(
    "change", [{"load": "static"}, {"concurrency": None}, {"output_tokens": None}, {"statistic": "p99"}]
)
def test_what_has_no_such_law(made: Maker, change: dict[str, object]) -> None:
    assert not derived.throughputs([judged(made(id=m, metric=m, **change), 0.1) for m in ("ttft_s", "tpot_s")])


def test_stated_throughput_is_not_derived(made: Maker) -> None:
    metrics = ("ttft_s", "tpot_s", "total_tokens_per_s")
    assert not derived.throughputs([judged(made(id=m, metric=m), 0.1) for m in metrics])


def test_reruns_are_paired_in_order(made: Maker) -> None:
    some = [judged(made(id=f"{m}{v}", metric=m, value=v), v) for v in (0.1, 0.2) for m in ("ttft_s", "tpot_s")]
    assert [d.row.id for d in derived.throughputs(some)] == ["ttft_s0.1", "ttft_s0.2"]


def test_near_what_the_replay_says(made: Maker) -> None:
    """A long run's derived throughput is that which `predict` states, to the burst at its start and the tail at its end."""
    run = [made(id=m, metric=m, requests=800.0) for m in ("ttft_s", "tpot_s", "output_tokens_per_s")]
    ttft, tpot, rate = validate.judge((run, None))
    (made_of,) = derived.throughputs([ttft, tpot])
    assert made_of.predicted.value == pytest.approx(rate.predicted.value, rel=0.05)
