"""Softmax attention with shared KV heads: MHA (all heads have their own), GQA, MQA (one for all), windowed or full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Num, Op, matmul, some, stream


@dataclass(frozen=True)
class Gqa:
    """Grouped-query attention.

    Parameters per layer: H d (h + g) + H dv g + dv h H; FLOP of the core per token: 2 n h (d + dv).

    Attributes:
        hidden: width of the hidden state.
        heads, kv_heads: query and KV heads.
        head_dim, v_head_dim: size of a key head and of a value head.
        window: [token] tokens that one may look back at; infinite for full attention.
        bias: parameters of biases in the layer.
        norm: parameters of norms in the layer.
        gate: whether an output gate doubles the query projection.
        sinks: whether each head has a learnt sink.
        own_kv: False where the layer reads the KV cache of an earlier one.
        shared_kv: True where keys serve as values too (no value projection, values are not stored).
        v_projected: False where values are taken from the keys' projection but stored on their own.
        input_width: width that queries, keys and values are projected from; 0 for the hidden width.
        held: False where an earlier layer holds the weights.

    Source: arXiv 2305.13245 (GQA), 1911.02150 (MQA), 1706.03762 (MHA).
    """

    kind: ClassVar[str] = "attention"
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    v_head_dim: int
    window: float = float("inf")
    bias: int = 0
    norm: int = 0
    gate: bool = False
    sinks: bool = False
    own_kv: bool = True
    shared_kv: bool = False
    v_projected: bool = True
    input_width: int = 0
    held: bool = True

    @property
    def sizes(self) -> dict[str, float]:
        """Heads and KV heads."""
        return {"heads": self.heads, "kv_heads": self.kv_heads}

    def _columns(self, x: Any) -> Num:
        query: Num = x.heads * self.head_dim * (2 if self.gate else 1)
        if not self.own_kv:
            return query
        values = self.v_head_dim if self.v_projected and not self.shared_kv else 0
        columns: Num = query + x.kv_heads * (self.head_dim + values)
        return columns

    def weights(self, x: Any) -> list[Weight]:
        """Return projections (divided with the heads), biases and norms (whole); nothing where not held."""
        if not self.held:
            return []
        read = self.input_width or self.hidden
        matrices = read * self._columns(x) + self.hidden * (x.heads * self.v_head_dim)
        small = self.bias + self.norm + (x.heads if self.sinks else 0)
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return keys and values of the local KV heads, of the window's tokens at most."""
        if not self.own_kv:
            return Cache(0.0)
        per_token = x.kv_heads * (self.head_dim + (0 if self.shared_kv else self.v_head_dim))
        return Cache(per_token, self.window)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections in, the two attention cores, projection out, element-wise work."""
        yield matmul("qkv", "attention", load.tokens, self._columns(x), self.input_width or self.hidden, f)
        yield from softmax_cores(
            load, f, Heads(x.heads, x.kv_heads, self.head_dim, self.v_head_dim), self.window, shared_kv=self.shared_kv
        )
        yield matmul("out", "attention", load.tokens, self.hidden, x.heads * self.v_head_dim, f)
        yield stream("norm", load.tokens * self.hidden, f, passes=4.0)


class Heads(NamedTuple):
    """Heads on one rank: how many query and KV heads, and the size of a key and of a value."""

    query: Num
    kv: Num
    key: float
    value: float


def softmax_cores(
    load: Load, f: Formats, h: Heads, window: float = float("inf"), *, shared_kv: bool = False, latent: bool = False
) -> Iterator[Op]:
    """Yield the attention cores of the sequences that decode and of the prompt tokens.

    FLOP = 2 q n h (d + dv); a decode step reads n g (d + dv) KV elements per sequence (n g d where keys are the
    values), prefill reads each prompt's once.
    """
    kv_width = h.kv * (h.key + (0.0 if shared_kv else h.value))
    width = h.query * (h.key + h.value)
    seen = np.minimum(load.decode_context, window)
    yield decode_core(load, f, width, kv_width, seen, h.kv, h.query / h.kv, latent=latent)
    yield prefill_core(load, f, width, kv_width, np.minimum(load.prefill_context, window), h.query)


def scored(own: Num, masked: Num) -> Num:
    """Return the tokens that a query is scored against [token]: its own, and those that are masked out again."""
    return own if isinstance(masked, float) and masked == 0.0 else own + masked


def decode_core(
    load: Load, f: Formats, width: Num, kv_width: Num, seen: Num, kv_heads: Num, rows: Num, *, latent: bool = False
) -> Op:
    """Return the attention core of the sequences that decode.

    Args:
        load: tokens and sequences.
        f: number formats.
        width: query heads times size of key and value.
        kv_width: cached elements per token.
        seen: [token] read per sequence.
        kv_heads: KV heads.
        rows: query rows per KV head and token.
        latent: whether all heads read one latent.
    """
    queries = load.decode_seqs * load.decode_tokens
    return Op(
        "core_decode",
        "attention_latent" if latent else "attention_decode",
        f.attention,
        2.0 * queries * scored(seen, load.decode_masked) * width,
        load.decode_seqs * seen * kv_width * f.kv_bytes + queries * width * f.hidden_bytes,
        (load.decode_seqs, seen, kv_heads, load.decode_tokens * rows),
        calls=some(queries),
    )


def prefill_core(load: Load, f: Formats, width: Num, kv_width: Num, near: Num, heads: Num) -> Op:
    """Return the attention core of the prompt tokens, each of which sees `near` tokens [token] on average."""
    return Op(
        "core_prefill",
        "attention_prefill",
        f.attention,
        2.0 * load.prefill_tokens * scored(near, load.prefill_masked) * width,
        load.prefill_tokens * width * f.hidden_bytes + load.prefill_seqs * (2.0 * near) * kv_width * f.kv_bytes,
        (load.prefill_tokens, near, heads, width / heads / 2),
        calls=some(load.prefill_tokens),
    )
