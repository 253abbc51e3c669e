"""The text of docs/accuracy.md, made from judged rows."""

from __future__ import annotations

from collections.abc import Sequence

from wherewithal.measure.score import Line, cell, line
from wherewithal.measure.validate import Judged, Report


def merged(rows: Sequence[Judged], by: str) -> list[Line]:
    """Return one line a group of a column, all metrics together."""
    groups: dict[str, list[Judged]] = {}
    for j in rows:
        groups.setdefault(cell(j, by), []).append(j)
    return [line({by: name}, part) for name, part in sorted(groups.items())]


def share(rows: Sequence[Judged]) -> float:
    """Return the share of rows whose measurement lies in its interval."""
    return sum(j.inside for j in rows) / max(len(rows), 1)


def page(report: Report, out: Sequence[Judged], alone: Sequence[Judged]) -> str:
    """Return the page."""
    raise NotImplementedError
