"""Charts of who leads: records over time by group, and the gap in months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wherewithal.app.charts.compare import DASHES
from wherewithal.app.charts.parts import BELOW, Row, Spec, chart, ends, finite, layer, number_axis, tips
from wherewithal.app.words import say
from wherewithal.app.text import number

# Groups that are drawn: more lines than these nobody can tell apart.
_MOST = 6


def charts(document: Mapping[str, Any], lang: str) -> dict[str, Spec | None]:
    """Return the charts of the first index; None for one with nothing to show."""
    if not document["indices"]:
        return {}
    one = document["indices"][0]
    return {"records": records(one, lang), "lead": lead(one, lang)}


def _time(field: str, lang: str) -> Spec:
    # Days are days everywhere: without "utc" a viewer west of Greenwich would see the day before.
    scale = {"type": "utc"}
    return {"field": field, "type": "temporal", "title": say("release", lang), "scale": scale, "axis": {"format": "%Y-%m", "labelOverlap": True, "tickCount": 6}}  # fmt: skip


def _groups(one: Mapping[str, Any]) -> list[str]:
    """Return the groups that are drawn, leaders first."""
    ahead = [g["group"] for g in one["leaders"]]
    return list(dict.fromkeys([*ahead, *(r["group"] for r in one["records"])]))[:_MOST]


def records(one: Mapping[str, Any], lang: str) -> Spec | None:
    """Return a step line of records for each group, with intervals and the outlook where there is one."""
    groups = _groups(one)
    found = [r for r in one["records"] if r["group"] in groups and finite(r["value"])]
    if not found:
        return None
    rows = [{k: r.get(k) for k in ("group", "date", "model", "maker", "value", "low", "high")} for r in found]
    colour = {
        "field": "group",
        "type": "nominal",
        "title": say("group", lang),
        "scale": {"domain": groups},
        "legend": BELOW,
    }
    dash = {**colour, "scale": {"domain": groups, "range": [[*DASHES[i]] for i in range(len(groups))]}}
    x, y = _time("date", lang), number_axis("value", one["title"], scale={"zero": False})
    lines: list[Row] = [{"group": r["group"], "date": r["date"], "value": r["value"]} for r in found]
    for g in groups:
        own = [r for r in found if r["group"] == g]
        if own and one["data_date"] > own[-1]["date"]:
            lines.append({"group": g, "date": one["data_date"], "value": own[-1]["value"]})
    bars = [r for r in rows if finite(r["low"], r["high"])]
    tip = tips(
        ("model", say("model", lang), ""),
        ("maker", say("maker", lang), ""),
        ("date", say("release", lang), ""),
        ("value", say("score", lang), ",.5~g"),
    )
    layers = [*_outlook(one, groups, colour, x, y)]
    if one["vintage"][:2].isdigit():  # boards have no common vintage: each is a scale of its own, never joined
        step = {"type": "line", "interpolate": "step-after", "tooltip": False}
        layers.append(layer(lines, step, {"x": x, "y": y, "color": colour, "strokeDash": dash}))
    if bars:
        tall = {"x": x, "y": number_axis("low", one["title"], scale={"zero": False}), "y2": {"field": "high"}}
        layers.append(layer(bars, {"type": "rule", "opacity": 0.4, "tooltip": False}, {**tall, "color": colour}))
    mark = {"x": x, "y": y, "color": colour, "shape": colour, "tooltip": tip}
    layers.append(layer(rows, {"type": "point", "filled": True, "size": 45, "opacity": 1}, mark))
    best = max(found, key=lambda r: float(r["value"]))
    return chart(
        say("Records of {title}", lang, title=one["title"]),
        say(
            "Each group's record by release; highest is {model} ({group}, {date}) with {value}. {credit}",
            lang,
            model=best["model"],
            group=best["group"],
            date=best["date"],
            value=number(best["value"], 4),
            credit=one["credit"],
        ),
        {"layer": layers},
        height=340,
    )


def _outlook(one: Mapping[str, Any], groups: Sequence[str], colour: Spec, x: Spec, y: Spec) -> list[Spec]:
    """Return the outlook of each group: a shaded band and its median."""
    fans = (one.get("outlook") or {}).get("fans", ())
    rows = [
        {
            "group": f["group"],
            "date": f["day"],
            "low": f["quantiles"][0],
            "value": f["quantiles"][len(f["quantiles"]) // 2],
            "high": f["quantiles"][-1],
        }
        for f in fans
        if f["group"] in groups and finite(*f["quantiles"])
    ]
    if not rows:
        return []
    band = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}
    return [
        layer(rows, {"type": "area", "opacity": 0.15, "tooltip": False}, band),
        layer(rows, {"type": "line", "strokeDash": [2, 4], "tooltip": False}, {"x": x, "y": y, "color": colour}),
    ]


def lead(one: Mapping[str, Any], lang: str) -> Spec | None:
    """Return the gap between the two leaders in months, by day, with its interval; None where it is not known."""
    rows: list[Row] = []
    for p in one["history"]:
        gap = ends(p["months"] or {})
        if gap is not None:
            rows.append({"day": p["day"], "months": gap[0], "low": gap[1], "high": gap[2]})
    if not rows or not one["lead"]:
        return None
    a, b = one["lead"]["a"], one["lead"]["b"]
    title = say("lead of {a} over {b}, months", lang, a=a, b=b)
    x = {**_time("day", lang), "title": say("day", lang)}
    tip = tips(
        ("day", say("day", lang), ""),
        ("months", say("months", lang), ",.2~f"),
        ("low", say("low end", lang), ",.2~f"),
        ("high", say("high end", lang), ",.2~f"),
    )
    middle = {"x": x, "y": number_axis("months", title)}
    layers = [
        layer([{"months": 0}], {"type": "rule"}, {"y": number_axis("months", title)}),
        layer(
            rows,
            {"type": "area", "opacity": 0.2, "tooltip": False},
            {"x": x, "y": number_axis("low", title), "y2": {"field": "high"}},
        ),
        layer(rows, {"type": "line", "tooltip": False}, middle),
        layer(rows, {"type": "point", "filled": True, "size": 25, "opacity": 1}, {**middle, "tooltip": tip}),
    ]
    last = rows[-1]
    return chart(
        say("Lead of {a} over {b} by {title}", lang, a=a, b=b, title=one["title"]),
        say(
            "{a} leads {b} by {months} months on {day} ({low} to {high}).",
            lang,
            a=a,
            b=b,
            day=last["day"],
            months=number(last["months"], 2),
            low=number(last["low"], 2),
            high=number(last["high"], 2),
        ),
        {"layer": layers},
        height=240,
    )
