"""One measured row beside its prediction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from wherewithal.measure.predicted import Predicted
from wherewithal.measure.rows import Row

# What a metric's interval is that of.
FIGURE = {
    "ttft_s": "ttft_s", "tpot_s": "tpot_s", "e2e_s": "e2e_s", "power_w": "power_w",
    "joules_per_output_token": "power_w", "input_tokens_per_s_per_chip": "input_tokens_per_s",
}  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """One measured row beside its prediction.

    Attributes:
        row: as measured.
        predicted: as predicted.
        low, high: the 80% interval; NaN where nothing was predicted.
    """

    row: Row
    predicted: Predicted
    low: float
    high: float

    @property
    def error(self) -> float:
        """Predicted over measured less 1; NaN where nothing was predicted."""
        return self.predicted.value / self.row.value - 1

    @property
    def scored(self) -> float:
        """The error that is scored: where the statistic is open, the smaller of that of the mean and of the median."""
        other = self.predicted.median / self.row.value - 1
        return other if abs(other) < abs(self.error) else self.error

    @property
    def inside(self) -> bool:
        """Whether the measured figure lies in the interval."""
        return self.low <= self.row.value <= self.high

    def to_dict(self) -> dict[str, Any]:
        """Return the row of the contract's JSON."""
        p = self.predicted
        return {
            "id": self.row.id,
            "row": self.row.line or None,
            "metric": self.row.metric,
            "measured": self.row.value,
            "predicted": _json(p.value),
            "low": _json(self.low),
            "high": _json(self.high),
            "evidence": p.evidence or None,
            "error": _json(self.error),
            "why": p.why or None,
            "predicted_median": _json(p.median),
            "read_as": list(p.said),
        }


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None


def figure_of(metric: str) -> str:
    """Return the figure whose interval a metric has."""
    return FIGURE.get(metric, "output_tokens_per_s")
