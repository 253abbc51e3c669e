"""Changing one input changes our figure and can change the verdict; changing what was printed changes no figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wherewithal.catalog import national
from wherewithal.claims.record import ClaimRecord, read
from wherewithal.claims.run import Outcome, Report, compute

RECORDS = {r.id: r for r in read("wsj-2025-08")[1]}
# Claim, input, its new value, a figure that moves, the verdict then.
CHANGED = [
    ("C01", "step3_h800", 100.0, "h800", "holds on one basis"),
    ("C02", "hbm_a", 10_000.0, "hbm", "holds on one basis"),
    ("C03", "before", 0.0, "observed", "holds"),
    ("C03", "target", 0.27, "needed", "holds"),
    ("C04", "revenue", 5.0, "legal_2027", "contradicted"),
    ("C05", "after", 300_000.0, "restored", "holds"),
    ("C06", "fund", 10.0, "usd", "contradicted"),
    ("C07", "plan", 5_000.0, "usd", "contradicted"),
    ("C08", "us_2024", 2_000.0, "capacity", "holds on one basis"),
    ("C09", "latest", 590.0, "colleges", "holds on one basis"),
    ("C10", "never", 120.0, "stayed", "holds"),
    ("C12", "gw", 20.0, "cost", "holds on one basis"),
    ("C13", "firms", 0.3, "fleet", "holds"),
    ("C14", "bound", 0.2, "families", "holds on one basis"),
    ("C15", "power_h", 100.0, "decode_c", "holds"),
    ("C16", "packaging", 150_000.0, "packages", "holds on one basis"),
]


def base(report: Report, claim: str) -> Outcome:
    return next(o for o in report.outcomes if o.record.id == claim)


@pytest.mark.parametrize(("claim", "name", "value", "figure", "verdict"), CHANGED)
def test_an_input_moves_the_figure_and_the_verdict(
    report: Report, claim: str, name: str, value: float, figure: str, verdict: str
) -> None:
    before, after = base(report, claim), compute(RECORDS[claim], {name: value})
    assert after.figure(figure).value != before.figure(figure).value
    assert after.verdict == verdict
    assert after.verdict != before.verdict


@pytest.mark.parametrize("claim", sorted(set(RECORDS) - {"C01", "C06", "C12", "C15"}))
def test_what_was_printed_moves_no_figure(report: Report, claim: str) -> None:
    record = RECORDS[claim]
    printed = record.claimed.model_copy(
        update={"value": "2031-01-01" if isinstance(record.claimed.value, str) else 123.0, "text": "else"}
    )
    other = record.model_copy(update={"claimed": printed, "claim": "something else"})
    after = compute(other)
    for a, b in zip(base(report, claim).figures, after.figures, strict=True):
        assert np.array_equal(a.quantity.draws, b.quantity.draws, equal_nan=True), a.record.name


def test_what_was_printed_can_move_the_verdict(report: Report) -> None:
    record = RECORDS["C08"]
    other = record.model_copy(update={"claimed": record.claimed.model_copy(update={"value": 9.0})})
    assert compute(other).verdict == "contradicted"


def test_no_input_is_a_printed_figure() -> None:
    """Rows of published figures come in as questions only, so that a reader sees them marked."""
    for record in RECORDS.values():
        for one in record.input:
            assert one.table != "evidence" or one.question, f"{record.id}: {one.name}"


def test_from_one_basis_to_the_other(report: Report) -> None:
    """780 TFLOP/s and 145 kW carry the catalog's figures to the analyst's."""
    at_780, at_145 = (compute(RECORDS["C02"], {n: v}) for n, v in (("chip_a", 780.0), ("power_b", 145.0)))
    want = base(report, "C02")
    assert at_780.figure("bf16").value == pytest.approx(want.figure("bf16_analyst").value)
    assert at_145.figure("power").value == pytest.approx(want.figure("power_analyst").value)


def test_one_percent_of_the_rate_moves_all_by_one_percent(report: Report) -> None:
    record = RECORDS["C06"]
    some = record.model_copy(update={"input": [i for i in record.input if i.name != "speed"]})
    some = some.model_copy(update={"figure": [f for f in some.figure if f.name != "tokens"]})
    after, before = compute(some, {"fx": 7.18 * 1.01}), base(report, "C06")
    for name in ("usd", "first_call", "packages", "of_capex", "wafers"):
        assert after.figure(name).value == pytest.approx(before.figure(name).value / 1.01)


def test_one_sector_cannot_meet_both_lines() -> None:
    low, high = compute(RECORDS["C13"], {"share": 1.0}), compute(RECORDS["C13"], {"share": 1.0, "public": 0.46})
    assert low.figure("fleet").value == pytest.approx(0.25)
    assert not 0.35 <= low.figure("fleet").value <= 0.65
    assert high.figure("fleet").value == pytest.approx(0.46)
    assert not 0.20 <= high.figure("public_use").value <= 0.30


@pytest.fixture
def table(
    tmp_path: Path,
) -> Callable[[str, Callable[[dict[str, str]], dict[str, str] | None], list[dict[str, str]]], Path]:
    """Return a function that writes a user's table with rows changed, dropped or added."""

    def write(name: str, change: Callable[[dict[str, str]], dict[str, str] | None], more: list[dict[str, str]]) -> Path:
        rows = [changed for r in national.rows(name) if (changed := change(dict(r.cells))) is not None] + more
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        (tmp_path / "national").mkdir(exist_ok=True)
        (tmp_path / "national" / f"{name}.csv").write_text(out.getvalue(), encoding="utf-8")
        return tmp_path

    return write


Write = Callable[[str, Callable[[dict[str, str]], "dict[str, str] | None"], "list[dict[str, str]]"], Path]


def test_a_score_moves_the_date_of_the_lead(report: Report, table: Write) -> None:
    def lower(row: dict[str, str]) -> dict[str, str]:
        if row["index"] == "AA Intelligence Index v2" and row["model"].startswith("QwQ 32B-Preview"):
            row |= {"value": "40", "low": "39", "high": "41"}
        return row

    folder = table("frontier", lower, [])
    after = compute(RECORDS["C11"], dirs=[folder])
    assert after.figure("aa_v2").value > base(report, "C11").figure("aa_v2").value
    basis = {b.figure: b.holds for b in after.bases}
    assert basis["aa_v2"] is False

    def both(row: dict[str, str]) -> dict[str, str]:
        row["note"] = row["note"].replace("Chinese by base model", "")
        return lower(row)

    last = compute(RECORDS["C11"], dirs=[table("frontier", both, [])])
    assert last.verdict == "not supported"


def test_a_list_moves_the_sum(report: Report, table: Write) -> None:
    def more(row: dict[str, str]) -> dict[str, str]:
        if row["metric"] == "colleges approved, new" and row["period"].startswith("2020"):
            row["value"] = "200"
        return row

    after = compute(RECORDS["C09"], dirs=[table("talent", more, [])])
    assert after.figure("summed").value == base(report, "C09").figure("summed").value + 70
    assert {b.figure: b.holds for b in after.bases}["summed"] is True


def test_a_monthly_series_is_backtested(table: Write) -> None:
    """With months in the table the fit before September 2025 runs and is scored."""
    month = {
        "scope": "made up",
        "family": "Qwen",
        "metric": "share of new derivatives",
        "unit": "share",
        "status": "read",
    }
    more = [
        {**month, "date": d, "value": v} for d, v in (("2024-09", "0.06"), ("2025-03", "0.20"), ("2025-08", "0.38"))
    ]
    after = compute(RECORDS["C14"], dirs=[table("adoption", lambda row: row, more)])
    assert after.figure("backtest").text == ""
    assert abs(after.figure("backtest").value) < 0.2
    assert isinstance(RECORDS["C14"], ClaimRecord)
