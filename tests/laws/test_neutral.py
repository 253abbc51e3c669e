"""Degree 1 of every axis adds exactly nothing: no second, no byte, no hop, no joule."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import world
from tests.strategies import ALL_BLOCKS, FORMATS, formats, name_of, whole_sizes
from wherewithal import engine
from wherewithal.axes import axes
from wherewithal.axes.pipeline import unevenness
from wherewithal.axes.split import Split, local
from wherewithal.model.op import Formats, Load
from wherewithal.pricing.collective import group, traffic
from wherewithal.pricing.energy import power

every_block = pytest.mark.parametrize("block", ALL_BLOCKS, ids=name_of)
one = Split()


def test_all_axes_are_there() -> None:
    assert {a.NAME for a in axes()} == {"tensor", "pipeline", "expert", "expert_tensor", "data", "context"}
    assert {f.name for f in dataclasses.fields(Split)} >= {a.NAME for a in axes()}


@every_block
@pytest.mark.parametrize("on", ["h100-8:16", "cloudmatrix-384:64", "rtx-4090-1"])
@settings(max_examples=6, deadline=None)
@given(load=world.steps())
def test_a_step_of_one_rank_is_its_operators(block, on: str, load: Load) -> None:
    """With every degree 1 the step is the sum of the blocks' own operators, to the last bit."""
    model, m = world.of_block(block), world.machine(on, block)
    own = 0.0
    for _, times, part in engine.distinct(model):
        for op in part.ops(whole_sizes(part), load, m.formats):
            own += times * m.curves.seconds(op)
    found = engine.step(model, one, load, m)
    assert found.network == 0.0
    assert found.hidden == 0.0
    assert found.seconds == found.kernels == own


@every_block
def test_local_sizes_of_one_rank_are_the_whole(block) -> None:
    assert vars(local(block, one)) == {k: float(v) for k, v in block.sizes.items()}


@every_block
@settings(max_examples=12, deadline=None)
@given(split=world.splits(), load=world.steps(), f=formats, on=st.sampled_from(world.SYSTEMS))
def test_an_axis_of_degree_one_sends_nothing(block, split: Split, load: Load, f: Formats, on: str) -> None:
    """Whatever the other degrees are: a group of one rank costs 0 s, 0 B, 0 hops, and divides no size."""
    m = world.machine(on, block)
    for axis in axes():
        alone = dataclasses.replace(split, **{axis.NAME: 1.0})
        for op in world.sent(axis, block, alone, load, f):
            n, _ = group(op, alone)
            sent = traffic(op, alone, m.tiers, m.curves)
            if n == 1.0 or op.over == axis.NAME:
                assert (float(sent.wire), float(sent.hops), float(sent.seconds)) == (0.0, 0.0, 0.0), (axis.NAME, op)
        for name in axis.DIVIDES & block.sizes.keys():
            divided_by_others = dataclasses.replace(alone)
            assert getattr(local(block, alone), name) == getattr(local(block, divided_by_others), name)


@settings(max_examples=30, deadline=None)
@given(split=world.splits(), load=world.steps(), on=st.sampled_from(world.SYSTEMS))
@pytest.mark.parametrize("name", ["qwen3-30b-a3b", "deepseek-v3", "llama-3.1-8b"])
def test_tokens_stay_where_all_ranks_hold_them(name: str, split: Split, load: Load, on: str) -> None:
    """Without copies of the attention no token travels to an expert."""
    model, m = world.real(name), world.machine(on, name)
    held = dataclasses.replace(split, data=1.0, expert=1.0, expert_tensor=split.tensor, microbatches=1.0)
    for term in engine.terms(model, held, load, m.formats):
        if term.op.kind == "all_to_all":
            assert float(traffic(term.op, held, m.tiers, m.curves).seconds) == 0.0


@given(depth=st.integers(1, 200))
def test_one_stage_is_even(depth: int) -> None:
    assert unevenness(depth, one) == 1.0


@every_block
@settings(max_examples=5, deadline=None)
@given(load=world.steps())
def test_no_joule(block, load: Load) -> None:
    """Use of compute and memory, from which power follows, is that of the operators alone."""
    model, m = world.of_block(block), world.machine("h100-8:16", block)
    found = engine.step(model, one, load, m)
    ops = [(t, op) for _, t, b in engine.distinct(model) for op in b.ops(whole_sizes(b), load, m.formats)]
    peaks = m.system.chip.peaks
    compute = sum(t * (op.flops / peaks[op.format]) for t, op in ops)
    memory = sum(t * (op.bytes / m.system.chip.bandwidth_bytes_per_s) for t, op in ops)
    assert (found.compute, found.memory) == (pytest.approx(compute, rel=1e-12), pytest.approx(memory, rel=1e-12))
    watts = [
        power(700.0, 10_000.0, 8, c / found.seconds, x / found.seconds, 1.0)
        for c, x in ((compute, memory), (found.compute, found.memory))
    ]
    assert watts[0].value == pytest.approx(watts[1].value, rel=1e-12)


@every_block
def test_one_rank_holds_the_whole(block) -> None:
    """Weights and cache of a single rank are the model's own, to the last bit."""
    model = world.of_block(block)
    held = engine.weights(model, one, FORMATS)
    own = sum(t * w.count * 2.0 for _, t, b in engine.distinct(model) for w in b.weights(whole_sizes(b)))
    assert held == own
    assert engine.cache_bytes(model, one, FORMATS, 777.0) == pytest.approx(model.cache_bytes(777.0), rel=1e-15)
