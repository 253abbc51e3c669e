"""A number with its spread as draws, so that every computation carries the interval along."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wherewithal.figure import KNOWN

Draws = NDArray[np.float64]
DRAWS = 4096
# Standard deviations from the middle to the ends of a printed interval: of 90%, 95% and 80%.
Z90, Z95, Z80 = 1.6449, 1.96, 1.2816


@dataclass(frozen=True)
class Quantity:
    """A value with draws around it.

    Attributes:
        value: in `unit`, from the middle values of the inputs.
        draws: (DRAWS,) the same computation on draws of the inputs.
        unit: as printed; `date` for days since year 1.
        known: the weakest of what went in.
        sources: of all that went in.
        text: what is printed in place of the number; empty for the number.
        cells: columns of the row that it comes from, if one.
    """

    value: float
    draws: Draws = field(repr=False)
    unit: str = ""
    known: str = "read"
    sources: tuple[str, ...] = ()
    text: str = ""
    cells: Any = field(default=None, repr=False, compare=False)

    @property
    def band(self) -> tuple[float, float] | None:
        """5% and 95% of the draws; None where nothing spreads."""
        finite = self.draws[np.isfinite(self.draws)]
        if not len(finite):
            return None
        low, high = np.percentile(finite, [5, 95])
        near = max(abs(float(low)), abs(float(high))) * 1e-9
        return (float(low), float(high)) if high - low > near else None


def exact(value: float, unit: str = "", known: str = "read", sources: Iterable[str] = ()) -> Quantity:
    """Return a quantity that does not spread."""
    return Quantity(float(value), np.full(DRAWS, float(value)), unit, known, tuple(sources))


def normals(key: str, seed: int = 0) -> Draws:
    """Return (DRAWS,) standard normal draws that belong to a key, the same in every run."""
    return np.random.default_rng([zlib.crc32(key.encode()), seed]).standard_normal(DRAWS)


def spread(value: float, low: float | None, high: float | None, shape: str, level: str, z: Draws) -> Draws:
    """Return draws of a printed interval whose middle is `value`.

    Each side has a width of its own: value * (high/value)**(z/Z) above the middle, value * (value/low)**(z/Z) below,
    or the same in sums where an end is not above zero; shares stay inside 0 and 1.

    Args:
        value: the middle.
        low: lower end, None where not printed.
        high: upper end, None where not printed; no spread where both are missing.
        shape: lognormal, beta, normal, uniform, fixed, or empty.
        level: what the ends are, in words.
        z: (DRAWS,) standard normal draws.
    """
    if (low is None and high is None) or shape == "fixed":
        return np.full(len(z), value)
    low, high = (value if low is None else low), (value if high is None else high)
    if shape == "uniform":
        below = np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in z])
        return np.where(below < 0.5, low + (value - low) * 2 * below, value + (high - value) * (2 * below - 1))
    wide = Z95 if level.startswith(("95", "0.95")) else Z80 if level.startswith(("80", "0.8")) else Z90
    if value > 0 and low > 0 and shape in ("lognormal", ""):
        up, down = math.log(max(high, value) / value), math.log(value / min(low, value))
        return value * np.exp(np.where(z > 0, z * up, z * down) / wide)
    out = value + np.where(z > 0, z * (high - value), z * (value - low)) / wide
    return np.clip(out, 0.0, 1.0) if shape == "beta" else out


def weakest(words: Iterable[str]) -> str:
    """Return the weakest way of knowing among several."""
    ranked = [w if w in KNOWN else "unverified" for w in words]
    return max(ranked, key=[*KNOWN].index) if ranked else "read"


def joined(value: float, draws: Draws, unit: str, parts: Iterable[Quantity], text: str = "") -> Quantity:
    """Return what was computed from `parts`: known no better than derived, with all their sources."""
    parts = list(parts)
    known = weakest(["derived", *(p.known for p in parts)])
    sources = tuple(dict.fromkeys(s for p in parts for s in p.sources))
    return Quantity(float(value), np.broadcast_to(np.asarray(draws, float), (DRAWS,)), unit, known, sources, text)


def renamed(quantity: Quantity, unit: str) -> Quantity:
    """Return a quantity under another unit's name."""
    return replace(quantity, unit=unit)
