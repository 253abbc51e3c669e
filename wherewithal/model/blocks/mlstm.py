"""mLSTM: a matrix memory per head with exponential gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul, stream
from wherewithal.model.state import STATE_BYTES, recurrence


@dataclass(frozen=True)
class MLstm:
    """Parameters H h (2 dk + 3 dv + 2) + 2 h + h dv; state h (dk dv + dk + 1); FLOP per token 6 h dk dv.

    Attributes:
        hidden: width of the hidden state.
        heads: heads h.
        key_dim, v_head_dim: size dk of a query or key head and dv of a value head.
        norm: parameters of norms in the layer.

    Source: arXiv 2503.13427.
    """

    kind: ClassVar[str] = "linear"
    hidden: int
    heads: int
    key_dim: int
    v_head_dim: int
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads."""
        return {"heads": self.heads}

    def weights(self, x: Any) -> list[Weight]:
        """Return projections (divided with the heads), gate biases and norms."""
        matrices = self.hidden * x.heads * (2 * self.key_dim + 3 * self.v_head_dim + 2)
        small = x.heads * (2 + self.v_head_dim) + self.norm
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return memory, normaliser and maximum of each head (float32)."""
        return Cache(0.0, state_bytes=STATE_BYTES * x.heads * (self.key_dim * self.v_head_dim + self.key_dim + 1))

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, the recurrence, projection out, element-wise work."""
        values = x.heads * float(self.v_head_dim)
        columns = x.heads * float(2 * self.key_dim + 2 * self.v_head_dim + 2)
        yield matmul("qkvo", "attention", load.tokens, columns, float(self.hidden), f)
        yield from recurrence(load, f, x.heads, float(self.key_dim * self.v_head_dim), 6.0, columns)
        yield matmul("out", "attention", load.tokens, float(self.hidden), values, f)
        yield stream("norm", load.tokens * (self.hidden + values), f, passes=4.0)
