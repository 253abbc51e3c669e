"""Mamba: a selective state space, one small state per channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul, stream
from wherewithal.model.state import STATE_BYTES, recurrence


@dataclass(frozen=True)
class Mamba1:
    """Parameters 2 H di + di (dc + 1) + di (r + 2 s) + r di + di + di s + di + di H; state di s; FLOP per token 6 di s.

    Attributes:
        hidden: width of the hidden state.
        inner: channels di.
        state: state s per channel.
        conv: [token] width dc of the convolution.
        rank: rank r of the time step.
        conv_bias: whether the convolution has a bias.
        norm: parameters of norms in the layer.

    Source: arXiv 2312.00752, 2403.19887.
    """

    kind: ClassVar[str] = "linear"
    hidden: int
    inner: int
    state: int
    conv: int
    rank: int
    conv_bias: bool = True
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Channels, as heads of one."""
        return {"heads": self.inner}

    def weights(self, x: Any) -> list[Weight]:
        """Return projections (divided with the channels), convolution, state matrices and norms."""
        mixed = self.rank + 2 * self.state
        matrices = x.heads * (3 * self.hidden + mixed + self.rank)
        small = x.heads * (self.conv + self.conv_bias + 2 + self.state) + self.norm
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return the state (float32) and the convolution's last inputs (16 bit)."""
        return Cache(0.0, state_bytes=x.heads * (STATE_BYTES * self.state + 2.0 * (self.conv - 1)))

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, the scan, projection out, convolution with element-wise work."""
        yield matmul("in", "attention", load.tokens, 2.0 * x.heads, float(self.hidden), f)
        yield matmul("x", "attention", load.tokens, float(self.rank + 2 * self.state), x.heads, f)
        yield matmul("dt", "attention", load.tokens, x.heads, float(self.rank), f)
        yield from recurrence(load, f, x.heads, float(self.state), 6.0, 3.0 * x.heads)
        yield matmul("out", "attention", load.tokens, float(self.hidden), x.heads, f)
        yield stream("conv", load.tokens * (self.hidden + 2.0 * x.heads), f, passes=4.0)
