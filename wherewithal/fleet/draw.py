"""Draws of inputs: scrambled Sobol points, correlated by a Gaussian copula, shaped by median and interval.

Every input has its own column of one point set, found by its name and not by its place in a scenario. So two scenarios
that share an input share its draws (common random numbers), and their difference is theirs alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from wherewithal import pulse
from wherewithal.errors import InputError
from wherewithal.fleet.inputs import Input

Array = NDArray[np.float64]
# Columns that inputs outside of the catalog's tables share, found by a checksum of their name.
_FREE = 256
# Standard normal score of the 95th percentile.
_Z95 = 1.6448536269514722
MOST_DRAWS = 65_536


class Draws:
    """The random numbers of one run: one normal score per draw and input.

    Args:
        draws: points, rounded up to a power of two.
        seed: of the scrambling.
        known: keys that the catalog's tables have, in a fixed order.
    """

    def __init__(self, draws: int, seed: int, known: Sequence[str]) -> None:
        if not 2 <= draws <= MOST_DRAWS:
            raise InputError("--draws", f"{draws} is out of range", f"2 to {MOST_DRAWS:,}")
        self.count, self.seed = draws, seed
        self._place = {key: at for at, key in enumerate(known)}
        self._points = _points(draws, seed, len(known) + _FREE)
        self._free: dict[int, str] = {}
        self._drawn: dict[str, Array] = {}
        self.used: dict[str, Input] = {}
        self._columns: dict[int, str] = {at: key for key, at in self._place.items()}

    def reserve(self, keys: Iterable[str]) -> None:
        """Give columns to the keys that the tables do not have, in alphabetical order."""
        first = len(self._place)
        for key in sorted(set(keys)):
            if key in self._place:
                continue
            free = [s for s in range(_FREE) if first + s not in self._columns]
            if not free:
                raise InputError("scenario", f"more than {_FREE} inputs of its own", "put them into a table")
            wanted = crc32(key.encode()) % _FREE
            slot = first + next((s for s in range(wanted, wanted + _FREE) if s in free), free[0])
            self._place[key], self._columns[slot] = slot, key

    def score(self, given: Input) -> Array:
        """Return the standard normal scores (draws,) of an input, its group's common cause within."""
        own = self._normal(given.key)
        if not given.group or given.rho <= 0:
            return own
        shared = self._normal(f"factor | {given.group}")
        return np.asarray(np.sqrt(given.rho) * shared + np.sqrt(1 - given.rho) * own)

    def values(self, given: Input, year: int | None = None) -> Array:
        """Return an input's draws (draws,) in its unit, at a year between its points where it has several."""
        if given.fixed:
            z = np.zeros(1)
        else:
            z = self.score(given)
            self.used[given.key] = given
        dated = [i for i, p in enumerate(given.points) if p.year is not None] or [0]
        at = [float(given.points[i].year or 0) for i in dated]
        if year is None or year <= at[0] or len(dated) == 1:
            return shaped(given, dated[0], z)
        if year >= at[-1]:
            return shaped(given, dated[-1], z)
        right = next(i for i, y in enumerate(at) if y >= year)
        share = (year - at[right - 1]) / (at[right] - at[right - 1])
        low, high = (shaped(given, dated[i], z) for i in (right - 1, right))
        return np.asarray((1 - share) * low + share * high)

    def _normal(self, key: str) -> Array:
        if key not in self._drawn:
            from scipy.special import ndtri

            if key not in self._place:
                self.reserve([key])
            self._drawn[key] = np.asarray(ndtri(self._points[:, self._place[key]]))
        return self._drawn[key]


@lru_cache(maxsize=4)
def _points(draws: int, seed: int, columns: int) -> Array:
    """Return scrambled Sobol points (draws, columns), strictly between 0 and 1; Owen 1998, Joe and Kuo 2008."""
    from scipy.stats import qmc

    exponent = int(np.ceil(np.log2(draws)))
    made = qmc.Sobol(columns, scramble=True, rng=np.random.default_rng(seed)).random_base2(exponent)[:draws]
    return np.asarray(np.clip(made, 2.0**-33, 1 - 2.0**-33))


def shaped(given: Input, at: int, z: Array) -> Array:
    """Return values for normal scores `z`, with the stated median at 0 and the stated interval at its ends.

    Lognormal and normal are two-piece (Wallis 2014): each side takes its own width, so that a stated interval that is
    not symmetric about the median is met on both sides. A uniform is one on each side of the median.
    """
    pulse.beat()
    p = given.points[at]
    low, high = p.low, p.high
    if given.fixed or low is None or high is None or low == high:
        return np.full_like(z, p.value)
    if low > p.value or high < p.value:
        raise InputError(given.key, f"{p.value:g} is not between {low:g} and {high:g}", "median within the interval")
    flat = given.shape == "uniform" or (low <= 0 and given.shape == "lognormal")
    if flat:
        return _flat(z, low, p.value, high)
    if given.shape == "lognormal":
        down, up = math.log(p.value / low) / _Z95, math.log(high / p.value) / _Z95
        return np.asarray(p.value * np.exp(np.where(z < 0, down, up) * z))
    if given.shape == "normal":
        return np.asarray(p.value + np.where(z < 0, (p.value - low) / _Z95, (high - p.value) / _Z95) * z)
    if given.shape == "beta":
        return _beta(z, low, p.value, high)
    raise InputError(given.key, f"no shape {given.shape[:40]!r}", "lognormal, beta, normal, uniform, fixed")


def _flat(z: Array, low: float, value: float, high: float) -> Array:
    from scipy.special import ndtr

    return np.asarray(np.interp(ndtr(z), [0.0, 0.5, 1.0], [low, value, high]))


def _beta(z: Array, low: float, value: float, high: float) -> Array:
    from scipy.special import betaincinv, ndtr

    a, b = _fit(low, value, high)
    grid = np.linspace(-6, 6, 601)
    return np.asarray(np.interp(z, grid, betaincinv(a, b, ndtr(grid))))


@lru_cache(maxsize=256)
def _fit(low: float, value: float, high: float) -> tuple[float, float]:
    """Return the beta that comes nearest to a 5th percentile, median and 95th percentile in least squares."""
    from scipy.optimize import least_squares
    from scipy.special import betaincinv

    if not 0 < value < 1:
        raise InputError("beta", f"median {value:g}", "between 0 and 1")
    want, at = np.array([low, value, high]), np.array([0.05, 0.5, 0.95])
    spread = max((high - low) / (2 * _Z95), 1e-4)
    total = max(value * (1 - value) / spread**2 - 1, 0.5)
    start = np.log([value * total, (1 - value) * total])

    def off(logs: Any) -> Any:
        a, b = np.exp(np.clip(logs, -7, 14))
        return (betaincinv(a, b, at) - want) / spread

    found = least_squares(off, start, max_nfev=60).x
    a, b = np.exp(np.clip(found, -7, 14))
    return float(a), float(b)


def sources(used: Mapping[str, Input]) -> list[dict[str, str]]:
    """Return what was drawn, with status and source, for the faces."""
    return [{"input": i.key, "unit": i.unit, "status": i.status, "source": i.source} for i in used.values()]
