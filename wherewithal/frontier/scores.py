"""Scores of models on indices, as the catalog holds them: one scale is one index in one vintage, and none is chained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from wherewithal.catalog import load as catalog
from wherewithal.catalog import national
from wherewithal.errors import InputError, unknown_name

GROUPINGS = ("country", "base", "openness", "maker")
OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True)
class Index:
    """One scale: a published index in one vintage, or boards each of which is a scale of its own.

    Attributes:
        name, title: how it is asked for, and how it calls itself.
        boards: whether each date is a board of its own (scores of two are never compared).
        vintage: which table it is.
        until: the day up to which its rows tell (data date), as a proleptic ordinal.
        level: of the published intervals; None where none is published.
        top: the highest score there can be; None where there is none.
        note: what to know when reading it.
        credit: to whom its figures are owed.
    """

    name: str
    title: str
    boards: bool
    vintage: str
    until: int
    level: float | None
    top: float | None
    note: str
    credit: str = ""


@dataclass(frozen=True)
class Score:
    """One model on one scale.

    Attributes:
        day: release, or day of the board; a proleptic ordinal.
        board: which board; empty where a model has one score for good.
        model, country, maker: as published; `maker` from the model's name.
        base: country of the model that this one was tuned from; its own where it stands on its own.
        open: whether the weights can be had.
        scope: `open` or `any` where the row is the best of its country among those; empty where it is not said.
        value, low, high: [points]; ends are None where none is published.
        level: of the interval; None where none is published, 1 where the value is fixed by definition.
        source, note: where it is from and what to know.
    """

    day: int
    board: str
    model: str
    country: str
    maker: str
    base: str
    open: bool
    scope: str
    value: float
    low: float | None
    high: float | None
    level: float | None
    source: str
    note: str


def ordinal(text: str, where: str) -> int:
    """Return a date such as 2025-06 or 2025-06-30 as a proleptic ordinal [day].

    Raises:
        InputError: not a date.
    """
    try:
        return date.fromisoformat(text if len(text) != len("2025-06") else f"{text}-01").toordinal()
    except ValueError:
        raise InputError(where, f"{text[:40]!r} is no date", "write 2025-06-30 or 2025-06") from None


def iso(day: int) -> str:
    """Return an ordinal [day] as 2025-06-30."""
    return date.fromordinal(day).isoformat()


def indices(dirs: catalog.Dirs = ()) -> dict[str, Index]:
    """Return all scales by name, the default one first.

    Raises:
        InputError: a cell that cannot be read.
    """
    out = {}
    for row in national.rows("indices", dirs):
        name = row.get("name")
        where = f"national/indices, {name}"
        out[name] = Index(
            name=name,
            title=row.get("title"),
            boards=row.get("kind") == "boards",
            vintage=row.vintage,
            until=ordinal(row.get("until"), where),
            level=_number(row.get("level"), where),
            top=_number(row.get("top"), where),
            note=row.note,
            credit=row.source,
        )
    return out


def index(name: str, dirs: catalog.Dirs = ()) -> Index:
    """Return one scale by its name.

    Raises:
        InputError: no such index; names the nearest.
    """
    known = indices(dirs)
    if name not in known:
        raise unknown_name("--index", "index", name, tuple(known), f"indices: {', '.join(known)}")
    return known[name]


def scores(which: Index, dirs: catalog.Dirs = ()) -> tuple[Score, ...]:
    """Return the scores of a scale, sorted; a model that stands in two lists of one scale is taken once.

    Raises:
        InputError: a cell that cannot be read.
    """
    found: dict[tuple[int, str, str, str], Score] = {}
    for row in national.rows("frontier", dirs):
        if row.get("scale") != which.name or row.value is None:
            continue
        where = f"national/frontier, {row.get('model')[:40]}"
        level = _number(row.get("level"), where)
        score = Score(
            day=ordinal(row.get("date"), where),
            board=row.get("board"),
            model=row.get("model"),
            country=row.get("country"),
            maker=row.get("maker") or "not known",
            base=row.get("base") or row.get("country"),
            open=row.get("open") == "yes",
            scope=row.get("scope"),
            value=row.value,
            low=row.low if level else None,
            high=row.high if level else None,
            level=level,
            source=row.source,
            note=row.note,
        )
        key = (score.day, score.board, score.model, score.scope if which.boards else "")
        if score.day <= which.until and (key not in found or place(score) < place(found[key])):
            found[key] = score
    if not found:
        raise InputError(
            "--index", f"{which.name} has no score in the catalog", "wherewithal frontier lists the indices"
        )
    return tuple(sorted(found.values(), key=place))


def place(score: Score) -> tuple[object, ...]:
    """Return what sorts scores: nothing in it depends on the order of rows, and rows with an interval come first."""
    ends = tuple((end is None, end or 0.0) for end in (score.low, score.high, score.level))
    named = (score.model, score.level is None, score.scope, -score.value, *ends)
    return (score.day, score.board, *named, score.country, score.maker, score.open, score.source, score.note)


def chosen(all_scores: Sequence[Score], which: Index, by: str, only_open: bool) -> tuple[Score, ...]:
    """Return the scores that answer a question: open weights only or all; of boards only what each was read for.

    Args:
        all_scores: of one scale.
        which: that scale.
        by: country, base, openness or maker.
        only_open: whether only models whose weights can be had count.
    """
    if only_open:
        return tuple(s for s in all_scores if s.open and (not which.boards or s.scope != "any"))
    if not which.boards:
        return tuple(all_scores)
    whole = {s.board for s in all_scores if s.scope == "any"}
    kept = [s for s in all_scores if s.board in whole]
    return tuple(s for s in kept if by == "openness" or s.scope == "any")


def group(score: Score, by: str) -> str:
    """Return the group of a score: its country, that of the model it was tuned from, its openness or its maker."""
    if by == "openness":
        return OPEN if score.open else CLOSED
    return {"country": score.country, "base": score.base, "maker": score.maker}[by]


def _number(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(where, f"{text[:40]!r} is no number", "a plain number, or empty") from None
