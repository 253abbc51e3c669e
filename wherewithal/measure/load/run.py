"""A load test from its settings to its result: warm-up, one run or a ramp of runs."""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from wherewithal.errors import InputError
from wherewithal.measure.load import ramp, warm
from wherewithal.measure.load.address import Address
from wherewithal.measure.load.client import Client, clock
from wherewithal.measure.load.drive import INTERRUPTED, Drive, Outcome, State
from wherewithal.measure.load.lengths import Arrivals, Ask, asks
from wherewithal.measure.load.prompts import Prompts
from wherewithal.measure.load.summary import Summary
from wherewithal.measure.load.vocabulary import Vocabulary
from wherewithal.measure.load.warm import IDS, Server
from wherewithal.plan.workload import Slo

Show = Callable[[str, State | None], None] | None
# Steps of a ramp among which the bounds of the whole are divided.
_PARTS = 10


@dataclass(frozen=True)
class Settings:
    """What to test and how.

    Attributes:
        address: judged and pinned.
        endpoint: `completions` or `chat`.
        served_model: as the server knows it; None to ask it.
        arrivals: how requests come.
        lengths: [token] of prompt and answer, and the spread.
        requests: in all; None for what the load implies.
        max_requests, duration_s: bounds of the whole; [1], [s].
        warm_up: requests before the clock starts; None for what the load implies.
        timeout_s, stall_s: [s] that a request may take, and between two pieces of its text.
        connections: at most so many; 0 for no limit.
        slo: service levels.
        ramp: whether to search the highest load that keeps them.
        shared_prefix: [token] that all prompts have in common.
        vocabulary: of the tokens, where a file gave it.
        extra_body: added to every request.
        key: bearer token; never shown.
        seed: of lengths and arrivals.
        top_rate_per_s: [1/s] above which a ramp does not go.
    """

    address: Address
    arrivals: Arrivals
    lengths: tuple[int, int, float]
    endpoint: str = "completions"
    served_model: str | None = None
    requests: int | None = None
    max_requests: int = 2000
    duration_s: float = 120.0
    warm_up: int | None = None
    timeout_s: float = 300.0
    stall_s: float = 60.0
    connections: int = 0
    slo: Slo = field(default_factory=Slo)
    ramp: bool = False
    shared_prefix: int = 0
    vocabulary: Vocabulary | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    key: str = field(default="", repr=False)
    seed: int = 0
    top_rate_per_s: float = math.inf

    def count(self, arrivals: Arrivals) -> int:
        """Return the requests that one run sends at most."""
        most = self.max_requests
        if self.requests is not None:
            return min(self.requests, most)
        if arrivals.kind == "closed":
            return min(max(10 * arrivals.concurrency, 10), most)
        if arrivals.kind == "burst" and not arrivals.rate_per_s:
            return min(arrivals.burst, most)
        if arrivals.kind == "trace":
            return min(len(arrivals.trace), most)
        return min(max(math.ceil(self.duration_s * (arrivals.rate_per_s or 1.0)), 1), most)


@dataclass(frozen=True)
class Step:
    """One load of a ramp: the load, its run, whether it keeps the service levels."""

    load: float
    summary: Summary
    held: bool

    @property
    def spoiled(self) -> bool:
        """Whether the client itself did not keep up."""
        return bool(self.summary.outcome.health.faults)

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        rates = self.summary.rates
        shown = {f"{one.name}_s": one.to_dict()["measured_s"] for one in self.summary.levels}
        requests = len(self.summary.outcome.samples)
        return {
            "load": self.load,
            "held": self.held,
            "requests": requests,
            "goodput_per_s": rates["goodput_per_s"],
            **shown,
        }


@dataclass
class Result:
    """A load test that is over.

    Attributes:
        settings: as asked.
        server: as the warm-up found it.
        arrivals: of the run whose figures are shown: the best of a ramp.
        summary: that run.
        steps: of a ramp, in the order in which they ran.
        warmed: requests of the warm-up.
    """

    settings: Settings
    server: Server
    arrivals: Arrivals
    summary: Summary
    steps: list[Step] = field(default_factory=list)
    warmed: int = 0

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped it."""
        runs = [self.summary, *(s.summary for s in self.steps)]
        return any(r.outcome.reason == INTERRUPTED for r in runs)

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the client itself spoiled the run; empty where it did not."""
        return self.summary.outcome.health.faults


def run(settings: Settings, show: Show = None) -> Result:
    """Test a server; Ctrl-C ends it with what there is.

    Args:
        settings: what to test.
        show: called some times a second with the phase and the state.

    Raises:
        InputError: no answer, or one that cannot be tested.
    """
    with suppress(ImportError, OSError, ValueError):  # every request in flight is an open file
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else max(soft, 65536), hard))
    return asyncio.run(_run(settings, show))


async def _run(settings: Settings, show: Show) -> Result:
    client = Client(
        settings.address, settings.endpoint, settings.key, settings.timeout_s, settings.stall_s, settings.connections
    )
    async with client:
        server = await _server(client, settings, show)
        together = settings.arrivals.concurrency or 8
        warmed = min(together, 128) if settings.warm_up is None else settings.warm_up
        if warmed:
            _said(show, f"warm-up, {warmed} requests")
            await warm.rounds(client, server, Ask(math.nan, *settings.lengths[:2]), warmed, min(max(together, 1), 256))
        if settings.ramp:
            return await _ramp(client, server, settings, show, warmed)
        outcome = await _drive(client, server, settings, settings.arrivals, show)
        if client.stale:
            server.notes.append("the server closes connections that it was to keep: each request opens its own")
        return Result(settings, server, settings.arrivals, Summary(outcome, settings.slo), warmed=warmed)


def _said(show: Show, phase: str) -> None:
    if show is not None:
        show(phase, None)


async def _server(client: Client, settings: Settings, show: Show) -> Server:
    """Return the server once it is known how it counts."""
    _said(show, "asking the server")
    name, said = await warm.models(client, settings.served_model)
    context, vocabulary = warm.context_of(said)
    lengths = settings.lengths
    if settings.arrivals.kind == "trace":
        rows = settings.arrivals.trace
        lengths = (max(r.input_tokens for r in rows), max(r.output_tokens for r in rows), 0.0)
    if context is not None and lengths[0] + lengths[1] > context and settings.arrivals.kind != "trace":
        what = f"{lengths[0]:,} input and {lengths[1]:,} output tokens; the server holds {context:,}"
        raise InputError("--input-tokens", what, "ask for shorter ones, or start the server with a longer context")
    form = "text" if settings.endpoint == "chat" else "ids"
    prompts = Prompts(form, os.urandom(8).hex(), shared=settings.shared_prefix)
    if vocabulary:
        prompts = replace(prompts, top=vocabulary)
    if settings.vocabulary is not None:
        prompts = replace(prompts, ids=settings.vocabulary.ids, words=settings.vocabulary.words)
    server = Server(name, prompts, settings.endpoint, settings.extra_body, context=context)
    if settings.endpoint == "chat":
        server = replace(server, takes=tuple(t for t in server.takes if t != IDS))
    server = await warm.agree(client, server, Ask(math.nan, *_middle(settings)))
    client.keep = not server.counts and settings.vocabulary is not None
    return server


def _middle(settings: Settings) -> tuple[int, int]:
    """Return middling lengths [token] of the test, to warm up with."""
    if settings.arrivals.kind == "trace":
        rows = sorted(settings.arrivals.trace, key=lambda r: r.input_tokens)
        return rows[len(rows) // 2].input_tokens, rows[len(rows) // 2].output_tokens
    return settings.lengths[:2]


async def _drive(
    client: Client,
    server: Server,
    settings: Settings,
    arrivals: Arrivals,
    show: Show,
    bounds: tuple[int, float] | None = None,
) -> Outcome:
    """Run one load; `bounds` are the requests and the [s] that it may take."""
    count, duration = bounds or (settings.count(arrivals), settings.duration_s)
    asked = asks(arrivals, settings.lengths, count, settings.seed)
    words = arrivals.words()
    shown = None if show is None else lambda state: show(words, state)
    mark = f"{arrivals.concurrency} {arrivals.rate_per_s}"
    drive = Drive(client, arrivals, asked, lambda i, ask: server.body(f"{mark} {i}", ask), duration, shown)
    outcome = await drive.run()
    if client.keep and settings.vocabulary is not None:
        for sample in outcome.samples:
            sample.tokens_out = settings.vocabulary.count(client.texts.pop(id(sample), "")) or None
    return outcome


async def _ramp(client: Client, server: Server, settings: Settings, show: Show, warmed: int) -> Result:
    """Search the highest load that keeps the service levels."""
    closed = settings.arrivals.kind == "closed"
    start, left = clock(), settings.max_requests
    steps: list[Step] = []

    def at(load: float) -> Arrivals:
        return (
            replace(settings.arrivals, concurrency=int(load)) if closed else replace(settings.arrivals, rate_per_s=load)
        )

    async def holds(load: float) -> bool | None:
        held = await step(load)
        # What the client spoiled says nothing of the server: once more, then the search ends.
        return held if held is not None or not steps or not steps[-1].spoiled else await step(load)

    async def step(load: float) -> bool | None:
        nonlocal left
        over = settings.duration_s - (clock() - start)
        if left < 1 or over <= 0 or (not closed and load > settings.top_rate_per_s):
            return None
        part = settings.max_requests // _PARTS
        own = 4 * int(load) if closed else math.ceil(load * settings.duration_s / _PARTS)
        count = min(settings.requests or max(min(own, part), 10), left)
        outcome = await _drive(client, server, settings, at(load), show, (count, over))
        left -= len(outcome.samples)
        summary = Summary(outcome, settings.slo)
        steps.append(Step(load, summary, summary.met and not outcome.health.faults))
        return None if outcome.reason == INTERRUPTED or steps[-1].spoiled else steps[-1].held

    first = float(settings.arrivals.concurrency) if closed else float(settings.arrivals.rate_per_s or 1.0)
    best = await ramp.highest(first, closed, holds)
    chosen = next((s for s in reversed(steps) if s.held and s.load == best), None) or min(steps, key=lambda s: s.load)
    return Result(settings, server, at(chosen.load), chosen.summary, steps, warmed)


def body_of(text: str) -> dict[str, Any]:
    """Return the JSON object of `--extra-body`.

    Raises:
        InputError: no JSON object, or one that would change what is measured.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    example = 'write it as {"cache_prompt": false}'
    if not isinstance(found, dict):
        raise InputError("--extra-body", f"{text[:60]!r} is no JSON object", example)
    for name in ("stream", "prompt", "messages", "model", "max_tokens", "n", "stream_options"):
        if name in found:
            raise InputError("--extra-body", f"holds {name!r}, which the test itself sets", example)
    return found
