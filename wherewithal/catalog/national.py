"""National tables of the catalog: rows with a value, its interval, and how it is known."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from wherewithal.catalog import load as catalog
from wherewithal.errors import InputError

FOLDER = "national"
ENDINGS = (".csv", ".csv.gz")


@dataclass(frozen=True)
class Row:
    """One row of a national table.

    Attributes:
        cells: column to text, as in the file.
        value, low, high: numbers in `unit`; None where not known, which is never zero.
        unit, status, source, vintage, note: as in the file; empty where not said.
    """

    cells: Mapping[str, str]
    value: float | None
    low: float | None
    high: float | None
    unit: str
    status: str
    source: str
    vintage: str
    note: str

    def get(self, column: str) -> str:
        """Return a cell's text; empty where the table has no such column."""
        return self.cells.get(column, "")


def rows(name: str, dirs: catalog.Dirs = ()) -> tuple[Row, ...]:
    """Return the rows of a table; one of a user's folder takes the place of the catalog's.

    Args:
        name: of the table, without ending.
        dirs: folders of the user's own, searched first.

    Raises:
        InputError: no such table, or a cell that is no number; names table, row and column.
    """
    for folder in catalog.folders(dirs):
        for ending in ENDINGS:
            path = folder / FOLDER / f"{name}{ending}"
            if path.is_file():
                return parse(f"{FOLDER}/{path.name}", path.read_bytes())
    raise InputError("catalog", f"no national table {name[:40]!r}", "wherewithal catalog where")


@lru_cache(maxsize=32)
def parse(where: str, data: bytes) -> tuple[Row, ...]:
    """Return the rows of a table from its bytes, packed where `where` ends in .gz.

    Raises:
        InputError: a cell that is no number.
    """
    text = (gzip.decompress(data) if where.endswith(".gz") else data).decode("utf-8-sig")
    table = csv.DictReader(io.StringIO(text, newline=""))
    return tuple(_row(where, at, {k: (v or "").strip() for k, v in r.items() if k}) for at, r in enumerate(table, 2))


def _row(where: str, at: int, cells: dict[str, str]) -> Row:
    value, low, high = (_number(where, at, name, cells.get(name, "")) for name in ("value", "low", "high"))
    words = [cells.get(name, "") for name in ("unit", "status", "source", "vintage", "note")]
    return Row(cells, value, low, high, *words)


def _number(where: str, at: int, name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{where}, row {at}", f"{name} is {text[:40]!r}", "a plain number, or empty") from None
