"""Predictions get no worse: a seeded subset of measured rows against the errors on record, source by source."""

from __future__ import annotations

import pytest

from tools import accuracy_record as record


@pytest.fixture(scope="module")
def now() -> dict[str, tuple[int, float]]:
    return record.medians()


def test_no_source_is_worse_than_recorded(now: dict[str, tuple[int, float]]) -> None:
    """Where this fails: mend it, or `python -m tools.accuracy_record --write --note "why"`."""
    before = record.recorded()
    assert sum(n for n, _ in now.values()) > 400
    assert not record.worse(now, before), "\n".join(record.worse(now, before))


def test_every_row_of_the_subset_is_answered(now: dict[str, tuple[int, float]]) -> None:
    assert all(error < float("inf") for _, error in now.values())


def test_what_counts_as_worse() -> None:
    before = {"a": (0.10, ""), "b": (0.10, ""), "c": (0.1, "")}
    lines = record.worse({"a": (9, 0.12), "b": (9, 0.105)}, before)
    assert [line.split(":")[0] for line in lines] == ["a", "c"]
