"""Measurements that somebody adds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wherewithal.errors import FileProblems, InputError
from wherewithal.measure import contribute
from wherewithal.measure.rows import COLUMNS, own, read

GOOD = {
    "id": "a", "source": "me", "date": "2026-11-25", "engine": "vllm", "engine_version": "0.11.0", "model": "llama-3.1-8b",
    "system": "h100-8", "chips": "1", "layout": "tp1", "load": "closed", "input_tokens": "1000", "output_tokens": "200",
    "concurrency": "8", "requests": "80", "metric": "tpot_s", "statistic": "mean", "value": "0.009", "notes": "by hand",
}  # fmt: skip


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a writer of a file of rows, each the good one with changes."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def write(*changes: dict[str, str], name: str = "mine.csv") -> Path:
        lines = [",".join(COLUMNS)]
        for i, change in enumerate(changes):
            row = {**GOOD, "id": f"r{i}", **change}
            lines.append(",".join(row.get(c, "") for c in COLUMNS))
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def test_a_good_file_is_added_and_scored_with_the_catalog(written: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    target, rows = contribute.add(written({}, {"statistic": "median"}), folder)
    assert (target, rows) == (folder / "measured" / "mine.csv", 2)
    assert {r.id for r in own((folder,))} >= {"r0", "r1"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": ""}, "column source: empty"),
        ({"date": "yesterday"}, "YYYY-MM-DD"),
        ({"notes": ""}, "column notes"),
        ({"engine": ""}, "column engine"),
        ({"metric": "itl_s"}, "is not scored"),
        ({"value": "0.0001"}, "active weights takes at least"),
        ({"metric": "output_tokens_per_s", "value": "1e9"}, "the chips' peak"),
        ({"value": "90"}, "SI base units"),
        ({"value": "9"}, "times what is predicted"),
        ({"model": "/home/me/model.gguf"}, "is a path of one machine"),
        ({"model": "no-such-model"}, "no model named"),
        ({"system": "no-such-system"}, "no-such-system"),
    ],
)
def test_what_is_wrong_is_said_by_row(
    written: Callable[..., Path], tmp_path: Path, change: dict[str, str], said: str
) -> None:
    with pytest.raises(FileProblems) as caught:
        contribute.add(written({"statistic": "p90"}, change), tmp_path / "mine")
    text = "\n".join(str(p) for p in caught.value.problems)
    assert said in text
    assert "r1" in text
    assert "r0" not in text
    assert not (tmp_path / "mine").exists()


def test_a_figure_twice_is_refused(written: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(FileProblems, match="is r0 of me again"):
        contribute.add(written({}, {}), tmp_path / "mine")
    contribute.add(written({}), tmp_path / "mine")
    with pytest.raises(FileProblems, match="again"):
        contribute.add(written({}, name="other.csv"), tmp_path / "mine")


def test_a_file_may_be_replaced_by_force_only(written: Callable[..., Path], tmp_path: Path) -> None:
    contribute.add(written({}), tmp_path / "mine")
    with pytest.raises(InputError, match="exists"):
        contribute.add(written({}), tmp_path / "mine")
    target, _ = contribute.add(written({"value": "0.0091"}), tmp_path / "mine", force=True)
    assert read(target)[0].value == 0.0091


def test_the_catalogs_own_rows_hold_units_and_physics() -> None:
    """What a contribution must pass, the rows that are there pass: those that are scored with their full weight."""
    rows = [r for r in own() if r.eligible and r.weight >= 1.0]
    wrong = [p for r in rows[::29] for p in contribute._row(r, ()) if p.path == "value"]
    assert len(rows) > 5000
    assert wrong == []
