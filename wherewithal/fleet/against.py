"""One scenario against another on common random numbers: the difference has an interval of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from wherewithal import pulse
from wherewithal.errors import InputError
from wherewithal.fleet.draw import Array
from wherewithal.fleet.model import BANDS, Fleet, column


def difference(one: Fleet, other: Fleet, variable: str) -> Array:
    """Return `one - other` (draws, years) of a variable, draw by draw, over the years that both have.

    Raises:
        InputError: no common year, or another number of draws.
    """
    years = common(one, other)
    a, b = ([f.years.index(y) for y in years] for f in (one, other))
    return np.asarray(one.series(variable)[:, a] - other.series(variable)[:, b])


def common(one: Fleet, other: Fleet) -> tuple[int, ...]:
    """Return the years that both runs have.

    Raises:
        InputError: there is none, or the draws are not the same.
    """
    years = tuple(y for y in one.years if y in other.years)
    if not years:
        raise InputError("--against", f"{one.name} and {other.name} have no year in common", "change last_year")
    if one.draws.count != other.draws.count or one.draws.seed != other.draws.seed:
        raise InputError("--against", "runs of other draws", "give both the same draws and seed")
    return years


def table(one: Fleet, other: Fleet) -> list[dict[str, Any]]:
    """Return the rows of an IAMC table of the differences; variables that only one run has are left out."""
    return list(_rows(one, other))


def _rows(one: Fleet, other: Fleet) -> Iterator[dict[str, Any]]:
    years = common(one, other)
    for name in one.variables:
        if name not in other.variables:
            continue
        found = difference(one, other, name)
        pulse.beat()
        bands = {k: column(found, q) for k, q in BANDS.items()}
        for at, year in enumerate(years):
            yield {
                "model": one.model, "scenario": f"{one.name} - {other.name}", "region": one.scenario.region,
                "variable": name, "unit": one.units[name], "year": year,
                **{k: (float(v[at]) if np.isfinite(v[at]) else None) for k, v in bands.items()},
            }  # fmt: skip


def title(one: Fleet, other: Fleet) -> str:
    """Return what the table of two fleets is called."""
    return f"{one.name} less {other.name}: difference on the same random numbers"
