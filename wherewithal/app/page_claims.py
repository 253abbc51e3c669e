"""A list of claims as one page that stands alone: styles and charts inside, no script, no address."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from wherewithal import __version__
from wherewithal.app.report_claims import BANNER, band, basis, count, figure, one
from wherewithal.catalog import load as catalog
from wherewithal.catalog.add import write_whole

if TYPE_CHECKING:
    from wherewithal.claims.run import Outcome, Report, Shown

_WIDTH, _LABELS, _ROW, _RIGHT = 860, 372, 26, 96
_COLOURS = {
    "holds": "#0b6e4f",
    "holds on one basis": "#8a5a00",
    "not supported": "#5b5b5b",
    "contradicted": "#a3241b",
    "cannot be checked": "#5b5b5b",
}
_STYLE = """
:root{color-scheme:light}
body{margin:0 auto;max-width:58rem;padding:2rem 1.25rem 4rem;background:#fff;color:#1c1c1c;
font:17px/1.55 Georgia,'Times New Roman',serif}
h1{font-size:2rem;line-height:1.2;margin:0 0 .5rem}h2{font-size:1.3rem;line-height:1.3;margin:.2rem 0 .4rem}
table,.small,.tag,svg,nav{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}
.small{font-size:.82rem;color:#555}section{border-top:1px solid #ddd;padding:1.6rem 0 .6rem}
.tag{display:inline-block;padding:.1rem .6rem;border-radius:1rem;color:#fff;font-size:.8rem;font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.84rem}
th{text-align:left;color:#555;font-weight:600}th,td{padding:.3rem .5rem .3rem 0;vertical-align:top}
tr+tr td,thead+tbody td{border-top:1px solid #eee}td.n{white-space:nowrap}
.wide{overflow-x:auto}a{color:inherit}dl{margin:.6rem 0}dt{font-weight:600}dd{margin:0 0 .4rem 0}
details{font-size:.84rem;margin:.5rem 0}summary{cursor:pointer}svg{max-width:100%;height:auto}
@media print{section{break-inside:avoid}details{display:block}}
"""


def write(report: Report, path: Path) -> None:
    """Write the page: all of it or nothing."""
    write_whole(path, page(report).encode(), force=True)


def page(report: Report) -> str:
    """Return the page as one text."""
    head = report.head
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(head.title)}</title><style>{_STYLE}</style></head><body>",
        f"<header><h1>{escape(head.title)}</h1><p>{escape(head.about)}</p>",
        f"<p><strong>{escape(count(report))}.</strong> All figures are {escape(BANNER)}.</p></header>",
        _contents(report),
        *(_section(o) for o in report.outcomes),
        _foot(report),
    ]
    return "\n".join(parts)


def _foot(report: Report) -> str:
    return (
        '<footer class="small"><p>Intervals are from the 5th to the 95th of a hundred draws of the inputs within their '
        "own stated intervals. Holds: true on every basis that can be judged. Holds on one basis: true on some, not on "
        "others. Contradicted: true on none, and no interval leaves room. Not supported: true on none, but an interval "
        "leaves room. What a claim printed is read by its verdict alone.</p>\n"
        f"<p>wherewithal {escape(__version__)}, catalog of {escape(catalog.stamp())}; to make this page again: "
        f"<code>wherewithal claims {escape(report.name)} --html page.html</code></p></footer></body></html>\n"
    )


def _tag(verdict: str) -> str:
    return f'<span class="tag" style="background:{_COLOURS[verdict]}">{escape(verdict)}</span>'


def _contents(report: Report) -> str:
    rows = "".join(
        f'<tr><td><a href="#{o.record.id}">{o.record.id}</a></td><td>{escape(o.record.claim)}</td>'
        f"<td>{escape(_short(o.main))}</td><td class=n>{_tag(o.verdict)}</td></tr>"
        for o in report.outcomes
    )
    heads = "<thead><tr><th></th><th>Claim</th><th>Our figure</th><th>Verdict</th></tr></thead>"
    return f'<div class="wide"><table>{heads}<tbody>{rows}</tbody></table></div>'


def _short(shown: Shown) -> str:
    ends = band(shown)
    return figure(shown) + (f" ({ends})" if ends else "")


def _section(o: Outcome) -> str:
    r = o.record
    parts = [
        f'<section id="{r.id}"><p class="small">{r.id} &middot; {escape(r.who)}, {escape(r.when)}</p>',
        f"<h2>{escape(r.claim)}</h2><p>{_tag(o.verdict)}</p>",
        f"<p>{escape(o.main.record.label[:1].upper() + o.main.record.label[1:])}: "
        f"<strong>{escape(_short(o.main))}</strong>"
        + (f". Printed: {escape(r.claimed.text)}" if r.claimed.text else "")
        + ".</p>",
        chart(o),
        "<dl>",
    ]
    for word, holds in (("True on", True), ("Not true on", False), ("Cannot be judged on", None)):
        named = [escape(basis(b)) for b in o.bases if b.holds is holds]
        if named:
            parts.append(f"<dt>{word}</dt>" + "".join(f"<dd>{n}</dd>" for n in named))
    if r.unchecked:
        parts.append(f"<dt>Cannot be checked</dt><dd>{escape(r.unchecked)}</dd>")
    parts.append("</dl>")
    if r.note:
        parts.append(f"<p>{escape(r.note)}</p>")
    parts += [_figures(o), _sources(o), "</section>"]
    return "\n".join(parts)


def _figures(o: Outcome) -> str:
    rows = "".join(
        f"<tr><td>{escape(f.record.label)}</td><td>{escape(f.record.basis)}</td><td>{escape(figure(f))}</td>"
        f"<td>{escape(band(f))}</td><td>{escape(f.quantity.known)}</td></tr>"
        for f in o.figures
    )
    heads = "<thead><tr><th>Figure</th><th>Basis</th><th>Is</th><th>90% interval</th><th>Known</th></tr></thead>"
    body = f'<div class="wide"><table>{heads}<tbody>{rows}</tbody></table></div>'
    return f"<details><summary>All {len(o.figures)} figures</summary>{body}</details>"


def _sources(o: Outcome) -> str:
    items = "".join(f"<li>{escape(_bare(s))}</li>" for s in o.sources)
    return f"<details><summary>{len(o.sources)} sources</summary><ul>{items}</ul></details>"


def _bare(source: str) -> str:
    """Return a source without what would make it an address."""
    return source.replace("https://", "").replace("http://", "")


def chart(o: Outcome) -> str:
    """Return the charted figures of a claim as points with intervals, and a line where the claim stands."""
    drawn = [f for f in o.figures if f.record.chart and math.isfinite(f.quantity.value)]
    if len(drawn) < 2:
        return ""
    show = drawn[0].record.show
    lines = _printed(o, drawn)
    ends = (
        [e for f in drawn for e in (f.quantity.band or (f.quantity.value,))] + [f.quantity.value for f in drawn] + lines
    )
    low, high = min(ends), max(ends)
    low = low if show == "date" else min(0.0, low)
    pad = (high - low or 1.0) * 0.04
    low, high = (low - pad if show == "date" else low), high + pad
    span = _WIDTH - _LABELS - _RIGHT

    def at(value: float) -> float:
        return _LABELS + (value - low) / (high - low) * span

    height = 34 + _ROW * len(drawn) + 30
    title = f"{o.record.id}: " + "; ".join(f"{_name(f)} {figure(f)}" for f in drawn)
    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}" font-size="13">']
    for tick in ticks(low, high, show):
        x = at(tick)
        parts.append(f'<path d="M{x:.1f} 26V{height - 28}" stroke="#e6e6e6"/>')
        text = escape(one(tick, show) if show != "percent" else f"{tick * 100:.0f}%")
        parts.append(f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" fill="#555">{text}</text>')
    for value in lines:
        parts.append(
            f'<path d="M{at(value):.1f} 22V{height - 28}" stroke="#d55e00" stroke-dasharray="5 4" stroke-width="1.6"/>'
        )
        label = "the claim" if o.record.claimed.value is not None else "equal"
        parts.append(f'<text x="{at(value):.1f}" y="16" text-anchor="middle" fill="#b34d00">{label}</text>')
    for i, f in enumerate(drawn):
        parts += _mark(f, 40 + _ROW * i, at)
    unit = "" if show in ("date", "percent") else drawn[0].quantity.unit
    parts.append(
        f'<text x="{_LABELS - 12}" y="{height - 10}" text-anchor="end" fill="#555">{escape(unit)}</text></svg>'
    )
    return "\n".join(parts)


def _name(f: Shown) -> str:
    return f.record.label + (f", {f.record.basis}" if f.record.basis else "")


def _mark(f: Shown, y: float, at: Callable[[float], float]) -> list[str]:
    """Return the label, interval, point and number of one figure."""
    x, ends = at(f.quantity.value), f.quantity.band
    colour = "#0072b2" if f.record.main else "#444"
    name = _name(f)
    name = name if len(name) <= 48 else name[:46].rstrip(" ,") + "\u2026"
    out = [f'<text x="{_LABELS - 12}" y="{y + 4:.0f}" text-anchor="end" fill="#1c1c1c">{escape(name)}</text>']
    right = x
    if ends:
        a, b = at(ends[0]), at(ends[1])
        out.append(f'<path d="M{a:.1f} {y:.0f}H{b:.1f}" stroke="{colour}" stroke-width="5" stroke-opacity=".3"/>')
        right = max(x, b)
    out.append(f'<circle cx="{x:.1f}" cy="{y:.0f}" r="5" fill="{colour}"/>')
    text = one(f.quantity.value, f.record.show)
    out.append(f'<text x="{right + 10:.1f}" y="{y + 4:.0f}" fill="{colour}">{escape(text)}</text>')
    return out


def _printed(o: Outcome, drawn: Sequence[Shown]) -> list[float]:
    """Return where the claim's own figure stands, if a charted figure is judged against it."""
    from wherewithal.claims.verdict import number

    names = {f.record.name for f in drawn}
    against = {b.against for b in o.record.basis if b.figure in names}
    if "claimed" in against and o.record.claimed.value is not None:
        return [number(o.record.claimed.value)]
    return [1.0] if "one" in against else []


def ticks(low: float, high: float, show: str) -> list[float]:
    """Return four to eight round places between two ends."""
    raw = (high - low) / (4 if show == "date" else 6)
    power = 10 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw * 0.999)
    if show == "date":
        step = max(1.0, round(raw))
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
