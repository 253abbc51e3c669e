"""What the event loop works on: prices, pools, and everything that changes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# What a step may hold: prompts beside decodes; prompts alone, first; the same, and a batch's answers all start together.
MIXED, PREFILL_FIRST, STATIC = 0, 1, 2
# Roles of a pool.
BOTH, PREFILL, DECODE = 0, 1, 2
# How the next requests come: when another is done, or by themselves.
CLOSED, OPEN = 0, 1


class Grid(NamedTuple):
    """Prices of steps [s] on axes of s sequences, c context, t prompt tokens, p context of these.

    T(s, c, t, p) = base(s, t) + deep(s, c) + wide(t, p), where the last two are zero at the base's own contexts. `lone`
    is the base where one group alone has tokens: experts that groups share then see fewer.
    """

    seqs: Floats
    context: Floats
    tokens: Floats
    prompt: Floats
    base: Floats
    lone: Floats
    deep: Floats
    wide: Floats


class Pool(NamedTuple):
    """Servers of one kind.

    Attributes:
        role: BOTH, PREFILL or DECODE.
        first, servers: number of the first server, and how many.
        groups: attention groups of a server.
        parts: micro-batches that a step is cut into; the grid prices one.
        policy: MIXED, PREFILL_FIRST or STATIC.
        budget: [token] most tokens of a step, per group.
        most: most sequences of a group.
        room: [token] cache of a group.
        reserved: share of an answer yet to come for which room must be when a request is taken in.
        tokens: computed per sequence and step.
        accepted: tokens that a step yields per sequence.
        host_step, host_seq: [s] host work of a step and of a sequence in it.
        launch: [s] host work of launching a step that carries prompts, which no captured graph holds.
        overlapped: whether the host works while the device does.
        grid: prices of steps.
    """

    role: int
    first: int
    servers: int
    groups: int
    parts: float
    policy: int
    budget: float
    most: float
    room: float
    reserved: float
    tokens: float
    accepted: float
    host_step: float
    host_seq: float
    launch: float
    overlapped: bool
    grid: Grid


class State(NamedTuple):
    """Everything that changes. Arrays by request, by group (server x groups), by server.

    Attributes:
        arrive, ready: [s] when a request was sent, and when a scheduler sees it.
        handling: [s] work of the one front end on a request, before it is ready; `latency` [s] beside it.
        moved: [s] transfer of its cache between pools.
        first, done: [s] first and last token; NaN before.
        prompt, held: [token] to compute, and found in the prefix cache.
        answer: [token] yet to come.
        progress: [token] of the prompt computed.
        after: next request of the same queue.
        born, finish: number of the server's decode step at which it began, and will end.
        head, tail: of the queue of a group; -1 where empty.
        running, filling, waiting: requests that decode, that are taken in and have no first token, and all others.
        context, kept, full: [token] held by those that decode; by all taken in; by these once they are done.
        taken: prompts that the running step completes.
        began, end: [s] when a server's step began; when it ends, or when the server looks again.
        busy: 0 idle, 1 in a step without decodes, 2 in one with.
        steps: decode steps of a server so far.
        size, heap: sequences of a server that decode, in order of their end.
        clock: [s] when the front end is free; most cache in use as a share; steps.
        tally: requests sent, done, evictions.
    """

    arrive: Floats
    ready: Floats
    handling: Floats
    moved: Floats
    first: Floats
    done: Floats
    prompt: Ints
    held: Ints
    answer: Ints
    progress: Ints
    after: Ints
    group: Ints
    born: Ints
    finish: Ints
    head: Ints
    tail: Ints
    running: Ints
    filling: Ints
    waiting: Ints
    context: Floats
    kept: Floats
    full: Floats
    taken: Ints
    began: Floats
    end: Floats
    busy: Ints
    steps: Ints
    size: Ints
    heap: Ints
    clock: Floats
    tally: Ints
