"""What a client reports: statistics over requests, rates over the run, and the middle of a long run that goes on."""

from __future__ import annotations

import numpy as np
import pytest

from wherewithal.simulate.replay import Times
from wherewithal.simulate.statistics import served, statistics


def times(n: int = 90, flight: int = 3) -> Times:
    """Requests of one second each, `flight` at a time."""
    arrive = np.floor(np.arange(n) / flight)
    return Times(arrive, arrive + 0.5, arrive + 1.0, np.full(n, 11), 0, 0, 0.0)


def test_statistics_are_the_usual_ones() -> None:
    values = np.random.default_rng(0).random(10_001)
    found = statistics(values, np.ones(len(values)))
    assert found["mean"] == pytest.approx(values.mean())
    for name, q in (("median", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        assert found[name] == pytest.approx(np.quantile(values, q), abs=1e-3)
    assert np.isnan(statistics(values[:0], values[:0])["mean"])


def test_weights_repeat_a_value() -> None:
    many = statistics(np.array([1.0, 2.0, 2.0, 2.0]), np.ones(4))
    assert statistics(np.array([1.0, 2.0]), np.array([1.0, 3.0]))["mean"] == many["mean"]


def test_a_run_as_it_was() -> None:
    found = served(times(), 90.0, 3)
    assert found.span_s == 30.0
    assert found.requests_per_s == pytest.approx(3.0)
    assert found.output_tokens_per_s == pytest.approx(33.0)
    assert found.in_flight == pytest.approx(3.0)
    assert found.tpot_s["mean"] == pytest.approx(0.05)


@pytest.mark.parametrize("in_flight", [3.0, None])
def test_a_longer_run_goes_on_as_its_middle(in_flight: float | None) -> None:
    found = served(times(), 9000.0, in_flight, alike=4.0)
    assert found.span_s == pytest.approx(3000.0, rel=0.02)
    assert found.requests_per_s == pytest.approx(12.0, rel=0.02)


def test_answers_of_one_token_have_no_time_per_token() -> None:
    one = times()._replace(answer=np.ones(90, dtype=np.int64))
    assert np.isnan(served(one, 90.0, 3).tpot_s["mean"])
