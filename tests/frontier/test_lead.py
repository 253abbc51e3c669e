"""Leads: of A over B is minus that of B over A; dates and months of hand-made rows; the dates that are known."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from hypothesis import given, settings

from tests.frontier.made import BOARDS, MADE, START, score, tables
from wherewithal.frontier.frontier import Ask, View, view
from wherewithal.frontier.lead import MONTH_DAYS, Band, lead, month_ends
from wherewithal.frontier.records import records
from wherewithal.frontier.scores import Score, index, iso


def mirrored(band: Band | None) -> tuple[float | None, ...] | None:
    if band is None:
        return None
    low, high = (None if v is None else -v for v in (band.low, band.high))
    return (-band.value, high, low)


@given(tables())
@settings(max_examples=60, deadline=None)
def test_lead_of_a_over_b_is_minus_that_of_b_over_a(made: list[Score]) -> None:
    table = records(made, MADE, "country", draws=64)
    one, other = lead(table, MADE, "AA", "BB"), lead(table, MADE, "BB", "AA")
    assert one is not None
    assert other is not None
    for name in ("points", "months", "matched_months", "year_months"):
        band = getattr(one, name)
        assert band is not None
        assert dataclasses.astuple(band) == pytest.approx(mirrored(getattr(other, name)))
    assert (one.since, one.separated, one.changes, one.start) == (
        other.since,
        other.separated,
        other.changes,
        other.start,
    )


@given(tables(errors=False))
@settings(max_examples=20, deadline=None)
def test_no_published_errors_no_interval(made: list[Score]) -> None:
    one = lead(records(made, MADE, "country"), MADE, "AA", "BB")
    assert one is not None
    assert one.months is not None
    assert one.months.low is None
    assert one.ahead is None
    assert one.since_band is None
    assert one.separated is None


def test_months_by_hand() -> None:
    """BB has 30 since day 300; AA had 30 on day 100 and has 40 since day 500: ahead by what lies since day 100."""
    made = [score(0, "BB", 20.0), score(100, "AA", 30.0), score(300, "BB", 30.0), score(500, "AA", 40.0)]
    one = lead(records(made, MADE, "country", draws=8), MADE, "AA", "BB")
    assert one is not None
    assert one.months is not None
    assert one.matched_months is not None
    assert one.months.value == pytest.approx(620 / MONTH_DAYS)
    assert one.matched_months.value == pytest.approx(200 / MONTH_DAYS)
    assert one.points.value == 10
    assert [c.day - START for c in one.changes] == [100]  # the tie of day 300 changes nothing


def test_first_apart_and_not_reversed() -> None:
    made = [score(0, "AA", 20.0), score(10, "BB", 20.5), score(20, "BB", 25.0), score(30, "AA", 26.0),
            score(40, "BB", 26.5), score(50, "BB", 30.0)]  # fmt: skip
    one = lead(records(made, MADE, "country", draws=8), MADE, "BB", "AA")
    assert one is not None
    assert one.separated is not None
    assert one.since - START == 40
    assert one.separated - START == 50  # day 20 was apart too, but turned on day 30


def test_boards_have_no_months() -> None:
    made = [score(0, "AA", 20.0, board="a"), score(0, "BB", 30.0, board="a")]
    one = lead(records(made, BOARDS, "country", draws=8), BOARDS, "BB", "AA")
    assert one is not None
    assert (one.months, one.matched_months, one.year_months) == (None, None, None)


def test_month_ends() -> None:
    found = month_ends(date(2025, 3, 15).toordinal(), 3)
    assert [iso(d) for d in found] == ["2024-12-31", "2025-01-31", "2025-02-28"]
    assert iso(month_ends(date(2025, 3, 31).toordinal(), 1)[0]) == "2025-03-31"


def shown(name: str) -> View:
    found = view(index(name), Ask(only_open=True))
    assert found is not None
    assert found.lead is not None
    return found


KNOWN = {
    "aa-v2": ("2024-11-27", [("2024-11-27", "CN")]),
    "lmarena": ("2024-12-30", [
        ("2023-12-15", "CN"), ("2024-04-18", "US"), ("2024-07-16", "CN"), ("2024-07-25", "US"), ("2024-12-22", "CN"),
    ]),
    "eci": ("2025-01-20", [
        ("2023-11-22", "CN"), ("2024-04-18", "US"), ("2024-05-07", "CN"), ("2024-07-23", "US"), ("2024-09-19", "CN"),
        ("2024-12-12", "US"), ("2025-01-20", "CN"),
    ]),
    "aa-v4.1": (None, [("2024-09-19", "CN"), ("2025-08-05", "US"), ("2025-09-22", "CN")]),
    "aa-v4.0": (None, [("2025-01-20", "CN")]),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_lead_dates_from_the_rows(name: str) -> None:
    """What a reader of the published tables finds by hand (data/national/README.md, "Lead dates from the rows")."""
    held = shown(name).lead
    assert held is not None
    apart, changes = KNOWN[name]
    assert (iso(held.separated) if held.separated else None) == apart
    assert [(iso(c.day), c.leader) for c in held.changes] == changes


def test_by_base_of_tuned_models() -> None:
    """A tuned model of one country on a base of another moves the lead on boards to 2024-11-22 (claims.csv, C11)."""
    found = view(index("lmarena"), Ask(by="base", only_open=True))
    assert found is not None
    assert found.lead is not None
    assert iso(found.lead.since) == "2024-11-22"
