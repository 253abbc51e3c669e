"""Sends the requests of a run when they are due, and stops when it must."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wherewithal.measure.load.client import Client, clock
from wherewithal.measure.load.health import Health, Watch
from wherewithal.measure.load.lengths import Arrivals, Ask
from wherewithal.measure.load.sample import CANCELLED, Sample

# A run stops once this share of its finished requests failed, of at least so many.
STOP_SHARE, STOP_LEAST = 0.10, 20
# Bodies made before the clock starts, as long as they fit.
READY_BYTES = 200_000_000
INTERRUPTED, ERRORS, OVER = "interrupted", "errors", "time is over"


@dataclass(frozen=True)
class State:
    """Where a run stands; what a live line shows."""

    elapsed_s: float
    sent: int
    done: int
    flight: int
    failed: int
    tokens: int
    ttft_s: float
    tpot_s: float


@dataclass
class Outcome:
    """A run that is over.

    Attributes:
        samples: every request that was begun, in the order in which they were due.
        wall_s: [s] from the start to the end of the last one.
        health: how the client fared.
        reason: why it ended before all requests were sent: INTERRUPTED, ERRORS, OVER, or empty.
    """

    samples: list[Sample]
    wall_s: float
    health: Health
    reason: str = ""

    @property
    def whole(self) -> list[Sample]:
        """Requests with a whole answer."""
        return [s for s in self.samples if not s.error]

    @property
    def failed(self) -> list[Sample]:
        """Requests that failed; those that the end of the run cut off are not among them."""
        return [s for s in self.samples if s.error and s.error != CANCELLED]


Show = Callable[[State], None] | None


@dataclass
class Drive:
    """One run over a client.

    Attributes:
        client: opened.
        arrivals: how requests come.
        asks: what they ask for.
        body: (number, request) to the JSON that is sent.
        duration_s: [s] after which no further request is sent.
        show: called some times a second with the state.
    """

    client: Client
    arrivals: Arrivals
    asks: Sequence[Ask]
    body: Callable[[int, Ask], bytes]
    duration_s: float
    show: Show = None
    samples: list[Sample] = field(default_factory=list)
    reason: str = ""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _done: int = 0
    _failed: int = 0
    _tokens: int = 0

    async def run(self) -> Outcome:
        """Send all of it and return what was seen; cut short where the task is cancelled, with what there is."""
        ready = self._prepared()
        self._recent: deque[Sample] = deque(maxlen=64)
        opened = self.client.opened
        async with Watch() as watch:
            self._start = clock()
            closed = self.arrivals.kind == "closed"
            main = asyncio.create_task(self._closed(ready) if closed else self._open(ready))
            self._tasks.add(main)
            shown = asyncio.create_task(self._showing())
            try:
                while self._tasks:
                    done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                    self._tasks -= done
                    for task in done:
                        if not task.cancelled() and (error := task.exception()) is not None:
                            raise error
            except asyncio.CancelledError:
                self._stop(INTERRUPTED)
            finally:
                shown.cancel()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
            wall = clock() - self._start
        health = watch.health([s.late for s in self.samples], self.client.opened - opened)
        samples = sorted(self.samples, key=lambda s: (s.due, s.index))
        return Outcome(samples, wall, health, self.reason)

    def _prepared(self) -> list[bytes]:
        """Return the first bodies, made before the clock starts."""
        ready: list[bytes] = []
        size = 0
        for i, ask in enumerate(self.asks):
            if size > READY_BYTES:
                break
            ready.append(self.body(i, ask))
            size += len(ready[-1])
        return ready

    def _body(self, ready: list[bytes], at: int) -> bytes:
        return ready[at] if at < len(ready) else self.body(at, self.asks[at])

    def _stop(self, reason: str) -> None:
        """End the run at once."""
        self.reason = self.reason or reason
        for task in self._tasks:
            task.cancel()

    def _over(self) -> bool:
        """Return whether no further request may be sent."""
        if not self.reason and clock() - self._start >= self.duration_s:
            self.reason = OVER
        return bool(self.reason)

    async def _one(self, sample: Sample, body: bytes) -> None:
        self.samples.append(sample)
        await self.client.send(sample, body, self._start)
        self._done += 1
        self._failed += bool(sample.error)
        self._tokens += sample.tokens
        self._recent.append(sample)
        if self._done >= STOP_LEAST and self._failed > STOP_SHARE * self._done:
            self._stop(ERRORS)

    async def _closed(self, ready: list[bytes]) -> None:
        """Keep a number of requests in flight: each is due when the one before it in its place has ended."""
        following = iter(range(len(self.asks)))

        async def place() -> None:
            due = math.nan
            for at in following:
                if self._over():
                    return
                sample = Sample(at, due, *self.asks[at][1:])
                await self._one(sample, self._body(ready, at))
                due = sample.end

        for _ in range(min(self.arrivals.concurrency, len(self.asks))):
            self._tasks.add(asyncio.create_task(place()))

    async def _open(self, ready: list[bytes]) -> None:
        """Send each request when it is due, whatever has become of those before it."""
        for at, ask in enumerate(self.asks):
            wait = ask.at_s - (clock() - self._start)
            if wait > 0:
                if ask.at_s >= self.duration_s:
                    await asyncio.sleep(max(self.duration_s - (clock() - self._start), 0.0))
                    self._over()
                    return
                await asyncio.sleep(wait)
            if self._over():
                return
            sample = Sample(at, ask.at_s, *ask[1:])
            self._tasks.add(asyncio.create_task(self._one(sample, self._body(ready, at))))
            if wait <= 0:
                await asyncio.sleep(0)

    async def _showing(self) -> None:
        """Tell the state some times a second."""
        while self.show is not None:
            await asyncio.sleep(0.25)
            self.show(self._state())

    def _state(self) -> State:
        good = [s for s in self._recent if not s.error]
        ttft, tpot = (
            sum(v) / len(v) if (v := [x for s in good if (x := getattr(s, n)) == x]) else math.nan
            for n in ("ttft", "tpot")
        )
        flight = len(self.client.live)
        tokens = self._tokens
        return State(clock() - self._start, len(self.samples), self._done, flight, self._failed, tokens, ttft, tpot)
