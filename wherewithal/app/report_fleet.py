"""What `fleet` prints: the figures that most people ask for, by year, with bands; differences; drivers; a backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wherewithal.app.face import Face
from wherewithal.app.report_parts import lay
from wherewithal.app.text import Column, clean, number, percent, wrapped

if TYPE_CHECKING:
    from wherewithal.fleet.backtest import Score
    from wherewithal.fleet.drivers import Driver
    from wherewithal.fleet.model import Fleet

# What a screen shows: variable, label, divisor, unit. --csv, --json and --markdown have all variables.
SHOWN = (
    ("Flow|Units|Domestic", "made", 1e6, "M/yr"),
    ("Flow|Units|Imported", "imported", 1e6, "M/yr"),
    ("Flow|Units|Smuggled", "smuggled", 1e6, "M/yr"),
    ("Stock|Units|Total", "standing", 1e6, "M chips"),
    ("Stock|H100e|8-bit|Total", "by 8-bit peak", 1e6, "M H100e"),
    ("Stock|H100e|16-bit|Total", "by 16-bit peak", 1e6, "M H100e"),
    ("Stock|H100e|Bandwidth|Total", "by bandwidth", 1e6, "M H100e"),
    ("Stock|H100e|HBM|Total", "by memory", 1e6, "M H100e"),
    ("Share|Domestic|Units|Flow|Legal", "own, new, legal", 0.01, "%"),
    ("Share|Domestic|Units|Flow|All", "own, new, all", 0.01, "%"),
    ("Share|Domestic|H100e|8-bit|Flow|All", "own, new 8-bit, all", 0.01, "%"),
    ("Share|Domestic|Value|Flow|Legal", "own, value, legal", 0.01, "%"),
    ("Power|IT", "IT power, standing", 1, "GW"),
    ("Power|Facility", "site power, deployed", 1, "GW"),
    ("Energy", "energy", 1, "TWh/yr"),
    ("Share|National electricity", "of national use", 0.01, "%"),
    ("Share|Data-centre electricity", "of data centres", 0.01, "%"),
    ("Grid|Spending per GW added", "grid per GW added", 1e9, "bn USD"),
    ("Cost|Chips", "chips bought", 1e9, "bn USD/yr"),
    ("Cost|Capital", "sites built", 1e9, "bn USD/yr"),
    ("Cost|Running|Electricity", "electricity", 1e9, "bn USD/yr"),
    ("Talent|Graduates", "graduates", 1e3, "k/yr"),
    ("Target|Times the output", "own output times", 1, "1"),
)
_SMALLER = {
    "M/yr": "k/yr", "M chips": "k chips", "M H100e": "k H100e", "GW": "MW", "TWh/yr": "GWh/yr",
    "bn USD/yr": "M USD/yr", "T/day": "bn/day",
}  # fmt: skip
# Figures below this, in their unit, are not spelled out.
_LEAST = 0.01
_MOST_YEARS, _MOST_DRIVERS = 3, 15
_EVIDENCE = "inputs, their sources and all variables: --json; what makes the spread: --drivers"


def shown(fleet: Fleet) -> list[tuple[str, str, float, str]]:
    """Return the lines that a screen shows of this fleet, those of its own model and run size at the end."""
    work = fleet.scenario.work
    own = [
        (f"Stock|H100e|{work.model} at {work.slo}|Total", "by tokens", 1e6, "M H100e"),
        (f"Tokens|{work.model} at {work.slo}", "tokens", 1e12, "T/day"),
        (f"Training|Runs of {work.run_flop:.0e} FLOP", f"runs of {work.run_flop:.0e} FLOP", 1, "1/yr"),
    ]
    return [row for row in (*SHOWN, *own) if row[0] in fleet.variables]


def few(years: Sequence[int]) -> list[int]:
    """Return at most three of the years, evenly spaced, the last among them."""
    step = -(-len(years) // _MOST_YEARS)
    return list(years)[::-1][::step][::-1]


def text(fleet: Fleet, rows: Sequence[Mapping[str, Any]], face: Face, banner: str, title: str = "") -> str:
    """Return the screen of a run, or of a difference where `title` names it.

    Args:
        fleet: whose variables are shown.
        rows: of the IAMC table.
        face: how wide and in what form.
        banner: what the figures are conditional on.
        title: in place of the scenario's own.
    """
    lines = [face.strong(clean(title or fleet.scenario.title, 160)), banner, ""]
    found = {(r["variable"], r["year"]): r for r in rows}
    years = few(sorted({int(r["year"]) for r in rows}))
    names = [row for row in shown(fleet) if any((row[0], year) in found for year in years)]
    if title:
        years = _differing(found, [n for n, *_ in names])
        names = [row for row in names if any(found[(row[0], y)]["median"] for y in years)]
    columns = [Column("median (5% to 95%)"), *(Column(str(y), ">") for y in years)]
    body = []
    for name, label, scale, unit in names:
        cells = [found.get((name, year)) for year in years]
        scale, unit = _fitting(scale, unit, [r["median"] for r in cells if r is not None and r["median"] is not None])
        if not any(r is not None and (r["p5"] or r["p95"]) for r in cells):
            continue  # nothing of the kind in any year shown
        body.append([f"{label} [{unit}]", *(_cell(r, scale) for r in cells)])
    if title and not body:
        lines.append("no difference in any variable")
    lines += lay(columns, body, face)
    if not title:
        lines += [*_bound(fleet, years, face), *_authors(fleet, face)]
    if fleet.left_out:
        lines += ["", *wrapped("no plan, so without tokens: " + "; ".join(fleet.left_out), face.width)]
    draws = f"{fleet.draws.count:,} draws (scrambled Sobol), seed {fleet.draws.seed}"
    served = (
        f"by tokens, tokens: of {fleet.scenario.work.model} at {fleet.scenario.work.slo}, as plan finds for each chip"
    )
    return "\n".join([*lines, "", served, draws, _EVIDENCE])


def _bound(fleet: Fleet, years: Sequence[int], face: Face) -> list[str]:
    """Return which limit binds each line of own output, by share of draws."""
    out: list[str] = []
    for maker in dict.fromkeys(n.split("|")[2] for n in fleet.variables if n.startswith("Made|Bound by ")):
        said = []
        for name in (n for n in fleet.variables if n.startswith("Made|Bound by ") and n.endswith(f"|{maker}")):
            means = fleet.series(name).mean(axis=0)
            shares = [f"{y}: {percent(means[fleet.years.index(y)])}" for y in years if means[fleet.years.index(y)] > 0]
            if shares:
                said.append(f"{name.split('|')[1].removeprefix('Bound by ')} ({', '.join(shares)})")
        if said:
            out += wrapped(f"what binds output of {maker}, share of draws: {'; '.join(said)}", face.width)
    return ["", *out] if out else []


def _authors(fleet: Fleet, face: Face) -> list[str]:
    """Return the shares of authors by path with their 90% intervals."""
    talent = fleet.scenario.talent
    if talent is None or talent.authors is None:
        return []
    said = []
    for part in talent.authors.parts:
        band = fleet.band(f"Talent|Authors|{part}", fleet.years[-1])
        said.append(f"{part} {percent(band['median'])} ({percent(band['p5'])} to {percent(band['p95'])})")
    return wrapped(f"{talent.authors.topic}, share of those {talent.authors.total}: {'; '.join(said)}", face.width)


def _fitting(scale: float, unit: str, medians: Sequence[float]) -> tuple[float, str]:
    """Return the unit a thousand times smaller, with its scale, where all figures are below a tenth of the one given."""
    most = max((abs(m) for m in medians), default=0.0)
    return (scale / 1e3, _SMALLER[unit]) if unit in _SMALLER and 0 < most < 0.1 * scale else (scale, unit)


def _differing(found: Mapping[tuple[str, int], Mapping[str, Any]], names: Sequence[str]) -> list[int]:
    """Return the first, middle and last year in which any of the variables differs."""
    years = sorted({y for (n, y), r in found.items() if n in names and r["median"]})
    return sorted({years[0], years[len(years) // 2], years[-1]}) if years else []


def _cell(row: Mapping[str, Any] | None, scale: float) -> str:
    if row is None or row["median"] is None:
        return "-"
    if 0 < max(abs(row["p5"]), abs(row["p95"])) < _LEAST * scale:
        return f"<{_LEAST:g}"
    ends = [number(row[k] / scale, 2) for k in ("p5", "p95")]
    middle = number(row["median"] / scale, 2)
    return middle if ends[0] == ends[1] == middle else f"{middle} ({ends[0]} to {ends[1]})"


def drivers(found: Sequence[Driver], rest: float, face: Face, what: str) -> str:
    """Return the table of drivers of a figure.

    Args:
        found: largest first.
        rest: [1] share that no input explains alone.
        face: how wide and in what form.
        what: the figure and its year.
    """
    columns = [Column("input"), Column("share", ">"), Column("works"), Column("known")]
    rows = [
        [clean(d.name, 64), percent(d.share), "up" if d.sign > 0 else "down", d.status] for d in found[:_MOST_DRIVERS]
    ]
    ours = sum(d.share for d in found if d.status in ("assumed", "estimated", "unverified"))
    foot = (
        f"share of the variance of ranks (relative weights); {percent(rest)} is interaction; "
        f"{percent(ours)} rests on inputs that are assumed, estimated or unverified"
    )
    return "\n".join(
        [face.strong(f"what makes the spread of {what}"), *lay(columns, rows, face), "", *wrapped(foot, face.width)]
    )


def backtest(found: Sequence[Score], date: str, rule: str, face: Face) -> str:
    """Return the scores of a frozen prior, with the rule by which it was frozen.

    Args:
        found: one for each outturn.
        date: at which the prior is frozen.
        rule: by which it is.
        face: how wide and in what form.
    """
    lines = [face.strong(f"prior frozen at {date}, scored on what happened"), "", *wrapped(rule, face.width), ""]
    columns = [Column(h, ">" if h != "what" else "<") for h in ("what", "outturn", "median", "50%", "90%", "CRPS")]
    rows = [
        [
            s.what, number(s.outturn), number(s.median), f"{number(s.p25)} to {number(s.p75)}",
            f"{number(s.p5)} to {number(s.p95)}", number(s.crps),
        ]
        for s in found
    ]  # fmt: skip
    lines += [*lay(columns, rows, face), ""]
    for s in found:
        inside = "inside the 50% band" if s.in_50 else "inside the 90% band" if s.in_90 else "outside the 90% band"
        lines += wrapped(
            f"{number(s.outturn)} ({s.source}): {inside}; the prior gave it or more {percent(s.at_least)}", face.width
        )
        if s.naive_crps is not None:
            better = "better" if s.crps < s.naive_crps else "worse"
            lines.append(f"no change: {number(s.naive)}, CRPS {number(s.naive_crps)}; the prior is {better}")
    covered = sum(s.in_50 for s in found), sum(s.in_90 for s in found)
    lines += [
        "",
        f"coverage: {covered[0]} of {len(found)} in the 50% band, {covered[1]} of {len(found)} in the 90% band",
    ]
    return "\n".join([*lines, *wrapped(f"equal parts, by their medians: {found[0].components}", face.width)])
