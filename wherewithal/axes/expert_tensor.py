"""Tensor parallelism within an expert: ranks hold slices of the same expert."""

from __future__ import annotations

from collections.abc import Iterator

from wherewithal.axes.split import Split
from wherewithal.model.block import Block
from wherewithal.model.op import Formats, Load, Op

NAME = "expert_tensor"
DIVIDES = frozenset({"expert_intermediate"})
COPIES: frozenset[str] = frozenset()


def before(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield nothing: the dispatch already reaches every slice."""
    return iter(())


def after(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield nothing: the way back and the tensor group's sum already add up the slices."""
    return iter(())
