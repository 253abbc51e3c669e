"""The event loop: compiled and plain alike, nothing lost, time runs forward, and SimPy finds the same."""

from __future__ import annotations

import math
import signal
from collections import deque
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from wherewithal.errors import InputError
from wherewithal.simulate import compiled, loop, replay
from wherewithal.simulate.grid import Reach, Steps, grid
from wherewithal.simulate.replay import Offer, Times
from wherewithal.simulate.requests import Lengths, Requests, requests
from wherewithal.simulate.state import DECODE, MIXED, PREFILL, PREFILL_FIRST, STATIC, Grid, Pool

POLICY = {"mixed": MIXED, "prefill-first": PREFILL_FIRST, "static": STATIC}


def price(x: Steps) -> Any:
    """A cost model that is linear in every part, so that the grid is exact."""
    some = 1.0 * (x.seqs + x.tokens > 0)
    return 5e-3 * some + 20e-6 * x.seqs + 1e-8 * x.seqs * x.context + 30e-6 * x.tokens + 1e-9 * x.tokens * x.prompt


GRID: Grid = grid(price, Reach(256.0, 8192.0, (1.0, 4096.0), (1.0, 4096.0)), groups=1)
BASE = Pool(
    role=0, first=0, servers=1, groups=1, parts=1.0, policy=MIXED, budget=2048.0, most=256.0, room=1e9, reserved=0.0,
    tokens=1.0, accepted=1.0, host_step=1e-3, host_seq=1e-5, launch=0.0, overlapped=True, grid=GRID,
)  # fmt: skip


def run(
    asked: Requests, in_flight: int | None, plain: bool | None = False, latency: float = 2e-3, **pool: Any
) -> Times:
    n = len(asked.prompt)
    offer = Offer(in_flight, np.full(n, 1e-4), latency, np.zeros(n))
    return replay.replay(asked, offer, BASE._replace(**pool), plain=plain)


def pair(asked: Requests, in_flight: int, plain: bool = False, moved: float = 0.01, **decode: Any) -> Times:
    n = len(asked.prompt)
    offer = Offer(in_flight, np.zeros(n), 0.0, np.full(n, moved))
    back = BASE._replace(**({"role": DECODE, "first": 2, "servers": 3, "groups": 2} | decode))
    return replay.replay(asked, offer, BASE._replace(role=PREFILL, servers=2), back, plain=plain)


def drawn(count: int = 200, spread: float = 0.2, seed: int = 0, rate: float | None = None) -> Requests:
    return requests(Lengths(700.0, 90.0, spread), count, seed, rate)


def same(one: Times, other: Times) -> None:
    for name in ("arrive", "first", "done"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.evictions, one.steps, one.fullest) == (other.evictions, other.steps, other.fullest)


@pytest.mark.parametrize("policy", list(POLICY))
@pytest.mark.parametrize(("groups", "servers", "room"), [(1, 1, 1e9), (4, 2, 1e9), (1, 1, 9e3)])
def test_compiled_and_plain_are_twins(policy: str, groups: int, servers: int, room: float) -> None:
    how = {"policy": POLICY[policy], "groups": groups, "servers": servers, "room": room}
    same(run(drawn(), 32, **how), run(drawn(), 32, plain=True, **how))


def test_twins_with_pools_and_in_an_open_load() -> None:
    same(pair(drawn(), 24), pair(drawn(), 24, plain=True))
    same(run(drawn(rate=9.0), None), run(drawn(rate=9.0), None, plain=True))


def watched(asked: Requests, in_flight: int | None, pool: Pool) -> tuple[Times, list[float], list[float]]:
    """Run as plain code and look at the state at every step: times, and the share of each group's room in use."""
    times, shares = [], []
    plain = loop.start

    def start(state: Any, one: Pool, width: int, k: int, now: float) -> None:
        plain(state, one, width, k, now)
        times.append(now)
        if state.busy[k] == 2:
            shares.extend((state.kept + state.running * one.accepted) / one.room)
        assert state.running.min() >= 0
        assert state.filling.min() >= 0
        assert state.waiting.min() >= 0
        assert state.context.min() > -1e-6
        assert state.kept.min() > -1e-6
        sent = state.tally[0] - state.tally[1]
        assert state.running.sum() + state.filling.sum() + state.waiting.sum() == sent, "no request is lost"

    n = len(asked.prompt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "start", start)
        found = replay.replay(asked, Offer(in_flight, np.zeros(n), 1e-3, np.zeros(n)), pool, plain=True)
    return found, times, shares


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000), in_flight=st.integers(1, 40), room=st.floats(2e3, 3e4), reserved=st.sampled_from([0.0, 0.5, 1.0]),
    policy=st.sampled_from([MIXED, PREFILL_FIRST]), accepted=st.sampled_from([1.0, 1.7, 3.0]), budget=st.floats(200.0, 4000.0),
)  # fmt: skip
def test_conserved(
    seed: int, in_flight: int, room: float, reserved: float, policy: int, accepted: float, budget: float
) -> None:
    """Every request is answered, time runs forward, no group holds more than its room, and Little's law holds."""
    asked = drawn(60, 0.5, seed)
    pool = BASE._replace(
        room=room, reserved=reserved, policy=policy, accepted=accepted, budget=budget, tokens=float(np.ceil(accepted))
    )
    found, times, shares = watched(asked, in_flight, pool)
    assert np.all(np.diff(times) >= 0)
    assert np.all(found.first > found.arrive)
    assert np.all(found.done >= found.first)
    # A request that is alone may be longer than the room; its neighbours' prompts may not.
    assert max(shares) <= 1.0 + 1e-9
    assert found.answer.sum() == asked.answer.sum()
    events = sorted([(t, 1) for t in found.arrive] + [(t, -1) for t in found.done], key=lambda e: (e[0], e[1]))
    held, area, last = 0, 0.0, 0.0
    for t, change in events:
        area += held * (t - last)
        held, last = held + change, t
        assert held <= in_flight
    assert area == pytest.approx(found.e2e.sum())


def test_tokens_per_request_are_those_asked() -> None:
    """A request alone takes one step for its prompt and one for each further token."""
    asked = Requests(np.array([100]), np.array([0]), np.array([11]), np.zeros(1))
    found = run(asked, 1, latency=0.0)
    assert found.steps == 11
    assert found.evictions == 0
    assert run(asked, 1, accepted=5.0, tokens=5.0).steps == 3
    assert run(asked, 1, budget=30.0).steps == 14


def test_steps_without_a_graph_are_launched_by_the_host() -> None:
    """A launch of 50 ms shows in the step with the prompt, and in no other; behind a longer device time it hides."""
    asked = Requests(np.array([100]), np.array([0]), np.array([11]), np.zeros(1))
    slow, quick = run(asked, 1, launch=0.05), run(asked, 1)
    assert slow.first[0] == pytest.approx(0.0021 + 0.05 + 1e-3)
    assert slow.tpot == pytest.approx(quick.tpot)
    assert run(asked, 1, launch=1e-3).first == quick.first
    assert run(asked, 1, launch=1e-3, overlapped=False).first > quick.first


def test_what_never_fits_ends() -> None:
    """Room for half a request: it is served alone, and no run goes on for ever."""
    found = run(drawn(40), 8, room=400.0)
    assert np.all(np.isfinite(found.done))


def test_evicted_requests_cost_time() -> None:
    tight, roomy, careful = run(drawn(), 32, room=8e3), run(drawn(), 32), run(drawn(), 32, room=8e3, reserved=1.0)
    assert tight.evictions > 0 == roomy.evictions == careful.evictions
    assert tight.span > roomy.span
    assert tight.fullest <= 1.0 + 1e-9


def test_longer_waits_with_more_in_flight_and_less_with_more_servers() -> None:
    one, two, four = (run(drawn(), 32, servers=n) for n in (1, 2, 4))
    assert one.span > two.span > four.span
    assert one.tpot.mean() > two.tpot.mean() > four.tpot.mean()
    assert run(drawn(), 8).ttft.mean() < run(drawn(), 64).ttft.mean()


def test_a_batch_starts_its_answers_together() -> None:
    found = run(drawn(16, 0.0), 16, policy=STATIC)
    assert np.ptp(found.first) == 0.0
    assert np.ptp(found.done) == 0.0


def test_transfers_delay_the_first_token() -> None:
    near, far = pair(drawn(40), 1, moved=0.0), pair(drawn(40), 1, moved=0.5)
    assert far.ttft == pytest.approx(near.ttft + 0.5)


def test_a_first_token_waits_for_a_place_where_it_is_decoded() -> None:
    """The pool that decodes sends the first token: a request that finds no place there waits for one without it."""
    free, full = pair(drawn(40), 24), pair(drawn(40), 24, most=1.0)
    assert full.ttft.mean() > free.ttft.mean() + 5 * free.tpot.mean()
    assert full.tpot.mean() < free.tpot.mean()


def test_one_front_end_serves_a_burst_in_turn() -> None:
    asked = drawn(20)
    offer = Offer(20, np.full(20, 0.5), 0.0, np.zeros(20))
    found = replay.replay(asked, offer, BASE, plain=True)
    assert np.all(found.first[np.argsort(found.first)] >= 0.5 * np.arange(1, 21))


def test_a_load_that_cannot_end_is_refused() -> None:
    asked = drawn(4)
    with pytest.raises(InputError, match="never"):
        replay.replay(asked, Offer(4, np.zeros(4), np.inf, np.zeros(4)), BASE, plain=True)


def by_simpy(asked: Requests, in_flight: int, latency: float, pool: Pool) -> tuple[list[float], list[float]]:
    """The same server as processes of SimPy, one token a step, prices from the formula and not from the grid."""
    env = simpy.Environment()
    n = len(asked.prompt)
    first, done = [0.0] * n, [0.0] * n
    queue: deque[int] = deque()
    ready: dict[int, float] = {}
    running: dict[int, int] = {}
    left = {r: int(asked.prompt[r]) for r in range(n)}
    finished = [env.event() for _ in range(n)]
    wake = [env.event()]
    fresh = iter(range(n))

    def client() -> Any:
        for r in fresh:
            yield env.timeout(latency)
            queue.append(r)
            ready[r] = env.now
            if not wake[0].triggered:
                wake[0].succeed()
            yield finished[r]

    def server() -> Any:
        began = math.inf
        while True:
            known = min(began, env.now) if pool.overlapped else env.now
            space, tokens, weighted, computed = pool.budget - len(running), 0, 0.0, []
            for r in queue:
                chunk = int(min(left[r], space))
                if chunk < 1 or ready[r] > known:
                    break
                weighted += chunk * (int(asked.prompt[r]) - left[r] + 0.5 * (chunk + 1))
                left[r], tokens, space = left[r] - chunk, tokens + chunk, space - chunk
                if left[r]:
                    break
                computed.append(r)
            if not running and not tokens:
                began = math.inf
                if not queue:
                    wake[0] = env.event()
                    yield wake[0]
                continue
            began = env.now
            context = sum(int(asked.prompt[r]) + got for r, got in running.items())
            s = len(running)
            step = Steps(
                *(np.array(float(v)) for v in (s, context / max(s, 1), tokens, weighted / max(tokens, 1))), False
            )
            host, device = pool.host_step + pool.host_seq * s, float(price(step))
            yield env.timeout(max(device, host) if pool.overlapped else device + host)
            for r in list(running):
                running[r] += 1
                if running[r] == asked.answer[r] - 1:
                    del running[r]
                    done[r] = env.now
                    finished[r].succeed()
            for r in computed:
                queue.remove(r)
                first[r] = env.now
                running[r] = 0

    for _ in range(in_flight):
        env.process(client())
    env.process(server())
    env.run(until=simpy.events.AllOf(env, finished))
    return first, done


@pytest.mark.parametrize("overlapped", [True, False])
@pytest.mark.parametrize("in_flight", [1, 3, 17])
def test_simpy_finds_the_same(in_flight: int, overlapped: bool) -> None:
    asked, pool = drawn(60, 0.3), BASE._replace(overlapped=overlapped)
    first, done = by_simpy(asked, in_flight, 2e-3, pool)
    offer = Offer(in_flight, np.zeros(60), 2e-3, np.zeros(60))
    found = replay.replay(asked, offer, pool)
    assert found.first == pytest.approx(first, rel=1e-9)
    assert found.done == pytest.approx(done, rel=1e-9)


def test_short_work_runs_plain_and_long_work_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = compiled.Meter()
    monkeypatch.setattr(compiled, "METER", meter)
    monkeypatch.setattr(compiled, "build", lambda: pytest.fail("compiled for a short run"))
    short = run(drawn(20), 8, plain=None)
    assert 0 < meter.steps < compiled.FEW
    monkeypatch.undo()
    same(short, run(drawn(20), 8))
    assert meter.worth(compiled.FEW)


def test_an_overlapped_scheduler_takes_a_request_one_step_later() -> None:
    """What comes while a step runs joins the step after the next: the next one is composed already."""
    asked = Requests(np.array([512, 64]), np.zeros(2, np.int64), np.array([400, 5]), np.array([0.0, 0.1]))
    offer = Offer(None, np.zeros(2), 0.0, np.zeros(2))
    late, soon = (replay.replay(asked, offer, BASE._replace(overlapped=o, host_step=0.0)) for o in (True, False))
    step = float(price(Steps(np.array(1.0), np.array(512.0), np.array(0.0), np.array(1.0), np.array(False))))
    assert late.ttft[0] == soon.ttft[0]
    assert late.ttft[1] - soon.ttft[1] == pytest.approx(step, rel=0.1)


def test_launching_is_hidden_behind_the_device_and_scheduling_only_where_it_runs_ahead() -> None:
    """Without overlap a step lasts the longer of device and launch, and the scheduler's work; with it the longest."""
    decode, prompts = (1.0, 1.0, 512.0), (512.0, 512.0, 512.0 * 256)
    device = loop.lasts(BASE._replace(host_step=0.0, host_seq=0.0), decode, prompts)
    for launch in (0.5 * device, 2.0 * device):
        pool = BASE._replace(host_step=1e-3, host_seq=0.0, launch=launch)
        assert loop.lasts(pool._replace(overlapped=False), decode, prompts) == pytest.approx(max(device, launch) + 1e-3)
        assert loop.lasts(pool, decode, prompts) == pytest.approx(max(device, launch + 1e-3))
        assert loop.lasts(pool, decode, (0.0, 0.0, 0.0)) < device


def test_an_interrupt_waits_for_the_compiled_loop() -> None:
    """Half a compiled function would fail every later run of the process."""
    reached = []

    def interrupted() -> None:
        with compiled.unbroken():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == ["the end"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
