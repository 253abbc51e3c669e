"""A promise, what was measured of it, and the table of both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One promise: what is measured, the figure, its unit, what was promised, and whether more is better.

    `promised` is None where nothing was promised and the figure is for reading only.
    """

    what: str
    measured: float
    unit: str
    promised: float | None = None
    more: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better than promised: at least 1 where the promise is kept."""
        if self.promised is None:
            return None
        if self.more:
            return self.measured / self.promised
        return self.promised / self.measured if self.measured else float("inf")


def figure(value: float) -> str:
    """Return a number in three digits, with thousands set apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(rows: Iterable[Row]) -> str:
    """Return the rows as aligned text."""
    cells = [("what", "measured", "promised", "ratio", "")]
    for row in rows:
        sign = "" if row.promised is None else (">= " if row.more else "<= ")
        promised = "" if row.promised is None else f"{sign}{figure(row.promised)} {row.unit}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = "" if row.ratio is None else ("kept" if row.ratio >= 1 else "MISSED")
        cells.append((row.what, f"{figure(row.measured)} {row.unit}", promised, ratio, verdict))
    widths = [max(len(c[i]) for c in cells) for i in range(5)]
    form = "  ".join((f"{{:<{widths[0]}}}", *(f"{{:>{w}}}" for w in widths[1:4]), "{}"))
    return "\n".join(form.format(*c).rstrip() for c in cells)
