"""Prices of steps on a grid, taken in one call of the cost model, between which the event loop interpolates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wherewithal.simulate.state import Floats, Grid

# Nodes of an axis for every doubling: the error between them is tested (tests/simulate/test_grid.py).
PER_DOUBLING = 2
# Contexts: attention is near linear in them, so few will do.
CONTEXTS = 5


class Steps(NamedTuple):
    """Steps to be priced, one a row.

    Attributes:
        seqs: sequences that decode, per group and micro-batch.
        context: [token] their mean context.
        tokens: [token] of prompts, per group and micro-batch.
        prompt: [token] mean context that these attend to.
        alone: whether one group has them and all others nothing.
    """

    seqs: Floats
    context: Floats
    tokens: Floats
    prompt: Floats
    alone: Any


class Reach(NamedTuple):
    """The largest step that a run can meet: sequences and prompt tokens per group and micro-batch, [token] contexts."""

    seqs: float
    tokens: float
    context: tuple[float, float]
    prompt: tuple[float, float]


def axis(most: float) -> Floats:
    """Return 0, 1, and nodes up to `most` that are evenly spaced in logarithms, whole numbers where they can be."""
    if most <= 1.0:
        return np.array([0.0, 1.0])
    nodes = np.geomspace(1.0, most, max(int(np.ceil(np.log2(most) * PER_DOUBLING)) + 1, 2))
    return np.unique(np.r_[0.0, np.where(nodes < 16.0, np.rint(nodes), nodes), most])


def contexts(low: float, high: float) -> Floats:
    """Return contexts between two, evenly spaced in logarithms."""
    return np.unique(np.geomspace(max(low, 1.0), max(high, low, 1.0) + 1.0, CONTEXTS))


def grid(price: Callable[[Steps], Floats], reach: Reach, groups: int) -> Grid:
    """Return the grid that covers a reach.

    Args:
        price: the cost model: seconds of each step.
        reach: the largest step.
        groups: attention groups of a server; with one, a group is never alone.
    """
    s, t = axis(reach.seqs), axis(reach.tokens)
    c, p = contexts(*reach.context), contexts(*reach.prompt)
    c0, p0 = c[CONTEXTS // 2 if len(c) > 2 else 0], p[CONTEXTS // 2 if len(p) > 2 else 0]
    flat: list[Any] = [np.broadcast_arrays(s[:, None], c0, t[None, :], p0), np.broadcast_arrays(s[:, None], c[None, :], 0.0, p0),
            np.broadcast_arrays(0.0, c0, t[:, None], p[None, :])]  # fmt: skip
    if groups > 1:
        flat.append(flat[0])
    alone = np.concatenate([np.full(part[0].size, i == 3) for i, part in enumerate(flat)])
    columns: list[Floats] = [np.concatenate([part[i].ravel() for part in flat]) for i in range(4)]
    found = np.asarray(price(Steps(columns[0], columns[1], columns[2], columns[3], alone)), dtype=np.float64)
    sizes = np.cumsum([part[0].size for part in flat])[:-1]
    base, deep, wide, *lone = (v.reshape(part[0].shape) for v, part in zip(np.split(found, sizes), flat, strict=True))
    base[0, 0] = 0.0
    return Grid(
        s, c, t, p, base, lone[0] if lone else base, deep - deep[:, [int(np.searchsorted(c, c0))]],
        wide - wide[:, [int(np.searchsorted(p, p0))]],
    )  # fmt: skip
