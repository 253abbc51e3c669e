"""A share that grows along a logistic curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wherewithal.claims.quantity import DRAWS, Draws, Quantity


def months(text: str) -> int:
    """Return a month (`2025-09`) as a count of months."""
    year, month = text.split("-")[:2]
    return int(year) * 12 + int(month) - 1


def shown(count: int) -> str:
    """Return a count of months as a month."""
    return f"{count // 12}-{count % 12 + 1:02d}"


def fit(rows: Sequence[Quantity]) -> tuple[float, float] | None:
    """Return (rate a month, month of half) of the logistic curve by least squares on log odds; None under two points.

    log(s / (1 - s)) = rate * (t - half).
    """
    points = [(months(r.cells["date"]), math.log(r.value / (1 - r.value))) for r in rows if 0 < r.value < 1]
    if len({t for t, _ in points}) < 2:
        return None
    t, y = (np.array(c, float) for c in zip(*points, strict=True))
    rate = float(((t - t.mean()) * (y - y.mean())).sum() / ((t - t.mean()) ** 2).sum())
    return rate, float(t.mean() - y.mean() / rate)


def logistic(rows: Sequence[Quantity], options: Mapping[str, Any]) -> tuple[float, Draws | float, str]:
    """Return what `options.give` names of the curve through the rows: `rate`, `at` a month, or the month at `half`.

    With `options.before`, rows from that month on are left out; fewer than two months left is said, not guessed. With
    `options.score`, the value is the curve's error at the last row.
    """
    kept = [r for r in rows if not options.get("before") or r.cells["date"] < options["before"]]
    found = fit(kept)
    if found is None:
        points = len({r.cells["date"] for r in kept})
        said = f"{'one point' if points == 1 else f'{points} points'}: cannot be fitted"
        return float("nan"), np.full(DRAWS, np.nan), said
    rate, half = found
    give = options.get("give", "at")
    if give == "rate":
        return rate, rate, ""
    if give == "half":
        first = math.ceil(half)
        return float(first), float(first), shown(first)
    last = max(rows, key=lambda r: str(r.cells["date"]))
    at = last.cells["date"] if options.get("score") else options["at"]
    value = 1 / (1 + math.exp(-rate * (months(at) - half)))
    return (
        (value - last.value if options.get("score") else value),
        (value - last.value if options.get("score") else value),
        "",
    )
