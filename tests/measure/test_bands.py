"""Intervals from residuals."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.fit_intervals import stored
from wherewithal.measure import bands, folds
from wherewithal.measure.bands import Residual
from wherewithal.measure.judged import Judged
from wherewithal.measure.predicted import Predicted
from wherewithal.measure.rows import Row
from wherewithal.pricing import intervals
from wherewithal.pricing.intervals import Case

CASE = Case("closed", "some-chip")
# Rounded, so that a shift keeps apart what differs: a subnormal beside zero would melt into it.
values = st.lists(st.floats(-2, 2).map(lambda v: round(v, 6)), min_size=2, max_size=30)


def residuals(of: list[float], blocks: int = 1, case: Case = CASE) -> list[Residual]:
    return [Residual("tpot_s", "measured", case, f"b{i % blocks}", v) for i, v in enumerate(of)]


@given(values)
def test_ends_lie_within_what_was_seen(of: list[float]) -> None:
    low, high = intervals.ends(bands.fit(residuals(of, 3)), "tpot_s", "measured", CASE)
    assert math.exp(min(of)) - 1e-9 <= low <= high <= math.exp(max(of)) + 1e-9


@given(values, st.floats(-1, 1))
def test_a_shift_of_all_residuals_shifts_the_ends(of: list[float], by: float) -> None:
    before = intervals.ends(bands.fit(residuals(of, 4)), "tpot_s", "measured", CASE)
    after = intervals.ends(bands.fit(residuals([v + by for v in of], 4)), "tpot_s", "measured", CASE)
    assert np.log(after) == pytest.approx(np.log(before) + by, abs=1e-6)


def test_a_chip_of_many_blocks_has_its_own_width() -> None:
    narrow, wide = Case("closed", "known"), Case("closed", "wild")
    rng = np.random.default_rng(0)
    rows = residuals(list(rng.normal(0, 0.05, 300)), 30, narrow) + residuals(list(rng.normal(0, 1, 300)), 30, wide)
    cells = bands.fit(rows)
    width = {c.chip: math.log(np.divide(*intervals.ends(cells, "tpot_s", "measured", c)[::-1])) for c in (narrow, wide)}
    unknown = math.log(np.divide(*intervals.ends(cells, "tpot_s", "measured", Case("closed", "new"))[::-1]))
    assert width["known"] < 0.5 * unknown
    assert unknown < width["wild"]


def test_a_big_block_counts_less_than_its_rows() -> None:
    big = [Residual("tpot_s", "measured", CASE, "big", 1.0)] * 100
    small = [Residual("tpot_s", "measured", CASE, f"s{i}", 0.0) for i in range(20)]
    assert bands.cell([*big, *small]).quantiles[intervals.LEVELS.index(0.5)] == pytest.approx(0.0)


def test_held_out_never_sees_its_block(made: Callable[..., Row]) -> None:
    """A block that is far off leaves its own interval as narrow as that of the others."""
    rows = [made(id=str(i), source=f"s{i}", value=1.0 + 0.01 * (i % 5)) for i in range(40)]
    judged = [Judged(r, Predicted(1.0, evidence="measured"), 0.0, 0.0) for r in rows]
    wild = replace(judged[7], row=replace(judged[7].row, value=50.0))
    before = bands.held_out(judged)[7]
    after = bands.held_out([*judged[:7], wild, *judged[8:]])
    assert (after[7].low, after[7].high) == (before.low, before.high)
    assert not after[7].inside
    other = next(i for i, r in enumerate(rows) if folds.fold(folds.block(r)) != folds.fold(folds.block(rows[7])))
    assert after[other].high > bands.held_out(judged)[other].high


def test_stored_cells_are_read_back() -> None:
    cells = bands.fit(residuals([0.1, -0.2, 0.3, 0.0], 2))
    again = intervals.read(tomllib.loads(stored(cells, "a test")))
    assert again.keys() == cells.keys()
    for key, cell in cells.items():
        assert again[key].quantiles == pytest.approx(cell.quantiles, abs=6e-4)
        assert (again[key].rows, again[key].blocks) == (cell.rows, cell.blocks)


@pytest.mark.parametrize("figure", intervals.FIGURES)
@pytest.mark.parametrize("evidence", ["measured", "analog", "datasheet"])
def test_the_installed_bands(figure: str, evidence: str) -> None:
    for case in (Case(), Case("closed"), Case("static", "no-such-chip")):
        low, high = intervals.band(figure, evidence, case)
        assert 0 < low <= 1 <= high
        assert high / low > 1.05
        assert "published measurements" in intervals.basis(figure, evidence, case)
