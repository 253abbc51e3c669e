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

    Parameters P W + n W + (m^2 W)^2 + m^2 W H (the last two as one map where `direct`).

    Attributes:
        hidden: width W of the tower.
        patch: inputs P of one patch.
        positions: learnt positions n.
        merge: patches m^2 that make one token.
        out: width H of the language model.
        direct: whether the merger is a single map.

    Source: arXiv 2010.11929 (patches), 2409.12191 section 2 (merger).
    """

    kind: ClassVar[str] = "tower"
    hidden: int
    patch: int
    positions: int
    merge: int
    out: int
    direct: bool = False

    @property
    def sizes(self) -> dict[str, float]:
        """Nothing that an axis divides."""
        return {}

    def weights(self, x: Any) -> list[Weight]:
        """Return patch embedding, positions and merger."""
        wide = self.hidden * self.merge
        merger = wide * self.out + (0 if self.direct else wide * wide)
        ends = self.patch * self.hidden + self.positions * self.hidden
        return [Weight("patches", "tower", ends, ends), Weight("merger", "tower", merger, merger)]

    def cache(self, x: Any) -> Cache:
        """Return nothing."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield patch embedding and merger; the load's tokens are patches."""
        yield matmul("patches", "tower", load.tokens, float(self.hidden), float(self.patch), f)
        wide, rows = float(self.hidden * self.merge), load.tokens / self.merge
        if not self.direct:
            yield matmul("merge", "tower", rows, wide, wide, f)
        yield matmul("project", "tower", rows, float(self.out), wide, f)
