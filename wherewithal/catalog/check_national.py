"""National tables against what each quantity can be: intervals in order, and values within the ranges kept beside them.

`national_ranges.csv.gz` (made by `tools/national_ranges.py`, then kept by hand) has, for each quantity, the least and the most that
a value may be and the widest ratio of the ends of an interval. A slip by a factor of ten leaves one of the three.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from wherewithal.catalog import load, national
from wherewithal.errors import InputError, Problem

Ranges = Mapping[tuple[str, str], tuple[float, float, float]]
FILE = "national_ranges.csv.gz"
# Columns that do not say which quantity a row is about.
_ABOUT = ("value", "low", "high", "status", "source", "note", "vintage", "level", "kind", "shape", "test")
# Columns that are left out of the coarser key: when the quantity was so.
_WHEN = ("period", "quarter", "date", "applies_to", "item", "effect_from", "effect_to", "event", "affects")


def key(row: national.Row, fine: bool) -> str:
    """Return what a row is about: with (`fine`) or without the columns that say when and of what."""
    cells = {k: v for k, v in row.cells.items() if k not in _ABOUT and (fine or k not in _WHEN)}
    return " | ".join(cells.values())


def ranges() -> Ranges:
    """Return (table, key) -> (least, most, widest ratio of an interval's ends)."""
    path = load.builtin() / FILE
    if not path.is_file():
        return {}
    rows = csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
    return {(r["table"], r["key"]): (float(r["least"]), float(r["most"]), float(r["widest"])) for r in rows}


def problems(folder: Path | Traversable, known: Ranges) -> Iterator[tuple[str, Problem]]:
    """Yield (file, problem) for every row of a folder's national tables that cannot be right.

    Args:
        folder: a folder of the catalog.
        known: as `ranges` returns.
    """
    inner = folder / national.FOLDER
    for path in sorted(inner.iterdir(), key=lambda p: p.name) if inner.is_dir() else []:
        name = path.name.split(".", 1)[0]
        try:
            rows = national.parse(f"{national.FOLDER}/{path.name}", path.read_bytes())
        except InputError as error:
            yield path.name, Problem("file", error.what, error.fix)
            continue
        for at, row in enumerate(rows, 2):
            if row.value is not None and (said := wrong(name, row, known)):
                yield f"{national.FOLDER}/{path.name}", Problem(f"row {at}", said, "see what the source says")


def wrong(table: str, row: national.Row, known: Ranges) -> str:
    """Return what is wrong with a row of a table; empty where nothing is, or where nothing is known of its quantity."""
    low, value, high = row.low, row.value, row.high
    if value is None:
        return ""
    if (low is not None and low > value) or (high is not None and high < value):
        return f"{value:g} is not between {low} and {high}"
    found = known.get((table, key(row, True))) or known.get((table, key(row, False)))
    if found is None or value == 0:  # nothing is ten times nothing
        return ""
    least, most, widest = found
    if not least <= value <= most:
        return f"{value:g} {row.unit} is outside of {least:g} to {most:g}"
    if low is not None and high is not None and low > 0 and high / low > widest:
        return f"its interval {low:g} to {high:g} is wider than a factor of {widest:g}"
    return ""
