"""The event loop: continuous batching, step by step, on servers that share a load. Plain code that numba can compile.

All functions here are plain Python and are compiled as they stand by `compiled.build` (one file, because numba's cache
on disk notices changes of one file only). A *server* is one scheduler: a replica, or one of the micro-batches that
follow each other through its pipeline. Its *groups* (attention groups) step together; the fullest sets the pace.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wherewithal.simulate.state import CLOSED, DECODE, MIXED, OPEN, PREFILL, STATIC, Floats, Grid, Ints, Pool, State


def sift_up(heap: Ints, at: int, key: Ints) -> None:
    """Move an entry of a heap up to its place."""
    while at > 0:
        above = (at - 1) // 2
        if key[heap[above]] <= key[heap[at]]:
            return
        heap[above], heap[at] = heap[at], heap[above]
        at = above


def sift_down(heap: Ints, at: int, size: int, key: Ints) -> None:
    """Move an entry of a heap down to its place."""
    while True:
        least = at
        for child in (2 * at + 1, 2 * at + 2):
            if child < size and key[heap[child]] < key[heap[least]]:
                least = child
        if least == at:
            return
        heap[least], heap[at] = heap[at], heap[least]
        at = least


def place(axis: Floats, x: float) -> tuple[int, float]:
    """Return the interval of an axis in which x lies and how far into it; beyond the ends the last one goes on."""
    low, high = 0, len(axis) - 1
    if high == 0:
        return 0, 0.0
    while high - low > 1:
        middle = (low + high) // 2
        if axis[middle] <= x:
            low = middle
        else:
            high = middle
    return low, max((x - axis[low]) / (axis[low + 1] - axis[low]), 0.0)


def between(table: Floats, i: int, u: float, j: int, v: float) -> float:
    """Return a table's value between four of its nodes."""
    i1, j1 = min(i + 1, table.shape[0] - 1), min(j + 1, table.shape[1] - 1)
    low = table[i, j] + v * (table[i, j1] - table[i, j])
    high = table[i1, j] + v * (table[i1, j1] - table[i1, j])
    return float(low + u * (high - low))


def seconds(grid: Grid, s: float, c: float, t: float, p: float, spread: float) -> float:
    """Return the price of a step [s].

    Args:
        grid: prices.
        s: sequences that decode in the fullest group.
        c: [token] their mean context.
        t: prompt tokens in the fullest group.
        p: [token] mean context that these attend to.
        spread: 1 where all groups have as many tokens as the fullest, 0 where the others have none.
    """
    i, u = place(grid.seqs, s)
    j, v = place(grid.tokens, t)
    price = between(grid.base, i, u, j, v)
    if spread < 1.0:
        alone = between(grid.lone, i, u, j, v)
        price = alone + spread * (price - alone)
    if s > 0:
        k, w = place(grid.context, c)
        price += between(grid.deep, i, u, k, w)
    if t > 0:
        m, x = place(grid.prompt, p)
        price += between(grid.wide, j, v, m, x)
    return price


def enqueue(st: State, g: int, r: int) -> None:
    """Put a request at the end of a group's queue."""
    st.after[r] = -1
    st.group[r] = g
    st.waiting[g] += 1
    if st.tail[g] >= 0:
        st.after[st.tail[g]] = r
    else:
        st.head[g] = r
    st.tail[g] = r


def dequeue(st: State, g: int) -> int:
    """Take the first request of a group's queue."""
    r = int(st.head[g])
    st.head[g] = st.after[r]
    if st.head[g] < 0:
        st.tail[g] = -1
    return r


def route(st: State, pool: Pool, width: int, r: int, now: float) -> None:
    """Hand a request to the group with the fewest; a server that sleeps looks again when the request is ready."""
    best, least = 0, 1 << 60
    for k in range(pool.first, pool.first + pool.servers):
        for g in range(k * width, k * width + pool.groups):
            there = st.running[g] + st.filling[g] + st.waiting[g]
            if there < least:
                best, least = g, there
    enqueue(st, best, r)
    k = best // width
    if st.busy[k] == 0:
        st.end[k] = min(st.end[k], max(st.ready[r], now))


def send(st: State, pool: Pool, width: int, r: int, now: float, latency: float) -> None:
    """Let a request arrive: one front end handles requests one after the other, then a scheduler gets it."""
    st.arrive[r] = now
    free = max(st.clock[0], now) + st.handling[r]
    st.clock[0] = free
    st.ready[r] = free + latency
    st.tally[0] += 1
    route(st, pool, width, r, now)


def admits(st: State, pool: Pool, g: int, r: int) -> bool:
    """Return whether a group takes a request in, and count it where it does.

    Room must be for what is kept, for its prompt, and for the reserved share of what all have yet to answer.
    """
    if st.running[g] + st.filling[g] >= pool.most:
        return False
    prompt = float(st.prompt[r] + st.held[r])
    whole = prompt + st.answer[r]
    kept, full = st.kept[g] + prompt, st.full[g] + whole
    there = st.running[g] + st.filling[g]
    # The next step's tokens need room too: else a request would be sent back and taken in again for ever.
    grown = (there + 1) * pool.accepted
    if there > 0 and kept + max(pool.reserved * (full - kept), grown) > pool.room:
        return False
    st.kept[g], st.full[g] = kept, full
    st.filling[g] += 1
    st.waiting[g] -= 1
    return True


def take_prompts(st: State, pool: Pool, g: int, now: float) -> tuple[float, float]:
    """Fill a step with prompts that wait; return their tokens and the sum of the contexts these attend to."""
    space = pool.budget - (st.running[g] * pool.tokens if pool.policy == MIXED else 0.0)
    tokens, weighted = 0.0, 0.0
    r = st.head[g]
    while r >= 0 and st.ready[r] <= now and space >= 1.0:
        if st.progress[r] == 0 and not admits(st, pool, g, r):
            break
        chunk = min(float(st.prompt[r] - st.progress[r]), math.floor(space))
        weighted += chunk * (st.held[r] + st.progress[r] + 0.5 * (chunk + 1.0))
        st.progress[r] += int(chunk)
        tokens += chunk
        space -= chunk
        if st.progress[r] < st.prompt[r]:
            break
        st.taken[g] += 1
        r = st.after[r]
    return tokens, weighted


def take_moved(st: State, pool: Pool, width: int, g: int, known: float, now: float) -> None:
    """Let requests whose cache has arrived decode from the next step on.

    The pool that decodes sends the answer, its first token too: a client gets it when the request is taken in.
    """
    k = g // width
    while st.head[g] >= 0 and st.ready[st.head[g]] <= known and admits(st, pool, g, st.head[g]):
        r = dequeue(st, g)
        if math.isnan(st.first[r]):
            st.first[r] = now
        begin(st, pool, k, r)


def begin(st: State, pool: Pool, k: int, r: int) -> None:
    """Let a request decode."""
    g = st.group[r]
    st.filling[g] -= 1
    st.running[g] += 1
    st.context[g] += st.prompt[r] + st.held[r]
    st.born[r] = st.steps[k]
    st.finish[r] = st.steps[k] + math.ceil((st.answer[r] - 1) / pool.accepted - 1e-9)
    st.heap[k, st.size[k]] = r
    st.size[k] += 1
    sift_up(st.heap[k], st.size[k] - 1, st.finish)


def leave(st: State, pool: Pool, k: int, r: int) -> float:
    """Free the cache of a request that decodes; return the tokens that it had."""
    g = st.group[r]
    grown = (st.steps[k] - st.born[r]) * pool.accepted
    prompt = float(st.prompt[r] + st.held[r])
    st.running[g] -= 1
    st.context[g] -= prompt + grown
    st.kept[g] -= prompt + grown
    st.full[g] -= prompt + st.answer[r]
    return float(grown)


def pull(st: State, k: int, at: int) -> int:
    """Take an entry out of a server's heap."""
    heap, r = st.heap[k], int(st.heap[k, at])
    st.size[k] -= 1
    last = st.size[k]
    if at < last:
        heap[at] = heap[last]
        sift_down(heap, at, last, st.finish)
        sift_up(heap, at, st.finish)
    return r


def evict(st: State, pool: Pool, k: int, g: int) -> None:
    """Send the request that came last back to the head of its queue, to be computed anew with what it answered."""
    at = -1
    for i in range(st.size[k]):
        r = st.heap[k, i]
        if st.group[r] == g and (at < 0 or st.born[r] >= st.born[st.heap[k, at]]):
            at = i
    r = pull(st, k, at)
    grown = int(min(leave(st, pool, k, r), float(st.answer[r] - 1)))
    st.prompt[r] += grown
    st.answer[r] -= grown
    st.progress[r] = 0
    st.after[r] = st.head[g]
    st.head[g] = r
    if st.tail[g] < 0:
        st.tail[g] = r
    st.waiting[g] += 1
    st.tally[2] += 1


def finished(st: State, front: Pool, width: int, r: int, now: float, load: tuple[int, float]) -> None:
    """Note that a request is done; in a closed load the next one is sent."""
    st.done[r] = now
    st.tally[1] += 1
    if load[0] == CLOSED and st.tally[0] < len(st.arrive):
        send(st, front, width, int(st.tally[0]), now, load[1])


def complete(st: State, pools: tuple[Pool, Pool], width: int, k: int, now: float, load: tuple[int, float]) -> None:
    """End the step of a server: answers grow, some are done, prompts have their first token."""
    front, back = pools
    pool = back if k >= back.first else front
    if st.busy[k] == 2:
        st.steps[k] += 1
        for g in range(k * width, k * width + pool.groups):
            grown = st.running[g] * pool.accepted
            st.context[g] += grown
            st.kept[g] += grown
        while st.size[k] > 0 and st.finish[st.heap[k, 0]] <= st.steps[k]:
            r = pull(st, k, 0)
            leave(st, pool, k, r)
            finished(st, front, width, r, now, load)
    left = 0
    for g in range(k * width, k * width + pool.groups):
        for _ in range(st.taken[g]):
            computed(st, pools, width, dequeue(st, g), now, load)
        st.taken[g] = 0
        left += 1 if st.head[g] >= 0 and st.ready[st.head[g]] <= now else 0
    if pool.policy == STATIC and left == 0:
        start_answers(st, k, now)


def start_answers(st: State, k: int, now: float) -> None:
    """Give a first token to all of a batch that have none yet."""
    for i in range(st.size[k]):
        if math.isnan(st.first[st.heap[k, i]]):
            st.first[st.heap[k, i]] = now


def computed(st: State, pools: tuple[Pool, Pool], width: int, r: int, now: float, load: tuple[int, float]) -> None:
    """Note that a prompt is computed: its answer begins here, or its cache goes to the other pool."""
    front, back = pools
    g = st.group[r]
    if front.role != PREFILL:
        if front.policy != STATIC and math.isnan(st.first[r]):
            st.first[r] = now
        begin(st, front, g // width, r)
        if st.answer[r] <= 1:
            last_token(st, front, width, r, now, load)
        return
    st.filling[g] -= 1
    st.kept[g] -= st.prompt[r] + st.held[r]
    st.full[g] -= st.prompt[r] + st.held[r] + st.answer[r]
    st.ready[r] = now + st.moved[r]
    if back.servers == 0 or st.answer[r] <= 1:
        st.first[r] = st.ready[r]
        finished(st, front, width, r, now, load)
    else:
        route(st, back, width, r, now)


def last_token(st: State, pool: Pool, width: int, r: int, now: float, load: tuple[int, float]) -> None:
    """End a request whose first token is its last."""
    k = st.group[r] // width
    if math.isnan(st.first[r]):
        st.first[r] = now
    for i in range(st.size[k]):
        if st.heap[k, i] == r:
            pull(st, k, i)
            break
    leave(st, pool, k, r)
    finished(st, pool, width, r, now, load)


def start(st: State, pool: Pool, width: int, k: int, now: float) -> None:
    """Begin the next step of a server, or let it sleep until something is ready."""
    groups = range(k * width, k * width + pool.groups)
    most_t, all_t, weighted, soonest = 0.0, 0.0, 0.0, math.inf
    # A scheduler that works while the device does has composed this step when the last one began; a batch is one anyhow.
    known = st.began[k] if pool.overlapped and pool.policy != STATIC and st.busy[k] > 0 else now
    for g in groups:
        while st.running[g] > 1 and st.kept[g] + st.running[g] * pool.accepted > pool.room:
            evict(st, pool, k, g)
        if pool.role == DECODE:
            take_moved(st, pool, width, g, known, now)
        else:
            tokens, sums = take_prompts(st, pool, g, known)
            all_t, weighted = all_t + tokens, weighted + sums
            most_t = max(most_t, tokens)
        if st.head[g] >= 0 and st.ready[st.head[g]] > known:
            soonest = min(soonest, max(st.ready[st.head[g]], now))
    decodes = st.size[k] > 0 and (pool.policy == MIXED or all_t == 0.0)
    if not decodes and all_t == 0.0:
        st.busy[k], st.end[k] = 0, soonest
        return
    st.began[k] = now
    most_s, all_s, context = 0.0, 0.0, 0.0
    if decodes:
        for g in groups:
            most_s = max(most_s, float(st.running[g]))
            all_s += st.running[g]
            context += st.context[g]
            st.clock[1] = max(st.clock[1], (st.kept[g] + st.running[g] * pool.accepted) / pool.room)
        if pool.policy == STATIC:
            start_answers(st, k, now)
    st.busy[k] = 2 if decodes else 1
    st.clock[2] += 1
    st.end[k] = now + lasts(pool, (most_s, all_s, context), (most_t, all_t, weighted))


def lasts(pool: Pool, decode: tuple[float, float, float], prompts: tuple[float, float, float]) -> float:
    """Return how long a step takes [s], the host's work with it.

    Args:
        pool: whose step.
        decode: sequences of the fullest group, of all, and the sum of their contexts.
        prompts: prompt tokens of the fullest group, of all, and the sum of the contexts that they attend to.
    """
    most_s, all_s, context = decode
    most_t, all_t, weighted = prompts
    spread = 1.0
    if pool.groups > 1:
        full = most_s * pool.tokens + most_t
        spread = ((all_s * pool.tokens + all_t) / full - 1.0) / (pool.groups - 1)
    device = seconds(
        pool.grid,
        most_s / pool.parts,
        context / max(all_s, 1.0),
        most_t / pool.parts,
        weighted / max(all_t, 1.0),
        spread,
    )
    work = pool.host_step + pool.host_seq * most_s
    launch = pool.launch if most_t > 0 else 0.0
    # Operators are launched while the device runs those before them, whether or not the scheduler works meanwhile.
    return max(device, launch + work) if pool.overlapped else max(device, launch) + work


def serve(st: State, front: Pool, back: Pool, width: int, kind: int, at_once: int, latency: float) -> int:
    """Run a load to its end; return 0, or 1 where something waits that can never be served.

    Args:
        st: state with the requests; receives their times.
        front: servers that take requests.
        back: servers that decode what the front computed; none where the front decodes too.
        width: groups that each server has at most.
        kind: CLOSED or OPEN; in an open load `st.arrive` says when requests come.
        at_once: requests that a closed load sends at its start.
        latency: [s] between the front end and the scheduler, of each request.
    """
    pools, load = (front, back), (kind, latency)
    if kind == CLOSED:
        for r in range(at_once):
            send(st, front, width, r, 0.0, latency)
    while st.tally[1] < len(st.arrive):
        k = int(np.argmin(st.end))
        now = float(st.end[k])
        sent = int(st.tally[0])
        if kind == OPEN and sent < len(st.arrive) and st.arrive[sent] <= now:
            send(st, front, width, sent, float(st.arrive[sent]), latency)
            continue
        if now == math.inf:
            return 1
        if st.busy[k] > 0:
            complete(st, pools, width, k, now, load)
        start(st, back if k >= back.first else front, width, k, now)
    return 0


COMPILED: tuple[Any, ...] = (
    sift_up, sift_down, place, between, seconds, enqueue, dequeue, route, send, admits, take_prompts, begin, leave, pull,
    take_moved, evict, finished, start_answers, last_token, computed, complete, lasts, start, serve,
)  # fmt: skip
