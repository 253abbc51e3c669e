"""Outlooks: never fall, bands in order, the score is that of its definition, and a steady trend is found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frontier.made import BOARDS, MADE, START, score
from wherewithal.errors import InputError
from wherewithal.frontier.outlook import backtest, crps, outlook

STEADY = [score(day, c, 20.0 + day / 30 + up, 0.3) for c, up in (("AA", 0.0), ("BB", 5.0)) for day in range(0, 700, 30)]


def test_a_steady_trend_goes_on() -> None:
    made = outlook(STEADY, MADE, "country", draws=512)
    assert made.kind == "linear"
    last = [f for f in made.fans if f.day == max(x.day for x in made.fans)]
    now = {"AA": 43.0, "BB": 48.0}
    for fan in last:
        assert fan.quantiles[2] == pytest.approx(now[fan.group] + 12, abs=1.5)
    assert sum(f.leads for f in last) == pytest.approx(1)


def test_bands_are_in_order_and_never_fall() -> None:
    made = outlook(STEADY, MADE, "country", draws=256)
    for name in ("AA", "BB"):
        rows = np.array([f.quantiles for f in made.fans if f.group == name])
        assert (np.diff(rows, axis=1) >= 0).all()
        assert (np.diff(rows, axis=0) >= -1e-9).all()


def test_backtest_of_a_steady_trend_beats_no_change() -> None:
    for one in backtest(STEADY, MADE, "country", START + 400, draws=512):
        assert one.crps < one.naive / 2
        assert one.covered >= 0.8
        assert one.months >= 9


def test_same_seed_same_figures() -> None:
    one, other, third = (outlook(STEADY, MADE, "country", draws=64, seed=s) for s in (1, 1, 2))
    assert one == other
    assert one != third


def test_backtest_knows_nothing_later() -> None:
    """What comes out after the freeze changes the outcome and never the outlook."""
    later = [*STEADY, score(650, "AA", 90.0, 0.3)]
    one, other = (
        {s.group: s for s in backtest(rows, MADE, "country", START + 400, draws=64)} for rows in (STEADY, later)
    )
    assert (one["AA"].median, one["AA"].low, one["AA"].high) == (other["AA"].median, other["AA"].low, other["AA"].high)
    assert other["AA"].outcome == 90


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20), st.floats(-50, 50))
def test_crps_is_its_definition(sample: list[float], outcome: float) -> None:
    x = np.array(sample)
    plain = np.mean(np.abs(x - outcome)) - np.mean(np.abs(x[:, None] - x[None, :])) / 2
    assert crps(x, outcome) == pytest.approx(plain, abs=1e-9)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(InputError, match="scale of its own"):
        outlook([score(0, "AA", 20.0, board="a")], BOARDS, "country")
    with pytest.raises(InputError, match="no full month"):
        backtest(STEADY, MADE, "country", MADE.until)
    with pytest.raises(InputError, match="fewer than"):
        backtest(STEADY, MADE, "country", START + 40)
    with pytest.raises(InputError, match="no score by"):
        backtest(STEADY, MADE, "country", START - 40)
