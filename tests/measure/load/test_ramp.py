"""The search for the highest load finds it, in few runs."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from wherewithal.measure.load.ramp import STEPS, highest


def search(first: float, whole: bool, capacity: float) -> tuple[float | None, list[float]]:
    tried: list[float] = []

    async def holds(load: float) -> bool:
        tried.append(load)
        return load <= capacity

    return asyncio.run(highest(first, whole, holds)), tried


@given(first=st.integers(1, 64), capacity=st.integers(1, 200))
def test_whole_loads(first: int, capacity: int) -> None:
    found, tried = search(float(first), True, float(capacity))
    assert found is not None
    assert found <= capacity < found + max(1.0, found * 0.05) + 1e-9
    assert len(tried) <= STEPS
    assert len(set(tried)) == len(tried)
    assert all(t == int(t) for t in tried)


@given(first=st.floats(0.5, 50), capacity=st.floats(0.5, 50))
def test_rates(first: float, capacity: float) -> None:
    found, tried = search(first, False, capacity)
    assert found is not None
    assert found <= capacity <= found * 1.05 + 1e-9
    assert len(tried) <= STEPS


def test_nothing_holds() -> None:
    assert search(8.0, True, 0.5)[0] is None
    assert search(4.0, False, 0.0)[0] is None


def test_the_end_of_the_search() -> None:
    async def holds(load: float) -> bool | None:
        return True if load < 8 else None

    assert asyncio.run(highest(1.0, True, holds)) == 4.0
