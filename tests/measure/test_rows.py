"""Measurement files: what is read, and what is said of a bad cell."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from wherewithal.catalog import load as catalog
from wherewithal.errors import FileProblems, InputError
from wherewithal.measure import rows

GOOD = {
    "id": "1", "model": "qwen3-32b", "system": "h100-8", "chips": "2", "load": "closed", "metric": "tpot_s",
    "value": "0.02", "concurrency": "8", "precision": "weights=fp8 kv=fp8", "statistic": "",
}  # fmt: skip


def written(path: Path, *changes: dict[str, str], drop: str = "") -> Path:
    names = [n for n in GOOD if n != drop]
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, names, extrasaction="ignore")
        out.writeheader()
        out.writerows({**GOOD, "id": str(i), **change} for i, change in enumerate(changes))
    return path


def test_a_row_is_read(tmp_path: Path) -> None:
    (row,) = rows.read(written(tmp_path / "m.csv", {}))
    assert (row.model, row.chips, row.value, row.concurrency) == ("qwen3-32b", 2.0, 0.02, 8.0)
    assert row.precision == {"weights": "fp8", "kv": "fp8"}
    assert row.input_tokens is None
    assert row.eligible is None
    assert row.line == 2


def test_packed_files_are_read(tmp_path: Path) -> None:
    plain = written(tmp_path / "m.csv", {}, {"metric": "itl_s"})
    packed = tmp_path / "m.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert rows.read(packed) == rows.read(plain)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": "fast"}, "row 3, column value: 'fast' is not a number"),
        ({"value": "nan"}, "column value: 'nan' is not a number"),
        ({"value": "0"}, "column value: 0 is out of range"),
        ({"value": ""}, "column value: empty"),
        ({"chips": "1.5"}, "column chips: 1.5 is out of range"),
        ({"load": "burst"}, "column load: 'burst'; one of closed, open, offline, static"),
        ({"statistic": "p42"}, "column statistic: 'p42'"),
        ({"precision": "fp8"}, "column precision: 'fp8' is not PART=FORMAT"),
        ({"concurrency": "-1"}, "column concurrency: -1 is out of range"),
        ({"id": "0"}, "column id: '0' is the id of row 2 too"),
    ],
)
def test_bad_cells_are_named(tmp_path: Path, change: dict[str, str], said: str) -> None:
    with pytest.raises(FileProblems) as caught:
        rows.read(written(tmp_path / "m.csv", {}, change))
    assert len(caught.value.problems) == 1
    assert said in str(caught.value.problems[0])


def test_all_problems_are_collected(tmp_path: Path) -> None:
    with pytest.raises(FileProblems) as caught:
        rows.read(written(tmp_path / "m.csv", {"value": "x", "load": "y"}, {"chips": "0"}))
    assert [str(p).split(":")[0] for p in caught.value.problems] == [
        "row 2, column value", "row 2, column load", "row 3, column chips",
    ]  # fmt: skip


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 1: no column 'metric'"):
        rows.read(written(tmp_path / "m.csv", {}, drop="metric"))


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"", b'"open'])
def test_what_is_no_csv_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(data)
    with pytest.raises(InputError):
        rows.read(path)


def test_the_catalogs_own_rows() -> None:
    found = rows.own()
    assert len(found) > 20_000
    assert len({r.id for r in found}) == len(found)
    assert sum(bool(r.eligible) for r in found) > 16_000
    listed = (catalog.builtin() / "measured" / "sources.tsv").read_text(encoding="utf-8")
    assert {r.source for r in found} == {line.split("\t")[0] for line in listed.splitlines()[1:]}
    size = sum(len(f.read_bytes()) for f in (catalog.builtin() / "measured").iterdir())
    assert size < 1_000_000


def test_a_folder_of_the_users_adds_rows(tmp_path: Path) -> None:
    (tmp_path / "measured").mkdir()
    written(tmp_path / "measured" / "mine.csv", {"id": "mine"})
    assert rows.own((tmp_path,))[0].id == "mine"
