"""Requests: lengths within their spread, arrivals at their rate, the same from the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.simulate.requests import Lengths, requests


@given(spread=st.floats(0.0, 0.99), cached=st.floats(0.0, 1.0), seed=st.integers(0, 99))
def test_lengths_are_as_stated(spread: float, cached: float, seed: int) -> None:
    found = requests(Lengths(1000.0, 300.0, spread, cached), 50, seed)
    whole = found.prompt + found.cached
    assert found.prompt.min() >= 1
    assert found.answer.min() >= 1
    assert found.cached.min() >= 0
    assert whole.max() <= 1000
    assert whole.min() >= np.floor(1000 * (1 - spread))
    assert found.answer.max() <= 300
    assert found.answer.min() >= np.floor(300 * (1 - spread))


def test_seeds_reproduce() -> None:
    one, again, other = (requests(Lengths(1000.0, 300.0, 0.2), 50, seed, 3.0) for seed in (1, 1, 2))
    for a, b in zip(one, again, strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(one.prompt, other.prompt)
    assert not np.array_equal(one.arrive, other.arrive)


def test_arrivals_are_poisson() -> None:
    gaps = np.diff(requests(Lengths(10.0, 10.0), 20_000, 0, 4.0).arrive)
    assert gaps.mean() == pytest.approx(0.25, rel=0.03)
    assert gaps.std() == pytest.approx(0.25, rel=0.05)
