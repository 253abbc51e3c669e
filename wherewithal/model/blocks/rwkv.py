"""RWKV: time mixing with a matrix state per head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul, stream
from wherewithal.model.state import STATE_BYTES, recurrence


@dataclass(frozen=True)
class Rwkv:
    """Parameters m H h d (m square maps, out included) + 2 H r (low-rank maps); state h d d; FLOP per token 6 h d d.

    Attributes:
        hidden: width of the hidden state.
        heads, head_dim: heads h and their size d.
        maps: square maps m: 4 in version 7 (receptance, key, value, out), 6 in version 6 (also gate, and the
            receptance of channel mixing).
        ranks: sum r of the ranks of all low-rank maps (decay, gate, mixing).
        small: vectors: token-shift mixes, decays, bonus, norms.

    Source: arXiv 2404.05892 (version 6), 2503.14456 (version 7).
    """

    kind: ClassVar[str] = "linear"
    hidden: int
    heads: int
    head_dim: int
    maps: int
    ranks: int
    small: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads."""
        return {"heads": self.heads}

    def weights(self, x: Any) -> list[Weight]:
        """Return square maps (divided with the heads), low-rank maps' first halves (whole) and vectors."""
        width = x.heads * self.head_dim
        matrices = self.maps * self.hidden * width + self.ranks * (self.hidden + width)
        return [
            Weight("projections", "attention", matrices, matrices),
            Weight("norms", "other", self.small, self.small),
        ]

    def cache(self, x: Any) -> Cache:
        """Return the state (float32) and the last token's hidden state, for two shifts (16 bit)."""
        return Cache(0.0, state_bytes=STATE_BYTES * x.heads * self.head_dim**2 + 2.0 * 2 * self.hidden)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield maps, low-rank maps, the recurrence, map out, element-wise work."""
        width, inside = x.heads * float(self.head_dim), float(self.maps - 1)
        yield matmul("maps", "attention", load.tokens, inside * width + self.ranks, float(self.hidden), f)
        yield matmul("ranks", "attention", load.tokens, width, float(self.ranks), f)
        yield from recurrence(load, f, x.heads, float(self.head_dim**2), 6.0, (inside + 2.0) * width)
        yield matmul("out", "attention", load.tokens, float(self.hidden), width, f)
        yield stream("shift", load.tokens * (self.hidden + width), f, passes=6.0)
