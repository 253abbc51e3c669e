"""Whether the layout that measured best is predicted best."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.measure import choice
from wherewithal.measure.judged import Judged
from wherewithal.measure.predicted import Predicted
from wherewithal.measure.rows import Row

Maker = Callable[..., Row]
worth = st.floats(0.01, 100).map(lambda v: round(v, 3))
groups = st.integers(2, 6).flatmap(
    lambda n: st.tuples(st.lists(worth, min_size=n, max_size=n), st.lists(worth, min_size=n, max_size=n))
)


@given(groups)
def test_who_predicts_what_was_measured_chooses_best(of: tuple[list[float], list[float]]) -> None:
    _, measured = of
    one = choice.decide(measured, measured)
    assert (one.best, one.regret) == (1.0, 0.0)


@given(groups)
def test_only_the_order_of_predictions_counts(of: tuple[list[float], list[float]]) -> None:
    predicted, measured = of
    assert choice.decide([math.log(p) for p in predicted], measured) == choice.decide(predicted, measured)


@given(groups)
def test_the_order_of_layouts_does_not_count(of: tuple[list[float], list[float]]) -> None:
    predicted, measured = of
    one, other = choice.decide(predicted, measured), choice.decide(predicted[::-1], measured[::-1])
    assert (one.best, one.random_best) == (other.best, other.random_best)
    assert (one.regret, one.random_regret) == pytest.approx((other.regret, other.random_regret))


@given(groups)
def test_regret_is_nothing_for_the_best_alone_and_bounded(of: tuple[list[float], list[float]]) -> None:
    predicted, measured = of
    one = choice.decide(predicted, measured)
    assert 0 <= one.regret <= max(measured) / min(measured) - 1
    assert (one.best == 1.0) <= (one.regret == 0.0)


@given(st.lists(worth, min_size=2, max_size=5, unique=True))
def test_random_is_the_mean_over_all_orders(measured: list[float]) -> None:
    every = [choice.decide(order, measured) for order in itertools.permutations(range(1, len(measured) + 1))]
    one = every[0]
    assert one.random_best == pytest.approx(fmean(c.best for c in every))
    assert one.random_regret == pytest.approx(fmean(c.regret for c in every))


@given(groups)
def test_who_cannot_tell_chooses_at_random(of: tuple[list[float], list[float]]) -> None:
    _, measured = of
    one = choice.decide([1.0] * len(measured), measured)
    assert (one.best, one.regret) == pytest.approx((one.random_best, one.random_regret))


def judged(made: Maker, name: str, value: float, predicted: float, **change: object) -> Judged:
    return Judged(made(id=name, value=value, **change), Predicted(predicted, evidence="measured"), 0.0, 1.0)


def test_groups_of_latency(made: Maker) -> None:
    fast = judged(made, "1", 0.010, 0.020, layout="tp2", chips=2.0)
    slow = judged(made, "2", 0.013, 0.030, layout="tp1", chips=1.0)
    (one,) = choice.choices([fast, slow], choice.TPOT)
    assert (one.best, one.random_best) == (1.0, 0.5)
    assert one.random_regret == pytest.approx(0.15)
    slowest = judged(made, "3", 0.020, 0.031, layout="tp4", chips=4.0)
    (three,) = choice.choices([fast, slow, slowest], choice.TPOT)
    assert three.random_regret == pytest.approx((0.3 + 1.0) / 3)
    (wrong,) = choice.choices([fast, judged(made, "2", 0.013, 0.015, layout="tp1")], choice.TPOT)
    assert (wrong.best, wrong.regret) == (0.0, pytest.approx(0.3))


def test_layouts_that_hardly_differ_are_no_question(made: Maker) -> None:
    near = [judged(made, "1", 0.010, 0.02, layout="tp2"), judged(made, "2", 0.0119, 0.03, layout="tp1")]
    assert not choice.choices(near, choice.TPOT)


@pytest.mark.parametrize("change", [{"model": "x"}, {"engine_version": "2"}, {"concurrency": 9.0}, {"source": "x"}])
def test_other_loads_and_engines_are_other_groups(made: Maker, change: dict[str, object]) -> None:
    some = [judged(made, "1", 0.01, 0.02, layout="tp2"), judged(made, "2", 0.02, 0.03, layout="tp1", **change)]
    assert not choice.choices(some, choice.TPOT)


def test_layouts_of_as_many_chips_are_counted_apart(made: Maker) -> None:
    some = [
        judged(made, "1", 0.010, 0.010, layout="tp8", chips=8.0),
        judged(made, "2", 0.020, 0.009, layout="tp4 pp2", chips=8.0),
        judged(made, "3", 0.100, 0.100, layout="tp1", chips=1.0),
    ]
    (whole,), (equal,) = choice.choices(some, choice.TPOT), choice.choices(some, choice.TPOT, equal=True)
    assert (whole.layouts, equal.layouts) == (3, 2)
    assert equal.regret == pytest.approx(1.0)
    assert [s.aim for s in choice.summaries(some)] == [choice.TPOT, choice.EQUAL]
    assert [s.aim for s in choice.summaries(some[1:])] == [choice.TPOT]


def test_rates_are_per_chip(made: Maker) -> None:
    """Two chips that give one and a half times one chip's tokens are the worse choice."""
    change = {"metric": "output_tokens_per_s"}
    one = judged(made, "1", 100.0, 90.0, layout="tp1", chips=1.0, **change)
    two = judged(made, "2", 150.0, 170.0, layout="tp2", chips=2.0, **change)
    (group,) = choice.choices([one, two], choice.RATE)
    assert group.best == 1.0
    assert group.random_regret == pytest.approx((100 / 75 - 1) / 2)


def test_a_run_counts_once_however_it_prints_its_rate(made: Maker) -> None:
    some = [
        judged(made, f"{m}{n}", 100.0 * n**0.5, 100.0 * n**0.5, layout=f"tp{n}", chips=n, metric=m)
        for n in (1.0, 4.0)
        for m in ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s")
    ]
    assert len(choice.choices(some, choice.RATE)) == 1


def test_rates_derived_from_latencies_are_choices(made: Maker) -> None:
    some = [
        judged(made, f"{m}{n}", v, v, layout=f"tp{n}", chips=float(n), metric=m)
        for n in (1, 8)
        for m, v in (("ttft_s", 0.1), ("tpot_s", 0.01))
    ]
    assert [c.random_best for c in choice.choices(some, choice.RATE)] == [0.5]


def test_summaries(made: Maker) -> None:
    right, wrong = choice.decide([2, 1], [2.0, 1.0]), choice.decide([1, 2], [2.0, 1.0])
    one = choice.summary([right, right, wrong, wrong], "x")
    assert (one.groups, one.first, one.regret, one.random_first) == (4, 0.5, 0.5, 0.5)
    assert not one.reached
    assert choice.summary([right] * 5, "x").reached
    assert choice.summary([], "x").to_dict()["reached"] is None
    assert choice.summaries([]) == []
