"""Which inputs make the spread of a figure: shares of the variance of its ranks, for correlated inputs.

Ranks of the figure are regressed on ranks of the inputs, and the explained share is divided among correlated inputs by
relative weights (Genizi 1993, Johnson 2000), which come near to Shapley shares of R2 at a small part of their cost.
Shares sum to R2; what is left is interaction and what is not monotone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wherewithal import pulse
from wherewithal.errors import InputError
from wherewithal.fleet.draw import Array
from wherewithal.fleet.inputs import Input
from wherewithal.fleet.model import Fleet


@dataclass(frozen=True)
class Driver:
    """One input, or the observed flows of one maker: its share [1] of the variance, and which way it works.

    Attributes:
        name: of the input.
        share: [1] of the variance of the ranks.
        sign: +1 where a higher input gives a higher figure.
        status, source: how the input is known.
    """

    name: str
    share: float
    sign: int
    status: str
    source: str


def rank(fleet: Fleet, variable: str, year: int) -> tuple[list[Driver], float]:
    """Return the drivers of a figure, largest first, and the share that no input explains alone.

    Raises:
        InputError: the year is not in the run, or the figure is the same on every draw.
    """
    if year not in fleet.years:
        raise InputError("--year", f"{year} is not in the run", f"{fleet.years[0]} to {fleet.years[-1]}")
    pulse.phase("drivers")
    figure = fleet.series(variable)[:, fleet.years.index(year)]
    keys = list(fleet.draws.used)
    if not keys or not np.isfinite(figure).all() or np.ptp(figure) == 0:
        raise InputError("--drivers", f"{variable} of {year} has no spread", "another variable or year")
    scores = np.stack([fleet.draws.score(fleet.draws.used[k]) for k in keys], axis=1)
    shares, signs = weights(scores, figure)
    grouped: dict[str, list[int]] = {}
    for at, key in enumerate(keys):
        grouped.setdefault(_family(fleet.draws.used[key]), []).append(at)
    out = []
    for name, places in grouped.items():
        given = fleet.draws.used[keys[places[0]]]
        lead = max(places, key=lambda p: shares[p])
        out.append(Driver(name, float(sum(shares[p] for p in places)), int(signs[lead]), given.status, given.source))
    return sorted(out, key=lambda d: -d.share), max(0.0, 1 - float(shares.sum()))


def _family(given: Input) -> str:
    """Return what an input is shown as: observed flows by maker and chip, all others by themselves."""
    parts = given.key.split(" | ")
    return f"observed flow: {parts[2]} {parts[3]}" if parts[0] == "flow" else given.key


def weights(inputs: Array, figure: Array) -> tuple[Array, Array]:
    """Return relative weights (inputs,) that sum to R2 of the ranks, and the sign of each correlation.

    Args:
        inputs: (draws, inputs), in any unit.
        figure: (draws,).
    """
    x, y = ranks(inputs), ranks(figure[:, None])[:, 0]
    size = len(y)
    own, with_y = x.T @ x / size, x.T @ y / size
    pulse.beat()
    values, vectors = np.linalg.eigh(own)
    values = np.clip(values, 1e-9, None)
    root = vectors * np.sqrt(values) @ vectors.T
    beta = vectors / np.sqrt(values) @ vectors.T @ with_y
    return np.square(root) @ np.square(beta), np.sign(with_y)


def ranks(columns: Array) -> Array:
    """Return the ranks of each column, with mean 0 and variance 1; a constant column is zero."""
    order = np.argsort(np.argsort(columns, axis=0, kind="stable"), axis=0).astype(float)
    made = (order - order.mean(axis=0)) / order.std(axis=0)
    return np.where(np.ptp(columns, axis=0) == 0, 0.0, made)


def assumed_share(drivers: Sequence[Driver]) -> float:
    """Return the share of the spread that rests on inputs that are assumed or our own estimates."""
    return sum(d.share for d in drivers if d.status in ("assumed", "estimated", "unverified"))
