"""A list of claims computed: inputs, figures, bases, verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from wherewithal.catalog import load as catalog
from wherewithal.claims.compute import VOCABULARY, Given
from wherewithal.claims.inputs import Value, Values, resolve
from wherewithal.claims.quantity import Quantity, exact
from wherewithal.claims.record import ClaimRecord, FigureRecord, InputRecord, ListRecord, read
from wherewithal.claims.verdict import Basis, judge, overall
from wherewithal.errors import InputError, unknown_name

Overrides = Mapping[str, float]
SET = "set by the user"


@dataclass(frozen=True)
class Shown:
    """One figure of ours, with how it was asked for."""

    record: FigureRecord
    quantity: Quantity

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one figure."""
        q, band = self.quantity, self.quantity.band
        return {
            "name": self.record.name,
            "label": self.record.label,
            "basis": self.record.basis,
            "value": said(q.value, self.record.show),
            "low": said(band[0], self.record.show) if band else None,
            "high": said(band[1], self.record.show) if band else None,
            "unit": "" if self.record.show == "date" else q.unit,
            "text": q.text,
            "known": q.known,
            "computation": self.record.does,
        }


@dataclass(frozen=True)
class Outcome:
    """One claim computed: its record, inputs, figures, bases and verdict."""

    record: ClaimRecord
    inputs: tuple[tuple[InputRecord, Value], ...]
    figures: tuple[Shown, ...]
    bases: tuple[Basis, ...]
    verdict: str

    @property
    def main(self) -> Shown:
        """The figure that stands beside the claim's own."""
        return next((f for f in self.figures if f.record.main), self.figures[0])

    @property
    def sources(self) -> tuple[str, ...]:
        """Where all inputs come from, in their order."""
        made = [q for _, value in self.inputs for q in (value if isinstance(value, tuple) else (value,))]
        return tuple(dict.fromkeys(s for q in made for s in q.sources))

    def figure(self, name: str) -> Quantity:
        """Return one of our figures by name."""
        return next(f.quantity for f in self.figures if f.record.name == name)

    def printed(self, figure: Shown) -> float | str | None:
        """Return what the claim printed, where one of its bases holds this figure against that."""
        held = any(b.figure == figure.record.name and b.against == "claimed" for b in self.record.basis)
        return self.record.claimed.value if held else None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one claim."""
        r = self.record
        return {
            "id": r.id,
            "claim": r.claim,
            "who": r.who,
            "when": r.when,
            "claimed": r.claimed.model_dump(),
            "figure": self.main.to_dict(),
            "verdict": self.verdict,
            "true_on": [b.name for b in self.bases if b.holds],
            "not_true_on": [b.name for b in self.bases if b.holds is False],
            "bases": [vars(b) for b in self.bases],
            "figures": [{**f.to_dict(), "printed": self.printed(f)} for f in self.figures],
            "inputs": [_input(i, v) for i, v in self.inputs],
            "unchecked": r.unchecked,
            "note": r.note,
            "sources": list(self.sources),
        }


@dataclass(frozen=True)
class Report:
    """A list of claims computed."""

    name: str
    head: ListRecord
    outcomes: tuple[Outcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of the list."""
        return {
            "list": self.name,
            "title": self.head.title,
            "published": self.head.published,
            "about": self.head.about,
            "claims": [o.to_dict() for o in self.outcomes],
        }


def said(value: float, show: str) -> float | str | None:
    """Return a number as JSON carries it: a date in words, none for what is not finite."""
    if not math.isfinite(value):
        return None
    return date.fromordinal(round(value)).isoformat() if show == "date" else value


def _input(record: InputRecord, value: Value) -> dict[str, Any]:
    rows = value if isinstance(value, tuple) else (value,)
    band = rows[0].band if len(rows) == 1 else None
    return {
        "name": record.name,
        "label": record.label,
        "value": rows[0].value if len(rows) == 1 else None,
        "low": band[0] if band else None,
        "high": band[1] if band else None,
        "rows": len(rows),
        "unit": rows[0].unit,
        "known": rows[0].known,
        "question": record.question,
    }


def run(
    name: str,
    only: Sequence[str] = (),
    overrides: Overrides | None = None,
    dirs: catalog.Dirs = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Compute a list of claims.

    Args:
        name: of the list.
        only: ids of claims; all where empty.
        overrides: `ID.INPUT` to a value that takes the input's place, without a spread.
        dirs: folders of the user's own.
        progress: called with (id, claims done, claims in all).

    Raises:
        InputError: no such list, claim or input, or an input that cannot be had.
    """
    head, records = read(name, dirs)
    known = [r.id for r in records]
    for one in only:
        if one.upper() not in known:
            raise unknown_name("--only", "claim", one, known, f"wherewithal claims {name}")
    chosen = [r for r in records if not only or r.id in {o.upper() for o in only}]
    _check(overrides or {}, chosen)
    out = []
    for i, record in enumerate(chosen):
        if progress:
            progress(record.id, i, len(chosen))
        mine = {k.split(".", 1)[1]: v for k, v in (overrides or {}).items() if k.split(".", 1)[0].upper() == record.id}
        out.append(compute(record, mine, dirs))
    return Report(name, head, tuple(out))


def _check(overrides: Overrides, records: Sequence[ClaimRecord]) -> None:
    names = [f"{r.id}.{i.name}" for r in records for i in r.input if i.take != "rows"]
    for key in overrides:
        one, _, rest = key.partition(".")
        if f"{one.upper()}.{rest}" not in names:
            raise unknown_name("--set", "input", key, names, "ID.INPUT=VALUE")


def compute(record: ClaimRecord, overrides: Overrides | None = None, dirs: catalog.Dirs = ()) -> Outcome:
    """Compute one claim; see `run`."""
    values: Values = {"one": exact(1.0), "half": exact(0.5), "when": exact(_end_of(record.when), "date")}
    for given in record.input:
        if overrides and given.name in overrides:
            values[given.name] = exact(overrides[given.name], given.unit, "assumed", [SET])
        else:
            values[given.name] = resolve(given, values, record.id, dirs)
    inputs = tuple((i, values[i.name]) for i in record.input)
    figures = []
    for figure in record.figure:
        made = _figure(record, figure, values)
        values[figure.name] = made
        figures.append(Shown(figure, made))
    bases = tuple(judge(b, record.claimed, values) for b in record.basis)
    return Outcome(record, inputs, tuple(figures), bases, overall(bases))


def _end_of(when: str) -> int:
    """Return the last day of a month, or the day itself, as days since year 1."""
    year, month, *day = (int(part) for part in when.split("-"))
    if day:
        return date(year, month, day[0]).toordinal()
    return date(year + month // 12, month % 12 + 1, 1).toordinal() - 1


def _figure(record: ClaimRecord, figure: FigureRecord, values: Values) -> Quantity:
    where = f"{record.id}, figure {figure.name}"
    function = VOCABULARY.get(figure.does)
    if function is None:
        raise unknown_name(where, "computation", figure.does, VOCABULARY, ", ".join(VOCABULARY))
    rows: list[Quantity] = []

    def found(names: Sequence[str]) -> list[Quantity]:
        out = []
        for name in names:
            if name not in values:
                raise unknown_name(where, "input or figure", name, values, "name one before it")
            value = values[name]
            if isinstance(value, tuple):
                rows.extend(value)
            else:
                out.append(value)
        return out

    of, by, less = found(figure.of), found(figure.by), found(figure.less)
    given = Given(of, by, less, tuple(rows), figure.unit, figure.times, figure.options)
    try:
        return function(given)
    except (KeyError, IndexError) as error:
        raise InputError(where, f"{figure.does} lacks {error}", "see docs/claims.md for what it needs") from None
