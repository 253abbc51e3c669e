"""The figures of a measured run, from the plans that it asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from wherewithal.catalog import load as catalog
from wherewithal.machine.load import system
from wherewithal.measure.asked import Refused, answered, predict, question
from wherewithal.measure.rows import LATENCIES, STATISTICS, Row
from wherewithal.plan.answer import Answer, Plan
from wherewithal.plan.calibrated import cells
from wherewithal.pricing.energy import power
from wherewithal.pricing.intervals import Cell

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
        own: (figure, residuals) of the asker's own runs on that chip (`calibrate`), which the interval goes by.
    """

    value: float
    median: float = math.nan
    evidence: str = ""
    said: tuple[str, ...] = ()
    why: str = ""
    own: tuple[tuple[str, Cell], ...] = ()


def run(rows: Sequence[Row], engine: str) -> list[Predicted]:
    """Return what is predicted of the rows of one run.

    Args:
        rows: all of one run (`Row.run`).
        engine: catalog name, with `@VERSION` where wanted.
    """
    made: _Made = {}
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
        out.append(Predicted(value, median, first.evidence, first.said, own=first.own))
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
    own: tuple[tuple[str, Cell], ...] = ()


def _figures(made: _Made, row: Row, engine: str, statistic: str) -> _Figures | str:
    """Return the figures of a run, or why there are none; prompts or decode alone are other runs than the whole."""
    pools = ":" in row.layout
    if row.metric == "input_tokens_per_s_per_chip" and not pools:
        kind = "prompts"
    elif row.load == "static" and not pools and (row.input_tokens or 0.0) < 1:
        kind = "decode"
    else:
        kind = "whole"
    key = (kind, statistic)
    if key not in made:
        try:
            made |= {"prompts": _prompts, "decode": _decode, "whole": _whole}[kind](row, engine, statistic)
        except Refused as error:
            made[key] = str(error)
    return made[key]


_Made = dict[tuple[str, str], _Figures | str]


def _whole(row: Row, engine: str, statistic: str) -> _Made:
    """Return the figures of a whole run; of every statistic where the run was replayed."""
    answer, said = answered(row, engine, lambda of, way: predict(question(of, way, statistic)))
    plan = answer.best
    if plan is None:  # pragma: no cover  `predict` refuses before
        raise Refused("no plan")
    seen = answer.extra.get("run")
    if seen is None:
        middle = 1 - (row.length_spread or 0.0) / 2
        e2e = plan.ttft_s.value + ((row.output_tokens or 2.0) * middle - 1) * plan.tpot_s.value
        latencies = {statistic: {"ttft_s": plan.ttft_s.value, "tpot_s": plan.tpot_s.value, "e2e_s": e2e}}
    else:
        latencies = {s: {n: float(seen[n].get(s, math.nan)) for n in LATENCIES} for s in STATISTICS}
    rates = _rates(plan, row)
    return {("whole", s): _Figures({**rates, **of}, plan.evidence, said, _own(answer)) for s, of in latencies.items()}


def _own(answer: Answer) -> tuple[tuple[str, Cell], ...]:
    """Return the residuals of the asker's own runs on the chip of an answer; none where pools stand on several."""
    pools = {d.machine.system.chip.name: d for d in answer.ready.pools.values()} if answer.ready else {}
    if len(pools) != 1:
        return ()
    (one,) = pools.values()
    return cells(one.machine.curves, one.engine)


def _rates(plan: Plan, row: Row) -> dict[str, float]:
    """Return the figures of a plan that are over all requests."""
    tokens, requests = float(plan.output_tokens_per_s.value), float(plan.requests_per_s.value)
    prompt = (row.input_tokens or 0.0) * (1 - (row.length_spread or 0.0) / 2)
    watts = _watts(plan, row)
    return {
        "output_tokens_per_s": tokens,
        "output_tokens_per_s_per_chip": tokens / row.chips,
        "requests_per_s": requests,
        "total_tokens_per_s": tokens + requests * prompt,
        "input_tokens_per_s_per_chip": requests * prompt / row.chips,
        "power_w": watts,
        "joules_per_output_token": watts / tokens if tokens > 0 else math.nan,
    }


def _prompts(row: Row, engine: str, statistic: str) -> _Made:
    """Return the rate of prompts where nothing else runs."""
    answer, said = answered(row, engine, lambda of, way: predict(question(of, way, statistic, "prefill")))
    rate = answer.best.requests_per_s.value if answer.best else math.nan
    prompt = (row.input_tokens or 0.0) * (1 - (row.length_spread or 0.0) / 2)
    found = {"input_tokens_per_s_per_chip": rate * prompt / row.chips}
    return {("prompts", statistic): _Figures(found, answer.best.evidence if answer.best else "", said, _own(answer))}


def _decode(row: Row, engine: str, statistic: str) -> _Made:
    """Return the figures of one batch that only decodes: every token takes a step."""
    batch, length = row.concurrency or 1.0, row.output_tokens or 1.0
    answer, said = answered(row, engine, lambda of, way: predict(question(of, way, statistic, "decode")))
    each = answer.best.tpot_s.value if answer.best else math.nan
    found = {
        "tpot_s": each,
        "e2e_s": each * length,
        "output_tokens_per_s": batch / each,
        "output_tokens_per_s_per_chip": batch / each / row.chips,
        "requests_per_s": batch / (each * length),
        "total_tokens_per_s": batch / each,
    }
    return {("decode", statistic): _Figures(found, answer.best.evidence if answer.best else "", said, _own(answer))}


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
    built = system(on)
    limit = built.chip.power_w
    pue = catalog.default("pue").value
    if limit is None:
        return 0.0, pue
    whole = power(limit, built.node_power_w, built.node_chips, 0.0, 0.0, 1.0, 0.0)
    bare = power(limit, limit * built.node_chips, built.node_chips, 0.0, 0.0, 1.0, 0.0)
    return float(whole.value - bare.value) if whole and bare else 0.0, pue
