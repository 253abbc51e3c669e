"""Sections of the page on accuracy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tools import accuracy_page, accuracy_parts
from wherewithal.measure.judged import Judged
from wherewithal.measure.predicted import Predicted
from wherewithal.measure.rows import Row
from wherewithal.measure.score import Line
from wherewithal.measure.validate import Report


def row(**change: Any) -> Row:
    base: dict[str, Any] = {
        "id": "1", "source": "here", "model": "llama-3.1-8b", "system": "h100-8", "chips": 1.0, "load": "closed",
        "metric": "tpot_s", "value": 0.01, "engine": "vllm", "layout": "tp1", "input_tokens": 1000.0,
        "output_tokens": 200.0, "concurrency": 8.0, "statistic": "mean",
    }  # fmt: skip
    return Row(**{**base, **change})


def judged(error: float, **change: Any) -> Judged:
    one = row(**change)
    value = one.value * (1 + error)
    return Judged(one, Predicted(value, evidence="measured"), value / 2, value * 2)


@pytest.fixture
def report() -> Report:
    rows = (
        judged(0.1, id="1"), judged(0.1, id="1b", value=0.012), judged(0.3, id="2", layout="tp2", chips=2.0, value=0.02),
        judged(0.0, id="3", metric="ttft_s", value=0.2), judged(3.0, id="4", metric="e2e_s", value=0.1),
    )  # fmt: skip
    return Report(rows, {"metric is not scored": 3})


def test_the_bar_is_printed_beside_the_figures(report: Report) -> None:
    text = accuracy_parts.bar(report)
    assert "| chips with operator curves, online, one pool | TPOT | 3 | 10% | 8% | 26% | 25% | no |" in text
    assert "| throughput | 1 (1 derived) |" in text


def test_choosing_and_reruns(report: Report) -> None:
    text = accuracy_parts.choosing(report)
    assert "| tpot_s | 1 | 100% | 50% | 0% | 41% |" in text
    assert "80% first" in text
    assert "closed" not in text
    batch = [judged(0.1, id=f"s{n}", load="static", layout=f"tp{n}", value=0.01 * n) for n in (1, 2)]
    both = accuracy_parts.choosing(Report((*report.rows, *batch), {}))
    assert "| tpot_s, closed | 1 |" in both
    assert "| tpot_s, static | 1 | 100% | 50% | 0% | 50% |" in both
    assert "The largest regrets" not in text
    wrong = Report((*report.rows, judged(-0.9, id="5", layout="tp4", chips=4.0, value=0.1)), {})
    assert "* 809%: llama-3.1-8b on h100-sxm, vllm , 8 in flight (tpot_s, 3 layouts)" in accuracy_parts.choosing(wrong)
    assert "| tpot_s | same version | 1 | 2 | 20% | 9% |" in accuracy_parts.reruns(report)
    assert accuracy_parts.choosing(Report((), {})) == accuracy_parts.reruns(Report((), {})) == ""


def test_the_same_rows_with_and_without_engines(report: Report) -> None:
    bare = [replace(report.rows[0], predicted=Predicted(0.02, evidence="measured"))]
    text = accuracy_parts.without_engines(report, bare)
    assert "| TPOT | 1 | 10% | 100% | 10% | 100% |" in text
    assert "1 of the rows" in text
    assert accuracy_parts.without_engines(report, []) == ""


def line(name: str, rows: int, inside: float) -> Line:
    return Line({"chip": name}, rows, rows, 0.1, 0.2, 0.0, inside, 1.0)


def test_groups_outside_their_coverage_are_named() -> None:
    lines = [line("a", 50, 0.80), line("b", 60, 0.64), line("c", 70, 0.93), line("d", 49, 0.0)]
    text = accuracy_parts.coverage({"chip": lines}, 0.8)
    assert "1 of 3 within 65% to 92%; outside: b 64% of 60, c 93% of 70\n" in text
    assert "outside" not in accuracy_parts.coverage({"chip": lines[:1]}, 0.8)


def test_the_page_whole(report: Report) -> None:
    text = accuracy_page.page(report, report.rows, report.rows, report.rows[:1])
    heads = [part.splitlines()[0] for part in text.split("\n## ")[1:]]
    assert heads[:5] == [
        "Against the bar", "Choosing a layout", "Reruns: the noise floor", "Without the engines' own constants",
        "Fitted numbers",
    ]  # fmt: skip
    assert {"Coverage", "Furthest off", "By engine, all metrics"} <= set(heads)
    assert "doubtful as measured: ttft_s 0.2 above e2e_s 0.1 of the run" in text
    assert "2 rows of here" in text
    assert " nan" not in text
