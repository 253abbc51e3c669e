"""Laws of fleets: chips are conserved, shares sum to one, bands are in order, one seed is one answer."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherewithal.fleet import against, drivers, model, products, stock
from wherewithal.fleet.model import BANDS, Fleet
from wherewithal.fleet.scenario import names

DRAWS = 256
SCENARIOS = names()


@cache
def ran(name: str, seed: int = 0) -> Fleet:
    return model.run(name, draws=DRAWS, seed=seed)


def test_all_scenarios_of_the_issue_are_there() -> None:
    assert {
        "china-2030", "china-ms-2025", "china-bernstein-2025-12", "no-h20-ban", "hbm-free", "self-sufficiency-70",
        "us-2030", "company-example",
    } <= set(SCENARIOS)  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_chips_are_conserved_on_every_draw(name: str) -> None:
    """Made and imported, less retired, is what stands: the losses of each quarter are added up apart."""
    fleet = ran(name)
    calendar = fleet.cohorts.calendar
    stands = np.zeros((DRAWS, len(fleet.years)))
    for line in fleet.cohorts.lines:
        share = fleet.cohorts.survival[products.product(line.product).record.scarce]
        came = np.cumsum(stock.yearly(line.units, calendar), axis=1)
        gone = stock.retired(line.units, share, calendar)
        np.testing.assert_allclose(came - gone, stock.standing(line.units, share, calendar), rtol=1e-9, atol=1e-6)
        stands += came - gone
    np.testing.assert_allclose(stands, fleet.series("Stock|Units|Total"), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("kind", ["Flow", "Stock"])
def test_shares_sum_to_one(name: str, kind: str) -> None:
    fleet = ran(name)
    for basis in ("Units", "H100e|8-bit", "H100e|16-bit", "Bandwidth"):
        parts = [fleet.series(f"Share|{o}|{basis}|{kind}|All") for o in ("Domestic", "Imported", "Smuggled")]
        total = fleet.series(f"{kind}|{basis}|Total")
        assert np.allclose(np.sum(parts, axis=0)[total > 0], 1.0)


@pytest.mark.parametrize("name", SCENARIOS)
def test_bands_are_in_order(name: str) -> None:
    order = ("p5", "p25", "median", "p75", "p95")
    for row in ran(name).table():
        values = [row[k] for k in order]
        assert set(BANDS) == set(order)
        assert None in values or values == sorted(values), row


def test_medians_meet_the_table_computed_earlier() -> None:
    """`domestic_share.csv` is a check: sums of medians without draws. Medians of draws stay within a few percent."""
    fleet = ran("china-2030")
    for variable, year, share in (
        ("Share|Domestic|Units|Flow|Legal", 2024, 0.331), ("Share|Domestic|Units|Flow|All", 2024, 0.296),
        ("Share|Domestic|H100e|8-bit|Flow|Legal", 2024, 0.566), ("Share|Domestic|H100e|8-bit|Flow|All", 2024, 0.382),
        ("Share|Domestic|Units|Flow|Legal", 2025, 0.618), ("Share|Domestic|Units|Flow|All", 2025, 0.515),
        ("Share|Domestic|H100e|8-bit|Flow|Legal", 2025, 0.861), ("Share|Domestic|H100e|8-bit|Flow|All", 2025, 0.484),
    ):  # fmt: skip
        assert fleet.band(variable, year)["median"] == pytest.approx(share, rel=0.03), (variable, year)


def test_against_itself_is_exactly_zero() -> None:
    one, other = model.run("china-2030", draws=DRAWS), model.run("china-2030", draws=DRAWS)
    for name in one.variables:
        found = against.difference(one, other, name)
        assert not np.any(np.nan_to_num(found)), name


def test_scenarios_that_share_an_input_share_its_draws() -> None:
    """A change of imports leaves own output as it is, on every draw."""
    one, other = ran("china-2030"), ran("no-h20-ban")
    assert np.array_equal(one.series("Flow|Units|Domestic"), other.series("Flow|Units|Domestic"))
    less = against.difference(one, other, "Flow|Units|Imported")
    assert (less[:, one.years.index(2025)] < 0).all()
    assert not less[:, [y != 2025 for y in one.years]].any()
    lost = -np.median(less[:, one.years.index(2025)])
    assert lost == pytest.approx(915_222, rel=0.01)


def test_one_seed_is_one_answer() -> None:
    one, other = (json.dumps(model.run("china-2030", draws=DRAWS, seed=7).table()) for _ in range(2))
    assert one == other
    assert one != json.dumps(ran("china-2030").table())


def test_without_memory_as_a_limit_no_less_is_made() -> None:
    more, less = ran("hbm-free").series("Flow|Units|Domestic"), ran("china-2030").series("Flow|Units|Domestic")
    later = [y >= 2026 for y in ran("china-2030").years]
    assert (more.cumsum(axis=1)[:, later] >= less.cumsum(axis=1)[:, later] * (1 - 1e-9)).all()


def test_a_target_is_met() -> None:
    fleet = ran("self-sufficiency-70")
    share = fleet.series("Share|Domestic|H100e|8-bit|Flow|All")[:, fleet.years.index(2028)]
    assert (share >= 0.70 - 1e-9).all()
    assert (fleet.series("Target|Times the output") >= 1).all()


@settings(max_examples=40, deadline=None)
@given(
    life=st.floats(0.5, 15), loss=st.floats(0, 0.5), lag=st.floats(0, 40),
    units=st.lists(st.floats(0, 1e7), min_size=12, max_size=12),
)  # fmt: skip
def test_survival_falls_and_loses_nothing(life: float, loss: float, lag: float, units: list[float]) -> None:
    calendar = stock.Calendar(2024, 2026)
    share = stock.survival(np.array([life]), np.array([loss]), calendar.quarters)
    works = stock.deployed(np.array([lag]), calendar.quarters)
    assert (np.diff(share, axis=1) <= 1e-12).all()
    assert ((share >= 0) & (share <= 1)).all()
    assert (np.diff(works, axis=1) >= 0).all()
    flow = np.array([units])
    came = np.cumsum(stock.yearly(flow, calendar), axis=1)
    left = stock.standing(flow, share, calendar) + stock.retired(flow, share, calendar)
    np.testing.assert_allclose(left, came, rtol=1e-9, atol=1e-6)


def test_drivers_share_out_what_is_explained() -> None:
    """Two equal inputs get equal shares, an idle one none, and the shares sum to R2."""
    random = np.random.default_rng(0)
    x = random.standard_normal((4000, 3))
    shares, signs = drivers.weights(x, x[:, 0] - x[:, 1])
    assert shares[:2] == pytest.approx([0.48, 0.48], abs=0.04)
    assert shares[2] < 0.01
    assert list(signs[:2]) == [1, -1]
    found, rest = drivers.rank(ran("china-2030"), "Stock|H100e|8-bit|Total", 2030)
    assert sum(d.share for d in found) + rest == pytest.approx(1, abs=0.02)
    assert found == sorted(found, key=lambda d: -d.share)
