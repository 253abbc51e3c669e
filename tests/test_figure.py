"""Figures: none without a source, the weakest way of knowing wins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.figure import KNOWN, Figure, Known, weaker, weakest


def made(known: Known = "read", value: float = 2.0) -> Figure:
    return Figure(value, "bytes", known, "a source")


@pytest.mark.parametrize(
    ("value", "known", "source", "low", "text"),
    [
        (1.0, "read", "  ", None, "1.0 bytes has no source"),
        (1.0, "guessed", "x", None, "must be one of read, derived, estimated, unverified, assumed"),
        (float("nan"), "read", "x", None, "not a finite number"),
        (float("inf"), "read", "x", None, "not a finite number"),
        (1.0, "read", "x", 2.0, "1.0 bytes is not between 2.0 and 1.0"),
    ],
)
def test_what_is_refused(value: float, known: Known, source: str, low: float | None, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Figure(value, "bytes", known, source, low=low)


@given(st.lists(st.sampled_from(KNOWN), min_size=1))
def test_weakest_is_the_last_in_the_order(words: list[Known]) -> None:
    expected = KNOWN[max(KNOWN.index(w) for w in words)]
    assert weakest(words) == weakest([made(w) for w in words]) == expected
    assert weakest(reversed(words)) == expected


@given(st.sampled_from(KNOWN), st.sampled_from(KNOWN))
def test_weaker_is_symmetric(a: Known, b: Known) -> None:
    assert weaker(a, b) == weaker(b, a) == weakest([a, b])


def test_nothing_is_as_good_as_read() -> None:
    assert weakest([]) == "read"


def test_scaling_keeps_source_and_weakens() -> None:
    figure = Figure(2.0, "bytes", "read", "sheet", "2024", "per rank", 1.0, 3.0)
    twice = figure.scaled(2.0, "two ranks")
    assert (twice.value, twice.low, twice.high, twice.known, twice.source) == (4.0, 2.0, 6.0, "derived", "sheet")
    assert twice.note == "per rank; two ranks"
    assert made("assumed").scaled(3.0, "why").known == "assumed"
