"""What a run comes to: latencies with their statistics, rates, service levels, errors by kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wherewithal.measure.load.drive import Outcome
from wherewithal.measure.load.sample import CANCELLED, Sample
from wherewithal.plan.workload import Bound, Slo, quantile

METRICS = ("ttft_s", "tpot_s", "itl_s", "e2e_s")
# The least values of which a quantile says more than the slowest of them does.
QUANTILES = {"median": (0.5, 2), "p90": (0.9, 10), "p95": (0.95, 20), "p99": (0.99, 100)}


def values(samples: Sequence[Sample], metric: str) -> NDArray[np.float64]:
    """Return a latency [s] of every whole answer (of every gap between pieces of text for `itl_s`)."""
    if metric == "itl_s":
        gaps = [np.diff(np.frombuffer(s.events)) for s in samples if len(s.events) > 1]
        return np.concatenate(gaps) if gaps else np.empty(0)
    found = np.array([getattr(s, metric.removesuffix("_s")) for s in samples])
    return found[np.isfinite(found)] if found.size else np.empty(0)


def statistics(found: NDArray[np.float64]) -> dict[str, float | None]:
    """Return mean, median, p90, p95, p99, largest and the number of values; None for what too few values do not tell."""
    if not found.size:
        return dict.fromkeys(("mean", *QUANTILES, "max")) | {"count": 0}
    quantiles = {
        n: float(np.quantile(found, q)) if found.size >= least else None for n, (q, least) in QUANTILES.items()
    }
    return {"mean": float(found.mean()), **quantiles, "max": float(found.max()), "count": int(found.size)}


@dataclass(frozen=True)
class Level:
    """One service level and how a run stands to it.

    Attributes:
        name: `ttft` or `tpot`.
        bound: the limit.
        measured: [s] in the bound's statistic; NaN where there is none.
        share: of the whole answers that keep the limit each for itself.
    """

    name: str
    bound: Bound
    measured: float
    share: float

    @property
    def met(self) -> bool:
        """Whether the statistic keeps the limit."""
        return self.measured <= self.bound.limit_s

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        measured = self.measured if math.isfinite(self.measured) else None
        said = {"limit_s": self.bound.limit_s, "statistic": self.bound.statistic, "measured_s": measured}
        return {**said, "met": self.met, "share_of_requests": self.share}


def levels(samples: Sequence[Sample], slo: Slo) -> list[Level]:
    """Return each service level beside what was measured."""
    out = []
    for name, bound in (("ttft", slo.ttft), ("tpot", slo.tpot)):
        if bound is None:
            continue
        found = values(samples, f"{name}_s")
        q = quantile(bound.statistic)
        measured = math.nan
        if found.size:
            measured = float(found.mean() if q is None else np.quantile(found, q))
        share = float((found <= bound.limit_s).mean()) if found.size else 0.0
        out.append(Level(name, bound, measured, share))
    return out


def good(sample: Sample, slo: Slo) -> bool:
    """Return whether one request has a whole answer within every service level (a latency that it has not, binds not)."""
    pairs = ((sample.ttft, slo.ttft), (sample.tpot, slo.tpot))
    return not sample.error and not any(bound is not None and value > bound.limit_s for value, bound in pairs)


@dataclass(frozen=True)
class Summary:
    """A run in figures; see `to_dict` for their names."""

    outcome: Outcome
    slo: Slo

    @property
    def wall_s(self) -> float:
        """[s] from the start to the last piece of text of a whole answer."""
        ends = [s.events[-1] for s in self.outcome.whole if s.events]
        return max(ends) if ends else self.outcome.wall_s

    @property
    def latency(self) -> dict[str, dict[str, float | None]]:
        """Metric to statistics."""
        return {m: statistics(values(self.outcome.whole, m)) for m in METRICS}

    @property
    def levels(self) -> list[Level]:
        """The service levels."""
        return levels(self.outcome.whole, self.slo)

    @property
    def rates(self) -> dict[str, float]:
        """Rates [1/s] over the whole run."""
        whole, wall = self.outcome.whole, self.wall_s
        out = sum(s.tokens for s in whole)
        total = out + sum(s.asked_in if s.tokens_in is None else s.tokens_in for s in whole)
        met = sum(good(s, self.slo) for s in whole)
        found = {
            "requests_per_s": len(whole),
            "output_tokens_per_s": out,
            "total_tokens_per_s": total,
            "goodput_per_s": met,
        }
        return {n: v / wall if wall > 0 else 0.0 for n, v in found.items()}

    @property
    def errors(self) -> dict[str, int]:
        """Kind of failure to how often, the most frequent first."""
        return dict(Counter(s.error for s in self.outcome.failed).most_common())

    @property
    def cut_off(self) -> int:
        """Requests that the end of the run cut off."""
        return sum(s.error == CANCELLED for s in self.outcome.samples)

    @property
    def error_share(self) -> float:
        """Share of the finished requests that failed."""
        finished = len(self.outcome.samples) - self.cut_off
        return len(self.outcome.failed) / finished if finished else 0.0

    @property
    def met(self) -> bool:
        """Whether every service level is met; errors above 1% meet none."""
        return bool(self.outcome.whole) and self.error_share <= 0.01 and all(one.met for one in self.levels)

    @property
    def tokens(self) -> dict[str, Any]:
        """Lengths asked for and had, and how they were counted."""
        whole = self.outcome.whole
        pieces = sum(len(s.events) for s in whole)
        return {
            "asked_input_tokens": _mean([s.asked_in for s in whole]),
            "asked_output_tokens": _mean([s.asked_out for s in whole]),
            "input_tokens": _mean([s.tokens_in for s in whole if s.tokens_in is not None]),
            "output_tokens": _mean([s.tokens for s in whole]),
            "cached_input_tokens": _mean([s.cached for s in whole if s.cached is not None]),
            "input_off_most": max(
                (abs(s.tokens_in - s.asked_in) for s in whole if s.tokens_in is not None), default=None
            ),
            "shorter_answers": sum(s.tokens < s.asked_out for s in whole),
            "tokens_per_event": sum(s.tokens for s in whole) / pieces if pieces else None,
        }


def _mean(found: Sequence[int]) -> float | None:
    return float(np.mean(found)) if len(found) else None
