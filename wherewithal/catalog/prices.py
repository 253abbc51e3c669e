"""Prices of chips and systems: what the tables of `prices/` say about one name, in USD."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from wherewithal.catalog import load as catalog
from wherewithal.errors import FileProblems, Problem

# Words by which a price list says on what terms a row is sold; the first that fits.
_TERMS: tuple[tuple[str, str], ...] = (
    ("spot", r"spot|preempt|interrupt"),
    ("reserved", r"reserved|\bri\b|ri-effective|commit|\b[1-9] ?y(ea)?r?\b"),
    ("assumed", r"assumed"),
    ("band", r"\bband\b|\blow market\b"),
)
ON_DEMAND = "on-demand"


@dataclass(frozen=True)
class Price:
    """One price as a source states it.

    Attributes:
        name: catalog chip or system; a system's price is that of what its name sells.
        usd: [USD/h] for rent, [USD] for purchase.
        low, high: [same] ends of the range that the source prints; `usd` where it prints none.
        terms: `on-demand`, `spot`, `reserved`, `assumed` or `band` (a range over a market, no offer of one seller).
        item, place, date, source, known: as in the table.
    """

    name: str
    usd: float
    low: float
    high: float
    terms: str
    item: str
    place: str
    date: str
    source: str
    known: str


def rent(name: str, dirs: catalog.Dirs = ()) -> tuple[Price, ...]:
    """Return the hourly prices [USD/h] of a chip or a system; empty where none is known."""
    return _of(name, "rent_usd_per_hour", "rent_cny_per_hour", "rent", dirs)


def purchase(name: str, dirs: catalog.Dirs = ()) -> tuple[Price, ...]:
    """Return the purchase prices [USD] of a chip or a system; empty where none is known."""
    return _of(name, "buy_usd", "buy_cny", "purchase", dirs)


def _of(name: str, usd: str, cny: str, table: str, dirs: catalog.Dirs) -> tuple[Price, ...]:
    rows = (row for row in _rows(table, dirs) if row["name"] == name and row["what"] in (usd, cny))
    return tuple(_price(row, table, dirs) for row in rows)


def _rows(table: str, dirs: catalog.Dirs) -> Iterator[dict[str, str]]:
    """Yield the rows of a price table, the user's first."""
    for folder in catalog.folders(dirs):
        path = folder / "prices" / f"{table}.csv"
        if folder == catalog.builtin():
            yield from _builtin(table)
        elif path.is_file():
            for row in catalog.read_csv(path):
                missing = {"name", "what", "value", "source"} - set(row)
                if missing:
                    raise FileProblems(
                        f"prices/{table}.csv",
                        [Problem(min(missing), "no such column", "as in the catalog's own table")],
                    )
                yield row


@lru_cache(maxsize=8)
def _builtin(table: str) -> tuple[dict[str, str], ...]:
    path = catalog.builtin() / "prices" / f"{table}.csv"
    return tuple(catalog.read_csv(path)) if path.is_file() else ()


def _price(row: dict[str, str], table: str, dirs: catalog.Dirs) -> Price:
    words = f"{row.get('item', '')} {row.get('place', '')}".lower()
    terms = next((term for term, pattern in _TERMS if re.search(pattern, words)), ON_DEMAND)
    rate = cny_per_usd(row.get("date", ""), dirs) if "cny" in row["what"] else 1.0
    value = _number(row, "value", table) / rate
    low = _number(row, "low", table, value * rate) / rate
    high = _number(row, "high", table, value * rate) / rate
    return Price(
        row["name"], value, min(low, value), max(high, value), terms, row.get("item", ""), row.get("place", ""),
        row.get("date", ""), row["source"], row.get("known", "") or "unverified",
    )  # fmt: skip


def _number(row: dict[str, str], column: str, table: str, empty: float | None = None) -> float:
    text = row.get(column, "")
    if not text and empty is not None:
        return empty
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1e13:
        file, fix = f"prices/{table}.csv", "a number above 0 in USD or CNY"
        raise FileProblems(
            file, [Problem(f"{row.get('item') or row['name']}: {column}", f"{text[:40]!r} is not a price", fix)]
        )
    return value


def cny_per_usd(date: str, dirs: catalog.Dirs = ()) -> float:
    """Return the exchange rate [CNY/USD] of a year (the last in the table where the year is not there)."""
    rates = {row["date"]: float(row["value"]) for row in _rows("exchange", dirs) if row["item"] == "CNY per USD"}
    if not rates:
        raise FileProblems("prices/exchange.csv", [Problem("CNY per USD", "no rate", "a row a year")])
    return rates.get(date[:4]) or rates[max(rates)]
