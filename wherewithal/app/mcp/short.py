"""Answers cut short for an assistant: a sentence, the main figures, what to do next; at most about 4 KB of JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wherewithal.app.report_parts import against
from wherewithal.app.text import clean, exact, number, percent, shown
from wherewithal.plan.answer import Interval, Latency

Document = Mapping[str, Any]
Short = dict[str, Any]
MOST_BYTES = 4000
_TEXT, _LINES = 240, 6
PLAN_FIGURES = (
    ("ttft_s", "TTFT", "s"),
    ("tpot_s", "TPOT", "s"),
    ("output_tokens_per_s", "output tokens", "tok/s"),
    ("output_tokens_per_s_per_chip", "per chip", "tok/s"),
    ("power_w", "power", "w"),
    ("joules_per_output_token", "energy per output token", "J"),
    ("usd_per_million_output_tokens", "cost per million output tokens", "USD"),
)
# What a year of a fleet is asked for most.
FLEET_SHOWN = (
    "Stock|H100e|8-bit|Total",
    "Flow|Units|Domestic",
    "Flow|Units|Imported",
    "Stock|Units|Total",
    "Share|Domestic|Units|Flow|Legal",
    "Power|Facility",
    "Cost|Chips",
)


def size(document: object) -> int:
    """Return the bytes of a document as JSON."""
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def fitted(short: Short, most: int = MOST_BYTES) -> Short:
    """Return the document with the tails of its longest lists dropped until it fits, and how many rows that cost.

    Args:
        short: a document whose lists are in order of weight.
        most: bytes as JSON.
    """
    out = {k: list(v) if isinstance(v, list) else v for k, v in short.items()}
    dropped: Counter[str] = Counter()
    while size(out) > most:
        longest = max((k for k, v in out.items() if isinstance(v, list) and v), key=lambda k: size(out[k]), default="")
        if not longest:
            break
        out[longest].pop()
        dropped[longest] += 1
        out["left_out"] = dict(dropped)
    return out


def lines(texts: Sequence[object], most: int = _LINES) -> list[str]:
    """Return the first texts, without control characters and capped."""
    return [clean(t, _TEXT) for t in texts[:most]]


def rounded(value: Any) -> float | None:
    """Return a number in five digits, a whole one as it is; None where there is none."""
    if isinstance(value, int):
        return value
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")


def interval(figure: Mapping[str, Any] | None) -> Short | None:
    """Return value, low and high of a figure in five digits."""
    if not figure or rounded(figure.get("value")) is None:
        return None
    out: Short = {k: rounded(figure.get(k)) for k in ("value", "low", "high")}
    return out | ({"statistic": figure["statistic"]} if figure.get("statistic") else {})


def said(figure: Mapping[str, Any] | None, unit: str) -> str:
    """Return `43 ms (35 to 60)`; empty where the figure is not known."""
    one = interval(figure)
    if one is None:
        return ""
    if one["low"] is None or one["high"] is None:
        return shown(one["value"], unit).value
    text = shown(Interval(one["value"], one["low"], one["high"]), unit)
    return f"{text.value} {text.band}".strip()


def subject(doc: Document) -> str:
    """Return model, system and chips: `MODEL on SYSTEM:CHIPS`."""
    name, chips = clean(doc["system"].get("name", "")), doc["system"].get("chips")
    return f"{clean(doc['model'].get('name', ''))} on {name}" + (f":{chips:.0f}" if chips and "=" not in name else "")


def served(doc: Document, verb: str) -> Short:
    """Return the short answer of `plan` and `predict`."""
    best = doc["best"]
    fits = bool(best and best["feasible"])
    nearest = best or doc["closest"]
    return {
        "verdict": served_verdict(doc, verb),
        "feasible": fits,
        "against_slo": against_slo(doc["slo"], nearest) if nearest else [],
        "plan": one_plan(nearest) if nearest else None,
        "why_not": [
            {"limit": clean(w["limit"]), "text": clean(w["text"], _TEXT), "fix": [change(f) for f in w["fix"][:3]]}
            for w in doc["why_not"][:3]
        ],
        "levers": [lever(v) for v in doc["levers"][:4]],
        "assumptions": [f"{clean(a['name'])} {clean(a['value'])}" for a in doc["assumptions"] if a["default"]],
        "notes": lines(doc["notes"]),
        "weak_figures": lines(distinct(doc["weak_figures"]), 4),
        **stamp(doc),
    }


def served_verdict(doc: Document, verb: str) -> str:
    """Return the first line: fits or not, and the main figures."""
    best, about = doc["best"], subject(doc)
    if best is None or not (best["feasible"] or verb == "predict"):
        why = clean(doc["why_not"][0]["text"]).rstrip(".") if doc["why_not"] else "no layout carries this"
        return f"Not feasible: {about}: {why}."
    limits = [f"{k.upper()} {exact(v['limit_s'], 's')}" for k, v in doc["slo"].items() if v and v.get("limit_s")]
    start = ("Predicted" if verb == "predict" else "Fits") if best["feasible"] else "Misses the SLO"
    figures = [f"TPOT {said(best['tpot_s'], 's')}", f"TTFT {said(best['ttft_s'], 's')}"]
    asked = f" (SLO {', '.join(limits)})" if limits else ""
    rate = said(best["output_tokens_per_s"], "tok/s")
    return f"{start}: {about}, {best['serving']}: {', '.join([rate, *(f for f in figures if f[5:])])}{asked}."


def against_slo(slo: Document, plan: Document) -> list[str]:
    """Return how each latency stands to its limit, the doubt said where the 80% interval crosses it."""
    out = []
    for name, limit in slo.items():
        figure = plan.get(f"{name}_s")
        if limit and figure and limit.get("limit_s"):
            latency = Latency(figure["value"], figure["low"], figure["high"], figure["statistic"])
            out.append(f"{name.upper()} {', '.join(against(latency, limit['limit_s']))}")
    return out


def distinct(weak: Sequence[str]) -> list[str]:
    """Return weak figures once each: the same figure of a chip and of the system that holds it is one."""
    return list({w.partition(" ")[2] or w: w for w in reversed(weak)}.values())[::-1]


def one_plan(plan: Document) -> Short:
    """Return one deployment: pools, figures with their 80% intervals, what binds, the evidence."""
    layout = ("tensor", "pipeline", "expert", "expert_tensor", "data", "context")
    pools = [
        {
            "role": p["role"],
            "chips": p["chips"],
            "replicas": p["replicas"],
            "layout": {k: p["layout"][k] for k in layout if p["layout"].get(k, 1) != 1},
            "batch_per_replica": p["batch_per_replica"],
            "precision": p["precision"],
        }
        for p in plan["pools"]
    ]
    return {
        "serving": plan["serving"],
        "chips": plan["chips"],
        "concurrency": rounded(plan["concurrency"]),
        "pools": pools,
        **{name: interval(plan[name]) for name, _, _ in PLAN_FIGURES},
        "usd_per_hour": rounded(plan["usd_per_hour"]),
        "price_basis": clean(plan["price_basis"], _TEXT),
        "bound_by": plan["bound_by"],
        "evidence": plan["evidence"],
    }


def change(fix: Document) -> Short:
    """Return one change that would mend a limit."""
    return {k: clean(fix[k], _TEXT) for k in ("change", "result", "command")}


def lever(one: Document) -> Short:
    """Return one lever: the change, its effect on tokens/s as a ratio, the words, the command."""
    words = {k: clean(one[k], _TEXT) for k in ("change", "text", "command") if one[k]}
    return {**words, "effect": rounded(one["effect"])}


def stamp(doc: Document) -> Short:
    """Return the command line that gives the same answer, and what made it."""
    names = ("command", "version", "catalog")
    return {k: clean(doc[k], 2000) for k in names if doc.get(k)}


def compared(doc: Document, _verb: str = "") -> Short:
    """Return the short answer of `compare`: every measure of every system, what flips the order."""
    systems = [clean(s) for s in doc["systems"]]
    rows = [
        {
            "name": r["name"],
            "unit": r["unit"],
            "better": r["better"],
            "values": [interval(v) for v in r["values"]],
            "winner": None if r["winner"] is None else systems[r["winner"]],
        }
        for r in doc["rows"]
    ]
    led = [r for r in rows if r["winner"]]
    able = [s for s, a in zip(systems, doc["answers"], strict=True) if a["best"] is not None]
    model = clean(doc["answers"][0]["model"].get("name", "")) if doc["answers"] else ""
    score = Counter(r["winner"] for r in led)
    verdict = f"Not feasible: {model} meets the question on none of {', '.join(systems)}."
    if able:
        wins = ", ".join(f"{name} leads in {n} of {len(led)} measures" for name, n in score.most_common())
        verdict = f"{model}: {len(able)} of {len(systems)} systems have an answer" + (f"; {wins}." if wins else ".")
    evidence = {s: a["best"]["evidence"] if a["best"] else "none" for s, a in zip(systems, doc["answers"], strict=True)}
    return {
        "verdict": verdict,
        "systems": systems,
        "measures": rows,
        "evidence": evidence,
        "flips": lines([f["text"] for f in doc["flips"]], 3),
        "assumptions": [f"{clean(a['name'])} {clean(a['value'])}" for a in doc["assumptions"] if a["default"]],
        "notes": lines(doc["notes"]),
        **stamp(doc),
    }


def fleet(doc: Document, _verb: str = "") -> Short:
    """Return the short answer of `fleet`: the last years of the variables asked for most, or the drivers."""
    about = f"{clean(doc['title'])} ({clean(doc['scenario'])})"
    about += f" minus {clean(doc['against'])}" if doc.get("against") else ""
    rows = doc["rows"]
    if "interaction" in doc:
        best = [{k: clean(r[k]) if isinstance(r[k], str) else rounded(r[k]) for k in r} for r in rows[:8]]
        what = f"{clean(rows[0]['variable'])} in {rows[0]['year']}" if rows else "this"
        names = ", ".join(f"{clean(r['name'])} {percent(r['share'])}" for r in rows[:2])
        verdict = f"{about}: the spread of {what} comes most from {names}."
        return {"verdict": verdict, "banner": doc["banner"], "drivers": best}
    last = max((str(r["year"]) for r in rows), default="")
    keep = [r for name in FLEET_SHOWN for r in rows if r["variable"] == name and str(r["year"]) == last]
    chosen = [_fleet_row(r) for r in keep or rows[:10]]
    first = chosen[0] if chosen else {}
    band = " to ".join(number(first[k]) for k in ("p5", "p95") if first.get(k) is not None)
    middle = f"{number(first['median'])} {first['unit']}" if first.get("median") is not None else ""
    verdict = f"{about}: {first.get('variable', '')} in {last}: {middle}" + (f" (90%: {band})." if band else ".")
    return {
        "verdict": verdict,
        "banner": doc["banner"],
        "rows": chosen,
        "left_out_products": lines(doc["left_out"], 3),
        "variables": sorted({clean(r["variable"]) for r in rows}),
    }


def _fleet_row(row: Document) -> Short:
    names = (
        "variable",
        "unit",
        "year",
        *(k for k in row if k not in ("model", "scenario", "region", "variable", "unit", "year")),
    )
    return {k: clean(row[k]) if isinstance(row[k], str) else rounded(row[k]) for k in names}


def frontier(doc: Document, _verb: str = "") -> Short:
    """Return the short answer of `frontier`: who leads whom on each index, and the best models."""
    views = [_view(v, "open models" if doc["open"] else "models") for v in doc["indices"]]
    verdict = views[0]["says"] if views else "No index answers this."
    return {"verdict": verdict, "banner": doc["banner"], "indices": views, "runs": _runs(doc), **stamp(doc)}


def _view(view: Document, kind: str) -> Short:
    lead, title = view["lead"], clean(view["title"])
    leaders = [
        {
            "group": clean(one["group"]),
            "model": clean((one["best"] or {}).get("model", "")),
            "date": (one["best"] or {}).get("date"),
            "value": rounded((one["best"] or {}).get("value")),
        }
        for one in view["leaders"][:3]
    ]
    if lead is None:
        return {
            "index": view["index"],
            "says": f"{leaders[0]['group']} is first in {kind} on {title}." if leaders else title,
            "leaders": leaders,
        }
    months, points = interval(lead["months"]), interval(lead["points"])
    by = _band(months, "months") or _band(points, "points")
    says = f"{clean(lead['a'])} leads {clean(lead['b'])} in {kind} by {by} on {title} ({clean(view['data_date'])})."
    return {"index": view["index"], "says": says, "months": months, "points": points, "leaders": leaders}


def _band(figure: Short | None, unit: str) -> str:
    if figure is None:
        return ""
    ends = f" ({figure['low']:.3g} to {figure['high']:.3g})" if None not in (figure["low"], figure["high"]) else ""
    return f"{figure['value']:.3g} {unit}{ends}"


def _runs(doc: Document) -> list[str]:
    """Return what was planned on the system, best score first: it runs, or why not."""
    tried = (doc.get("runs") or {}).get("tried", [])
    return lines([_tried(one, doc["runs"]["on"]) for one in tried])


def _tried(one: Document, on: str) -> str:
    model = one["model"]
    score = f"{model['name']} ({number(model['value'])} points, {model['license']})"
    if not one["runs"]:
        return f"{score} does not run on {on}: {one['why']}"
    return f"{score} runs on {on}: {number(one['output_tokens_per_s'])} tok/s, evidence {one['evidence']}"


def claims(doc: Document, _verb: str = "") -> Short:
    """Return the short answer of `claims`: the verdict of each, with our figure."""
    tally = Counter(clean(c["verdict"]) for c in doc["claims"])
    count = ", ".join(f"{verdict}: {n}" for verdict, n in tally.most_common())
    rows = [
        {
            "id": c["id"],
            "claim": clean(c["claim"], 110),
            "verdict": clean(c["verdict"]),
            "figure": interval(c["figure"]),
            "unit": clean((c["figure"] or {}).get("unit", "")),
        }
        for c in doc["claims"]
    ]
    return {"verdict": f"{clean(doc['title'])} ({count}).", "published": doc["published"], "claims": rows}


SHORT: dict[str, Callable[[Document, str], Short]] = {
    "plan": served,
    "predict": served,
    "compare": compared,
    "fleet": fleet,
    "frontier": frontier,
    "claims": claims,
}
