"""Laws of every block kind, found by walking the folder."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import ALL_BLOCKS, FORMATS, KINDS, PARTS, formats, loads, name_of, whole_sizes
from wherewithal.model.blocks.moe import Moe
from wherewithal.model.op import Formats, Load, Stored

OP_KINDS = {
    "matmul",
    "batched_matmul",
    "grouped_matmul",
    "attention_prefill",
    "attention_decode",
    "attention_latent",
    "scan_decode",
    "scan_prefill",
    "stream",
}
LENGTHS = {
    "matmul": 3,
    "batched_matmul": 4,
    "grouped_matmul": 4,
    "attention_prefill": 4,
    "attention_decode": 4,
    "attention_latent": 4,
    "scan_decode": 3,
    "scan_prefill": 3,
    "stream": 0,
}
BLOCK_KINDS = {"attention", "linear", "mlp", "moe", "embedding", "head", "tower", "residual"}

every_block = pytest.mark.parametrize("block", ALL_BLOCKS, ids=name_of)


def test_walk_finds_kinds() -> None:
    names = {k.__name__ for k in KINDS}
    assert {"Gqa", "Mla", "Dsa", "Csa", "Mfa", "BlockSparse", "Cross", "Lightning", "GatedDelta", "Kda"} <= names
    assert {"Mamba1", "Mamba2", "Rwkv", "RgLru", "MLstm", "Mlp", "Moe", "LinearMap", "Embedding", "Head"} <= names
    assert {k.kind for k in KINDS} <= BLOCK_KINDS


@every_block
def test_documented_with_source(block: object) -> None:
    doc = type(block).__doc__ or ""
    assert len(doc) > 20
    assert "Source" in doc or type(block).__name__ in ("Embedding", "Head")


@every_block
def test_equal_blocks_are_one_key(block: object) -> None:
    import copy

    assert hash(block) == hash(copy.copy(block))
    assert block == copy.copy(block)


@every_block
@settings(max_examples=20, deadline=None)
@given(load=loads(), f=formats)
def test_ops_are_well_formed(block, load: Load, f: Formats) -> None:
    names = set()
    for op in block.ops(whole_sizes(block), load, f):
        assert op.kind in OP_KINDS
        assert len(op.sizes) == LENGTHS[op.kind]
        assert op.name not in names
        names.add(op.name)
        assert np.all(np.isfinite(op.flops))
        assert np.all(np.asarray(op.flops) >= 0)
        assert np.all(np.isfinite(op.bytes))
        assert np.all(np.asarray(op.bytes) >= 0)
        assert np.all(np.asarray(op.skew) >= 1 - 1e-12)


@every_block
@settings(max_examples=20, deadline=None)
@given(rows=st.lists(loads(), min_size=1, max_size=4), f=formats)
def test_arrays_are_scalars(block, rows: list[Load], f: Formats) -> None:
    names = Load.__dataclass_fields__
    stacked = Load(**{n: np.array([getattr(row, n) for row in rows]) for n in names})
    many = list(block.ops(whole_sizes(block), stacked, f))
    for i, row in enumerate(rows):
        for one, op in zip(block.ops(whole_sizes(block), row, f), many, strict=True):
            for part in ("flops", "bytes", "calls", "skew"):
                array = np.broadcast_to(np.asarray(getattr(op, part), float), len(rows))[i]
                assert array == pytest.approx(float(getattr(one, part)), rel=1e-12, abs=0), (op.name, part)
            for a, b in zip(op.sizes, one.sizes, strict=True):
                assert np.broadcast_to(np.asarray(a, float), len(rows))[i] == pytest.approx(float(b), rel=1e-12)


@every_block
@settings(max_examples=15, deadline=None)
@given(load=loads(), more=st.floats(1.0, 8.0))
def test_more_context_is_never_less_work(block, load: Load, more: float) -> None:
    longer = Load(
        load.decode_seqs, load.decode_tokens, load.decode_context * more, load.prefill_tokens,
        load.prefill_context * more, load.prefill_seqs, load.routed_tokens,
    )  # fmt: skip
    for short, long in zip(
        block.ops(whole_sizes(block), load, FORMATS), block.ops(whole_sizes(block), longer, FORMATS), strict=True
    ):
        assert long.flops >= short.flops * (1 - 1e-12)
        assert long.bytes >= short.bytes * (1 - 1e-12)


@every_block
@settings(max_examples=15, deadline=None)
@given(load=loads())
def test_flops_cover_active_matrices(block, load: Load) -> None:
    """Two operations for every active matrix weight and token that passes it."""
    if block.kind in ("embedding", "head", "tower", "residual") or type(block).__name__ == "Cross":
        return
    if np.asarray(load.routed_tokens) != load.tokens:
        return
    small = {"norms", "bias", "index_norm", "extra", "norm", "mixing"}
    matrices = sum(float(w.active) for w in block.weights(whole_sizes(block)) if w.name not in small)
    done = sum(
        float(op.flops)
        for op in block.ops(whole_sizes(block), load, FORMATS)
        if not op.name.startswith(("core", "scan"))
    )
    assert done >= 2 * matrices * load.tokens * (1 - 1e-9)


@every_block
def test_weights_divide(block) -> None:
    """Cut one size into two, no rank holds more than all and the ranks together no less than all."""
    whole = whole_sizes(block)
    for name in vars(whole):
        half = SimpleNamespace(**{**vars(whole), name: getattr(whole, name) / 2})
        for big, small in zip(block.weights(whole), block.weights(half), strict=True):
            assert big.part in PARTS
            assert small.count <= big.count * (1 + 1e-12)
            assert 2 * small.count >= big.count * (1 - 1e-12)
            assert big.active <= big.count + 1e-9


@every_block
def test_cache_divides(block) -> None:
    whole = whole_sizes(block)
    half = SimpleNamespace(**{k: v / 2 for k, v in vars(whole).items()})
    big, small = block.cache(whole), block.cache(half)
    assert small.per_token <= big.per_token
    assert small.state_bytes <= big.state_bytes
    assert big.window > 0


@every_block
@settings(max_examples=10, deadline=None)
@given(load=loads())
def test_fewer_bits_move_fewer_bytes(block, load: Load) -> None:
    eight = Formats(parts={p: Stored(8.0, "bf16") for p in PARTS}, kv_bits=8.0)
    x = whole_sizes(block)
    for wide, narrow in zip(block.ops(x, load, FORMATS), block.ops(x, load, eight), strict=True):
        assert narrow.bytes <= wide.bytes * (1 + 1e-12)
        assert narrow.flops == wide.flops


def test_experts_hit_lie_between_one_token_and_even_chance() -> None:
    tokens = np.array([0.0, 0.5, 1.0, 2.0, 8.0, 64.0, 1e3, 1e6])
    block = Moe(hidden=64, experts=128, per_token=4, expert_intermediate=32)
    up = next(
        iter(
            block.routed(
                block, Load(decode_seqs=tokens, routed_tokens=tokens), Formats({"other": Stored(16.0, "bf16")})
            )
        )
    )
    hit = np.asarray(up.sizes[3] * up.skew)
    assert hit[2] == pytest.approx(4.0)
    assert np.all(np.diff(hit) > 0)
    even = 128 * (1 - (1 - 4 / 128) ** tokens)
    assert np.all(hit[tokens > 1] < even[tokens > 1])
    assert hit[-1] == pytest.approx(128, rel=1e-3)
