"""Intervals from residuals: the cells that `pricing.intervals` reads, and whether they hold on blocks held out.

A row of a block of n rows weighs n ** (ROOT - 1): a block of many rows counts for more than one of few, but by far not
as much as its rows. Held out: every row is judged by cells that were fitted without its fold, so without its block.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wherewithal.measure.folds import block, chip_of, fold
from wherewithal.measure.judged import Judged, figure_of
from wherewithal.pricing.intervals import LEVELS, Case, Cell, Floats, ends, keys

ROOT = 0.5


@dataclass(frozen=True)
class Residual:
    """One row's ln(measured / predicted), with what its width may depend on and its block."""

    figure: str
    evidence: str
    case: Case
    block: str
    value: float


def residual(judged: Judged) -> Residual:
    """Return the residual of a row that was predicted; where its statistic is open, that of the mean."""
    row = judged.row
    case = Case(row.load, chip_of(row.system, row.chip))
    value = math.log(row.value / judged.predicted.value)
    return Residual(figure_of(row.metric), judged.predicted.evidence, case, block(row), value)


def fit(rows: Iterable[Residual]) -> dict[tuple[str, str, str], Cell]:
    """Return the cells of some residuals."""
    groups: dict[tuple[str, str, str], list[Residual]] = {}
    for one in rows:
        for key in keys(one.figure, one.evidence, one.case):
            groups.setdefault(key, []).append(one)
    return {key: cell(part) for key, part in sorted(groups.items())}


def cell(part: Sequence[Residual]) -> Cell:
    """Return the quantiles of a group of residuals, and on how much they rest."""
    counts: dict[str, int] = {}
    for one in part:
        counts[one.block] = counts.get(one.block, 0) + 1
    values = np.array([one.value for one in part])
    weight = np.array([counts[one.block] ** (ROOT - 1.0) for one in part])
    return Cell(tuple(float(q) for q in quantiles(values, weight)), len(part), len(counts))


def quantiles(values: Floats, weight: Floats) -> Floats:
    """Return the weighted quantiles at LEVELS; each value stands in the middle of its weight."""
    order = np.argsort(values, kind="stable")
    share = (np.cumsum(weight[order]) - 0.5 * weight[order]) / weight.sum()
    return np.asarray(np.interp(LEVELS, share, values[order]), dtype=np.float64)


def held_out(rows: Sequence[Judged], by_chip: bool = False) -> list[Judged]:
    """Return predicted rows with the intervals that cells give which were fitted without their block.

    Args:
        rows: judged; those without a prediction are left out.
        by_chip: hold out whole chips instead of folds: what a chip gets that nobody measured.
    """
    good = [j for j in rows if not j.predicted.why]
    of = [residual(j) for j in good]
    parts = [one.case.chip if by_chip else str(fold(one.block)) for one in of]
    out = []
    fitted = {part: fit(r for r, p in zip(of, parts, strict=True) if p != part) for part in sorted(set(parts))}
    for judged, one, part in zip(good, of, parts, strict=True):
        low, high = ends(fitted[part], one.figure, one.evidence, one.case)
        value = judged.predicted.value
        out.append(replace(judged, low=value * min(low, 1.0), high=value * max(high, 1.0)))
    return out
