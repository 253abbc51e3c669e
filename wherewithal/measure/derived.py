"""Throughput of runs that state none, from their latencies.

A closed load keeps N requests in flight, so by Little's law X = N o / (TTFT + (o - 1) TPOT) with o [token] the mean length of
the outputs. Measured from the measured latencies, predicted from the predicted ones, by one formula.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from wherewithal.measure.judged import Judged
from wherewithal.measure.predicted import Predicted

THROUGHPUT = ("output_tokens_per_s", "output_tokens_per_s_per_chip", "total_tokens_per_s", "requests_per_s")
AVERAGES = ("", "mean", "median")


def in_flight_rate(flight: float, output_tokens: float, ttft_s: float, tpot_s: float) -> float:
    """Return the output tokens per second of a closed load [token/s]: X = N o / (TTFT + (o - 1) TPOT).

    Args:
        flight: N, requests in flight.
        output_tokens: o, mean length of the outputs [token].
        ttft_s: time to the first token [s].
        tpot_s: time of each later one [s].
    """
    return flight * output_tokens / (ttft_s + (output_tokens - 1) * tpot_s)


def throughputs(rows: Iterable[Judged]) -> list[Judged]:
    """Return a row of `output_tokens_per_s` for each closed run that states TTFT and TPOT and no throughput.

    Reruns are paired one by one, in the order of the file. The row keeps the conditions and the id of its TTFT, and has no
    interval. Latencies that are not averages (p90 and such) have no such law and are left out.

    Args:
        rows: judged.
    """
    runs: dict[tuple[object, ...], dict[str, list[Judged]]] = {}
    for one in rows:
        if one.row.load == "closed" and not one.predicted.why and one.row.concurrency and one.row.output_tokens:
            name = "throughput" if one.row.metric in THROUGHPUT else one.row.metric
            runs.setdefault(one.row.run, {}).setdefault(name, []).append(one)
    out = []
    for part in runs.values():
        if "throughput" in part:
            continue
        for first, each in zip(part.get("ttft_s", ()), part.get("tpot_s", ()), strict=False):
            if first.row.statistic == each.row.statistic and first.row.statistic in AVERAGES:
                out.append(_derived(first, each))
    return out


def _derived(first: Judged, each: Judged) -> Judged:
    row = first.row
    length = max((row.output_tokens or 1.0) * (1 - (row.length_spread or 0.0) / 2), 1.0)

    def rate(ttft_s: float, tpot_s: float) -> float:
        return in_flight_rate(row.concurrency or 1.0, length, ttft_s, tpot_s)

    made = replace(row, metric="output_tokens_per_s", value=rate(row.value, each.row.value))
    value = rate(first.predicted.value, each.predicted.value)
    median = rate(first.predicted.median, each.predicted.median)
    return Judged(made, Predicted(value, median, first.predicted.evidence, first.predicted.said), math.nan, math.nan)
