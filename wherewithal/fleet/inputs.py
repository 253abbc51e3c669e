"""Inputs with their intervals: rows of the table of parameters, flows of the table, and those of a scenario's own."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from wherewithal.catalog import load as catalog
from wherewithal.catalog import national
from wherewithal.errors import InputError, nearest
from wherewithal.fleet.scenario import Own, Scenario

COPULA = "gaussian copula"


@dataclass(frozen=True)
class Point:
    """The distribution of an input in a year: median and interval [unit]; `year` None where it holds for any."""

    year: int | None
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Input:
    """One thing that is drawn.

    Attributes:
        key: what makes it this input: `name | applies_to`.
        shape, level: as in the table of parameters.
        points: by year; years between two are interpolated on the draws, so that one draw is one path.
        unit, status, source, note: as in the table.
        group: inputs with one group share a common cause; empty: none.
        rho: [1] correlation of any two of the group.
    """

    key: str
    shape: str
    level: str
    points: tuple[Point, ...]
    unit: str
    status: str
    source: str
    note: str = ""
    group: str = ""
    rho: float = 0.0

    @property
    def fixed(self) -> bool:
        """Whether nothing is drawn."""
        return self.shape == "fixed" or all(p.low is None or p.low == p.high for p in self.points)


class Inputs:
    """The inputs of a scenario by reference."""

    def __init__(self, scenario: Scenario, dirs: catalog.Dirs = (), before: str = "") -> None:
        self.scenario, self.dirs, self.before = scenario, tuple(dirs), before
        self.table = parameters(self.dirs)
        self.known = parameters(self.dirs, before)

    def get(self, ref: str) -> Input:
        """Return the input of a reference.

        Raises:
            InputError: the reference is neither in the scenario's [inputs] nor in the table; with the nearest.
        """
        own = self.scenario.inputs.get(ref)
        if own is not None:
            made = of_scenario(ref, own)
            return widened(made) if self.before else made
        if ref.startswith("power |"):
            return of_power(ref, self.dirs)
        key = " | ".join(p.strip() for p in ref.split("|", 1))
        if key not in self.table:
            guesses = nearest(key, [*self.table, *self.scenario.inputs])
            raise InputError("scenario", f"no input {ref[:80]!r}", f"did you mean {'; '.join(guesses)}?")
        if self.before and key not in self.known:
            return widened(self.table[key])
        return self.known[key]


def widened(given: Input) -> Input:
    """Return an input with its standard deviation doubled: what stands in for a row that was not known at the time.

    Doubled in the logarithm for a lognormal, in the logit for a share, as it stands otherwise.
    """
    return replace(given, points=tuple(_wide(p, given.shape) for p in given.points))


def _wide(p: Point, shape: str) -> Point:
    if p.low is None or p.high is None or shape == "fixed":
        return p
    if shape == "lognormal" and p.low > 0:
        return Point(p.year, p.value, p.value * (p.low / p.value) ** 2, p.value * (p.high / p.value) ** 2)
    if shape == "beta" and p.low > 0 and p.high < 1:
        at, low, high = (math.log(v / (1 - v)) for v in (p.value, p.low, p.high))
        ends = [1 / (1 + math.exp(-(2 * end - at))) for end in (low, high)]
        return Point(p.year, p.value, ends[0], ends[1])
    return Point(p.year, p.value, max(2 * p.low - p.value, 0.0), 2 * p.high - p.value)


def of_scenario(name: str, own: Own) -> Input:
    """Return an input that the scenario states itself, as `assumed`."""
    points = [Point(None, own.value, own.low, own.high)]
    if own.by_year:
        if any(not y.isdigit() for y in own.by_year) or own.value == 0:
            raise InputError(f"inputs.{name}.by_year", "a key that is no year, or a value of zero", "2027 = 1.5")
        points = []
        for year, value in sorted(own.by_year.items()):
            low, high = (None if end is None else end * value / own.value for end in (own.low, own.high))
            points.append(Point(int(year), value, low, high))
    return Input(f"own | {name}", own.shape, own.level, tuple(points), own.unit, "assumed", own.reason)


def of_power(ref: str, dirs: tuple[object, ...] = ()) -> Input:
    """Return the series of the table of power that `power | REGION | METRIC` names, as read, by year; plans over several years are left out.

    Raises:
        InputError: no such rows.
    """
    _, region, metric = (p.strip() for p in ref.split("|", 2)) if ref.count("|") >= 2 else ("", "", ref)
    rows = [
        r for r in national.rows("power", dirs)  # type: ignore[arg-type]
        if (r.get("region"), r.get("metric")) == (region, metric)
        and r.value is not None
        and re.fullmatch(r"\d{4}(-\d\d)?", r.get("period"))
    ]  # fmt: skip
    if not rows:
        raise InputError("scenario", f"no power row for {ref[:80]!r}", "power | REGION | METRIC")
    found = {_years(r.get("period"))[-1]: r for r in sorted(rows, key=lambda r: r.get("period"))}
    if len({r.unit for r in rows}) > 1:
        raise InputError(ref[:80], "rows in several units", "name a metric with one")
    points = tuple(Point(y, found[y].value or 0.0, None, None) for y in sorted(found, key=lambda y: y or 0))
    return Input(ref, "fixed", "exact", points, rows[0].unit, rows[0].status, rows[0].source, rows[0].note)


@lru_cache(maxsize=8)
def parameters(dirs: tuple[object, ...] = (), before: str = "") -> dict[str, Input]:
    """Return the table of parameters by key, one input for all periods of a name; of a year the latest vintage wins.

    Args:
        dirs: folders of the user's own.
        before: vintage (YYYY-MM): only rows known by then; empty: all.
    """
    rows = [r for r in national.rows("parameters", dirs) if r.value is not None]  # type: ignore[arg-type]
    if before:
        rows = [r for r in rows if r.vintage[:7] <= before]
    groups = _groups([r for r in rows if r.get("shape") == COPULA])
    found: dict[str, list[national.Row]] = {}
    for row in rows:
        if row.get("shape") != COPULA:
            found.setdefault(f"{row.get('name')} | {row.get('applies_to')}", []).append(row)
    return {key: _input(key, same, groups) for key, same in found.items()}


def _groups(rows: list[national.Row]) -> dict[str, float]:
    return {r.get("applies_to"): float(r.value or 0) for r in rows}


def _input(key: str, rows: list[national.Row], groups: dict[str, float]) -> Input:
    first = max(rows, key=lambda r: r.vintage)
    points: dict[int | None, Point] = {}
    for row in sorted(rows, key=lambda r: r.vintage):
        for year in _years(row.get("period")):
            points[year] = Point(year, float(row.value or 0), row.low, row.high)
    name = key.split(" | ", 1)[0]
    group = next((g for g in groups if name in re.split(r"[ ,(]+", g)), "")
    ordered = tuple(points[y] for y in sorted(points, key=lambda y: -1 if y is None else y))
    words = (first.unit, first.status, first.source, first.note)
    return Input(key, first.get("shape"), first.get("level"), ordered, *words, group=group, rho=groups.get(group, 0.0))


def _years(period: str) -> list[int | None]:
    """Return the years at which a period's value stands: both ends of a range, one year, or None for any."""
    years = [int(y) for y in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", period)]
    return list(dict.fromkeys(years)) or [None]


def owner_rho(dirs: catalog.Dirs = ()) -> float:
    """Return the correlation [1] of chips of one owner within a quarter, from the table of parameters."""
    for row in national.rows("parameters", dirs):
        if row.get("shape") == COPULA and row.get("applies_to").startswith("chips of one owner"):
            return float(row.value or 0)
    return 0.0
