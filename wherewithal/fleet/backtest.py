"""Priors frozen at a date, scored on what happened against the forecast of no change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from wherewithal.catalog import files, national
from wherewithal.catalog import load as catalog
from wherewithal.catalog.records import Record
from wherewithal.errors import InputError
from wherewithal.fleet import output, scenario, stock
from wherewithal.fleet.draw import Array, Draws
from wherewithal.fleet.inputs import Input, Inputs, Point
from wherewithal.fleet.model import column, known_keys

FILE = "fleet_backtest.toml"
RULE = (
    "Rule, fixed before scoring: only rows with a vintage on or before the date; rival figures and the physical model "
    "(least of dies, memory, packaging) get equal weights; a figure without an interval takes the mean relative width "
    "of those that print one; where the source says at most, half of the weight lies evenly below the figure and half "
    "on it; an input of the physical model that no row of the time gives takes the later row with its standard "
    "deviation doubled. Naive: the year before, as known at the date."
)


class _Outturn(Record):
    series: str
    entity: str
    period: str


class _Target(Record):
    label: str
    scenario: str
    made: str
    year: int
    series: str
    period: str
    totals: tuple[str, ...]
    parts: tuple[str, ...]
    before_period: str
    before_items: tuple[str, ...]
    outturns: tuple[_Outturn, ...] = Field(min_length=1)


class _File(Record):
    targets: Mapping[str, _Target]


@dataclass(frozen=True)
class Score:
    """How a frozen prior did on one outturn.

    Attributes:
        what: the quantity; `unit` of all figures.
        outturn, source: what happened, and who says so.
        median, p5, p25, p75, p95: of the prior.
        in_50, in_90: whether the outturn lies in the band.
        at_least: [1] probability that the prior gave to the outturn or more.
        crps: continuous ranked probability score [unit] (Gneiting and Raftery 2007), lower is better.
        naive, naive_crps: the forecast of no change and its score (its distance).
        components: what was mixed, with equal weights.
    """

    what: str
    unit: str
    outturn: float
    source: str
    median: float
    p5: float
    p25: float
    p75: float
    p95: float
    in_50: bool
    in_90: bool
    at_least: float
    crps: float
    naive: float | None
    naive_crps: float | None
    components: str


def run(name: str, date: str, draws: int = 4096, seed: int = 0, dirs: catalog.Dirs = ()) -> list[Score]:
    """Return the scores of all targets of a scenario at a date.

    Args:
        name: of the scenario.
        date: `YYYY-MM`; what was known at its end counts.
        draws: points of the Sobol set.
        seed: of its scrambling.
        dirs: folders of the user's own.

    Raises:
        InputError: not a date, a scenario without a target, or a date after the outturn became known.
    """
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", date):
        raise InputError("--backtest", f"{date[:20]!r} is not YYYY-MM", "such as 2025-06")
    data = files.validate(_File, files.read_toml(catalog.builtin() / FILE, FILE), FILE)
    targets = [t for t in data.targets.values() if t.scenario == name]
    if not targets:
        raise InputError("--backtest", f"nothing to score {name[:40]!r} on", f"{FILE} has targets of other scenarios")
    return [score for t in targets for score in _scores(t, date, draws, seed, dirs)]


def _scores(target: _Target, date: str, draws: int, seed: int, dirs: catalog.Dirs) -> list[Score]:
    rows = [r for r in national.rows("production", dirs) if r.value is not None]
    known = [r for r in rows if r.vintage and _month(r.vintage) <= date]
    parts = _rivals(target, known)
    read = scenario.read(target.scenario, dirs)
    given = Inputs(read, dirs, before=date)
    random = Draws(draws, seed, [*known_keys(given, dirs), *(f"rival | {n}" for n in parts)])
    random.reserve([f"own | {n}" for n in read.inputs])
    mixed = {n: np.broadcast_to(random.values(i), (draws,)) for n, i in parts.items()}
    mixed["physical model"] = _physical(target, read, given, random)
    prior = np.sort(np.concatenate(list(mixed.values())))
    naive = sum(r.value or 0.0 for r in known if _is(r, target.series, target.before_period, target.before_items))
    out = []
    for said in target.outturns:
        found = [
            r for r in rows
            if (r.get("series"), r.get("entity"), r.get("period")) == (said.series, said.entity, said.period)
            and r.unit == "units"
        ]  # fmt: skip
        if not found or _month(min(r.vintage for r in found)) <= date:
            raise InputError("--backtest", f"{date}: what happened was known by then, or is not", "an earlier date")
        words = f"{found[0].vintage}: {found[0].source}"
        out.append(score(target.label, prior, sum(r.value or 0.0 for r in found), naive or None, words, mixed))
    return out


def _month(vintage: str) -> str:
    """Return a vintage as YYYY-MM; one that says only its year became known by its end."""
    return vintage[:7] if re.match(r"\d{4}-\d\d", vintage) else f"{vintage[:4]}-12"


def _is(row: national.Row, series: str, period: str, items: tuple[str, ...]) -> bool:
    same = (row.get("series"), row.get("period"), row.unit) == (series, period, "units")
    return same and row.get("item") in items


def _rivals(target: _Target, known: list[national.Row]) -> dict[str, Input]:
    """Return the rival figures known by then: totals, and sums of parts where one source of one date gives them all."""
    found: dict[str, tuple[float, float | None, float | None]] = {}
    sums: dict[str, dict[str, national.Row]] = {}
    for row in known:
        who = f"{row.get('entity')} {row.vintage}"
        if _is(row, target.series, target.period, target.totals):
            found[who] = (row.value or 0.0, row.low, row.high)
        elif _is(row, target.series, target.period, target.parts):
            sums.setdefault(who, {})[row.get("item")] = row
    for who, rows in sums.items():
        if set(rows) == set(target.parts):
            ends = [[getattr(r, k) for r in rows.values()] for k in ("value", "low", "high")]
            value, low, high = (None if None in e else float(sum(e)) for e in ends)
            found[who] = (value or 0.0, low, high)
    widths = [(high / value, low / value) for value, low, high in found.values() if low and high and high > value]
    up, down = (float(np.mean(w)) for w in zip(*widths, strict=True)) if widths else (2.0, 0.5)
    out = {}
    for who, (value, low, high) in found.items():
        at_most = high is not None and high <= value  # the source says no more than this
        least = low if low is not None else 0.0 if at_most else value * down
        point = Point(None, value, least, value * up if high is None else high)
        out[who] = Input(f"rival | {who}", "lognormal", "p5-p95", (point,), "units", "read", who)
    return out


def _physical(target: _Target, read: scenario.Scenario, given: Inputs, random: Draws) -> Array:
    """Return packages (draws,) of the scenario's line of output, begun in the target's year with what was known then."""
    line = read.made[target.made].model_copy(update={"start": f"{target.year}Q1"})
    calendar = stock.Calendar(target.year - 1, target.year)
    return np.asarray(output.made(line, given, random, [], calendar).packages[:, -1])


def score(
    what: str, prior: Array, outturn: float, naive: float | None, source: str, mixed: Mapping[str, Array]
) -> Score:
    """Return how a prior did.

    Args:
        what: the quantity.
        prior: (draws,) in its unit.
        outturn: in the same.
        naive: the forecast of no change, a point.
        source: of the outturn.
        mixed: the parts of the prior by name.
    """
    p5, p25, median, p75, p95 = (float(column(prior[:, None], q)[0]) for q in (5, 25, 50, 75, 95))
    said = "; ".join(f"{n} {np.median(v):,.0f}" for n, v in mixed.items())
    return Score(
        what, "units", outturn, source, median, p5, p25, p75, p95, p25 <= outturn <= p75, p5 <= outturn <= p95,
        float(np.mean(prior >= outturn)), crps(prior, outturn), naive,
        None if naive is None else abs(naive - outturn), said,
    )  # fmt: skip


def crps(prior: Array, outturn: float) -> float:
    """Return E|X - y| - E|X - X'| / 2 of draws (draws,) against `outturn`, in its unit."""
    x = np.sort(prior)
    size = len(x)
    spread = 2 * float(np.sum((2 * np.arange(1, size + 1) - size - 1) * x)) / size**2
    return float(np.mean(np.abs(x - outturn))) - spread / 2


__all__ = ["RULE", "Score", "crps", "run", "score"]
