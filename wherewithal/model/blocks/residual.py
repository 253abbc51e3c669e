"""Residual streams wider than one hidden state: hyper-connections, attention over earlier layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, stream


@dataclass(frozen=True)
class Residual:
    """Mixing of `streams` residual streams around the parts of a layer: element-wise work over all of them.

    Attributes:
        hidden: width of the hidden state.
        streams: hidden states kept side by side.
        parts: parts of the layer around which they are mixed.
        small: parameters of the mixing.

    Source: arXiv 2409.19606 (hyper-connections); config keys `hc_mult`, `attn_res_block_size`.
    """

    kind: ClassVar[str] = "residual"
    hidden: int
    streams: int
    parts: int = 2
    small: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """Nothing that an axis divides."""
        return {}

    def weights(self, x: Any) -> list[Weight]:
        """Return the mixing's parameters, whole on each rank."""
        return [Weight("mixing", "other", self.small, self.small)]

    def cache(self, x: Any) -> Cache:
        """Return nothing."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield one pass in and one out of all streams around each part, and the mixing's small products."""
        mixed = stream("mix", load.tokens * (self.hidden * float(self.streams)), f, passes=2.0 * self.parts)
        yield mixed._replace(flops=2.0 * load.tokens * self.small)
