"""What ranks of a replica compute or hold more than once: stated here by name, so that all the rest must be conserved.

Of a tensor group every rank computes whole: projections to latents, indexes, routers, low ranks, norms and other
element-wise work on the whole hidden state; KV heads that are fewer than the ranks are copied. Attention is copied over
data groups (each with its own sequences), decoded tokens over context ranks, experts over context ranks.
"""

from __future__ import annotations

from typing import Any

WHOLE_COLUMNS: dict[str, dict[str, Any]] = {
    "Mla": {"down": lambda b: b.down_columns},
    "Dsa": {
        "down": lambda b: b.down_columns,
        "index_q": lambda b: b.index_heads * b.index_dim,
        "index_k": lambda b: b.index_dim + b.index_heads,
    },
    "Csa": {"down": lambda b: b.down_columns + b.index_heads, "q_up": lambda b: b.index_heads * b.index_dim},
    "Mfa": {"down": lambda b: b.query_rank},
    "BlockSparse": {"qkv": lambda b: (b.index_heads + 1) * b.index_dim if b.index_learnt else 0},
    "Kda": {"qkv": lambda b: b.head_dim * (1 if b.full_gate else 2)},
    "Rwkv": {"maps": lambda b: b.ranks},
    "PerLayer": {"gate": lambda b: 2 * b.width, "out": lambda b: b.hidden},
    "Moe": {"router": lambda b: b.router_columns or b.experts, "latent": lambda b: 2 * b.latent},
}
"""Columns of a matrix product that every rank of a tensor group computes whole."""

KV_COLUMNS: dict[str, dict[str, Any]] = {
    "Gqa": {
        "qkv": lambda b: (
            b.kv_heads * (b.head_dim + (b.v_head_dim if b.v_projected and not b.shared_kv else 0)) if b.own_kv else 0
        )
    },
    "BlockSparse": {
        "qkv": lambda b: (
            b.kv_heads * (b.head_dim + (b.v_head_dim if b.v_projected and not b.shared_kv else 0)) if b.own_kv else 0
        )
    },
    "Mfa": {"down": lambda b: 2 * b.kv_heads * b.head_dim},
    "Cross": {"image_kv": lambda b: 2 * b.kv_heads * b.head_dim},
    "GatedDelta": {"qkvz": lambda b: 2 * b.key_heads * b.key_dim},
    "Mamba2": {"in": lambda b: 2 * b.groups * b.state},
}
"""Columns that belong to KV heads (key heads, groups): copied where there are fewer heads than ranks."""

WHOLE_OPS = {
    "Dsa": {"index_decode", "index_prefill"}, "Csa": {"index_decode", "index_prefill"}, "BlockSparse": {"index_decode", "index_prefill"},
    "Residual": {"mix"}, "TowerEnds": {"patches", "merge", "project"},
}  # fmt: skip
"""Operators that every rank of a tensor group runs whole."""

WHOLE_WEIGHTS = {
    "Mla": {"down": 1, "norms": 1}, "Dsa": {"down": 1, "norms": 1, "indexer": 1, "index_norm": 1}, "Csa": {"down": 1, "norms": 1},
    "Mfa": {"down": 1, "norms": 1}, "Residual": {"mixing": 1}, "TowerEnds": {"patches": 1, "merger": 1},
    "Moe": {"router": 1, "latent": 1, "bias": 1, "norms": 1}, "PerLayer": {"projections": 1, "norms": 1},
    "BlockSparse": {"index": 1}, "Embedding": {"extra": 1}, "Head": {"norm": 1}, "Mlp": {"norms": 1}, "LinearMap": {"norms": 1},
    "Cross": {"norms": 1}, "Lightning": {"norms": 1}, "Rwkv": {"norms": 1},
}  # fmt: skip
"""Weights that every rank of a tensor group holds whole; those of other names are divided (or partly: see PART_WEIGHTS)."""


def kv_heads(block: Any) -> float:
    return block.sizes.get("kv_heads", 0)


def part_whole(block: Any, name: str) -> float:
    """Return parameters of a weight of which every rank of a tensor group holds all, where the rest is divided."""
    kind = type(block).__name__
    if name == "norms" and kind in ("Gqa", "BlockSparse"):
        return block.bias + block.norm
    if name == "norms" and kind == "GatedDelta":
        return block.v_head_dim + block.norm
    if name == "norms" and kind == "Kda":
        return block.head_dim + block.norm
    if name == "norms" and kind in ("Mamba1", "Mamba2", "MLstm"):
        return block.norm
    if name == "norms" and kind == "RgLru":
        return block.hidden + block.norm
    if name == "projections" and kind == "Kda":
        return block.hidden * block.head_dim * (1 if block.full_gate else 2)
    if name == "projections" and kind == "Rwkv":
        return block.ranks * block.hidden
    return 0.0


def part_kv(block: Any, name: str) -> float:
    """Return parameters of a weight that belong to KV heads."""
    kind = type(block).__name__
    if name == "projections" and kind in ("Gqa", "BlockSparse"):
        read = block.input_width or block.hidden
        return read * KV_COLUMNS[kind]["qkv"](block)
    if name == "projections" and kind == "Mfa":
        return block.hidden * 2 * block.kv_heads * block.head_dim
    if name == "projections" and kind == "Cross":
        return 2 * block.hidden * block.head_dim * block.kv_heads
    if kind == "GatedDelta":
        mixed = 2 * block.key_heads * block.key_dim
        return block.hidden * mixed if name == "projections" else mixed * block.conv
    if kind == "Mamba2":
        mixed = 2 * block.groups * block.state
        return block.hidden * mixed if name == "projections" else mixed * (block.conv + block.conv_bias)
    return 0.0


def weight_factor(block: Any, name: str, whole: float, tensor: float) -> float:
    """Return how often a weight is held over a tensor group, as a multiple of the whole one."""
    if not whole or name in WHOLE_WEIGHTS.get(type(block).__name__, {}):
        return tensor
    fixed, kv = part_whole(block, name), part_kv(block, name)
    more = max(tensor / kv_heads(block), 1.0) if kv else 1.0
    return (fixed * tensor + kv * more + (whole - fixed - kv)) / whole


def flop_factor(block: Any, name: str, columns: float, tensor: float) -> float:
    """Return how often an operator's arithmetic is done over a tensor group, as a multiple of the whole block's.

    Args:
        block: the block.
        name: of the operator.
        columns: n of its matrix product, whole.
        tensor: ranks of the group.
    """
    kind = type(block).__name__
    if name in WHOLE_OPS.get(kind, ()):
        return tensor
    whole = WHOLE_COLUMNS.get(kind, {}).get(name, lambda _: 0)(block)
    kv = KV_COLUMNS.get(kind, {}).get(name, lambda _: 0)(block)
    if not columns or not (whole or kv):
        return 1.0
    more = max(tensor / kv_heads(block), 1.0) if kv else 1.0
    return (whole * tensor + kv * more + (columns - whole - kv)) / columns
