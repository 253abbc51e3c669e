"""Charts of a comparison: every measure as a ratio to the first system, and the frontiers over one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wherewithal.app.charts.parts import BELOW, RATIO, Row, Spec, chart, ends, layer, number_axis, tips
from wherewithal.app.charts.tradeoff import axes, figures, modes, points
from wherewithal.app.words import say, translated
from wherewithal.app.text import number

# Solid, dashed, dotted and on: a system is told by its line as well as by its colour.
DASHES = ([1, 0], [8, 4], [2, 3], [8, 3, 2, 3], [12, 4], [4, 2], [2, 6], [12, 3, 3, 3])


def charts(document: Mapping[str, Any], lang: str) -> dict[str, Spec | None]:
    """Return the charts of a comparison; None for one with nothing to show."""
    names = _labels(document)
    return {"measures": measures(document, names, lang), "tradeoff": overlay(document, names, lang)}


def _labels(document: Mapping[str, Any]) -> list[str]:
    """Return a name for each system, none twice."""
    out: list[str] = []
    for name, answer in zip(document["systems"], document["answers"], strict=True):
        one = name if ":" in name else f"{name} ({answer['system']['chips']})"
        out.append(one if one not in out else f"{one} #{len(out) + 1}")
    return out


def measures(document: Mapping[str, Any], names: Sequence[str], lang: str) -> Spec | None:
    """Return each measure of each system as a ratio to the first, with its 80% interval."""
    rows: list[Row] = []
    for measure in document["rows"]:
        first = ends(measure["values"][0] or {})
        if first is None or first[0] <= 0:
            continue
        label = translated(measure["name"], lang)
        way = say("more is better" if measure["better"] == "high" else "less is better", lang)
        for name, value in zip(names, measure["values"], strict=True):
            mine = ends(value or {})
            if mine is None or mine[0] <= 0:
                continue
            low, high = max(mine[1], mine[0] / 1e3) / first[0], mine[2] / first[0]
            row = {"measure": label, "way": way, "system": name, "ratio": mine[0] / first[0]}
            rows.append({**row, "low": low, "high": high, "value": mine[0], "unit": measure["unit"]})
    if not rows:
        return None
    kinds = list(dict.fromkeys(r["measure"] for r in rows))
    title = say("ratio to {first}", lang, first=names[0])
    y = {
        "y": {"field": "measure", "type": "nominal", "title": None, "sort": kinds},
        "yOffset": {"field": "system", "type": "nominal", "sort": [*names]},
    }
    told = {
        "color": {
            "field": "system",
            "type": "nominal",
            "title": say("system", lang),
            "scale": {"domain": [*names]},
            "legend": BELOW,
        },
        "shape": {
            "field": "system",
            "type": "nominal",
            "title": say("system", lang),
            "scale": {"domain": [*names]},
            "legend": BELOW,
        },
    }
    tip = tips(
        ("system", say("system", lang), ""),
        ("measure", say("measure", lang), ""),
        ("ratio", title, ",.3~g"),
        ("low", say("low end of 80%", lang), ",.3~g"),
        ("high", say("high end of 80%", lang), ",.3~g"),
        ("way", say("reading", lang), ""),
    )
    band = {"x": number_axis("low", title, log=True, axis=RATIO), "x2": {"field": "high"}, **y, "color": told["color"]}
    mark = {"x": number_axis("ratio", title, log=True, axis=RATIO), **y, **told, "tooltip": tip}
    layers = [
        layer(
            [{"ratio": 1}],
            {"type": "rule", "strokeDash": [5, 4]},
            {"x": number_axis("ratio", title, log=True, axis=RATIO)},
        ),
        layer(rows, {"type": "rule", "opacity": 0.6, "tooltip": False}, band),
        layer(rows, {"type": "point", "filled": True, "size": 70, "opacity": 1}, mark),
    ]
    lead = rows[0]["measure"]
    said = "; ".join(f"{r['system']}: {number(r['ratio'])}" for r in rows if r["measure"] == lead)
    return chart(
        say("Measures beside those of {first}", lang, first=names[0]),
        say(
            "Each measure as a ratio to that of {first}, with 80% intervals; {measure}: {said}.",
            lang,
            first=names[0],
            measure=lead,
            said=said,
        ),
        {"layer": layers},
        height=max(22 * len(kinds) * max(len(names) - 1, 1), 160),
    )


def overlay(document: Mapping[str, Any], names: Sequence[str], lang: str) -> Spec | None:
    """Return the frontiers of all systems in one chart, each with a line of its own."""
    rows: list[Row] = []
    for name, answer in zip(names, document["answers"], strict=True):
        rows += points(answer["frontier"], answer["best"], lang, system=name)
    if not rows:
        return None
    rows = [{**r, "index": i} for i, r in enumerate(rows)]
    both, title = axes(lang), say("system", lang)
    colour = {"field": "system", "type": "nominal", "title": title, "scale": {"domain": [*names]}, "legend": BELOW}
    dash = {**colour, "scale": {"domain": [*names], "range": [DASHES[i % len(DASHES)] for i in range(len(names))]}}
    tip = [*tips(("system", title, "")), *figures(lang)]
    tall = {"x": both["x"], "y": number_axis("chip_low", both["y"]["title"], log=True), "y2": {"field": "chip_high"}}
    clicked = {"name": "chosen", "select": {"type": "point", "fields": ["index"]}}
    best = [r for r in rows if r["best"]]
    layers = [
        layer(rows, {"type": "area", "opacity": 0.1, "tooltip": False}, {**tall, "color": colour}),
        layer(rows, {"type": "line", "tooltip": False}, {**both, "color": colour, "strokeDash": dash}),
        layer(
            rows,
            {"type": "point", "filled": True, "size": 45, "opacity": 0.9},
            {**both, "color": colour, "shape": modes(lang)["shape"], "tooltip": tip},
            params=[clicked],
            name="points",
        ),
        layer(
            best,
            {"type": "point", "shape": "diamond", "filled": False, "size": 360, "strokeWidth": 2.5},
            {**both, "color": colour, "tooltip": tip},
        ),
    ]
    said = "; ".join(
        say("{system}: {user} tokens/s per user, {chip} per chip", lang, system=r["system"], user=number(r["user"]), chip=number(r["chip"]))
        for r in best
    )  # fmt: skip
    model = document["answers"][0]["model"]["name"]
    text = say("Frontiers of {count} systems with 80% bands; chosen plans are diamonds.", lang, count=len(names))
    return chart(
        say("Trade-off of {model}, side by side", lang, model=model),
        text + (" " + said + "." if said else ""),
        {"layer": layers},
        height=360,
    )
