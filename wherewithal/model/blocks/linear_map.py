"""A plain linear map: it stands in for a whole part, or joins two streams before a draft layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul


@dataclass(frozen=True)
class LinearMap:
    """One matrix; parameters I O (+ norms).

    Attributes:
        hidden: columns O, the width of the hidden state.
        intermediate: rows I that it reads.
        norm: parameters of norms beside it.

    Source: arXiv 2411.19146 (linear replacement), 2412.19437 section 2.2 (the map that joins hidden state and
    embedding before a draft layer).
    """

    kind: ClassVar[str] = "mlp"
    hidden: int
    intermediate: int
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """The width read."""
        return {"intermediate": self.intermediate}

    def weights(self, x: Any) -> list[Weight]:
        """Return the matrix (divided by rows) and norms."""
        matrix = self.hidden * x.intermediate
        return [Weight("matrix", "mlp", matrix, matrix), Weight("norms", "other", self.norm, self.norm)]

    def cache(self, x: Any) -> Cache:
        """Return nothing."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield the matrix product."""
        yield matmul("map", "mlp", load.tokens, float(self.hidden), x.intermediate, f)
