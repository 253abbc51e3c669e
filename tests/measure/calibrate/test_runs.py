"""Constants of an engine on a chip from whole runs, on a made engine whose latencies are a formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from wherewithal.measure.calibrate import runs
from wherewithal.measure.calibrate.runs import Bench, Constants, Floats
from wherewithal.measure.rows import Row

START = Constants(per_step_s=8e-4, per_request_s=1e-3)


class Formula(Bench):
    """A bench whose predictions are arithmetic, so that a fit takes no time."""

    def __init__(self, rows: Sequence[Row], truth: Constants, noise: float) -> None:
        self.rows, self.start, self.engine, self.chip = list(rows), START, "made", "made"
        rng = np.random.default_rng(1)
        self.measured = np.ones(len(rows))
        self.measured = self.predict(truth) * np.exp(noise * rng.normal(size=len(rows)))

    def predict(self, c: Constants, some: Sequence[int] | None = None) -> Floats:
        return np.array([_value(self.rows[i], c) for i in (range(len(self.rows)) if some is None else some)])


def _value(row: Row, c: Constants) -> float:
    seqs, prompt = row.concurrency or 1.0, row.input_tokens or 1.0
    if row.metric == "tpot_s":
        return c.arithmetic * 2e-3 * seqs + c.memory * 1.5e-2 + c.per_step_s + c.per_sequence_s * seqs
    return c.arithmetic * 3e-3 * prompt + c.per_request_s + c.per_prompt_token_s * prompt


@pytest.fixture
def bench(made: Callable[..., Row]) -> Callable[..., Formula]:
    """Return a maker of benches: eight loads, time to first token and per token each."""

    def make(truth: Constants, noise: float = 0.0) -> Formula:
        loads = [(c, n) for c in (1.0, 2.0, 4.0, 8.0) for n in (100.0, 800.0)]
        rows = [
            made(id=f"{c}-{n}-{m}", concurrency=c, input_tokens=n, metric=m) for c, n in loads for m in runs.METRICS[:2]
        ]
        return Formula(rows, truth, noise)

    return make


def test_other_constants_are_found(bench: Callable[..., Formula]) -> None:
    truth = Constants(1.3, 0.8, 2e-3, 4e-4, 2e-2, 1e-5)
    constants, judged, _ = runs.judge(bench(truth))
    assert judged.kept
    assert judged.left_out["tpot_s"] < 0.3 * judged.before["tpot_s"]
    assert judged.left_out["ttft_s"] < 0.3 * judged.before["ttft_s"]
    assert math.isclose(constants.arithmetic, 1.3, rel_tol=0.1)


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_half_of_the_runs_never_makes_the_other_half_worse(bench: Callable[..., Formula], noise: float) -> None:
    """What is kept beats what was known on runs that the fit did not see; noise alone is not kept."""
    whole = bench(START, noise)
    first = [i for i, r in enumerate(whole.rows) if r.concurrency in (1.0, 4.0)]
    other = [i for i in range(len(whole.rows)) if i not in first]
    half = bench(START, noise)
    half.rows, half.measured = [whole.rows[i] for i in first], whole.measured[first]
    constants, judged, _ = runs.judge(half)
    used = constants if judged.kept else START
    off = [np.abs(np.log(whole.predict(c, other) / whole.measured[other])).mean() for c in (used, START)]
    assert off[0] <= off[1] * 1.001


def test_one_run_is_no_proof(bench: Callable[..., Formula]) -> None:
    one = bench(Constants(2.0, 2.0))
    one.rows, one.measured = one.rows[:1], one.measured[:1]
    assert not runs.judge(one)[1].kept


def test_shares_stay_below_one() -> None:
    record = runs.CurveRecord(kind="matmul", format="q8_0", compute_share=0.9, memory_share=0.9, residual=runs.Spread(sd=0, q10=0, q50=0, q90=0))  # fmt: skip
    quicker = runs._scaled(record, replace(Constants(), arithmetic=0.5, memory=0.5))
    assert (quicker.compute_share, quicker.memory_share) == (1.0, 1.0)
    slower = runs._scaled(record, replace(Constants(), arithmetic=2.0, memory=3.0))
    assert (slower.compute_share, slower.memory_share) == (0.45, pytest.approx(0.3))
