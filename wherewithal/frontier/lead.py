"""Lead and lag of two groups: in points, in months, and the dates on which the lead changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from wherewithal.frontier.records import Array, Table
from wherewithal.frontier.scores import Index, Score

MONTH_DAYS = 365.25 / 12
INTERVAL = 0.90


@dataclass(frozen=True)
class Band:
    """A figure with its 90% interval; ends are None where the index publishes no errors."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Change:
    """A day on which the lead passed over.

    Attributes:
        day: ordinal.
        leader, before: groups; `before` is empty at the start.
        first, second: the scores of the new leader and of the other; no second where the first stood alone.
        separated: whether their intervals do not touch; None where one has none.
    """

    day: int
    leader: str
    before: str
    first: Score
    second: Score | None
    separated: bool | None


@dataclass(frozen=True)
class Lead:
    """What `a` has over `b` at the data date; negative where `b` is ahead.

    Attributes:
        a, b: groups.
        points: [points] between their records.
        months: since the leader first had what the other has now, up to the data date; None where dates cannot be compared.
        matched_months: between the days on which the leader and the other reached what the other has now; None likewise.
        year_months: mean of `months` over the twelve month ends up to the data date; None likewise.
        ahead: probability that `a` is ahead, from the scores' errors; None where none are known.
        changes: days on which the lead passed over, the start not counted.
        start: who led first, and since when (releases: also while alone).
        since: day since which the one ahead has been ahead without a break, by the bare figures.
        separated: first day since then on which the intervals did not touch; None where there is none.
        since_band: 5th and 95th percentile of `since` over the draws in which the same group is ahead; None where the
            lead began while the other had no score.
    """

    a: str
    b: str
    points: Band
    months: Band | None
    matched_months: Band | None
    year_months: Band | None
    ahead: float | None
    changes: tuple[Change, ...]
    start: Change
    since: int
    separated: int | None
    since_band: tuple[int, int] | None


@dataclass(frozen=True)
class Point:
    """The lead at one day: `day` is an ordinal, the rest as in `Lead`."""

    day: int
    points: Band
    months: Band | None


def lead(table: Table, which: Index, a: str, b: str, until: int | None = None) -> Lead | None:
    """Return the lead of `a` over `b`; None where the two never stand side by side with a difference.

    Args:
        table: records of one scale.
        which: that scale.
        a: a group of the table.
        b: another.
        until: data date, an ordinal; that of the scale where None.
    """
    until = which.until if until is None else until
    both = _both(table, a, b, until)
    passed = _changes(table, a, b, until)
    if not both or not passed:
        return None
    now, *year = [_at(table, a, b, day) for day in (until, *month_ends(until, 12))]
    if now is None:
        return None
    dated = [one for one in year if one is not None] if not table.boards else []
    holding = passed[-1]
    other = b if holding.leader == a else a
    return Lead(
        a, b,
        now.points.band,
        now.months.band if now.months else None,
        now.matched.band if now.matched else None,
        _mean([one.months for one in dated if one.months]) if len(dated) == len(year) else None,
        float(np.mean(now.points.drawn > 0)) if now.points.drawn.size else None,
        tuple(passed[1:]), passed[0], holding.day,
        _separated(table, holding, other, both),
        _since_band(table, holding.leader, other, both) if holding.second is not None else None,
    )  # fmt: skip


def history(table: Table, a: str, b: str, days: Sequence[int]) -> list[Point]:
    """Return the lead of `a` over `b` at some days (ordinals), those left out before both stand."""
    found = [(day, _at(table, a, b, day)) for day in days]
    return [Point(day, one.points.band, one.months.band if one.months else None) for day, one in found if one]


def month_ends(until: int, count: int) -> list[int]:
    """Return the last days of the `count` full months up to a day, oldest first; all ordinals."""
    end = date.fromordinal(until + 1)
    month = end.year * 12 + end.month - 1
    firsts = [divmod(month - back, 12) for back in range(count)]
    return sorted(date(year, at + 1, 1).toordinal() - 1 for year, at in firsts)


@dataclass(frozen=True)
class _Figure:
    """A figure as published, and in draws (none where no errors are known)."""

    value: float
    drawn: Array

    @property
    def band(self) -> Band:
        if not self.drawn.size:
            return Band(self.value)
        low, high = np.quantile(self.drawn, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
        return Band(self.value, float(low), float(high))


@dataclass(frozen=True)
class _Now:
    points: _Figure
    months: _Figure | None
    matched: _Figure | None


def _mean(figures: Sequence[_Figure]) -> Band:
    """Return the mean of figures with its interval, draw by draw."""
    drawn = np.mean([f.drawn for f in figures], axis=0)
    return _Figure(float(np.mean([f.value for f in figures])), np.asarray(drawn, dtype=np.float64)).band


def _both(table: Table, a: str, b: str, until: int) -> list[int]:
    """Return the events up to a day at which both groups have a best."""
    pairs = zip(table.days, table.row(a), table.row(b), strict=True)
    return [i for i, (day, x, y) in enumerate(pairs) if x and y and day <= until]


def _at(table: Table, a: str, b: str, day: int) -> _Now | None:
    """Return the lead at a day (boards: on the last board up to then); None before both stand."""
    both = _both(table, a, b, day)
    if not both:
        return None
    end = both[-1] + 1
    bare = [np.array([[-np.inf if s is None else s.value for s in table.row(n)[:end]]]) for n in (a, b)]
    drawn = [table.drawn(n)[:, :end] for n in (a, b)]
    points = _Figure(float(bare[0][0, -1] - bare[1][0, -1]), drawn[0][:, -1] - drawn[1][:, -1])
    if table.boards:
        return _Now(points, None, None)
    days = np.array(table.days[:end], dtype=np.float64)
    now, simulated = _months(bare[0], bare[1], days, float(day)), _months(drawn[0], drawn[1], days, float(day))
    return _Now(points, *(_Figure(float(v[0]), d) for v, d in zip(now, simulated, strict=True)))


def _months(first: Array, second: Array, days: Array, until: float) -> tuple[Array, Array]:
    """Return, of each draw, the lead of the first group in months: at the day, and between matching days."""
    sign = np.sign(first[:, -1] - second[:, -1])
    ahead, behind = (np.where(sign[:, None] >= 0, x, y) for x, y in ((first, second), (second, first)))
    level = behind[:, -1:]
    had = days[np.argmax(ahead >= level, axis=1)]
    reached = days[np.argmax(behind >= level, axis=1)]
    return sign * (until - had) / MONTH_DAYS, sign * (reached - had) / MONTH_DAYS


def _changes(table: Table, a: str, b: str, until: int) -> list[Change]:
    """Return who led first and each day on which the other passed; a tie changes nothing."""
    out: list[Change] = []
    for day, x, y in zip(table.days, table.row(a), table.row(b), strict=True):
        alone = x is None or y is None
        if day > until or (alone and (not table.alone or x is y)):
            continue
        if x is not None and y is not None and x.value == y.value:
            continue
        leader = a if y is None or (x is not None and x.value > y.value) else b
        first, second = (x, y) if leader == a else (y, x)
        if first is not None and (not out or out[-1].leader != leader):
            apart_now = None if second is None else apart(first, second)
            out.append(Change(day, leader, out[-1].leader if out else "", first, second, apart_now))
    return out


def apart(first: Score, second: Score) -> bool | None:
    """Return whether the interval of the first lies wholly above that of the second; None where one has none."""
    if first.low is None or second.high is None:
        return None
    return first.low > second.high


def _separated(table: Table, holding: Change, other: str, both: list[int]) -> int | None:
    """Return the first day in the last unbroken lead on which the intervals are apart."""
    for i in both:
        first, second = table.row(holding.leader)[i], table.row(other)[i]
        if table.days[i] >= holding.day and first and second and apart(first, second):
            return table.days[i]
    return None


def _since_band(table: Table, leader: str, other: str, both: list[int]) -> tuple[int, int] | None:
    """Return the interval of the day since which the one ahead has been so, over draws in which it is ahead."""
    gap = table.drawn(leader)[:, both] - table.drawn(other)[:, both]
    kept = gap[gap[:, -1] > 0]
    if not len(kept):
        return None
    behind = kept[:, ::-1] <= 0
    at = np.where(behind.any(axis=1), len(both) - np.argmax(behind, axis=1), 0)
    days = np.array([table.days[i] for i in both])[at]
    low, high = np.quantile(days, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2], method="nearest")
    return int(low), int(high)
