"""What is predicted of the load that was measured: the same lengths, the same load, as many requests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wherewithal import ask
from wherewithal.errors import InputError
from wherewithal.machine.load import system
from wherewithal.measure.load.lengths import Arrivals
from wherewithal.measure.load.run import Result
from wherewithal.measure.rows import LATENCIES, STATISTICS
from wherewithal.plan.answer import Answer


@dataclass(frozen=True)
class Deployment:
    """What the server runs, as its tester names it.

    Attributes:
        model: catalog name or path.
        on: `SYSTEM[:CHIPS]`.
        engine: catalog name, with `@VERSION` where wanted; None for the generic one.
        layout: in words; empty for one rank.
        precision: part to format.
        catalog_dirs: the user's folders.
    """

    model: str
    on: str
    engine: str | None = None
    layout: str = ""
    precision: Mapping[str, str] = field(default_factory=dict)
    catalog_dirs: tuple[Path, ...] = ()

    @property
    def chips(self) -> int:
        """Chips in all.

        Raises:
            InputError: no such system, or pools, which one address does not tell apart.
        """
        if "=" in self.on:
            raise InputError("--on", f"{self.on[:60]!r}", "name one SYSTEM[:CHIPS] for a server to measure")
        return system(self.on, dirs=self.catalog_dirs).chips

    @property
    def split(self) -> str:
        """The layout, that of one rank where none is named.

        Raises:
            InputError: none is named and there are several ranks.
        """
        if self.layout:
            return self.layout
        built = system(self.on, dirs=self.catalog_dirs)
        if built.chips * built.chip.ranks > 1:
            what = f"not given, and {self.on[:60]} has {built.chips * built.chip.ranks:g} ranks"
            raise InputError("--layout", what, 'say how the server splits the model, such as --layout "tp8"')
        return "tp1"


@dataclass(frozen=True)
class Beside:
    """One figure measured and predicted; [SI unit of the metric]."""

    metric: str
    statistic: str
    measured: float
    predicted: float
    low: float
    high: float
    evidence: str

    @property
    def error(self) -> float:
        """Predicted over measured less 1."""
        return self.predicted / self.measured - 1

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        return {
            "metric": self.metric,
            "statistic": self.statistic or None,
            "measured": self.measured,
            "predicted": self.predicted,
            "low": self.low,
            "high": self.high,
            "error": self.error,
            "evidence": self.evidence,
        }


Lengths = tuple[float, float, float]


def question(d: Deployment, arrivals: Arrivals, lengths: Lengths, requests: int, cached: float = 0.0) -> ask.Question:
    """Return the question that a run asks.

    Args:
        d: what runs.
        arrivals: how requests came.
        lengths: [token] of prompt and answer as stated, and their spread.
        requests: in all.
        cached: [token] of the prompt that the server had cached.

    Raises:
        InputError: arrivals that `predict` does not know.
    """
    if arrivals.kind == "trace" or (arrivals.kind == "burst" and arrivals.rate_per_s):
        raise InputError("--on", f"{arrivals.words()}: not predicted", "leave --on out, or use --concurrency or --rate")
    burst = arrivals.kind == "burst"
    return ask.Question(
        model=d.model,
        on=d.on,
        layout=d.split,
        input_tokens=lengths[0],
        output_tokens=lengths[1],
        length_spread=lengths[2],
        cached_input_tokens=cached or None,
        concurrency=float(arrivals.concurrency) if arrivals.kind == "closed" else None,
        rate_per_s=arrivals.rate_per_s if arrivals.kind == "open" else None,
        requests=float(requests),
        load="offline" if burst else None,
        engine=d.engine,
        precision=dict(d.precision),
        catalog_dirs=d.catalog_dirs,
    )


def lengths_of(result: Result) -> Lengths:
    """Return the lengths [token] as they were had, in the form of those stated, and their spread."""
    stated, seen = result.settings.lengths, result.summary.tokens
    middle = 1 - stated[2] / 2
    had = [stated[0], stated[1]]
    for i, name in enumerate(("input_tokens", "output_tokens")):
        mean, asked = seen[name], seen[f"asked_{name}"]
        if mean is not None and asked and abs(mean / asked - 1) > 0.005:
            had[i] = max(mean / middle, 1)
    return float(had[0]), float(had[1]), stated[2]


def beside(d: Deployment, result: Result) -> list[Beside]:
    """Return every figure that is both measured and predicted.

    Raises:
        InputError: it cannot be predicted.
    """
    summary = result.summary
    if not summary.outcome.whole:
        return []
    cached = min(summary.tokens["cached_input_tokens"] or 0.0, lengths_of(result)[0] - 1)
    asked = question(d, result.arrivals, lengths_of(result), len(summary.outcome.whole), max(cached, 0.0))
    answer = ask.predict(asked)
    if answer.best is None:
        reason = "; ".join(limit.text for limit in answer.why_not[:1]) or "it does not fit"
        raise InputError("--on", f"nothing is predicted: {reason}", "check --model, --on, --layout and --precision")
    return [*_latencies(answer, result), *_rates(answer, result)]


def _latencies(answer: Answer, result: Result) -> list[Beside]:
    """Return the latencies; the interval of the mean, in its ratio, stands for that of every statistic."""
    seen, plan = answer.extra.get("run") or {}, answer.best
    out: list[Beside] = []
    for metric in LATENCIES:
        base = getattr(plan, "ttft_s" if metric == "ttft_s" else "tpot_s")
        for statistic in STATISTICS:
            measured = result.summary.latency[metric].get(statistic)
            predicted = (seen.get(metric) or {}).get(statistic, math.nan)
            if measured and math.isfinite(predicted) and predicted > 0 and base.value > 0 and plan is not None:
                low, high = base.low / base.value * predicted, base.high / base.value * predicted
                out.append(Beside(metric, statistic, measured, predicted, low, high, plan.evidence))
    return out


def _rates(answer: Answer, result: Result) -> list[Beside]:
    """Return the rates."""
    plan, rates = answer.best, result.summary.rates
    if plan is None:
        return []
    return [
        Beside(name, "", rates[name], found.value, found.low, found.high, plan.evidence)
        for name in ("output_tokens_per_s", "requests_per_s")
        if rates[name] > 0 and (found := getattr(plan, name)).value > 0
    ]
