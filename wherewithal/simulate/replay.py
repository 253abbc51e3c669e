"""A run replayed: requests in, times of each out."""

from __future__ import annotations

from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from wherewithal.errors import InputError
from wherewithal.simulate import compiled, loop
from wherewithal.simulate.requests import Requests
from wherewithal.simulate.state import CLOSED, OPEN, Floats, Ints, Pool, State


class Offer(NamedTuple):
    """How requests come.

    Attributes:
        at_once: requests in flight of a closed load; None where they come by themselves (`Requests.arrive`).
        handling: [s] work of the front end on each request, one after the other.
        latency: [s] beside it, of each request.
        moved: [s] transfer of each request's cache between pools.
    """

    at_once: int | None
    handling: Floats
    latency: float
    moved: Floats


class Times(NamedTuple):
    """What happened.

    Attributes:
        arrive, first, done: [s] of each request: sent, first token, last token.
        answer: [token] of each.
        evictions: requests that were sent back and computed anew.
        steps: steps of all servers.
        fullest: largest share of a group's cache in use.
    """

    arrive: Floats
    first: Floats
    done: Floats
    answer: Ints
    evictions: int
    steps: int
    fullest: float

    @property
    def ttft(self) -> Floats:
        """Time to first token [s] of each request."""
        return self.first - self.arrive

    @property
    def tpot(self) -> Floats:
        """Time per output token after the first [s] of each request that has more than one."""
        more = self.answer > 1
        return (self.done - self.first)[more] / (self.answer[more] - 1)

    @property
    def e2e(self) -> Floats:
        """Time from sent to last token [s] of each request."""
        return self.done - self.arrive

    @property
    def span(self) -> float:
        """From the first request to the last token [s]."""
        return float(self.done.max() - self.arrive.min())


def state(asked: Requests, offer: Offer, servers: int, width: int) -> State:
    """Return the state before a run.

    Args:
        asked: the requests.
        offer: how they come.
        servers: of all pools.
        width: groups of a server at most.
    """
    n, g = len(asked.prompt), servers * width
    arrive = asked.arrive.copy() if offer.at_once is None else np.full(n, np.inf)
    none = np.full(n, np.nan)
    end = np.full(servers, np.inf)
    if offer.at_once is None:
        end[0] = arrive[0]
    return State(
        arrive=arrive, ready=np.full(n, np.inf), handling=offer.handling, moved=offer.moved, first=none, done=none.copy(),
        prompt=asked.prompt.copy(), held=asked.cached.copy(), answer=asked.answer.copy(),
        progress=np.zeros(n, dtype=np.int64), after=np.full(n, -1), group=np.zeros(n, dtype=np.int64),
        born=np.zeros(n, dtype=np.int64), finish=np.zeros(n, dtype=np.int64), head=np.full(g, -1), tail=np.full(g, -1),
        running=np.zeros(g, dtype=np.int64), filling=np.zeros(g, dtype=np.int64), waiting=np.zeros(g, dtype=np.int64),
        context=np.zeros(g), kept=np.zeros(g), full=np.zeros(g), taken=np.zeros(g, dtype=np.int64), began=np.zeros(servers), end=end,
        busy=np.zeros(servers, dtype=np.int64), steps=np.zeros(servers, dtype=np.int64),
        size=np.zeros(servers, dtype=np.int64), heap=np.zeros((servers, min(n, offer.at_once or n)), dtype=np.int64),
        clock=np.zeros(3), tally=np.zeros(3, dtype=np.int64),
    )  # fmt: skip


def replay(asked: Requests, offer: Offer, front: Pool, back: Pool | None = None, *, plain: bool | None = None) -> Times:
    """Return the times of every request of a run.

    Args:
        asked: the requests.
        offer: how they come.
        front: servers that take requests.
        back: servers that decode what the front computed; None where the front decodes too, or nothing does.
        plain: run the loop as plain Python, some hundred times slower, with the same result; None for whichever is
            ready sooner.

    Raises:
        InputError: something waits that can never be served.
    """
    second = back or front._replace(first=front.servers, servers=0)
    width = max(front.groups, second.groups)
    st = state(asked, offer, front.servers + second.servers, width)
    if plain is None:
        steps = float(asked.answer.sum()) / front.accepted / max(offer.at_once or 1, 1) * max(width, 1)
        plain = not compiled.METER.worth(steps + len(asked.prompt))
    serve = loop.serve if plain else compiled.build()
    kind = OPEN if offer.at_once is None else CLOSED
    sent = min(offer.at_once or 0, len(asked.prompt))
    with nullcontext() if plain else compiled.unbroken():
        waits = serve(st, front, second, width, kind, sent, offer.latency)
    if waits:
        raise InputError("requests", "some wait that the deployment can never serve", "shorter ones, or more memory")
    return Times(st.arrive, st.first, st.done, asked.answer, int(st.tally[2]), int(st.clock[2]), float(st.clock[1]))
