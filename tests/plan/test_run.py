"""A run from a standing start: what its client measures."""

from __future__ import annotations

from typing import Any

import pytest

from wherewithal import ask
from wherewithal.errors import InputError


def run(requests: float | None, flight: float | None = 64.0, **more: Any) -> ask.Answer:
    """Return the answer about a run of so many requests."""
    asked = {"layout": "tp8", "input_tokens": 4000.0, "output_tokens": 1000.0, "length_spread": 0.2} | more
    return ask.predict(ask.Question(
        model="llama-3.1-70b", on="h100-8:8", concurrency=flight, requests=requests, precision={"weights": "fp8"}, **asked,
    ))  # fmt: skip


def ttft(requests: float | None, flight: float = 64.0, slo: str = "") -> float:
    """Return the time to first token of a run of so many requests [s]."""
    found = run(requests, flight, slo=slo).best
    assert found is not None
    return float(found.ttft_s.value)


def test_a_short_run_waits_longer() -> None:
    short, longer, longest = ttft(640.0), ttft(6400.0), ttft(1e8)
    assert short > longer > longest


def test_the_first_wave_leaves_the_median_but_not_the_tail() -> None:
    assert ttft(640.0, slo="ttft.median=1d") == pytest.approx(ttft(1e8, slo="ttft.median=1d"), rel=0.15)
    assert ttft(640.0, slo="ttft.p99=1d") > 3 * ttft(1e8, slo="ttft.p99=1d")


@pytest.mark.parametrize("spread", [0.0, 0.2])
@pytest.mark.parametrize("engine", ["vllm", "trtllm"])
def test_one_at_a_time_is_the_closed_form(engine: str, spread: float) -> None:
    """Light load: nothing waits for anything, so the replay tends to the closed form."""
    alone = {"flight": 1.0, "engine": engine, "length_spread": spread, "layout": "tp8"}
    steady, replayed = run(None, **alone).best, run(200.0, **alone).best
    assert steady is not None
    assert replayed is not None
    # The closed form lets the last prompt run beside a decode; alone there is none: 2% of the rate, with a long prompt.
    for name, bound in (("ttft_s", 0.02), ("tpot_s", 0.02), ("output_tokens_per_s", 0.03)):
        assert getattr(replayed, name).value == pytest.approx(getattr(steady, name).value, rel=bound), name


def test_the_run_is_told_in_full() -> None:
    seen = run(640.0).extra["run"]
    assert {"ttft_s", "tpot_s", "e2e_s", "output_tokens_per_s"} <= set(seen)
    for name in ("ttft_s", "tpot_s", "e2e_s"):
        got = [seen[name][q] for q in ("median", "p90", "p95", "p99")]
        assert got == sorted(got)
    assert seen["in_flight"] <= 64.0 + 1e-9


def test_only_so_many_are_replayed_and_it_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap on what is replayed moves no figure by more than 2%."""
    capped = run(6400.0, flight=32.0).extra["run"]
    monkeypatch.setattr("wherewithal.plan.run.WAVES", 10_000)
    whole = run(6400.0, flight=32.0).extra["run"]
    assert capped["output_tokens_per_s"] == pytest.approx(whole["output_tokens_per_s"], rel=0.02)
    # A wait is that of one prompt, of two, of three: a tail of it that lies on the edge between them says nothing.
    for name, tail in (("ttft_s", ()), ("tpot_s", ("p90",)), ("e2e_s", ("p90",))):
        for statistic in ("mean", "median", *tail):
            assert capped[name][statistic] == pytest.approx(whole[name][statistic], rel=0.02), (name, statistic)


def test_seeds_reproduce() -> None:
    one, again, other = run(100.0, seed=1), run(100.0, seed=1), run(100.0, seed=2)
    assert one.extra == again.extra
    assert one.extra != other.extra


def test_pools_hand_over() -> None:
    pools = {"layout": "prefill: 1x tp4; decode: 1x tp4"}
    run_, steady = run(640.0, **pools), run(None, **pools).best
    assert run_.best is not None
    assert steady is not None
    assert run_.best.tpot_s.value == pytest.approx(steady.tpot_s.value, rel=0.1)
    assert run_.extra["run"]["ttft_s"]["p99"] > 2 * run_.extra["run"]["ttft_s"]["median"]


def test_all_at_once_and_one_batch() -> None:
    offline, static = run(500.0, None, load="offline").extra["run"], run(None, 64.0, load="static").extra["run"]
    assert offline["ttft_s"]["mean"] > 10 * offline["tpot_s"]["mean"]
    assert static["ttft_s"]["median"] == static["ttft_s"]["p99"], "a batch starts together"
    assert static["requests_per_s"] * static["span_s"] == pytest.approx(64.0)


def test_an_open_load_is_answered_as_it_comes() -> None:
    seen = run(400.0, None, rate_per_s=2.0).extra["run"]
    assert seen["requests_per_s"] == pytest.approx(2.0, rel=0.15)


@pytest.mark.parametrize(("load", "more"), [
    ("often", {}), ("open", {}), ("static", {"flight": None, "rate_per_s": 1.0}), ("closed", {"flight": None, "rate_per_s": 1.0}),
])  # fmt: skip
def test_loads_that_are_none(load: str, more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="load"):
        run(10.0, **{"load": load, **more})
