"""Does the prediction choose the layout that measured best?

A group holds the measured layouts of one source, model, chip, engine and version, precision, load and lengths. Of each layout the
median of its rows counts. Where the best is better than the worst by more than APART, the group is a question: the layout that
is predicted best is taken, and its *regret* is by how much the measured best beats it (ratio less 1, as measured). A random
choice gets the mean over the layouts: that expectation is exact.

Many groups hold a layout on one chip beside one on eight, which no prediction gets wrong. So the groups whose layouts all have as many
chips are counted apart as well (EQUAL): they are few and hard.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from wherewithal.measure.derived import THROUGHPUT, throughputs
from wherewithal.measure.folds import chip_of
from wherewithal.measure.judged import Judged
from wherewithal.measure.rows import Row

APART = 0.2
# What must be reached: share of groups whose best is ranked first, mean regret.
FIRST_AT_LEAST, REGRET_AT_MOST = 0.80, 0.05
TPOT, RATE = "tpot_s", "tokens/s per chip"
BOTH, EQUAL = "both", "both, as many chips"
RATES = THROUGHPUT


@dataclass(frozen=True)
class Choice:
    """One group.

    Attributes:
        about: what is the same in it, in words.
        layouts: how many.
        best: 1 where the layout predicted best measured best, else 0; a share where several are predicted alike.
        regret: of the layout predicted best; the mean where several are.
        random_best, random_regret: the same of a choice at random.
    """

    about: str
    layouts: int
    best: float
    regret: float
    random_best: float
    random_regret: float


@dataclass(frozen=True)
class Summary:
    """All groups of one aim (`tpot_s` or tokens/s per chip); shares and means over them, NaN where there is none."""

    aim: str
    groups: int
    first: float
    regret: float
    random_first: float
    random_regret: float

    @property
    def reached(self) -> bool:
        """Whether both figures reach what they must."""
        return self.first >= FIRST_AT_LEAST and self.regret <= REGRET_AT_MOST

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        names = ("first", "regret", "random_first", "random_regret")
        shares = {n: v if math.isfinite(v := getattr(self, n)) else None for n in names}
        return {"aim": self.aim, "groups": self.groups, **shares, "reached": self.reached if self.groups else None}


def decide(predicted: Sequence[float], measured: Sequence[float], about: str = "") -> Choice:
    """Return how good the choice by prediction is, and one at random.

    Args:
        predicted: one value a layout, larger is better.
        measured: the same, above zero.
        about: what the group is.
    """
    top, most = max(measured), max(predicted)
    regrets = [top / m - 1 for m in measured]
    chosen = [i for i, p in enumerate(predicted) if p == most]
    hits = [m == top for m in measured]
    return Choice(
        about,
        len(measured),
        sum(hits[i] for i in chosen) / len(chosen),
        math.fsum(regrets[i] for i in chosen) / len(chosen),
        sum(hits) / len(hits),
        math.fsum(regrets) / len(regrets),
    )


def choices(rows: Sequence[Judged], aim: str, equal: bool = False) -> list[Choice]:
    """Return the groups whose layouts differ by more than APART in an aim.

    Args:
        rows: judged; those without a prediction or without a layout are left out.
        aim: TPOT or RATE.
        equal: layouts of one group have as many chips.
    """
    wanted = RATES if aim == RATE else (TPOT,)
    groups: dict[tuple[object, ...], dict[str, dict[tuple[object, ...], list[Judged]]]] = {}
    for one in [*rows, *(throughputs(rows) if aim == RATE else ())]:
        if not one.predicted.why and one.row.layout and one.row.metric in wanted:
            layout = (one.row.layout, one.row.chips, one.row.serving)
            metrics = groups.setdefault((*_same(one.row), one.row.chips if equal else 0), {})
            metrics.setdefault(one.row.metric, {}).setdefault(layout, []).append(one)
    out = []
    for metrics in groups.values():
        # A run that prints its rate in several ways is one question: the metric that most layouts have.
        part = max((metrics[m] for m in wanted if m in metrics), key=len)
        measured = [_value([j.row.value for j in of], of, aim) for of in part.values()]
        if len(part) > 1 and max(measured) > (1 + APART) * min(measured):
            predicted = [_value([j.predicted.value for j in of], of, aim) for of in part.values()]
            out.append(decide(predicted, measured, _about(next(iter(part.values()))[0].row)))
    return out


def _same(row: Row) -> tuple[object, ...]:
    """Return what the layouts of a group share."""
    return (
        row.source, row.model, chip_of(row.system, row.chip), row.engine, row.engine_version,
        tuple(sorted(row.precision.items())), row.load, row.input_tokens, row.output_tokens, row.length_spread,
        row.cached_input_tokens, row.accepted_tokens_per_step, row.concurrency, row.request_rate_per_s, row.statistic,
    )  # fmt: skip


def _value(values: Sequence[float], of: Sequence[Judged], aim: str) -> float:
    """Return what a layout is worth: larger is better, rates are per chip."""
    middle = median(values)
    if aim == TPOT:
        return 1.0 / middle
    return middle if of[0].row.metric.endswith("per_chip") else middle / of[0].row.chips


def _about(row: Row) -> str:
    load = f"{row.concurrency:g} in flight" if row.concurrency else row.load
    return f"{row.model} on {chip_of(row.system, row.chip)}, {row.engine} {row.engine_version}, {load}"


def summary(part: Sequence[Choice], aim: str) -> Summary:
    """Return the shares and means over groups."""
    if not part:
        return Summary(aim, 0, *(math.nan,) * 4)
    means: Mapping[str, float] = {
        n: math.fsum(getattr(c, n) for c in part) / len(part)
        for n in ("best", "regret", "random_best", "random_regret")
    }
    return Summary(aim, len(part), means["best"], means["regret"], means["random_best"], means["random_regret"])


def summaries(rows: Sequence[Judged]) -> list[Summary]:
    """Return a summary for each aim that has groups, of both together, and of those whose layouts have as many chips."""
    found = {aim: choices(rows, aim) for aim in (TPOT, RATE)}
    out = [summary(part, aim) for aim, part in found.items() if part]
    if len(out) > 1:
        out.append(summary([c for part in found.values() for c in part], BOTH))
    equal = [c for aim in found for c in choices(rows, aim, equal=True)]
    return [*out, summary(equal, EQUAL)] if equal else out
