"""The catalog as rows: one per record for `list`, one per figure for `show`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from wherewithal.app.text import clean, count, exact, number
from wherewithal.catalog import load
from wherewithal.catalog.load import Dirs
from wherewithal.errors import unknown_name
from wherewithal.figure import Figure
from wherewithal.pricing import formats
from wherewithal.units import show

Row = dict[str, Any]
KINDS = (*load.KINDS, "engines", *load.TABLES, "formats", "prices")
# Kinds that have no record of their own to show: a listing is all there is.
LISTED_ONLY = ("formats", "prices")
_LONGEST = 4000


def counts(dirs: Dirs) -> list[Row]:
    """Return one row per kind: how many records it has."""
    loose: dict[str, Callable[[], Sequence[object]]] = {"formats": formats.names, "prices": _prices}
    return [{"kind": k, "records": len(loose[k]() if k in loose else load.names(k, dirs))} for k in KINDS]


def listed(kind: str, dirs: Dirs) -> list[Row]:
    """Return one row per record of a kind with its main figures; a file that is wrong is named, not skipped.

    Raises:
        InputError: no such kind.
        FileProblems: a record that cannot be read.
    """
    makers: dict[str, Callable[[str, Dirs], Row]] = {"chips": _chip, "systems": _system, "models": _model}
    kind = plural(kind)
    if kind in LISTED_ONLY:
        return _prices() if kind == "prices" else [_format(name) for name in formats.names()]
    make = makers.get(kind)
    if make is None:
        return [{"name": name, **_table_row(kind, name, dirs)} for name in load.names(kind, dirs)]
    return [make(name, dirs) for name in load.names(kind, dirs)]


def plural(kind: str) -> str:
    """Return the kind's own name for `chip` or `chips`."""
    for candidate in (kind, f"{kind}s"):
        if candidate in KINDS:
            return candidate
    raise unknown_name("catalog list", "kind", clean(kind), KINDS, f"kinds: {', '.join(KINDS)}")


def _said(stated: Any) -> str:
    """Return a figure in short, with a mark where it is weaker than derived."""
    if stated is None:
        return ""
    figure: Figure = stated.figure
    return _text(figure.value, figure.unit, 3) + ("" if figure.known in ("read", "derived") else "?")


def _text(value: float, unit: str, digits: int) -> str:
    """Return a figure in words; whole numbers are never rounded."""
    return count(value) if unit in ("1", "tokens") and value == round(value) else show(value, unit, digits)


def _format(name: str) -> Row:
    found = formats.find(name)
    return {"name": name, "bits": found.bits, "computes in": found.arithmetic, "activations": found.activations}


def _prices() -> list[Row]:
    """Return every price in the catalog, file by file."""
    folder = load.builtin() / "prices"
    paths = sorted((f for f in folder.iterdir() if f.name.endswith(".csv")), key=lambda f: f.name)
    return [{"table": path.name.removesuffix(".csv"), **row} for path in paths for row in load.read_csv(path)]


def _chip(name: str, dirs: Dirs) -> Row:
    r = load.record("chips", name, dirs)
    return {
        "name": name,
        "maker": r.maker,
        "memory": _said(r.memory),
        "bandwidth": _said(r.bandwidth),
        "power": _said(r.power),
        "ranks": _said(r.ranks),
        "formats": " ".join(r.peak),
        "release": r.release,
    }


def _system(name: str, dirs: Dirs) -> Row:
    r = load.record("systems", name, dirs)
    chip = r.chip if isinstance(r.chip, str) else r.chip.label
    tiers = ", ".join(
        f"{_text(t.chips, '1', 3) if isinstance(t.chips, int) else t.chips} at {_said(t.bandwidth)}"
        for t in r.tiers.values()
    )
    return {
        "name": name,
        "chip": chip,
        "node": ":N" if r.free_size else _said(r.node),
        "tiers": tiers,
        "label": r.label,
    }


def _model(name: str, dirs: Dirs) -> Row:
    r = load.record("models", name, dirs)
    counts = [[r.parameters.get(f"{n}_params"), r.parameters.get(f"listed_{n}")] for n in ("total", "active")]
    total, active = (next((v for v in values if v), None) for values in counts)
    return {
        "name": name,
        "organization": r.organization,
        "parameters": _parameters(total, active),
        "context": count(r.context) if isinstance(r.context, float) else clean(r.context or ""),
        "config": "published" if r.published else f"built ({r.known})",
        "license": r.license,
        "release": r.release,
    }


def _parameters(total: Any, active: Any) -> str:
    """Return `671 B, 37 B active` where a record states them."""
    said = [f"{number(v / 1e9)} B" if isinstance(v, int | float) and v > 0 else "" for v in (total, active)]
    return said[0] + (f", {said[1]} active" if said[0] and said[1] and said[0] != said[1] else "")


def _table_row(kind: str, name: str, dirs: Dirs) -> Row:
    if kind == "engines":
        return {}
    r = load.record(kind, name, dirs)
    if kind == "workloads":
        printed = (r.input_tokens_printed, r.output_tokens_printed)
        lengths = [
            p if v is None else exact(v, "") for v, p in zip((r.input_tokens, r.output_tokens), printed, strict=True)
        ]
        return {"input tokens": lengths[0], "output tokens": lengths[1], "known": r.known, "from": r.from_}
    if kind == "defaults":
        return {"value": r.is_ if r.unit == "text" else _said(r), "known": r.known, "from": r.from_, "note": r.note}
    if kind == "sources":
        return {"date": r.date, "licence": r.licence, "text": r.text}
    return {}


def found(name: str, kind: str | None, dirs: Dirs) -> tuple[str, str, str]:
    """Return (kind, catalog name, note on how the spelling was read) of the record that a name means.

    Raises:
        InputError: no kind has it; with the nearest names of all kinds.
    """
    for candidate in (plural(kind),) if kind else KINDS:
        if candidate in load.KINDS or candidate == "engines":
            if load.find(candidate, name, dirs) is not None:
                return candidate, name, ""
        elif candidate not in LISTED_ONLY and name in load.names(candidate, dirs):
            return candidate, name, ""
    for candidate in ("chips", "systems", "models"):
        if (kind is None or plural(kind) == candidate) and (other := load.alias(candidate, name, dirs)) and other.name:
            target = candidate if load.find(candidate, other.name, dirs) else "checkpoints"
            return target, other.name, other.words() or f"{clean(name)} is {other.name}"
    known = [
        n for k in ((plural(kind),) if kind else ("chips", "systems", "models", "engines")) for n in load.names(k, dirs)
    ]
    raise unknown_name("catalog show", kind or "record", clean(name), known, "wherewithal catalog list")


def shown(name: str, kind: str | None, dirs: Dirs) -> dict[str, Any]:
    """Return all there is to show of one record, ready for JSON."""
    kind, name, note = found(name, kind, dirs)
    words, figures = facts(kind, name, dirs)
    return {
        "kind": kind,
        "name": name,
        "note": note,
        "fields": words,
        "figures": figures,
        "sources": sources_of(figures, dirs),
        "conflicts": load.conflicts(name) if kind == "chips" else [],
        "prices": [row for row in _prices() if row["name"] == name] if kind in ("chips", "models") else [],
    }


def facts(kind: str, name: str, dirs: Dirs) -> tuple[list[Row], list[Row]]:
    """Return the plain fields of a record (field, value), and its figures (figure, value, known, source, date, note)."""
    if kind == "engines":
        return [{"field": k, "value": v} for k, v in _flat(_engine(name, dirs))], []
    record = load.record(kind, name, dirs)
    words, figures = [], []
    for path, value in _walk(record, ""):
        if isinstance(value, Figure):
            figures.append(_figure(path, value, getattr(record, "as_of", "")))
        elif value not in ("", None, False, [], (), {}):
            words.append({"field": path, "value": _short(value)})
    return words, figures


def _engine(name: str, dirs: Dirs) -> dict[str, Any]:
    from wherewithal.catalog import files

    path = load.find("engines", name, dirs)
    return files.read_toml(path, f"engines/{name}.toml") if path is not None else {}


def _flat(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted path and text of every leaf of plain data."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list) and any(isinstance(v, dict) for v in data):
        for at, value in enumerate(data):
            yield from _flat(value, f"{path}[{at}]")
    else:
        yield path, _short(data)


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield dotted path and value of every field; figures whole, configs left out."""
    figure = getattr(value, "_figure", None) if isinstance(value, BaseModel) else None
    if isinstance(figure, Figure):
        yield path, figure
    elif isinstance(value, BaseModel):
        for key in type(value).model_fields:
            name = type(value).model_fields[key].alias or key
            if key not in ("config", "hf_quant_config", "evidence"):
                yield from _walk(getattr(value, key), f"{path}.{name}" if path else name)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _figure(path: str, f: Figure, as_of: str) -> Row:
    band = "" if f.low is None or f.high is None else f"{_text(f.low, f.unit, 3)} to {_text(f.high, f.unit, 3)}"
    value = _text(f.value, f.unit, 4)
    return {
        "figure": path,
        "value": value,
        "range": band,
        "known": f.known,
        "source": f.source,
        "date": f.date or as_of,
        "note": f.note,
    }


def _short(value: Any) -> str:
    if isinstance(value, float) and value == round(value):
        value = round(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return clean(text, _LONGEST)


def sources_of(figures: Sequence[Row], dirs: Dirs) -> list[Row]:
    """Return the sources behind figures: key and text."""
    keys = dict.fromkeys(str(f["source"]) for f in figures)
    return [{"source": key, "text": load.source(key, dirs)} for key in keys]
