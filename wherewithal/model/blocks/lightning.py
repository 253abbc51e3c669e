"""Lightning attention: linear attention with a decaying state of d x d per head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul, stream
from wherewithal.model.state import STATE_BYTES, recurrence


@dataclass(frozen=True)
class Lightning:
    """Parameters 5 H h d (query, key, value, gate, out); state h d d; FLOP per token 4 h d d.

    Attributes:
        hidden: width of the hidden state.
        heads: heads h.
        head_dim: size d of a head.
        norm: parameters of norms in the layer.

    Source: arXiv 2501.08313 section 2.2.
    """

    kind: ClassVar[str] = "linear"
    hidden: int
    heads: int
    head_dim: int
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads."""
        return {"heads": self.heads}

    def weights(self, x: Any) -> list[Weight]:
        """Return projections (divided with the heads) and norms."""
        matrices = 5 * self.hidden * x.heads * self.head_dim
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", self.norm, self.norm)]

    def cache(self, x: Any) -> Cache:
        """Return the state."""
        return Cache(0.0, state_bytes=STATE_BYTES * x.heads * self.head_dim**2)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, the recurrence, projection out, element-wise work."""
        width = x.heads * float(self.head_dim)
        yield matmul("qkvg", "attention", load.tokens, 4.0 * width, float(self.hidden), f)
        yield from recurrence(load, f, x.heads, float(self.head_dim**2), 4.0, 4.0 * width)
        yield matmul("out", "attention", load.tokens, float(self.hidden), width, f)
        yield stream("norm", load.tokens * (self.hidden + width), f, passes=4.0)
