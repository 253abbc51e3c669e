"""Answers of `frontier` as text and Markdown: the gap in months first, then leaders, lead changes, outlook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherewithal import table
from wherewithal.app.face import Face
from wherewithal.app.report_parts import lay
from wherewithal.app.text import NONE, Column, clean, number, percent, shown, wrapped
from wherewithal.frontier.scores import iso

if TYPE_CHECKING:
    from wherewithal.frontier.adoption import Adoption
    from wherewithal.frontier.frontier import Frontier, View
    from wherewithal.frontier.lead import Band, Change
    from wherewithal.frontier.runs import Runs, Tried
    from wherewithal.frontier.scores import Score

Cells = list[dict[str, str]]
# Records of one index that text shows; the other forms have all.
_RECORDS = 12
_MISSED = 5
# Points up to which a curve of two constants has nothing left to be tested by.
FEW = 2


def verdict(answer: Frontier) -> str:
    """Return the first line: who leads whom by how much on which index, and up to when the data tell."""
    one = answer.views[0]
    kind = "open models" if answer.ask.only_open else "models"
    where = f"on {clean(one.index.title)} ({data_day(one)})"
    lead = one.lead
    if lead is None:
        only = one.leaders[0]
        return f"{only.group} has the best {kind[:-1]} {where}: {clean(only.best.model)}, {points(only.best)} points."
    if lead.months is None:
        said = f"by {_band(lead.points)} points {where}; a lead in months cannot be had there"
    else:
        low, high = lead.months.low, lead.months.high
        band = "" if low is None or high is None else f" (90% interval {low:.1f} to {high:.1f})"
        said = f"by {lead.months.value:.1f} months{band} {where}"
    if lead.points.value == 0:
        return f"{lead.a} and {lead.b} stand level in {kind} {where}."
    return f"{lead.a} leads {lead.b} in {kind} {said}."


def data_day(one: View) -> str:
    """Return up to when an index tells, or which board is read."""
    return f"board of {iso(one.leaders[0].best.day)}" if one.index.boards else f"data to {iso(one.index.until)}"


def _band(band: Band | None, signed: bool = False) -> str:
    """Return a figure of months or points with its interval."""
    if band is None:
        return NONE
    text = f"{band.value:+.1f}" if signed else f"{band.value:.1f}"
    return text + ("" if band.low is None or band.high is None else f" ({band.low:.1f} to {band.high:.1f})")


def points(score: Score) -> str:
    """Return a score with its published interval."""
    value = f"{score.value:,.5g}"
    return value if score.low is None or not score.level or score.level >= 1 else (
        f"{value} ({score.low:,.5g} to {score.high:,.5g})"
    )  # fmt: skip


def leaders(one: View, most: int = 200) -> Cells:
    """Return the table of leaders of one index; names of models are cut to `most` characters."""
    return [
        {
            "group": clean(x.group),
            "best": clean(x.best.model, most),
            "points": points(x.best),
            "board" if one.index.boards else "released": iso(x.best.day),
            "points ahead": _band(x.points, signed=True),
            **({} if one.index.boards else {"months ahead": _band(x.months, signed=True)}),
        }
        for x in one.leaders
    ]


def by_index(answer: Frontier) -> Cells:
    """Return one row an index: who leads, by how much, since when."""
    out = []
    for one in answer.views:
        lead = one.lead
        out.append({
            "index": one.index.name,
            "data to": data_day(one).split()[-1],
            "leads": clean(one.leaders[0].group),
            "over": clean(lead.b) if lead else NONE,
            "points": _band(lead.points) if lead else NONE,
            "months": _band(lead.months) if lead else NONE,
            "since": iso(lead.since) if lead else NONE,
            "apart since": _apart(lead.separated if lead else None, one),
        })  # fmt: skip
    return out


def _apart(day: int | None, one: View) -> str:
    if day is not None:
        return iso(day)
    return NONE if one.errors else "no interval"


def changes(one: View, since: int | None) -> str:
    """Return the days on which the lead passed over; `*` where the intervals were apart, `~` where they touched."""
    if one.lead is None:
        return "no second group"
    listed = [one.lead.start, *one.lead.changes]
    before = [c for c in listed if since is not None and c.day < since]
    return ", ".join(_change(c) for c in listed[max(0, len(before) - 1) :])


def _change(change: Change) -> str:
    mark = {True: "*", False: "~", None: ""}[change.separated]
    return f"{iso(change.day)} {clean(change.leader)}{mark}" + ("" if change.before else " first")


def aside(one: View) -> list[str]:
    """Return sentences on the lead in detail."""
    lead = one.lead
    if lead is None:
        return []
    out = []
    if lead.months is not None:
        out.append(
            f"what {lead.b} has now, {lead.a} had {_band(lead.months)} months before the data date; between the days on "
            f"which {lead.a} and {lead.b} reached it lie {_band(lead.matched_months)} months"
        )
    if lead.year_months is not None:
        out.append(f"mean lead over the last twelve month ends: {_band(lead.year_months)} months")
    if lead.ahead is not None:
        chance = "over 99.9%" if lead.ahead > 0.999 else percent(lead.ahead)
        out.append(f"probability that {lead.a} is ahead, from the scores' errors: {chance}")
    if lead.since_band is not None:
        first, last = (iso(d) for d in lead.since_band)
        out.append(f"the lead began on {iso(lead.since)} by the bare figures; 90% interval {first} to {last}")
    return out


def outlook(one: View) -> Cells:
    """Return the outlook at three, six and twelve months."""
    ahead = one.outlook
    if ahead is None:
        return []
    days = sorted({f.day for f in ahead.fans})
    kept = [days[i] for i in (2, 5, 11) if i < len(days)]
    return [
        {
            "day": iso(f.day),
            "group": clean(f.group),
            "median": number(f.quantiles[2], 4),
            "50% band": f"{number(f.quantiles[1], 4)} to {number(f.quantiles[3], 4)}",
            "90% band": f"{number(f.quantiles[0], 4)} to {number(f.quantiles[4], 4)}",
            "leads": percent(f.leads),
        }
        for f in ahead.fans
        if f.day in kept
    ]


def backtest(one: View) -> Cells:
    """Return how the frozen outlook did against no change."""
    return [
        {
            "group": clean(s.group),
            "months": str(s.months),
            "CRPS": f"{s.crps:.2f}",
            "no change": f"{s.naive:.2f}",
            "better": "yes" if s.crps < s.naive else "no",
            "in 90% band": percent(s.covered),
            "last median (90%)": f"{s.median:.1f} ({s.low:.1f} to {s.high:.1f})",
            "came": f"{s.outcome:.1f}",
        }
        for s in one.backtest
    ]


def adoption(known: Adoption) -> list[str]:
    """Return sentences on the use of open models: shares read, with the logistic through those of one family."""
    out = []
    for family, line in known.fits.items():
        (first, start), (last, end) = line.points[0], line.points[-1]
        few = "" if len(line.points) > FEW else f"; {len(line.points)} points, so no interval and no test"
        out.append(
            f"{clean(family)}: {percent(start)} of new derivatives in {first}, {percent(end)} in {last}; a logistic through "
            f"them grows by {line.rate_per_month:.3f} a month and passes one half in {line.half_month}{few}"
        )
    for row in known.rows:
        if row.unit == "share" and row.value is not None and row.get("family") not in known.fits:
            note = f" ({clean(row.note)})" if row.note else ""
            scope = f"{row.get('metric')}, {row.get('date')}"
            out.append(f"{clean(row.get('family'))}: {percent(row.value)}, {clean(scope)}{note}")
    return out


def runs_verdict(ran: Runs) -> str:
    """Return the line on the best that runs."""
    best = ran.best
    if best is None:
        return f"Not feasible: none of {ran.rated} models with a score runs on {clean(ran.on)}."
    m = best.model
    speed = f"{shown(best.output_tokens_per_s, 'tok/s').value}, TPOT {shown(best.tpot_s, 's').value}"
    return f"Best model that runs on {clean(ran.on)}: {m.name}, {number(m.value)} on {m.index} of {m.vintage}; {speed}."


def running(ran: Runs) -> Cells:
    """Return the models that run, best first."""
    return [_running(t) for t in ran.tried if t.runs]


def _running(t: Tried) -> dict[str, str]:
    m = t.model
    return {
        "model": m.name,
        "points": number(m.value) + (" est." if m.status == "estimated" else ""),
        "country": clean(m.country),
        "released": clean(m.release),
        "licence": clean(m.license),
        "tok/s": shown(t.output_tokens_per_s, "tok/s").bare,
        "TPOT": shown(t.tpot_s, "s").value,
        "evidence": t.evidence,
    }


def missed(ran: Runs) -> list[str]:
    """Return the first models with a higher score that do not run, and why."""
    above = [t for t in ran.tried if not t.runs and (ran.best is None or t.model.value >= ran.best.model.value)]
    out = [f"{t.model.name} ({number(t.model.value)}): {clean(t.why)}" for t in above[:_MISSED]]
    return out + ([f"and {len(above) - _MISSED} more with a higher score"] if len(above) > _MISSED else [])


_RUNS_NOTE = (
    "scores are those of the models as the index was given them: in another number format a model may score lower"
)


def markdown(answer: Frontier) -> str:
    """Return the answer as Markdown."""
    one = answer.views[0]
    parts = [verdict(answer) + "\n"]
    if answer.runs is not None:
        parts = [runs_verdict(answer.runs) + "\n", table.to_markdown(running(answer.runs)), _RUNS_NOTE + "\n", *parts]
    parts += [table.to_markdown(leaders(one))]
    parts += [f"{s}.\n" for s in aside(one)]
    if len(answer.views) > 1:
        parts += ["By index:\n", table.to_markdown(by_index(answer))]
    listed = [{"index": v.index.name, "lead changes": changes(v, answer.ask.since)} for v in answer.views]
    parts += [_MARKS.capitalize() + ":\n", table.to_markdown(listed)]
    for title, rows in (("Outlook", outlook(one)), ("Backtest", backtest(one))):
        if rows:
            parts += [f"{title} ({_about(one, title)}):\n", table.to_markdown(rows)]
    if answer.adoption is not None:
        parts += ["Use of open models:\n", *(f"* {said}" for said in adoption(answer.adoption)), ""]
    return (
        "\n".join([*parts, *(f"* {v.index.name}: {n}" for v in answer.views for n in (*v.notes, v.index.credit))])
        + "\n"
    )


_MARKS = "lead changes (* intervals apart, ~ intervals touch, bare: no interval)"


def _about(one: View, title: str) -> str:
    """Return what must be said of an outlook or a backtest."""
    from wherewithal.frontier.frontier import BANNER

    if title == "Outlook":
        kind = one.outlook.kind if one.outlook else ""
        return f"{kind} trend by resampled months; {BANNER}"
    frozen = iso(one.backtest[0].frozen)
    return f"frozen {frozen}, scored to {iso(one.backtest[0].until)}; CRPS in points, smaller is better"


def text(answer: Frontier, face: Face) -> str:
    """Return the answer for a terminal.

    Args:
        answer: what the frontier says.
        face: how it is shown.
    """
    one = answer.views[0]
    lines: list[str] = []
    if answer.runs is not None:
        lines += _runs_text(answer.runs, face)
    lines += [face.strong(line) for line in wrapped(verdict(answer), face.width, 0, 2)]
    lines += ["", *_grid(leaders(one, 200 if face.stack else 28), face), ""]
    for said in aside(one):
        lines += wrapped(said, face.width, 2, 4)
    if len(answer.views) > 1:
        lines += ["", "By index", *_grid(by_index(answer), face)]
    lines += ["", *wrapped(_MARKS.capitalize(), face.width)]
    for view in answer.views:
        lines += wrapped(f"{view.index.name}: {changes(view, answer.ask.since)}", face.width, 2, 4)
    if answer.ask.since is not None:
        lines += _records(one, face)
    for title, rows in (("Outlook", outlook(one)), ("Backtest", backtest(one))):
        if rows:
            lines += ["", *wrapped(f"{title} ({_about(one, title)})", face.width), *_grid(rows, face)]
    for _, why in one.outlook.left_out if one.outlook else ():
        lines += wrapped(f"left out: {why}", face.width, 2, 4)
    if answer.adoption is not None:
        lines += ["", "Use of open models"]
        for said in adoption(answer.adoption):
            lines += wrapped(said, face.width, 2, 4)
    lines.append("")
    for note in one.notes:
        lines += wrapped(f"note: {note}", face.width, 2, 4)
    lines += wrapped(f"credit: {clean(one.index.credit)}", face.width, 2, 4) if one.index.credit else []
    sources = sorted({s.source.split(";")[0] for _, s in one.records})
    lines += wrapped(
        f"sources: {'; '.join(clean(s, 120) for s in sources[:3])}" + _more(len(sources) - 3), face.width, 2, 4
    )
    lines += wrapped(
        f"wherewithal {answer.version}, catalog {answer.catalog}, seed {answer.ask.seed}", face.width, 2, 4
    )
    return "\n".join(lines) + "\n"


def _more(count: int) -> str:
    return f"; and {count} more (--json)" if count > 0 else ""


def _records(one: View, face: Face) -> list[str]:
    rows = [
        {"date": iso(s.day), "group": clean(g), "model": clean(s.model), "points": points(s)}
        for g, s in sorted(one.records, key=lambda r: (r[1].day, r[0]))
    ]
    out = ["", "Records since", *_grid(rows[-_RECORDS:], face)]
    return out + ([f"  and {len(rows) - _RECORDS} before (--csv)"] if len(rows) > _RECORDS else [])


def _runs_text(ran: Runs, face: Face) -> list[str]:
    lines = [face.strong(line) for line in wrapped(runs_verdict(ran), face.width, 0, 2)]
    lines += ["", *_grid(running(ran), face)] if ran.best else []
    above = missed(ran)
    lines += ["", "Higher scores that do not run there"] if above else []
    for said in above:
        lines += wrapped(said, face.width, 2, 4)
    return [*lines, "", *wrapped(f"note: {_RUNS_NOTE}", face.width, 2, 4), ""]


_LEFT = ("group", "best", "model", "index", "leads", "over", "country", "licence", "evidence", "day", "date", "better")
# Columns that a narrow screen loses, first to last.
_DROPPED = {
    "evidence": 5,
    "licence": 4,
    "over": 3,
    "data to": 2,
    "50% band": 3,
    "points ahead": 4,
    "released": 3,
    "board": 3,
    "last median (90%)": 3,
}


def _grid(rows: Sequence[dict[str, str]], face: Face) -> list[str]:
    """Return rows as a table: words to the left, figures to the right."""
    if not rows:
        return []
    names = list(rows[0])
    columns = [Column(n, "<" if n in _LEFT else ">", _DROPPED.get(n, 0)) for n in names]
    return lay(columns, [[row[n] for n in names] for row in rows], face)
