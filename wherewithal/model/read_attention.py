"""Softmax attention of a config: one reader for each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wherewithal.model.block import Block
from wherewithal.model.blocks.block_sparse import BlockSparse
from wherewithal.model.blocks.csa import Csa
from wherewithal.model.blocks.dsa import Dsa
from wherewithal.model.blocks.gqa import Gqa
from wherewithal.model.blocks.linear_map import LinearMap
from wherewithal.model.blocks.mfa import Mfa
from wherewithal.model.blocks.mla import Mla
from wherewithal.model.config import Config
from wherewithal.model.families import Family
from wherewithal.model.read_layers import nas_part

INFINITE = float("inf")


def norms(c: Config, family: Family, count: int) -> int:
    """Return the parameters of `count` norms of the hidden width."""
    return int(count * c.integer("hidden") * family.norm_width)


def softmax(c: Config, family: Family, i: int, span: str) -> Block:
    """Return the softmax attention of layer `i`; `span` is full, sliding, chunked or cross."""
    if family.attention in READERS:
        return READERS[family.attention](c, family, i)
    base, own = gqa(c, family, i, span), c.sub("sparse_config")
    return pooled_sparse(base, own) if own is not None and span == "full" else base


def heads_of(c: Config, i: int, span: str) -> tuple[int, int, int, int]:
    """Return query heads, KV heads, key size and value size of layer `i`, which windowed or full layers may have apart.

    Raises:
        InputError: where query heads are not a multiple of KV heads, or the hidden width gives no whole head size.
    """
    local = "swa_" if span == "sliding" else "global_"
    heads = c.integer("heads")
    listed = c.numbers("num_attention_heads_per_layer", "heads")
    heads = listed[i] if i < len(listed) else c.integer(f"{local}num_attention_heads", heads)
    kv = _kv_heads(c, i, heads)
    if span == "sliding":
        kv = c.integer("swa_num_key_value_heads", kv)
    elif span == "full":
        kv = c.integer("num_global_key_value_heads", kv)
    if heads % kv:
        raise c.fail(
            c.find("kv_heads")[0], f"{heads} heads are not a multiple of {kv} KV heads", "heads / KV heads is whole"
        )
    size = c.integer("head_dim", None) or _divided(c)
    size = c.integer(f"{local}head_dim", size)
    value = c.integer(f"{local}v_head_dim", c.integer("v_head_dim", size))
    return heads, kv, size, value


def _divided(c: Config) -> int:
    heads, hidden = c.integer("heads"), c.integer("hidden")
    if hidden % heads:
        raise c.fail(
            "head_dim", f"missing, and hidden size {hidden} is not a multiple of {heads} heads", "add head_dim"
        )
    return int(hidden // heads)


def _kv_heads(c: Config, i: int, heads: int) -> int:
    if c.items("block_configs"):
        group = nas_part(c, i, "attention").integer("n_heads_in_group", 1)
        return int(max(1, heads // max(1, group)))
    if c.flag("multi_query") and not c.flag("new_decoder_architecture"):
        return 1
    kv: int = c.integer("kv_heads", heads)
    return kv


def gqa(c: Config, family: Family, i: int, span: str) -> Gqa:
    """Return attention with shared KV heads (MHA, MQA and GQA alike)."""
    heads, kv, size, value = heads_of(c, i, span)
    hidden = c.integer("hidden")
    spans = {"sliding": "window", "chunked": "attention_chunk_size"}
    window = float(c.integer(spans[span])) if span in spans else INFINITE
    bias = (heads * size + kv * (size + value)) * family.says("qkv_bias", c) + hidden * family.says("out_bias", c)
    small = norms(c, family, family.attention_norms - (i == 0 and not family.first_norm))
    if c.flag("new_decoder_architecture"):
        small *= 2
    if family.mlp_inner_norm:
        small += heads * value
    sinks = family.sinks or c.flag(
        "add_swa_attention_sink_bias" if span == "sliding" else "add_full_attention_sink_bias"
    )
    owned = i < c.integer("layers", i + 1) - c.integer("num_kv_shared_layers", 0)
    return Gqa(
        hidden, heads, kv, size, value, window / 2 if family.half_window else window,
        bias=bias, norm=small + qk_norm(c, family, heads, kv, size), gate=family.says("gate", c), sinks=sinks,
        own_kv=owned, v_projected=not (c.flag("attention_k_eq_v") and span == "full"),
    )  # fmt: skip


def qk_norm(c: Config, family: Family, heads: int, kv: int, size: int) -> int:
    """Return the parameters of the norms of queries and keys."""
    if family.qk_norm == "none" or (family.qk_norm_key and not c.flag(family.qk_norm_key)):
        return 0
    return 2 * size if family.qk_norm == "head" else (heads + kv) * size


def mla(c: Config, family: Family, _layer: int = 0) -> Mla:
    """Return multi-head latent attention."""
    query, rank = c.integer("query_rank", 0), c.integer("kv_rank")
    return Mla(
        c.integer("hidden"), c.integer("heads"), query, rank, c.integer("nope_dim"), c.integer("rope_dim"),
        c.integer("v_head_dim"), norms(c, family, family.attention_norms) + query + rank, family.says("gate", c),
    )  # fmt: skip


def replaced(c: Config, family: Family) -> LinearMap:
    """Return the linear map that stands in for a part of a searched architecture."""
    hidden = c.integer("hidden")
    return LinearMap(hidden, hidden, norms(c, family, 1))


def dsa(c: Config, family: Family, i: int) -> Dsa:
    """Return latent attention over the tokens that an indexer picks."""
    base = mla(c, family)
    kinds = c.words("indexer_types", {"full": 1, "shared": 1})
    own = i >= len(kinds) or kinds[i] == "full"
    heads, size = (c.whole(k, c.integer(k), "index") for k in ("index_n_heads", "index_head_dim"))
    top = c.whole("index_topk", c.integer("index_topk"), "index")
    return Dsa(**vars(base), index_heads=heads, index_dim=size, topk=top, own_index=own)


def csa(c: Config, family: Family, i: int) -> Csa:
    """Return attention over compressed keys; the ratio of layer `i` stands in `compress_ratios`.

    An index picks compressed keys at the smallest ratio of the file; larger ratios leave few enough to read all.
    """
    ratios = c.numbers("compress_ratios")
    if i >= len(ratios):
        raise c.fail("compress_ratios", f"{len(ratios)} entries, none for layer {i}", "give one entry for each layer")
    ratio = ratios[i]
    indexed = ratio > 0 and not any(0 < r < ratio for r in set(ratios))
    query, size = c.integer("query_rank"), c.integer("head_dim")
    groups, rank = (c.whole(k, c.integer(k), "index") for k in ("o_groups", "o_lora_rank"))
    hi, di, top = (c.whole(k, c.integer(k), "index") for k in ("index_n_heads", "index_head_dim", "index_topk"))
    base = Csa(
        c.integer("hidden"), c.integer("heads"), size, query, groups, rank, c.integer("window"), ratio,
        norm=norms(c, family, family.attention_norms) + query + size,
    )  # fmt: skip
    return replace(base, index_heads=hi, index_dim=di, topk=top) if indexed else base


def mfa(c: Config, family: Family, _layer: int = 0) -> Mfa:
    """Return multi-matrix factorised attention."""
    rank = c.whole("share_q_dim", c.integer("share_q_dim"), "index")
    small = norms(c, family, family.attention_norms) + rank
    return Mfa(c.integer("hidden"), c.integer("heads"), c.integer("kv_heads"), c.integer("head_dim"), rank, small)


def block_sparse(c: Config, family: Family, i: int) -> Gqa:
    """Return block-sparse attention where the file says so for layer `i`, else grouped-query attention."""
    base = gqa(c, family, i, "full")
    own = c.sub("sparse_attention_config")
    if own is None:
        return base
    sparse = own.items("sparse_attention_freq")
    if i < len(sparse) and not own.whole(f"sparse_attention_freq[{i}]", sparse[i], "flag"):
        return base
    heads, size, block, top = (
        own.whole(k, own.integer(k), "index")
        for k in ("sparse_num_index_heads", "sparse_index_dim", "sparse_block_size", "sparse_topk_blocks")
    )
    return BlockSparse(**vars(base), index_heads=heads, index_dim=size, chosen=block * top)


def pooled_sparse(base: Gqa, own: Config) -> BlockSparse:
    """Return block-sparse attention whose index averages the layer's keys (`sparse_config`)."""
    block, top = (own.whole(k, own.integer(k), "index") for k in ("block_size", "topk"))
    stride = max(1, own.integer("kernel_stride", 16))
    chosen = block * top + own.integer("window_size", 0)
    return BlockSparse(
        **vars(base),
        index_heads=base.heads,
        index_dim=base.head_dim,
        index_stride=stride,
        index_learnt=False,
        chosen=chosen,
    )


READERS: dict[str, Callable[[Config, Family, int], Block]] = {
    "mla": mla,
    "dsa": dsa,
    "csa": csa,
    "mfa": mfa,
    "block_sparse": block_sparse,
}
"""Readers of the kinds of attention that are not grouped-query attention."""
