"""A figure: a value with its unit, its source, and how well it is known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

Known = Literal["read", "derived", "estimated", "unverified", "assumed"]
# Strongest first: read in the source named; arithmetic on such; a reason given; recalled or second hand; assumed.
KNOWN: tuple[Known, ...] = get_args(Known)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the catalog.

    Attributes:
        value: in SI base units of `unit`.
        unit: a key of `units.UNITS`.
        known: how it is known.
        source: key in `sources.toml`, or words that say where it comes from; never empty.
        date: when the source says so or was read; ISO or as printed; may be empty.
        note: what a reader must know to use it.
        low, high: [unit] ends of a range where the source prints one.

    Raises:
        ValueError: no source, an unknown word in `known`, a value that is not finite, ends that do not hold it.
    """

    value: float
    unit: str
    known: Known
    source: str
    date: str = ""
    note: str = ""
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError(f"{self.value} {self.unit} has no source")
        if self.known not in KNOWN:
            raise ValueError(f"known = {self.known!r}; must be one of {', '.join(KNOWN)}")
        if not math.isfinite(self.value):
            raise ValueError(f"{self.value} {self.unit} is not a finite number")
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if not low <= self.value <= high:
            raise ValueError(f"{self.value} {self.unit} is not between {low} and {high}")

    def scaled(self, factor: float, why: str) -> Figure:
        """Return the figure times `factor` (1), at best `derived`, with the reason added to its note."""
        ends = [None if end is None else end * factor for end in (self.low, self.high)]
        note = f"{self.note}; {why}" if self.note else why
        known = weaker(self.known, "derived")
        return replace(self, value=self.value * factor, known=known, note=note, low=ends[0], high=ends[1])


def weaker(one: Known, other: Known) -> Known:
    """Return the weaker of two ways of knowing."""
    return max(one, other, key=KNOWN.index)


def weakest(parts: Iterable[Figure | Known]) -> Known:
    """Return the weakest way of knowing among figures or words; `read` for none."""
    words = [part.known if isinstance(part, Figure) else part for part in parts]
    return max(words, key=KNOWN.index, default="read")
