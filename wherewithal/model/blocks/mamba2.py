"""Mamba-2: a state space with heads that share their inputs and outputs in groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Num, Op, matmul, stream
from wherewithal.model.state import STATE_BYTES, recurrence


@dataclass(frozen=True)
class Mamba2:
    """Parameters H (2 di + 2 G s + nh) + (di + 2 G s)(dc + 1) + 3 nh + di + di H, di = nh hd; state nh hd s.

    FLOP per token 6 nh hd s.

    Attributes:
        hidden: width of the hidden state.
        heads, head_dim: heads nh and their size hd.
        groups: groups G that share input and output matrices.
        state: state s per channel.
        conv: [token] width dc of the convolution.
        conv_bias: whether the convolution has a bias.
        inner_norm: whether a gated norm of di stands before the projection out.
        norm: parameters of norms in the layer.

    Source: arXiv 2405.21060.
    """

    kind: ClassVar[str] = "linear"
    hidden: int
    heads: int
    head_dim: int
    groups: int
    state: int
    conv: int
    conv_bias: bool = True
    inner_norm: bool = True
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Heads, and groups as `kv_heads`."""
        return {"heads": self.heads, "kv_heads": self.groups}

    def _mixed(self, x: Any) -> Num:
        """Return channels that pass the convolution."""
        channels: Num = x.heads * self.head_dim + 2.0 * x.kv_heads * self.state
        return channels

    def weights(self, x: Any) -> list[Weight]:
        """Return projections (divided with the heads and groups), convolution, decays and norms."""
        inner = x.heads * self.head_dim
        matrices = self.hidden * (self._mixed(x) + 2 * inner + x.heads)
        small = (
            self._mixed(x) * (self.conv + self.conv_bias) + 3 * x.heads + (inner if self.inner_norm else 0) + self.norm
        )
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return the state (float32) and the convolution's last inputs (16 bit)."""
        state = STATE_BYTES * x.heads * (self.head_dim * self.state)
        return Cache(0.0, state_bytes=state + 2.0 * (self.conv - 1) * self._mixed(x))

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projection in, the scan, projection out, convolution with element-wise work."""
        inner, mixed = x.heads * float(self.head_dim), self._mixed(x)
        yield matmul("in", "attention", load.tokens, mixed + inner + x.heads, float(self.hidden), f)
        yield from recurrence(load, f, x.heads, float(self.head_dim * self.state), 6.0, mixed + inner)
        yield matmul("out", "attention", load.tokens, float(self.hidden), inner, f)
        yield stream("conv", load.tokens * (self.hidden + mixed + inner), f, passes=4.0)
