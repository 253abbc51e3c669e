"""Block-sparse attention: an index over blocks of tokens picks those that grouped-query attention reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wherewithal.model.block import Cache, Weight
from wherewithal.model.blocks.gqa import Gqa, Heads, softmax_cores
from wherewithal.model.op import Formats, Load, Op, matmul, stream
from wherewithal.model.state import index_scan, seeing


@dataclass(frozen=True)
class BlockSparse(Gqa):
    """Grouped-query attention over min(n, chosen) tokens; parameters: GQA + H (hi + 1) di where the index is learnt.

    Index FLOP per token: 2 (n / stride) hi di; cached besides: one index key of 16-bit elements per stride of tokens.

    Attributes:
        index_heads, index_dim: query heads hi of the index and their size di.
        index_stride: [token] tokens behind one index key (1: every token has its own).
        index_learnt: whether the index has projections of its own (else it averages the layer's keys).
        chosen: [token] tokens of all chosen blocks, close ones included.

    Source: config keys of MiniMax-M3 (one shared index key head, block-max scores), arXiv 2506.07900 (InfLLM v2),
    2502.11089 (NSA).
    """

    index_heads: int = 1
    index_dim: int = 1
    index_stride: int = 1
    index_learnt: bool = True
    chosen: int = 1

    @property
    def _index_columns(self) -> int:
        return (self.index_heads + 1) * self.index_dim if self.index_learnt else 0

    def weights(self, x: Any) -> list[Weight]:
        """Return grouped-query attention's weights and the index (whole on each rank)."""
        index = self.hidden * self._index_columns
        return [*super().weights(x), Weight("index", "attention", index, index)]

    def cache(self, x: Any) -> Cache:
        """Return keys, values and index keys."""
        return super().cache(x)._replace(index_per_token_bytes=2.0 * self.index_dim / self.index_stride)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, the index, the cores over the chosen tokens, projection out, element-wise work."""
        columns = self._columns(x) + self._index_columns
        yield matmul("qkv", "attention", load.tokens, columns, self.hidden, f)
        yield from index_scan(load, f, self.index_heads, self.index_dim, self.index_stride, 2.0 * self.index_dim)
        heads = Heads(x.heads, x.kv_heads, self.head_dim, self.v_head_dim)
        yield from softmax_cores(seeing(load, float(self.chosen)), f, heads, shared_kv=self.shared_kv)
        yield matmul("out", "attention", load.tokens, self.hidden, x.heads * self.v_head_dim, f)
        yield stream("norm", load.tokens * self.hidden, f, passes=4.0)
