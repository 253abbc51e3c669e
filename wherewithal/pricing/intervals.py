"""How wide an answer's interval is: quantiles of predicted against measured, by evidence and figure."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

FIGURES = ("tpot_s", "ttft_s", "output_tokens_per_s", "power_w")


@functools.cache
def _table() -> dict[str, Any]:
    file = resources.files("wherewithal.catalog") / "data" / "curves" / "intervals.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def band(figure: str, evidence: str) -> tuple[float, float]:
    """Return the factors (low, high) of an 80% interval.

    If r = measured / predicted had its 10% and 90% quantiles at low and high over the published measurements of chips
    with this evidence, a new figure lies between low and high times the prediction eight times of ten.

    Args:
        figure: one of FIGURES.
        evidence: `measured`, `analog` or `datasheet`.
    """
    # A latency of a whole request is mostly its tokens; a rate of prompts errs as their time does.
    row = _table()[{"e2e_s": "tpot_s", "input_tokens_per_s": "ttft_s", "power_w": "tpot_s"}.get(figure, figure)][evidence]
    return min(float(row["low"]), 1.0), max(float(row["high"]), 1.0)


def basis(figure: str, evidence: str) -> str:
    """Return in words what a band rests on."""
    row = _table()[figure][evidence]
    return f"{row['rows']} published measurements on chips with {evidence} curves"
