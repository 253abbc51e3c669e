"""Per-layer embeddings: each layer adds a row of its own table to the hidden state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul, stream


@dataclass(frozen=True)
class PerLayer:
    """Parameters V p (table) + 3 H p (model projection, gate, projection out); a token reads one row of the table.

    Attributes:
        hidden: width of the hidden state.
        vocab: rows of the table.
        width: width p of a row.
        norm: parameters of norms beside it.

    Source: config keys `hidden_size_per_layer_input`, `vocab_size_per_layer_input` and their model class.
    """

    kind: ClassVar[str] = "embedding"
    hidden: int
    vocab: int
    width: int
    norm: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """The vocabulary."""
        return {"vocab": self.vocab}

    def weights(self, x: Any) -> list[Weight]:
        """Return the table (divided; one row is active) and the projections."""
        matrices = 3 * self.hidden * self.width
        return [
            Weight("table", "embedding", x.vocab * self.width, float(self.width)),
            Weight("projections", "mlp", matrices, matrices),
            Weight("norms", "other", self.norm, self.norm),
        ]

    def cache(self, x: Any) -> Cache:
        """Return nothing."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield the look-up, gate with model projection, projection out."""
        yield stream("lookup", load.tokens * self.width, f, passes=4.0)
        yield matmul("gate", "mlp", load.tokens, 2.0 * self.width, float(self.hidden), f)
        yield matmul("out", "mlp", load.tokens, float(self.hidden), float(self.width), f)
