"""One arithmetic: rows are what single layouts are, an explanation is the step, a shuffled table is the same table."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import world
from tests.strategies import ALL_BLOCKS, FORMATS, name_of
from wherewithal import engine
from wherewithal.axes.split import Split
from wherewithal.machine.host import beside
from wherewithal.model.op import Load
from wherewithal.plan import explain, steady
from wherewithal.plan.engines import engine as engine_named
from wherewithal.plan.lattice import Layouts, lattice
from wherewithal.plan.memory import room
from wherewithal.plan.pools import disaggregated, table
from wherewithal.plan.search import Counts, Goal, colocated
from wherewithal.plan.workload import Offered, Workload, parse_slo
from wherewithal.pricing.curve import curves_for

every_block = pytest.mark.parametrize("block", ALL_BLOCKS, ids=name_of)
RTOL = 1e-12


def stacked(splits: list[Split]) -> Split:
    names = [f.name for f in dataclasses.fields(Split)]
    return Split(**{n: np.array([getattr(s, n) for s in splits])[:, None] for n in names})


def stacked_loads(loads: list[Load]) -> Load:
    names = [f.name for f in dataclasses.fields(Load)]
    return Load(**{n: np.array([getattr(x, n) for x in loads])[None, :] for n in names})


def agree(array, row, single) -> None:
    np.testing.assert_allclose(np.broadcast_to(array, row[0])[row[1]], single, rtol=RTOL, atol=0)


@every_block
@settings(max_examples=5, deadline=None)
@given(
    splits=st.lists(world.splits(), min_size=1, max_size=3), loads=st.lists(world.steps(), min_size=1, max_size=3),
    on=st.sampled_from(world.SYSTEMS),
)  # fmt: skip
def test_rows_are_single_layouts(block, splits: list[Split], loads: list[Load], on: str) -> None:
    """Step, weights, cache and activations of a table of layouts x loads are those of each pair alone."""
    model, m = world.of_block(block), world.machine(on, block)
    shape = (len(splits), len(loads))
    many, all_loads = stacked(splits), stacked_loads(loads)
    step = engine.step(model, many, all_loads, m)
    held = engine.weights(model, many, m.formats)
    cache = engine.cache_bytes(model, many, m.formats, all_loads.decode_context)
    working = engine.activations(model, many, m.formats, all_loads.tokens, all_loads.logits)
    for i, split in enumerate(splits):
        for j, load in enumerate(loads):
            at = (shape, (i, j))
            one = engine.step(model, split, load, m)
            for name in world.FIGURES:
                agree(getattr(step, name), at, getattr(one, name))
            agree(held, at, engine.weights(model, split, m.formats))
            agree(cache, at, engine.cache_bytes(model, split, m.formats, load.decode_context))
            agree(working, at, engine.activations(model, split, m.formats, load.tokens, load.logits))


@pytest.mark.parametrize("name", world.MODELS)
@settings(max_examples=4, deadline=None)
@given(
    splits=st.lists(world.splits(), min_size=2, max_size=3),
    s=st.lists(st.integers(1, 300), min_size=2, max_size=3),
    on=st.sampled_from(world.SYSTEMS),
)
def test_serving_rows_are_single_layouts(name: str, splits: list[Split], s: list[int], on: str) -> None:
    """The same for serving on one pool and for a prefill pool, of real models."""
    d = world.deployment(
        world.real(name), world.machine(on, name), Workload(accepted_tokens_per_step=1.7, length_spread=0.2)
    )
    sizes = np.array(sorted(s), dtype=float)
    many, shape = stacked(splits), (len(splits), len(s))
    served = steady.colocated(d, many, sizes[None, :])
    first = steady.prefill_pool(d, many, 100.0 * sizes[None, :])
    held = room(d.model, many, d.machine, d.engine, d.workload, tokens=100.0 * sizes[None, :], role="all")
    for i, split in enumerate(splits):
        for j, size in enumerate(sizes):
            one, alone = steady.colocated(d, split, size), steady.prefill_pool(d, split, 100.0 * size)
            for field in ("tpot_s", "tpot_sd_s", "service_s", "wait_s", "busy", "requests_per_s", "in_flight"):
                array = np.broadcast_to(getattr(served, field), shape)[i, j]
                np.testing.assert_allclose(
                    array, getattr(one, field), rtol=1e-9 if field == "tpot_sd_s" else 1e-11, atol=1e-12
                )
            for field in ("service_s", "pass_s", "requests_per_s"):
                agree(getattr(first, field), (shape, (i, j)), getattr(alone, field))
            single = room(d.model, split, d.machine, d.engine, d.workload, tokens=100.0 * size, role="all")
            for field in ("weights", "activations", "kv_room", "per_sequence", "longest", "sequences"):
                np.testing.assert_allclose(
                    np.broadcast_to(getattr(held, field), shape)[i, j], getattr(single, field), rtol=1e-9
                )


def explained(d: steady.Deployment, split: Split, load: Load, host_s: float = 0.0) -> None:
    """The lines of an explanation add up to the step, in time and network, and share 1."""
    step = engine.step(d.model, split, load, d.machine)
    rows = explain.operators(d, split, load, host_s)
    total = step.seconds + host_s
    assert sum(r.seconds for r in rows) == pytest.approx(total, rel=1e-9)
    assert sum(r.share for r in rows) == pytest.approx(1.0, rel=1e-9)
    assert sum(r.hidden_s for r in rows) == pytest.approx(step.hidden, rel=1e-9, abs=1e-15)
    network = sum(r.seconds + r.hidden_s for r in rows if r.bound == "network")
    assert network == pytest.approx(step.network, rel=1e-9, abs=1e-15)
    assert all(r.seconds >= 0 and r.hidden_s >= 0 for r in rows)


@every_block
@settings(max_examples=6, deadline=None)
@given(split=world.splits(), load=world.steps(), on=st.sampled_from(world.SYSTEMS), host_s=st.sampled_from((0.0, 0.01)))
def test_an_explanation_is_the_step(block, split: Split, load: Load, on: str, host_s: float) -> None:
    d = world.deployment(world.of_block(block), world.machine(on, block))
    explained(d, split, load, host_s)


@pytest.mark.parametrize("split", [
    Split(2, 2, 8, 2, 8, 1, 2), Split(1, 4, 16, 1, 16, 2, 2), Split(4, 1, 1, 4), Split(1, 3, 4, 1, 4, 1, 2),
], ids=lambda s: f"tp{s.tensor}pp{s.pipeline}ep{s.expert}x{s.microbatches}")  # fmt: skip
@pytest.mark.parametrize("name", world.MODELS)
def test_an_explanation_is_the_step_with_overlap_and_pipeline(name: str, split: Split) -> None:
    d = world.deployment(world.real(name), world.machine("cloudmatrix-384:64", name))
    for load in (
        Load(64.0, 2.0, 4500.0, routed_tokens=128.0 * split.data),
        Load(0, 1, 0, 4000.0, 2000.0, 1.0, 4000.0 * split.data),
    ):
        explained(d, split, load, 0.003)


@pytest.mark.parametrize(("layers", "experts"), [(5.0, 0.0), (0.0, 20.0), (48.0, 0.0), (0.0, 48.0)])
@pytest.mark.parametrize("on", ["rtx-4090-1", "h100-8:8"])
@pytest.mark.parametrize("tensor", [1.0, 2.0])
def test_an_explanation_is_the_step_with_offload(layers: float, experts: float, on: str, tensor: float) -> None:
    name = "qwen3-30b-a3b"
    m = world.machine(on, name)
    hosted = dataclasses.replace(m, host=curves_for(beside(m.system)))
    d = world.deployment(world.real(name), hosted)._replace(offload=("layers", "experts"))
    split = Split(tensor, 1, 1, tensor, host_layers=layers, host_experts=experts)
    for load in (Load(8.0, 1.0, 4500.0, routed_tokens=8.0), Load(0, 1, 0, 2000.0, 1000.0, 1.0, 2000.0)):
        explained(d, split, load)


GOALS = [
    ("ttft=2s,tpot=50ms", Offered()), ("", Offered()), ("tpot=30ms", Offered(concurrency=40.0)), ("", Offered(rate_per_s=1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("slo", "offered"), GOALS, ids=lambda x: str(x)[:24])
@pytest.mark.parametrize(
    ("name", "on"), [("qwen3-30b-a3b", "h100-8:16"), ("qwen3-32b", "h20-8:8"), ("deepseek-v3.2", "h20-8:32")]
)
@pytest.mark.parametrize("mode", ["colocated", "disaggregated"])
def test_the_order_of_layouts_does_not_matter(name: str, on: str, slo: str, offered: Offered, mode: str) -> None:
    """A shuffled lattice has the same frontier: the same rows in the same order."""
    d = world.deployment(world.real(name), world.machine(on, name))
    chips, goal = d.machine.system.chips, Goal(parse_slo(slo), offered)
    every = lattice(chips * d.machine.system.chip.ranks, d.model.depth, routed="30b" in name or "deepseek" in name)
    found = []
    for seed in (None, 7):
        order = np.arange(len(every)) if seed is None else np.random.default_rng(seed).permutation(len(every))
        rows = every.take(order)
        if mode == "colocated":
            found.append(colocated(d, chips, goal, Counts(), rows)[0])
        else:
            found.append(disaggregated(d, d, chips, goal, Counts(), (rows, rows))[0])
    if found[0] is None:
        assert found[1] is None
        return
    for a, b in zip(*found, strict=True):
        if a is None:
            assert b is None
        elif isinstance(a, Layouts):
            assert all(np.array_equal(a.columns[k], b.columns[k]) for k in a.columns)
        else:
            assert np.array_equal(a, b)


def test_pieces_of_any_size_give_the_same_frontier(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many rows are priced at once changes nothing."""
    from wherewithal.plan import search

    d = world.deployment(world.real("qwen3-30b-a3b"), world.machine("h100-8:16", "qwen3-30b-a3b"))
    found = []
    for piece in (16_384, 700):
        monkeypatch.setattr(search, "PIECE", piece)
        found.append(colocated(d, 16, Goal(parse_slo("ttft=2s"), Offered()), Counts())[0])
    assert np.allclose(found[0].tpot_s, found[1].tpot_s, rtol=1e-12)
    assert np.allclose(found[0].rate, found[1].rate, rtol=1e-12)


def test_one_layout_is_a_table_of_one_row() -> None:
    split = Split(2, 1, 8, 1, 4, 1, 2)
    assert len(table(split)) == 1
    assert table(split).row(0) == split
    assert engine_named(None).generic
    assert FORMATS.kv_bytes == 2.0
