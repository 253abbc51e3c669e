"""Attention data parallelism: attention groups hold copies of the attention and different sequences."""

from __future__ import annotations

from collections.abc import Iterator

from wherewithal.axes.split import Split
from wherewithal.model.block import Block
from wherewithal.model.op import Formats, Load, Op

NAME = "data"
DIVIDES: frozenset[str] = frozenset()
COPIES: frozenset[str] = frozenset()


def before(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield nothing: groups meet only at the experts."""
    return iter(())


def after(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield nothing: groups meet only at the experts."""
    return iter(())
