"""The figures of a measured run, from the plans that it asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from wherewithal.machine.load import system
from wherewithal.measure.asked import Refused, Way, answered, best, question
from wherewithal.measure.rows import LATENCIES, Row
from wherewithal.plan.answer import Plan
from wherewithal.pricing.energy import power
from wherewithal.pricing.evidence import weakest

# What a note says about where power was read.
BOARDS = "scope=boards"


@dataclass(frozen=True)
class Predicted:
    """What is predicted of one row: the figure, that of the median where the statistic is open, what it rests on.

    Attributes:
        value: [SI unit of the metric]; NaN where it cannot be predicted.
        median: the same with the median of the latencies; NaN where the row states its statistic or has no latency.
        evidence: of the prediction.
        said: what of the row was read differently.
        why: why it cannot be predicted; empty where it can.
    """

    value: float
    median: float = math.nan
    evidence: str = ""
    said: tuple[str, ...] = ()
    why: str = ""


def run(rows: Sequence[Row], engine: str) -> list[Predicted]:
    """Return what is predicted of the rows of one run.

    Args:
        rows: all of one run (`Row.run`).
        engine: catalog name, with `@VERSION` where wanted.
    """
    made: dict[tuple[str, str], _Figures | str] = {}
    out = []
    for row in rows:
        stated = row.statistic or "mean"
        key = stated if row.metric in LATENCIES else "mean"
        first = _figures(made, row, engine, key)
        if isinstance(first, str):
            out.append(Predicted(math.nan, why=first))
            continue
        value = first.values.get(row.metric, math.nan)
        if not (value > 0 and math.isfinite(value)):
            out.append(Predicted(math.nan, evidence=first.evidence, said=first.said, why=_no_figure(row)))
            continue
        median = math.nan
        if row.metric in LATENCIES and not row.statistic:
            second = _figures(made, row, engine, "median")
            median = second.values.get(row.metric, math.nan) if not isinstance(second, str) else math.nan
        out.append(Predicted(value, median, first.evidence, first.said))
    return out


def _no_figure(row: Row) -> str:
    if row.metric == "power_w" or row.metric.startswith("joules"):
        return "power of this system is not known"
    return f"no {row.metric} of such a run"


@dataclass(frozen=True)
class _Figures:
    """All figures of a run with one statistic of its latencies."""

    values: Mapping[str, float]
    evidence: str
    said: tuple[str, ...]


def _figures(made: dict[tuple[str, str], _Figures | str], row: Row, engine: str, statistic: str) -> _Figures | str:
    """Return the figures of a run, or why there are none; a run of prompts alone is another one than the whole."""
    alone = row.metric == "input_tokens_per_s_per_chip" and ":" not in row.layout
    kind = "prompts" if alone else "batch" if row.load == "static" and ":" not in row.layout else "whole"
    key = (kind, statistic)
    if key not in made:
        try:
            made[key] = {"prompts": _prompts, "batch": _batch, "whole": _whole}[kind](row, engine, statistic)
        except Refused as error:
            made[key] = str(error)
    return made[key]


def _whole(row: Row, engine: str, statistic: str) -> _Figures:
    """Return the figures of a load that is refilled."""

    def plan(of: Row, way: Way) -> Plan:
        return best(question(of, way, statistic))

    found, said = answered(row, engine, plan)
    tokens, requests = found.output_tokens_per_s.value, found.requests_per_s.value
    middle = 1 - (row.length_spread or 0.0) / 2
    output, prompt = (row.output_tokens or 2.0) * middle, (row.input_tokens or 0.0) * middle
    watts = _watts(found, row)
    values = {
        "tpot_s": found.tpot_s.value,
        "ttft_s": found.ttft_s.value,
        "e2e_s": found.ttft_s.value + (output - 1) * found.tpot_s.value,
        "output_tokens_per_s": tokens,
        "output_tokens_per_s_per_chip": tokens / row.chips,
        "requests_per_s": requests,
        "total_tokens_per_s": tokens + requests * prompt,
        "input_tokens_per_s_per_chip": requests * prompt / row.chips,
        "power_w": watts,
        "joules_per_output_token": watts / tokens if tokens > 0 else math.nan,
    }
    return _Figures(values, found.evidence, said)


def _prompts(row: Row, engine: str, statistic: str) -> _Figures:
    """Return the rate of prompts where nothing else runs."""

    def plan(of: Row, way: Way) -> Plan:
        return best(question(of, way, statistic, "prefill"))

    found, said = answered(row, engine, plan)
    rate = found.requests_per_s.value * (row.input_tokens or 0.0) * (1 - (row.length_spread or 0.0) / 2)
    return _Figures({"input_tokens_per_s_per_chip": rate / row.chips}, found.evidence, said)


def _batch(row: Row, engine: str, _: str) -> _Figures:
    """Return the figures of one batch that is filled, decoded and not refilled.

    whole = batch / prompts per second + (output - 1) x step; all figures follow. Where there is no prompt (decode
    alone), all of the output takes steps.
    """
    batch, prompt, answer = row.concurrency or 1.0, row.input_tokens or 0.0, row.output_tokens or 1.0
    evidence: list[str] = []
    said: tuple[str, ...] = ()
    first = each = 0.0
    if prompt >= 1:
        before, said = answered(row, engine, lambda of, way: best(question(of, way, "mean", "prefill")))
        first = batch / before.requests_per_s.value
        evidence.append(before.evidence)
    if answer > 1 or prompt < 1:
        after, more = answered(row, engine, lambda of, way: best(question(of, way, "mean", "decode")))
        each = after.tpot_s.value
        evidence.append(after.evidence)
        said = tuple(dict.fromkeys((*said, *more)))
    whole = max(first + (answer - (1.0 if prompt >= 1 else 0.0)) * each, 1e-12)
    values = {
        "tpot_s": each,
        "ttft_s": first,
        "e2e_s": whole,
        "output_tokens_per_s": batch * answer / whole,
        "output_tokens_per_s_per_chip": batch * answer / whole / row.chips,
        "requests_per_s": batch / whole,
        "total_tokens_per_s": batch * (answer + prompt) / whole,
    }
    return _Figures(values, weakest(evidence), said)


def _watts(plan: Plan, row: Row) -> float:
    """Return [W] as the row means them: at the wall of the servers, or of the chips' boards alone.

    A plan's power is at the meter; what cooling adds and, for boards, the share of the node around them is taken off.
    """
    if plan.power_w is None:
        return math.nan
    host, pue = _around(f"{row.chip or row.system}:{int(row.chips)}")
    servers = plan.power_w.value / pue
    return servers - host * row.chips if BOARDS in row.notes else servers


@cache
def _around(on: str) -> tuple[float, float]:
    """Return ([W] that stands beside one chip in its node, the default PUE)."""
    from wherewithal.catalog import load as catalog

    built = system(on)
    limit = built.chip.power_w
    pue = catalog.default("pue").value
    if limit is None:
        return 0.0, pue
    whole = power(limit, built.node_power_w, built.node_chips, 0.0, 0.0, 1.0, 0.0)
    bare = power(limit, limit * built.node_chips, built.node_chips, 0.0, 0.0, 1.0, 0.0)
    return float(whole.value - bare.value) if whole and bare else 0.0, pue
