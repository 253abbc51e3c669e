"""Mixers other than softmax attention over all layers' tokens, and what some families put beside a layer's parts."""

from __future__ import annotations

from collections.abc import Callable

from wherewithal.model.block import Block
from wherewithal.model.blocks.cross import Cross
from wherewithal.model.blocks.gated_delta import GatedDelta
from wherewithal.model.blocks.gqa import Gqa
from wherewithal.model.blocks.kda import Kda
from wherewithal.model.blocks.lightning import Lightning
from wherewithal.model.blocks.linear_map import LinearMap
from wherewithal.model.blocks.mamba1 import Mamba1
from wherewithal.model.blocks.mamba2 import Mamba2
from wherewithal.model.blocks.mlp import Mlp
from wherewithal.model.blocks.mlstm import MLstm
from wherewithal.model.blocks.per_layer import PerLayer
from wherewithal.model.blocks.residual import Residual
from wherewithal.model.blocks.rg_lru import RgLru
from wherewithal.model.blocks.rwkv import Rwkv
from wherewithal.model.config import Config
from wherewithal.model.families import Family
from wherewithal.model.read_attention import norms

Reader = Callable[[Config, Family], Block]


def mixer(c: Config, family: Family, i: int, word: str) -> list[Block]:
    """Return the mixer of layer `i` that a word of its layer list names.

    Raises:
        InputError: where the family has no such mixer.
    """
    if word == "cross":
        return [cross(c, family)]
    if word == "mamba":
        return [mamba(c, family)]
    if word == "hybrid":
        return hybrid(c, family, i)
    kind = family.linear if word == "linear" else family.recurrent
    if kind not in READERS:
        known = f"{family.name} files hold: {_kinds(family)}"
        raise c.fail(c.find("layer_words")[0], f"layer {i} is {word}, which {family.name} does not have", known)
    return [READERS[kind](c, family)]


def _kinds(family: Family) -> str:
    held = [k for k in (family.attention, family.linear, family.mamba, family.recurrent) if k]
    return ", ".join(held)


def lightning(c: Config, family: Family) -> Lightning:
    """Return lightning attention."""
    heads = c.integer("heads")
    size = c.integer("head_dim", None) or max(1, c.integer("hidden") // heads)
    return Lightning(c.integer("hidden"), heads, size, norms(c, family, family.attention_norms) + heads * size)


def gated_delta(c: Config, family: Family) -> GatedDelta:
    """Return a gated delta rule."""
    return GatedDelta(
        c.integer("hidden"), _need(c, "linear_num_key_heads"), _need(c, "linear_key_head_dim"),
        _need(c, "linear_num_value_heads"), _need(c, "linear_value_head_dim"), _need(c, "linear_conv_kernel_dim"),
        norms(c, family, family.attention_norms),
    )  # fmt: skip


def _need(c: Config, key: str) -> int:
    """Return a whole number that must stand in the file, at least 1."""
    value = c.integer(key)
    return c.whole(key, value, "index")


def kda(c: Config, family: Family) -> Kda:
    """Return delta attention with a decay per channel."""
    own = c.sub("linear_attn_config")
    small = norms(c, family, family.attention_norms)
    if own is None:
        heads, size, conv = (_need(c, k) for k in ("linear_num_heads", "linear_head_dim", "linear_conv_kernel_dim"))
        return Kda(c.integer("hidden"), heads, size, conv, norm=small)
    heads, size, conv = (_need(own, k) for k in ("num_heads", "head_dim", "short_conv_kernel_size"))
    return Kda(c.integer("hidden"), heads, size, conv, own.flag("use_full_rank_gate"), small)


def mlstm(c: Config, family: Family) -> MLstm:
    """Return a matrix memory."""
    hidden, heads = c.integer("hidden"), c.integer("heads")
    key = int(hidden * c.number("qk_dim_factor", 0.5, high=100) / heads)
    value = int(hidden * c.number("v_dim_factor", 1.0, high=100) / heads)
    return MLstm(hidden, heads, max(1, key), max(1, value), norms(c, family, family.attention_norms))


def rwkv(c: Config, family: Family) -> Rwkv:
    """Return time mixing of RWKV 6 or 7."""
    seventh = family.linear == "rwkv7"
    hidden = c.integer("hidden")
    size = c.integer("head_size", None) or c.integer("head_dim", 64)
    heads = max(1, c.integer("attention_hidden_size", hidden) // max(1, size))
    if seventh:
        names = ("decay_low_rank_dim", "gate_low_rank_dim", "a_low_rank_dim", "v_low_rank_dim")
        ranks = sum(c.integer(name, default) for name, default in zip(names, (64, 128, 64, 32), strict=True))
    else:
        ranks = 5 * c.integer("proj_low_rank_dim", 32) + c.integer("decay_low_rank_dim", 64)
    return Rwkv(hidden, heads, max(1, size), 4 if seventh else 6, ranks, (12 if seventh else 10) * hidden)


def rg_lru(c: Config, family: Family) -> RgLru:
    """Return a gated linear recurrence."""
    width = c.integer("lru_width", None) or c.integer("hidden")
    small = norms(c, family, family.attention_norms)
    return RgLru(c.integer("hidden"), c.integer("heads"), max(1, width), c.integer("ssm_conv", 4), small)


READERS: dict[str, Reader] = {
    "lightning": lightning,
    "gated_delta": gated_delta,
    "kda": kda,
    "mlstm": mlstm,
    "rwkv6": rwkv,
    "rwkv7": rwkv,
    "rg_lru": rg_lru,
}
"""Readers of the kinds behind `linear_attention` and `recurrent`."""


def mamba(c: Config, family: Family, *, joined: bool = False) -> Block:
    """Return a state space; `joined` ones stand beside attention and share its norm.

    Raises:
        InputError: where the family has none.
    """
    small = 0 if joined else norms(c, family, family.attention_norms)
    if family.mamba == "mamba1":
        return mamba1(c, small)
    if family.mamba != "mamba2":
        raise c.fail(
            c.find("layer_words")[0], f"a state-space layer, which {family.name} does not have", _kinds(family)
        )
    heads, size = c.integer("ssm_heads"), c.integer("ssm_head_dim")
    inner = c.integer("ssm_inner", heads * size)
    if inner % heads:
        raise c.fail(c.find("ssm_inner")[0], f"{inner} is not a multiple of {heads} heads")
    return Mamba2(
        c.integer("hidden"), heads, inner // heads, c.integer("ssm_groups", 1), c.integer("ssm_state"),
        c.integer("ssm_conv", 4), c.flag("use_conv_bias", c.flag("mamba_conv_bias", True)),
        c.flag("mamba_rms_norm", not joined), small,
    )  # fmt: skip


def mamba1(c: Config, small: int) -> Mamba1:
    """Return a selective state space; its time step's rank is H / 16 where the file says auto."""
    hidden, state = c.integer("hidden"), c.integer("ssm_state", 16)
    auto = c.find("dt_rank")[1] in (None, "auto")
    rank = max(1, -(-hidden // 16)) if auto else c.integer("dt_rank")
    inner = c.integer("ssm_expand", 2) * hidden
    bias = c.flag("mamba_conv_bias", c.flag("use_conv_bias", True))
    inside = rank + 2 * state if c.has("attn_layer_period") else 0
    return Mamba1(hidden, inner, state, c.integer("ssm_conv", 4), rank, bias, small + inside)


def cross(c: Config, family: Family) -> Cross:
    """Return cross-attention over one full image (all its tiles)."""
    heads, kv = c.integer("heads"), c.integer("kv_heads")
    hidden = c.integer("hidden")
    size = c.integer("head_dim", None) or max(1, hidden // heads)
    vision = Config(c.parent, c.where).sub("vision_config")
    tokens = 0
    if vision is not None:
        side = vision.integer("image_size", 448) // max(1, vision.integer("patch_size", 14))
        tokens = vision.integer("max_num_tiles", 1) * (side * side + 1)
        note = f"cross-attention: every sequence holds one full image of {tokens} tokens"
        if note not in c.notes:
            c.notes.append(note)
    return Cross(
        hidden, heads, kv, size, c.whole("vision_config.image_size", tokens), norms(c, family, 1) + 2 * size + 2
    )


def hybrid(c: Config, family: Family, i: int) -> list[Block]:
    """Return a state space behind attention and a feed-forward part whose weights all such layers share.

    The shared part reads hidden state and embedding side by side; each layer has an adapter and a map of its own.
    """
    hidden, heads = c.integer("hidden"), c.integer("heads")
    size = c.integer("attention_head_dim", None) or max(1, 2 * hidden // heads)
    width = c.integer("intermediate")
    wide = c.integer("attention_hidden_size", 2 * hidden)
    listed = c.numbers("hybrid_layer_ids", "first_dense")
    own = listed[: max(1, c.integer("num_mem_blocks", 1))] or [i]
    shared: list[Block] = [
        Gqa(hidden, heads, c.integer("kv_heads", heads), size, size, norm=wide, input_width=wide, held=i in own),
        Mlp(hidden, width, norm=hidden, held=i in own),
    ]
    rank = c.integer("adapter_rank", 0)
    adapter: list[Block] = [LinearMap(rank, hidden), LinearMap(2 * width, rank)] if rank else []
    return [*shared, *adapter, LinearMap(hidden, hidden), mamba(c, family)]


def beside(c: Config, family: Family) -> list[Block]:
    """Return what every layer holds besides mixer and feed-forward part: residual streams, per-layer embeddings."""
    hidden = c.integer("hidden")
    found: list[Block] = []
    streams = c.integer("hc_mult", 0) if family.residual == "hyper" else 0
    if streams:
        if streams > 64:
            raise c.fail("hc_mult", f"{streams} residual streams", "give 1 to 64")
        found.append(Residual(hidden, streams, 2, 2 * streams * hidden * (2 * streams + streams**2)))
    every = c.integer("attn_res_block_size", 0) if family.residual == "attention" else 0
    if every:
        found.append(Residual(hidden, -(-c.integer("layers") // every), 2, 2 * hidden))
    width = c.integer("hidden_size_per_layer_input", 0)
    if width:
        rows = c.integer("vocab_size_per_layer_input", None) or c.integer("vocab")
        found.append(PerLayer(hidden, rows, width, hidden))
    return found
