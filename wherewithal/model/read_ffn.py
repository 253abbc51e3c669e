"""Feed-forward parts of a config: dense, experts, or both."""

from __future__ import annotations

from wherewithal.model.block import Block
from wherewithal.model.blocks.mlp import Mlp
from wherewithal.model.blocks.moe import Moe
from wherewithal.model.config import Config
from wherewithal.model.families import Family
from wherewithal.model.read_attention import norms
from wherewithal.model.read_layers import nas_part


def dense(c: Config, family: Family, i: int) -> Mlp:
    """Return the dense feed-forward part of layer `i`."""
    hidden, width = c.integer("hidden"), _width(c, family, i)
    gated = family.says("gated", c)
    bias = ((2 if gated else 1) * width + hidden) if family.says("mlp_bias", c) else 0
    small = norms(c, family, family.mlp_norms) + (width if family.mlp_inner_norm else 0)
    return Mlp(hidden, width, gated, bias, small)


def _width(c: Config, family: Family, i: int) -> int:
    if c.items("block_configs"):
        return _nas_width(c, i)
    factor = c.number("ffn_proj_factor", None, high=1e3)
    if factor is not None:
        step = max(1, c.integer("ffn_round_up_to_multiple_of", 1))
        return int(-(-factor * c.integer("hidden") // step) * step)
    usual = {"default": family.wide * c.integer("hidden")} if family.wide else {}
    width: int = c.integer("dense_width", None) or c.integer("intermediate", **usual)
    if family.halved:
        width = max(1, width // 2)
    last = c.integer("layers", i + 1) - c.integer("num_kv_shared_layers", 0)
    return 2 * width if c.flag("use_double_wide_mlp") and i >= last else width


def _nas_width(c: Config, i: int) -> int:
    """Return 2/3 of `ffn_mult` times twice the hidden width, rounded up to 256; or the width that the file states."""
    entry = nas_part(c, i, "ffn")
    stated = entry.integer("intermediate", None)
    if stated is not None:
        return int(stated)
    mult = entry.number("ffn_mult", high=1e3)
    return int(-(-int(2 * mult * c.integer("hidden") / 3) // 256) * 256)


def experts(c: Config, family: Family, i: int) -> tuple[Block, ...]:
    """Return the experts of layer `i`, with the dense part beside them where the family has one."""
    moe = _moe(c, family)
    return (dense(c, family, i), moe) if family.beside else (moe,)


def _moe(c: Config, family: Family) -> Moe:
    hidden, count = c.integer("hidden"), c.integer("experts")
    chosen = c.integer("per_token")
    idle = c.integer("zero_expert_num", 0)
    if chosen > count + idle:
        raise c.fail(c.find("per_token")[0], f"{chosen} of {count + idle} experts", "at most all experts")
    width = c.integer("expert_width", None) or c.integer("intermediate")
    gated = family.says("gated", c)
    bias = count * ((2 if gated else 1) * width + hidden) if family.expert_bias else 0
    shared = _shared(c, width)
    small = norms(c, family, family.mlp_norms) if not family.beside else 3 * hidden + hidden + count
    return Moe(
        hidden, count, chosen * count / (count + idle), width, shared, gated,
        latent=c.integer("latent", 0), router_columns=count + idle if idle else 0,
        router_bias=(count + idle) * family.says("router_bias", c),
        shared_gate=hidden if family.shared_gate and shared else 0, bias=bias, norm=small,
        groups=c.integer("groups", 1), groups_per_token=c.integer("groups_per_token", 1),
    )  # fmt: skip


def _shared(c: Config, width: int) -> int:
    """Return the width inside all shared experts together."""
    stated = c.integer("shared_width", 0)
    return int(stated or c.integer("shared_experts", 0) * width)
