"""Tables of effective work: exact at their nodes, never falling, never below the work itself, element-wise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherewithal.model.op import Op
from wherewithal.pricing.surface import GRIDS, Surface, coordinates, effective, probe, rising

KINDS = sorted(GRIDS)
size = st.floats(0.1, 1e6)


@cache
def surface(kind: str, seed: int = 0, rough: float = 1.0) -> tuple[Surface, np.ndarray]:
    """A table with random losses, made monotone."""
    _, flops, unit = probe(kind)
    asked = flops / unit
    grid = GRIDS[kind]
    losses = np.exp(rough * np.random.default_rng(seed).random(asked.size))
    phi = np.maximum(rising((asked * losses).reshape(grid.shape), len(grid.work)), asked.reshape(grid.shape))
    return Surface(kind, phi), phi


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_exact_at_its_nodes(kind: str) -> None:
    made, phi = surface(kind)
    sizes, _, _ = probe(kind)
    work, layer = coordinates(kind, sizes)
    one = np.ones(phi.size)
    got = np.array(
        [
            float(made(tuple((w * one)[i] for w in work), tuple((v * one)[i] for v in layer)))
            for i in range(0, phi.size, 37)
        ]
    )
    np.testing.assert_allclose(got, phi.ravel()[::37], rtol=1e-9)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 5), size, size, size, size, st.floats(1.0, 100.0), st.integers(0, 1))
def test_more_work_is_never_less(
    kind: str, seed: int, a: float, b: float, c: float, d: float, more: float, which: int
) -> None:
    made, _ = surface(kind, seed, rough=3.0)
    grid = GRIDS[kind]
    work, layer = [a, b][: len(grid.work)], tuple([c, d][: len(grid.layer)])
    before = float(made(tuple(work), layer))
    work[which % len(work)] *= more
    after = float(made(tuple(work), layer))
    assert after >= before * (1 - 1e-9)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 5), size, size, size, size)
def test_never_below_the_work_itself(kind: str, seed: int, a: float, b: float, c: float, d: float) -> None:
    made, _ = surface(kind, seed)
    grid = GRIDS[kind]
    work, layer = (a, b)[: len(grid.work)], (c, d)[: len(grid.layer)]
    assert float(made(work, layer)) >= np.prod(work) * (1 - 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_give_what_single_numbers_give(kind: str) -> None:
    made, _ = surface(kind)
    rng, grid = np.random.default_rng(1), GRIDS[kind]
    work = [rng.lognormal(4, 2, (7, 9)) for _ in grid.work]
    layer = [2.0 ** rng.uniform(6, 13, (7, 1)) for _ in grid.layer]
    many = made(tuple(work), tuple(layer))
    again = Surface(kind, surface(kind)[1])
    each = [
        [float(again(tuple(float(w[i, j]) for w in work), tuple(float(v[i, 0]) for v in layer))) for j in range(9)]
        for i in range(7)
    ]
    np.testing.assert_allclose(many, each, rtol=1e-12)


def test_layers_beyond_those_remembered_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wherewithal.pricing.surface.MOST", 3)
    made = Surface("matmul", surface("matmul")[1])
    first = float(made((100.0,), (4096.0, 4096.0)))
    for n in range(200, 220):
        made((100.0,), (float(n), 4096.0))
    assert float(made((100.0,), (4096.0, 4096.0))) == first


def test_rising_keeps_what_rises_and_mends_what_falls() -> None:
    phi = np.array([[1.0, 2.0, 4.0], [2.0, 3.0, 5.0]])
    np.testing.assert_allclose(rising(phi, 2), phi)
    mended = rising(np.array([1.0, 3.0, 2.0, 4.0]), 1)
    assert (np.diff(mended) >= 0).all()
    assert np.abs(mended - [1.0, 3.0, 2.0, 4.0]).max() <= 1.0


def test_effective_flops_of_a_kernel_without_losses_are_those_asked() -> None:
    _, flops, unit = probe("matmul")
    exact = Surface("matmul", (flops / unit).reshape(GRIDS["matmul"].shape))
    x = Op("x", "matmul", "bf16", 2.0 * 300 * 512 * 1024, 1.0, (300.0, 512.0, 1024.0))
    assert effective(x, exact) == pytest.approx(x.flops)
    none = Op("x", "attention_decode", "bf16", 0.0, 0.0, (0.0, 0.0, 8.0, 4.0))
    assert float(effective(none, surface("attention_decode")[0])) == 0.0
