"""The import keeps every row, and what it makes of the shared files is what the catalog holds."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tools.import_national_frontier import adoption, frontier, indices, maker, quality
from wherewithal.catalog.load import builtin

Cells = dict[str, str]


def read(path: Path) -> list[Cells]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def held(name: str) -> list[Cells]:
    return list(csv.DictReader((builtin() / "national" / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.shared
def test_the_catalog_is_what_the_import_makes(shared_data: Path) -> None:
    folder = shared_data / "national"
    assert frontier(read(folder / "frontier.csv")) == held("frontier")
    assert adoption(read(folder / "adoption.csv")) == held("adoption")
    assert quality(read(shared_data / "quality_catalog.csv")) == held("quality")


def test_indices_are_those_of_the_catalog() -> None:
    assert indices() == held("indices")


def test_rows_without_a_date_or_told_to_leave_out_belong_to_no_series() -> None:
    row = {
        "index": "ECI record open", "date": "2025-01-20", "model": "made", "country": "CN", "access": "Open weights",
        "value": "100", "low": "90", "high": "110", "interval": "as published", "vintage": "v", "source": "s; t",
        "status": "read", "note": "",
    }  # fmt: skip
    assert frontier([row])[0]["scale"] == "eci"
    assert frontier([row])[0]["level"] == "0.9"
    for change in ({"date": ""}, {"value": ""}, {"note": "leave out of record series"}, {"index": "gap"}):
        assert frontier([row | change])[0]["scale"] == ""
    for change in ({"low": "", "high": ""}, {"interval": "a range; not a confidence interval"}):
        assert frontier([row | change])[0]["level"] == ""


def test_makers_by_the_longest_start() -> None:
    assert maker("Llama-3.1-Nemotron-70B") != maker("Llama-3.1-405B")
    assert maker("nobody knows") == ""
