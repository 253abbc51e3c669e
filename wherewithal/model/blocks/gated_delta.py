"""Gated DeltaNet: linear attention that overwrites what its state held under the same key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Num, Op, matmul, stream
from wherewithal.model.state import STATE_BYTES, recurrence


@dataclass(frozen=True)
class GatedDelta:
    """Parameters H (2 hk dk + 2 hv dv + 2 hv) + conv (2 hk dk + hv dv) + hv dv H + 2 hv + dv; state hv dk dv.

    FLOP per token 8 hv dk dv (read of the old value, update, decay, read out).

    Attributes:
        hidden: width of the hidden state.
        key_heads, key_dim: heads hk of queries and keys, and their size.
        heads, v_head_dim: heads hv of values, and their size.
        conv: [token] width of the convolution over queries, keys and values.
        norm: parameters of norms in the layer.

    Source: arXiv 2412.06464.
    """

    kind: ClassVar[str] = "linear"
    hidden: int
    key_heads: int
    key_dim: int
    heads: int
    v_head_dim: int
    conv: int
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Value heads, and key heads as `kv_heads`."""
        return {"heads": self.heads, "kv_heads": self.key_heads}

    def _mixed(self, x: Any) -> Num:
        """Return channels that pass the convolution."""
        channels: Num = 2.0 * x.kv_heads * self.key_dim + x.heads * self.v_head_dim
        return channels

    def weights(self, x: Any) -> list[Weight]:
        """Return projections and convolution (divided with the heads), decays and norms."""
        columns = self._mixed(x) + x.heads * (self.v_head_dim + 2)
        matrices = self.hidden * (columns + x.heads * self.v_head_dim)
        small = self._mixed(x) * self.conv + 2 * x.heads + self.v_head_dim + self.norm
        return [Weight("projections", "attention", matrices, matrices), Weight("norms", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return the state (float32) and the convolution's last inputs (16 bit)."""
        state = STATE_BYTES * x.heads * (self.key_dim * self.v_head_dim)
        return Cache(0.0, state_bytes=state + 2.0 * (self.conv - 1) * self._mixed(x))

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield projections, the recurrence, projection out, convolution with element-wise work."""
        mixed, values = self._mixed(x), x.heads * float(self.v_head_dim)
        yield matmul("qkvz", "attention", load.tokens, mixed + values + 2.0 * x.heads, float(self.hidden), f)
        yield from recurrence(load, f, x.heads, float(self.key_dim * self.v_head_dim), 8.0, mixed + values)
        yield matmul("out", "attention", load.tokens, float(self.hidden), values, f)
        yield stream("conv", load.tokens * (self.hidden + mixed + values), f, passes=4.0)
