"""A fleet as an SVG file: a fan of the total by year, the stock by origin stacked, and the domestic share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wherewithal.app.plot import check
from wherewithal.app.text import clean, number

if TYPE_CHECKING:
    from wherewithal.fleet.draw import Array
    from wherewithal.fleet.model import Fleet

_WIDTH, _HEIGHT = 860, 900
_LEFT, _RIGHT = 96, 32
# Colours that people with any colour vision tell apart (Okabe and Ito 2008); words at the lines repeat what they say.
_FAN, _ORIGINS = "#0072b2", {"Domestic": "#009e73", "Imported": "#e69f00", "Smuggled": "#999999"}
_PERCENTILES = (5, 25, 50, 75, 95)
_SCALES = ((1e12, "T"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Panel:
    """One chart on the page: its top and bottom [px], the years across, and the largest value."""

    top: float
    bottom: float
    years: tuple[int, ...]
    most: float

    def x(self, year: float) -> float:
        """Return the place of a year [px]."""
        span = max(self.years[-1] - self.years[0], 1)
        return _LEFT + (year - self.years[0]) / span * (_WIDTH - _RIGHT - _LEFT)

    def y(self, value: float) -> float:
        """Return the place of a value [px]."""
        share = value / self.most if self.most > 0 else 0.0
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - self.top)


def write(fleet: Fleet, variable: str, path: Path, force: bool = False, banner: str = "") -> None:
    """Write the chart: all of it or nothing."""
    from wherewithal.catalog.add import write_whole

    check(path, force)
    write_whole(path, svg(fleet, variable, banner).encode("utf-8"), force)


def svg(fleet: Fleet, variable: str, banner: str = "") -> str:
    """Return the chart of a variable as the text of an SVG document with title, description and no outside reference."""
    basis = "Units"
    share = f"Share|Domestic|{basis}|Stock|All"
    fans = np.percentile(np.nan_to_num(fleet.series(variable)), _PERCENTILES, axis=0)
    parts = {o: np.percentile(fleet.series(f"Stock|{basis}|{o}"), 50, axis=0) for o in _ORIGINS}
    shares = np.percentile(np.nan_to_num(fleet.series(share)), _PERCENTILES, axis=0)
    first = Panel(92, 372, fleet.years, _round_up(float(fans.max())))
    second = Panel(430, 610, fleet.years, _round_up(float(sum(parts.values()).max())))  # type: ignore[union-attr]
    third = Panel(668, 828, fleet.years, 1.0)
    title = f"{fleet.scenario.title}"
    about = f"{variable} of {fleet.scenario.region}: " + "; ".join(
        f"{y}: {number(fans[2][i])} ({number(fans[0][i])} to {number(fans[4][i])})" for i, y in enumerate(fleet.years)
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13" fill="#222">'
    )
    body = [
        f'<title id="title">{_safe(title)}</title>',
        f'<desc id="desc">{_safe(about)}</desc>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="30" font-size="17" font-weight="600">{_safe(title, 90)}</text>',
        f'<text x="{_LEFT}" y="50" fill="#8a3600">{_safe(banner)}</text>',
        *_frame(first, f"{variable} [{fleet.units[variable]}]: median, 50% and 90% bands"),
        *_fan(first, fans),
        *_frame(second, "stock by origin [chips], medians stacked"),
        *_stack(second, parts),
        *_frame(third, "domestic share of the stock [chips, smuggled in it]"),
        *_fan(third, shares),
        f'<text x="{_LEFT}" y="{_HEIGHT - 22}" fill="#666" font-size="11">{_safe(_foot(fleet), 150)}</text>',
    ]
    return "\n".join([head, *body, "</svg>"]) + "\n"


def _foot(fleet: Fleet) -> str:
    return f"{fleet.model}: fleet {fleet.name}, {fleet.draws.count:,} draws, seed {fleet.draws.seed}"


def _frame(panel: Panel, title: str) -> list[str]:
    """Return the axes of a panel, its ticks and its title."""
    out = [f'<text x="{_LEFT}" y="{panel.top - 10:.0f}" fill="#444">{_safe(title)}</text>']
    for step in range(5):
        value = panel.most * step / 4
        at = panel.y(value)
        out.append(f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_short(value)}</text>')
    every = max(len(panel.years) // 12, 1)
    low = f'y="{panel.bottom + 18:.0f}" text-anchor="middle"'
    out += [f'<text x="{panel.x(year):.1f}" {low}>{year}</text>' for year in panel.years[::every]]
    return [*out, f'<path d="M{_LEFT} {panel.top}V{panel.bottom}H{_WIDTH - _RIGHT}" fill="none" stroke="#444"/>']


def _fan(panel: Panel, fans: Array) -> list[str]:
    """Return the 90% and 50% bands and the median of five percentiles (5, years)."""
    out = []
    for low, high, opacity in ((0, 4, 0.15), (1, 3, 0.25)):
        up = [(panel.x(y), panel.y(v)) for y, v in zip(panel.years, fans[high], strict=True)]
        down = [(panel.x(y), panel.y(v)) for y, v in zip(panel.years, fans[low], strict=True)]
        out.append(f'<polygon points="{_points([*up, *reversed(down)])}" fill="{_FAN}" fill-opacity="{opacity}"/>')
    line = [(panel.x(y), panel.y(v)) for y, v in zip(panel.years, fans[2], strict=True)]
    out.append(f'<polyline points="{_points(line)}" fill="none" stroke="{_FAN}" stroke-width="2"/>')
    for (x, y), year, column in zip(line, panel.years, fans.T, strict=True):
        tip = f"{year}: {number(column[2])} ({number(column[0])} to {number(column[4])})"
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{_FAN}"><title>{_safe(tip)}</title></circle>')
    return out


def _stack(panel: Panel, parts: dict[str, Array]) -> list[str]:
    """Return the stacked areas, each with its name in a legend."""
    out: list[str] = []
    base = np.zeros(len(panel.years))
    for place, (name, part) in enumerate(parts.items()):
        top = base + part
        up = [(panel.x(y), panel.y(v)) for y, v in zip(panel.years, top, strict=True)]
        down = [(panel.x(y), panel.y(v)) for y, v in zip(panel.years, base, strict=True)]
        out.append(f'<polygon points="{_points([*up, *reversed(down)])}" fill="{_ORIGINS[name]}" fill-opacity="0.75"/>')
        left = _LEFT + 14 + 110 * place
        out.append(f'<rect x="{left}" y="{panel.top + 6}" width="12" height="12" fill="{_ORIGINS[name]}"/>')
        out.append(f'<text x="{left + 18}" y="{panel.top + 17}">{name.lower()}</text>')
        base = top
    return out


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)


def _round_up(value: float) -> float:
    """Return the next 1, 2, 4 or 8 of a decade: four equal ticks then have short names."""
    if value <= 0:
        return 1.0
    decade = 10.0 ** np.floor(np.log10(value))
    return float(next(m * decade for m in (1, 2, 4, 8, 10, 20) if m * decade >= value))


def _short(value: float) -> str:
    for size, name in _SCALES:
        if abs(value) >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


def _safe(text: str, most: int = 2000) -> str:
    return escape(clean(text, most))
