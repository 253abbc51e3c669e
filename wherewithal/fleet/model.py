"""`run(scenario) -> Fleet`: a country's or a company's chips by year, on draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wherewithal import __version__, pulse
from wherewithal.catalog import load as catalog
from wherewithal.errors import InputError, nearest
from wherewithal.fleet import events, flows, measures, output, products, scenario, stock, talent, tokens
from wherewithal.fleet.draw import Array, Draws
from wherewithal.fleet.inputs import Inputs
from wherewithal.fleet.scenario import Scenario

BANNER = "conditional on the scenario, not a forecast"
# Percentiles of a table's columns: median, the 90% band and the 50% band.
BANDS = {"median": 50.0, "p5": 5.0, "p25": 25.0, "p75": 75.0, "p95": 95.0}


@dataclass
class Fleet:
    """One scenario, run.

    Attributes:
        name: of the scenario.
        scenario: as read.
        years: of every series.
        draws: the random numbers, with the inputs that were drawn.
        units: variable -> its unit.
        cohorts: lines and how long they last.
        left_out: products that no plan was found for, with why.
    """

    name: str
    scenario: Scenario
    years: tuple[int, ...]
    draws: Draws
    cohorts: stock.Cohorts
    units: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    _series: dict[str, Array] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The name and version of what made the figures."""
        return f"wherewithal {__version__}"

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of all series."""
        return tuple(self._series)

    def keep(self, variable: str, unit: str, series: Array) -> None:
        """Add a series (draws, years)."""
        self._series[variable], self.units[variable] = np.asarray(series), unit

    def series(self, variable: str, region: str = "", basis: str = "") -> Array:
        """Return a variable on draws (draws, years).

        Args:
            variable: such as `Stock|Units|Total`; `Share|Domestic|H100e` is that of the stock, 8-bit, smuggled in it.
            region: of the scenario; empty: whatever it is.
            basis: added to the variable's name after a bar.

        Raises:
            InputError: no such variable or region; with the nearest.
        """
        if region and region != self.scenario.region:
            raise InputError(self.name, f"no region {region[:40]!r}", f"it is about {self.scenario.region}")
        name = f"{variable}|{basis}" if basis else variable
        name = {"Share|Domestic|H100e": f"Share|Domestic|{products.EIGHT}|Stock|All"}.get(name, name)
        if name not in self._series:
            raise InputError(self.name, f"no variable {name[:80]!r}", f"did you mean {nearest(name, self._series)}?")
        return self._series[name]

    def band(self, variable: str, year: int) -> dict[str, float]:
        """Return the median, 50% and 90% band of a variable in a year; NaN where no draw has a value."""
        return _bands(self.series(variable)[:, self.years.index(year)])

    def table(self) -> list[dict[str, Any]]:
        """Return the rows of an IAMC table, one per variable and year, with the bands as columns."""
        return list(self._rows())

    def _rows(self) -> Iterator[dict[str, Any]]:
        for name, series in self._series.items():
            pulse.beat()
            bands = {k: column(series, q) for k, q in BANDS.items()}
            for at, year in enumerate(self.years):
                found = {k: (float(v[at]) if np.isfinite(v[at]) else None) for k, v in bands.items()}
                yield {
                    "model": self.model, "scenario": self.name, "region": self.scenario.region, "variable": name,
                    "unit": self.units[name], "year": year, **found,
                }  # fmt: skip


def column(series: Array, percentile: float) -> Array:
    """Return a percentile [%] of each year (years,) of a series (draws, years); draws without a value are left out."""
    pulse.beat()
    if np.isfinite(series).all():
        return np.asarray(np.percentile(series, percentile, axis=0))
    out = np.full(series.shape[1], np.nan)
    for at in range(series.shape[1]):
        there = series[np.isfinite(series[:, at]), at]
        if there.size:
            out[at] = np.percentile(there, percentile)
    return out


def _bands(one_year: Array) -> dict[str, float]:
    return {k: float(column(one_year[:, None], q)[0]) for k, q in BANDS.items()}


def run(
    name: str | Path,
    draws: int = 4096,
    seed: int = 0,
    dirs: catalog.Dirs = (),
    overrides: Sequence[str] = (),
    progress: pulse.Progress | None = None,
) -> Fleet:
    """Return a scenario run on draws.

    Args:
        name: of a scenario of the catalog, or a .toml file.
        draws: points of the scrambled Sobol set (a power of two is best).
        seed: of its scrambling; the same seed gives the same bytes.
        dirs: folders of the user's own, searched first.
        overrides: `PATH=VALUE` into the scenario.
        progress: called with (phase, done, in all) as work goes on; what it raises comes out unchanged.

    Raises:
        InputError: no such scenario, input or product; a value that cannot be.
        FileProblems: all that is wrong in the scenario's file.
    """
    with pulse.heard(progress):
        return of(scenario.read(name, dirs, overrides), Path(name).stem, draws, seed, dirs)


def of(read: Scenario, name: str, draws: int, seed: int, dirs: catalog.Dirs = ()) -> Fleet:
    """Return a scenario that was read, run on draws (arguments as in `run`)."""
    pulse.phase("inputs")
    inputs = Inputs(read, dirs)
    events.known(read, dirs)
    random = Draws(draws, seed, known_keys(inputs, dirs))
    random.reserve([f"own | {n}" for n in read.inputs])
    pulse.phase("flows")
    calendar = stock.Calendar(read.first_year, read.last_year)
    lines = flows.observed(read, random, calendar, tuple(dirs))
    flows.changed(lines, read.changes, calendar)
    outputs = [output.made(m, inputs, random, lines, calendar) for m in read.made.values()]
    worth = measures.Worth(inputs, random)
    more = [ln for f in read.flows.values() for ln in flows.later(f, worth, lines, calendar)]
    lines = stock.joined([*lines, *more, *(ln for o in outputs for ln in o.lines)], draws)
    needed = _reach(read, lines, worth, calendar)
    pulse.phase("cohorts")
    fleet = Fleet(name, read, calendar.years, random, _cohorts(inputs, random, lines, calendar))
    pulse.phase("measures")
    _fill(fleet, outputs, worth, needed)
    return fleet


def known_keys(inputs: Inputs, dirs: catalog.Dirs = ()) -> list[str]:
    """Return the keys of all inputs that the catalog's tables have, in their order, each of which has its own column."""
    groups = [f"factor | {g}" for g in dict.fromkeys(i.group for i in inputs.table.values() if i.group)]
    pairs = [f"{kind} | {p}" for p in products.names(dirs) for kind in ("price",)]
    worth = [f"worth | {p} {m}" for p in products.names(dirs) for m in products.MEASURES]
    return list(dict.fromkeys([*inputs.table, *groups, *flows.known_keys(dirs), *pairs, *worth, "worth | tokens"]))


def _cohorts(inputs: Inputs, draws: Draws, lines: list[stock.Line], calendar: stock.Calendar) -> stock.Cohorts:
    """Return lines with the shares by age that stand, work and are under load."""
    read, ages, whole = inputs.scenario, calendar.quarters, (draws.count,)
    out = stock.Cohorts(calendar, lines)
    loss = np.broadcast_to(draws.values(inputs.get(read.failures)), whole)
    working, used, rest = np.zeros((draws.count, ages)), np.zeros((draws.count, ages)), np.ones(draws.count)
    for sector in sorted(read.sectors.values(), key=lambda s: s.share is None):
        share = rest if sector.share is None else draws.values(inputs.get(sector.share))
        part = share[:, None] * stock.deployed(
            np.broadcast_to(draws.values(inputs.get(sector.lag_months)), whole), ages
        )
        working += part
        used += part * draws.values(inputs.get(sector.utilisation))[:, None]
        rest = np.maximum(rest - share, 0.0)
    for scarce, ref in ((False, read.lifetime), (True, read.lifetime_scarce)):
        life = np.broadcast_to(draws.values(inputs.get(ref)), whole)
        out.survival[scarce] = stock.survival(life, loss, ages)
        out.working[scarce], out.used[scarce] = out.survival[scarce] * working, out.survival[scarce] * used
    return out


def _reach(read: Scenario, lines: list[stock.Line], worth: measures.Worth, calendar: stock.Calendar) -> Array | None:
    """Raise own output until the target's share of a year's new H100e (8-bit, all origins) is met; return how many times."""
    if read.target is None or read.target.year not in calendar.years:
        return None
    sums = {True: np.zeros(worth.draws.count), False: np.zeros(worth.draws.count)}
    at = calendar.years.index(read.target.year)
    for line in lines:
        one = worth.measure(line.product, products.EIGHT)
        if one is not None:
            sums[line.origin == "domestic"] += stock.yearly(line.units, calendar)[:, at] * one
    own, other = sums[True], sums[False]
    times = np.maximum(other * read.target.share / (1 - read.target.share) / np.maximum(own, 1e-9), 1.0)
    ramp = (np.array(calendar.years) - read.target.start + 1) / (read.target.year - read.target.start + 1)
    factor = 1 + (times[:, None] - 1) * np.clip(ramp, 0, 1)[None, :]
    for line in lines:
        if line.origin == "domestic":
            line.units = line.units * np.repeat(factor, 4, axis=1)
    return np.asarray(factor)


def _fill(fleet: Fleet, outputs: list[output.Output], worth: measures.Worth, needed: Array | None) -> None:
    measures.flows_and_stocks(fleet.cohorts, worth, fleet.keep)
    measures.makers(fleet.cohorts, worth, fleet.keep)
    facility = measures.power(fleet.cohorts, worth, fleet.keep)
    measures.money(facility, fleet.series("Flow|Value|Total"), worth, fleet.keep)
    measures.work(fleet.cohorts, worth, products.reference_flops(worth.dirs), fleet.keep)
    fleet.left_out += tokens.keep(fleet.cohorts, worth, fleet.keep)
    if fleet.scenario.talent is not None:
        talent.keep(fleet.scenario.talent, worth, fleet.years, fleet.keep)
    if fleet.scenario.grid is not None:
        measures.grid(fleet.scenario.grid, worth, fleet.years, fleet.series("Energy"), fleet.keep)
    for name, ref in fleet.scenario.national.items():
        given = worth.inputs.get(ref)
        series = np.stack([np.broadcast_to(worth.draws.values(given, y), (worth.draws.count,)) for y in fleet.years], 1)
        fleet.keep(name, given.unit, series)
    for out in outputs:
        fleet.keep(f"Made|Packages|{out.maker}", "packages/yr", out.packages)
        for limit, share in out.binding().items():
            fleet.keep(f"Made|Bound by {limit}|{out.maker}", "1", share)
    if needed is not None:
        fleet.keep("Target|Times the output", "1", needed)
