"""Tokens/s per user against tokens/s per chip: the frontier, its 80% bands, the region of the service levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wherewithal.app.charts import layouts
from wherewithal.app.charts.parts import BELOW, Row, Spec, chart, ends, finite, layer, number_axis, tips
from wherewithal.app.words import say
from wherewithal.app.text import number

# Modes in a fixed order, so that a mode keeps its colour and shape whatever else is on the chart.
MODES = ("colocated", "disaggregated", "afd")
SHAPES = ("circle", "square", "triangle-up")
# Shown while `at` is unset: what was clicked or is best. The page walks the points by setting `at` to an index.
_HERE = {"or": [{"and": ["at == null", {"param": "chosen", "empty": False}]}, "at != null && datum.index == at"]}


def points(plans: Sequence[Mapping[str, Any]], best: Mapping[str, Any] | None, lang: str, **more: Any) -> list[Row]:
    """Return a row for each plan, slowest for a user first."""
    out: list[Row] = []
    for p in sorted(plans, key=lambda p: float(p["tokens_per_s_per_user"])):
        user, chip = p["tokens_per_s_per_user"], ends(p["output_tokens_per_s_per_chip"])
        if chip is None or not finite(user) or user <= 0 or chip[0] <= 0:
            continue
        low, high = _user_band(p)
        row = {"index": len(out), "user": user, "user_low": low, "user_high": high}
        row |= {"chip": chip[0], "chip_low": max(chip[1], chip[0] / 1e3), "chip_high": chip[2]}
        row |= {"mode": say(p["serving"], lang), "layout": layouts.short(p), "concurrency": p["concurrency"]}
        row |= {"ttft_s": p["ttft_s"]["value"], "tpot_s": p["tpot_s"]["value"], "chips": p["chips"]}
        out.append({**row, "meets": bool(p.get("feasible", True)), "best": layouts.same(p, best), **more})
    return out


def _user_band(p: Mapping[str, Any]) -> tuple[float, float]:
    """Return the 80% interval of tokens/s per user, from that of TPOT about the plan's own speed."""
    speed, tpot = float(p["tokens_per_s_per_user"]), ends(p["tpot_s"])
    if tpot is None or min(tpot) <= 0:
        return speed, speed
    return speed * tpot[0] / tpot[2], speed * tpot[0] / tpot[1]


def axes(lang: str) -> Spec:
    """Return the two axes."""
    return {
        "x": number_axis("user", say("output tokens/s per user", lang), log=True),
        "y": number_axis("chip", say("output tokens/s per chip", lang), log=True),
    }


def figures(lang: str) -> list[Spec]:
    """Return what a point says when it is pointed at."""
    return tips(
        ("layout", say("layout", lang), ""),
        ("mode", say("serving", lang), ""),
        ("user", say("output tokens/s per user", lang), ",.3~g"),
        ("chip", say("output tokens/s per chip", lang), ",.3~g"),
        ("chip_low", say("low end of 80%", lang), ",.3~g"),
        ("chip_high", say("high end of 80%", lang), ",.3~g"),
        ("ttft_s", say("time to first token, s", lang), ",.3~g"),
        ("tpot_s", say("time per output token, s", lang), ",.3~g"),
        ("concurrency", say("requests in flight", lang), ",.3~g"),
    )


def modes(lang: str) -> Spec:
    """Return colour and shape by serving mode, in one legend."""
    names, title = [say(m, lang) for m in MODES], say("serving", lang)
    return {
        "color": {"field": "mode", "type": "nominal", "title": title, "scale": {"domain": names}, "legend": BELOW},
        "shape": {
            "field": "mode",
            "type": "nominal",
            "title": title,
            "scale": {"domain": names, "range": [*SHAPES]},
            "legend": BELOW,
        },
    }


def region(slo: Mapping[str, Any], rows: Sequence[Row], lang: str) -> list[Spec]:
    """Return the shaded part in which TPOT meets its limit, with its edge and what it says."""
    limit = slo.get("tpot", {}).get("limit_s")
    if not finite(limit) or limit <= 0 or not rows or max(r["user_high"] for r in rows) <= 1 / limit:
        return []
    at = [{"user": 1 / limit, "says": say("TPOT {limit} ms or better", lang, limit=number(limit * 1e3))}]
    x = axes(lang)["x"]
    return [
        layer(at, {"type": "rect", "opacity": 0.1}, {"x": x, "x2": {"value": "width"}}),
        layer(at, {"type": "rule", "strokeDash": [5, 4]}, {"x": x}),
        layer(
            at,
            {"type": "text", "align": "left", "dx": 6, "dy": 8, "baseline": "top"},
            {"x": x, "y": {"value": 0}, "text": {"field": "says", "type": "nominal"}},
        ),
    ]


def tradeoff(document: Mapping[str, Any], lang: str) -> Spec | None:
    """Return the chart of one answer, or None where nothing runs."""
    rows = points(document["frontier"], document["best"], lang)
    if not rows:
        return None
    both, chosen = axes(lang), next((r for r in rows if r["best"]), None)
    wide = {"x": number_axis("user_low", both["x"]["title"], log=True), "x2": {"field": "user_high"}, "y": both["y"]}
    tall = {"x": both["x"], "y": number_axis("chip_low", both["y"]["title"], log=True), "y2": {"field": "chip_high"}}
    marks = {**both, **modes(lang), "tooltip": figures(lang)}
    clicked: Spec = {"name": "chosen", "select": {"type": "point", "fields": ["index"], "nearest": False}}
    layers = [
        *region(document["slo"], rows, lang),
        layer(rows, {"type": "area", "opacity": 0.15, "tooltip": False}, tall),
        layer(rows, {"type": "line", "tooltip": False}, both),
        layer(rows, {"type": "rule", "opacity": 0.35, "tooltip": False}, tall),
        layer(rows, {"type": "rule", "opacity": 0.35, "tooltip": False}, wide),
        layer(
            rows,
            {"type": "point", "filled": False, "size": 70, "strokeWidth": 1.5},
            marks,
            name="points",
            params=[{**clicked, **({"value": [{"index": chosen["index"]}]} if chosen else {})}],
        ),
        layer(
            rows,
            {"type": "point", "filled": True, "size": 60, "opacity": 1},
            marks,
            transform=[{"filter": "datum.meets"}],
        ),
        layer(
            rows,
            {"type": "point", "shape": "diamond", "filled": False, "size": 360, "strokeWidth": 2.5},
            {**both, "tooltip": figures(lang)},
            transform=[{"filter": _HERE}],
            name="chosen_point",
        ),
    ]
    return chart(
        say("Trade-off of {model} on {chips} chips of {system}", lang, **_names(document)),
        _said(rows, chosen, lang),
        {"params": [{"name": "at", "value": None}], "layer": layers},
        height=360,
    )


def _names(document: Mapping[str, Any]) -> dict[str, Any]:
    system = document["system"]
    return {"model": document["model"]["name"], "chips": system["chips"], "system": system["name"]}


def _said(rows: Sequence[Row], chosen: Row | None, lang: str) -> str:
    """Return what the chart shows: where the frontier runs, and the plan that is chosen."""
    first, last = rows[0], rows[-1]
    text = say(
        "{count} plans that nothing beats, from {user} tokens/s per user at {chip} per chip to {user2} at {chip2}; "
        "filled points meet the service levels, bands are 80% intervals.",
        lang,
        count=len(rows),
        user=number(first["user"]),
        chip=number(first["chip"]),
        user2=number(last["user"]),
        chip2=number(last["chip"]),
    )
    if chosen is None or len(rows) == 1:
        return text if chosen is None else _only(chosen, lang)
    return text + " " + say(
        "Chosen: {layout} with {user} tokens/s per user and {chip} per chip ({low} to {high}).",
        lang,
        layout=chosen["layout"],
        user=number(chosen["user"]),
        chip=number(chosen["chip"]),
        low=number(chosen["chip_low"]),
        high=number(chosen["chip_high"]),
    )  # fmt: skip


def _only(row: Row, lang: str) -> str:
    return say(
        "One layout, {layout}: {user} tokens/s per user and {chip} per chip, with 80% intervals.",
        lang,
        layout=row["layout"],
        user=number(row["user"]),
        chip=number(row["chip"]),
    )
