"""Predicted against measured as an SVG file: one log-log panel a kind of figure, marks by evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from wherewithal.app.text import clean, number, percent
from wherewithal.errors import InputError
from wherewithal.measure.score import line

if TYPE_CHECKING:
    from wherewithal.measure.judged import Judged
    from wherewithal.measure.validate import Report

# Colours that people with any colour vision tell apart (Okabe and Ito 2008); the shape repeats what the colour says.
MARKS = {"measured": ("#0072b2", "circle"), "analog": ("#d55e00", "diamond"), "datasheet": ("#666666", "cross")}
PANELS = (
    ("time to first token, s", ("ttft_s",)),
    ("time per output token, s", ("tpot_s",)),
    ("time of a request, s", ("e2e_s",)),
    ("tokens/s or requests/s", ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s",
                                "output_tokens_per_s_per_chip")),
    ("tokens/s of prompts, per chip", ("input_tokens_per_s_per_chip",)),
    ("W or J per token", ("power_w", "joules_per_output_token")),
)  # fmt: skip
_SIDE, _GAP, _TOP, _LEFT = 380, 104, 132, 84
# What a mark says of the operators that a prediction rests on.
SAID = {"measured": "measured on this chip", "analog": "on a relative of it", "datasheet": "on neither: datasheet"}
# Marks of one panel: more would hide each other and make a file that no browser likes.
_MOST = 4000


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis: its ends in data and where they lie on the page [px]."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of `value` [px], inside the frame."""
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return the 1, 2 and 5 of each decade within the ends (1 only where the decades are many)."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        steps = (1, 2, 5) if last - first <= 3 else (1,)
        return [m * 10.0**e for e in range(first, last + 1) for m in steps if self.low <= m * 10.0**e <= self.high]


def check(path: Path, force: bool = False) -> None:
    """Refuse, before the work is done, a chart file that could not be written.

    Raises:
        InputError: another ending than .svg; a file that is there without --force; a folder that is not.
    """
    if path.suffix.lower() != ".svg":
        raise InputError(
            "--plot", f"{clean(path)}: cannot write {path.suffix or 'a file without an ending'}", "name a .svg file"
        )
    if not path.parent.is_dir():
        raise InputError("--plot", f"{clean(path.parent)} is no folder", "create it first or choose another")
    if path.is_symlink() or path.is_dir():
        raise InputError("--plot", f"{clean(path)} is a link or a folder", "name a plain file")
    if path.exists() and not force:
        raise InputError("--plot", f"{clean(path)} exists", "choose another name or add --force")


def write(report: Report, path: Path, force: bool = False) -> None:
    """Write the chart: all of it or nothing.

    Raises:
        InputError: the file cannot be written.
    """
    from wherewithal.catalog.add import write_whole

    check(path, force)
    write_whole(path, svg(report).encode("utf-8"), force)


def svg(report: Report) -> str:
    """Return the chart as the text of an SVG document with title, description and no outside reference."""
    good = [j for j in report.rows if not j.predicted.why]
    panels = [(name, part) for name, metrics in PANELS if (part := [j for j in good if j.row.metric in metrics])]
    across = min(len(panels), 2) or 1
    down = max(math.ceil(len(panels) / across), 1)
    width = _LEFT + across * (_SIDE + _GAP)
    height = _TOP + down * (_SIDE + _GAP) + 40
    said = "; ".join(f"{name}: {_verdict(part)}" for name, part in panels)
    body = [
        f'<text x="{_LEFT}" y="32" font-size="17" font-weight="600">Predicted against measured, {_rows(len(good))}</text>',
        *_legend(_LEFT, 58),
    ]
    for at, (name, part) in enumerate(panels):
        body += _panel(name, part, _LEFT + (at % across) * (_SIDE + _GAP), _TOP + (at // across) * (_SIDE + _GAP))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13" fill="#222">'
    )
    title = '<title id="title">Predicted against measured</title>'
    about = f'<desc id="desc">{_safe(said)}</desc>'
    return (
        "\n".join([head, title, about, f'<rect width="{width}" height="{height}" fill="#fff"/>', *body, "</svg>"])
        + "\n"
    )


def _verdict(part: Sequence[Judged]) -> str:
    found = line({}, part)
    return f"{_rows(len(part))}, median error {percent(found.median)}, bias {percent(found.bias, signed=True)}"


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def _legend(x: float, y: float) -> list[str]:
    out = [f'<text x="{x}" y="{y}" fill="#555">operators</text>']
    x += 74
    for name, said in SAID.items():
        out += [_mark(name, x + 6, y - 4, 5, ""), f'<text x="{x + 18}" y="{y}">{said}</text>']
        x += 46 + 7 * len(said)
    return [*out, f'<text x="{_LEFT}" y="{y + 20}" fill="#555">lines: equal (solid), twice and half (dashed)</text>']


def _panel(name: str, part: Sequence[Judged], left: float, top: float) -> list[str]:
    """Return one panel: frame, ticks, the line of equality, marks with what they are as a tooltip."""
    values = [v for j in part for v in (j.row.value, j.predicted.value)]
    low, high = min(values) / 1.3, max(values) * 1.3
    x, y = Axis(low, high, left, left + _SIDE), Axis(low, high, top + _SIDE, top)
    out = [f'<rect x="{left}" y="{top}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#444"/>']
    ticks = x.ticks()
    for tick in ticks[:: max(1, math.ceil(len(ticks) / 7))]:
        out.append(f'<path d="M{x.at(tick):.1f} {top}v{_SIDE}M{left} {y.at(tick):.1f}h{_SIDE}" stroke="#e4e4e4"/>')
        out.append(
            f'<text x="{x.at(tick):.1f}" y="{top + _SIDE + 17}" text-anchor="middle" font-size="11">{tick:,.10g}</text>'
        )
        out.append(
            f'<text x="{left - 6}" y="{y.at(tick) + 4:.1f}" text-anchor="end" font-size="11">{tick:,.10g}</text>'
        )
    for factor, dash in ((1.0, ""), (2.0, ' stroke-dasharray="5 4"'), (0.5, ' stroke-dasharray="5 4"')):
        a, b = max(low, low / factor), min(high, high / factor)
        line_at = f"M{x.at(a):.1f} {y.at(a * factor):.1f}L{x.at(b):.1f} {y.at(b * factor):.1f}"
        out.append(f'<path d="{line_at}" stroke="#888" fill="none"{dash}/>')
    step = math.ceil(len(part) / _MOST)
    out += [_mark(j.predicted.evidence, x.at(j.row.value), y.at(j.predicted.value), 3, _tip(j)) for j in part[::step]]
    drawn = f", one mark for {step} rows" if step > 1 else ""
    out.append(f'<text x="{left}" y="{top - 24}" font-weight="600">{_safe(name)}</text>')
    out.append(f'<text x="{left}" y="{top - 8}" fill="#444">{_safe(_verdict(part) + drawn)}</text>')
    out.append(f'<text x="{left + _SIDE / 2}" y="{top + _SIDE + 34}" text-anchor="middle" fill="#444">measured</text>')
    middle = top + _SIDE / 2
    turned = f'transform="rotate(-90 {left - 56} {middle})"'
    return [*out, f'<text x="{left - 56}" y="{middle}" text-anchor="middle" fill="#444" {turned}>predicted</text>']


def _mark(evidence: str, x: float, y: float, size: float, tip: str) -> str:
    """Return one mark; its shape and colour say the evidence."""
    colour, shape = MARKS.get(evidence, MARKS["datasheet"])
    about = f"<title>{tip}</title>" if tip else ""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{colour}" fill-opacity="0.45">{about}</circle>'
    if shape == "diamond":
        d = f"M{x:.1f} {y - size - 1:.1f}l{size + 1} {size + 1}l-{size + 1} {size + 1}l-{size + 1} -{size + 1}z"
        return f'<path d="{d}" fill="{colour}" fill-opacity="0.45">{about}</path>'
    d = f"M{x - size:.1f} {y:.1f}h{2 * size}M{x:.1f} {y - size:.1f}v{2 * size}"
    return f'<path d="{d}" stroke="{colour}" stroke-opacity="0.6">{about}</path>'


def _tip(j: Judged) -> str:
    r = j.row
    return _safe(
        f"{r.id}: {r.model} on {r.chip or r.system}:{r.chips:g}, {r.engine}, {r.layout}, {r.metric}: "
        f"measured {number(r.value)}, predicted {number(j.predicted.value)} ({percent(j.error, signed=True)})"
    )


def _safe(text: str) -> str:
    return escape(clean(text, 2000))
