"""What `claims` prints: the list with verdicts, then each claim with its bases and where its inputs come from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from wherewithal import table
from wherewithal.app.face import Face
from wherewithal.app.report_parts import lay
from wherewithal.app.text import Column, wrapped

if TYPE_CHECKING:
    from wherewithal.claims.run import Outcome, Report, Shown
    from wherewithal.claims.verdict import Basis

BANNER = "computed from rows with sources; conditional on them, not a forecast"
# Where nothing that went in has an interval.
NO_BAND = "none stated"
# Sources that a screen shows a claim; --json and --html have all.
_SOURCES = 4


def plain_number(value: float) -> str:
    """Return a number in three digits, with thousands separated."""
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    whole = 10 ** max(0, math.floor(math.log10(abs(value))) - 3)
    return f"{round(value / whole) * whole:,.0f}" if places == 0 else f"{value:,.{places}f}"


def one(value: float, show: str) -> str:
    """Return a value as it is shown: a number, a share in percent, or a date."""
    if not math.isfinite(value):
        return "-"
    if show == "date":
        return date.fromordinal(round(value)).isoformat()
    return f"{value * 100:.1f}%" if show == "percent" else plain_number(value)


def figure(shown: Shown) -> str:
    """Return a figure with its unit; the text where it has one."""
    q, show = shown.quantity, shown.record.show
    if q.text:
        return q.text
    unit = "" if show in ("date", "percent") else q.unit
    return f"{one(q.value, show)} {unit}".strip()


def band(shown: Shown) -> str:
    """Return the 90% interval in words; empty where nothing spreads."""
    ends = shown.quantity.band
    if ends is None or shown.quantity.text:
        return ""
    return f"{one(ends[0], shown.record.show)} to {one(ends[1], shown.record.show)}"


def count(report: Report) -> str:
    """Return how many claims have which verdict."""
    counted = Counter(o.verdict for o in report.outcomes)
    each = ", ".join(f"{n} {v if n == 1 else v.replace('holds', 'hold')}" for v, n in counted.most_common())
    n = len(report.outcomes)
    return f"{n} claim{'s' * (n != 1)}: {each}"


def lists(found: Sequence[Mapping[str, Any]], face: Face) -> list[str]:
    """Return the lists that there are."""
    heads = [Column("list"), Column("claims", ">"), Column("published", drop=1), Column("title", drop=2)]
    cells = [[f["list"], str(f["claims"]), f["published"], f["title"]] for f in found]
    return lay(heads, cells, face)


def summary(report: Report) -> list[list[str]]:
    """Return one line a claim: id, label of our main figure, the figure, its interval, the verdict."""
    return [
        [o.record.id, o.main.record.label, figure(o.main), band(o.main) or NO_BAND, o.verdict] for o in report.outcomes
    ]


def text(report: Report, face: Face, full: bool = False) -> str:
    """Return a report for a terminal.

    Args:
        report: claims computed.
        face: how it is shown.
        full: whether each claim shows all its figures.
    """
    first = f"{report.head.title} ({report.head.published})"
    out = [*wrapped(face.strong(first), face.width), *wrapped(f"{count(report)}; {BANNER}", face.width), ""]
    if len(report.outcomes) > 1:
        heads = [Column("id"), Column("our figure for"), Column("is"), Column("90% interval"), Column("verdict")]
        out += lay(heads, [[_cut(cell) for cell in row] for row in summary(report)], face)
    for o in report.outcomes:
        out += ["", *_block(o, face, full)]
    return "\n".join(out)


def _cut(cell: str, most: int = 26) -> str:
    return cell if len(cell) <= most else cell[: most - 3].rstrip() + "..."


def _block(o: Outcome, face: Face, full: bool) -> list[str]:
    r = o.record
    out = wrapped(face.strong(f"{r.id}  {r.claim}"), face.width, 0, 5)
    out += wrapped(f"said by: {r.who}, {r.when}", face.width, 5, 7)
    if r.claimed.text:
        out += wrapped(f"printed: {r.claimed.text}", face.width, 5, 7)
    out += wrapped(f"ours: {_line(o.main)}", face.width, 5, 7)
    out += wrapped(f"verdict: {o.verdict}", face.width, 5, 7)
    for word, holds in (("true on", True), ("not true on", False), ("cannot be judged on", None)):
        named = [basis(b) for b in o.bases if b.holds is holds]
        if named:
            out += wrapped(f"{word}: {'; '.join(named)}", face.width, 5, 7)
    for word, said in (("cannot be checked", r.unchecked), ("note", r.note)):
        if said:
            out += wrapped(f"{word}: {said}", face.width, 5, 7)
    if full:
        heads = [
            Column("figure"),
            Column("is"),
            Column("90% interval"),
            Column("known", drop=1),
        ]
        cells = [[_cut(_full(f), 50), figure(f), band(f), f.quantity.known] for f in o.figures]
        out += ["", *lay(heads, cells, face, 5), ""]
    shown = o.sources if full else o.sources[:_SOURCES]
    more = len(o.sources) - len(shown)
    out += wrapped(f"sources: {'; '.join(shown)}" + (f"; and {more} more (--json)" if more else ""), face.width, 5, 7)
    return out


def _full(shown: Shown) -> str:
    return shown.record.label + (f" ({shown.record.basis})" if shown.record.basis else "")


def basis(b: Basis) -> str:
    """Return a basis in words, with its note, and that it is no part of the verdict where so."""
    notes = [n for n in (b.note, "" if b.counts else "no part of the verdict") if n]
    return f"{b.name} ({'; '.join(notes)})" if notes else b.name


def _line(shown: Shown) -> str:
    return f"{_full(shown)}: {figure(shown)} ({band(shown) or 'no interval stated'})"


def rows(report: Report) -> list[dict[str, Any]]:
    """Return one row a figure, for a spreadsheet: the columns of scenario tables first, then what is of claims."""
    out = []
    for o in report.outcomes:
        r = o.record
        for f in o.figures:
            data = f.to_dict()
            name = "|".join(part for part in (r.id, f.record.label, f.record.basis) if part)
            row = {"model": "wherewithal", "scenario": report.name, "region": "", "variable": name}
            row |= {"unit": data["unit"], "year": r.when[:4]}
            row |= {k: data[k] for k in ("value", "low", "high", "text", "known", "name")}
            out.append(row | {"id": r.id, "claim": r.claim, "who": r.who, "when": r.when, "verdict": o.verdict})
    return out


def markdown(report: Report) -> str:
    """Return a report as Markdown."""
    heads = ("id", "our figure for", "is", "90% interval", "verdict")
    parts = [f"# {report.head.title} ({report.head.published})\n", f"{count(report)}; {BANNER}.\n"]
    parts.append(table.to_markdown([dict(zip(heads, row, strict=True)) for row in summary(report)]))
    for o in report.outcomes:
        r = o.record
        parts.append(f"## {r.id}. {r.claim}\n\nSaid by {r.who}, {r.when}. Verdict: **{o.verdict}**.\n")
        for word, holds in (("True on", True), ("Not true on", False)):
            named = [basis(b) for b in o.bases if b.holds is holds]
            if named:
                parts.append(f"{word}: {'; '.join(named)}.\n")
        cells = [
            {
                "figure": f.record.label,
                "basis": f.record.basis,
                "is": figure(f),
                "90% interval": band(f),
                "known": f.quantity.known,
            }
            for f in o.figures
        ]
        parts.append(table.to_markdown(cells))
        parts += [f"{said}\n" for said in (r.unchecked, r.note) if said]
        parts.append("Sources: " + "; ".join(o.sources) + "\n")
    return "\n".join(parts)
