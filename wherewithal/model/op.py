"""The operator: what one execution asks of one rank. Blocks and axes make them, pricing turns them into seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.floating[Any]]
Num = float | Rows


class Op(NamedTuple):
    """One operator on one rank; every number is a float or an array of rows (arrays broadcast).

    Attributes:
        name: dotted, unique within its block.
        kind: the curve that prices it: `matmul`, `batched_matmul`, `grouped_matmul`, `attention_prefill`,
            `attention_decode`, `attention_latent` (decode on one latent for all heads), `scan_decode`, `scan_prefill`, `stream`, or a
            collective: `all_reduce`, `all_gather`, `reduce_scatter`,
            `all_to_all`, `send`.
        format: number format of the arithmetic (`bf16`, `fp8`, `int8`, `nvfp4`, ...).
        flops: [FLOP] a multiply-add is 2.
        bytes: [B] device memory traffic.
        sizes: sizes the curve depends on. matmul: (rows m, columns n, depth k); batched_matmul: (m, n, k, batch);
            grouped_matmul: (rows per expert, n, k, experts); attention_prefill: (query tokens, context, heads, head
            size); attention_decode: (sequences, context, KV heads, query rows per KV head); scan_*: (tokens, heads,
            state per head); stream: ().
        wire: [B] collectives: payload of one rank before the algorithm's factor.
        over: collectives: name of the rank group that takes part.
        calls: launches; 0 where the operator vanishes.
        skew: grouped_matmul: arithmetic of the busiest rank over that of the mean rank, at least 1.
        skew_bytes: the same of its memory traffic.
    """

    name: str
    kind: str
    format: str = "bf16"
    flops: Num = 0.0
    bytes: Num = 0.0
    sizes: tuple[Num, ...] = ()
    wire: Num = 0.0
    over: str = ""
    calls: Num = 1.0
    skew: Num = 1.0
    skew_bytes: Num = 1.0


class Stored(NamedTuple):
    """How the weights of one part are held and computed with.

    Attributes:
        bits: [bit] storage per weight, scales included.
        arithmetic: number format that its matrix products run in; `int4_wo` and its like where weights of that format
            are unpacked on the way to 16-bit products.
    """

    bits: float
    arithmetic: str

    @property
    def wide(self) -> bool:
        """Whether its products take 16-bit inputs."""
        return self.arithmetic == "bf16" or self.arithmetic.endswith("_wo")


@dataclass(frozen=True)
class Formats:
    """Number formats of one deployment, resolved for one chip (see `pricing.formats.resolve`).

    Attributes:
        parts: part of the model (`attention`, `mlp`, `experts`, `embedding`, `head`, `other`) to how it is stored.
        activation_bits: [bit] of a matrix product's input element.
        kv_bits: [bit] of a cached KV element.
        hidden_bits: [bit] of the hidden state between operators.
        attention: number format of the attention core's arithmetic.
    """

    parts: Mapping[str, Stored]
    activation_bits: float = 16.0
    kv_bits: float = 16.0
    hidden_bits: float = 16.0
    attention: str = "bf16"

    def stored(self, part: str) -> Stored:
        """Return how a part's weights are stored; parts not named follow `other`."""
        return self.parts.get(part) or self.parts["other"]

    def weight_bytes(self, part: str) -> float:
        """Return bytes per weight of a part [B]."""
        return self.stored(part).bits / 8

    def input_bytes(self, part: str) -> float:
        """Return bytes per input element of a part's matrix products [B]: quantised only where they run in 8 or 4 bit."""
        return self.hidden_bits / 8 if self.stored(part).wide else self.activation_bits / 8

    @property
    def kv_bytes(self) -> float:
        """Bytes per cached KV element [B]."""
        return self.kv_bits / 8

    @property
    def hidden_bytes(self) -> float:
        """Bytes per element of the hidden state [B]."""
        return self.hidden_bits / 8


@dataclass(frozen=True)
class Load:
    """What one step asks of one attention group (floats or arrays of rows).

    Attributes:
        decode_seqs: sequences that decode in this step.
        decode_tokens: tokens verified per sequence and step (1 without speculation).
        decode_context: [token] mean context held by such a sequence.
        prefill_tokens: new prompt tokens in this step.
        prefill_context: [token] mean context that such a token attends to, itself included.
        prefill_seqs: prompts that those tokens belong to.
        routed_tokens: tokens of all attention groups that share one set of experts.
        patches: image patches (or audio frames) that the encoder takes in this step.
        patches_per_image: [patch] of one image: its patches attend to each other.
        decode_masked, prefill_masked: [token] of other sequences that a query is scored against and that are masked out
            again, where all sequences lie in one cache.
    """

    decode_seqs: Num = 0.0
    decode_tokens: Num = 1.0
    decode_context: Num = 0.0
    prefill_tokens: Num = 0.0
    prefill_context: Num = 0.0
    prefill_seqs: Num = 0.0
    routed_tokens: Num = 0.0
    patches: Num = 0.0
    patches_per_image: float = 0.0
    decode_masked: Num = 0.0
    prefill_masked: Num = 0.0

    @property
    def tokens(self) -> Num:
        """Tokens that pass the matrix products of one attention group."""
        return self.decode_seqs * self.decode_tokens + self.prefill_tokens

    @property
    def logits(self) -> Num:
        """Tokens whose logits are computed: all that decode, one per prompt."""
        return self.decode_seqs * self.decode_tokens + self.prefill_seqs


def some(amount: Num) -> Num:
    """Return 1 where an amount is positive, else 0: the launches of an operator that vanishes without work."""
    return 1.0 * (amount > 0)


def matmul(name: str, part: str, m: Num, n: Num, k: Num, f: Formats) -> Op:
    """Return the operator of one matrix product of m rows with an n x k weight.

    flops = 2 m n k; bytes = weights n k + input m k + output m n.
    """
    stored = f.stored(part)
    weights = n * k * (stored.bits / 8)
    moved = weights + m * (k * f.input_bytes(part) + n * f.hidden_bytes)
    return Op(name, "matmul", stored.arithmetic, 2.0 * m * (n * k), moved, (m, n, k))


def batched_matmul(name: str, part: str, m: Num, n: Num, k: Num, batch: Num, f: Formats) -> Op:
    """Return the operator of `batch` independent products of m rows with an n x k weight each."""
    stored = f.stored(part)
    weights = batch * n * k * (stored.bits / 8)
    moved = weights + m * (batch * (k + n) * f.hidden_bytes)
    return Op(name, "batched_matmul", stored.arithmetic, 2.0 * m * (batch * n * k), moved, (m, n, k, batch))


def stream(name: str, elements: Num, f: Formats, passes: float) -> Op:
    """Return the operator of element-wise work that moves `passes` times `elements` of hidden state."""
    return Op(name, "stream", "bf16", 0.0, passes * elements * f.hidden_bytes)
