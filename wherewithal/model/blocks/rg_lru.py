"""RG-LRU: a gated linear recurrence of one number per channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, batched_matmul, matmul, stream
from wherewithal.model.state import STATE_BYTES, recurrence


@dataclass(frozen=True)
class RgLru:
    """Parameters 3 H w + 2 h (w / h)^2 + w (conv + 1) + biases 4 w + H + w; state w; FLOP per token about 6 w.

    Attributes:
        hidden: width of the hidden state.
        heads: blocks h of the two block-diagonal gates.
        width: channels w.
        conv: [token] width of the convolution.
        norm: parameters of norms in the layer.

    Source: arXiv 2402.19427 section 2.4.
    """

    kind: ClassVar[str] = "linear"
    hidden: int
    heads: int
    width: int
    conv: int
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads."""
        return {"heads": self.heads}

    def weights(self, x: Any) -> list[Weight]:
        """Return projections and gates (divided with the heads), convolution, biases and norms."""
        channels = self.width / self.heads
        width = x.heads * channels
        matrices = 3 * self.hidden * width + 2 * x.heads * channels**2
        small = width * (self.conv + 1 + 5) + self.hidden + self.norm
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return the state (float32) and the convolution's last inputs (16 bit)."""
        width = x.heads * (self.width / self.heads)
        return Cache(0.0, state_bytes=width * (STATE_BYTES + 2.0 * (self.conv - 1)))

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, gates, the recurrence, projection out, convolution with element-wise work."""
        channels = self.width / self.heads
        width = x.heads * channels
        yield matmul("in", "attention", load.tokens, 2.0 * width, float(self.hidden), f)
        yield batched_matmul("gates", "attention", load.tokens, 2.0 * channels, channels, x.heads, f)
        yield from recurrence(load, f, x.heads, channels, 6.0, 4.0 * width)
        yield matmul("out", "attention", load.tokens, float(self.hidden), width, f)
        yield stream("conv", load.tokens * (self.hidden + 2.0 * width), f, passes=4.0)
