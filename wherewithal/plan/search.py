"""Prices every layout and batch of a question, in pieces, and keeps the frontier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherewithal import pulse
from wherewithal.axes.split import Split
from wherewithal.model.model import Model
from wherewithal.model.op import Num, Rows
from wherewithal.plan import steady
from wherewithal.plan.edge import Bracket, bracket, closed
from wherewithal.plan.engines import legal_rows
from wherewithal.plan.lattice import DEGREES, NAMES, Layouts, batches, distinct, lattice, offloaded
from wherewithal.plan.legal import experts, kv_heads, legal
from wherewithal.plan.memory import room
from wherewithal.plan.pareto import frontier
from wherewithal.plan.steady import Deployment
from wherewithal.plan.workload import Offered, Slo
from wherewithal.pricing.collective import Level

# Ranks of the largest replica that is searched: beyond it every curve is far from what was measured.
LARGEST = 2048
# Elements of one piece: small enough to stay in the processor's cache, large enough to hide NumPy's cost per call.
PIECE = 16_384
# Batch sizes per layout at the most, and rows priced per pool at about the most.
MOST_BATCHES, ROWS = 64, 300_000
# Frontier rows kept of each pool for matching.
KEPT = 96

Tick = Callable[[int], None] | None


class Goal(NamedTuple):
    """What is asked for: service levels and offered load."""

    slo: Slo
    offered: Offered


class Found(NamedTuple):
    """Frontier rows of one way of serving, best speed per user first; every field has shape (rows,).

    Attributes:
        tpot_s, ttft_s: [s] at the statistics that the service levels ask for.
        rate: [token/s] output per chip of the question.
        requests_per_s: [1/s] of the whole deployment.
        in_flight: requests of the whole deployment.
        layouts: layout of the pool that decodes (and prefills, where colocated).
        batch: sequences per attention group and micro-batch.
        replicas: of that pool.
        prefill_layouts, prefill_tokens, prefill_replicas: of the prefill pool; empty where colocated.
        scale: share of the decode batch that the load fills.
    """

    tpot_s: Rows
    ttft_s: Rows
    rate: Rows
    requests_per_s: Rows
    in_flight: Rows
    layouts: Layouts
    batch: Rows
    replicas: Rows
    prefill_layouts: Layouts | None
    prefill_tokens: Rows
    prefill_replicas: Rows
    scale: Rows

    def take(self, rows: NDArray[np.intp]) -> Found:
        """Return some of the rows."""
        taken: dict[str, Any] = {n: v.take(rows) for n, v in zip(self._fields, self, strict=True) if v is not None}
        return self._replace(**taken)


@dataclass(frozen=True)
class Space:
    """The layouts of one pool that fit.

    Attributes:
        layouts: columns of degrees.
        most: sequences per attention group and micro-batch that memory and the engine allow.
        per_group: sequences per attention group that memory allows.
        sizes: batch sizes that each layout is tried at.
        considered, legal: layouts before, and those that model, chips and engine allow.
    """

    layouts: Layouts
    most: Rows
    per_group: Rows
    sizes: int
    considered: int
    legal: int


@dataclass
class Counts:
    """How many rows (a layout at a batch, or at the prompt tokens of a pass) were looked at, and what became of them."""

    considered: int = 0
    legal: int = 0
    fit: int = 0
    feasible: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def tried(self, where: Space, sizes: int) -> None:
        """Count the layouts of a pool, each at so many batch sizes."""
        self.considered += where.considered * sizes
        self.legal += where.legal * sizes

    def because(self, text: str, rows: int) -> None:
        """Count layouts that fell for a reason."""
        if rows:
            self.reasons[text] = self.reasons.get(text, 0) + rows


class Extremes(NamedTuple):
    """The best that any row that fits reaches, each alone: what a limit that binds is measured against.

    Attributes:
        tpot_s, ttft_s: [s] lowest of any row.
        rate: [token/s] highest per chip.
        short_bytes: [B] by which the roomiest layout misses memory on a rank; negative where it fits; infinite where
            each pool fits, and not beside the other.
        needed_bytes, room_bytes: [B] of that layout.
    """

    tpot_s: float
    ttft_s: float
    rate: float
    short_bytes: float
    needed_bytes: float
    room_bytes: float


def space(d: Deployment, ranks: int, role: str, counts: Counts, only: Layouts | None = None) -> tuple[Space, Extremes]:
    """Return the layouts of a pool that are legal and fit in memory, and by how much the roomiest one misses."""
    engine = d.engine
    routed = experts(d.model) > 0
    every = only or lattice(min(ranks, LARGEST), d.model.depth, routed=routed)
    every = every.take(every.ranks <= ranks)
    if d.offload and only is None:
        every = offloaded(every, d.model.depth, d.offload, routed=routed)
    looked_at = len(every)
    pulse.beat()
    every = every.take(legal(d.model, every, boundaries(d, ranks)))
    allowed, why = legal_rows(engine, {n: every.columns[n] for n in DEGREES}, model_facts(d.model))
    if not engine.two_batch:
        allowed = allowed & (every.columns["microbatches"] == 1)
    every = every.take(np.broadcast_to(allowed, (len(every),)))
    for text, rows in why.items():
        counts.because(text, rows)
    pulse.beat()
    split = Split(**every.columns)
    tokens = step_tokens(d, split, role)
    memory = room(d.model, split, d.machine, engine, d.workload, tokens=tokens, role=role)
    held = np.broadcast_to(memory.sequences, (len(every),))
    needed = np.broadcast_to(memory.weights + memory.activations + memory.longest + memory.reserved, (len(every),))
    spare = np.broadcast_to(memory.kv_room - memory.longest, (len(every),))
    best = int(np.argmax(spare)) if len(every) else 0
    size = float(spare[best]) if len(every) else -np.inf
    need = float(needed[best]) if len(every) else np.inf
    gap = Extremes(np.inf, np.inf, 0.0, -size, need, need + size if np.isfinite(need) else 0.0)
    fits = held >= 1.0
    most = np.minimum(held / (every.columns["pipeline"] * every.columns["microbatches"]), engine.max_seqs)
    if role != "prefill" and engine.policy == "mixed":
        budget = engine.token_budget / (every.columns["data"] if engine.budget_per_data_group else 1.0)
        most = np.minimum(most, np.maximum(budget / d.workload.step_tokens, 1.0))
    keep = fits & (most >= 1.0)
    counts.because("does not fit in memory", int(np.count_nonzero(~keep)))
    left, sizes = every.take(keep), only.sizes if only is not None else 0
    sizes = sizes or batch_count(len(left))
    return Space(left, np.floor(most[keep]), held[keep], sizes, looked_at, len(every)), gap


def boundaries(d: Deployment, ranks: int) -> tuple[Level, ...]:
    """Return the tiers up to the first that holds all ranks of a pool."""
    tiers = d.machine.tiers
    last = next((i for i, level in enumerate(tiers) if level.ranks >= ranks), len(tiers) - 1)
    return tiers[: last + 1]


def model_facts(model: Model) -> dict[str, float]:
    """Return what engines' rules ask of a model."""
    return {
        "experts": experts(model),
        "layers": model.depth,
        "heads": max((b.sizes.get("heads", 0) for _, b in model.body()), default=0),
        "kv_heads": max(kv_heads(model), default=0),
        "mla": 1.0 * (not kv_heads(model)),
    }


def step_tokens(d: Deployment, split: Split, role: str) -> Rows:
    """Return the tokens of the largest step of one attention group, which set its working memory."""
    budget = d.engine.token_budget / (split.data if d.engine.budget_per_data_group else 1.0)
    return np.asarray(np.minimum(budget, d.engine.max_seqs * d.workload.step_tokens) if role == "decode" else budget)


def pieces(where: Space, count: int) -> Iterator[tuple[NDArray[np.intp], Split, Rows, NDArray[np.bool_]]]:
    """Yield (layout numbers, split, batches, which are new) in pieces that stay in the cache."""
    size = max(1, PIECE // count)
    for start in range(0, len(where.layouts), size):
        rows = np.arange(start, min(start + size, len(where.layouts)))
        s = batches(where.most[rows], count)
        yield rows, where.layouts.take(rows).split(), s, distinct(s)


def batch_count(layouts: int) -> int:
    """Return how many batch sizes each of so many layouts is tried at."""
    return max(8, min(MOST_BATCHES, ROWS // max(layouts, 1)))


def colocated(
    d: Deployment, chips: int, goal: Goal, counts: Counts, only: Layouts | None = None, tick: Tick = None
) -> tuple[Found | None, Extremes]:
    """Return the frontier of serving prefill and decode on the same chips, and the best that any row reaches."""
    ranks = chips * d.machine.system.chip.ranks
    where, low = space(d, ranks, "all", counts, only)
    keep: list[Found] = []
    brackets: list[Bracket] = []
    counts.tried(where, where.sizes)
    for rows, split, s, new in pieces(where, where.sizes):
        replicas, own = whole_replicas(ranks, split), where.layouts.take(rows)
        found = steady.colocated(d, split, s)
        counts.fit += int(np.count_nonzero(new))
        ok = new & (found.busy <= d.fullest)
        if goal.offered.given:
            low = _lower(low, *_most(d, goal.slo, found, replicas, ok, chips))
            s, found, scale, queued, ok = settle(d, split, goal.offered, s, found, replicas)
            priced = judged(d, goal, found, replicas, (scale, queued, ok))
        else:
            priced = judged(d, goal, found, replicas)
            brackets.append(bracket(rows, s, _used(d, goal.slo, priced, found), priced.requests_per_s))
        low = _lower(
            low, priced.tpot_s[ok], priced.ttft_s[ok], priced.requests_per_s[ok] * d.workload.mean_output / chips
        )
        good = ok & _meets(goal.slo.ttft, priced.ttft_s)
        counts.feasible += int(np.count_nonzero(good & _meets(goal.slo.tpot, priced.tpot_s)))
        keep.append(_front(d, chips, own, s, replicas, priced, good))
        if tick:
            tick(int(new.size))
    return merge(keep + list(_edges(d, chips, goal, where.layouts, brackets, keep))), low


def _edges(
    d: Deployment, chips: int, goal: Goal, layouts: Layouts, brackets: list[Bracket], keep: list[Found]
) -> Iterator[Found]:
    """Yield the rows between two batches of the grid at which the service levels are just met, where they may be best."""
    if goal.slo.ttft is None and goal.slo.tpot is None:
        return
    ranks = chips * d.machine.system.chip.ranks

    def price(split: Split, sizes: Rows) -> Rows:
        found = steady.colocated(d, split, sizes)
        return _used(d, goal.slo, judged(d, goal, found, whole_replicas(ranks, split)), found)

    limit = goal.slo.tpot.limit_s if goal.slo.tpot else np.inf
    best = max((float(f.requests_per_s[f.tpot_s <= limit].max(initial=0.0)) for f in keep), default=0.0)
    for own, sizes in closed(brackets, layouts, lambda b: b.rate > best, price):
        split = own.split()
        replicas, found = whole_replicas(ranks, split), steady.colocated(d, split, sizes)
        yield _front(d, chips, own, sizes, replicas, judged(d, goal, found, replicas), np.ones(sizes.shape, dtype=bool))


def whole_replicas(ranks: float, split: Split) -> Num:
    """Return how many replicas so many ranks hold; the host serves one alone."""
    return np.where(split.host_layers + split.host_experts > 0, 1.0, np.floor(ranks / split.ranks))


class Judged(NamedTuple):
    """Rows as the service levels see them: latencies [s] at the asked statistics, and what all replicas carry together."""

    tpot_s: Rows
    ttft_s: Rows
    requests_per_s: Rows
    in_flight: Rows
    scale: Rows


def judged(
    d: Deployment, goal: Goal, found: steady.Serving, replicas: Num,
    settled: tuple[Rows, Rows, NDArray[np.bool_]] | None = None,
) -> Judged:  # fmt: skip
    """Return rows as the service levels see them.

    Args:
        d: the deployment.
        goal: service levels and offered load.
        found: the rows, of one replica.
        replicas: how many there are.
        settled: scale, requests that wait outside, and which rows carry the load, where one is offered.
    """
    slo = goal.slo
    rate = np.asarray(found.requests_per_s * replicas)
    scale, queued, ok = settled or (np.ones(rate.shape), np.zeros(rate.shape), np.ones(rate.shape, dtype=bool))
    rate = rate * scale
    if settled and goal.offered.rate_per_s is not None:
        rate = np.where(ok, goal.offered.rate_per_s, rate)
    tpot = steady.tpot_at(found.tpot_s, found.tpot_sd_s, slo.tpot.quantile if slo.tpot else None)
    ttft = _ttft(d, found.service_s, found.wait_s, found.busy, slo) + queued / np.maximum(rate, 1e-12)
    return Judged(np.asarray(tpot), ttft, rate, np.asarray(found.in_flight * replicas * scale + queued), scale)


def _used(d: Deployment, slo: Slo, row: Judged, found: steady.Serving) -> Rows:
    """Return the largest share of a limit that rows use: service levels and the prefill's capacity."""
    used = np.asarray(found.busy) / d.fullest
    for bound, value in ((slo.tpot, row.tpot_s), (slo.ttft, row.ttft_s)):
        used = used if bound is None else np.maximum(used, value / bound.limit_s)
    return used


def _most(
    d: Deployment, slo: Slo, found: steady.Serving, replicas: Num, ok: NDArray[np.bool_], chips: int
) -> tuple[Rows, Rows, Rows]:
    """Return nothing of latencies, and the rates [token/s per chip] of the rows that meet the service levels unloaded."""
    row = judged(d, Goal(slo, Offered()), found, replicas)
    able = ok & _meets(slo.ttft, row.ttft_s) & _meets(slo.tpot, row.tpot_s)
    none = np.full(int(np.count_nonzero(able)), np.inf)
    return none, none, row.requests_per_s[able] * d.workload.mean_output / chips


def settle(
    d: Deployment, split: Split, offered: Offered, s: Rows, found: steady.Serving, replicas: Num
) -> tuple[Rows, steady.Serving, Rows, Rows, NDArray[np.bool_]]:
    """Return the batch at which each layout carries the offered load: (s, serving, scale, queued, carried), one column each.

    Between two batches of the grid the batch is interpolated in logarithms, and once more with what it then carries. A
    load below that of one sequence per group leaves groups idle: `scale` is the share at work. A load beyond what fits,
    or beyond what prefill keeps up with, waits outside: `queued` requests.
    """
    carried = np.maximum.accumulate(np.broadcast_to(_carried(offered, found, replicas), s.shape), axis=1)
    goal = float(offered.concurrency or offered.rate_per_s or 0.0)
    over = carried >= goal
    last = np.maximum(np.count_nonzero(np.broadcast_to(found.busy <= d.fullest, s.shape), axis=1), 1) - 1
    at = np.minimum(np.where(over.any(axis=1), np.argmax(over, axis=1), s.shape[1] - 1), last)[:, None]
    below = np.maximum(at - 1, 0)
    v0, v1 = (np.take_along_axis(carried, i, axis=1) for i in (below, at))
    s0, s1 = (np.take_along_axis(s, i, axis=1) for i in (below, at))
    enough, between = v1 >= goal, (v1 > v0) & (v1 >= goal) & (v0 < goal)
    bend = np.log(s1 / s0) / np.where(between, np.log(v1 / v0), np.inf)
    size = np.where(between, s0 * (goal / v0) ** bend, s1)
    settled = steady.colocated(d, split, size)
    nearer = size * (goal / np.maximum(_carried(offered, settled, replicas), 1e-12)) ** bend
    size = np.where(between, np.clip(nearer, s0, s1), size)
    scale = np.where(at == 0, np.minimum(goal / np.maximum(v0, 1e-12), 1.0), 1.0)
    closed = offered.concurrency is not None
    queued = np.where(enough, 0.0, np.maximum(goal - v1, 0.0)) if closed else 0.0 * size
    return size, steady.colocated(d, split, size), scale, queued, enough | closed


def _carried(offered: Offered, found: steady.Serving, replicas: Num) -> Num:
    """Return what rows carry of the kind that is offered: requests in flight, or requests per second."""
    return (found.in_flight if offered.concurrency is not None else found.requests_per_s) * replicas


def _ttft(d: Deployment, service: Num, wait: Num, busy: Num, slo: Slo) -> Rows:
    quantile = slo.ttft.quantile if slo.ttft else None
    return np.asarray(d.arrival_s + service + steady.wait_at(wait, busy, quantile))


def _meets(bound: object, value: Rows) -> NDArray[np.bool_]:
    limit = getattr(bound, "limit_s", None)
    return np.ones(value.shape, dtype=bool) if limit is None else value <= limit


def _lower(low: Extremes, tpot: Rows, ttft: Rows, rate: Rows) -> Extremes:
    if not tpot.size:
        return low
    return low._replace(
        tpot_s=min(low.tpot_s, float(tpot.min())),
        ttft_s=min(low.ttft_s, float(ttft.min())),
        rate=max(low.rate, float(rate.max())),
    )


def _front(
    d: Deployment, chips: int, layouts: Layouts, s: Rows, replicas: Num, served: Judged,
    good: NDArray[np.bool_],
) -> Found:  # fmt: skip
    """Return the frontier of one piece."""
    tpot, ttft, rate, in_flight, scale = (np.broadcast_to(v, good.shape)[good] for v in served)
    layout, _ = np.nonzero(good)
    tokens = rate * d.workload.mean_output / chips
    own = layouts.take(layout)
    top = frontier(tpot, tokens, *ties(own))
    count = np.broadcast_to(replicas, good.shape)[good][top]
    one = np.ones(len(top))
    return Found(
        tpot[top], ttft[top], tokens[top], rate[top], in_flight[top], own.take(top), s[good][top], count,
        None, one * 0, one * 0, scale[top],
    )  # fmt: skip


def ties(layouts: Layouts) -> tuple[Rows, Rows]:
    """Return what decides between rows that are equal in speed: ranks of a replica, then a hash of all degrees."""
    mixed = np.zeros(len(layouts), dtype=np.uint64)
    for name in NAMES:
        mixed = (mixed ^ layouts.columns[name].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    return layouts.ranks, (mixed >> np.uint64(11)).astype(np.float64)


def merge(parts: list[Found]) -> Found | None:
    """Return the frontier of several frontiers of one way of serving."""
    parts = [p for p in parts if len(p.tpot_s)]
    if not parts:
        return None
    joined = Found(
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in Found._fields if "layouts" not in name},
        layouts=stack([p.layouts for p in parts]),
        prefill_layouts=stack(first) if (first := [p.prefill_layouts for p in parts if p.prefill_layouts]) else None,
    )
    return joined.take(frontier(joined.tpot_s, joined.rate, *ties(joined.layouts)))


def stack(parts: list[Layouts]) -> Layouts:
    """Return the rows of several tables of layouts, one table after another."""
    return Layouts({k: np.concatenate([p.columns[k] for p in parts]) for k in NAMES})
