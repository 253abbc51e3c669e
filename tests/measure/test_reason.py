"""Why a row is far off."""

from __future__ import annotations

from collections.abc import Callable

from wherewithal.measure.judged import Judged
from wherewithal.measure.predicted import Predicted
from wherewithal.measure.reason import Reasons, known
from wherewithal.measure.rows import Row

Maker = Callable[..., Row]


def judged(row: Row, predicted: float) -> Judged:
    return Judged(row, Predicted(predicted, evidence="analog", said=("asked as x",)), 0.0, 1.0)


def test_a_row_that_stands_alone(made: Maker) -> None:
    good = [judged(made(id=str(i), concurrency=float(i)), 0.01) for i in range(1, 9)]
    wild = judged(made(id="w", concurrency=20.0), 1.0)
    said = "; ".join(Reasons([*good, wild]).of(wild))
    assert "stands alone: +0% in the median of 9 of its block" in said
    assert "at 8 in flight instead of 20: measured 0.01, +0%" in said


def test_a_block_that_is_off(made: Maker) -> None:
    rows = [judged(made(id=str(i), concurrency=float(i)), 0.03) for i in range(1, 9)]
    assert "its whole block is off: +200% in the median of 8" in Reasons(rows).of(rows[3])
    assert not any("block" in s for s in Reasons(rows[:3]).of(rows[1]))


def test_reruns_and_the_rest_of_the_run(made: Maker) -> None:
    one, again = judged(made(id="1", value=0.01), 0.05), judged(made(id="2", value=0.04), 0.05)
    other = judged(made(id="3", metric="ttft_s", value=0.1), 0.11)
    said = Reasons([one, again, other]).of(one)
    assert said[0] == "measured 2 times: 0.01 to 0.04"
    assert said[-1] == "ttft_s of the run +10%"
    near = judged(made(id="2", value=0.011), 0.05)
    assert not any("times" in s for s in Reasons([one, near]).of(one))


def test_figures_of_a_run_that_disagree(made: Maker) -> None:
    def said(**values: float) -> list[str]:
        rows = [judged(made(id=m, metric=m, value=v), v) for m, v in values.items()]
        return [s for s in Reasons(rows).of(rows[0]) if "doubtful" in s]

    assert said(ttft_s=48.0, e2e_s=12.0) == ["doubtful as measured: ttft_s 48 above e2e_s 12 of the run"]
    assert not said(ttft_s=1.0, e2e_s=12.0)
    told = "doubtful as measured: TTFT and TPOT give 80 tokens/s, the run states 720"
    assert said(ttft_s=18.01, tpot_s=0.01, output_tokens_per_s=720.0) == [told]
    assert not said(ttft_s=0.2, tpot_s=0.01, output_tokens_per_s=720.0)


def test_latencies_of_two_statistics_do_not_disagree(made: Maker) -> None:
    mean = judged(made(id="1", metric="ttft_s", value=1.0), 1.0)
    high = judged(made(id="2", metric="ttft_s", value=48.0, statistic="p99"), 1.0)
    whole = judged(made(id="3", metric="e2e_s", value=12.0), 12.0)
    about = Reasons([mean, whole, high])
    assert not any(map(about.doubt, (mean, whole, high)))


def test_what_a_row_says_itself(made: Maker) -> None:
    assert known(judged(made(weight=0.5, notes="n"), 1.0)) == ["analog", "weight 0.5", "asked as x", "n"]
    assert known(judged(made(), 1.0)) == ["analog", "asked as x"]
