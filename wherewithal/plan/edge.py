"""The batch between two of the grid at which a limit is just met: where the best rows under a service level lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherewithal.axes.split import Split
from wherewithal.model.op import Rows
from wherewithal.plan.lattice import Layouts

# Steps of the search between two batches of a grid of eight: the last batch is then found to about 0.1%.
STEPS = 5
# Layouts priced at once.
PIECE = 4096


class Bracket(NamedTuple):
    """Layouts whose limits are met at one batch of the grid and missed at the next; every field has shape (rows,).

    Attributes:
        rows: numbers of the layouts.
        low, high: [sequence] the two batches, at least two apart.
        below, above: share of the limits in use at each: at most 1, above 1.
        rate: what is carried at `high`, which no batch between the two reaches.
    """

    rows: NDArray[np.intp]
    low: Rows
    high: Rows
    below: Rows
    above: Rows
    rate: Rows

    def take(self, which: NDArray[np.bool_] | slice) -> Bracket:
        """Return some of the rows."""
        return Bracket(self.rows[which], *(v[which] for v in (self.low, self.high, self.below, self.above, self.rate)))


def bracket(rows: NDArray[np.intp], s: Rows, used: Rows, rate: Rows) -> Bracket:
    """Return the brackets of one piece of the grid.

    Args:
        rows: numbers of its layouts.
        s: [sequence] batches, rising along each row; shape (rows, batches).
        used: share of the limits in use at each.
        rate: what is carried at each, the same unit as what it is compared with later.
    """
    met = np.minimum.accumulate(np.broadcast_to(used, s.shape) <= 1.0, axis=1)
    last = np.count_nonzero(met, axis=1) - 1
    following = np.minimum(last + 1, s.shape[1] - 1)
    every = np.arange(len(s))
    at = np.flatnonzero((last >= 0) & (s[every, following] - s[every, last] >= 2.0))
    i, j = last[at], following[at]
    use, carried = np.broadcast_to(used, s.shape), np.broadcast_to(rate, s.shape)
    return Bracket(rows[at], s[at, i], s[at, j], use[at, i], use[at, j], carried[at, j])


def closed(
    brackets: list[Bracket], layouts: Layouts, worth: Callable[[Bracket], NDArray[np.bool_]],
    price: Callable[[Split, Rows], Rows],
) -> Iterator[tuple[Layouts, Rows]]:  # fmt: skip
    """Yield layouts and for each the largest whole batch found that meets the limits, shape (rows, 1), in pieces.

    Between the two batches the use of the limits is taken as a power of the batch (false position in logarithms).

    Args:
        brackets: of all pieces.
        layouts: of the pool, which `rows` number.
        worth: which brackets to look into.
        price: (split, batches), of shape (rows, 1), to the share in use there.
    """
    parts = [whole.take(worth(whole)) for whole in brackets]
    if not parts:
        return
    every = Bracket(*(np.concatenate([getattr(p, name) for p in parts]) for name in Bracket._fields))
    for start in range(0, len(every.rows), PIECE):
        b = every.take(slice(start, start + PIECE))
        own = layouts.take(b.rows)
        low = _between(b, own.split(), price)
        more = np.flatnonzero(low > b.low)
        if len(more):
            yield own.take(more), low[more][:, None]


def _between(b: Bracket, split: Split, price: Callable[[Split, Rows], Rows]) -> Rows:
    low, high = b.low, b.high
    below, above = (np.log(np.maximum(v, 1e-12)) for v in (b.below, b.above))
    before: NDArray[np.bool_] | None = None
    for _ in range(STEPS):
        part = -below / np.maximum(above - below, 1e-12)
        tried = np.clip(np.floor(low * (high / low) ** part), np.minimum(low + 1.0, high), high)
        found = np.log(np.maximum(price(split, tried[:, None])[:, 0], 1e-12))
        fine = found <= 0.0
        # An end that stays for the second time counts half, or it would hold the search back (Illinois variant).
        weight = 1.0 if before is None else np.where(fine == before, 0.5, 1.0)
        low, below = np.where(fine, tried, low), np.where(fine, found, weight * below)
        high, above = np.where(fine, high, tried), np.where(fine, weight * above, found)
        before = fine
    return low
