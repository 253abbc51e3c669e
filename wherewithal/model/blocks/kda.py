"""Kimi delta attention: a delta rule whose decay is its own for every channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Num, Op, matmul, stream
from wherewithal.model.state import STATE_BYTES, recurrence


@dataclass(frozen=True)
class Kda:
    """Parameters 4 H P + 3 P conv + 2 (H d + d P) + H h, P = h d (full-rank gate: H P for one H d + d P); state h d d.

    FLOP per token 8 h d d.

    Attributes:
        hidden: width of the hidden state.
        heads, head_dim: heads h and their size d.
        conv: [token] width of the convolution over queries, keys and values.
        full_gate: whether the output gate is one whole matrix.
        norm: parameters of norms in the layer.

    Source: arXiv 2510.26692 section 3.
    """

    kind: ClassVar[str] = "linear"
    hidden: int
    heads: int
    head_dim: int
    conv: int
    full_gate: bool = False
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads."""
        return {"heads": self.heads}

    def _columns(self, x: Any) -> Num:
        """Return columns that read the hidden state: query, key, value, beta, gates (or their ranks)."""
        columns: Num = x.heads * (3.0 * self.head_dim + 1.0) + self.head_dim
        return columns + (x.heads * self.head_dim if self.full_gate else self.head_dim)

    def weights(self, x: Any) -> list[Weight]:
        """Return projections (divided with the heads; ranks whole), convolution, decays and norms."""
        width = x.heads * self.head_dim
        up = (1 if self.full_gate else 2) * self.head_dim * width
        matrices = self.hidden * (self._columns(x) + width) + up
        small = 3 * width * self.conv + x.heads + width + self.head_dim + self.norm
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return the state (float32) and the convolution's last inputs (16 bit)."""
        width = x.heads * self.head_dim
        return Cache(0.0, state_bytes=STATE_BYTES * width * self.head_dim + 2.0 * (self.conv - 1) * 3 * width)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, gates, the recurrence, projection out, convolution with element-wise work."""
        width = x.heads * float(self.head_dim)
        yield matmul("qkv", "attention", load.tokens, self._columns(x), float(self.hidden), f)
        up = 1.0 if self.full_gate else 2.0
        yield matmul("gates", "attention", load.tokens, up * width, float(self.head_dim), f)
        yield from recurrence(load, f, x.heads, float(self.head_dim**2), 8.0, 5.0 * width)
        yield matmul("out", "attention", load.tokens, float(self.hidden), width, f)
        yield stream("conv", load.tokens * (self.hidden + 4.0 * width), f, passes=4.0)
