"""The frontier: rows that no other row beats in speed per user and in speed per chip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def frontier(latency: NDArray[np.float64], rate: NDArray[np.float64], tie: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows that no other row beats: lower latency, higher rate; equal ones are one, the lowest `tie` stays.

    Args:
        latency: less is better, shape (rows,).
        rate: more is better, shape (rows,).
        tie: decides between equal rows, so that the order of rows does not matter.

    Returns:
        row numbers by rising latency; latency and rate both rise strictly along them.
    """
    if not len(latency):
        return np.empty(0, dtype=np.intp)
    order = np.lexsort((tie, -rate, latency))
    best = np.maximum.accumulate(rate[order])
    keep = np.ones(len(order), dtype=bool)
    keep[1:] = rate[order][1:] > best[:-1]
    return order[keep]


def knee(latency: NDArray[np.float64], rate: NDArray[np.float64]) -> int:
    """Return the row of a frontier that is farthest, in logarithms, from the line that joins its ends."""
    if len(latency) < 3:
        return int(len(latency) - 1)
    x, y = np.log(latency), np.log(rate)
    x = (x - x[0]) / (x[-1] - x[0])
    y = (y - y[0]) / (y[-1] - y[0])
    return int(np.argmax(y - x))
