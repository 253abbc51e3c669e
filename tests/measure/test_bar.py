"""The bar: which rows, what they must reach, what they reach."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from wherewithal.measure import bar
from wherewithal.measure.judged import Judged
from wherewithal.measure.predicted import Predicted
from wherewithal.measure.rows import Row

Maker = Callable[..., Row]


def judged(row: Row, error: float) -> Judged:
    return Judged(row, Predicted(row.value * (1 + error), evidence="measured"), 0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, bar.ONLINE),
        ({"load": "open"}, bar.ONLINE),
        ({"serving": "disaggregated"}, bar.SPLIT),
        ({"load": "static"}, bar.BATCH),
        ({"load": "offline", "concurrency": None}, bar.OFFLINE),
        ({"system": "mi355x-8"}, bar.OTHER),
        ({"system": "mi355x-8", "serving": "disaggregated"}, bar.OTHER),
        ({"system": "mi355x-8", "load": "offline"}, bar.OFFLINE),
        ({"chip": "mi355x"}, bar.OTHER),
    ],
)
def test_kinds_of_rows(made: Maker, change: dict[str, object], kind: str) -> None:
    assert bar.kind(made(**change)) == kind


def test_curves_are_the_catalogs() -> None:
    """A chip with a roof of its own but no engine's operators (a desktop card, another maker's) has no operator curves."""
    assert bar.has_curves("h200-sxm")
    assert not any(map(bar.has_curves, ("rtx-3090", "mi300x", "no-such-chip")))


def test_a_cell_by_hand(made: Maker) -> None:
    rows = [judged(made(id=str(i)), e) for i, e in enumerate((0.01, -0.02, 0.05, 0.10, -0.9))]
    (one,) = bar.table(rows)
    assert (one.kind, one.figure, one.rows, one.derived, one.chips) == (bar.ONLINE, "TPOT", 5, 0, 0)
    assert one.median == pytest.approx(0.05)
    assert one.p90 == pytest.approx(0.58)
    assert (one.median_bar, one.p90_bar) == (0.08, 0.25)
    assert one.reached is False
    assert bar.table(rows[:4])[0].reached


def test_throughput_is_stated_or_derived_never_both(made: Maker) -> None:
    bare = [judged(made(id=m, metric=m), 0.1) for m in ("ttft_s", "tpot_s")]
    stated = [judged(made(id=f"s{m}", metric=m, concurrency=4.0), 0.1) for m in ("ttft_s", "tpot_s", "requests_per_s")]
    cells = {m.figure: m for m in bar.table([*bare, *stated])}
    assert (cells["TPOT"].rows, cells["throughput"].rows, cells["throughput"].derived) == (2, 2, 1)


def test_other_chips_count_once_each(made: Maker) -> None:
    """A chip of many rows weighs no more than one of twenty; one of fewer is not counted."""
    chips = {"mi355x": (200, 0.5), "mi300x": (20, 0.1), "gaudi2": (20, 0.2), "m4-max": (19, 0.0)}
    rows = [judged(made(id=f"{c}{i}", chip=c), e) for c, (n, e) in chips.items() for i in range(n)]
    (one,) = bar.table(rows)
    assert (one.kind, one.chips, one.rows) == (bar.OTHER, 3, 259)
    assert one.median == pytest.approx(0.2)
    assert one.reached


def test_what_is_asked_of_nothing_is_neither_reached_nor_missed(made: Maker) -> None:
    (one,) = bar.table([judged(made(metric="input_tokens_per_s_per_chip"), 0.0)])
    assert one.reached is None
    assert one.to_dict()["median_bar"] is None
    assert not bar.table([judged(made(metric="power_w"), 0.0)])


def test_no_chip_of_enough_rows_has_no_figure(made: Maker) -> None:
    (one,) = bar.table([judged(made(chip="mi300x"), 0.0)])
    assert math.isnan(one.median)
    assert one.reached is False
    assert one.to_dict()["median"] is None
