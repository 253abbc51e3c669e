"""Pipeline parallelism: ranks hold different layers; micro-batches follow each other through them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wherewithal.axes.split import Split
from wherewithal.model.block import Block
from wherewithal.model.op import Formats, Load, Num, Op

NAME = "pipeline"
DIVIDES: frozenset[str] = frozenset()
COPIES: frozenset[str] = frozenset()


def before(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield the hand-over between stages, all of them counted once at the model's first block."""
    if block.kind == "embedding":
        wire = load.tokens * getattr(block, "hidden") * f.hidden_bytes  # noqa: B009 - every block has its width
        yield Op("hand_over", "send", wire=wire, over=NAME, calls=split.pipeline - 1.0)


def unevenness(depth: int, split: Split) -> Num:
    """Return the longest stage over the mean stage: pp ceil(L / pp) / L."""
    return split.pipeline * np.ceil(depth / split.pipeline) / depth
