"""Vintage cohorts: flows by product and quarter, and what of them stands, works and has gone at each year's end.

A line holds units (draws, quarters). A cohort that came in quarter q stands at the end of quarter t with the share
S(t - q); standing + retired = arrived on every draw, since both come from one survival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from wherewithal.fleet.draw import Array

QUARTERS_A_YEAR = 4


@dataclass(frozen=True)
class Calendar:
    """The quarters of a run: `first` to `last` year."""

    first: int
    last: int

    @property
    def years(self) -> tuple[int, ...]:
        """The years, in order."""
        return tuple(range(self.first, self.last + 1))

    @property
    def quarters(self) -> int:
        """How many quarters there are."""
        return QUARTERS_A_YEAR * (self.last - self.first + 1)

    def index(self, quarter: str) -> int:
        """Return the place of a quarter such as `2025Q1`; it may lie outside of the run."""
        return QUARTERS_A_YEAR * (int(quarter[:4]) - self.first) + int(quarter[5]) - 1

    def name(self, index: int) -> str:
        """Return the quarter at a place."""
        return f"{self.first + index // QUARTERS_A_YEAR}Q{index % QUARTERS_A_YEAR + 1}"


@dataclass
class Line:
    """One stream of chips.

    Attributes:
        product, maker, origin: as in the scenario; `origin` is domestic, imported or smuggled.
        units: (draws, quarters) [chips].
    """

    product: str
    maker: str
    origin: str
    units: Array


@dataclass
class Cohorts:
    """Lines of one run and how long they last.

    Attributes:
        survival: class of products -> (draws, ages in quarters) share that stands.
        working: class -> (draws, ages) share that stands and is deployed.
        used: class -> (draws, ages) share that stands, is deployed and is under load.
    """

    calendar: Calendar
    lines: list[Line] = field(default_factory=list)
    survival: dict[bool, Array] = field(default_factory=dict)
    working: dict[bool, Array] = field(default_factory=dict)
    used: dict[bool, Array] = field(default_factory=dict)


def survival(lifetime_years: Array, loss_per_year: Array, ages: int) -> Array:
    """Return the share (draws, ages) of a cohort that stands after each age [quarters].

    S(a) = (1 - loss)^(a/4) x the rest of a retirement spread evenly over the year about the lifetime.
    """
    age = np.arange(ages, dtype=float)[None, :]
    rest = np.clip(lifetime_years[:, None] + 0.5 - age / QUARTERS_A_YEAR, 0.0, 1.0)
    return np.asarray(np.power(1 - loss_per_year[:, None], age / QUARTERS_A_YEAR) * rest)


def deployed(lag_months: Array, ages: int) -> Array:
    """Return the share (draws, ages) of a cohort that works at the end of each age; arrivals spread over their quarter."""
    lag = lag_months[:, None] / 3
    return np.asarray(np.clip(np.arange(ages, dtype=float)[None, :] + 1 - lag, 0.0, 1.0))


def standing(units: Array, share: Array, calendar: Calendar) -> Array:
    """Return what is left (draws, years) at each year's end of flows (draws, quarters) by a share of age (draws, ages)."""
    out = np.empty((max(len(units), len(share)), len(calendar.years)))
    for at in range(len(calendar.years)):
        last = QUARTERS_A_YEAR * (at + 1)
        out[:, at] = np.einsum("dq,dq->d", *np.broadcast_arrays(units[:, :last], share[:, last - 1 :: -1]))
    return out


def retired(units: Array, share: Array, calendar: Calendar) -> Array:
    """Return what has gone (draws, years) by each year's end, added up from the losses of every quarter."""
    before = np.concatenate([np.ones((len(share), 1)), share[:, :-1]], axis=1)
    return standing(units, np.cumsum(before - share, axis=1), calendar)


def yearly(units: Array, calendar: Calendar) -> Array:
    """Return the sum (draws, years) of a flow (draws, quarters)."""
    return np.asarray(units.reshape(len(units), len(calendar.years), QUARTERS_A_YEAR).sum(axis=2))


def joined(lines: Sequence[Line], draws: int) -> list[Line]:
    """Return lines with one for each product, maker and origin, their units (draws, quarters) added up."""
    found: dict[tuple[str, str, str], Array] = {}
    for line in lines:
        key = (line.product, line.maker, line.origin)
        full = np.broadcast_to(line.units, (draws, line.units.shape[1]))
        found[key] = found[key] + full if key in found else full
    return [Line(*key, units) for key, units in found.items()]
