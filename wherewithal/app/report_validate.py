"""What `validate` prints: the summary by metric and by group, the rows furthest off, what was not predicted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wherewithal import table
from wherewithal.app.face import Face
from wherewithal.app.report_parts import lay
from wherewithal.app.text import Column, number, wrapped
from wherewithal.app.text import percent as _percent

if TYPE_CHECKING:
    from wherewithal.measure.judged import Judged
    from wherewithal.measure.score import Line
    from wherewithal.measure.validate import Report

# Groups that a screen shows; --csv, --json and --markdown have all.
MOST_LINES = 60


def percent(value: float, signed: bool = False) -> str:
    """Return a share in percent; empty for none."""
    return _percent(value, signed) if math.isfinite(value) else ""


def cells(line: Line) -> dict[str, str]:
    """Return one line of a summary as texts."""
    return {
        **line.group,
        "rows": f"{line.rows:,}",
        "answered": f"{line.answered:,}",
        "median error": percent(line.median),
        "p90": percent(line.p90),
        "bias": percent(line.bias, signed=True),
        "in 80%": percent(line.inside),
        "width": f"x{math.exp(line.width):.1f}" if math.isfinite(line.width) else "",
    }


def verdict(report: Report) -> str:
    """Return the first line: how many rows, how many answered, in what time, what was left out."""
    answered = sum(not j.predicted.why for j in report.rows)
    left = "; ".join(f"{n:,} left out: {reason}" for reason, n in report.left_out.items())
    whole = f"{answered:,} of {len(report.rows):,} rows predicted in {report.elapsed_s:.0f} s"
    return f"{whole} ({left})" if left else whole


def foot() -> str:
    """Return what the columns mean."""
    return (
        "error = |predicted / measured - 1|; bias above 0: predicted more than measured; in 80%: share of measurements "
        "inside the interval; width: upper end over lower end, in the mean"
    )


def worst_lines(report: Report) -> list[dict[str, str]]:
    """Return the rows furthest off, with what is known about why."""
    from wherewithal.measure.score import worst

    return [
        {
            "id": j.row.id,
            "what": f"{j.row.model} on {j.row.chip or j.row.system}:{j.row.chips:g}, {j.row.engine}, {j.row.layout}",
            "load": f"{j.row.load} {j.row.concurrency or j.row.request_rate_per_s or 0:g}",
            "metric": j.row.metric,
            "measured": number(j.row.value),
            "predicted": number(j.predicted.value),
            "error": percent(j.scored, signed=True),
            "known about it": reason(j),
        }
        for j in worst(report.rows, 10)
    ]


def reason(judged: Judged) -> str:
    """Return what makes a row hard to predict or doubtful, in words; what was measured says nothing more."""
    said = list(judged.predicted.said)
    if judged.row.weight < 1:
        said.append(f"weight {judged.row.weight:g}")
    if judged.row.notes:
        said.append(judged.row.notes)
    return "; ".join([judged.predicted.evidence, *said])[:160]


def unanswered(report: Report) -> list[dict[str, str]]:
    """Return why rows could not be predicted, with how many."""
    counts: dict[str, list[str]] = {}
    for j in report.rows:
        if j.predicted.why:
            counts.setdefault(j.predicted.why, []).append(j.row.id)
    listed = sorted(counts.items(), key=lambda c: -len(c[1]))
    return [{"rows": f"{len(ids):,}", "such as": ids[0], "why": why} for why, ids in listed]


def markdown(report: Report) -> str:
    """Return a report as Markdown."""
    parts = [verdict(report) + "\n", table.to_markdown([cells(line) for line in report.whole])]
    if set(report.by) - {"metric"}:
        parts.append(table.to_markdown([cells(line) for line in report.table]))
    parts += [foot() + "\n", "Furthest off:\n", table.to_markdown(worst_lines(report))]
    if unanswered(report):
        parts += ["Not predicted:\n", table.to_markdown(unanswered(report))]
    return "\n".join(parts)


def text(report: Report, face: Face) -> str:
    """Return a report for a terminal."""
    lines = [*wrapped(face.strong(verdict(report)) if face.colour else verdict(report), face.width), ""]
    lines += _grid([cells(line) for line in report.whole], face)
    groups = [cells(line) for line in report.table] if set(report.by) - {"metric"} else []
    if groups:
        lines += ["", *_grid(groups[:MOST_LINES], face)]
    if len(groups) > MOST_LINES:
        lines.append(f"  and {len(groups) - MOST_LINES} more groups (--csv, --json and --markdown have all)")
    lines += ["", *wrapped(foot(), face.width, 2), "", "Furthest off", *_grid(worst_lines(report), face)]
    missed = unanswered(report)
    if missed:
        lines += ["", "Not predicted", *_grid(missed[:10], face)]
    return "\n".join(lines)


_WORDS = ("metric", "source", "chip", "model", "engine", "system", "load", "serving", "evidence", "id", "what", "why")
# Columns that a narrow screen loses, first to last.
_DROPPED = {"known about it": 5, "width": 4, "p90": 3, "answered": 2}


def _grid(rows: list[dict[str, str]], face: Face) -> list[str]:
    """Return rows as a table: words to the left, figures to the right."""
    if not rows:
        return []
    names = list(rows[0])
    columns = [
        Column(n, "<" if n in (*_WORDS, "known about it", "such as") else ">", _DROPPED.get(n, 0)) for n in names
    ]
    return lay(columns, [[row[n] for n in names] for row in rows], face)
