"""Records over time as an SVG file: a step line a group with its intervals, and below it the lead in months."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from wherewithal.app.plot import check
from wherewithal.app.report_frontier import changes, verdict
from wherewithal.app.text import clean
from wherewithal.frontier.scores import iso

if TYPE_CHECKING:
    from wherewithal.frontier.frontier import Frontier, View
    from wherewithal.frontier.scores import Score

_WIDTH, _LEFT, _RIGHT, _TOP = 900, 70, 130, 96
_TALL, _LOW, _GAP = 380, 150, 64
# Colours that people with any colour vision tell apart (Okabe and Ito 2008); dashes and names repeat what they say.
STYLES = (
    ("#0072b2", ""), ("#d55e00", "7 3"), ("#009e73", "2 3"), ("#cc79a7", "9 3 2 3"), ("#666666", "4 4"),
    ("#a6761d", "1 2"),
)  # fmt: skip
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Line:
    """A straight axis: its ends in data and where they lie on the page [px]."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of `value` [px], inside the frame."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values within the ends, `most` at most."""
        power = 10.0 ** math.floor(math.log10((self.high - self.low) / most))
        step = next(s * power for s in _STEPS if (self.high - self.low) / (s * power) <= most)
        return [step * i for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def write(answer: Frontier, path: Path, force: bool = False) -> None:
    """Write the chart of the first index: all of it or nothing.

    Raises:
        InputError: the file cannot be written.
    """
    from wherewithal.catalog.add import write_whole

    check(path, force)
    write_whole(path, svg(answer).encode("utf-8"), force)


def svg(answer: Frontier) -> str:
    """Return the chart as the text of an SVG document with title, description and no outside reference."""
    one = answer.views[0]
    months = [p for p in one.history if p.months is not None]
    height = _TOP + _TALL + _GAP + (_LOW + _GAP if months else 0) + 10
    names = [x.group for x in one.leaders[: len(STYLES)]]
    days = [s.day for _, s in one.records] + [one.index.until] + [f.day for f in _fans(one)]
    x = Line(min(days), max(*days, min(days) + 1), _LEFT, _WIDTH - _RIGHT)
    said = verdict(answer)
    body = [
        f'<text x="{_LEFT}" y="30" font-size="17" font-weight="600">{_safe(one.index.title)}: records</text>',
        f'<text x="{_LEFT}" y="52" fill="#333">{_safe(said.split(";")[0].rstrip("."), 118)}.</text>',
        f'<text x="{_LEFT}" y="72" fill="#555">{_safe(_legend(one))}</text>',
        *_main(one, names, x),
    ]
    if months:
        body += _lead(one, x, _TOP + _TALL + _GAP + 14)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13" fill="#222">'
    )
    title = f'<title id="title">{_safe("Records on " + one.index.title)}</title>'
    about = f'<desc id="desc">{_safe(said + " Lead changes: " + changes(one, answer.ask.since) + ".")}</desc>'
    background = f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>'
    return "\n".join([head, title, about, background, *body, "</svg>"]) + "\n"


def _fans(one: View) -> list[_Fan]:
    return [_Fan(f.group, f.day, f.quantiles) for f in one.outlook.fans] if one.outlook else []


@dataclass(frozen=True)
class _Fan:
    group: str
    day: int
    quantiles: tuple[float, ...]


def _legend(one: View) -> str:
    bars = "bars: published intervals" if one.errors else "the index publishes no intervals"
    fan = "; shaded: 90% band of the outlook, not a forecast" if one.outlook else ""
    return f"{bars}{fan}; points of the index, {one.index.vintage}"


def _main(one: View, names: Sequence[str], x: Line) -> list[str]:
    """Return the panel of records."""
    scores = [s for n, s in one.records if n in names]
    ends = [v for s in scores for v in (s.value, s.low, s.high) if v is not None]
    ends += [v for f in _fans(one) if f.group in names for v in (f.quantiles[0], f.quantiles[-1])]
    ends = ends or [0.0, 1.0]
    room = (max(ends) - min(ends)) * 0.04 or 1.0
    y = Line(min(ends) - room, max(ends) + room, _TOP + _TALL, _TOP)
    out = _frame(x, y, "points")
    placed: list[float] = []
    for name, (colour, dash) in zip(names, STYLES, strict=False):
        own = sorted((s for n, s in one.records if n == name), key=lambda s: s.day)
        if not own:
            continue
        out += _band(name, one, own[-1], x, y, colour)
        out += _steps(own, one, x, y, (colour, dash))
        at = y.at(own[-1].value) + 4
        while any(abs(at - other) < 15 for other in placed):
            at += 15
        placed.append(at)
        out.append(f'<text x="{x.end + 6:.1f}" y="{at:.1f}" fill="{colour}" font-weight="600">{_safe(name, 16)}</text>')
    return out


def _frame(x: Line, y: Line, name: str) -> list[str]:
    """Return the frame of a panel, its ticks and its name."""
    out = [f'<path d="M{x.start} {y.end}V{y.start}H{x.end}" fill="none" stroke="#444"/>']
    for tick in y.ticks(6 if y.start - y.end > 200 else 3):
        at = y.at(tick)
        out.append(f'<path d="M{x.start - 4} {at:.1f}H{x.end}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{x.start - 8}" y="{at + 4:.1f}" text-anchor="end">{tick:,.10g}</text>')
    for year in range(date.fromordinal(int(x.low)).year + 1, date.fromordinal(int(x.high)).year + 1):
        at = x.at(date(year, 1, 1).toordinal())
        out.append(f'<path d="M{at:.1f} {y.end}V{y.start + 5}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{at:.1f}" y="{y.start + 20}" text-anchor="middle">{year}</text>')
    middle = (y.start + y.end) / 2
    turned = f'transform="rotate(-90 {x.start - 52} {middle})"'
    return [*out, f'<text x="{x.start - 52}" y="{middle}" text-anchor="middle" fill="#444" {turned}>{name}</text>']


def _steps(own: Sequence[Score], one: View, x: Line, y: Line, style: tuple[str, str]) -> list[str]:
    """Return the step line of one group, with a mark and an interval at each record; boards are never joined."""
    colour, dash = style
    path = f"M{x.at(own[0].day):.1f} {y.at(own[0].value):.1f}"
    path += "".join(f"H{x.at(s.day):.1f}V{y.at(s.value):.1f}" for s in own[1:]) + f"H{x.at(one.index.until):.1f}"
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    line = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    out = [] if one.index.boards else [line]
    for score in own:
        at, said = x.at(score.day), f"{score.model}, {iso(score.day)}: {score.value:,.5g}"
        if score.low is not None and score.high is not None:
            said += f" ({score.low:,.5g} to {score.high:,.5g})"
            bar = f"M{at:.1f} {y.at(score.low):.1f}V{y.at(score.high):.1f}"
            out.append(f'<path d="{bar}" stroke="{colour}" stroke-opacity="0.4"/>')
        out.append(_mark(at, y.at(score.value), style, _safe(said)))
    return out


def _mark(x: float, y: float, style: tuple[str, str], said: str) -> str:
    """Return a mark with its tooltip: a disc for every other style, a square for those between."""
    tip = f'fill="{style[0]}"><title>{said}</title>'
    if STYLES.index(style) % 2:
        return f'<rect x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4" {tip}</rect>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" {tip}</circle>'


def _band(name: str, one: View, last: Score, x: Line, y: Line, colour: str) -> list[str]:
    """Return the outlook of one group as a shaded band with its median."""
    fans = [f for f in _fans(one) if f.group == name]
    if not fans:
        return []
    start = (x.at(one.index.until), y.at(last.value))
    up = [f"{x.at(f.day):.1f},{y.at(f.quantiles[-1]):.1f}" for f in fans]
    down = [f"{x.at(f.day):.1f},{y.at(f.quantiles[0]):.1f}" for f in reversed(fans)]
    middle = "".join(f"L{x.at(f.day):.1f} {y.at(f.quantiles[2]):.1f}" for f in fans)
    shape = " ".join([f"{start[0]:.1f},{start[1]:.1f}", *up, *down])
    return [
        f'<polygon points="{shape}" fill="{colour}" fill-opacity="0.13"/>',
        f'<path d="M{start[0]:.1f} {start[1]:.1f}{middle}" fill="none" stroke="{colour}" stroke-dasharray="2 4"/>',
    ]


def _lead(one: View, x: Line, top: float) -> list[str]:
    """Return the panel of the lead in months, with its interval."""
    dated = [(p.day, p.months) for p in one.history if p.months is not None]
    ends = [v for _, m in dated for v in (m.value, m.low, m.high) if v is not None] + [0.0]
    room = (max(ends) - min(ends)) * 0.06 or 1.0
    y = Line(min(ends) - room, max(ends) + room, top + _LOW, top)
    out = _frame(x, y, "months")
    first, second = (x.group for x in one.leaders[:2])
    out.append(
        f'<text x="{_LEFT}" y="{top - 8}" fill="#333">lead of {_safe(first)} over {_safe(second)}, months</text>'
    )
    sure = [(d, m.low, m.high) for d, m in dated if m.low is not None and m.high is not None]
    if sure:
        up = [f"{x.at(d):.1f},{y.at(high):.1f}" for d, _, high in sure]
        down = [f"{x.at(d):.1f},{y.at(low):.1f}" for d, low, _ in reversed(sure)]
        out.append(f'<polygon points="{" ".join([*up, *down])}" fill="{STYLES[0][0]}" fill-opacity="0.18"/>')
    out.append(f'<path d="M{x.start} {y.at(0):.1f}H{x.end}" stroke="#444"/>')
    line = "L".join(f"{x.at(d):.1f} {y.at(m.value):.1f}" for d, m in dated)
    return [*out, f'<path d="M{line}" fill="none" stroke="{STYLES[0][0]}" stroke-width="2"/>']


def _safe(text: str, most: int = 2000) -> str:
    return escape(clean(text, most))
