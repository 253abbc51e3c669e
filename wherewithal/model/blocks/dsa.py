"""Token-sparse latent attention: a small indexer picks the tokens that latent attention reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wherewithal.model.block import Cache, Weight
from wherewithal.model.blocks.gqa import Heads, softmax_cores
from wherewithal.model.blocks.mla import Mla
from wherewithal.model.op import Formats, Load, Op, matmul
from wherewithal.model.state import index_scan, seeing


@dataclass(frozen=True)
class Dsa(Mla):
    """Latent attention over min(n, topk) tokens; parameters: MLA + rq hi di + H di + H hi (+ 2 di of a norm).

    Index FLOP per token: 2 n hi di; cached besides the latent: one index key of di 8-bit elements and its scale.

    Attributes:
        index_heads, index_dim: indexer's query heads hi and their size di.
        topk: [token] most tokens that the core reads.
        own_index: False where the layer reads the choice of an earlier layer's indexer.

    Source: arXiv 2512.02556 section 2.1; a key's scale is one float32 in the reference cache layout.
    """

    index_heads: int = 1
    index_dim: int = 1
    topk: int = 1
    own_index: bool = True

    @property
    def key_bytes(self) -> float:
        """Bytes of one cached index key [B]."""
        return self.index_dim + 4.0

    def weights(self, x: Any) -> list[Weight]:
        """Return latent attention's weights and the indexer (whole on each rank)."""
        if not self.own_index:
            return super().weights(x)
        query = self.query_rank or self.hidden
        matrices = query * self.index_heads * self.index_dim + self.hidden * (self.index_dim + self.index_heads)
        norm = 2 * self.index_dim
        return [
            *super().weights(x), Weight("indexer", "attention", matrices, matrices), Weight("index_norm", "other", norm, norm)
        ]  # fmt: skip

    def cache(self, x: Any) -> Cache:
        """Return the latent and the index key, whole on each rank of a tensor group."""
        return super().cache(x)._replace(index_per_token_bytes=self.key_bytes if self.own_index else 0.0)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, the indexer, and absorbed cores over the chosen tokens, in prefill as in decode."""
        yield from self.projections(x, _absorbed(load), f)
        if self.own_index:
            columns = float(self.index_heads * self.index_dim)
            yield matmul("index_q", "attention", load.tokens, columns, float(self.query_rank or self.hidden), f)
            keys = float(self.index_dim + self.index_heads)
            yield matmul("index_k", "attention", load.tokens, keys, float(self.hidden), f)
            yield from index_scan(load, f, self.index_heads, self.index_dim, 1.0, self.key_bytes)
        latent = float(self.kv_rank)
        yield from softmax_cores(
            seeing(load, self.topk), f, Heads(x.heads, 1.0, latent + self.rope_dim, latent), shared_kv=True, latent=True
        )


def _absorbed(load: Load) -> Load:
    """Return a load whose every token takes the absorbed path: sparse reads leave no keys to rebuild."""
    return Load(load.tokens, 1.0, routed_tokens=load.routed_tokens)
