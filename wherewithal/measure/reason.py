"""Why a row is far off: whether its whole block is, whether it stands alone, what its run and its neighbours in load say.

Nothing is judged by hand. A row *stands alone* where the median of the same metric in its block is less than half as far off (in
logs): then the figure itself, or a condition that only it has, is in doubt. Else the block as a whole is, and the cause is in the
model of that chip, engine or model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from statistics import median

from wherewithal.measure import noise
from wherewithal.measure.derived import AVERAGES, in_flight_rate
from wherewithal.measure.folds import block
from wherewithal.measure.judged import Judged
from wherewithal.measure.rows import LATENCIES, Row

# Rows of a block that say something about it.
FEWEST = 4
# Figures of one run that differ by more than this cannot all be true; bursts, tails and medians are within it.
SLACK = 1.5


class Reasons:
    """Judged rows, indexed by what a reason is found from."""

    def __init__(self, rows: Iterable[Judged]) -> None:
        """Index the rows that were predicted.

        Args:
            rows: all rows that were judged together.
        """
        good = [j for j in rows if not j.predicted.why]
        self._blocks = _index(good, _block)
        self._runs = _index(good, lambda j: j.row.run)
        self._again = _index(good, lambda j: noise.key(j.row))
        self._loads = _index(good, lambda j: _but_load(j.row))

    def of(self, judged: Judged) -> list[str]:
        """Return what the other rows say about one, the weightiest first; empty where they say nothing."""
        said = [
            self._rerun(judged),
            self.doubt(judged),
            self._alone(judged),
            self._neighbour(judged),
            self._run(judged),
        ]
        return [s for s in said if s]

    def _rerun(self, judged: Judged) -> str:
        values = [j.row.value for j in self._again.get(noise.key(judged.row), ())]
        if len(values) < 2 or max(values) < 1.2 * min(values):
            return ""
        return f"measured {len(values)} times: {min(values):.3g} to {max(values):.3g}"

    def doubt(self, judged: Judged) -> str:
        """Return in words where the measured figures of a closed run cannot all be true (Little's law, or a part above its whole).

        Empty where nothing is wrong, as far as the run tells.
        """
        row = judged.row
        if row.metric in LATENCIES and row.statistic not in AVERAGES:
            return ""
        # Latencies of one statistic alone are held against each other, and rates, which have none, against those.
        said = row.statistic if row.metric in LATENCIES else "mean"
        of = {
            j.row.metric: j.row.value
            for j in self._runs.get(row.run, ())
            if j.row.metric not in LATENCIES or j.row.statistic == said
        }
        first, whole = of.get("ttft_s"), of.get("e2e_s")
        if first and whole and row.metric in ("ttft_s", "e2e_s") and first > SLACK * whole:
            return f"doubtful as measured: ttft_s {first:.3g} above e2e_s {whole:.3g} of the run"
        rate, each = of.get("output_tokens_per_s"), of.get("tpot_s")
        if row.load != "closed" or not (rate and each and first and row.concurrency and row.output_tokens):
            return ""
        length = row.output_tokens * (1 - (row.length_spread or 0.0) / 2)
        most = in_flight_rate(row.concurrency, length, first, each)
        if max(rate, most) < SLACK * min(rate, most):
            return ""
        return f"doubtful as measured: TTFT and TPOT give {most:.3g} tokens/s, the run states {rate:.3g}"

    def _alone(self, judged: Judged) -> str:
        part = self._blocks.get(_block(judged), ())
        if len(part) < FEWEST:
            return ""
        middle = median(_log(j) for j in part)
        one = _log(judged)
        if middle * one > 0 and abs(middle) > 0.5 * abs(one):
            return f"its whole block is off: {math.expm1(middle):+.0%} in the median of {len(part)}"
        return f"stands alone: {math.expm1(middle):+.0%} in the median of {len(part)} of its block"

    def _neighbour(self, judged: Judged) -> str:
        mine = judged.row.concurrency
        if not mine:
            return ""
        part = self._loads.get(_but_load(judged.row), ())
        others = [j for j in part if j.row.concurrency and j.row.concurrency != mine]
        if not others:
            return ""
        near = min(others, key=lambda j: abs(math.log((j.row.concurrency or mine) / mine)))
        return f"at {near.row.concurrency:g} in flight instead of {mine:g}: measured {near.row.value:.3g}, {near.scored:+.0%}"

    def _run(self, judged: Judged) -> str:
        part = [j for j in self._runs.get(judged.row.run, ()) if j.row.metric != judged.row.metric]
        best: dict[str, Judged] = {}
        for j in part:
            best.setdefault(j.row.metric, j)
        return ", ".join(f"{m} of the run {j.scored:+.0%}" for m, j in sorted(best.items())[:2])


def known(judged: Judged) -> list[str]:
    """Return what a row itself says of how sure it is: evidence, weight, what was read differently, notes."""
    said = [judged.predicted.evidence]
    if judged.row.weight < 1:
        said.append(f"weight {judged.row.weight:g}")
    return [*said, *judged.predicted.said, *filter(None, [judged.row.notes])]


def _index(rows: Sequence[Judged], key: Callable[[Judged], object]) -> dict[object, list[Judged]]:
    out: dict[object, list[Judged]] = {}
    for j in rows:
        out.setdefault(key(j), []).append(j)
    return out


def _block(judged: Judged) -> tuple[str, str]:
    return block(judged.row), judged.row.metric


def _but_load(row: Row) -> tuple[object, ...]:
    """Return what rows share that differ in nothing but the requests in flight and in all."""
    return (*replace(row, concurrency=None, requests=None).run, row.metric, row.statistic)


def _log(judged: Judged) -> float:
    return math.log1p(judged.scored)
