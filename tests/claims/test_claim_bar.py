"""What each claim must come to: the column `test` of the collected claims, as figures of our own."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from wherewithal.claims.quantity import Quantity
from wherewithal.claims.run import Outcome, Report

# Claim, figure, what it must be, relative tolerance.
BAR: list[tuple[str, str, float, float]] = [
    ("C01", "h800", 1.74, 0.20),
    ("C01", "decode", 1943, 0.30),
    ("C01", "prefill", 6688, 0.30),
    ("C01", "published", 1.738, 0.01),
    ("C02", "bf16", 1.604, 0.01),
    ("C02", "hbm", 3.670, 0.01),
    ("C02", "bandwidth", 2.133, 0.01),
    ("C02", "power", 4.235, 0.01),
    ("C02", "per_kw", 0.379, 0.01),
    ("C02", "usd_per_pf", 1.704, 0.02),
    ("C02", "bf16_analyst", 1.664, 0.01),
    ("C02", "hbm_analyst", 3.556, 0.01),
    ("C02", "power_analyst", 3.855, 0.01),
    ("C02", "per_kw_analyst", 0.432, 0.01),
    ("C02", "usd_per_pf_analyst", 1.643, 0.02),
    ("C02", "usd_per_pf_analyst_high", 1.449, 0.02),
    ("C03", "needed", 11.5, 0.01),
    ("C03", "observed", 4.0, 0.01),
    ("C03", "pace", 2.9, 0.01),
    ("C03", "ai_2024", 0.331, 0.01),
    ("C03", "ai_2025", 0.618, 0.01),
    ("C03", "ai_observed", 28.7, 0.01),
    ("C04", "units_2024", 0.331, 0.01),
    ("C04", "units_2024_all", 0.296, 0.01),
    ("C04", "h100e_2024", 0.566, 0.01),
    ("C04", "h100e_2024_all", 0.382, 0.01),
    ("C04", "units_2025", 0.618, 0.01),
    ("C04", "units_2025_all", 0.515, 0.01),
    ("C04", "h100e_2025", 0.861, 0.01),
    ("C04", "h100e_2025_all", 0.484, 0.01),
    ("C04", "value_2025", 0.72, 0.05 / 0.72),
    ("C04", "value_2025_all", 0.52, 0.05 / 0.52),
    ("C04", "own_market", 0.39, 0.02 / 0.39),
    ("C04", "bernstein_2027", 0.565, 0.01),
    ("C04", "idc_2025", 0.4125, 0.01),
    ("C05", "lost", 915_222, 0.01),
    ("C05", "lost_band", 3.66, 0.01),
    ("C05", "lost_h100e", 136_890, 0.01),
    ("C05", "lost_usd", 9.5, 0.01),
    ("C05", "restored", 0.047, 0.01),
    ("C06", "usd", 696, 0.01),
    ("C06", "packages", 34_800, 0.02),
    ("C06", "of_capex", 0.0071, 0.01),
    ("C06", "wafers", 2_300, 0.02),
    ("C06", "first_call", 501, 0.01),
    ("C07", "growth", 0.404, 0.01 / 0.404),
    ("C07", "usd_high_rate", 552, 0.01),
    ("C07", "usd", 557, 0.01),
    ("C07", "usd_low_rate", 576, 0.01),
    ("C07", "whole", 701, 0.01),
    ("C08", "capacity", 2.58, 0.01),
    ("C08", "capacity_2025", 2.88, 0.01),
    ("C08", "energy", 2.48, 0.01),
    ("C08", "fleet_share", 0.0027, 0.02),
    ("C09", "summed", 537, 0),
    ("C09", "count", 532, 0),
    ("C09", "off", 0.0094, 0.01),
    ("C09", "residual", 89, 0),
    ("C09", "residual_other", 84, 0),
    ("C09", "graduates", 26_000, 0.01),
    ("C10", "stayed", 0.552, 0.001 / 0.552),
    ("C10", "any_us", 0.244, 0.001 / 0.244),
    ("C10", "now_cn", 0.851, 0.001 / 0.851),
    ("C10", "now_us", 0.075, 0.001 / 0.075),
    ("C10", "as_printed", 0.980, 0.001),
    ("C12", "chips", 3.61, 0.02),
    ("C12", "chips_it", 4.51, 0.02),
    ("C12", "h100e", 9.12, 0.02),
    ("C12", "per_chip", 138_600, 0.02),
    ("C12", "per_gw", 50, 0),
    ("C13", "fleet", 0.46, 0.01),
    ("C13", "public_use", 0.25, 0.01),
    ("C14", "rate", 0.216, 0.01),
    ("C14", "september", 0.43, 0.01),
    ("C14", "june", 0.28, 0.02),
    ("C14", "families", 0.63, 0),
    ("C15", "per_band_c", 218.75, 0.01),
    ("C15", "per_band_b", 250, 0.01),
    ("C15", "per_band_h", 100, 0.01),
    ("C15", "decode_c", 2.19, 0.01),
    ("C15", "decode_b", 2.50, 0.01),
    ("C15", "prefill_c", 0.34, 0.02),
    ("C15", "prefill_b", 0.39, 0.02),
    ("C16", "by_dies", 1.03e6, 0.01),
    ("C16", "by_hbm", 1.15e6, 0.01),
    ("C16", "by_dies_early", 0.69e6, 0.01),
]  # fmt: skip

DATES = {
    "aa_v2": "2024-11-27", "lmarena": "2024-12-30", "eci_date": "2025-01-20", "aa_v40": "2025-01-20",
    "aa_v41": "2025-09-22", "base_date": "2024-11-22",
}  # fmt: skip
CHANGES = {
    "eci_changes": "2023-11-22 CN, 2024-04-18 US, 2024-05-07 CN, 2024-07-23 US, 2024-09-19 CN, 2024-12-12 US, 2025-01-20 CN",
    "arena_changes": "2023-12-15 CN, 2024-04-18 US, 2024-07-16 CN, 2024-07-25 US, 2024-12-22 CN",
    "v41_changes": "2024-09-19 CN, 2025-08-05 US, 2025-09-22 CN",
    "v40_changes": "2025-01-20 CN",
}
VERDICTS = {
    "C01": "holds", "C02": "holds", "C03": "holds on one basis", "C04": "holds on one basis",
    "C05": "holds on one basis", "C06": "holds on one basis", "C07": "holds on one basis", "C08": "holds",
    "C09": "holds", "C10": "holds on one basis", "C11": "holds on one basis", "C12": "holds",
    "C13": "holds on one basis", "C14": "holds", "C15": "holds on one basis", "C16": "contradicted",
}  # fmt: skip


def of(report: Report, name: str) -> Outcome:
    return next(o for o in report.outcomes if o.record.id == name)


def band(quantity: Quantity) -> tuple[float, float]:
    assert quantity.band is not None
    return quantity.band


@pytest.mark.parametrize(("claim", "figure", "wanted", "tolerance"), BAR)
def test_figure(report: Report, claim: str, figure: str, wanted: float, tolerance: float) -> None:
    assert of(report, claim).figure(figure).value == pytest.approx(wanted, rel=max(tolerance, 1e-9))


def test_verdicts(report: Report) -> None:
    assert {o.record.id: o.verdict for o in report.outcomes} == VERDICTS


def test_every_claim_says_where_it_is_true(report: Report) -> None:
    for o in report.outcomes:
        assert o.bases
        assert o.sources
        assert all(s.split(": ", 1)[-1].strip() for s in o.sources), o.record.id


def test_dates_of_the_lead(report: Report) -> None:
    o = of(report, "C11")
    found = {name: date.fromordinal(round(o.figure(name).value)).isoformat() for name in DATES}
    assert found == DATES
    assert {name: o.figure(name).text for name in CHANGES} == CHANGES
    assert band(o.figure("behind"))[1] > 0


def test_bands(report: Report) -> None:
    low, high = band(of(report, "C10").figure("stayed"))
    assert (low, high) == pytest.approx((0.483, 0.619), abs=1e-3)
    low, high = band(of(report, "C13").figure("over_share"))
    assert 0.35 <= low < 0.46 < high <= 0.65
    low, high = band(of(report, "C13").figure("fleet"))  # over all inputs; its lower end, 0.33, is outside
    assert 0.32 <= low < 0.46 < high <= 0.65
    low, high = band(of(report, "C08").figure("fleet_share"))
    assert 0.0015 <= low < high <= 0.0040
    low, high = band(of(report, "C09").figure("graduates"))
    assert (low, high) == pytest.approx((13_000, 52_000), rel=0.05)


def test_four_chips_and_two_caches(report: Report) -> None:
    o = of(report, "C01")
    assert all(o.figure(name).value > 0 for name in ("h800", "h20", "b910", "c910"))
    assert o.figure("step3_bytes").value < o.figure("v3_bytes").value


def test_running_sum(report: Report) -> None:
    assert of(report, "C09").figure("sums").text == "35, 215, 345, 440, 499, 537"


def test_count_printed_beside_the_share(report: Report) -> None:
    o = of(report, "C10")
    assert o.figure("off").value > 0.05, "197 of 201 is not 89%"
    assert abs(o.figure("off_swapped").value) < 0.005, "179 of 201 is"


def test_claim_lies_between_the_two_scopes(report: Report) -> None:
    o = of(report, "C04")
    assert o.figure("all_2027").value < 0.82 < o.figure("legal_2027").value


def test_growth_carried_on_is_more(report: Report) -> None:
    o = of(report, "C05")
    assert o.figure("lost_grown").value > o.figure("lost").value


def test_plan_lies_between_its_bounds(report: Report) -> None:
    o = of(report, "C15")
    assert o.figure("prefill_c").value < o.figure("mix").value < o.figure("decode_c").value
    assert 0 < o.figure("at_high").value < o.figure("at_low").value < 1


def test_grid_money(report: Report) -> None:
    o = of(report, "C07")
    assert o.figure("usd_high_rate").value < 564 < o.figure("usd_low_rate").value


def test_half_is_reached(report: Report) -> None:
    o = of(report, "C14")
    assert o.figure("half").text == "2025-11"
    assert o.figure("september").value <= o.figure("families").value
    assert o.figure("backtest").text == "one point: cannot be fitted"


def test_priors(report: Report) -> None:
    """The count of 812,000 has 5% in June; 800,000 lies in the 50% band of September, 812,000 just above it."""
    o = of(report, "C16")
    assert o.figure("chance_june").value >= 0.05
    assert o.figure("q25").value < 800_000 < o.figure("q75").value
    assert o.figure("crps_september").value < o.figure("crps_june").value


@pytest.mark.shared
def test_against_the_collected_values(report: Report, shared_data: Path) -> None:
    """The values that the collected claims state lie near ours, and inside their range."""
    with (shared_data / "national" / "claims.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    figures = {
        "C01": "h800", "C02": "bf16", "C03": "needed", "C04": "units_2024", "C05": "lost", "C06": "packages",
        "C07": "usd", "C08": "capacity", "C09": "colleges", "C10": "stayed", "C12": "chips", "C13": "fleet",
        "C14": "september", "C15": "decode_c",
    }  # fmt: skip
    assert set(rows) == {o.record.id for o in report.outcomes}
    for claim, name in figures.items():
        value = of(report, claim).figure(name).value
        low, high = float(rows[claim]["low"]), float(rows[claim]["high"])
        assert low * 0.999 <= value <= high * 1.001, claim
    packages = of(report, "C16").figure("from_bank").band
    assert packages is not None
    assert packages[0] < float(rows["C16"]["value"]) < packages[1]
