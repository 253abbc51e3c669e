"""Context parallelism: ranks hold different stretches of every sequence."""

from __future__ import annotations

from collections.abc import Iterator

from wherewithal.axes.split import Split, local
from wherewithal.model.block import Block
from wherewithal.model.op import Formats, Load, Op

NAME = "context"
DIVIDES: frozenset[str] = frozenset()
COPIES: frozenset[str] = frozenset()


def before(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield the gathering of prompt keys and values, which every stretch of a prompt needs.

    Source: arXiv 2310.01889 (ring attention): each rank sends its own stretch to all others.
    """
    if block.kind != "attention":
        return
    kept = block.cache(local(block, split))
    wire = load.prefill_tokens * (kept.per_token * f.kv_bytes + kept.index_per_token_bytes)
    there = (split.context > 1) & (load.prefill_tokens > 0)
    yield Op("gather_kv", "all_gather", wire=wire, over=NAME, calls=1.0 * there)


def after(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield the merge of partial attention results of sequences that decode (one hidden state each)."""
    if block.kind != "attention":
        return
    decoded = load.decode_seqs * load.decode_tokens
    wire = decoded * (getattr(block, "hidden") / split.tensor) * f.hidden_bytes  # noqa: B009 - every block has it
    yield Op("merge", "all_reduce", wire=wire, over=NAME, calls=1.0 * ((split.context > 1) & (decoded > 0)))
