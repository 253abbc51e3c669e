"""What `validate` prints: the summary by metric and by group, the rows furthest off, what was not predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherewithal import table
from wherewithal.app.face import Face
from wherewithal.app.report_parts import lay
from wherewithal.app.text import Column, number, wrapped
from wherewithal.app.text import percent as _percent

if TYPE_CHECKING:
    from wherewithal.measure.bar import Mark
    from wherewithal.measure.judged import Judged
    from wherewithal.measure.reason import Reasons
    from wherewithal.measure.rows import Row
    from wherewithal.measure.score import Line
    from wherewithal.measure.validate import Report

# Groups that a screen shows; --csv, --json and --markdown have all.
MOST_LINES = 60
# Letters of a reason, and runs of row numbers, that a table shows.
_LONGEST, _RUNS = 300, 8


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
    from wherewithal.measure.reason import Reasons
    from wherewithal.measure.score import worst

    about = Reasons(report.rows)
    return [
        {
            "id": j.row.id,
            "what": f"{j.row.model} on {j.row.chip or j.row.system}:{j.row.chips:g}, "
            + ", ".join(filter(None, (j.row.engine, j.row.layout, _load(j.row)))),
            "metric": j.row.metric,
            "measured": number(j.row.value),
            "predicted": number(j.predicted.value),
            "error": percent(j.scored, signed=True),
            "why": reason(j, about),
        }
        for j in worst(report.rows, 10)
    ]


def _load(row: Row) -> str:
    return f"{row.concurrency:g} in flight" if row.concurrency else row.load


def reason(judged: Judged, about: Reasons) -> str:
    """Return why a row is far off, as far as it and the others say, in words."""
    from wherewithal.measure.reason import known

    return "; ".join([*about.of(judged), *known(judged)])[:_LONGEST]


def unanswered(report: Report, numbered: bool = False) -> list[dict[str, str]]:
    """Return why rows could not be predicted, with how many.

    Args:
        report: all rows judged.
        numbered: name rows of the file as a spreadsheet counts them, and those that were left out too.
    """
    groups: dict[str, list[Row]] = {}
    for j in report.rows:
        if j.predicted.why:
            groups.setdefault(j.predicted.why, []).append(j.row)
    for row, why in report.skipped if numbered else ():
        groups.setdefault(f"{why}: {row.metric}" if "scored" in why else why, []).append(row)
    listed = sorted(groups.items(), key=lambda c: -len(c[1]))
    if numbered:
        return [{"count": f"{len(of):,}", "row of the file": lines([r.line for r in of]), "why": w} for w, of in listed]
    return [{"rows": f"{len(of):,}", "such as": of[0].id, "why": why} for why, of in listed]


def lines(numbers: Sequence[int]) -> str:
    """Return row numbers in short, `4, 7-9, 12 and 5 more`."""
    runs: list[list[int]] = []
    for n in sorted(numbers):
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    shown = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs[:_RUNS])
    more = sum(b - a + 1 for a, b in runs[_RUNS:])
    return f"{shown} and {more:,} more" if more else shown


def bar_lines(report: Report) -> list[dict[str, str]]:
    """Return what the errors of each kind of rows are beside what they must be."""
    return [
        {
            "rows of": mark.kind,
            "figure": mark.figure,
            "rows": f"{mark.rows:,}" + _of_which(mark),
            "median": percent(mark.median),
            "bar": percent(mark.median_bar),
            "p90": percent(mark.p90),
            "p90 bar": percent(mark.p90_bar),
            "reached": {True: "yes", False: "no", None: ""}[mark.reached],
        }
        for mark in report.bar
    ]


def _of_which(mark: Mark) -> str:
    said = [f"{mark.derived:,} derived"] if mark.derived else []
    said += [f"{mark.chips} chips"] if mark.chips else []
    return f" ({', '.join(said)})" if said else ""


def choosing_lines(report: Report) -> list[dict[str, str]]:
    """Return how often the measured best is predicted best, and what a random choice gets."""
    return [
        {
            "layouts by": one.aim,
            "groups": f"{one.groups:,}",
            "best is first": percent(one.first),
            "at random": percent(one.random_first),
            "mean regret": percent(one.regret),
            "regret at random": percent(one.random_regret),
        }
        for one in report.choosing
    ]


def noise_lines(report: Report) -> list[dict[str, str]]:
    """Return how far reruns differ."""
    return [
        {
            "metric": one.metric,
            "engine": one.engine,
            "groups": f"{one.groups:,}",
            "rows": f"{one.rows:,}",
            "two reruns differ by": percent(one.difference),
            "error of their middle": percent(one.floor),
        }
        for one in report.noise
    ]


def beside(report: Report) -> list[str]:
    """Return sentences on choosing and on reruns; none where there are no such rows."""
    from wherewithal.measure.choice import EQUAL
    from wherewithal.measure.noise import SAME

    whole = [c for c in report.choosing if c.aim != EQUAL]
    out = [
        f"choosing{'' if one.aim != EQUAL else ' among layouts of as many chips'}: {one.groups:,} "
        f"group{'s' * (one.groups != 1)} of measured layouts more than 20% apart: the best is predicted best in "
        f"{percent(one.first)} (at random {percent(one.random_first)}), mean regret "
        f"{percent(one.regret)} (at random {percent(one.random_regret)})"
        for one in (whole[-1:] + [c for c in report.choosing if c.aim == EQUAL])
    ]
    held = [n for n in report.noise if n.engine == SAME]
    if held:
        each = ", ".join(f"{n.metric} {percent(n.difference)} ({n.groups:,})" for n in held)
        out.append(f"reruns of one configuration differ by, in the median (configurations): {each}")
    return out


def markdown(report: Report, numbered: bool = False) -> str:
    """Return a report as Markdown."""
    parts = [verdict(report) + "\n", table.to_markdown([cells(line) for line in report.whole])]
    if set(report.by) - {"metric"}:
        parts.append(table.to_markdown([cells(line) for line in report.table]))
    parts.append(foot() + "\n")
    for title, rows in (
        ("Choosing", choosing_lines(report)),
        ("Reruns", noise_lines(report)),
        ("Against the bar", bar_lines(report)),
        ("Furthest off", worst_lines(report)),
        ("Not predicted", unanswered(report, numbered)),
    ):
        if rows:
            parts += [f"{title}:\n", table.to_markdown(rows)]
    return "\n".join(parts)


def text(report: Report, face: Face, numbered: bool = False) -> str:
    """Return a report for a terminal.

    Args:
        report: all rows judged.
        face: how it is shown.
        numbered: the rows are those of a file of the user's, who counts them as a spreadsheet does.
    """
    lines = [*wrapped(face.strong(verdict(report)) if face.colour else verdict(report), face.width), ""]
    lines += _grid([cells(line) for line in report.whole], face)
    groups = [cells(line) for line in report.table] if set(report.by) - {"metric"} else []
    if groups:
        lines += ["", *_grid(groups[:MOST_LINES], face)]
    if len(groups) > MOST_LINES:
        lines.append(f"  and {len(groups) - MOST_LINES} more groups (--csv, --json and --markdown have all)")
    lines += ["", *wrapped(foot(), face.width, 2)]
    for said in beside(report):
        lines += wrapped(said, face.width, 2)
    lines += ["", "Furthest off", *_furthest(report, face)]
    missed = unanswered(report, numbered)
    if missed:
        lines += ["", "Not predicted", *_grid(missed[:10], face)]
    if len(missed) > 10:
        lines.append(f"  and {len(missed) - 10} more reasons (--csv, --json and --markdown have all)")
    return "\n".join(lines)


def _furthest(report: Report, face: Face) -> list[str]:
    """Return the rows furthest off as paragraphs: the figures and what was run, then why."""
    lines = []
    for row in worst_lines(report):
        said = f"{row['measured']} measured, {row['predicted']} predicted ({row['error']})"
        lines += wrapped(f"{row['id']}: {row['metric']} {said}, {row['what']}", face.width, 2)
        lines += wrapped(row["why"], face.width, 6)
    return lines


_WORDS = (
    "metric",
    "source",
    "chip",
    "model",
    "engine",
    "system",
    "load",
    "serving",
    "evidence",
    "id",
    "what",
    "why",
    "row of the file",
    "such as",
    "engine",
)
# Columns that a narrow screen loses, first to last.
_DROPPED = {"width": 4, "p90": 3, "answered": 2}


def _grid(rows: list[dict[str, str]], face: Face) -> list[str]:
    """Return rows as a table: words to the left, figures to the right."""
    if not rows:
        return []
    names = list(rows[0])
    columns = [Column(n, "<" if n in _WORDS else ">", _DROPPED.get(n, 0)) for n in names]
    return lay(columns, [[row[n] for n in names] for row in rows], face)
