"""Figures in words: digits, prefixes, tables that fit."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.app import text
from wherewithal.app.text import Column
from wherewithal.plan.answer import Interval, Latency

WORDS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("figure", "unit", "value", "band"),
    [
        (Latency(0.0434, 0.038, 0.049), "s", "43 ms", "(38 to 49)"),
        (Latency(0.0434, 0.0430, 0.0438), "s", "43.4 ms", "(43.0 to 43.8)"),
        (Latency(1.34, 1.1, 1.6), "s", "1.3 s", "(1.1 to 1.6)"),
        (Latency(0.00996, 0.008, 0.012), "s", "10 ms", "(8 to 12)"),
        (Latency(75.0, 60.0, 90.0), "s", "75 s", "(60 to 90)"),
        (Latency(7200.0, 6000.0, 9000.0), "s", "2.0 h", "(1.7 to 2.5)"),
        (Interval(657_408, 558_796, 756_019), "tok/s", "660,000 tok/s", "(560 to 760 k)"),
        (Interval(1712.0, 1455.0, 1969.0), "tok/s", "1,700 tok/s", "(1,500 to 2,000)"),
        (Interval(999_960.0, 999_000.0, 1_000_900.0), "w", "1.00 MW", ""),
        (Interval(0.0, 0.0, 0.0), "w", "0 W", ""),
        (Interval(0.012, 0.001, 0.05), "USD", "0.012 USD", "(0.001 to 0.050)"),
        (None, "w", "-", ""),
        (float("inf"), "s", "-", ""),
        (float("nan"), "s", "-", ""),
    ],
)
def test_a_figure_has_the_digits_that_its_band_deserves(figure: object, unit: str, value: str, band: str) -> None:
    said = text.shown(figure, unit)  # type: ignore[arg-type]
    assert said.value == value
    if band:
        assert said.band == band


@given(st.floats(1e-9, 1e15), st.floats(0, 0.9), st.sampled_from(["s", "bytes", "w", "tok/s", "flops"]))
def test_never_more_than_three_significant_digits(value: float, spread: float, unit: str) -> None:
    said = text.shown(Interval(value, value * (1 - spread), value * (1 + spread)), unit)
    bare = said.bare.replace(",", "")
    figures = bare.replace(".", "").lstrip("0").rstrip("0")
    assert len(figures) <= 3
    assert abs(float(bare) * text.scale(value, unit)[0] / value - 1) <= 0.0501


@given(st.floats(1e-6, 1e12), st.sampled_from(["s", "bytes", "w"]))
def test_a_stated_figure_is_not_padded(value: float, unit: str) -> None:
    said = text.exact(value, unit)
    assert not ("." in said.split()[0] and said.split()[0].endswith("0"))


@pytest.mark.parametrize(
    ("ratio", "signed", "said"),
    [
        (0.31, True, "+31%"),
        (-0.42, True, "-42%"),
        (0.006, False, "0.6%"),
        (0.0, True, "0%"),
        (12.5, False, "1,250%"),
        (None, False, "-"),
    ],
)
def test_percent(ratio: float | None, signed: bool, said: str) -> None:
    assert text.percent(ratio, signed) == said


def test_clean_takes_control_characters_out() -> None:
    assert text.clean("a\x1b[31mred\x07\u202eevil\u2028\x9b\nb") == "a[31mredevil b"
    assert len(text.clean("x" * 1000)) == 400


@given(st.lists(st.lists(WORDS, min_size=4, max_size=4), min_size=1, max_size=5), st.integers(40, 120))
def test_a_table_is_never_wider_than_the_screen(rows: list[list[str]], width: int) -> None:
    columns = [Column("one"), Column("two", ">", 1), Column("three", drop=3), Column("four", drop=2)]
    assert all(len(line) <= width for line in text.table(columns, rows, width))


def test_columns_go_in_their_fixed_order() -> None:
    columns = [Column("one"), Column("two", ">", 1), Column("three", drop=3), Column("four", drop=2)]
    rows = [["a" * 8, "b" * 8, "c" * 8, "d" * 8]]
    heads = [text.table(columns, rows, width, 0)[0].split() for width in (60, 38, 28, 18, 8)]
    assert heads[:4] == [
        ["one", "two", "three", "four"],
        ["one", "two", "three", "four"],
        ["one", "two", "four"],
        ["one", "two"],
    ]
    assert heads[4] == ["one"]


def test_rows_that_cannot_fit_become_paragraphs() -> None:
    lines = text.table([Column("model"), Column("layout")], [["a" * 30, "b" * 30]], 40)
    assert lines[0].strip().startswith("model aaa")
    assert all(len(line) <= 40 for line in lines)


@given(st.lists(WORDS.filter(lambda w: w.strip()), min_size=1, max_size=8), st.integers(30, 100))
def test_a_pasted_command_is_the_same_command(words: list[str], width: int) -> None:
    words = [" ".join(w.split()) for w in words]
    lines = text.pasteable(shlex.join(words), width, 4)
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == words


def test_an_option_stays_with_its_value() -> None:
    lines = text.pasteable("wherewithal plan some-model --on some-system:64 --slo ttft=2s,tpot=50ms", 44, 2)
    assert any(line.strip().startswith("--slo ttft=2s") for line in lines)
    assert all(len(line) <= 44 for line in lines)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_float_can_be_shown(value: float) -> None:
    assert text.number(value)
    assert text.shown(value, "s").value
    assert text.percent(value)
