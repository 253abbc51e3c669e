"""The highest load that keeps the service levels: doubled until it fails, then halved between."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

# The search ends when the load that fails is so close above the one that holds, or after so many steps.
CLOSE, STEPS = 1.05, 14


async def highest(first: float, whole: bool, holds: Callable[[float], Awaitable[bool | None]]) -> float | None:
    """Return the highest load found to hold, or None where none does.

    Args:
        first: where to start.
        whole: whether loads are whole numbers (requests in flight).
        holds: runs one load and says whether it holds; None to end the search (interrupted, or no budget left).
    """
    low: float | None = None
    high: float | None = None
    load = first
    for _ in range(STEPS):
        held = await holds(load)
        if held is None:
            break
        low, high = (load, high) if held else (low, load)
        following = _following(low, high, whole)
        if following is None:
            break
        load = following
    return low


def _following(low: float | None, high: float | None, whole: bool) -> float | None:
    """Return the next load to try, or None where the search is over."""
    if high is None:
        return (low or 1.0) * 2
    if low is None:
        half = math.floor(high / 2) if whole else high / 2
        return half if half >= 1 or (not whole and half > 1e-3) else None
    if whole:
        return None if high - low <= max(1.0, low * (CLOSE - 1)) else float(math.floor((low + high) / 2))
    return None if high / low <= CLOSE else math.sqrt(low * high)
