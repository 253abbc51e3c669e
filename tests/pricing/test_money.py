"""Money: rent by the median, else purchase and power; none known is None; spot is never used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.catalog import load as catalog
from wherewithal.errors import FileProblems
from wherewithal.machine import load
from wherewithal.machine.system import System
from wherewithal.pricing import offers
from wherewithal.pricing.energy import Watts
from wherewithal.pricing.money import Terms, cost, electricity, per_million_tokens

HEAD = "item,name,what,place,date,value,low,high,unit,source,known,note\n"


def folder(path: Path, rows: str, table: str = "rent") -> Path:
    """Write a user's price table."""
    (path / "prices").mkdir(exist_ok=True)
    (path / "prices" / f"{table}.csv").write_text(HEAD + rows, encoding="utf-8")
    return path


def made(name: str = "made-up-2", node: int = 2) -> System:
    """Return a system whose name no table knows."""
    base = load.system("h100-8")
    return replace(base, name=name, chip=replace(base.chip, name="made-up"), node_chips=node, chips=node)


def test_rent_is_the_median_of_public_offers() -> None:
    h100 = load.system("h100-8", 16)
    paid = cost(h100, None)
    each = [p.usd for p in offers.rent("h100-sxm") if p.terms == "on-demand"]
    each += [p.usd / 8 for p in offers.rent("h100-8") if p.terms == "on-demand"]
    each.sort()
    middle = (each[(len(each) - 1) // 2] + each[len(each) // 2]) / 2
    assert paid.usd_per_hour == pytest.approx(16 * middle)
    assert paid.low is not None
    assert paid.high is not None
    assert paid.low <= paid.usd_per_hour <= paid.high
    assert paid.basis.startswith("rent")
    assert paid.sources


def test_spot_and_reserved_are_told_apart() -> None:
    terms = {p.terms for p in offers.rent("h100-sxm")} | {p.terms for p in offers.rent("h100-8")}
    assert {"spot", "on-demand", "reserved", "band"} <= terms
    spot = [p for p in offers.rent("h100-sxm") if "spot" in (p.item + p.place).lower()]
    assert spot
    assert all(p.terms == "spot" for p in spot)


def test_none_known_is_none_never_zero() -> None:
    paid = cost(made(), Watts(1.0, 2.0, 3.0))
    assert (paid.usd_per_hour, paid.low, paid.high) == (None, None, None)
    assert "no price" in paid.basis
    assert per_million_tokens(paid.usd_per_hour, 100.0) is None


def test_spot_alone_is_no_price(tmp_path: Path) -> None:
    dirs = [folder(tmp_path, "X,made-up,rent_usd_per_hour,someone spot,2026,1.5,,,USD/h,s,read,\n")]
    assert cost(made(), None, dirs=dirs).usd_per_hour is None


def test_system_and_chip_rents_share_a_unit(tmp_path: Path) -> None:
    rows = "X,made-up,rent_usd_per_hour,a,2026,1,,,USD/h,s1,read,\nY,made-up-2,rent_usd_per_hour,b,2026,6,,,USD/h,s2,read,\n"
    paid = cost(made(), None, chips=10, dirs=[folder(tmp_path, rows)])
    assert (paid.low, paid.usd_per_hour, paid.high) == pytest.approx((12.0, 20.0, 28.0))
    assert "1 to 3" in paid.basis
    assert set(paid.sources) == {"s1", "s2"}


def test_reserved_is_used_last_and_said(tmp_path: Path) -> None:
    dirs = [folder(tmp_path, "X 1y reserved,made-up,rent_usd_per_hour,a,2026,1,,,USD/h,s1,read,\n")]
    assert "reserved" in cost(made(), None, dirs=dirs).basis
    folder(tmp_path, "X,made-up,buy_usd,shop,2026,35064,,,USD,s3,read,\n", "purchase")
    assert cost(made(), None, dirs=dirs).basis.startswith("purchase")


def test_purchase_is_written_off_and_power_added(tmp_path: Path) -> None:
    dirs = [folder(tmp_path, "X,made-up,buy_usd,shop,2026,35064,,,USD,s3,read,\n", "purchase")]
    hours = catalog.default("write_off").value / 3600
    paid = cost(made(), Watts(900.0, 1000.0, 1100.0), dirs=dirs)
    assert paid.usd_per_hour == pytest.approx(2 * 35064 / hours + electricity() * 3.6e6)
    assert "chip alone" in paid.basis
    bare = cost(made(), None, dirs=dirs)
    assert "not known" in bare.basis
    assert bare.usd_per_hour == pytest.approx(2 * 35064 / hours)


def test_a_rack_is_bought_whole() -> None:
    rack = load.system("cloudmatrix-384")
    half, full = cost(rack, None, chips=192), cost(rack, None)
    assert full.usd_per_hour == pytest.approx(2 * (half.usd_per_hour or 0))
    assert "384 chips" in full.basis


def test_chinese_prices_are_converted() -> None:
    price = next(p for p in offers.purchase("ascend-910c") if "2025" in p.date)
    assert price.usd == pytest.approx(142500 / offers.cny_per_usd("2025"))
    assert price.low < price.usd < price.high


def test_given_prices_win() -> None:
    h100 = load.system("h100-8")
    assert cost(h100, None, terms=Terms(usd_per_hour=2.0)).usd_per_hour == 16.0
    assert cost(
        h100, None, terms=Terms(purchase_usd=35064.0, write_off_s=3600.0 * 35064)
    ).usd_per_hour == pytest.approx(8.0)
    cheap = cost(h100, Watts(1, 1, 1), terms=Terms(purchase_usd=1.0, usd_per_j=1.0, write_off_s=1e12)).usd_per_hour
    assert cheap == pytest.approx(3600.0, rel=1e-3)


def test_a_wrong_price_is_said(tmp_path: Path) -> None:
    dirs = [folder(tmp_path, "X,made-up,rent_usd_per_hour,a,2026,free,,,USD/h,s1,read,\n")]
    with pytest.raises(FileProblems, match="free"):
        cost(made(), None, dirs=dirs)


@given(st.integers(1, 4096), st.floats(0.1, 1e6))
def test_tokens_cost_what_an_hour_costs(chips: int, rate: float) -> None:
    h100 = load.system("h100-8")
    paid = cost(h100, None, chips=chips)
    assert paid.usd_per_hour is not None
    million = per_million_tokens(paid.usd_per_hour, rate)
    assert million is not None
    assert million * rate * 3600 / 1e6 == pytest.approx(paid.usd_per_hour)
