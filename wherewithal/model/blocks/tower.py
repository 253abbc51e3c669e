"""The ends of an encoder tower: patches in, tokens of the language model out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul


@dataclass(frozen=True)
class TowerEnds:
    """Patch embedding P W, positions, merger: m^2 W rows map to m^2 W and on to the language model's width H.

    Parameters P W + n W + r ((m^2 W)^2 + m^2 W H).

    Attributes:
        hidden: width W of the tower.
        patch: inputs P of one patch.
        positions: learnt positions n.
        merge: patches m^2 that make one token.
        out: width H of the language model.
        mergers: mergers r, of the last layer and of earlier ones that the language model reads too.

    Source: arXiv 2010.11929 (patches), 2409.12191 section 2 (merger).
    """

    kind: ClassVar[str] = "tower"
    hidden: int
    patch: int
    positions: int
    merge: int
    out: int
    mergers: int = 1

    @property
    def sizes(self) -> dict[str, float]:
        """Nothing that an axis divides."""
        return {}

    def weights(self, x: Any) -> list[Weight]:
        """Return patch embedding, positions and mergers."""
        wide = self.hidden * self.merge
        merger = self.mergers * wide * (self.out + wide)
        ends = self.patch * self.hidden + self.positions * self.hidden
        return [Weight("patches", "tower", ends, ends), Weight("merger", "tower", merger, merger)]

    def cache(self, x: Any) -> Cache:
        """Return nothing."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield patch embedding and mergers; the load's tokens are patches."""
        yield matmul("patches", "tower", load.tokens, float(self.hidden), float(self.patch), f)
        wide, rows = float(self.hidden * self.merge), load.tokens * (self.mergers / self.merge)
        yield matmul("merge", "tower", rows, wide, wide, f)
        yield matmul("project", "tower", rows, float(self.out), wide, f)
