"""A run as a benchmark makes it: so many requests from a standing start, replayed step by step."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from wherewithal.axes.split import Split
from wherewithal.engine import cache_bytes, step
from wherewithal.model.op import Load
from wherewithal.plan.memory import room
from wherewithal.plan.pools import crossing
from wherewithal.plan.steady import Deployment, masked
from wherewithal.plan.workload import Offered
from wherewithal.simulate import state
from wherewithal.simulate.grid import Reach, Steps, grid
from wherewithal.simulate.replay import Offer, replay
from wherewithal.simulate.requests import Lengths, requests
from wherewithal.simulate.state import Floats, Pool
from wherewithal.simulate.statistics import Served, served

ROLES = {"all": state.BOTH, "prefill": state.PREFILL, "decode": state.DECODE}
POLICIES = {"mixed": state.MIXED, "prefill-first": state.PREFILL_FIRST}
# What is replayed at most. Of a closed load: requests for each in flight, or as many as take so many steps; of any other
# load: requests. Of a longer run the middle goes on as it is.
WAVES, STEPS, MOST = 12, 60_000, 20_000


class Side(NamedTuple):
    """One pool of a run: its deployment, the split of a replica, replicas, and its role."""

    deployment: Deployment
    split: Split
    replicas: int
    role: str


class Run(NamedTuple):
    """What is run: the load, with its requests in all, and a seed."""

    offered: Offered
    seed: int

    @property
    def in_flight(self) -> float:
        """Requests in flight at most; as many as there are in an open load."""
        o = self.offered
        return min(o.concurrency or math.inf, self.requests)

    @property
    def requests(self) -> float:
        """Requests in all: one batch of a static load."""
        o = self.offered
        return (o.concurrency if o.kind == "static" else o.requests) or 1.0


def price(d: Deployment, split: Split, steps: Steps) -> Floats:
    """Return the device's time of each step [s]; contexts and tokens as `Steps` has them."""
    w = d.workload
    q, tokens = w.step_tokens, steps.tokens / split.context
    load = Load(
        steps.seqs, q, steps.context / split.context, tokens, steps.prompt,
        np.minimum(steps.tokens / w.new_input, steps.tokens),
        (steps.seqs * q + tokens) * np.where(steps.alone, 1.0, split.data),
        tokens * (w.image_patches / w.new_input), w.image_patches,
    )  # fmt: skip
    return np.asarray(step(d.model, split, masked(d, split, load), d.machine).seconds, dtype=np.float64)


def pool(side: Side, first: int, servers: int, in_flight: float, static: bool) -> Pool:
    """Return a pool as the event loop takes it.

    Args:
        side: the pool.
        first: number of its first server.
        servers: of it.
        in_flight: requests of one server at most.
        static: whether a batch is filled once.
    """
    d, split = side.deployment, side.split
    e, w = d.engine, d.workload
    groups, parts = int(split.data), float(split.microbatches)
    budget = e.token_budget / (groups if e.budget_per_data_group else 1.0)
    held = room(d.model, split, d.machine, e, w, tokens=budget, role=side.role)
    mean = (w.mean_input if side.role == "prefill" else w.kept(e.reserved_answer)) + e.kv_block_tokens / 2
    per_token = float(held.per_sequence) / mean
    cache = float(held.kv_room) / per_token / float(split.pipeline) if per_token > 0 else math.inf
    most = min(e.max_seqs, max(math.ceil(in_flight / groups), 1.0))
    low = 1.0 - w.length_spread
    prompt, longest = w.new_input / (1 - w.length_spread / 2), w.input_tokens + w.output_tokens
    reach = Reach(
        most / parts, min(budget, most * prompt) / parts if side.role != "decode" else 0.0,
        (low * w.input_tokens, longest), (max(w.mean_input - w.new_input, 1.0), w.input_tokens),
    )  # fmt: skip
    return Pool(
        role=ROLES[side.role], first=first, servers=servers, groups=groups, parts=parts,
        policy=state.STATIC if static else POLICIES[e.policy], budget=float(budget), most=float(most),
        room=max(cache, 1.0), reserved=e.reserved_answer, tokens=float(w.step_tokens), accepted=float(w.accepted_tokens_per_step),
        host_step=e.host_s_per_step, host_seq=e.host_s_per_seq,
        launch=d.launch_s * parts, overlapped=bool(e.host_overlapped),
        grid=grid(lambda x: price(d, split, x), reach, groups),
    )  # fmt: skip


def run(sides: list[Side], asked: Run, chips: int) -> Served:
    """Return what a client of the run would have measured.

    Servers that are alike share a load evenly, so one of them is replayed with its share (with two pools, the fewest
    of each that keep their ratio).

    Args:
        sides: one pool that does all, or the prefill and the decode pool.
        asked: the load.
        chips: that caches cross between two pools.
    """
    counts = [side.replicas * int(side.split.pipeline) for side in sides]
    alike = float(math.gcd(*counts))
    rate_per_s = asked.offered.rate_per_s
    if len(sides) == 1 and rate_per_s is None:
        alike = min(alike, max(asked.in_flight, 1.0))
    servers = [max(round(n / alike), 1) for n in counts]
    each = max(round(asked.in_flight / alike), 1)
    count = max(round(asked.requests / alike), 1)
    kind = asked.offered.kind
    first = sides[0].deployment
    w = first.workload
    most = max(each * WAVES, min(each * STEPS / w.decode_steps, MOST)) if kind == "closed" else MOST
    kept = min(count, round(most))
    each = min(each, kept)
    lengths = Lengths(
        w.input_tokens, w.output_tokens, w.length_spread, w.cached_input_tokens / max(w.input_tokens, 1.0)
    )
    rate = rate_per_s / alike if rate_per_s else None
    drawn = requests(lengths, kept, asked.seed, rate)
    per_token = 0.0
    if len(sides) == 2:
        one = float(np.asarray(cache_bytes(first.model, sides[0].split, first.machine.formats, w.mean_input)))
        per_token = one / w.mean_input / crossing(first, chips)
    moved = np.asarray((drawn.prompt + drawn.cached) * per_token, dtype=np.float64)
    flight = [each / n for n in servers]
    pools = [
        pool(side, sum(servers[:i]), n, per, kind == "static")
        for i, (side, n, per) in enumerate(zip(sides, servers, flight, strict=True))
    ]
    handling = (drawn.prompt + drawn.cached) * first.engine.host_s_per_prompt_token
    offer = Offer(
        None if rate else each, np.asarray(handling, dtype=np.float64), first.engine.host_s_per_request, moved
    )
    return served(replay(drawn, offer, *pools), count, each if kind == "closed" else None, alike)
