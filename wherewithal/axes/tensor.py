"""Tensor parallelism: each rank holds some heads and some columns, and all add up their results."""

from __future__ import annotations

from collections.abc import Iterator

from wherewithal.axes.split import Split
from wherewithal.model.block import Block
from wherewithal.model.op import Formats, Load, Op

NAME = "tensor"
DIVIDES = frozenset({"heads", "kv_heads", "intermediate", "shared_intermediate", "vocab"})
COPIES = frozenset({"kv_heads"})


def after(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield the sum over the group (gathered logits for the head): 2 (n - 1) / n of the hidden state on the wire.

    Source: arXiv 1909.08053 section 3.
    """
    calls = 1.0 * (split.tensor > 1)
    if block.kind == "head":
        # Engines sample on each rank's own columns and exchange the winners, or gather 16-bit logits: the larger.
        wire = load.logits * (block.sizes["vocab"] / split.tensor) * f.hidden_bytes
        yield Op("gather_logits", "all_gather", wire=wire, over=NAME, calls=calls)
    elif block.sizes:  # a block that nothing divides is computed whole by every rank
        wire = load.tokens * getattr(block, "hidden") * f.hidden_bytes  # noqa: B009 - every block has its width
        yield Op("all_reduce", "all_reduce", wire=wire, over=NAME, calls=calls)
