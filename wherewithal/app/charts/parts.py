"""What all charts share: the frame of a Vega-Lite specification, axes, and figures that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from wherewithal.app.text import clean

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
Spec = dict[str, Any]
Row = dict[str, Any]
# Below, so that a phone shows the chart at its full width.
BELOW = {"orient": "bottom", "symbolOpacity": 1}
RATIO = {"format": ",.2~f", "tickCount": 6, "labelOverlap": True}


def chart(title: str, description: str, body: Mapping[str, Any], height: int = 320) -> Spec:
    """Return a specification with its frame: schema, title, one sentence that says what it shows, responsive width.

    Args:
        title: what it is about, plain text.
        description: one sentence that says what it shows.
        body: marks and encodings, or layers.
        height: of the plotting area [px].
    """
    return {
        "$schema": SCHEMA,
        "title": clean(title, 160),
        "description": clean(description, 800),
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        **body,
    }


def layer(rows: Iterable[Row], mark: Mapping[str, Any] | str, encoding: Mapping[str, Any], **more: Any) -> Spec:
    """Return one layer with its own rows."""
    return {"data": values(rows), "mark": mark, "encoding": dict(encoding), **more}


def values(rows: Iterable[Row]) -> Spec:
    """Return rows as inline data: no NaN, no infinity, text as one safe line."""
    return {"values": [{k: _safe(v) for k, v in row.items()} for row in rows]}


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value, 240)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def number_axis(field: str, title: str, log: bool = False, **more: Any) -> Spec:
    """Return a quantitative channel; a logarithmic one does not start at zero."""
    scale: Spec = {"type": "log", "nice": False} if log else {}
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        **({"scale": scale} if scale else {}),
        "axis": {"tickCount": 6, "labelOverlap": True, **({"format": "~s"} if log else {})},
        **more,
    }


def tips(*fields: tuple[str, str, str]) -> list[Spec]:
    """Return tooltips: (field, title, format), with no format for text."""
    return [
        {"field": f, "title": title, **({"type": "quantitative", "format": form} if form else {"type": "nominal"})}
        for f, title, form in fields
    ]


def finite(*found: Any) -> bool:
    """Return whether all are finite numbers."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in found)


def ends(interval: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Return value, low and high of an interval, the value itself where an end is unknown; None without a value."""
    value, low, high = (interval.get(k) for k in ("value", "low", "high"))
    if not finite(value):
        return None
    middle = float(value)  # type: ignore[arg-type]
    return (
        middle,
        float(low) if finite(low) else middle,  # type: ignore[arg-type]
        float(high) if finite(high) else middle,  # type: ignore[arg-type]
    )
