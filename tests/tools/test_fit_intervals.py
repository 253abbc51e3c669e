"""The tool that fits intervals: rows asked a second time without their engines."""

from __future__ import annotations

from pathlib import Path

from tools import fit_intervals
from wherewithal.measure import asked, validate
from wherewithal.measure.rows import Row


def rows(count: int) -> list[Row]:
    return [
        Row(
            id=str(i), model="llama-3.1-8b", system="h100-8", chips=1.0, load="closed", metric="tpot_s", value=0.01,
            engine="vllm", layout="tp1", input_tokens=1000.0, output_tokens=200.0, concurrency=float(i + 1),
        )
        for i in range(count)
    ]  # fmt: skip


def test_rows_without_engines_are_drawn_alike_and_kept(tmp_path: Path) -> None:
    report = validate.validate(rows(8))
    kept = tmp_path / "rows.pkl"
    first = fit_intervals.without_engines(report, 3, kept, None)
    assert [j.row.id for j in first] == [j.row.id for j in fit_intervals.without_engines(report, 3, None, None)]
    assert len(first) == 3
    own = {j.row.id: j.predicted.value for j in report.rows}
    assert all(j.predicted.value != own[j.row.id] for j in first)
    generic = validate.validate([j.row for j in first], engine=asked.GENERIC)
    assert [j.predicted.value for j in first] == [j.predicted.value for j in generic.rows]
    again = fit_intervals.without_engines(report, 0, None, kept)
    assert [j.to_dict() for j in again] == [j.to_dict() for j in first]
    assert fit_intervals.without_engines(report, 0, None, None) == []
