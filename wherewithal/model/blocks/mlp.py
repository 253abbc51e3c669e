"""Dense feed-forward layers: gated (three matrices) or plain (two)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul, stream


@dataclass(frozen=True)
class Mlp:
    """Feed-forward layer; parameters 3 H I where gated, else 2 H I.

    Attributes:
        hidden: width of the hidden state.
        intermediate: width inside.
        gated: whether a gate matrix stands beside the up matrix.
        bias, norm: parameters of biases and norms in the layer.
        held: False where an earlier layer holds the weights.

    Source: arXiv 2002.05202 (gated linear units).
    """

    kind: ClassVar[str] = "mlp"
    hidden: int
    intermediate: int
    gated: bool = True
    bias: int = 0
    norm: int = 0
    held: bool = True

    @property
    def sizes(self) -> dict[str, float]:
        """The width inside."""
        return {"intermediate": self.intermediate}

    def weights(self, x: Any) -> list[Weight]:
        """Return the matrices (divided), biases and norms (whole); nothing where not held."""
        if not self.held:
            return []
        matrices = (3 if self.gated else 2) * self.hidden * x.intermediate
        small = self.bias + self.norm
        return [Weight("matrices", "mlp", matrices, matrices), Weight("norms", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return nothing: a feed-forward layer remembers no token."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield up (and gate), down, element-wise work."""
        width = (2 if self.gated else 1) * x.intermediate
        yield matmul("up", "mlp", load.tokens, width, self.hidden, f)
        yield matmul("down", "mlp", load.tokens, self.hidden, x.intermediate, f)
        yield stream("act", load.tokens * (1.5 * x.intermediate + self.hidden), f, passes=2.0)
