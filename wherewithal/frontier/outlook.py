"""Outlook of records as resampled monthly gains, and how well such an outlook would have done against no change.

The rule, written before any score was looked at: gains of the last 24 full months before the day of freezing (fewer where
there are fewer, at least 6) on the scale of the index, or of its log odds where the index has a top, are weighted by one
Bayesian bootstrap a draw and drawn month by month with the same months for all groups, and added to a draw of the
records. A straight trend follows from it on the scale itself, a logistic one on log odds. Gains are never negative, so an
outlook never falls. No change is a point at the record as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wherewithal.errors import InputError
from wherewithal.frontier.lead import INTERVAL, month_ends
from wherewithal.frontier.records import DRAWS, Array, Table, records
from wherewithal.frontier.scores import Index, Score, iso

WINDOW_MONTHS = 24
LEAST_MONTHS = 6
HORIZON_MONTHS = 12
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Fan:
    """The outlook of one group at one day.

    Attributes:
        group: its name.
        day: ordinal.
        quantiles: at 5, 25, 50, 75 and 95% [points].
        leads: share of draws in which the group is ahead of all others.
    """

    group: str
    day: int
    quantiles: tuple[float, ...]
    leads: float


@dataclass(frozen=True)
class Outlook:
    """Fans of all groups that could be drawn, and why the others could not; `kind` is linear or logistic."""

    kind: str
    frozen: int
    months: int
    fans: tuple[Fan, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scored:
    """How an outlook frozen at a day did for one group.

    Attributes:
        group: its name.
        frozen, until: ordinals.
        months: month ends scored.
        crps, naive: mean continuous ranked probability score of the outlook and of no change [points].
        covered: share of the months whose outcome lies in the 90% band.
        outcome, median, low, high: of the last month scored [points].
    """

    group: str
    frozen: int
    until: int
    months: int
    crps: float
    naive: float
    covered: float
    outcome: float
    median: float
    low: float
    high: float


def outlook(scores: Sequence[Score], which: Index, by: str, draws: int = DRAWS, seed: int = 0) -> Outlook:
    """Return the outlook over the twelve months after the data date.

    Raises:
        InputError: the index is one of boards, which are not one scale.
    """
    days = [which.until + round(365.25 / 12 * m) for m in range(1, HORIZON_MONTHS + 1)]
    paths, left = _paths(scores, which, by, which.until, len(days), (draws, seed))
    fans = []
    for at, day in enumerate(days):
        best = np.max([p[:, at] for p in paths.values()], axis=0) if paths else np.zeros(0)
        for name, path in paths.items():
            said = tuple(float(q) for q in np.quantile(path[:, at], LEVELS))
            fans.append(Fan(name, day, said, float(np.mean(path[:, at] >= best))))
    return Outlook(_kind(which), which.until, HORIZON_MONTHS, tuple(fans), tuple(left))


def backtest(
    scores: Sequence[Score], which: Index, by: str, frozen: int, draws: int = DRAWS, seed: int = 0
) -> tuple[Scored, ...]:
    """Return how the outlook frozen at a day did at each month end after it, by group.

    Only models that were out by that day are known to it; their scores are those of the same table, which is younger.

    Raises:
        InputError: boards, or no full month after the day, or too little before it.
    """
    months = _months_after(which, frozen)
    if not months:
        raise InputError("--backtest", f"no full month of {which.name} after {iso(frozen)}", "give an earlier day")
    paths, left = _paths(scores, which, by, frozen, len(months), (draws, seed))
    if not paths:
        raise InputError("--backtest", f"{which.name}: {left[0][1] if left else 'no group'}", "give a later day")
    whole = records(scores, which, by, draws=0)
    out = []
    for name, path in paths.items():
        held = _held(whole, name, [frozen, *months])
        truth = held[1:]
        scored = [crps(path[:, at], y) for at, y in enumerate(truth)]
        ends = np.quantile(path, [(1 - INTERVAL) / 2, 0.5, (1 + INTERVAL) / 2], axis=0)
        inside = (truth >= ends[0]) & (truth <= ends[2])
        naive = float(np.mean(np.abs(truth - held[0])))
        out.append(Scored(
            name, frozen, months[-1], len(months), float(np.mean(scored)), naive, float(np.mean(inside)),
            float(truth[-1]), *(float(ends[i, -1]) for i in (1, 0, 2)),
        ))  # fmt: skip
    return tuple(out)


def crps(sample: Array, outcome: float) -> float:
    """Return the continuous ranked probability score of a sample (Gneiting and Raftery 2007, eq. 21), in its unit.

    CRPS = E|X - y| - E|X - X'| / 2; of a single point it is the absolute error.
    """
    ordered = np.sort(sample)
    n = len(ordered)
    spread = 2.0 * float(np.sum((2 * np.arange(1, n + 1) - n - 1) * ordered)) / (n * n)
    return float(np.mean(np.abs(ordered - outcome))) - spread / 2


def _kind(which: Index) -> str:
    return "linear" if which.top is None else "logistic"


def _months_after(which: Index, frozen: int) -> list[int]:
    """Return the month ends after a day and up to the data date."""
    span = max(0, (which.until - frozen) // 28 + 1)
    return [day for day in month_ends(which.until, span) if day > frozen] if span else []


def _held(table: Table, name: str, days: Sequence[int]) -> Array:
    """Return a group's record as published on some days; -inf before its first score."""
    row = table.row(name)
    out = []
    for day in days:
        known = [s.value for d, s in zip(table.days, row, strict=True) if s is not None and d <= day]
        out.append(known[-1] if known else -np.inf)
    return np.array(out)


def _paths(
    scores: Sequence[Score], which: Index, by: str, frozen: int, months: int, how: tuple[int, int]
) -> tuple[dict[str, Array], list[tuple[str, str]]]:
    """Return draws of the records of each group, of shape (draws, months) [points], and the groups left out with why."""
    if which.boards:
        raise InputError("--outlook", f"{which.name}: each board is a scale of its own", "choose another --index")
    draws, seed = how
    known = [s for s in scores if s.day <= frozen]
    if not known:
        raise InputError("--backtest", f"{which.name} has no score by {iso(frozen)}", "give a later day")
    table = records(known, which, by, draws, seed)
    ends = [*month_ends(frozen, WINDOW_MONTHS + 1)]
    rng = np.random.default_rng([seed, frozen, months])
    weights = rng.standard_exponential((draws, WINDOW_MONTHS))
    uniform = rng.random((draws, months))
    paths, left = {}, []
    for name in table.groups:
        held = _held(table, name, ends)
        first = int(np.argmax(np.isfinite(held))) if np.isfinite(held).any() else len(held)
        if len(held) - 1 - first < LEAST_MONTHS:
            left.append((name, f"{name} has fewer than {LEAST_MONTHS} months of records by {iso(frozen)}"))
            continue
        gains = np.diff(_to(held[first:], which.top))
        picked = _picked(weights[:, first:], uniform)
        start = _to(_start(table, name, draws), which.top)
        paths[name] = _from(start[:, None] + np.cumsum(gains[picked], axis=1), which.top)
    return paths, left


def _picked(weights: Array, uniform: Array) -> NDArray[np.intp]:
    """Return which month of the window each draw takes at each step, by the draw's own weights."""
    sums = np.cumsum(weights, axis=1)
    sums = sums / sums[:, -1:]
    return np.asarray(
        np.minimum((uniform[:, :, None] > sums[:, None, :]).sum(axis=2), weights.shape[1] - 1), dtype=np.intp
    )


def _start(table: Table, name: str, draws: int) -> Array:
    """Return draws of a group's record at the day of freezing [points]."""
    if table.draws.shape[1]:
        return np.asarray(table.drawn(name)[:, -1], dtype=np.float64)
    last = table.row(name)[-1]
    return np.full(draws, last.value if last is not None else np.nan)


def _to(points: Array, top: float | None) -> Array:
    """Return points as they are, or as log odds of the highest score there can be."""
    if top is None:
        return points
    share = np.clip(points / top, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(share / (1 - share)), dtype=np.float64)


def _from(values: Array, top: float | None) -> Array:
    """Return points again."""
    return values if top is None else np.asarray(top / (1 + np.exp(-values)), dtype=np.float64)
