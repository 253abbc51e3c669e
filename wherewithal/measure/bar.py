"""The bar: what the errors of each kind of rows must be, and what they are.

Kinds of rows: chips with operator curves serving online, in one pool or in two; offline; other chips. Whether a chip has
operator curves is what the catalog says: its file holds curves of its own for at least one engine. Of other chips the figure is
the median, over those with FEWEST rows or more, of each chip's own.

Throughput of a closed run that states latencies alone is derived from them, measured and predicted alike (see `derived`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from wherewithal.measure.derived import THROUGHPUT, throughputs
from wherewithal.measure.folds import chip_of
from wherewithal.measure.judged import Judged
from wherewithal.measure.rows import Row
from wherewithal.pricing.curve import engines_measured

FEWEST = 20
ONLINE, SPLIT, OFFLINE, OTHER, BATCH = (
    "chips with operator curves, online, one pool",
    "chips with operator curves, online, split pools",
    "offline, most throughput",
    "other chips (median of chips)",
    "chips with operator curves, one batch",
)
FIGURES = ("TPOT", "TTFT", "throughput", "rate of prompts")
# (kind, figure) -> median and 90% quantile of the error that must be reached; infinite where none is asked.
BARS: dict[tuple[str, str], tuple[float, float]] = {
    (ONLINE, "TPOT"): (0.08, 0.25),
    (ONLINE, "TTFT"): (0.20, 0.60),
    (ONLINE, "throughput"): (0.10, math.inf),
    (SPLIT, "TPOT"): (0.12, math.inf),
    (SPLIT, "TTFT"): (0.30, math.inf),
    (SPLIT, "throughput"): (0.12, math.inf),
    (OFFLINE, "throughput"): (0.12, math.inf),
    (OTHER, "TPOT"): (0.20, math.inf),
    (OTHER, "TTFT"): (0.35, math.inf),
    (OTHER, "throughput"): (0.20, math.inf),
}


@dataclass(frozen=True)
class Mark:
    """One cell of the bar.

    Attributes:
        kind, figure: which rows.
        rows: with a prediction; derived ones included.
        derived: of these, throughputs derived from TTFT and TPOT.
        chips: over whose own figures the median was taken; 0 where it was taken over rows.
        median, p90: of the absolute error.
        median_bar, p90_bar: what they must be; infinite where nothing is asked.
    """

    kind: str
    figure: str
    rows: int
    derived: int
    chips: int
    median: float
    p90: float
    median_bar: float
    p90_bar: float

    @property
    def reached(self) -> bool | None:
        """Whether it reaches what is asked; None where nothing is."""
        if math.isinf(self.median_bar):
            return None
        return self.median <= self.median_bar and self.p90 <= self.p90_bar

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        plain = {k: v if not isinstance(v, float) or math.isfinite(v) else None for k, v in asdict(self).items()}
        return {**plain, "reached": self.reached}


@dataclass(frozen=True)
class _Error:
    kind: str
    figure: str
    chip: str
    value: float
    derived: bool = False


@cache
def has_curves(chip: str) -> bool:
    """Return whether the catalog holds operator curves of a chip for at least one engine."""
    return bool(engines_measured(chip))


def kind(row: Row) -> str:
    """Return which rows of the bar a row belongs to."""
    if row.load == "offline":
        return OFFLINE
    if not has_curves(chip_of(row.system, row.chip)):
        return OTHER
    if row.load == "static":
        return BATCH
    return SPLIT if row.serving == "disaggregated" else ONLINE


def figure(metric: str) -> str:
    """Return the figure of the bar that a metric is of; empty where it is of none."""
    if metric in THROUGHPUT:
        return "throughput"
    return {"tpot_s": "TPOT", "ttft_s": "TTFT", "input_tokens_per_s_per_chip": "rate of prompts"}.get(metric, "")


def table(rows: Sequence[Judged]) -> list[Mark]:
    """Return the bar: a line for each kind of rows and figure that there are rows of, in the order of BARS."""
    made = throughputs(rows)
    errors = [
        _Error(kind(j.row), figure(j.row.metric), chip_of(j.row.system, j.row.chip), abs(j.scored), is_made)
        for is_made, part in ((False, rows), (True, made))
        for j in part
        if not j.predicted.why and figure(j.row.metric)
    ]
    groups: dict[tuple[str, str], list[_Error]] = {}
    for one in errors:
        groups.setdefault((one.kind, one.figure), []).append(one)
    order = [(k, f) for k in (ONLINE, SPLIT, OFFLINE, OTHER, BATCH) for f in FIGURES]
    return [mark(*key, groups[key]) for key in order if key in groups]


def mark(of: str, what: str, part: Sequence[_Error]) -> Mark:
    """Return one cell of the bar."""
    values = [[e.value for e in part]]
    chips = 0
    if of == OTHER:
        by: dict[str, list[float]] = {}
        for e in part:
            by.setdefault(e.chip, []).append(e.value)
        values = [v for v in by.values() if len(v) >= FEWEST]
        chips = len(values)
    middle = float(np.median([np.median(v) for v in values])) if values else math.nan
    high = float(np.median([np.quantile(v, 0.9) for v in values])) if values else math.nan
    bars = BARS.get((of, what), (math.inf, math.inf))
    return Mark(of, what, len(part), sum(e.derived for e in part), chips, middle, high, *bars)
