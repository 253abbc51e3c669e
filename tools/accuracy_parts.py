"""Sections of docs/accuracy.md: the bar, choosing, reruns, engines taken away, fitted numbers, coverage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tools import parameter_count
from wherewithal import table
from wherewithal.app import report_validate
from wherewithal.app.text import percent
from wherewithal.measure import bar as bars
from wherewithal.measure import choice
from wherewithal.measure.judged import Judged
from wherewithal.measure.score import Line
from wherewithal.measure.validate import Report

# Coverage of the 80% interval: whole, and of each group of COUNTED rows or more.
WHOLE, EACH, COUNTED = (0.75, 0.87), (0.65, 0.92), 50
WORST = 5
BAR = """## Against the bar

{table}
Chips with operator curves are those for which the catalog holds curves of at least one engine. Predictions rest on operator
tables and on engine constants; of what is scored here only the fitted numbers below were fitted on rows. Of other chips the
figure is the median over those with {fewest} rows or more (chips in brackets) of each chip's own. Where a closed run
states TTFT, TPOT and the number in flight but no throughput, it is derived on both sides: in flight x length / (TTFT +
(length - 1) x TPOT), the length that of the mean output. Where the bar is empty, nothing was asked.
"""
CHOOSING = """## Choosing a layout

{table}
Among measured layouts of one source, model, chip, engine and version, precision, load and lengths whose best and worst
differ by more than {apart:.0%}: whether the one predicted best measured best, and by how much the best beats it (regret). Asked for:
{first:.0%} first, regret at most {regret:.0%}. At random: the exact expectation of a random choice. Most groups hold layouts of
several sizes, which are easy to tell apart: those whose layouts all have as many chips are few and hard, and stand by themselves.
"""
RERUNS = """## Reruns: the noise floor

{table}
The same run, metric, statistic and notes measured again. "Error of their middle" is what a prediction that hits the median
of the reruns would miss: none can be nearer. With any version the engine's own changes are in it (llama.cpp's versions name
its backend).
"""
WITHOUT = """## Without the engines' own constants

{drawn:,} of the rows, drawn at random, asked with the median engine (`--engine generic`: its scheduler, host times, and
operators pooled over engines) beside the same rows with their own:

{table}
"""
PARAMETERS = """## Fitted numbers

{table}
Engines' other figures are no fit: {others}. All curves are {size:.1f} MB on disk, unpacked.
"""


def bar(report: Report) -> str:
    """Return what the errors of each kind of rows are beside what they must be."""
    return BAR.format(table=table.to_markdown(report_validate.bar_lines(report)), fewest=bars.FEWEST)


def choosing(report: Report) -> str:
    """Return how well layouts are chosen, and the groups with the largest regret."""
    lines = report_validate.choosing_lines(report)
    if not lines:
        return ""
    loads = sorted({j.row.load for j in report.rows})
    for load in loads if len(loads) > 1 else ():
        part = replace(report, rows=tuple(j for j in report.rows if j.row.load == load))
        lines += [{**x, "layouts by": f"{x['layouts by']}, {load}"} for x in report_validate.choosing_lines(part)]
    text = CHOOSING.format(
        table=table.to_markdown(lines), apart=choice.APART, first=choice.FIRST_AT_LEAST, regret=choice.REGRET_AT_MOST
    )
    found = [(aim, c) for aim in (choice.TPOT, choice.RATE) for c in choice.choices(report.rows, aim) if c.regret > 0]
    worst = sorted(found, key=lambda f: -f[1].regret)[:WORST]
    said = "".join(f"* {percent(c.regret)}: {c.about} ({aim}, {c.layouts} layouts)\n" for aim, c in worst)
    return f"{text}\nThe largest regrets:\n\n{said}" if said else text


def reruns(report: Report) -> str:
    """Return how far measurements of one configuration differ."""
    lines = report_validate.noise_lines(report)
    return RERUNS.format(table=table.to_markdown(lines)) if lines else ""


def without_engines(report: Report, bare: Sequence[Judged]) -> str:
    """Return the bar on some rows, with their engines and without.

    Args:
        report: all rows judged, with their engines.
        bare: some of them, with the median engine.
    """
    if not bare:
        return ""
    ids = {j.row.id for j in bare}
    own, none = (bars.table(part) for part in ([j for j in report.rows if j.row.id in ids], bare))
    with_own = {(m.kind, m.figure): m for m in own}
    lines = [
        {
            "rows of": m.kind,
            "figure": m.figure,
            "rows": f"{m.rows:,}",
            "median, own engine": report_validate.percent(with_own[m.kind, m.figure].median),
            "median, without": report_validate.percent(m.median),
            "p90, own engine": report_validate.percent(with_own[m.kind, m.figure].p90),
            "p90, without": report_validate.percent(m.p90),
        }
        for m in none
        if (m.kind, m.figure) in with_own and math.isfinite(m.median)
    ]
    return WITHOUT.format(drawn=len(bare), table=table.to_markdown(lines))


def parameters() -> str:
    """Return how many numbers were fitted, on what."""
    lines = [
        {"what": one.what, "fitted numbers": f"{one.numbers:,}", "fitted on": one.basis}
        for one in parameter_count.counts()
    ]
    others = ", ".join(f"{n} {known}" for known, n in parameter_count.not_fitted().items())
    return PARAMETERS.format(table=table.to_markdown(lines), others=others, size=parameter_count.size() / 1e6)


def coverage(groups: Mapping[str, Sequence[Line]], whole: float) -> str:
    """Return whether intervals of blocks held out hold, and the groups in which they do not.

    Args:
        groups: column to the lines of its groups, all metrics together.
        whole: share of all rows inside.
    """
    said = [f"Whole: {whole:.0%} inside (asked for: {WHOLE[0]:.0%} to {WHOLE[1]:.0%})."]
    for by, lines in groups.items():
        counted = [x for x in lines if x.answered >= COUNTED]
        out = [x for x in counted if not EACH[0] <= x.inside <= EACH[1]]
        named = ", ".join(f"{x.group[by] or 'not stated'} {x.inside:.0%} of {x.answered:,}" for x in out)
        of = f"{len(counted) - len(out)} of {len(counted)} within {EACH[0]:.0%} to {EACH[1]:.0%}"
        said.append(f"* by {by}, {COUNTED} rows or more: {of}" + (f"; outside: {named}" if named else ""))
    return "## Coverage\n\n" + said[0] + "\n\n" + "\n".join(said[1:]) + "\n"
