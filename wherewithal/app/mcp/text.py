"""A short answer as a few lines of text, for a client that shows no structured content."""

from __future__ import annotations

from typing import Any

from wherewithal.app.mcp.short import PLAN_FIGURES, said
from wherewithal.app.text import number

Short = dict[str, Any]
_MOST = 6


def spoken(short: Short) -> str:
    """Return the verdict and the lines that matter next."""
    lines = [str(short["verdict"])]
    if short.get("banner"):
        lines.append(f"({short['banner']})")
    lines += short.get("against_slo", ())
    lines += _plan(short["plan"]) if short.get("plan") else []
    for limit in short.get("why_not", ()):
        lines.append(f"Limit {limit['limit']}: {limit['text']}")
        lines += [f"  would do: {f['change']}: {f['result']}" for f in limit["fix"]]
    for lever in short.get("levers", ()):
        effect = "" if lever["effect"] is None else f" {lever['effect']:+.0%} tokens/s"
        lines.append(f"Lever: {lever['change']}:{effect} {lever.get('text', '')}".rstrip())
    lines += [f"{r['name']}: best {r['winner']}" for r in short.get("measures", ())[:_MOST] if r["winner"]]
    lines += [v["says"] for v in short.get("indices", ())[1:_MOST]]
    lines += [_year(r) for r in short.get("rows", ())]
    lines += [f"{r['name']}: {r['share']:.0%} of the spread ({r['status']})" for r in short.get("drivers", ())]
    lines += [f"{c['id']} {c['verdict']}: {c['claim']}" for c in short.get("claims", ())]
    for key, label in (("runs", "Tried"), ("flips", "Flip"), ("notes", "Note"), ("weak_figures", "Weak")):
        lines += [f"{label}: {t}" for t in short.get(key, ())[:_MOST]]
    if short.get("assumptions"):
        lines.append(f"Defaults: {'; '.join(short['assumptions'])}")
    lines += [f"The same again: {short['command']}"] if short.get("command") else []
    lines += [f"Full answer: {short['resource']}"] if short.get("resource") else []
    return "\n".join(lines)


def _year(row: Short) -> str:
    figures = ", ".join(f"{k} {number(v)}" for k, v in row.items() if isinstance(v, int | float) and k != "year")
    return f"{row['variable']} {row['year']} [{row['unit']}]: {figures}"


def _plan(plan: Short) -> list[str]:
    rows = [f"{label} {text}" for name, label, unit in PLAN_FIGURES if (text := said(plan[name], unit))]
    bound = ", ".join(f"{k} by {v}" for k, v in plan["bound_by"].items())
    return ["; ".join(rows), f"Evidence: {plan['evidence']}; bound: {bound}; in brackets: 80% intervals"]
