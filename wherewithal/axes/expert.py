"""Expert parallelism: ranks hold different experts, tokens travel to those that they chose and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wherewithal.axes.split import Split
from wherewithal.model.block import Block
from wherewithal.model.op import Formats, Load, Num, Op

NAME = "expert"
DIVIDES = frozenset({"experts"})
COPIES: frozenset[str] = frozenset()


def before(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield the dispatch of tokens to experts; none where all attention ranks already hold the same tokens."""
    if block.kind == "moe":
        yield _exchange("dispatch", block, split, load, f.input_bytes("experts"))


def after(block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield the way back, in the hidden state's own format."""
    if block.kind == "moe":
        yield _exchange("combine", block, split, load, f.hidden_bytes)


def _exchange(name: str, block: Any, split: Split, load: Load, element_bytes: float) -> Op:
    """Return one all-to-all: each attention rank sends its share of tokens once to every rank that must see them.

    Ranks met by a token = etp ep (1 - (1 - 1/ep)^k), the expected number of distinct groups of k choices.
    """
    met = split.expert * (1.0 - (1.0 - 1.0 / split.expert) ** block.per_token)
    own: Num = load.tokens / split.tensor
    wire = own * (met * split.expert_tensor * (block.width * element_bytes))
    return Op(name, "all_to_all", wire=wire, over="tokens", calls=1.0 * (split.data > 1))
