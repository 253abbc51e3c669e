"""Answers of `compare`: measures as rows, systems as columns, and what would flip the order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wherewithal import table
from wherewithal.app.face import Face
from wherewithal.app.report import default_lines, short_layout
from wherewithal.app.report_parts import lay
from wherewithal.app.text import (
    Column,
    clean,
    count,
    decimals,
    digits,
    fixed,
    labelled,
    number,
    pasteable,
    scale,
    wrapped,
)
from wherewithal.plan.answer import Answer, Comparison, Interval, Measure

UNITS = {"tokens_per_s": "tok/s", "j": "J", "usd_per_h": "USD/h", "usd": "USD", "1": ""}
COST, SPEED = "cost per million output tokens", "output tokens per s per chip"


def compare_text(answer: Comparison, face: Face) -> str:
    """Return a comparison as text: who leads, the table, why some do not run, what would flip the order."""
    blocks = [
        [face.strong(line) for line in wrapped(verdict(answer), face.width, 0, 2)],
        _grid(answer, face),
        [
            line
            for system, one in zip(answer.systems, answer.answers, strict=True)
            for line in _absent(system, one, face)
        ],
    ]
    layouts = [[clean(s), short_layout(a.best)] for s, a in zip(answer.systems, answer.answers, strict=True) if a.best]
    table_of = lay((Column("system"), Column("layout")), layouts, face)
    blocks.append(table_of)
    for title, said in (
        ("Flips when", [f.text for f in answer.flips if f.at is not None]),
        ("Holds otherwise", [f.text for f in answer.flips if f.at is None]),
    ):
        blocks.append(
            [title, *(line for t in said for line in wrapped(f"- {clean(t)}", face.width, 2, 4))] if said else []
        )
    ground = default_lines(answer.assumptions, face)
    for text in answer.notes:
        ground += labelled("note", [clean(text)], face.width)
    version = answer.answers[0].version if answer.answers else ""
    stamp = answer.answers[0].catalog if answer.answers else ""
    foot = [
        f"  wherewithal {clean(version)}, catalog {clean(stamp)}; the same again:",
        *pasteable(answer.command, face.width, 4),
    ]
    return "\n\n".join("\n".join(b) for b in (*blocks, ground, foot) if b) + "\n"


def verdict(answer: Comparison) -> str:
    """Return who leads, by what, and by how much: by cost per token where prices are known, else by speed per chip."""
    model = clean(answer.answers[0].model.get("name", "")) if answer.answers else ""
    able = [s for s, a in zip(answer.systems, answer.answers, strict=True) if a.best is not None]
    if not able:
        return f"Not feasible: {model} meets the question on none of {', '.join(map(clean, answer.systems))}."
    rows = {row.name: row for row in answer.rows}
    if len(able) == 1:
        return f"{model}: only {clean(able[0])} of {len(answer.systems)} systems has an answer."
    chosen = [
        row
        for name in (COST, *(n for n in rows if n.startswith("tokens per s per chip at")), SPEED)
        if (row := rows.get(name)) and row.winner is not None and sum(v is not None for v in row.values) >= 2
    ]
    if not chosen:
        return f"{model}: {len(able)} of {len(answer.systems)} systems have an answer."
    row = chosen[0]
    ordered = sorted(
        ((v.value, clean(s)) for v, s in zip(row.values, answer.systems, strict=True) if v is not None),
        reverse=row.better == "high",
    )
    (best, name), (second, other) = ordered[:2]
    ratio = max(best, second) / min(best, second) if min(best, second) > 0 else 0.0
    what = "costs least per token" if row.name == COST else "gives the most tokens/s per chip"
    return f"{model}: {name} {what}, {number(ratio, 2)} times better than {other}."


def _grid(answer: Comparison, face: Face) -> list[str]:
    """Return the table of a comparison; on narrow screens one block a system."""
    columns, cells = grid_cells(answer)
    if face.stack:
        turned = [[answer.systems[i], *(row[1 + i] for row in cells)] for i in range(len(answer.systems))]
        heads = [Column("system"), *(Column(row[0]) for row in cells)]
        return lay(heads, turned, face)
    groups = [
        range(at, min(at + _fitting(columns, cells, face), len(columns) - 1)) for at in _starts(columns, cells, face)
    ]
    out: list[str] = []
    for group in groups:
        keep = [0, *(1 + i for i in group)]
        out += [""] if out else []
        out += lay([columns[i] for i in keep], [[row[i] for i in keep] for row in cells], face)
    first = next((clean(s) for s, a in zip(answer.systems, answer.answers, strict=True) if a.best), "")
    return [*out, *wrapped(f"< best of its row; 1.4x: so many times the figure of {first}", face.width, 2, 4)]


def _fitting(columns: Sequence[Column], cells: Sequence[Sequence[str]], face: Face) -> int:
    """Return how many systems fit side by side."""
    sizes = [max(len(c.head), *(len(row[i]) for row in cells)) for i, c in enumerate(columns)]
    room = face.width - 2 - sizes[0]
    return max(1, room // (2 + max(sizes[1:])))


def _starts(columns: Sequence[Column], cells: Sequence[Sequence[str]], face: Face) -> range:
    return range(0, len(columns) - 1, _fitting(columns, cells, face))


def grid_cells(answer: Comparison) -> tuple[list[Column], list[list[str]]]:
    """Return columns (measure, systems) and the rows: what runs, then every measure with its ratio to the first."""
    columns = [Column("measure"), *(Column(clean(s), ">") for s in answer.systems)]
    rows = [
        ["chips", *(count(a.best.chips) if a.best else "-" for a in answer.answers)],
        ["serving", *(a.best.serving if a.best else "no answer" for a in answer.answers)],
        ["evidence", *(a.best.evidence if a.best else "-" for a in answer.answers)],
    ]
    return columns, rows + [[label(row), *measure_cells(row)] for row in answer.rows if any(row.values)]


def label(row: Measure) -> str:
    """Return the name of a measure with the unit that its cells are in."""
    unit = _unit(row)[1]
    return f"{row.name} ({unit})" if unit else row.name


def _unit(row: Measure) -> tuple[float, str]:
    known = [v.value for v in row.values if v is not None]
    return scale(max(known, default=0.0), row.unit) if row.unit in ("s", "w") else (1.0, UNITS.get(row.unit, row.unit))


def measure_cells(row: Measure) -> list[str]:
    """Return the cells of one measure: value, ratio to the first that is known, `<` at the best."""
    divisor = _unit(row)[0]
    first = next((v.value for v in row.values if v is not None), 0.0)
    out = []
    for at, value in enumerate(row.values):
        if value is None:
            out.append("-  ")
            continue
        ratio = f"{number(value.value / first, 2)}x" if first else ""
        mark = "<" if row.winner == at and row.better and len([v for v in row.values if v]) > 1 else " "
        figure = count(value.value) if row.unit == "1" and value.value >= 10 else _bare(value, divisor)
        out.append(f"{figure} {ratio:>5} {mark}")
    return out


def _bare(value: Interval, divisor: float) -> str:
    scaled = value.value / divisor
    if value.low == value.high and scaled == round(scaled):
        return count(scaled)
    return fixed(scaled, decimals(scaled, digits(value.value, value.low, value.high)))


def _absent(system: str, answer: Answer, face: Face) -> list[str]:
    """Return why a system has no answer, with the cheapest change."""
    if answer.best is not None:
        return []
    reason = clean(answer.why_not[0].text) if answer.why_not else "no layout was legal"
    lines = wrapped(f"{clean(system)} has no answer: {reason}", face.width, 2, 4)
    fixes = answer.why_not[0].fix[:1] if answer.why_not else ()
    for fix in fixes:
        lines += wrapped(f"- {clean(fix.change)}: {clean(fix.result)}", face.width, 4, 6)
        lines += pasteable(fix.command, face.width, 8)
    return lines


def compare_rows(answer: Comparison) -> list[dict[str, Any]]:
    """Return one flat row per measure: value, low and high of every system, in SI units and in full."""
    out = []
    for row in answer.rows:
        flat: dict[str, Any] = {"measure": row.name, "unit": row.unit, "better": row.better}
        for system, value in zip(answer.systems, row.values, strict=True):
            flat[system] = None if value is None else value.value
            flat[f"{system} low"] = None if value is None else value.low
            flat[f"{system} high"] = None if value is None else value.high
        flat["best"] = None if row.winner is None else answer.systems[row.winner]
        out.append(flat)
    return out


def compare_markdown(answer: Comparison) -> str:
    """Return verdict, table, flips and command, ready to paste into an issue."""
    columns, cells = grid_cells(answer)
    body = table.to_markdown(
        [dict(zip((c.head for c in columns), (" ".join(x.split()) for x in row), strict=True)) for row in cells]
    )
    flips = "".join(f"- {clean(f.text)}\n" for f in answer.flips)
    return f"**{verdict(answer)}**\n\n{body}\nFlips when\n\n{flips}\n`{clean(answer.command, 2000)}`\n"


def exit_code(answer: Comparison) -> int:
    """Return 0 where at least one system has an answer, else 1."""
    return 0 if any(a.best is not None for a in answer.answers) else 1
