"""The frontier: rows that no other row beats in speed per user and in speed per chip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wherewithal.model.op import Rows


def frontier(latency: Rows, rate: Rows, *ties: Rows) -> NDArray[np.intp]:
    """Return the rows that no other row beats: lower latency, higher rate; of equal ones the lowest by `ties` stays.

    Args:
        latency: less is better, shape (rows,).
        rate: more is better, shape (rows,).
        ties: decide between equal rows, first first, so that the order of rows does not matter.

    Returns:
        row numbers by rising latency; latency and rate both rise strictly along them.
    """
    if not len(latency):
        return np.empty(0, dtype=np.intp)
    order = np.lexsort((*ties[::-1], -rate, latency))
    best = np.maximum.accumulate(rate[order])
    keep = np.ones(len(order), dtype=bool)
    keep[1:] = rate[order][1:] > best[:-1]
    return order[keep]


def knee(latency: Rows, rate: Rows) -> int:
    """Return the row of a frontier that is farthest, in logarithms, from the line that joins its ends."""
    if len(latency) < 3:
        return int(len(latency) - 1)
    x, y = np.log(latency), np.log(rate)
    x = (x - x[0]) / (x[-1] - x[0])
    y = (y - y[0]) / (y[-1] - y[0])
    return int(np.argmax(y - x))


class Front:
    """The frontier so far, to drop rows that it beats before anything is sorted."""

    def __init__(self) -> None:
        self._latency: Rows = np.empty(0)
        self._rate: Rows = np.empty(0)

    def beaten_at(self, latency: Rows) -> Rows:
        """Return the rate that the frontier reaches at each latency or below; zero where it has none."""
        if not len(self._latency):
            return np.zeros(latency.shape)
        at = np.searchsorted(self._latency, latency, side="right")
        reached: Rows = np.r_[0.0, self._rate][at]
        return reached

    def add(self, latency: Rows, rate: Rows) -> None:
        """Add rows."""
        latency, rate = np.r_[self._latency, latency], np.r_[self._rate, rate]
        top = frontier(latency, rate)
        self._latency, self._rate = latency[top], rate[top]
