"""Separate prefill and decode pools: each searched on its own, then matched in whole replicas."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherewithal import pulse
from wherewithal.axes.split import Split
from wherewithal.model.op import Num, Rows
from wherewithal.plan import steady
from wherewithal.plan.edge import Bracket, bracket, closed
from wherewithal.plan.engines import legal_pairs
from wherewithal.plan.lattice import DEGREES, NAMES, Layouts, distinct
from wherewithal.plan.memory import room
from wherewithal.plan.pareto import Front, frontier
from wherewithal.plan.search import (
    Counts,
    Extremes,
    Found,
    Goal,
    Tick,
    merge,
    model_facts,
    pieces,
    space,
    stack,
    step_tokens,
    ties,
)
from wherewithal.plan.steady import Deployment

# Rows of each pool that are kept for every size of replica; matched pairs of one piece.
KEPT, PAIRS = 24, 200_000
# Shares of the prefill pool's capacity that a match aims at.
AIMS = (0.5, 0.7, 0.85, steady.BUSIEST)
# Prompts of a prefill pass: from an eighth of one to eight at once, within the engine's budget of tokens.
PASSES = 2.0 ** np.arange(-3, 4)


class Side(NamedTuple):
    """Rows of one pool: latency [s], requests/s of one replica, layouts, the size searched (batch or prompt tokens).

    `pass_s` is the time of one pass [s] and `service_s` that of one prompt (prefill), `moved_s` the transfer of its
    cache.
    """

    latency_s: Rows
    requests_per_s: Rows
    layouts: Layouts
    size: Rows
    pass_s: Rows
    moved_s: Rows

    def take(self, rows: NDArray[np.intp]) -> Side:
        """Return some of the rows."""
        taken: dict[str, Any] = {n: v.take(rows) for n, v in self._asdict().items()}
        return self._replace(**taken)


def disaggregated(
    prefill: Deployment, decode: Deployment, chips: tuple[int, int] | int, goal: Goal, counts: Counts,
    only: tuple[Layouts | None, Layouts | None] = (None, None), tick: Tick = None,
) -> tuple[Found | None, Extremes]:  # fmt: skip
    """Return the frontier of serving prefill and decode on chips of their own.

    Args:
        prefill: deployment of the prefill pool.
        decode: deployment of the decode pool.
        chips: of both together, to be shared out; or (prefill, decode) where each pool is given.
        goal: service levels and offered load.
        counts: receives what was looked at.
        only: layouts to search of prefill and of decode; None for all.
        tick: called with rows as they are priced.
    """
    most = (chips, chips) if isinstance(chips, int) else chips
    first, gap = prefill_side(prefill, most[0], goal, counts, only[0], tick)
    second, low = decode_side(decode, most[1], goal, counts, only[1], tick)
    if gap.short_bytes > low.short_bytes:
        low = low._replace(short_bytes=gap.short_bytes, needed_bytes=gap.needed_bytes, room_bytes=gap.room_bytes)
    if first is None or second is None:
        return None, low._replace(ttft_s=gap.ttft_s)
    total = chips if isinstance(chips, int) else sum(chips)
    found, rate = match(prefill, decode, first, second, chips, goal)
    if found is not None and goal.offered.given:
        found = settled({"prefill": prefill, "decode": decode}, found, goal, chips)
    if found is not None:
        counts.feasible += len(found.tpot_s)
    elif rate == 0.0 and not _room_for_both(first, second, chips, decode.machine.system.chip.ranks):
        low = low._replace(short_bytes=np.inf)
    return found, low._replace(ttft_s=gap.ttft_s, rate=rate * decode.workload.mean_output / total)


def _room_for_both(first: Side, second: Side, chips: tuple[int, int] | int, per_chip: int) -> bool:
    """Return whether the smallest replica of each pool fits beside the other."""
    if not isinstance(chips, int):
        return True
    return float(first.layouts.ranks.min() + second.layouts.ranks.min()) <= chips * per_chip


def prefill_side(
    d: Deployment, chips: int, goal: Goal, counts: Counts, only: Layouts | None, tick: Tick
) -> tuple[Side | None, Extremes]:
    """Return the prefill pool's rows that are worth matching, and the best that any reaches."""
    per_chip = d.machine.system.chip.ranks
    where, low = space(d, chips * per_chip, "prefill", counts, only)
    keep: list[Side] = []
    sizes = np.unique(np.maximum(np.rint(PASSES * d.workload.new_input), 1.0))
    counts.tried(where, len(sizes))
    for rows, split, _, _ in pieces(where, len(sizes)):
        budget = d.engine.token_budget / (split.data if d.engine.budget_per_data_group else 1.0)
        t = np.broadcast_to(np.minimum(sizes[None, :], budget), (len(rows), len(sizes)))
        fits = np.ceil(t / d.workload.new_input) * split.pipeline * split.microbatches <= where.per_group[rows][:, None]
        fits = fits & distinct(t)
        counts.fit += int(np.count_nonzero(fits))
        found = steady.prefill_pool(d, split, t)
        moved = steady.transfer_s(d, split, crossing(d, chips))
        side = _side(where.layouts.take(rows), found.service_s, found.requests_per_s, t, found.pass_s, moved, fits)
        quickest = side.latency_s + d.arrival_s + side.moved_s
        if len(quickest):
            low = low._replace(ttft_s=min(low.ttft_s, float(quickest.min())))
        limit = goal.slo.ttft.limit_s if goal.slo.ttft else np.inf
        keep.append(_best(side.take(np.flatnonzero(quickest <= limit))))
        if tick:
            tick(int(t.size))
    return _gather(keep), low


def crossing(d: Deployment, chips: int) -> float:
    """Return the bandwidth of one rank's link on the first tier that holds all chips, which caches travel over [B/s]."""
    tiers, ranks = d.machine.tiers, chips * d.machine.system.chip.ranks
    widest = tiers[-1].bandwidth if tiers else math.inf
    return next((level.bandwidth for level in tiers if level.ranks >= ranks), widest)


def decode_side(
    d: Deployment, chips: int, goal: Goal, counts: Counts, only: Layouts | None, tick: Tick
) -> tuple[Side | None, Extremes]:
    """Return the decode pool's rows that are worth matching, and the best that any reaches."""
    where, low = space(d, chips * d.machine.system.chip.ranks, "decode", counts, only)
    keep: list[Side] = []
    brackets: list[Bracket] = []
    limit = goal.slo.tpot.limit_s if goal.slo.tpot else np.inf
    counts.tried(where, where.sizes)
    for rows, split, s, new in pieces(where, where.sizes):
        counts.fit += int(np.count_nonzero(new))
        seconds, tpot, rate = _decoded(d, split, s)
        brackets.append(bracket(rows, s, tpot / limit, rate))
        side = _side(where.layouts.take(rows), tpot, rate, s, seconds, 0.0 * s, new)
        if len(side.latency_s):
            low = low._replace(tpot_s=min(low.tpot_s, float(side.latency_s.min())))
        # Rows a little beyond the limit stay, so that the trade-off on both sides of it can be shown.
        keep.append(_best(side.take(np.flatnonzero(side.latency_s <= 4.0 * limit))))
        if tick:
            tick(int(s.size))
    return _gather(keep + list(_edges(d, limit, where.layouts, brackets, keep)), limit), low


def _decoded(d: Deployment, split: Split, s: Rows) -> tuple[Rows, Rows, Rows]:
    """Return the time of a step [s], time per token [s] and requests per second of one replica that only decodes."""
    seconds = np.asarray(steady.host(d, split, s, steady.decode_step(d, split, s).seconds))
    rate = s * steady.groups(split) / (d.workload.decode_steps * seconds)
    return seconds, seconds / d.workload.accepted_tokens_per_step, np.asarray(rate)


def _edges(d: Deployment, limit: float, layouts: Layouts, brackets: list[Bracket], keep: list[Side]) -> Iterator[Side]:
    """Yield the rows between two batches of the grid at which the limit [s] is just met, where they may be best of a size."""
    if not np.isfinite(limit):
        return
    best: dict[float, float] = {}
    for side in keep:
        fine = side.latency_s <= limit
        for ranks, rate in zip(side.layouts.ranks[fine], side.requests_per_s[fine], strict=True):
            best[float(ranks)] = max(best.get(float(ranks), 0.0), float(rate))

    def worth(b: Bracket) -> NDArray[np.bool_]:
        return b.rate > np.array([best.get(float(r), 0.0) for r in layouts.ranks[b.rows]])

    for own, sizes in closed(brackets, layouts, worth, lambda split, s: _decoded(d, split, s)[1] / limit):
        seconds, tpot, rate = _decoded(d, own.split(), sizes)
        yield _best(_side(own, tpot, rate, sizes, seconds, 0.0 * sizes, np.ones(sizes.shape, dtype=bool)))


def _side(
    layouts: Layouts, latency: Num, rate: Num, size: Num, one_pass: Num, moved: Num,
    keep: NDArray[np.bool_],
) -> Side:  # fmt: skip
    layout, _ = np.nonzero(keep)
    columns = (np.broadcast_to(v, keep.shape)[keep] for v in (latency, rate, size, one_pass, moved))
    latency, rate, size, one_pass, moved = columns
    return Side(latency, rate, layouts.take(layout), size, one_pass, moved)


def _best(side: Side, kept: int | None = None, limit: float = np.inf) -> Side:
    """Return, for every size of replica, the rows that no other of that size beats.

    Args:
        side: rows of one pool.
        kept: most rows of a size, evenly spread; None for all.
        limit: [s] the last row at or below this latency is kept in any case: it is the fastest that a limit allows.
    """
    if not len(side.latency_s):
        return side
    ranks = side.layouts.ranks
    order = np.lexsort((*ties(side.layouts)[::-1], -side.requests_per_s, side.latency_s, ranks))
    rank, rate, latency = ranks[order], side.requests_per_s[order], side.latency_s[order]
    start = np.flatnonzero(np.r_[True, rank[1:] > rank[:-1]])
    rows: list[NDArray[np.intp]] = []
    for a, b in zip(start, np.r_[start[1:], len(rank)], strict=True):
        best = np.maximum.accumulate(rate[a:b])
        top = np.flatnonzero(np.r_[True, rate[a + 1 : b] > best[:-1]])
        if kept is not None and len(top) > kept:
            spread = np.rint(np.linspace(0, len(top) - 1, kept)).astype(np.intp)
            edge = max(int(np.searchsorted(latency[a + top], limit, side="right")) - 1, 0)
            top = top[np.unique(np.r_[spread, edge])]
        rows.append(order[a + top])
    return side.take(np.concatenate(rows))


def _gather(parts: list[Side], limit: float = np.inf) -> Side | None:
    """Return the best rows of all pieces; only then are they thinned, so that the order of layouts does not matter."""
    parts = [p for p in parts if len(p.latency_s)]
    if not parts:
        return None
    layouts = stack([p.layouts for p in parts])
    numbers = {n: np.concatenate([getattr(p, n) for p in parts]) for n in Side._fields if n != "layouts"}
    pulse.beat()
    return _undominated(_best(Side(layouts=layouts, **numbers), KEPT, limit))


def _undominated(side: Side) -> Side:
    """Return the rows that smaller replicas do not beat: k of them in place of one replica of k times their size.

    They are as quick in latency, pass and transfer, and together at least as fast; what is left can only differ in
    what a whole number of replicas leaves unused.
    """
    ranks, each = side.layouts.ranks, side.requests_per_s / side.layouts.ranks
    order = np.lexsort((*ties(side.layouts)[::-1], -each, side.latency_s, ranks))
    side = side.take(order)
    ranks, each = ranks[order], each[order]
    beaten = np.zeros(len(ranks), dtype=bool)
    for size in np.unique(ranks):
        pulse.beat()
        rows, smaller = (
            np.flatnonzero(ranks == size),
            np.flatnonzero((ranks < size) & (np.mod(size, ranks) == 0) & ~beaten),
        )
        better = each[smaller][None, :] >= each[rows][:, None]
        for name in ("latency_s", "pass_s", "moved_s"):
            values = getattr(side, name)
            better &= values[smaller][None, :] <= values[rows][:, None]
        beaten[rows] = better.any(axis=1)
    return side.take(np.flatnonzero(~beaten))


def match(
    prefill: Deployment, decode: Deployment, first: Side, second: Side, chips: tuple[int, int] | int, goal: Goal
) -> tuple[Found | None, float]:
    """Return the frontier of all pairs of pool rows in whole replicas, and the highest request rate of any."""
    w = decode.workload
    ranks = (prefill.machine.system.chip.ranks, decode.machine.system.chip.ranks)
    keep: list[Found] = []
    most = 0.0
    front = Front()
    size = max(1, PAIRS // (len(first.latency_s) * 2 * len(AIMS)))
    for start in range(0, len(second.latency_s), size):
        piece = second.take(np.arange(start, min(start + size, len(second.latency_s))))
        counts = _replicas(first, piece, chips, ranks)
        p, n = counts
        pulse.beat()
        room = p * first.requests_per_s[:, None, None]
        rate = np.minimum(n * piece.requests_per_s[None, :, None], prefill.fullest * room)
        ok = (p >= 1) & (n >= 1) & (rate > 0) & _allowed(decode, first.layouts, piece.layouts)[:, :, None]
        beaten = np.broadcast_to(front.beaten_at(piece.latency_s)[None, :, None], ok.shape)
        if goal.slo.ttft is None and not goal.offered.given:
            # No wait can change what such a pair does: beaten ones, and all but the fastest of each decode row, need
            # none of what follows.
            most = max(most, float(rate.max(initial=0.0, where=ok)))
            ok = ok & (rate > beaten) & (rate >= rate.max(axis=(0, 2), initial=0.0, where=ok, keepdims=True))
        # From here on the pairs that are left stand in one row each.
        i, j, _ = np.nonzero(ok)
        rate, room, beaten = rate[ok], np.broadcast_to(room, ok.shape)[ok], beaten[ok]
        counts = (np.broadcast_to(p, ok.shape)[ok], np.broadcast_to(n, ok.shape)[ok])
        pulse.beat()
        busy = rate / np.maximum(room, 1e-12)
        service, one_pass, tpot = first.latency_s[i], first.pass_s[i], piece.latency_s[j]
        wait = steady.prefill_wait(prefill, service, one_pass, busy, np.maximum(counts[0], 1.0))
        quantile = goal.slo.ttft.quantile if goal.slo.ttft else None
        unqueued = service + first.moved_s[i] + prefill.arrival_s
        ttft = unqueued + steady.wait_at(wait, busy, quantile)
        flight = rate * (unqueued + wait + w.decode_steps * w.accepted_tokens_per_step * tpot)
        good = np.ones(rate.shape, dtype=bool)
        if goal.slo.ttft:
            good &= ttft <= goal.slo.ttft.limit_s
        most = max(most, float(rate.max(initial=0.0, where=good)))
        scale, carried = _carries(goal, rate, flight)
        done = rate * scale if goal.offered.rate_per_s is None else np.full(rate.shape, goal.offered.rate_per_s)
        good &= carried & (done > beaten)
        found = _pairs(
            (first, piece), (i, j), counts, (tpot, ttft, done, flight * scale, scale), good, chips, w.mean_output
        )
        front.add(found.tpot_s, found.requests_per_s)
        keep.append(found)
    parts = [k for k in keep if len(k.tpot_s)]
    if not parts:
        return None, most
    return merge(parts), most


def _allowed(d: Deployment, first: Layouts, second: Layouts) -> NDArray[np.bool_]:
    """Return which pairs of prefill and decode layouts the engine can hand caches between."""
    before = {n: first.columns[n][:, None] for n in DEGREES}
    after = {n: second.columns[n][None, :] for n in DEGREES}
    fine, _ = legal_pairs(d.engine, before, after, model_facts(d.model))
    return np.broadcast_to(fine, (len(first), len(second)))


def _replicas(first: Side, second: Side, chips: tuple[int, int] | int, per_chip: tuple[int, int]) -> tuple[Rows, Rows]:
    """Return whole replicas (prefill, decode), shape (prefill rows, decode rows, choices).

    Where chips are shared, n decode replicas and p prefill ones balance at n l = aim p m with p Rp + n Rd = N:
    n = N / (Rd + Rp l / (aim m)), rounded both ways.
    """
    rp, rd = first.layouts.ranks[:, None, None], second.layouts.ranks[None, :, None]
    if not isinstance(chips, int):
        ones = np.ones((len(first.latency_s), len(second.latency_s), 1))
        return np.floor(chips[0] * per_chip[0] / rp) * ones, np.floor(chips[1] * per_chip[1] / rd) * ones
    total = float(chips * per_chip[0])
    aims = np.array(AIMS)[None, None, :]
    need = second.requests_per_s[None, :, None] / (first.requests_per_s[:, None, None] * aims)
    ideal = total / (rd + rp * need)
    n = np.maximum(np.concatenate([np.floor(ideal), np.ceil(ideal)], axis=2), 1.0)
    p = np.floor((total - n * rd) / rp)
    return np.maximum(p, 0.0), np.where(p >= 1, n, 0.0)


def _carries(goal: Goal, rate: Rows, flight: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Return by how much a pair is scaled down to the offered load, and which pairs carry it.

    A pair that carries far more would answer faster than its row says; `settled` then prices it at the load.
    """
    offered = goal.offered
    if not offered.given:
        return np.ones(rate.shape), np.ones(rate.shape, dtype=bool)
    carried = flight if offered.concurrency is not None else rate
    want = float(offered.concurrency or offered.rate_per_s or 0.0)
    scale = np.minimum(want / np.maximum(carried, 1e-12), 1.0)
    return scale, carried >= want


def _pairs(
    sides: tuple[Side, Side], rows: tuple[NDArray[np.intp], NDArray[np.intp]], replicas: tuple[Rows, Rows],
    served: tuple[Rows, ...], good: NDArray[np.bool_], chips: tuple[int, int] | int, output: float,
) -> Found:  # fmt: skip
    """Return the frontier of one piece of pairs: rows of both sides, and what each pair does."""
    first, second = sides
    total = chips if isinstance(chips, int) else sum(chips)
    i, j = (v[good] for v in rows)
    tpot, ttft, rate, flight, scale = (v[good] for v in served)
    p, n = (v[good] for v in replicas)
    tokens = rate * output / total
    top = frontier(tpot, tokens, *ties(second.layouts.take(j)), *ties(first.layouts.take(i)))
    i, j = i[top], j[top]
    return Found(
        tpot[top], ttft[top], tokens[top], rate[top], flight[top], second.layouts.take(j), second.size[j], n[top],
        first.layouts.take(i), first.size[i], p[top], scale[top],
    )  # fmt: skip


def settled(pools: dict[str, Deployment], found: Found, goal: Goal, chips: tuple[int, int] | int) -> Found | None:
    """Return the rows of a match, each at the batch at which it carries the offered load and no more."""
    before, rows = found.prefill_layouts, range(len(found.tpot_s))
    if before is None:
        return found
    parts = []
    for i in rows:
        first, second = int(found.prefill_replicas[i]), int(found.replicas[i])
        given = {"prefill": (before.row(i), first), "decode": (found.layouts.row(i), second)}
        parts.append(carrying(pools, given, goal, chips, float(found.prefill_tokens[i])))
    return merge(parts)


def carrying(
    pools: dict[str, Deployment], given: dict[str, tuple[Split, int]], goal: Goal, chips: tuple[int, int] | int,
    tokens: float | None = None,
) -> Found:  # fmt: skip
    """Return the row in which given pools carry the offered load; a pool that is absent is never the limit.

    The batch at which as many requests are in flight as offered (or as many arrive) is found on a fine grid of
    batches. Where the prefill pool is the limit, the rest waits before it.

    Args:
        pools: role to deployment.
        given: role to the split of a replica and the number of replicas.
        goal: service levels (for their statistics) and the load.
        chips: chips of the question, or those of prefill and decode.
        tokens: [token] prompt tokens of a prefill pass; None for what the engine's budget and the load allow.
    """
    w = next(iter(pools.values())).workload
    s, tpot, work = _decode_grid(pools, given, goal)
    first = _prefill_at(pools, given, goal, tokens)
    total = chips if isinstance(chips, int) else sum(chips)
    room = np.inf if first is None else first[1].requests_per_s * given["prefill"][1] * pools["prefill"].fullest
    rate = np.minimum(work, room)
    mean, ttft = _ttft_at(pools, given, goal, first, rate, chips)
    flight = rate * (mean + w.decode_steps * w.accepted_tokens_per_step * tpot)
    want = float(goal.offered.concurrency or goal.offered.rate_per_s or 0.0)
    carried = flight if goal.offered.concurrency is not None else rate
    at = min(int(np.searchsorted(np.maximum.accumulate(carried), want)), len(s) - 1)
    scale = min(want / carried[at], 1.0)
    late = max(want - carried[at], 0.0) / rate[at] if goal.offered.concurrency is not None else 0.0
    one = np.ones(1)
    closed = goal.offered.concurrency is not None
    done, held = (rate[at] * scale, want) if closed else (min(rate[at], want), flight[at] * scale)
    decode = given.get("decode", (Split(), 0))
    before = given.get("prefill", (Split(), 0))
    return Found(
        tpot[at] * one, (ttft[at] + late) * one, done * w.mean_output / total * one, done * one, held * one,
        table(decode[0]), s[at] * one, decode[1] * one, table(before[0]),
        (first[0] if first else 0.0) * one, before[1] * one, scale * one,
    )  # fmt: skip


def table(split: Split) -> Layouts:
    """Return one split as a table of one layout."""
    return Layouts({n: np.array([float(split.degree(n))]) for n in NAMES})


def _decode_grid(
    pools: dict[str, Deployment], given: dict[str, tuple[Split, int]], goal: Goal
) -> tuple[Rows, Rows, Rows]:
    """Return batches, time per token at each, and requests per second of the decode pool."""
    if "decode" not in given:
        return np.ones(2), np.zeros(2), np.array([float(goal.offered.rate_per_s or 1e12)] * 2)
    d, (split, replicas) = pools["decode"], given["decode"]
    held = room(d.model, split, d.machine, d.engine, d.workload, tokens=step_tokens(d, split, "decode"), role="decode")
    most = max(min(float(held.sequences) / float(split.pipeline * split.microbatches), d.engine.max_seqs), 1.0)
    s = np.exp(np.linspace(0.0, np.log(most), 512)) if most > 1 else np.ones(2)
    seconds = steady.host(d, split, s, steady.decode_step(d, split, s).seconds)
    tpot = seconds / d.workload.accepted_tokens_per_step
    return s, np.asarray(tpot), replicas * s * steady.groups(split) / (d.workload.decode_steps * seconds)


def _prefill_at(
    pools: dict[str, Deployment], given: dict[str, tuple[Split, int]], goal: Goal, tokens: float | None
) -> tuple[float, steady.Prefill] | None:
    """Return prompt tokens of a pass and what it does: a prompt at once, or as much of it as a step takes.

    Of a closed load no more prompts can meet in a pass than its share of those in flight.
    """
    if "prefill" not in given:
        return None
    d, (split, replicas) = pools["prefill"], given["prefill"]
    if tokens is not None:
        return tokens, steady.prefill_pool(d, split, tokens)
    budget = d.engine.token_budget / (float(split.data) if d.engine.budget_per_data_group else 1.0)
    there = np.ceil(_in_flight(goal) / (replicas * float(steady.groups(split))))
    whole = max(min(budget // d.workload.new_input, there), 1.0) * d.workload.new_input
    t = min(whole, budget) if budget < d.workload.new_input else whole
    return t, steady.prefill_pool(d, split, t)


def _in_flight(goal: Goal) -> float:
    """Return the requests of a closed load; infinite where the load is open."""
    return goal.offered.concurrency or math.inf


def _ttft_at(
    pools: dict[str, Deployment], given: dict[str, tuple[Split, int]], goal: Goal,
    first: tuple[float, steady.Prefill] | None, rate: Rows, chips: tuple[int, int] | int,
) -> tuple[Rows, Rows]:  # fmt: skip
    """Return the time to first token at each request rate [s], mean and asked statistic; zero without a prefill pool."""
    if first is None:
        return 0.0 * rate, 0.0 * rate
    d, (split, replicas) = pools["prefill"], given["prefill"]
    busy = np.minimum(rate / (float(first[1].requests_per_s) * replicas), 1.0)
    # In a closed load a request meets all others but not itself.
    busy = busy * max(1.0 - replicas * float(steady.groups(split)) / _in_flight(goal), 0.0)
    wait = steady.prefill_wait(d, first[1].service_s, first[1].pass_s, busy, float(replicas))
    quantile = goal.slo.ttft.quantile if goal.slo.ttft else None
    most = chips if isinstance(chips, int) else chips[0]
    moved = steady.transfer_s(d, split, crossing(d, most)) if "decode" in given else 0.0
    rest = d.arrival_s + first[1].service_s + moved
    return np.asarray(rest + wait), np.asarray(rest + steady.wait_at(wait, busy, quantile))
