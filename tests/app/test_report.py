"""How an answer reads: whole answers as golden files at three widths, and the promises about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.app import made
from wherewithal.app import report
from wherewithal.app.face import Face
from wherewithal.app.report_compare import compare_text
from wherewithal.app.report_parts import bar
from wherewithal.plan.answer import Answer, Memory

GRID = [
    (name, answer, width)
    for name, answer in (("fits", made.FITS), ("memory", made.NOT_FEASIBLE), ("misses", made.MISSES))
    for width in (100, 80, 60)
]


@pytest.mark.parametrize(("name", "answer", "width"), GRID, ids=lambda v: v if isinstance(v, str | int) else "")
def test_whole_answers(name: str, answer: Answer, width: int, golden: Callable[[str, str], None]) -> None:
    golden(f"plan-{name}-{width}.txt", report.plan_text(answer, Face(width=width)))


@pytest.mark.parametrize(("name", "answer", "width"), GRID, ids=lambda v: v if isinstance(v, str | int) else "")
def test_no_line_is_wider_than_the_screen(name: str, answer: Answer, width: int) -> None:
    for topic in ("", *("operators", "memory", "network", "search")):
        wide = [line for line in report.plan_text(answer, Face(width=width), topic).splitlines() if len(line) > width]
        assert not wide, (topic, wide)


@pytest.mark.parametrize("topic", ["operators", "memory", "network", "search"])
def test_explanations(topic: str, golden: Callable[[str, str], None]) -> None:
    golden(f"predict-{topic}.txt", report.predict_text(made.PREDICTED, Face(), topic))


def test_plain(golden: Callable[[str, str], None]) -> None:
    text = report.plan_text(made.FITS, Face(plain=True))
    golden("plan-plain.txt", text)
    assert "chosen, meets the SLO" in text


def test_the_verdict_comes_first_and_the_rest_is_short() -> None:
    lines = report.plan_text(made.FITS, Face()).splitlines()
    assert lines[0].startswith(
        "Fits: deepseek-v3 on cloudmatrix-384:384, disaggregated: 660,000 tok/s, TPOT 43 ms (SLO 50 ms)."
    )
    assert len(lines) <= 44
    assert report.plan_text(made.NOT_FEASIBLE, Face()).startswith("Not feasible: ")


def test_text_is_ascii_without_escapes() -> None:
    for name, answer, width in GRID:
        text = report.plan_text(answer, Face(width=width))
        assert text.isascii(), name
        assert "\x1b" not in text


def test_every_lever_and_fix_can_be_pasted() -> None:
    text = report.plan_text(made.NOT_FEASIBLE, Face(width=100))
    joined = " ".join(text.replace("\\\n", " ").split())
    for limit in made.NOT_FEASIBLE.why_not:
        for fix in limit.fix:
            assert fix.command in joined
    assert "--precision kv=int8" in report.plan_text(made.FITS, Face())


def test_what_an_answer_rests_on_is_named() -> None:
    answer = replace(
        made.FITS,
        overrides={"chip.memory": {"was": "128 GB", "is": "96 GB"}},
        weak_figures=tuple(f"figure {i} (estimated)" for i in range(9)),
    )
    text = report.plan_text(answer, Face())
    assert "chip.memory 128 GB -> 96 GB" in text
    assert "figure 3 (estimated)" in text
    assert "figure 4 (" not in text
    assert "and 5 more" in text


def test_no_price_is_unknown_and_never_zero() -> None:
    best = made.plan(
        23.0, 1712.0, usd_per_hour=None, usd_per_million_output_tokens=None, power_w=None, joules_per_output_token=None
    )
    text = report.plan_text(replace(made.FITS, best=best, frontier=(best,)), Face())
    assert "unknown" in text
    assert " 0 USD" not in text
    assert "nan" not in text


def test_the_band_that_crosses_the_limit_is_said() -> None:
    near = made.plan(20.5, 1800.0)
    assert "may miss" in report.plan_text(replace(made.FITS, best=near), Face())
    far = made.plan(17.9, 1800.0)
    text = report.plan_text(replace(made.FITS, best=replace(far, feasible=False), why_not=made.MISSES.why_not), Face())
    assert "MISSED by 12%, may hold" in text


def test_names_from_files_cannot_move_the_cursor() -> None:
    answer = replace(made.FITS, model={"name": "evil\x1b[2J\x07\u202e"}, notes=("line\nbreak\x9b31m",))
    text = report.plan_text(answer, Face())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x9b" not in text


def test_rows_are_spread_over_the_frontier_and_hold_the_chosen_one() -> None:
    frontier = tuple(made.plan(float(u), 4000.0 / u) for u in range(5, 105))
    answer = replace(made.FITS, frontier=frontier, best=frontier[41])
    rows = report.picked(answer)
    assert len(rows) == report.ROWS
    assert frontier[41] in rows
    assert frontier[0] in rows
    assert frontier[-1] in rows


def test_operators_add_up_to_the_step() -> None:
    pool = made.DECODE
    assert sum(o.seconds for o in pool.operators) == pytest.approx(pool.step_s)
    text = report.predict_text(made.PREDICTED, Face(), "operators")
    total = next(line for line in text.splitlines() if line.strip().startswith("the step"))
    assert "41.2 ms" in total
    assert "100%" in total


@pytest.mark.parametrize("size", [6, 13, 42])
@pytest.mark.parametrize(
    "memory",
    [
        Memory(1e9, 2e9, 3e9, 4e9, 10e9),
        Memory(99e9, 0.01e9, 0.01e9, 0.01e9, 100e9),
        Memory(0, 0, 0, 0, 1e9),
        Memory(60e9, 60e9, 1e9, 1e9, 100e9),
    ],
)
def test_a_bar_has_its_size_and_shows_every_part(memory: Memory, size: int) -> None:
    drawn = bar(memory, size)
    assert len(drawn) == size + 1
    for part, letter in (("weights", "w"), ("kv", "k"), ("activations", "a"), ("reserved", "r")):
        assert (letter in drawn) == (getattr(memory, part) > 0)


@pytest.mark.parametrize("width", [100, 80, 60])
def test_comparisons(width: int, golden: Callable[[str, str], None]) -> None:
    slower = replace(made.FITS, best=made.plan(31.2, 1204.0))
    text = compare_text(made.compared((made.FITS, slower, made.NOT_FEASIBLE)), Face(width=width))
    golden(f"compare-{width}.txt", text)
    assert max(map(len, text.splitlines())) <= width
    assert text.startswith("deepseek-v3: system-a:8 costs least per token")


def test_many_systems_wrap_into_groups() -> None:
    text = compare_text(made.compared((made.FITS,) * 7), Face(width=80))
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"system-{c}:8" in text for c in "abcdefg")


def test_a_comparison_without_any_answer() -> None:
    text = compare_text(made.compared((made.NOT_FEASIBLE, made.NOT_FEASIBLE)), Face())
    assert text.startswith("Not feasible: ")
    assert "h20-8:16" in text


def test_a_named_statistic_is_in_the_verdict_and_a_wide_miss_is_a_ratio() -> None:
    best = made.plan(23.0, 900.0, tpot_s=made.latency(0.15, 0.1, "p95"), feasible=False)
    answer = replace(made.PREDICTED, best=best, slo=made.FITS.slo)
    text = report.predict_text(answer, Face())
    assert text.startswith("Misses the SLO: ")
    assert "TPOT p95 150 ms" in text.splitlines()[0] + text.splitlines()[1]
    assert "MISSED 3.0 times over" in text


def test_one_pool_alone_leaves_the_other_side_out() -> None:
    nan = made.latency(float("nan"))
    text = report.predict_text(replace(made.PREDICTED, best=replace(made.plan(23.0, 900.0), ttft_s=nan)), Face())
    assert "TTFT" not in text
    assert "time to first token" not in text
    assert "nan" not in text
