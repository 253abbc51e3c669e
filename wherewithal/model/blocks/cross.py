"""Cross-attention: text tokens look at a fixed number of image tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.blocks.gqa import Heads, softmax_cores
from wherewithal.model.op import Formats, Load, Op, matmul, some, stream


@dataclass(frozen=True)
class Cross:
    """Parameters as grouped-query attention; cached 2 g d per image token, whatever the text; FLOP 4 n_img h d per token.

    Attributes:
        hidden: width of the hidden state.
        heads, kv_heads: query and KV heads.
        head_dim: size of a head.
        image_tokens: [token] image tokens that every sequence holds.
        norm: parameters of norms and gates in the layer.

    Source: arXiv 2407.21783 section 7.
    """

    kind: ClassVar[str] = "attention"
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    image_tokens: int
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads and KV heads."""
        return {"heads": self.heads, "kv_heads": self.kv_heads}

    def weights(self, x: Any) -> list[Weight]:
        """Return projections (divided with the heads) and norms."""
        matrices = 2 * self.hidden * self.head_dim * (x.heads + x.kv_heads)
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", self.norm, self.norm)]

    def cache(self, x: Any) -> Cache:
        """Return keys and values of the image tokens (16 bit), fixed per sequence."""
        return Cache(0.0, state_bytes=2.0 * self.image_tokens * 2 * self.head_dim * x.kv_heads)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield the text's queries, each prompt's image keys and values, the cores, projection out."""
        size, width = float(self.head_dim), float(self.hidden)
        yield matmul("q", "attention", load.tokens, x.heads * size, width, f)
        rows = load.prefill_seqs * float(self.image_tokens)
        keys = matmul("image_kv", "attention", rows, 2.0 * x.kv_heads * size, width, f)
        yield keys._replace(calls=some(rows), bytes=keys.bytes * some(rows))
        seen = float(self.image_tokens)
        fixed = replace(
            load, decode_context=seen + 0.0 * load.decode_context, prefill_context=seen + 0.0 * load.prefill_context
        )
        yield from softmax_cores(fixed, f, Heads(x.heads, x.kv_heads, size, size))
        yield matmul("out", "attention", load.tokens, width, x.heads * size, f)
        yield stream("norm", load.tokens * width, f, passes=4.0)
