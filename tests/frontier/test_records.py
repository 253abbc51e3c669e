"""Records never fall, do not depend on the order of rows, and their draws follow the published intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.frontier.made import BOARDS, MADE, score, tables
from wherewithal.frontier.records import records, simulate, steps
from wherewithal.frontier.scores import Score


@given(tables())
@settings(max_examples=40, deadline=None)
def test_records_never_fall(made: list[Score]) -> None:
    table = records(made, MADE, "country", draws=16)
    for name in table.groups:
        values = [s.value for s in steps(table, name)]
        assert values == sorted(set(values))
        assert (np.diff(np.where(np.isfinite(table.drawn(name)), table.drawn(name), -1e9), axis=1) >= 0).all()


@given(tables(), st.randoms())
@settings(max_examples=40, deadline=None)
def test_order_of_rows_changes_nothing(made: list[Score], random: object) -> None:
    shuffled = list(made)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (records(rows, MADE, "country", draws=16, seed=3) for rows in (made, shuffled))
    assert one.best == other.best
    assert one.draws.tobytes() == other.draws.tobytes()


def test_draws_follow_the_intervals() -> None:
    drawn = simulate([score(0, "AA", 50.0, 4.0)], 200_000, 0)[:, 0]
    inside = np.mean((drawn > 46) & (drawn < 54))
    assert inside == pytest.approx(0.9, abs=0.005)
    assert np.median(drawn) == pytest.approx(50, abs=0.05)


def test_no_errors_no_draws() -> None:
    assert records([score(0, "AA", 50.0, None)], MADE, "country").draws.shape[1] == 0


def test_a_value_fixed_by_definition_does_not_err() -> None:
    assert (simulate([score(0, "AA", 50.0, 0.0, level=1.0)], 100, 0) == 50).all()


def test_boards_are_not_chained() -> None:
    made = [score(0, "AA", 90.0, board="a"), score(0, "BB", 80.0, board="a"), score(9, "AA", 40.0, board="b")]
    table = records(made, BOARDS, "country", draws=4)
    assert [s.value if s else None for s in table.row("AA")] == [90, 40]
    assert table.row("BB")[1] is None
