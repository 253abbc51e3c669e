"""Tables: CSV that a spreadsheet cannot run, Markdown that lines up."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from wherewithal.table import columns, to_csv, to_markdown

ROWS = [{"name": "a|b", "n": 1.5}, {"name": "=HYPERLINK(1)", "n": None, "extra": True}]


def test_columns_in_order_of_appearance() -> None:
    assert columns(ROWS) == ["name", "n", "extra"]


def test_csv() -> None:
    assert to_csv(ROWS) == "name,n,extra\r\na|b,1.5,\r\n'=HYPERLINK(1),,yes\r\n"


def test_csv_keeps_negative_numbers_as_numbers() -> None:
    assert to_csv([{"x": -1.5, "y": "-1.5", "z": "-cmd"}]) == "x,y,z\r\n-1.5,-1.5,'-cmd\r\n"


def test_markdown() -> None:
    assert to_markdown(ROWS) == "| name | n | extra |\n|---|---:|---|\n| a\\|b | 1.5 |  |\n| =HYPERLINK(1) |  | yes |\n"
    assert to_markdown([]) == ""


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_csv_round_trip_and_nothing_risky(cells: list[str]) -> None:
    """Every cell comes back as text, and none starts with what a spreadsheet would run."""
    text = to_csv([{f"c{i}": cell for i, cell in enumerate(cells)}])
    back = list(csv.reader(io.StringIO(text, newline="")))
    assert len(back) == 2
    for cell in back[1]:
        assert not cell.startswith(("=", "@", "\t", "\r"))
