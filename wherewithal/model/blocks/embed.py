"""The ends of a model: token embedding and output head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Op, matmul, stream


@dataclass(frozen=True)
class Embedding:
    """Token (and position) embedding; a token reads one row.

    Attributes:
        hidden: width of a row.
        vocab: rows.
        extra: further parameters (positions, token types, norms).
    """

    kind: ClassVar[str] = "embedding"
    hidden: int
    vocab: int
    extra: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """The vocabulary."""
        return {"vocab": self.vocab}

    def weights(self, x: Any) -> list[Weight]:
        """Return the table (divided) and what is beside it."""
        return [
            Weight("table", "embedding", self.hidden * x.vocab, self.hidden * x.vocab),
            Weight("extra", "other", self.extra, self.extra),
        ]

    def cache(self, x: Any) -> Cache:
        """Return nothing."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield the look-up."""
        yield stream("lookup", load.tokens * self.hidden, f, passes=2.0)


@dataclass(frozen=True)
class Head:
    """Output head: final norm, logits, sampler.

    Attributes:
        hidden: width of the hidden state.
        vocab: columns.
        tied: whether the matrix is the embedding's (read, but not held again).
        norm, bias: parameters of the final norm and of a bias.
    """

    kind: ClassVar[str] = "head"
    hidden: int
    vocab: int
    tied: bool = False
    norm: int = 0
    bias: int = 0

    @property
    def sizes(self) -> dict[str, float]:
        """The vocabulary."""
        return {"vocab": self.vocab}

    def weights(self, x: Any) -> list[Weight]:
        """Return the matrix (divided; none where tied) and the final norm."""
        matrix = 0.0 if self.tied else self.hidden * x.vocab
        small = self.norm + self.bias
        return [Weight("matrix", "head", matrix, matrix), Weight("norm", "other", small, small)]

    def cache(self, x: Any) -> Cache:
        """Return nothing."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield the logits and the sampler's passes over them (float32)."""
        yield matmul("logits", "head", load.logits, x.vocab, self.hidden, f)
        yield stream("sample", load.logits * x.vocab, f, passes=6.0)
