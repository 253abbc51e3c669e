"""Charts of a fleet: a variable by year with its bands, and the inputs behind its spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wherewithal.app.charts.parts import BELOW, Row, Spec, chart, finite, layer, number_axis, tips, values
from wherewithal.app.words import say
from wherewithal.app.text import number, percent

VARIABLE = "Stock|H100e|8-bit|Total"
_BARS = 12


def charts(document: Mapping[str, Any], lang: str, variable: str | None = None) -> dict[str, Spec | None]:
    """Return the fan of a variable, or the drivers where these were asked."""
    rows = document["rows"]
    if rows and "share" in rows[0]:
        return {"drivers": drivers(document, lang)}
    return {"fan": fan(document, lang, variable)}


def variables(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the variables of a table in their order."""
    return list(dict.fromkeys(r["variable"] for r in rows))


def fan(document: Mapping[str, Any], lang: str, variable: str | None = None) -> Spec | None:
    """Return the median of a variable by year in its 50% and 90% bands."""
    names = variables(document["rows"])
    wanted = variable or (VARIABLE if VARIABLE in names else next(iter(names), ""))
    found = [r for r in document["rows"] if r["variable"] == wanted and finite(r["median"])]
    if not found:
        return None
    keys = ("median", "p5", "p25", "p75", "p95")
    rows: list[Row] = [{"year": r["year"], **{k: r[k] if finite(r[k]) else r["median"] for k in keys}} for r in found]
    unit = found[0]["unit"]
    years = [r["year"] for r in rows]
    x: Spec = {"field": "year", "type": "quantitative", "title": say("year", lang)}
    x |= {"scale": {"domain": [min(years), max(*years, min(years) + 1)], "nice": False}}
    x |= {"axis": {"format": "d", "tickMinStep": 1, "labelOverlap": True}}
    name = f"{wanted} [{unit}]" if unit else wanted

    def band(low: str, high: str) -> Spec:
        return {"x": x, "y": _amount(low, name), "y2": {"field": high}}

    tip = tips(
        ("year", say("year", lang), "d"),
        ("median", say("median", lang), ",.3~s"),
        ("p5", "5%", ",.3~s"),
        ("p25", "25%", ",.3~s"),
        ("p75", "75%", ",.3~s"),
        ("p95", "95%", ",.3~s"),
    )
    middle = {"x": x, "y": _amount("median", name)}
    layers = [
        layer(rows, {"type": "area", "opacity": 0.18, "tooltip": False}, band("p5", "p95")),
        layer(rows, {"type": "area", "opacity": 0.3, "tooltip": False}, band("p25", "p75")),
        layer(rows, {"type": "line", "tooltip": False}, middle),
        layer(rows, {"type": "point", "filled": True, "size": 50, "opacity": 1}, {**middle, "tooltip": tip}),
    ]
    last = rows[-1]
    against = document.get("against")
    said = say(
        "{variable} by year, median with bands of 50% and 90%: in {year} {median} {unit} ({low} to {high}).",
        lang,
        variable=wanted,
        year=last["year"],
        unit=unit,
        median=number(last["median"]),
        low=number(last["p5"]),
        high=number(last["p95"]),
    )
    title = say("{one} less {other}", lang, one=document["scenario"], other=against) if against else document["title"]
    return chart(title, f"{said} {say('Conditional on the scenario, not a forecast.', lang)}", {"layer": layers})


def _amount(field: str, name: str) -> Spec:
    return number_axis(field, name, axis={"format": "~s", "tickCount": 6})


def drivers(document: Mapping[str, Any], lang: str) -> Spec | None:
    """Return the inputs by their share of the spread of a variable, largest first."""
    found = [r for r in document["rows"] if finite(r["share"])]
    found = sorted(found, key=lambda r: -r["share"])[:_BARS]
    if not found:
        return None
    ways = [say("raises it", lang), say("lowers it", lang)]
    rows = [
        {
            "input": r["name"],
            "share": r["share"],
            "way": ways[r["sign"] < 0],
            "status": r["status"],
            "source": r["source"],
        }
        for r in found
    ]
    encoding = {
        "x": number_axis("share", say("share of the spread", lang), axis={"format": "%", "tickCount": 6}),
        "y": {"field": "input", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 240}},
        "color": {
            "field": "way",
            "type": "nominal",
            "title": say("a higher input", lang),
            "scale": {"domain": ways},
            "legend": BELOW,
        },
        "tooltip": tips(
            ("input", say("input", lang), ""),
            ("share", say("share of the spread", lang), ".1%"),
            ("way", say("a higher input", lang), ""),
            ("status", say("known", lang), ""),
            ("source", say("source", lang), ""),
        ),
    }
    top = found[0]
    return chart(
        say("What drives {variable} in {year}", lang, variable=top["variable"], year=top["year"]),
        say(
            "Inputs by their share of the spread of {variable} in {year}; the largest is {input} with {share}.",
            lang,
            variable=top["variable"],
            year=top["year"],
            input=top["name"],
            share=percent(top["share"]),
        ),
        {"data": values(rows), "mark": "bar", "encoding": encoding},
        height=26 * len(rows) + 10,
    )
