"""Runs against a server that answers by a script: what is measured is what the script says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from bench.stub import Script, Serving
from wherewithal.errors import InputError
from wherewithal.measure.load import address
from wherewithal.measure.load.lengths import Arrivals, Ask
from wherewithal.measure.load.run import Result, Settings, run
from wherewithal.plan.workload import parse_slo

Test = Callable[..., Result]


@pytest.fixture
def tested() -> Iterator[Test]:
    """Return a call that starts a server and tests it."""
    with ExitStack() as stack:

        def call(
            script: Script, arrivals: Arrivals, lengths: tuple[int, int, float] = (20, 10, 0.0), **more: Any
        ) -> Result:
            url = stack.enter_context(Serving(script))
            return run(Settings(address.read(url), arrivals, lengths, **more))

        yield call


@pytest.fixture
def graded(tested: Test) -> Test:
    """Return the same call for tests of times: a run that the machine disturbed is void and repeated, never loosened."""

    def call(
        script: Script, arrivals: Arrivals, lengths: tuple[int, int, float] = (20, 10, 0.0), **more: Any
    ) -> Result:
        for _ in range(4):
            result = tested(script, arrivals, lengths, **more)
            if not result.faults and not any(s.spoiled for s in result.steps):
                return result
        pytest.skip(f"the machine is too busy: {result.faults}")

    return call


def closed(n: int = 2) -> Arrivals:
    return Arrivals("closed", concurrency=n)


def median(result: Result, metric: str) -> float:
    found = result.summary.latency[metric]["median"]
    return math.nan if found is None else found


def test_constant_pace(graded: Test) -> None:
    result = graded(Script(ttft_s=0.05, itl_s=0.02), closed(4), requests=16)
    assert len(result.summary.outcome.whole) == 16
    assert median(result, "ttft_s") == pytest.approx(0.05, abs=0.008)
    assert median(result, "tpot_s") == pytest.approx(0.02, rel=0.08)
    assert median(result, "itl_s") == pytest.approx(0.02, rel=0.1)
    assert median(result, "e2e_s") == pytest.approx(0.05 + 9 * 0.02, rel=0.08)
    assert result.summary.tokens["input_tokens"] == 20
    assert result.summary.tokens["output_tokens"] == 10
    rate = result.summary.rates["output_tokens_per_s"]
    assert rate == pytest.approx(160 / result.summary.wall_s, rel=1e-9)
    assert rate == pytest.approx(4 * 10 / (0.05 + 9 * 0.02), rel=0.15)


def test_bursty_pace(graded: Test) -> None:
    """Five tokens at once: TPOT is the pace, the gaps are none or long."""
    result = graded(Script(ttft_s=0.02, itl_s=0.01, per_write=5), closed(2), (20, 40, 0.0), requests=6)
    gaps = np.concatenate([np.diff(s.events) for s in result.summary.outcome.whole])
    assert median(result, "itl_s") < 0.003
    assert np.quantile(gaps, 0.95) == pytest.approx(0.05, rel=0.15)
    assert median(result, "tpot_s") == pytest.approx(0.05 * 7 / 39, rel=0.12)


def test_several_tokens_in_one_event(graded: Test) -> None:
    """As with speculation: tokens are those that the server counts, not the pieces that came."""
    result = graded(Script(ttft_s=0.02, itl_s=0.01, per_event=4), closed(2), (20, 40, 0.0), requests=6)
    assert result.summary.tokens["output_tokens"] == 40
    assert result.summary.tokens["tokens_per_event"] == pytest.approx(4)
    assert median(result, "tpot_s") == pytest.approx(0.04 * 9 / 39, rel=0.12)


def test_latency_counts_from_when_a_request_was_due(graded: Test) -> None:
    """One connection, requests due every 20 ms, each takes 60 ms: the k-th waits k times the difference."""
    rows = tuple(Ask(0.02 * i, 20, 2) for i in range(30))
    result = graded(Script(ttft_s=0.05, itl_s=0.01), Arrivals("trace", trace=rows), connections=1)
    whole = result.summary.outcome.whole
    assert len(whole) == 30
    waits = np.array([s.ttft for s in whole])
    service = np.median([s.end - s.sent for s in whole])
    theory = np.array([0.05 + i * (service - 0.02) for i in range(30)])
    assert waits[5:] == pytest.approx(theory[5:], rel=0.05, abs=0.005)
    assert waits[-1] == pytest.approx(0.05 + 29 * 0.04, rel=0.12)
    assert max(s.late for s in whole) < 0.1  # waiting for a connection is no fault of the client


def test_a_burst_on_a_server_of_two_places(graded: Test) -> None:
    result = graded(Script(ttft_s=0.04, itl_s=0.01, slots=2), Arrivals("burst", burst=8), (20, 3, 0.0), warm_up=0)
    waits = sorted(s.ttft for s in result.summary.outcome.whole)
    theory = [0.04 + i // 2 * 0.06 for i in range(8)]
    assert waits == pytest.approx(theory, rel=0.2, abs=0.02)


def test_poisson_is_sent_when_it_is_due(graded: Test) -> None:
    result = graded(Script(ttft_s=0.3), Arrivals("open", rate_per_s=50.0), (20, 1, 0.0), requests=60)
    sent = [s.sent - s.due for s in result.summary.outcome.samples]
    assert np.median(sent) < 0.01  # though every answer takes far longer than the gap between two requests
    assert result.summary.outcome.samples[-1].due == pytest.approx(60 / 50, rel=0.5)


def test_the_time_is_over(tested: Test) -> None:
    result = tested(Script(ttft_s=0.05), Arrivals("open", rate_per_s=20.0), (20, 1, 0.0), requests=1000, duration_s=0.5)
    assert result.summary.outcome.reason == "time is over"
    assert 2 <= len(result.summary.outcome.samples) <= 25
    assert not result.summary.outcome.failed


def test_never_more_than_the_most(tested: Test) -> None:
    script = Script()
    result = tested(script, closed(4), requests=500, max_requests=7, warm_up=0)
    assert len(result.summary.outcome.samples) == 7


FAULTS = {
    "hang": ("timeout", ""),
    "stall": ("stalled", ""),
    "slow": ("stalled", ""),
    "cut": ("cut off", ""),
    "close": ("cut off", "before the answer did"),
    "error": ("error in the stream", "out of memory"),
    "garbage": ("error in the stream", "no JSON"),
    "http": ("http 503", "overloaded"),
    "json": ("no stream", "application/json"),
    "redirect": ("http 302", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_failures_by_kind(fault: str, tested: Test) -> None:
    """Every twentieth request fails; the others are measured as ever."""
    script = Script(ttft_s=0.01, itl_s=0.002, fault=fault, fault_every=20, fault_from=8)
    result = tested(script, closed(8), requests=60, warm_up=4, timeout_s=1.5, stall_s=0.5)
    kind, said = FAULTS[fault]
    summary = result.summary
    assert set(summary.errors) == {kind}, summary.outcome.failed
    assert 2 <= summary.errors[kind] <= 3
    assert len(summary.outcome.whole) == 60 - summary.errors[kind]
    assert all(said in s.detail for s in summary.outcome.failed)
    assert median(result, "ttft_s") == pytest.approx(0.01, abs=0.01)
    assert not summary.outcome.reason


def test_a_run_stops_at_a_tenth_of_errors(tested: Test) -> None:
    result = tested(Script(fault="http", fault_every=3, fault_from=8), closed(4), requests=500, warm_up=0)
    assert result.summary.outcome.reason == "errors"
    assert len(result.summary.outcome.samples) <= 30


def test_connections_that_the_server_closes(tested: Test) -> None:
    """A request on a kept connection that the server has closed is sent over a new one, and is no failure."""
    script = Script(closes=True)
    result = tested(script, closed(2), requests=12, warm_up=2)
    assert not result.summary.outcome.failed
    assert any("closes connections" in n for n in result.server.notes)


@pytest.mark.parametrize("endpoint", ["completions", "chat"])
@pytest.mark.parametrize("script", [
    Script(refuses=("min_tokens",)), Script(refuses=("ignore_eos", "min_tokens")), Script(ids=False, extra=11),
    Script(extra=30), Script(),
], ids=["no min_tokens", "neither", "text alone", "template", "all"])  # fmt: skip
def test_prompts_come_out_as_long_as_asked(endpoint: str, script: Script, tested: Test) -> None:
    script.said.clear()
    result = tested(script, closed(2), (120, 5, 0.0), requests=6, endpoint=endpoint)
    assert result.summary.tokens["input_off_most"] == 0
    assert result.summary.tokens["shorter_answers"] == 0
    assert not set(script.refuses) & set(result.server.takes)
    prompts = [str(s["prompt"] if "prompt" in s else s["messages"]) for s in script.said[-6:]]
    assert len({p[:60] for p in prompts}) == 6


def test_lengths_that_spread(tested: Test) -> None:
    script = Script(extra=7)
    result = tested(script, closed(4), (200, 20, 0.5), requests=40)
    assert result.summary.tokens["input_off_most"] == 0
    had = [s.tokens_in or 0 for s in result.summary.outcome.whole]
    assert 100 <= min(had) < 130
    assert 170 < max(had) <= 200


def test_long_prompts(graded: Test) -> None:
    """Fifty thousand tokens each: made before the clock starts, so that none leaves late for it."""
    result = graded(Script(extra=1, keep=False), Arrivals("open", rate_per_s=20.0), (50_000, 3, 0.0), requests=12)
    assert result.summary.tokens["input_off_most"] == 0
    assert np.median([s.late for s in result.summary.outcome.whole]) < 0.02


def test_answers_that_come_shorter(tested: Test) -> None:
    result = tested(Script(stops_at=4, refuses=("ignore_eos", "min_tokens")), closed(2), requests=6)
    assert result.summary.tokens["shorter_answers"] == 6
    assert result.summary.tokens["output_tokens"] == 4


def test_a_server_that_does_not_count(tested: Test) -> None:
    result = tested(Script(usage=False), closed(2), requests=6)
    assert not result.server.counts
    assert result.summary.tokens["input_tokens"] is None
    assert result.summary.tokens["output_tokens"] == 10  # pieces of text


def test_a_shared_prefix_and_a_body_of_ones_own(tested: Test) -> None:
    script = Script(cached=8)
    result = tested(script, closed(2), requests=6, shared_prefix=8, extra_body={"cache_prompt": False})
    assert all(s["cache_prompt"] is False for s in script.said)
    assert len({str(s["prompt"][:8]) for s in script.said[-6:]}) == 1
    assert result.summary.tokens["cached_input_tokens"] == 8


def test_two_runs_send_different_prompts_of_the_same_lengths(tested: Test) -> None:
    scripts = [Script(), Script()]
    for script in scripts:
        tested(script, closed(1), (50, 4, 0.3), requests=5, warm_up=0, seed=3)
    one, two = ([s["prompt"] for s in script.said[-5:]] for script in scripts)
    assert [len(p) for p in one] == [len(p) for p in two]
    assert one != two


def test_bisection_finds_a_known_number_in_flight(graded: Test) -> None:
    """A token takes 6 ms for each stream in flight: 33 ms hold five and not six."""
    script = Script(itl_s=lambda active: 0.006 * active)
    result = graded(script, closed(2), (20, 12, 0.0), ramp=True, slo=parse_slo("tpot=33ms"), duration_s=60.0)
    held = [s.load for s in result.steps if s.held]
    assert max(held) == 5
    assert result.arrivals.concurrency == 5
    assert result.summary.met


def test_bisection_finds_a_known_rate(graded: Test) -> None:
    """Two places of 20 ms each carry 100 requests a second at most; queues are short well below."""
    script = Script(ttft_s=0.02, slots=2)
    arrivals = Arrivals("open", rate_per_s=40.0)
    result = graded(
        script, arrivals, (20, 1, 0.0), ramp=True, slo=parse_slo("ttft=40ms"), duration_s=40.0, requests=150
    )
    # M/D/2 waits 20 ms in the mean at about 85% of its capacity.
    assert 60 <= (result.arrivals.rate_per_s or 0) <= 100


def test_a_client_that_does_not_keep_up_says_so(tested: Test) -> None:
    script = Script(ttft_s=0.01, itl_s=0.01)
    url = Serving(script)
    with url as where:
        settings = Settings(address.read(where), closed(2), (20, 60, 0.0), requests=6)
        result = run(settings, lambda phase, state: time.sleep(0.06) if state else None)
    assert result.faults
    assert "ms late" in " ".join(result.faults)


@pytest.mark.parametrize(("script", "more", "said"), [
    (Script(key="secret-key"), {}, "answers 401"),
    (Script(key="secret-key"), {"key": "wrong-key", "served_model": "stub"}, "bad key Bearer \\[key\\]"),
    (Script(models=("a", "b")), {}, "choose one: --served-model NAME \\(a, b\\)"),
    (Script(models=()), {}, "names no model"),
    (Script(context=25), {}, "the server holds 25"),
    (Script(refuses=("max_tokens",)), {}, "unknown field max_tokens"),
    (Script(fault="http"), {}, "overloaded"),
], ids=lambda v: v if isinstance(v, str) else None)  # fmt: skip
def test_servers_that_cannot_be_tested(script: Script, more: dict[str, Any], said: str, tested: Test) -> None:
    with pytest.raises(InputError, match=said):
        tested(script, closed(1), **more)


def test_nobody_there() -> None:
    with pytest.raises(InputError, match="no answer \\(Connection refused\\)"):
        run(Settings(address.read("http://127.0.0.1:9"), closed(1), (20, 5, 0.0)))


def test_the_key_goes_to_the_server(tested: Test) -> None:
    script = Script(key="secret-key")
    assert len(tested(script, closed(1), requests=2, key="secret-key").summary.outcome.whole) == 2
    assert "wherewithal" in script.heads[-1]


def test_proxies_of_the_environment_are_not_asked(tested: Test, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert len(tested(Script(), closed(1), requests=2).summary.outcome.whole) == 2
