"""Compressed attention: one key per group of tokens, all of them or those that an index picks, and a close window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.blocks.gqa import Heads, softmax_cores
from wherewithal.model.op import Formats, Load, Op, batched_matmul, matmul, stream
from wherewithal.model.state import index_scan, seeing


@dataclass(frozen=True)
class Csa:
    """Attention over compressed keys that serve as values, one KV head, low-rank queries and grouped low-rank output.

    Parameters: H rq + rq h d + H d + h d ro + og ro H; compressor 2 H d (4 H d and an index with one of its own where
    groups overlap); index rq hi di + H hi. Cached: d / ratio per token, a window of w d, index di / ratio.
    FLOP of the core per token: 4 (min(n / ratio, topk) + min(n, w)) h d, index 2 (n / ratio) hi di.

    Attributes:
        hidden: width of the hidden state.
        heads, head_dim: query heads and their size d.
        query_rank: width rq of the compressed query.
        out_groups, out_rank: groups og of the output and the rank ro of each.
        window: [token] close tokens w read uncompressed.
        ratio: [token] tokens behind one compressed key; 0 for the window alone.
        index_heads, index_dim, topk: indexer; 0 heads where every compressed key is read.
        norm: parameters of norms in the layer.

    Source: config keys of DeepSeek V4 files and its counted totals.
    """

    kind: ClassVar[str] = "attention"
    hidden: int
    heads: int
    head_dim: int
    query_rank: int
    out_groups: int
    out_rank: int
    window: int
    ratio: int = 0
    index_heads: int = 0
    index_dim: int = 0
    topk: int = 0
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads only: there is one KV head."""
        return {"heads": self.heads}

    @property
    def down_columns(self) -> int:
        """Columns that every rank computes whole: query latent, key, compressor."""
        return (
            self.query_rank
            + self.head_dim
            + self._compressor(self.head_dim)
            + self._compressor(self.index_dim, own=True)
        )

    def _compressor(self, width: int, *, own: bool = False) -> int:
        """Return columns of a compressor: keys and weights, twice where groups overlap."""
        if not self.ratio or (own and not self.index_heads):
            return 0
        return width * (4 if self.index_heads else 2)

    def weights(self, x: Any) -> list[Weight]:
        """Return down projections and index (whole on each rank), up and out projections (divided), norms."""
        index = self.query_rank * self.index_heads * self.index_dim + self.hidden * self.index_heads
        down = self.hidden * self.down_columns + index
        up = self.query_rank * x.heads * self.head_dim + x.heads * self.head_dim * self.out_rank
        out = (x.heads / self.heads) * (self.out_groups * self.out_rank * self.hidden)
        small = self.norm + self.heads
        return [
            Weight("down", "attention", down, down),
            Weight("up", "attention", up + out, up + out),
            Weight("norms", "other", small, small),
        ]

    def cache(self, x: Any) -> Cache:
        """Return compressed keys and the index, and the window beside them (16 bit), whole on each rank."""
        if not self.ratio:
            return Cache(float(self.head_dim), float(self.window))
        index = (self.index_dim + 4.0) / self.ratio if self.index_heads else 0.0
        return Cache(self.head_dim / self.ratio, float("inf"), 2.0 * self.window * self.head_dim, index)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, the index, the cores, the grouped output."""
        size, rank = float(self.head_dim), float(self.out_rank)
        columns = float(self.down_columns + self.index_heads)
        yield matmul("down", "attention", load.tokens, columns, float(self.hidden), f)
        query = x.heads * size + self.index_heads * self.index_dim
        yield matmul("q_up", "attention", load.tokens, query, float(self.query_rank), f)
        if self.index_heads:
            key = (self.index_dim + 4.0) * 1.0
            yield from index_scan(load, f, self.index_heads, self.index_dim, self.ratio, key)
        most = self.topk if self.index_heads else float("inf") if self.ratio else 0.0
        seen = seeing(load, most, max(1, self.ratio), self.window)
        yield from softmax_cores(seen, f, Heads(x.heads, 1.0, size, size), shared_kv=True, latent=True)
        groups = x.heads * (self.out_groups / self.heads)
        yield batched_matmul("out_down", "attention", load.tokens, rank, self.heads / self.out_groups * size, groups, f)
        yield matmul("out", "attention", load.tokens, float(self.hidden), groups * rank, f)
        yield stream("norm", load.tokens * (self.hidden + self.down_columns), f, passes=4.0)
