"""A run from a standing start: its first requests wait for each other."""

from __future__ import annotations

import pytest

from wherewithal import ask
from wherewithal.plan.run import over_run


def ttft(requests: float | None, flight: float = 64.0, slo: str = "") -> float:
    """Return the time to first token of a run of so many requests [s]."""
    found = ask.predict(ask.Question(
        model="llama-3.1-70b", on="h100-8:8", layout="tp8", concurrency=flight, requests=requests, input_tokens=4000.0,
        output_tokens=1000.0, length_spread=0.2, slo=slo, precision={"weights": "fp8"},
    )).best  # fmt: skip
    assert found is not None
    return float(found.ttft_s.value)


def test_a_long_run_is_steady_and_a_short_one_waits_longer() -> None:
    steady, short, longer = ttft(None), ttft(640.0), ttft(6400.0)
    assert short > longer > steady
    assert ttft(1e8) == pytest.approx(steady, rel=1e-3)


def test_the_first_wave_leaves_the_median_but_not_the_tail() -> None:
    assert ttft(6400.0, slo="ttft.median=1d") == pytest.approx(ttft(None, slo="ttft.median=1d"))
    assert ttft(640.0, slo="ttft.p99=1d") > 3 * ttft(None, slo="ttft.p99=1d")


def test_one_at_a_time_has_no_first_wave() -> None:
    assert ttft(10.0, flight=1.0) == pytest.approx(ttft(None, flight=1.0), rel=0.02)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_statistics_of_a_run_rise_with_the_quantile(share: float) -> None:
    got = [over_run(1.0, 2.0, 10.0, share, q) for q in (0.5, 0.9, 0.95, 0.99)]
    assert got == sorted(got)
    assert 1.0 <= over_run(1.0, 2.0, 10.0, share, None) <= 6.0
