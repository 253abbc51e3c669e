"""Nothing is lost or made by splitting: arithmetic, bytes and weights over all ranks are the whole's and the stated copies."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import copies, world
from tests.strategies import ALL_BLOCKS, FORMATS, name_of, whole_sizes
from wherewithal import engine
from wherewithal.axes.split import Split, local
from wherewithal.model.op import Load
from wherewithal.plan import steady
from wherewithal.plan.memory import room
from wherewithal.plan.result import memory_of
from wherewithal.plan.workload import Workload

every_block = pytest.mark.parametrize("block", ALL_BLOCKS, ids=name_of)
EXPERTS = ("expert_up", "expert_down", "expert_act")
tensors = st.sampled_from((1.0, 2.0, 4.0, 8.0, 16.0))
sizes = st.sampled_from((1.0, 2.0, 4.0))


def own(block, split: Split, load: Load) -> dict:
    return {op.name: op for op in block.ops(local(block, split), load, FORMATS)}


@every_block
@settings(max_examples=15, deadline=None)
@given(load=world.steps(), tensor=tensors)
def test_arithmetic_over_a_tensor_group(block, load: Load, tensor: float) -> None:
    """The operators of all ranks of a tensor group do the whole's arithmetic, and the stated copies."""
    stage = Split(tensor=tensor, expert=tensor)
    whole, part = own(block, Split(), load), own(block, stage, load)
    assert whole.keys() == part.keys()
    for name, op in whole.items():
        columns = op.sizes[1] if op.kind == "matmul" else 0.0
        factor = copies.flop_factor(block, name, columns, tensor)
        assert part[name].flops * tensor == pytest.approx(op.flops * factor, rel=1e-12), name


@every_block
@settings(max_examples=15, deadline=None)
@given(load=world.steps(), tensor=tensors)
def test_bytes_over_a_tensor_group(block, load: Load, tensor: float) -> None:
    """Of a matrix product: its weights as its arithmetic; inputs and outputs once for each rank that needs them whole."""
    whole, part = own(block, Split(), load), own(block, Split(tensor=tensor, expert=tensor), load)
    for name, op in whole.items():
        mine = part[name]
        assert mine.bytes * tensor >= op.bytes * (1 - 1e-12), name
        assert mine.bytes <= op.bytes * (1 + 1e-12), name
        if op.kind != "matmul":
            continue
        m, n, k = op.sizes
        (_, n_part, k_part) = mine.sizes
        weights = (op.bytes - m * (n + k) * 2.0) * copies.flop_factor(block, name, n, tensor)
        ends = tensor * m * (n_part + k_part) * 2.0
        assert mine.bytes * tensor == pytest.approx(weights + ends, rel=1e-12), name
        assert k_part in (k, pytest.approx(k / tensor)), "the depth is whole or divided"


@every_block
@settings(max_examples=10, deadline=None)
@given(load=world.steps(), tensor=sizes, data=sizes, slices=sizes)
def test_experts_over_a_stage(block, load: Load, tensor: float, data: float, slices: float) -> None:
    """All ranks of tensor x data do the routed arithmetic once, however experts lie over them."""
    if not world.is_routed(block):
        return
    stage = tensor * data
    slices = min(slices, stage)
    split = Split(tensor=tensor, data=data, expert=stage / slices, expert_tensor=slices)
    shared = dataclasses.replace(load, routed_tokens=load.routed_tokens * data)
    whole, part = own(block, Split(), shared), own(block, split, shared)
    for name in EXPERTS[:2]:
        assert part[name].flops * stage == pytest.approx(whole[name].flops, rel=1e-12)
    pairs = whole["expert_up"].sizes[0] * whole["expert_up"].sizes[3]
    assert whole["expert_up"].skew == 1.0
    assert pairs == pytest.approx(shared.routed_tokens * block.per_token, rel=1e-9)
    held = {w.name: w.count for w in block.weights(local(block, split))}
    all_of = {w.name: w.count for w in block.weights(whole_sizes(block))}
    copied = np.ceil(block.experts / split.expert) * split.expert / block.experts
    assert held["experts"] * stage == pytest.approx(all_of["experts"] * copied, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(split=world.splits(most=256), s=st.integers(1, 64), t=st.integers(0, 4000))
@pytest.mark.parametrize("name", ["qwen3-30b-a3b", "deepseek-v3", "llama-3.1-8b", "mamba-codestral-7b", "jamba-v0.1"])
def test_arithmetic_over_a_replica(name: str, split: Split, s: int, t: int) -> None:
    """A replica does what the unsplit model does for the tokens of all its groups, and the stated copies.

    Over context ranks prompt tokens and what a token looks back at are divided, decoded tokens (all but their attention
    to the cache) are copied; a rank of a pipeline runs its share of the layers.
    """
    model = world.real(name)
    w = Workload()
    load = steady.decode_load(split, w, float(s))
    load = steady.with_prefill(split, w, load, float(t)) if t else load
    d, c = split.data, split.context
    group = Load(
        float(s), 1.0, w.decode_context, float(t), w.prefill_context if t else 0.0, load.prefill_seqs, float(s + t) * d
    )
    for _, times, block in engine.distinct(model):
        part, whole = own(block, split, load), own(block, Split(), group)
        alone = own(
            block,
            Split(),
            dataclasses.replace(
                group, prefill_tokens=0.0, prefill_seqs=0.0, prefill_context=0.0, routed_tokens=float(s) * d
            ),
        )
        for op_name, op in whole.items():
            ranks = split.tensor * d * c
            columns = op.sizes[1] if op.kind == "matmul" else 0.0
            factor = copies.flop_factor(block, op_name, columns, split.tensor)
            once = op_name in EXPERTS  # experts serve all groups of a stage at once
            looks_back = op_name in ("core_decode", "index_decode")
            copied = 0.0 if looks_back else float(alone[op_name].flops) * (c - 1)
            if op_name in ("logits", "sample"):
                copied = float(op.flops) * (c - 1)
            expected = (float(op.flops) + copied) * factor * (1.0 if once else d)
            done = float(part[op_name].flops) * ranks * times / times
            assert done == pytest.approx(expected, rel=1e-9), (type(block).__name__, op_name)


@every_block
@given(tensor=tensors)
@settings(max_examples=5, deadline=None)
def test_weights_over_a_tensor_group(block, tensor: float) -> None:
    """Parameters of all ranks of a tensor group are the whole's and the stated copies, name by name."""
    whole = block.weights(whole_sizes(block))
    part = block.weights(local(block, Split(tensor=tensor, expert=1.0, expert_tensor=tensor)))
    for one, mine in zip(whole, part, strict=True):
        factor = copies.weight_factor(block, one.name, float(one.count), tensor)
        assert mine.count * tensor == pytest.approx(one.count * factor, rel=1e-12), one.name


@every_block
@given(tensor=st.sampled_from((2.0, 4.0, 8.0, 16.0)))
@settings(max_examples=4, deadline=None)
def test_caches_over_a_tensor_group(block, tensor: float) -> None:
    """Heads' keys and values are divided, those fewer than the ranks and latents copied: between one and all copies."""
    one, part = block.cache(whole_sizes(block)), block.cache(local(block, Split(tensor=tensor)))
    for field in ("per_token", "state_bytes", "index_per_token_bytes"):
        whole, held = getattr(one, field), getattr(part, field) * tensor
        assert whole * (1 - 1e-12) <= held <= whole * tensor * (1 + 1e-12)
    if copies.kv_heads(block) and type(block).__name__ in ("Gqa", "Mfa"):
        assert part.per_token * tensor == pytest.approx(one.per_token * max(tensor / copies.kv_heads(block), 1.0))


@pytest.mark.parametrize("name", world.MODELS)
@settings(max_examples=10, deadline=None)
@given(split=world.splits())
def test_weights_over_a_replica(name: str, split: Split) -> None:
    """All stages together hold every layer at least once: never less than the checkpoint, and each data group alike."""
    model = world.real(name)
    m = world.machine("h100-8:16", name)
    held = float(engine.weights(model, split, m.formats))
    whole = float(engine.weights(model, Split(), m.formats))
    assert held * split.tensor * split.pipeline * split.data >= whole * (1 - 1e-12)
    more = dataclasses.replace(split, context=split.context * 2)
    assert float(engine.weights(model, more, m.formats)) == held


@pytest.mark.parametrize("role", ["all", "prefill", "decode"])
@pytest.mark.parametrize("by", [None, "vllm", "sglang", "trtllm"])
@pytest.mark.parametrize("name", ["qwen3-32b", "qwen3-30b-a3b", "deepseek-v3", "mamba-codestral-7b"])
@settings(max_examples=8, deadline=None)
@given(split=world.splits(most=32), share=st.floats(0.01, 1.0))
def test_memory_parts_are_the_whole(name: str, by: str | None, role: str, split: Split, share: float) -> None:
    """Weights, cache, activations and reserve fill at most the capacity, and what is free is the rest."""
    d = world.deployment(world.real(name), world.machine("h100-8:16", name), by=by)
    budget = d.engine.token_budget / (split.data if d.engine.budget_per_data_group else 1.0)
    tokens = min(budget, d.engine.max_seqs * d.workload.step_tokens) if role == "decode" else budget
    held = room(d.model, split, d.machine, d.engine, d.workload, tokens=tokens, role=role)
    if float(held.sequences) < 1:
        return
    s = max(float(held.sequences) * share / (split.pipeline * split.microbatches), 1e-3)
    parts = memory_of(d, split, role, s)
    used = parts.weights + parts.kv + parts.activations + parts.reserved
    assert used <= parts.capacity * (1 + 1e-9)
    assert min(parts.weights, parts.kv, parts.activations, parts.reserved) >= 0
    assert parts.capacity == pytest.approx(d.machine.system.chip.memory_bytes)
    left = d.engine.kv_room(float(held.capacity), float(held.weights), float(held.activations))
    assert parts.kv <= left * d.machine.system.chip.ranks * (1 + 1e-9)
    assert parts.capacity - used == pytest.approx(
        max(left * d.machine.system.chip.ranks - parts.kv, 0.0), rel=1e-6, abs=1.0
    )


def test_a_whole_size_is_what_local_gives() -> None:
    block = ALL_BLOCKS[0]
    assert SimpleNamespace(**block.sizes) == whole_sizes(block)
