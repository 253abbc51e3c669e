"""A block whose weights are those of an earlier layer: it computes and remembers anew, but holds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wherewithal.model.block import Block, Cache, Weight
from wherewithal.model.op import Formats, Load, Op


@dataclass(frozen=True)
class Reused:
    """A second pass through the weights of `block`.

    Attributes:
        block: the block whose weights are used again.

    Source: arXiv 2411.15242 (shared attention blocks).
    """

    block: Block

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The kind of the block used again."""
        return self.block.kind

    @property
    def sizes(self) -> dict[str, float]:
        """Sizes of the block used again."""
        return self.block.sizes

    def weights(self, x: Any) -> list[Weight]:
        """Return nothing: an earlier layer holds them."""
        return []

    def cache(self, x: Any) -> Cache:
        """Return what the block used again leaves."""
        return self.block.cache(x)

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield the operators of the block used again."""
        return self.block.ops(x, load, f)
