"""The trade-off as an SVG file: tokens/s per user against tokens/s per chip, with intervals and the SLO's region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from wherewithal.app.report import picked, plan_verdict, same, short_layout, subject
from wherewithal.app.report_parts import slo_limit
from wherewithal.app.text import clean, exact, number, shown
from wherewithal.errors import InputError
from wherewithal.plan.answer import Answer, Plan

_WIDTH, _HEIGHT = 860, 560
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 24, 84, 96
# Two colours that people with any colour vision tell apart (Okabe and Ito 2008); shape repeats what colour says.
_LINE, _CHOSEN, _REGION = "#0072b2", "#d55e00", "#e8f3ea"


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


def write(answer: Answer, path: Path, force: bool = False) -> None:
    """Write the chart: all of it or nothing (a file beside it that is renamed at the end)."""
    from wherewithal.catalog.add import write_whole

    check(path, force)
    write_whole(path, svg(answer).encode("utf-8"), force)


def svg(answer: Answer) -> str:
    """Return the chart as the text of an SVG document with title, description and no outside reference."""
    plans = sorted(answer.frontier, key=lambda p: p.tokens_per_s_per_user)
    x = _axis([v for p in plans for v in (_user_band(p))], _LEFT, _WIDTH - _RIGHT)
    y = _axis(
        [v for p in plans for v in (p.output_tokens_per_s_per_chip.low, p.output_tokens_per_s_per_chip.high)],
        _HEIGHT - _BOTTOM,
        _TOP,
    )
    body = [
        *_region(answer, x),
        *_grid(x, y),
        *_band(plans, x, y),
        *_points(answer, plans, x, y),
        *_words(answer, x, y),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13" fill="#222">'
    )
    title = f'<title id="title">{_safe("Trade-off of " + subject(answer))}</title>'
    about = f'<desc id="desc">{_safe(plan_verdict(answer))} {_safe(_said(answer, plans))}</desc>'
    background = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    return "\n".join([head, title, about, background, *body, "</svg>"]) + "\n"


def _axis(values: Sequence[float], start: float, end: float) -> Axis:
    """Return an axis that holds all positive `values` with a little room."""
    positive = [v for v in values if v > 0 and math.isfinite(v)] or [1.0, 10.0]
    low, high = min(positive), max(positive)
    room = max((high / low) ** 0.05, 1.05)
    return Axis(low / room, high * room, start, end)


def _user_band(plan: Plan) -> tuple[float, float]:
    """Return the 80% interval of tokens/s per user, from that of TPOT about the plan's own speed."""
    t, speed = plan.tpot_s, plan.tokens_per_s_per_user
    return (speed * t.value / t.high, speed * t.value / t.low) if t.low > 0 and t.high > 0 else (speed, speed)


def _region(answer: Answer, x: Axis) -> list[str]:
    """Return the area in which TPOT meets the SLO."""
    limit = slo_limit(answer.slo, "tpot")
    if not limit:
        return []
    left = x.at(1 / limit)
    if left >= x.end:
        return []
    words = f"TPOT {exact(limit, 's')} or better"
    return [
        f'<rect x="{left:.1f}" y="{_TOP}" width="{x.end - left:.1f}" height="{_HEIGHT - _TOP - _BOTTOM}" fill="{_REGION}"/>',
        f'<line x1="{left:.1f}" y1="{_TOP}" x2="{left:.1f}" y2="{_HEIGHT - _BOTTOM}" stroke="#555" stroke-dasharray="5 4"/>',
        f'<text x="{min(left + 6, x.end - 150):.1f}" y="{_TOP + 16}" fill="#333">{_safe(words)}</text>',
    ]


def _grid(x: Axis, y: Axis) -> list[str]:
    """Return the frame, its ticks and the names of the axes."""
    bottom = _HEIGHT - _BOTTOM
    out = [f'<path d="M{_LEFT} {_TOP}V{bottom}H{_WIDTH - _RIGHT}" fill="none" stroke="#444"/>']
    for tick in x.ticks():
        at = x.at(tick)
        out.append(f'<path d="M{at:.1f} {_TOP}V{bottom + 5}" stroke="#ddd"/>')
        out.append(f'<text x="{at:.1f}" y="{bottom + 20}" text-anchor="middle">{number(tick)}</text>')
    for tick in y.ticks():
        at = y.at(tick)
        out.append(f'<path d="M{_LEFT - 5} {at:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{_LEFT - 9}" y="{at + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    middle = (_TOP + bottom) / 2
    out.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{bottom + 42}" text-anchor="middle">output tokens/s per user</text>'
    )
    turned = f'transform="rotate(-90 22 {middle})"'
    return [*out, f'<text x="22" y="{middle}" text-anchor="middle" {turned}>output tokens/s per chip</text>']


def _band(plans: Sequence[Plan], x: Axis, y: Axis) -> list[str]:
    """Return the frontier's line and the 80% interval of tokens/s per chip about it."""
    if len(plans) < 2:
        return []
    at = [x.at(p.tokens_per_s_per_user) for p in plans]
    upper = [y.at(p.output_tokens_per_s_per_chip.high) for p in plans]
    lower = [y.at(p.output_tokens_per_s_per_chip.low) for p in plans]
    middle = [y.at(p.output_tokens_per_s_per_chip.value) for p in plans]
    around = [*zip(at, upper, strict=True), *reversed(list(zip(at, lower, strict=True)))]
    return [
        f'<polygon points="{_path(around)}" fill="{_LINE}" fill-opacity="0.16"/>',
        f'<polyline points="{_path(zip(at, middle, strict=True))}" fill="none" stroke="{_LINE}" stroke-width="2"/>',
    ]


def _path(points: object) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)  # type: ignore[attr-defined]


def _points(answer: Answer, plans: Sequence[Plan], x: Axis, y: Axis) -> list[str]:
    """Return a mark per plan with its figures as a tooltip; the chosen one is a diamond with both intervals."""
    out = []
    for p in plans:
        chosen = answer.best is not None and same(p, answer.best)
        across, up = x.at(p.tokens_per_s_per_user), y.at(p.output_tokens_per_s_per_chip.value)
        tip = f"<title>{_safe(_tip(p))}</title>"
        if not chosen:
            fill = _LINE if p.feasible or not answer.slo else "#fff"
            out.append(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="4" fill="{fill}" stroke="{_LINE}">{tip}</circle>')
            continue
        low, high = _user_band(p)
        rate = p.output_tokens_per_s_per_chip
        out.append(
            f'<path d="M{x.at(low):.1f} {up:.1f}H{x.at(high):.1f}M{across:.1f} {y.at(rate.low):.1f}V{y.at(rate.high):.1f}" '
            f'stroke="{_CHOSEN}" stroke-width="1.5"/>'
        )
        out.append(f'<path d="M{across:.1f} {up - 8:.1f}l8 8l-8 8l-8 -8z" fill="{_CHOSEN}">{tip}</path>')
    return out


def _tip(p: Plan) -> str:
    chip = shown(p.output_tokens_per_s_per_chip, "tok/s")
    return (
        f"{short_layout(p)}: {number(p.tokens_per_s_per_user)} tok/s per user, {chip.value} per chip {chip.band}, "
        f"TTFT {shown(p.ttft_s, 's').value}, TPOT {shown(p.tpot_s, 's').value}"
    )


def _words(answer: Answer, x: Axis, y: Axis) -> list[str]:
    """Return the title, the label of the chosen plan, and the foot that says what it shows and how to get it again."""
    best, foot = answer.best, _HEIGHT - 34
    out = [f'<text x="{_LEFT}" y="32" font-size="17" font-weight="600">{_safe(subject(answer))}</text>']
    out.append(f'<text x="{_LEFT}" y="54" fill="#444">{_safe(plan_verdict(answer), 118)}</text>')
    if best is not None and answer.frontier:
        across, up = x.at(best.tokens_per_s_per_user), y.at(best.output_tokens_per_s_per_chip.value)
        right = across > (_LEFT + _WIDTH) / 2
        # A frontier falls from left to right: the free corners are above on the right and below on the left.
        corner = (
            f'x="{across - 13:.1f}" y="{up + 24:.1f}" text-anchor="end"'
            if right
            else f'x="{across + 13:.1f}" y="{up - 14:.1f}"'
        )
        halo = 'stroke="#fff" stroke-width="4" paint-order="stroke"'
        out.append(f'<text {corner} fill="#8a3600" {halo}>{_safe(short_layout(best))}</text>')
    legend = "line: nothing beats it; band and cross: 80% interval; diamond: chosen; hollow: misses the SLO"
    out.append(f'<text x="{_LEFT}" y="{foot}" fill="#444" font-size="12">{_safe(legend)}</text>')
    made = f"wherewithal {answer.version}, catalog {answer.catalog}: {answer.command}"
    return [*out, f'<text x="{_LEFT}" y="{foot + 19}" fill="#666" font-size="11">{_safe(made, 140)}</text>']


def _said(answer: Answer, plans: Sequence[Plan]) -> str:
    """Return some points in words, for people who do not see the chart."""
    return f"{len(plans)} plans that nothing beats. " + " ".join(f"{_tip(p)}." for p in picked(answer))


def _safe(text: str, most: int = 2000) -> str:
    return escape(clean(text, most))
