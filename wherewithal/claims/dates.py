"""Who leads when: dates at which the best of one country passes the best of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherewithal.claims.quantity import DRAWS, Draws, Quantity

Array = NDArray[np.float64]
DAYS_A_MONTH = 365.25 / 12


class Best(NamedTuple):
    """Best of two countries at each date: (dates,) middles, lower and upper ends, (dates, DRAWS) draws."""

    days: list[date]
    ours: Array
    theirs: Array
    sure: NDArray[np.bool_]
    ours_d: Array
    theirs_d: Array


def best(rows: Sequence[Quantity], options: Mapping[str, Any]) -> Best:
    """Return the best of both countries at every date of the rows.

    A record stands until it is beaten; on a `board` every date has scores of its own, and a country that has none at a
    date keeps its last. Where two rows have one score, the one with the narrower interval counts.

    Args:
        rows: scores with `date`, `country` in their cells.
        options: `ours`, `theirs` (country), `board` (bool).
    """
    days = sorted({r.cells["date"] for r in rows})
    out: dict[str, list[Quantity | None]] = {}
    for who in (options["ours"], options["theirs"]):
        held: Quantity | None = None
        line: list[Quantity | None] = []
        for day in days:
            new = [r for r in rows if r.cells["date"] == day and r.cells["country"] == who]
            if new and options.get("board"):
                held = max(new, key=_rank)
            else:
                held = max([*new, *([held] if held else [])], key=_rank, default=None)
            line.append(held)
        out[who] = line
    both = [i for i in range(len(days)) if out[options["ours"]][i] and out[options["theirs"]][i]]
    a = [q for i in both if (q := out[options["ours"]][i])]
    b = [q for i in both if (q := out[options["theirs"]][i])]
    sure = [_end(p, "low", -1) > _end(q, "high", 1) for p, q in zip(a, b, strict=True)]
    return Best(
        [date.fromisoformat(days[i]) for i in both],
        np.array([q.value for q in a]),
        np.array([q.value for q in b]),
        np.array(sure, dtype=bool),
        np.array([q.draws for q in a]),
        np.array([q.draws for q in b]),
    )


def _rank(row: Quantity) -> tuple[float, float]:
    return row.value, -(_end(row, "high", 0) - _end(row, "low", 0))


def _end(row: Quantity, name: str, sign: int) -> float:
    """Return a printed end of a score; infinitely far (by `sign`) where none is printed, so that nothing is sure."""
    text = row.cells.get(name, "")
    return float(text) if text else float(sign) * np.inf if sign else row.value


def lead(rows: Sequence[Quantity], options: Mapping[str, Any]) -> tuple[float, Draws, str]:
    """Return the day from which our best is ahead and never behind again, its draws, and a text where there is none.

    With `sure`, the first day must also have intervals apart. Draws are of the scores: the day from which the lead is
    for good in each. Days count from year 1; none is NaN.
    """
    b = best(rows, options)
    ahead, behind = b.ours > b.theirs, b.ours < b.theirs
    settled = [i for i in range(len(b.days)) if ahead[i] and not behind[i:].any()]
    if options.get("sure"):
        settled = [i for i in settled if b.sure[i]]
    days = np.array([d.toordinal() for d in b.days], float)
    lost = b.ours_d < b.theirs_d
    last = np.where(lost.any(axis=0), len(days) - 1 - lost[::-1].argmax(axis=0), -1)
    draws = np.where(last + 1 < len(days), days[np.minimum(last + 1, len(days) - 1)], np.nan)
    if not settled:
        return float("nan"), np.full(DRAWS, np.nan), "no such date in these rows"
    return float(days[settled[0]]), draws, ""


def changes(rows: Sequence[Quantity], options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the dates at which the bare lead passes from one country to the other, with who then leads."""
    b = best(rows, options)
    out: list[tuple[str, str]] = []
    leader = ""
    for day, ours, theirs in zip(b.days, b.ours, b.theirs, strict=True):
        now = options["ours"] if ours > theirs else options["theirs"] if theirs > ours else leader
        if leader and now != leader:
            out.append((day.isoformat(), now))
        leader = now
    return out


def lag(rows: Sequence[Quantity], options: Mapping[str, Any]) -> tuple[float, Draws]:
    """Return months from the day any of `theirs` was as good as our latest record, to the day of that record."""
    ours = [r for r in rows if r.cells["country"] == options["ours"] and _open(r)]
    theirs = sorted((r for r in rows if r.cells["country"] == options["theirs"]), key=lambda r: str(r.cells["date"]))
    latest = max(ours, key=lambda r: (r.value, str(r.cells["date"])))
    at = date.fromisoformat(latest.cells["date"]).toordinal()
    days = np.array([date.fromisoformat(r.cells["date"]).toordinal() for r in theirs], float)
    value = _since(np.array([[r.value] for r in theirs]), np.array([latest.value]), days, at)
    draws = _since(np.array([r.draws for r in theirs]), latest.draws, days, at)
    return float(value[0]), draws


def _open(row: Quantity) -> bool:
    return bool(row.cells["access"].lower().startswith("open"))


def _since(scores: Array, level: Array, days: Array, at: float) -> Array:
    reached = scores >= level
    first = np.where(reached.any(axis=0), days[reached.argmax(axis=0)], at)
    return np.maximum(at - first, 0) / DAYS_A_MONTH
