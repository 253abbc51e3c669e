"""Multi-head latent attention: one compressed vector per token is cached, heads are rebuilt from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.blocks.gqa import decode_core, prefill_core
from wherewithal.model.op import Formats, Load, Op, batched_matmul, matmul, some, stream


@dataclass(frozen=True)
class Mla:
    """Multi-head latent attention, absorbed in decode and rebuilt in prefill.

    Parameters: H rq + rq h (dn + dr) + H (c + dr) + c h (dn + dv) + h dv H; without a query rank the first two terms
    are H h (dn + dr). Cached per token: c + dr. FLOP of the core per token: decode 2 n h ((c + dr) + c), prefill
    2 n h (dn + dr + dv).

    Attributes:
        hidden: width of the hidden state.
        heads: query heads.
        query_rank: width of the compressed query; 0 where queries are projected whole.
        kv_rank: width c of the compressed KV.
        nope_dim, rope_dim: key size without and with position.
        v_head_dim: size of a value head.
        norm: parameters of norms in the layer.
        gate: whether an output gate H h dv stands beside.

    Source: arXiv 2405.04434 section 2.1, 2412.19437.
    """

    kind: ClassVar[str] = "attention"
    hidden: int
    heads: int
    query_rank: int
    kv_rank: int
    nope_dim: int
    rope_dim: int
    v_head_dim: int
    norm: int = 0
    gate: bool = False

    @property
    def sizes(self) -> dict[str, float]:
        """Heads only: the latent is one for all."""
        return {"heads": self.heads}

    @property
    def down_columns(self) -> int:
        """Columns of the projections to the latents, which every rank of a tensor group computes whole."""
        return self.query_rank + self.kv_rank + self.rope_dim

    def weights(self, x: Any) -> list[Weight]:
        """Return down projections (whole on each rank), up and out projections (divided), norms."""
        key = self.nope_dim + self.rope_dim
        down = self.hidden * self.down_columns
        up = (self.query_rank or self.hidden) * x.heads * key
        ends = self.v_head_dim * self.hidden * (2 if self.gate else 1)
        up = up + x.heads * (self.kv_rank * (self.nope_dim + self.v_head_dim) + ends)
        return [
            Weight("down", "attention", down, down),
            Weight("up", "attention", up, up),
            Weight("norms", "other", self.norm, self.norm),
        ]

    def cache(self, x: Any) -> Cache:
        """Return the latent and the rotary key, whole on each rank of a tensor group."""
        return Cache(float(self.kv_rank + self.rope_dim))

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, absorption, the two cores, projection out, element-wise work."""
        yield from self.projections(x, load, f)
        latent = float(self.kv_rank + self.rope_dim)
        wide = x.heads * (latent + self.kv_rank)
        yield decode_core(load, f, wide, latent, load.decode_context, 1.0, x.heads, latent=True)
        rebuilt = x.heads * float(self.nope_dim + self.rope_dim + self.v_head_dim)
        yield prefill_core(load, f, rebuilt, rebuilt, load.prefill_context, x.heads)

    def projections(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield everything but the attention cores."""
        key = self.nope_dim + self.rope_dim
        yield matmul("down", "attention", load.tokens, self.down_columns, self.hidden, f)
        yield matmul("q_up", "attention", load.tokens, x.heads * key, self.query_rank or self.hidden, f)
        decoded = load.decode_seqs * load.decode_tokens
        absorbed = batched_matmul(
            "absorb", "attention", decoded, self.kv_rank, self.nope_dim + self.v_head_dim, x.heads, f
        )
        yield absorbed._replace(calls=2.0 * some(decoded), format=f.attention)
        rebuilt = load.prefill_tokens
        up = matmul("kv_up", "attention", rebuilt, x.heads * (self.nope_dim + self.v_head_dim), self.kv_rank, f)
        yield up._replace(calls=some(rebuilt), bytes=up.bytes * some(rebuilt))
        if self.gate:
            yield matmul("gate", "attention", load.tokens, x.heads * self.v_head_dim, self.hidden, f)
        yield matmul("out", "attention", load.tokens, self.hidden, x.heads * self.v_head_dim, f)
        yield stream("norm", load.tokens * (self.hidden + self.down_columns), f, passes=4.0)
