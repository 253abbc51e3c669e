"""Adoption of open models: a logistic through the shares read, and the figures beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from wherewithal.catalog import load as catalog
from wherewithal.catalog import national
from wherewithal.errors import InputError
from wherewithal.frontier.scores import iso

LEAST = 2
SHARE = "share of new derivatives"


@dataclass(frozen=True)
class Logistic:
    """A share that grows by log odds in a straight line.

    Attributes:
        rate_per_month: growth of the log odds [1/month].
        half: months since year 0 at which the share is one half.
        points: month and share that it was fitted to.
    """

    rate_per_month: float
    half: float
    points: tuple[tuple[str, float], ...]

    def share(self, month: str) -> float:
        """Return the share in a month such as 2025-09."""
        return 1 / (1 + math.exp(-self.rate_per_month * (months(month) - self.half)))

    @property
    def half_month(self) -> str:
        """The first month with a share of one half or more."""
        year, at = divmod(math.ceil(self.half), 12)
        return f"{year}-{at + 1:02d}"


def months(text: str) -> float:
    """Return a month such as 2025-09 as months since year 0.

    Raises:
        InputError: not a month.
    """
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InputError("month", f"{text[:40]!r} is no month", "write 2025-09") from None
    return found.year * 12 + found.month - 1


def fit(points: Sequence[tuple[str, float]], before: int | None = None) -> Logistic:
    """Return the logistic by least squares of log odds on months.

    Args:
        points: month and share in (0, 1).
        before: use only months that ended before this ordinal.

    Raises:
        InputError: fewer than two points.
    """
    kept = sorted((m, s) for m, s in points if before is None or date.fromisoformat(f"{m}-01").toordinal() < before)
    if len(kept) < LEAST:
        said = "one point: cannot be fitted" if kept else "no point: cannot be fitted"
        when = f" before {iso(before)}" if before is not None else ""
        raise InputError("adoption", f"{said}{when}", "a series needs two months at least")
    x = [months(m) for m, _ in kept]
    y = [math.log(s / (1 - s)) for _, s in kept]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    rate = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
    return Logistic(rate, mean_x - mean_y / rate, tuple(kept))


@dataclass(frozen=True)
class Adoption:
    """Open models in use.

    Attributes:
        rows: as read, in the order of their dates; those without a figure are events.
        fits: family to the logistic through its shares of new derivatives, where two months or more are known.
    """

    rows: tuple[national.Row, ...]
    fits: dict[str, Logistic]


def adoption(dirs: catalog.Dirs = ()) -> Adoption:
    """Return what is known of the adoption of open models, and a logistic where it can be drawn.

    Raises:
        InputError: a cell that cannot be read.
    """
    rows = sorted(national.rows("adoption", dirs), key=lambda r: (r.get("date"), r.get("family"), r.get("metric")))
    families = dict.fromkeys(r.get("family") for r in rows)
    series = {family: shares(family, dirs) for family in families}
    return Adoption(tuple(rows), {f: fit(points) for f, points in series.items() if len(points) >= LEAST})


def shares(family: str, dirs: catalog.Dirs = ()) -> list[tuple[str, float]]:
    """Return month and share of new derivatives of one family, as read."""
    rows = national.rows("adoption", dirs)
    return [
        (r.get("date"), r.value)
        for r in rows
        if r.value is not None and r.get("metric") == SHARE and r.get("family") == family and r.status == "read"
    ]
