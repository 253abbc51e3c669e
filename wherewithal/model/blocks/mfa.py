"""Multi-matrix factorised attention: low-rank queries of many heads over few wide KV heads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.blocks.gqa import Heads, softmax_cores
from wherewithal.model.op import Formats, Load, Op, matmul, stream


@dataclass(frozen=True)
class Mfa:
    """Parameters H s + s h d + 2 H g d + h d H; cached per token 2 g d; FLOP of the core per token 4 n h d.

    Attributes:
        hidden: width of the hidden state.
        heads, kv_heads: query and KV heads.
        head_dim: size of a head.
        query_rank: width s of the compressed query.
        norm: parameters of norms in the layer.

    Source: arXiv 2412.19255, 2507.19427.
    """

    kind: ClassVar[str] = "attention"
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    query_rank: int
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads and KV heads."""
        return {"heads": self.heads, "kv_heads": self.kv_heads}

    def weights(self, x: Any) -> list[Weight]:
        """Return the query's down projection (whole), the others (divided with their heads), norms."""
        down = self.hidden * self.query_rank
        divided = self.query_rank * x.heads * self.head_dim + x.heads * self.head_dim * self.hidden
        divided = divided + 2 * self.hidden * x.kv_heads * self.head_dim
        return [
            Weight("down", "attention", down, down),
            Weight("projections", "attention", divided, divided),
            Weight("norms", "other", self.norm, self.norm),
        ]

    def cache(self, x: Any) -> Cache:
        """Return keys and values of the local KV heads."""
        return Cache(2.0 * x.kv_heads * self.head_dim)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, the two cores, projection out, element-wise work."""
        columns = self.query_rank + 2.0 * x.kv_heads * self.head_dim
        yield matmul("down", "attention", load.tokens, columns, float(self.hidden), f)
        yield matmul("q_up", "attention", load.tokens, x.heads * self.head_dim, float(self.query_rank), f)
        yield from softmax_cores(load, f, Heads(x.heads, x.kv_heads, float(self.head_dim), float(self.head_dim)))
        yield matmul("out", "attention", load.tokens, float(self.hidden), x.heads * self.head_dim, f)
        yield stream("norm", load.tokens * (self.hidden + self.query_rank), f, passes=4.0)
