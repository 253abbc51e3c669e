"""The chart of claims: our figures with their intervals as a ratio to what was printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wherewithal.app.charts.parts import BELOW, RATIO, Row, Spec, chart, ends, finite, layer, number_axis, tips
from wherewithal.app.words import say, translated
from wherewithal.app.text import number

# A ratio further off than this would flatten all others; it is drawn at the edge and said in its tooltip.
_FAR = 100.0
VERDICTS = ("holds", "holds on one basis", "not supported", "contradicted", "cannot be checked")


def charts(document: Mapping[str, Any], lang: str) -> dict[str, Spec | None]:
    """Return the chart of a list of claims; None where no figure can be held against a printed one."""
    return {"figures": figures(document, lang)}


def figures(document: Mapping[str, Any], lang: str) -> Spec | None:
    """Return a point for each figure that a claim printed a number for: 1 is what was printed."""
    rows = [row for claim in document["claims"] for row in _rows(claim, lang)]
    if not rows:
        return None
    title = say("our figure over the printed one", lang)
    y = {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 260}}
    tip = tips(
        ("name", say("figure", lang), ""),
        ("basis", say("basis", lang), ""),
        ("ours", say("ours", lang), ",.4~g"),
        ("low", say("low end of 90%", lang), ",.4~g"),
        ("high", say("high end of 90%", lang), ",.4~g"),
        ("printed", say("printed", lang), ",.4~g"),
        ("unit", say("unit", lang), ""),
        ("verdict", say("verdict", lang), ""),
    )
    verdict = {"field": "verdict", "type": "nominal", "title": say("verdict", lang), "legend": BELOW}
    verdict["scale"] = {"domain": [translated(v, lang) for v in VERDICTS]}
    band = {
        "x": number_axis("ratio_low", title, log=True, axis=RATIO),
        "x2": {"field": "ratio_high"},
        "y": y,
        "color": verdict,
    }
    mark = {
        "x": number_axis("ratio", title, log=True, axis=RATIO),
        "y": y,
        "color": verdict,
        "shape": verdict,
        "tooltip": tip,
    }
    layers = [
        layer(
            [{"ratio": 1}],
            {"type": "rule", "strokeDash": [5, 4]},
            {"x": number_axis("ratio", title, log=True, axis=RATIO)},
        ),
        layer(rows, {"type": "rule", "strokeWidth": 4, "opacity": 0.35, "tooltip": False}, band),
        layer(rows, {"type": "point", "filled": True, "size": 70, "opacity": 1}, mark),
    ]
    near = sum(r["ratio_low"] <= 1 <= r["ratio_high"] for r in rows)
    return chart(
        say("Our figures against those printed: {title}", lang, title=document["title"]),
        say(
            "{count} figures as a ratio to what the claim printed, with 90% intervals; {near} intervals hold 1. "
            "First: {name} is {ours} against {printed}.",
            lang,
            count=len(rows),
            near=near,
            name=rows[0]["name"],
            ours=number(rows[0]["ours"]),
            printed=number(rows[0]["printed"]),
        ),
        {"layer": layers},
        height=24 * len(rows) + 10,
    )


def _rows(claim: Mapping[str, Any], lang: str) -> list[Row]:
    out: list[Row] = []
    for f in claim["figures"]:
        printed, ours = f.get("printed"), ends(f)
        if ours is None or not finite(printed) or printed <= 0 or ours[0] <= 0:
            continue
        ratios = [min(max(v / printed, 1 / _FAR), _FAR) for v in ours]
        name = f"{claim['id']} {f['label']}" + (f", {f['basis']}" if f["basis"] else "")
        row = {"name": name, "basis": f["basis"], "unit": f["unit"]}
        row |= {"ours": ours[0], "low": ours[1], "high": ours[2], "printed": printed}
        row |= {"ratio": ratios[0], "ratio_low": ratios[1], "ratio_high": ratios[2]}
        out.append({**row, "verdict": translated(claim["verdict"], lang)})
    return out
