"""Draws have the median and the interval that their rows state, and the correlation that groups ask for."""

from __future__ import annotations

import numpy as np
import pytest

from wherewithal.errors import InputError
from wherewithal.fleet.draw import Draws
from wherewithal.fleet.inputs import Input, Inputs, Point, parameters, widened
from wherewithal.fleet.scenario import read

DRAWS = 4096


def made(shape: str, low: float, value: float, high: float, key: str = "a", **more: object) -> Input:
    return Input(key, shape, "p5-p95", (Point(None, value, low, high),), "1", "assumed", "test", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "ends"), [("lognormal", (2.0, 3.0, 9.0)), ("normal", (-1.0, 0.0, 4.0)), ("beta", (0.3, 0.45, 0.7))]
)
def test_the_stated_quantiles_are_met(shape: str, ends: tuple[float, float, float]) -> None:
    values = Draws(DRAWS, 0, ["a"]).values(made(shape, *ends))
    found = np.percentile(values, [5, 50, 95])
    # A beta has two numbers to meet three with: the nearest in least squares.
    assert found == pytest.approx(ends, rel=0.01, abs=0.035 if shape == "beta" else 0.01)


def test_a_uniform_ends_where_it_says() -> None:
    values = Draws(DRAWS, 0, ["a"]).values(made("uniform", 1.0, 2.0, 5.0))
    assert values.min() >= 1
    assert values.max() <= 5
    assert np.median(values) == pytest.approx(2, rel=0.01)


def test_one_group_is_correlated_as_stated() -> None:
    draws = Draws(DRAWS, 0, ["a", "b", "factor | g"])
    a, b = (draws.score(made("normal", -1, 0, 1, key, group="g", rho=0.7)) for key in ("a", "b"))
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.7, abs=0.03)


def test_every_row_of_the_table_can_be_drawn() -> None:
    table = parameters()
    draws = Draws(256, 0, [*table, *{f"factor | {i.group}" for i in table.values()}])
    for given in table.values():
        for year in (None, 2025, 2029):
            values = draws.values(given, year)
            assert np.isfinite(values).all(), given.key


def test_years_between_are_between() -> None:
    given = Input("w", "lognormal", "p5-p95", (Point(2026, 10, 5, 20), Point(2028, 30, 20, 50)), "1", "read", "x")
    draws = Draws(256, 0, ["w"])
    a, b, c = (draws.values(given, y) for y in (2026, 2027, 2028))
    assert np.allclose(b, (a + c) / 2)
    assert np.array_equal(draws.values(given, 2035), c)


def test_a_frozen_prior_knows_no_later_row() -> None:
    early = parameters((), "2025-06")
    assert all("2026" not in k for k in early) or early != parameters()
    inputs = Inputs(read("china-2030"), (), before="2025-06")
    assert inputs.get("die_bank | Ascend dies made by TSMC").points[0].value == 2_000_000
    later = Inputs(read("china-2030")).get("die_bank | Ascend dies made by TSMC")
    assert later.points[0].value == 2_900_000


def test_widening_doubles_the_logarithm() -> None:
    point = widened(made("lognormal", 2, 4, 8)).points[0]
    assert (point.low, point.high) == (1, 16)


@pytest.mark.parametrize(
    ("text", "said"),
    [("power.pue", "is not PATH=VALUE"), ("nowhere.at=1", "no 'nowhere.at'"), ("power.pue=inf", "is no number")],
)
def test_a_bad_override_is_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read("china-2030", (), [text])


def test_an_override_fixes_an_input() -> None:
    scenario = read("china-2030", (), ["power.pue=1.2", "last_year=2028"])
    assert scenario.last_year == 2028
    assert Inputs(scenario).get(scenario.power.pue).points[0].value == 1.2
