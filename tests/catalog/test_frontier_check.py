"""A slip of a factor of ten in a table of scores is found."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from wherewithal.catalog.frontier_check import problems
from wherewithal.catalog.load import builtin

# Rows that nothing stands beside: the first of a list, whose tenth or tenfold is still a score that could be.
ALONE = 10


def test_the_catalog_is_right() -> None:
    assert list(problems()) == []


@pytest.mark.parametrize("factor", [10, 0.1])
def test_a_slip_of_ten_is_found(tmp_path: Path, factor: float) -> None:
    text = (builtin() / "national" / "frontier.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    (tmp_path / "national").mkdir()
    path = tmp_path / "national" / "frontier.csv"
    missed = []
    tried = [i for i, r in enumerate(rows) if r["scale"]]
    for i in tried[::4]:
        slipped = [dict(r) for r in rows]
        for name in ("value", "low", "high"):
            slipped[i][name] = str(float(rows[i][name]) * factor) if rows[i][name] else ""
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(slipped)
        path.write_text(out.getvalue(), encoding="utf-8")
        if not list(problems((tmp_path,))):
            missed.append((rows[i]["scale"], rows[i]["country"], rows[i]["model"]))
    assert len(missed) <= ALONE * 0.4, missed


def test_a_share_above_one_and_a_low_above_its_value(tmp_path: Path) -> None:
    (tmp_path / "national").mkdir()
    text = (builtin() / "national" / "adoption.csv").read_text(encoding="utf-8")
    (tmp_path / "national" / "adoption.csv").write_text(text.replace(",0.69,", ",6.9,"), encoding="utf-8")
    assert any("share of 6.9" in p.what for _, p in problems((tmp_path,)))
    text = (builtin() / "national" / "frontier.csv").read_text(encoding="utf-8")
    (tmp_path / "national" / "frontier.csv").write_text(text.replace(",139.6,135.2,", ",139.6,1352,"), encoding="utf-8")
    assert any("above the value" in p.what for _, p in problems((tmp_path,)))
