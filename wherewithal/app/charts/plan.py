"""Charts of one plan: memory, where a step goes, what would change it, how the search narrowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wherewithal.app.charts.parts import BELOW, Row, Spec, chart, finite, layer, number_axis, tips, values
from wherewithal.app.charts.tradeoff import tradeoff
from wherewithal.app.words import say, translated
from wherewithal.app.text import number, percent

PARTS = ("weights", "kv", "activations", "reserved")
HELD = {"kv": "KV cache"}
STAGES = ("considered", "legal", "fit", "feasible")
# Operators with less than this share of a step are drawn as one.
_LEAST = 0.01


def charts(document: Mapping[str, Any], lang: str) -> dict[str, Spec | None]:
    """Return the charts of an answer to plan or predict; None for one with nothing to show."""
    best = document["best"] or document.get("closest")
    return {
        "tradeoff": tradeoff(document, lang),
        "memory": memory(best, lang) if best else None,
        "step": step(best, lang) if best else None,
        "levers": levers(document, lang),
        "funnel": funnel(document, lang),
    }


def memory(best: Mapping[str, Any], lang: str) -> Spec:
    """Return stacked bars of a chip's memory, one a pool, with a line at its capacity."""
    rows: list[Row] = []
    tops: list[Row] = []
    for p in best["pools"]:
        held, name = p["memory_bytes_per_chip"], say(p["role"], lang)
        rows += [
            {"pool": name, "part": say(HELD.get(part, part), lang), "order": i, "gb": held[part] / 1e9}
            for i, part in enumerate(PARTS)
            if finite(held.get(part))
        ]
        tops.append({"pool": name, "gb": held["capacity"] / 1e9, "used": sum(held[k] for k in PARTS) / 1e9})
    y = {"field": "pool", "type": "nominal", "title": say("pool", lang), "sort": None}
    x = number_axis("gb", say("GB per chip", lang), stack="zero")
    bars = {
        "x": x,
        "y": y,
        "color": {
            "field": "part",
            "type": "nominal",
            "title": say("memory", lang),
            "legend": BELOW,
            "scale": {"domain": [say(HELD.get(p, p), lang) for p in PARTS]},
        },
        "order": {"field": "order", "type": "quantitative"},
        "tooltip": tips(("pool", say("pool", lang), ""), ("part", say("memory", lang), ""), ("gb", "GB", ",.3~g")),
    }
    line = {
        "x": number_axis("gb", say("GB per chip", lang)),
        "y": y,
        "tooltip": tips(("gb", say("capacity, GB", lang), ",.3~g")),
    }
    said = "; ".join(
        say("{pool}: {used} of {all} GB", lang, pool=t["pool"], used=number(t["used"]), all=number(t["gb"]))
        for t in tops
    )
    return chart(
        say("Memory of a chip", lang),
        say("What fills the memory of a chip of each pool, with its capacity as a line: {said}.", lang, said=said),
        {"layer": [layer(rows, "bar", bars), layer(tops, {"type": "tick", "thickness": 3}, line)]},
        height=60 * len(tops),
    )


def step(best: Mapping[str, Any], lang: str) -> Spec | None:
    """Return the operators' shares of a step of each pool, which add up to 100%; None without an explanation."""
    rows: list[Row] = []
    for p in best["pools"]:
        found = [o for o in p.get("operators", ()) if finite(o["seconds"]) and o["seconds"] > 0]
        total = sum(o["seconds"] for o in found)
        small = [o for o in found if o["seconds"] < _LEAST * total]
        rows += [_operator(p, o, total, lang) for o in found if o["seconds"] >= _LEAST * total]
        if small:
            rest = {"name": say("{count} smaller", lang, count=len(small)), "seconds": sum(o["seconds"] for o in small)}
            rows.append(_operator(p, rest, total, lang))
    if not rows:
        return None
    rows.sort(key=lambda r: -r["share"])
    top = rows[0]
    encoding = {
        "x": number_axis("share", say("share of a step", lang), axis={"format": "%", "tickCount": 6}),
        "y": {
            "field": "operator",
            "type": "nominal",
            "title": None,
            "sort": {"field": "share", "op": "max", "order": "descending"},
        },
        "color": {"field": "bound", "type": "nominal", "title": say("bound by", lang), "legend": BELOW},
        "tooltip": tips(
            ("operator", say("operator", lang), ""),
            ("bound", say("bound by", lang), ""),
            ("ms", say("ms a step", lang), ",.3~g"),
            ("share", say("share of a step", lang), ".1%"),
            ("evidence", say("evidence", lang), ""),
        ),
    }
    if len({r["pool"] for r in rows}) > 1:
        encoding["row"] = {"field": "pool", "type": "nominal", "title": None}
    tall = 18 * max(sum(r["pool"] == one for r in rows) for one in {r["pool"] for r in rows})
    spec = chart(
        say("Where a step goes", lang),
        say(
            "Operators by their share of a step, which add up to 100%; the largest is {operator} with {share}, bound by {bound}.",
            lang,
            operator=top["operator"],
            share=percent(top["share"]),
            bound=top["bound"],
        ),
        {"data": values(rows), "mark": "bar", "encoding": encoding},
        height=max(tall, 60),
    )
    if "row" in encoding:
        # A row of charts has no "container": a fixed width that a phone shows too.
        spec |= {"width": 300, "autosize": "pad", "resolve": {"scale": {"y": "independent"}}}
    return spec


def _operator(pool: Mapping[str, Any], o: Mapping[str, Any], total: float, lang: str) -> Row:
    return {
        "pool": say(pool["role"], lang),
        "operator": o["name"],
        "bound": say(o.get("bound", "several"), lang),
        "evidence": say(o.get("evidence", "several"), lang),
        "ms": o["seconds"] * 1e3,
        "share": o["seconds"] / total,
    }


def levers(document: Mapping[str, Any], lang: str) -> Spec | None:
    """Return what would change the answer as bars left and right of none, largest first."""
    found = [v for v in document.get("levers", ()) if finite(v["effect"])]
    ways = [say("more", lang), say("less", lang)]
    rows = [
        {
            "change": translated(v["change"], lang),
            "effect": v["effect"],
            "way": ways[v["effect"] < 0],
            "command": v["command"],
        }
        for v in sorted(found, key=lambda v: -abs(v["effect"]))
    ]
    if not rows:
        return None
    top = rows[0]
    encoding = {
        "x": number_axis(
            "effect", say("change of output tokens/s per chip", lang), axis={"format": "+%", "tickCount": 6}
        ),
        "y": {"field": "change", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 220}},
        "color": {"field": "way", "type": "nominal", "title": None, "scale": {"domain": ways}, "legend": BELOW},
        "tooltip": tips(
            ("change", say("change", lang), ""), ("effect", say("effect", lang), "+.0%"), ("command", say("command", lang), "")
        ),
    }  # fmt: skip
    return chart(
        say("What would change it", lang),
        say(
            "What each change would do to tokens/s per chip; the largest is {change} with {effect}.",
            lang,
            change=top["change"],
            effect=percent(top["effect"], signed=True),
        ),
        {"data": values(rows), "mark": "bar", "encoding": encoding},
        height=34 * len(rows) + 20,
    )


def funnel(document: Mapping[str, Any], lang: str) -> Spec | None:
    """Return how many layouts were considered, legal, fit and meet the service levels."""
    counts = [document.get(k) for k in STAGES]
    if not finite(*counts) or not counts[0]:
        return None
    names = ("considered", "legal", "fit in memory", "meet the service levels")
    rows = [{"stage": say(n, lang), "count": c} for n, c in zip(names, counts, strict=True)]
    encoding = {
        "x": number_axis("count", say("layouts and loads", lang), scale={"type": "symlog"}),
        "y": {"field": "stage", "type": "nominal", "title": None, "sort": None},
        "tooltip": tips(("stage", say("stage", lang), ""), ("count", say("layouts and loads", lang), ",")),
    }
    label = {"type": "text", "align": "left", "dx": 4, "clip": False}
    text = {**encoding, "text": {"field": "count", "type": "quantitative", "format": ","}}
    return chart(
        say("Why not the others", lang),
        say(
            "Of {considered} layouts and loads {legal} are legal, {fit} fit in memory and {feasible} meet the service levels.",
            lang,
            **{k: f"{c:,}" for k, c in zip(STAGES, counts, strict=True)},
        ),
        {"data": values(rows), "layer": [{"mark": "bar"}, {"mark": label, "encoding": text}], "encoding": encoding},
        height=34 * len(rows),
    )
