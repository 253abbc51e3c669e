"""What reruns of one configuration differ by."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.measure import noise
from wherewithal.measure.rows import Row

Maker = Callable[..., Row]
values = st.lists(st.floats(0.01, 100), min_size=2, max_size=8)


@given(values, st.floats(0.01, 100))
def test_noise_does_not_depend_on_the_unit(of: list[float], scale: float) -> None:
    assert noise.difference([v * scale for v in of]) == pytest.approx(noise.difference(of), abs=1e-9)
    assert noise.floor([v * scale for v in of]) == pytest.approx(noise.floor(of), abs=1e-9)


@given(values)
def test_noise_is_nothing_where_all_are_alike_and_never_negative(of: list[float]) -> None:
    assert noise.difference(of) >= 0 <= noise.floor(of)
    assert noise.difference([of[0]] * 3) == noise.floor([of[0]] * 3) == 0


@given(values)
def test_the_floor_is_no_more_than_two_reruns_differ_by_at_most(of: list[float]) -> None:
    assert noise.floor(of) <= max(of) / min(of) - 1 + 1e-12


def test_two_values_by_hand() -> None:
    assert noise.difference([1.0, 1.1]) == pytest.approx(0.1)
    assert noise.floor([1.0, 1.1]) == pytest.approx(0.05 / 1.05)


def test_a_rerun_shares_everything_but_date_and_value(made: Maker) -> None:
    first, again = made(id="1", date="2026-01"), made(id="2", date="2026-02", value=0.012)
    assert noise.reruns([first, again]) == [[first, again]]
    for change in (
        {"concurrency": 9.0},
        {"metric": "ttft_s"},
        {"statistic": "median"},
        {"notes": "x"},
        {"source": "x"},
    ):
        assert not noise.reruns([first, made(id="2", **change)])


def test_another_version_is_told_apart(made: Maker) -> None:
    some = [made(id="1", engine_version="1"), made(id="2", engine_version="2", value=0.011)]
    assert not noise.reruns(some)
    (one,) = noise.floors(some)
    assert (one.engine, one.groups, one.rows) == (noise.ANY, 1, 2)
    assert one.difference == pytest.approx(0.1)


def test_rows_that_are_not_scored_make_no_noise(made: Maker) -> None:
    assert not noise.floors([made(id="1", metric="itl_s"), made(id="2", metric="itl_s")])
    assert not noise.floors([made(id="1", eligible=False), made(id="2", eligible=False)])
    assert noise.floors([made(id="1"), made(id="2")])[0].groups == 1
