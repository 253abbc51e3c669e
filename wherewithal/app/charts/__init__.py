"""The charts of every answer, once: Vega-Lite specifications for the page, the notebook and files.

Read from the JSON of an answer alone. Data is inline, no expression holds a text from outside, no theme is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wherewithal.app.charts import claims, compare, fleet, frontier, plan
from wherewithal.app.charts.parts import Spec

_VERBS: dict[str, Callable[[Mapping[str, Any], str], dict[str, Spec | None]]] = {
    "plan": plan.charts,
    "predict": plan.charts,
    "compare": compare.charts,
    "frontier": frontier.charts,
    "claims": claims.charts,
}


def specs(verb: str, document: Mapping[str, Any], lang: str = "en", variable: str | None = None) -> dict[str, Spec]:
    """Return the charts of an answer by name; one with nothing to show is left out.

    Args:
        verb: what was asked: plan, predict, compare, fleet, frontier or claims.
        document: the JSON of the answer, in English.
        lang: the language of titles, axes and descriptions.
        variable: what the fan of a fleet shows. Default: the stock in equivalents of one chip.
    """
    if verb == "fleet":
        found = fleet.charts(document, lang, variable)
    else:
        found = _VERBS[verb](document, lang) if verb in _VERBS else {}
    return {name: spec for name, spec in found.items() if spec is not None}
