"""The whole answer of `frontier`: by index who leads, by how much, since when; outlook, backtest, what runs where."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wherewithal import __version__, pulse
from wherewithal.ask import Question
from wherewithal.catalog import load as catalog
from wherewithal.errors import InputError
from wherewithal.frontier import lead as leads
from wherewithal.frontier import outlook as outlooks
from wherewithal.frontier import records, runs
from wherewithal.frontier.adoption import Adoption, adoption
from wherewithal.frontier.lead import Band, Lead, Point
from wherewithal.frontier.records import DRAWS, Table
from wherewithal.frontier.scores import GROUPINGS, Index, Score, chosen, index, indices, iso, scores

BANNER = "conditional on the past going on as it did, not a forecast"
ERRORS = (
    "intervals are 90%, from {draws:,} draws in which each score errs as its published interval says, on its own; "
    "models that never were a record are not in the rows"
)


@dataclass(frozen=True)
class Ask:
    """What is asked of the frontier.

    Attributes:
        index: name of a scale; None for all, the default one in detail.
        by: country, base, openness or maker.
        only_open: only models whose weights can be had.
        since: leave out of lists what was before; an ordinal.
        outlook: whether to look twelve months ahead.
        backtest: day at which outlooks are frozen and scored; an ordinal.
        question: where models are to run; its model is not looked at.
        draws, seed: of the scores' errors.
        dirs: the user's own folders.
    """

    index: str | None = None
    by: str = "country"
    only_open: bool = False
    since: int | None = None
    outlook: bool = False
    backtest: int | None = None
    question: Question | None = None
    draws: int = DRAWS
    seed: int = 0
    dirs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Leader:
    """One group's best at the data date, and what it has over the best of all others (negative: is behind)."""

    group: str
    best: Score
    points: Band | None
    months: Band | None


@dataclass(frozen=True)
class View:
    """One index: leaders, the first over the second, records since, history by month, outlook and its score.

    `errors` says whether the index publishes intervals.
    """

    index: Index
    leaders: tuple[Leader, ...]
    lead: Lead | None
    records: tuple[tuple[str, Score], ...]
    history: tuple[Point, ...]
    notes: tuple[str, ...]
    errors: bool
    outlook: outlooks.Outlook | None = None
    backtest: tuple[outlooks.Scored, ...] = ()


@dataclass(frozen=True)
class Frontier:
    """The answer: one view an index, the one in detail first; what runs, where that was asked; use of open models."""

    ask: Ask
    views: tuple[View, ...]
    runs: runs.Runs | None = None
    adoption: Adoption | None = None
    version: str = __version__
    catalog: str = field(default_factory=catalog.stamp)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data: points, months, dates as text; None where a figure cannot be had."""
        return {
            "by": self.ask.by,
            "open": self.ask.only_open,
            "seed": self.ask.seed,
            "draws": self.ask.draws,
            "indices": [_view(v) for v in self.views],
            "runs": None if self.runs is None else _plain(self.runs),
            "adoption": None if self.adoption is None else _adoption(self.adoption),
            "banner": BANNER,
            "version": self.version,
            "catalog": self.catalog,
        }

    def table(self) -> list[dict[str, Any]]:
        """Return all figures in rows with the columns model, scenario, region, variable, unit, year, and more."""
        return [row for view in self.views for row in _rows(view, self.version)]


def run(asked: Ask, progress: runs.Progress = None) -> Frontier:
    """Return who leads, by how much, since when, and what runs.

    Args:
        asked: the question.
        progress: called with (phase, done, in all).

    Raises:
        InputError: for anything in the question that cannot be used.
    """
    with pulse.heard(progress) as told:
        return _run(asked, told)


def _run(asked: Ask, progress: runs.Progress) -> Frontier:
    if asked.by not in GROUPINGS:
        raise InputError("--by", f"no grouping {asked.by[:40]!r}", f"one of {', '.join(GROUPINGS)}")
    if asked.only_open and asked.by == "openness":
        raise InputError("--by openness", "given together with --open", "leave one of the two out")
    named = [index(asked.index, asked.dirs)] if asked.index else list(indices(asked.dirs).values())
    views = []
    for at, which in enumerate(named):
        if progress is not None:
            progress("indices", at, len(named))
        found = view(which, asked, detail=not at)
        views += [found] if found is not None else []
    if not views:
        raise InputError("--index", f"{named[0].name} has no model of this kind", "leave --open out")
    ran = runs.best_that_runs(asked.question, progress) if asked.question is not None else None
    return Frontier(asked, tuple(views), ran, adoption(asked.dirs) if asked.only_open and not asked.index else None)


def view(which: Index, asked: Ask, detail: bool = True) -> View | None:
    """Return what one index says; None where it has no score of the kind asked for.

    Args:
        which: the index.
        asked: the question.
        detail: whether outlook and backtest are wanted of this one.
    """
    kept = chosen(scores(which, asked.dirs), which, asked.by, asked.only_open)
    if not kept:
        return None
    pulse.beat()
    table = records.records(kept, which, asked.by, asked.draws, asked.seed)
    ranked = _ranked(table)
    pairs = [leads.lead(table, which, a, b) if b else None for a, b in _pairs(ranked)]
    pulse.beat()
    listed = tuple(
        Leader(name, best, lead.points if lead else None, lead.months if lead else None)
        for (name, best), lead in zip(ranked, pairs, strict=True)
    )
    since = asked.since if asked.since is not None else 0
    steps = [(n, s) for n in table.groups for s in records.steps(table, n) if s.day >= since]
    ends = [d for d in leads.month_ends(which.until, _span(table, which)) if d >= since]
    past = leads.history(table, ranked[0][0], ranked[1][0], ends) if len(ranked) > 1 else []
    pulse.beat()
    errors = table.draws.shape[1] > 0
    ahead = outlooks.outlook(kept, which, asked.by, asked.draws, asked.seed) if asked.outlook and detail else None
    scored = (
        outlooks.backtest(kept, which, asked.by, asked.backtest, asked.draws, asked.seed)
        if asked.backtest is not None and detail
        else ()
    )
    return View(which, listed, pairs[0], tuple(steps), tuple(past), _notes(which, asked, table), errors, ahead, scored)


def _ranked(table: Table) -> list[tuple[str, Score]]:
    """Return the groups with their best at the last event on which most stand, best first (boards: of one board)."""
    counts = [sum(row[i] is not None for row in table.best) for i in range(len(table.days))]
    many = min(2, max(counts))
    last = max(i for i, n in enumerate(counts) if n >= many)
    found = [(name, row[last]) for name, row in zip(table.groups, table.best, strict=True)]
    return sorted(((n, s) for n, s in found if s is not None), key=lambda f: (-f[1].value, f[1].day, f[0]))


def _pairs(ranked: list[tuple[str, Score]]) -> list[tuple[str, str]]:
    """Return each group with whom it is set against: the first with the second (if any), all others with the first."""
    second = ranked[1][0] if len(ranked) > 1 else ""
    return [(name, ranked[0][0] if at else second) for at, (name, _) in enumerate(ranked)]


def _span(table: Table, which: Index) -> int:
    """Return how many month ends lie between the first event and the data date."""
    return max(1, (which.until - table.days[0]) // 30)


def _notes(which: Index, asked: Ask, table: Table) -> tuple[str, ...]:
    """Return what must be known to read the figures."""
    out = [which.note] if which.note else []
    if table.draws.shape[1]:
        out.append(ERRORS.format(draws=asked.draws))
    else:
        out.append("no interval is given, since the index publishes no errors")
    if asked.by == "base":
        out.append("tuned models count for the country of the model they were tuned from, where the rows say so")
    if asked.by == "maker":
        out.append("the rows hold the records of countries: a maker that never held its country's record is not there")
    return tuple(out)


def _plain(thing: Any) -> Any:
    """Return records as plain data."""
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return {f.name: _plain(getattr(thing, f.name)) for f in dataclasses.fields(thing)}
    if isinstance(thing, Mapping):
        return {str(k): _plain(v) for k, v in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(v) for v in thing]
    return thing


def _score(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    names = ("model", "country", "maker", "open", "value", "low", "high", "level", "source")
    return {"date": iso(score.day), **{n: getattr(score, n) for n in names}}


def _adoption(known: Adoption) -> dict[str, Any]:
    names = ("date", "scope", "family", "metric")
    return {
        "rows": [
            {**{n: r.get(n) for n in names}, "value": r.value, "low": r.low, "high": r.high, "unit": r.unit,
             "status": r.status, "source": r.source, "note": r.note}
            for r in known.rows
        ],
        "logistic": [
            {"family": name, "rate_per_month": f.rate_per_month, "half": f.half_month, "points": [*map(list, f.points)]}
            for name, f in known.fits.items()
        ],
    }  # fmt: skip


def _lead(lead: Lead | None) -> dict[str, Any] | None:
    if lead is None:
        return None
    changes = [
        {
            "date": iso(c.day),
            "leader": c.leader,
            "before": c.before,
            "first": _score(c.first),
            "second": _score(c.second),
            "separated": c.separated,
        }
        for c in (lead.start, *lead.changes)
    ]
    band = lead.since_band
    return {
        "a": lead.a,
        "b": lead.b,
        "points": _plain(lead.points),
        "months": _plain(lead.months),
        "matched_months": _plain(lead.matched_months),
        "year_months": _plain(lead.year_months),
        "ahead_probability": lead.ahead,
        "since": iso(lead.since),
        "since_interval": [iso(d) for d in band] if band else None,
        "separated_since": iso(lead.separated) if lead.separated is not None else None,
        "changes": changes,
    }


def _view(one: View) -> dict[str, Any]:
    ahead = one.outlook
    return {
        "index": one.index.name,
        "title": one.index.title,
        "vintage": one.index.vintage,
        "data_date": iso(one.index.until),
        "credit": one.index.credit,
        "interval_level": leads.INTERVAL if one.errors else None,
        "leaders": [
            {"group": x.group, "best": _score(x.best), "points": _plain(x.points), "months": _plain(x.months)}
            for x in one.leaders
        ],
        "lead": _lead(one.lead),
        "records": [{"group": n, **(_score(s) or {})} for n, s in one.records],
        "history": [{**_plain(p), "day": iso(p.day)} for p in one.history],
        "outlook": None if ahead is None else {
            "kind": ahead.kind,
            "frozen": iso(ahead.frozen),
            "left_out": [why for _, why in ahead.left_out],
            "fans": [{**_plain(f), "day": iso(f.day), "levels": list(outlooks.LEVELS)} for f in ahead.fans],
        },
        "backtest": [{**_plain(s), "frozen": iso(s.frozen), "until": iso(s.until)} for s in one.backtest],
        "notes": list(one.notes),
    }  # fmt: skip


def _rows(one: View, version: str) -> list[dict[str, Any]]:
    """Return one index's figures as rows."""
    out: list[dict[str, Any]] = []

    def add(region: str, variable: str, unit: str, day: int, band: Band, name: str = "") -> None:
        out.append({
            "model": f"wherewithal {version}", "scenario": one.index.name, "region": region, "variable": variable,
            "unit": unit, "year": int(iso(day)[:4]), "date": iso(day), "value": band.value, "low": band.low,
            "high": band.high, "name": name,
        })  # fmt: skip

    for group, score in one.records:
        add(group, "Record|Score", "points", score.day, Band(score.value, score.low, score.high), score.model)
    for point in one.history:
        pair = f"{one.leaders[0].group} over {one.leaders[1].group}"
        add(pair, "Lead|Points", "points", point.day, point.points)
        if point.months is not None:
            add(pair, "Lead|Months", "months", point.day, point.months)
    for change in (one.lead.start, *one.lead.changes) if one.lead else ():
        clear = {True: "separated", False: "not separated", None: "no interval"}[change.separated]
        add(change.leader, f"Lead change|{clear}", "points", change.day, Band(change.first.value), change.first.model)
    for fan in one.outlook.fans if one.outlook else ():
        low, _, middle, _, high = fan.quantiles
        add(fan.group, "Outlook|Score", "points", fan.day, Band(middle, low, high))
        add(fan.group, "Outlook|Leads", "share", fan.day, Band(fan.leads))
    for s in one.backtest:
        add(s.group, "Backtest|CRPS", "points", s.until, Band(s.crps))
        add(s.group, "Backtest|CRPS of no change", "points", s.until, Band(s.naive))
        add(s.group, "Backtest|Covered", "share", s.until, Band(s.covered))
    return out


__all__ = ["Ask", "Frontier", "Leader", "View", "run", "view"]
