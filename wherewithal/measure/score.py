"""What errors say: by group the rows, how far off, on which side, whether intervals hold and how wide they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wherewithal.measure.folds import chip_of
from wherewithal.measure.judged import Judged

COLUMNS = ("source", "chip", "model", "engine")
MORE = ("system", "load", "serving", "evidence", "metric")


@dataclass(frozen=True)
class Line:
    """One group of rows.

    Attributes:
        group: column to value; the metric is in it.
        rows, answered: rows, and how many could be predicted.
        median, p90: of the absolute relative error; NaN where no row was answered.
        bias: median of predicted over measured, less 1.
        inside: share of answered rows whose measurement lies in the 80% interval.
        width: mean of ln(high / low); exp of it is how many times the upper end is the lower one.
    """

    group: dict[str, str]
    rows: int
    answered: int
    median: float
    p90: float
    bias: float
    inside: float
    width: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        numbers = {k: getattr(self, k) for k in ("median", "p90", "bias", "inside", "width")}
        known = {k: v if math.isfinite(v) else None for k, v in numbers.items()}
        return {**self.group, "rows": self.rows, "answered": self.answered, **known}


def cell(judged: Judged, column: str) -> str:
    """Return what a column says of a row; the chip is that which it ran on."""
    if column == "chip":
        return chip_of(judged.row.system, judged.row.chip)
    if column == "evidence":
        return judged.predicted.evidence
    return str(getattr(judged.row, column))


def table(rows: Iterable[Judged], by: Sequence[str]) -> list[Line]:
    """Return a line for each group of some columns and metric, sorted by name.

    Args:
        rows: judged.
        by: of COLUMNS and MORE.
    """
    columns = [*by, *(() if "metric" in by else ("metric",))]
    groups: dict[tuple[str, ...], list[Judged]] = {}
    for one in rows:
        groups.setdefault(tuple(cell(one, c) for c in columns), []).append(one)
    return [line(dict(zip(columns, key, strict=True)), part) for key, part in sorted(groups.items())]


def line(group: dict[str, str], part: Sequence[Judged]) -> Line:
    """Return the figures of one group."""
    good = [j for j in part if not j.predicted.why]
    if not good:
        return Line(group, len(part), 0, *(math.nan,) * 5)
    error = np.array([j.scored for j in good])
    width = [math.log(j.high / j.low) for j in good if j.low > 0 and math.isfinite(j.high)]
    return Line(
        group,
        len(part),
        len(good),
        float(np.median(np.abs(error))),
        float(np.quantile(np.abs(error), 0.9)),
        float(np.median(error)),
        float(np.mean([j.inside for j in good])),
        float(np.mean(width)) if width else math.nan,
    )


def worst(rows: Iterable[Judged], most: int) -> list[Judged]:
    """Return the rows furthest off, by the ratio of predicted and measured either way."""
    return sorted((j for j in rows if not j.predicted.why), key=off, reverse=True)[:most]


def off(judged: Judged) -> float:
    """Return how far off a row is: |ln(predicted / measured)| as scored."""
    return abs(math.log1p(judged.scored))
