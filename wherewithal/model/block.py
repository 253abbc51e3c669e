"""What every block of a model answers: its weights, its cache, its operators, all in local sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Protocol

from wherewithal.model.op import Formats, Load, Num, Op


class Weight(NamedTuple):
    """One group of parameters of a block on one rank.

    Attributes:
        name: what it is.
        part: part of the model, for its number format (`attention`, `mlp`, `experts`, `embedding`, `head`, `other`).
        count: parameters held by the rank.
        active: parameters of it that one token meets.
    """

    name: str
    part: str
    count: Num  # type: ignore[assignment]
    active: Num


class Cache(NamedTuple):
    """What one sequence leaves in memory in one block, on one rank.

    Attributes:
        per_token: KV elements per token of context, in the KV format.
        window: [token] at most so many tokens are held; infinite where all are.
        state_bytes: [B] fixed per sequence, whatever the context.
        index_per_token_bytes: [B] further bytes per token of context in a format of their own.
    """

    per_token: Num = 0.0
    window: float = float("inf")
    state_bytes: Num = 0.0
    index_per_token_bytes: Num = 0.0


class Block(Protocol):
    """A kind of layer part. Its fields are its sizes; `sizes` names those that an axis may divide.

    `x` holds the block's local sizes: every name of `sizes`, divided by the axes (a float or an array of rows).
    A block never mentions an axis, a chip or an engine.
    """

    kind: ClassVar[str]

    @property
    def sizes(self) -> dict[str, float]:
        """Named sizes that an axis may divide, whole."""

    def weights(self, x: Any) -> list[Weight]:
        """Return the parameters that a rank with local sizes `x` holds."""

    def cache(self, x: Any) -> Cache:
        """Return what one sequence leaves in memory on a rank with local sizes `x`."""

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield the operators of one pass on a rank with local sizes `x`."""
