"""Plain text out of figures: digits that the band deserves, tables that drop columns before they wrap."""

from __future__ import annotations

import math
import re
import shlex
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wherewithal.plan.answer import Interval, Latency
from wherewithal.units import UNITS

NONE = "-"
# Figures outside of these are written with an exponent.
_SMALLEST, _LARGEST = 1e-9, 1e15
# The space between a number and its unit, or between a short name and its number.
_WITH_UNIT = re.compile(r"(?<=\d) (?=[A-Za-z])|(?<=TPOT) (?=[\dp])|(?<=TTFT) (?=[\dp])|(?<=p\d\d) (?=\d)")
# Prefixes that answers use, largest first; their sizes come from `units`.
_PREFIXES: dict[str, tuple[str, ...]] = {
    "s": ("h", "min", "s", "ms", "us"),
    "bytes": ("TB", "GB", "MB", "kB", "B"),
    "flops": ("PFLOP", "TFLOP", "GFLOP", "MFLOP", "FLOP"),
    "w": ("GW", "MW", "kW", "W"),
}


def clean(text: object, most: int = 400) -> str:
    """Return `text` as one safe line: control, format and bidirectional characters out, at most `most` characters."""
    kept = (" " if c in "\n\r\t" else c for c in str(text))
    line = "".join(c for c in kept if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    return line if len(line) <= most else line[: most - 3] + "..."


def digits(value: float, low: float, high: float) -> int:
    """Return how many significant digits a figure deserves: 3 where its 80% band is within 5% of it, else 2."""
    if not value or not math.isfinite(value):
        return 3
    return 3 if (high - low) / 2 <= 0.05 * abs(value) else 2


def decimals(value: float, significant: int) -> int:
    """Return the decimal places that show `value` with `significant` digits (negative: digits rounded away)."""
    if not value or not _SMALLEST <= abs(value) <= _LARGEST:
        return 0
    places = significant - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)  # 9.96 with two digits is 10, not 10.0
    return significant - 1 - math.floor(math.log10(abs(rounded))) if rounded else places


def fixed(value: float, places: int) -> str:
    """Return `value` rounded to `places` decimals with thousands separated; no decimals shown where `places` < 0."""
    if not math.isfinite(value):
        return NONE
    if value and not _SMALLEST <= abs(value) <= _LARGEST:
        return f"{value:.1e}"
    return f"{round(value, places) + 0.0:,.{max(places, 0)}f}"


def number(value: float | None, significant: int = 3) -> str:
    """Return a plain number with `significant` digits; counts below a thousand keep their unit digit."""
    if value is None or not math.isfinite(value):
        return NONE
    return fixed(value, decimals(value, significant))


def exact(value: float, unit: str) -> str:
    """Return a figure that somebody stated, such as an SLO, without digits that say nothing (`2 s`, `50 ms`)."""
    divisor, name = scale(value, unit)
    text = number(value / divisor, 4)
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {name}".strip()


def count(value: float | None) -> str:
    """Return a whole number with thousands separated."""
    return NONE if value is None or not math.isfinite(value) else f"{value:,.0f}"


def scale(value: float, unit: str) -> tuple[float, str]:
    """Return the divisor and the name of the prefix that suits `value` [`unit`]: 1e-3 and `ms` for 0.043 s."""
    names = _PREFIXES.get(unit)
    if names is None:
        return 1.0, unit
    size = abs(value) * 1.0005  # so that 999.9 kW reads as 1 MW and not as 1,000 kW
    if unit == "s" and 1 <= size < 180:
        return 1.0, "s"
    name = next((n for n in names if size >= UNITS[unit][n]), names[-1]) if value else names[-1]
    return UNITS[unit][name], name


@dataclass(frozen=True)
class Shown:
    """A figure in words: `value` with its unit, `band` as `(low to high)` in that unit or empty, the bare number."""

    value: str
    band: str
    bare: str


def shown(figure: Interval | Latency | float | None, unit: str, label: str | None = None) -> Shown:
    """Return a figure in SI [`unit`] with its 80% band as people read it; `label` names the unit where it has no prefix.

    >>> shown(Latency(0.0434, 0.038, 0.049), "s").value
    '43 ms'
    """
    if figure is None:
        return Shown(NONE, "", NONE)
    low, value, high = (
        (figure, figure, figure) if isinstance(figure, float | int) else (figure.low, figure.value, figure.high)
    )
    if not math.isfinite(value):
        return Shown(NONE, "", NONE)
    divisor, name = scale(value, unit)
    name = label if label is not None and unit not in _PREFIXES else name
    places = decimals(value / divisor, digits(value, low, high))
    bare = fixed(value / divisor, places)
    kilo, mark = (1e3, " k") if value / divisor >= 1e5 and places <= -3 else (1.0, "")
    ends = [_edge(end / divisor / kilo, places + (3 if mark else 0)) for end in (low, high)]
    band = f"({ends[0]} to {ends[1]}{mark})" if high > low else ""
    return Shown(f"{bare} {name}".strip(), band, bare)


def _edge(value: float, places: int) -> str:
    """Return one end of a band in the decimals of its value, or with one digit where that would read as zero."""
    return fixed(value, places) if not value or round(value, places) else number(value, 1)


def percent(ratio: float | None, signed: bool = False) -> str:
    """Return a ratio in percent with two digits at most (`+12%`, `0.6%`)."""
    if ratio is None or not math.isfinite(ratio):
        return NONE
    value = 100 * ratio
    if 0 < abs(value) < 0.05:
        return "<0.1%"
    text = fixed(value, min(1, decimals(value, 1))) if abs(value) < 1 else f"{value:,.0f}"
    return f"{'+' if signed and value > 0 else ''}{text}%"


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, `<` or `>` for the side it leans on, and in which order it goes when space lacks.

    The column with the highest `drop` goes first; 0 never goes.
    """

    head: str
    side: str = "<"
    drop: int = 0


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, indent: int = 2) -> list[str]:
    """Return the lines of a table no wider than `width`: columns go in their order, then rows become stacked blocks."""
    keep = list(range(len(columns)))
    while True:
        sizes = [
            max(len(columns[i].head), *(len(r[i]) for r in rows), 0) if rows else len(columns[i].head) for i in keep
        ]
        if indent + sum(sizes) + 2 * (len(sizes) - 1) <= width:
            return _lines(columns, rows, keep, sizes, indent)
        worst = max(keep, key=lambda i: columns[i].drop)
        if not columns[worst].drop:
            return stacked(columns, rows, width, indent)  # all columns are needed and do not fit
        keep.remove(worst)


def _lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], keep: Sequence[int], sizes: Sequence[int], indent: int
) -> list[str]:
    """Return head and rows with every kept column at its size."""
    cells = [[columns[i].head for i in keep], *([row[i] for i in keep] for row in rows)]
    sides = [columns[i].side for i in keep]
    return [
        (" " * indent + "  ".join(f"{c:{s}{n}}" for c, s, n in zip(line, sides, sizes, strict=True))).rstrip()
        for line in cells
    ]


def stacked(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, indent: int = 2) -> list[str]:
    """Return each row as a paragraph of `head value` pairs, for narrow screens."""
    out: list[str] = []
    for row in rows:
        pairs = [
            f"{c.head.strip()} {cell.strip()}".strip() for c, cell in zip(columns, row, strict=True) if cell.strip()
        ]
        out += packed(pairs, width, indent, indent + 4)
    return out


def packed(pieces: Sequence[str], width: int, first: int, rest: int) -> list[str]:
    """Return pieces joined by `; ` in lines of at most `width`; a piece is broken only where it is longer than a line."""
    lines: list[str] = []
    current = ""
    for at, piece in enumerate(pieces):
        piece = piece + (";" if at + 1 < len(pieces) else "")
        if current and len(current) + 1 + len(piece) <= width:
            current += f" {piece}"
            continue
        lines += [current] if current else []
        broken = wrapped(piece, width, rest if lines or current else first, rest)
        lines += broken[:-1]
        current = broken[-1]
    return [*lines, current] if current else lines


def plain(columns: Sequence[Column], rows: Sequence[Sequence[str]], indent: int = 2) -> list[str]:
    """Return rows as blocks of `head: value` lines, one block a row, for screen readers and grep."""
    out: list[str] = []
    for row in rows:
        pairs = [(c.head.strip(), cell.strip()) for c, cell in zip(columns, row, strict=True) if cell.strip()]
        out += [" " * indent + (f"{head}: {cell}" if head else cell) for head, cell in pairs]
        out += [""] if len(pairs) > 2 else []
    return out[:-1] if out and not out[-1] else out


def wrapped(text: str, width: int, first: int = 0, rest: int | None = None) -> list[str]:
    """Return `text` in lines of at most `width`, indented by `first` and then by `rest` columns."""
    rest = first if rest is None else rest
    kept = _WITH_UNIT.sub("\u00a0", text)  # textwrap does not break there
    lines = textwrap.wrap(
        kept,
        max(width, 20),
        initial_indent=" " * first,
        subsequent_indent=" " * rest,
        break_on_hyphens=False,
        break_long_words=True,
    )
    return [line.replace("\u00a0", " ") for line in lines] or [""]


def pasteable(command: str, width: int, indent: int) -> list[str]:
    """Return a command in lines of at most `width`, joined by backslashes so that it can be pasted as it stands.

    An option stays on the line of its value; a word longer than the line is left whole.
    """
    try:
        words = [shlex.quote(w) for w in shlex.split(clean(command, 4000))]
    except ValueError:
        return [" " * indent + clean(command, 4000)]
    pieces: list[str] = []
    for word in words:
        alone = not pieces or not pieces[-1].startswith("--") or " " in pieces[-1] or word.startswith("--")
        pieces = [*pieces, word] if alone else [*pieces[:-1], f"{pieces[-1]} {word}"]
    lines = [" " * indent + pieces[0]] if pieces else []
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) + 3 <= width:
            lines[-1] += f" {piece}"
        else:
            lines[-1] += " \\"
            lines.append(" " * (indent + 4) + piece)
    return lines


def labelled(label: str, items: Iterable[str], width: int, gap: int = 13) -> list[str]:
    """Return `label` and its items, joined by `;` and wrapped under one another."""
    body = "; ".join(items)
    return wrapped(f"{label:<{gap - 2}}{body}", width, 2, gap) if body else []
