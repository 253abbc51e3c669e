"""How far measurements of one configuration differ among themselves: no prediction can be nearer than that.

A rerun is another row of the same run (`Row.run`), metric and statistic with the same notes, which hold conditions that have
no column. Two figures of a group of reruns: the *difference* of two of them, |larger / smaller - 1|, the median over all
pairs; and the *floor*, the median of |v / middle - 1| with the group's own median as the middle: what the best prediction
that does not know which rerun it is asked for would miss.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from wherewithal.measure.rows import SCORED, Row

SAME, ANY = "same version", "any version"


@dataclass(frozen=True)
class Floor:
    """Reruns of one metric.

    Attributes:
        metric: what was measured.
        engine: whether the engine's version is the same (SAME), or may be another (ANY).
        groups, rows: configurations that were run again, and their rows.
        difference: of two reruns; median over groups.
        floor: error of the group's own median; median over groups.
    """

    metric: str
    engine: str
    groups: int
    rows: int
    difference: float
    floor: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


def reruns(rows: Iterable[Row], same_version: bool = True) -> list[list[Row]]:
    """Return the groups of two rows or more that measured the same figure of the same configuration."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row, same_version), []).append(row)
    return [part for part in groups.values() if len(part) > 1]


def key(row: Row, same_version: bool = True) -> tuple[object, ...]:
    """Return what reruns share; without the version of the engine where asked."""
    first, name, version, *rest = row.run
    return (first, name, version if same_version else "", *rest, row.metric, row.statistic, row.notes)


def difference(values: Sequence[float]) -> float:
    """Return the median of |larger / smaller - 1| over all pairs of some values above zero."""
    return median(max(a, b) / min(a, b) - 1 for a, b in itertools.combinations(values, 2))


def floor(values: Sequence[float]) -> float:
    """Return the median of |v / middle - 1|, the middle their own median."""
    middle = median(values)
    return median(abs(v / middle - 1) for v in values)


def floors(rows: Iterable[Row], by: Callable[[Row], str] = lambda row: row.metric) -> list[Floor]:
    """Return the noise by metric (or what else `by` says), with the version held and with any version.

    Args:
        rows: measured; those of a metric that is not scored, or not eligible, are left out.
        by: what to group by.
    """
    kept = [r for r in rows if r.metric in SCORED and r.eligible is not False]
    out = []
    for said, same in ((SAME, True), (ANY, False)):
        metrics: dict[str, list[list[float]]] = {}
        for part in reruns(kept, same):
            metrics.setdefault(by(part[0]), []).append([r.value for r in part])
        for name, groups in metrics.items():
            each, own = median(map(difference, groups)), median(map(floor, groups))
            out.append(Floor(name, said, len(groups), sum(map(len, groups)), each, own))
    return sorted(out, key=lambda f: (f.metric, f.engine != SAME))
