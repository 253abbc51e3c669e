"""National tables: a slip by a factor of ten in any figure is caught; a user's table takes the place of the catalog's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wherewithal.catalog import check, check_national, national
from wherewithal.errors import InputError

TABLES = ("flows_quarterly", "parameters", "production", "power", "talent")


@pytest.mark.parametrize("table", TABLES)
def test_a_slip_of_ten_is_caught_in_every_row(table: str) -> None:
    known = check_national.ranges()
    for row in national.rows(table):
        if not row.value:
            continue
        assert not check_national.wrong(table, row, known), row.cells
        for factor in (10, 0.1):
            assert check_national.wrong(table, replace(row, value=row.value * factor), known), row.cells


def test_an_interval_with_a_slip_is_caught() -> None:
    row = next(r for r in national.rows("parameters") if r.get("name") == "price_chip")
    assert check_national.wrong("parameters", replace(row, high=(row.high or 0) * 10), check_national.ranges())


def test_catalog_check_says_it(tmp_path: Path) -> None:
    folder = tmp_path / "national"
    folder.mkdir()
    (folder / "power.csv").write_text(
        "region,metric,period,value,unit,kind,source,status,note\nChina,generating capacity,2024-12,33500,GW,official,x,read,\n"
    )
    problems = check.check((tmp_path,), only_user=True).problems
    assert any("power.csv" in file and "outside" in str(problem) for file, problem in problems)
    assert national.rows("power", (tmp_path,))[0].value == 33_500


def test_a_cell_that_is_no_number_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "national"
    folder.mkdir()
    (folder / "power.csv").write_text("region,value\nx,many\n")
    with pytest.raises(InputError, match="row 2: value is 'many'"):
        national.rows("power", (tmp_path,))
