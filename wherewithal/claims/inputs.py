"""Inputs of a claim as quantities: rows of national tables, figures of chips and systems, plans, stated numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from wherewithal import ask, pulse
from wherewithal.catalog import load as catalog
from wherewithal.catalog import national
from wherewithal.claims.quantity import Draws, Quantity, exact, joined, normals, spread
from wherewithal.claims.record import InputRecord
from wherewithal.errors import InputError
from wherewithal.figure import Figure

Value = Quantity | tuple[Quantity, ...]
Values = dict[str, Value]
# Columns that say what a row is about; their cells name its draws, so that one row spreads alike wherever it is used.
_MEASURED = {"value", "low", "high", "note", "status", "source"}


def resolve(record: InputRecord, known: Mapping[str, Value], where: str, dirs: catalog.Dirs = ()) -> Value:
    """Return what an input says.

    Args:
        record: the input.
        known: inputs before it, which it may name.
        where: the claim, for messages.
        dirs: folders of the user's own.

    Raises:
        InputError: no row, several rows where one is asked, or a plan without an answer.
    """
    pulse.beat()
    place = f"{where}, input {record.name}"
    if record.table:
        return _rows(record, known, place, dirs)
    if record.plan:
        return _planned(record, known, place, dirs)
    if record.chip or record.system:
        return _figure(record, place, dirs)
    if record.number is None:
        raise InputError(place, "no table, chip, system, plan or number", "give one of them")
    if not record.source:
        raise InputError(place, "a number without a source", "say where it comes from in source")
    z = normals(f"{where} {record.name}")
    draws = spread(record.number, record.low, record.high, record.shape, "", z)
    return Quantity(record.number, draws, record.unit, record.known, (record.source,))


def single(known: Mapping[str, Value], name: str, place: str) -> Quantity:
    """Return an input before this one that stands for one number."""
    value = known.get(name)
    if not isinstance(value, Quantity):
        raise InputError(place, f"no input {name[:40]!r} with one number before it", "name one")
    return value


def matches(cells: Mapping[str, str], wanted: Mapping[str, str | list[str]]) -> bool:
    """Tell whether a row has the cells wanted: equal, or beginning with what stands before `*`, or one of a list."""
    return all(any(_like(cells.get(c, ""), o) for o in ([v] if isinstance(v, str) else v)) for c, v in wanted.items())


def _like(cell: str, wanted: str) -> bool:
    return cell.startswith(wanted[:-1]) if wanted.endswith("*") else cell == wanted


def _rows(record: InputRecord, known: Mapping[str, Value], place: str, dirs: catalog.Dirs) -> Value:
    found = [r for r in national.rows(record.table, dirs) if matches(r.cells, record.where)]
    if record.take != "date":
        found = [r for r in found if r.value is not None]
    asked = ", ".join(f"{k} = {v}" for k, v in record.where.items())
    if not found:
        raise InputError(place, f"no row of {record.table} has {asked}"[:300], "see the table in the catalog")
    if record.take in ("one", "date") and len(found) > 1:
        raise InputError(place, f"{len(found)} rows of {record.table} have {asked}"[:300], "say which, or take = sum")
    if record.take == "date":
        day = date.fromisoformat(found[0].get("date")).toordinal()
        return exact(day, "date", found[0].status, [f"{record.table}: {found[0].source}"])
    shared: Draws | None = None
    weight = 0.0
    if record.together:
        weight = single(known, record.together, place).value
        shared = normals(f"{record.table} {record.name}")
    made = tuple(_row(r, record, shared, weight) for r in found)
    if record.take == "one":
        return made[0]
    if record.take == "rows":
        return made
    return joined(sum(m.value for m in made), np.sum([m.draws for m in made], axis=0), made[0].unit, made)


def _row(row: national.Row, record: InputRecord, shared: Draws | None, weight: float) -> Quantity:
    z = normals("|".join([record.table, *(f"{k}={v}" for k, v in sorted(row.cells.items()) if k not in _MEASURED)]))
    if shared is not None:
        z = np.sqrt(weight) * shared + np.sqrt(1 - weight) * z
    level = row.get("level") or row.get("interval")
    middle = row.value or 0.0  # rows without a value were left out before
    draws = spread(middle, row.low, row.high, row.get("shape"), level, z)
    cells = dict(row.cells)
    for said, country in record.recast.items():
        if said in row.note:
            cells["country"] = country
    status = row.status or "unverified"
    return Quantity(middle, draws, record.unit or row.unit, status, (f"{record.table}: {row.source}",), cells=cells)


def _figure(record: InputRecord, place: str, dirs: catalog.Dirs) -> Quantity:
    kind, name = ("chips", record.chip) if record.chip else ("systems", record.system)
    found: Any = catalog.record(kind, name, dirs)
    for part in record.field.split("."):
        found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
        if found is None:
            raise InputError(place, f"{name} has no figure {record.field!r}", f"wherewithal catalog show {name}")
    figure: Figure = found if isinstance(found, Figure) else found.figure
    source = f"catalog, {name}: {catalog.source(figure.source, dirs)}"
    return exact(figure.value / record.per, record.unit, figure.known, [source])


def _planned(record: InputRecord, known: Mapping[str, Value], place: str, dirs: catalog.Dirs) -> Quantity:
    """Return a figure of what the planner finds best, or of the deployment that is named."""
    words: dict[str, Any] = {}
    for key, value in record.plan.items():
        if isinstance(value, str) and value.startswith("@"):
            value = single(known, value[1:], place).value
        words[key] = tuple(value) if isinstance(value, list) else value
    verb = words.pop("verb", "plan")
    question = ask.Question(**words, catalog_dirs=tuple(Path(d) for d in dirs))
    answer = ask.predict(question) if verb == "predict" else ask.plan(question)
    source = f"{verb} by the engine: {answer.command}"
    if record.of in answer.model:
        return exact(float(answer.model[record.of]) / record.per, record.unit, "derived", [source])
    if answer.best is None:
        limit = answer.why_not[0].text if answer.why_not else "nothing fits"
        raise InputError(place, f"the plan has no answer: {limit}"[:300], answer.command)
    figure = getattr(answer.best, record.of)
    value, low, high = figure.value / record.per, figure.low / record.per, figure.high / record.per
    z = normals(f"plan {question.model} {question.on} {record.of}")
    if record.together:
        rho = single(known, record.together, place).value
        z = np.sqrt(rho) * normals(f"plan {record.of}") + np.sqrt(1 - rho) * z
    made = Quantity(value, spread(value, low, high, "lognormal", "80", z), record.unit, "derived", (source,))
    return replace(made, cells={"bound": ", ".join(f"{k} {v}" for k, v in answer.best.bound_by.items())})
