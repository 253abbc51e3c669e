"""What block kinds share: the recurrence over a fixed state, the scan of an index, a load that sees fewer tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from wherewithal.model.op import Formats, Load, Num, Op, some

STATE_BYTES = 4.0
"""[B] per element of a recurrent state: engines keep it in float32 (`mamba_ssm_cache_dtype`, `mamba_ssm_dtype`)."""


def recurrence(load: Load, f: Formats, heads: Num, state: float, factor: float, columns: Num) -> Iterator[Op]:
    """Yield the operators that update and read a state of `state` elements in each head for every token.

    FLOP = factor tokens heads state; bytes: the state of each sequence in and out, and `columns` elements per token.
    Sequences that decode and prompts run apart: a prompt's tokens follow each other, those of sequences do not. A piece
    of a prompt has the whole of its state.

    Args:
        load: tokens and sequences.
        f: number formats.
        heads: heads on a rank.
        state: elements of a head's state.
        factor: operations per token and element.
        columns: elements that a token brings.

    Source: arXiv 2405.21060 section 6, 2412.06464 section 3; factors from counting multiply-adds of one update and read.
    """
    prompts = np.maximum(load.prefill_seqs, some(load.prefill_tokens))
    decoded = load.decode_seqs * load.decode_tokens
    for name, seqs, tokens in (
        ("scan_decode", load.decode_seqs, decoded),
        ("scan_prefill", prompts, load.prefill_tokens),
    ):
        moved = seqs * heads * (2.0 * state * STATE_BYTES) + tokens * columns * f.hidden_bytes
        sizes = (tokens, heads, state)
        yield Op(name, name, "bf16", factor * tokens * heads * state, moved, sizes, calls=some(tokens))


def index_scan(load: Load, f: Formats, heads: float, dim: float, stride: float, key_bytes: float) -> Iterator[Op]:
    """Yield the scans of an index that picks the tokens an attention core will read.

    Each query of `heads` x `dim` meets one key per `stride` tokens of context: FLOP = 2 (n / stride) heads dim per
    token; bytes: keys of `key_bytes` each, once per decode sequence or prompt.

    Source: arXiv 2512.02556 section 2.1 (lightning indexer).
    """
    queries, keys = load.decode_seqs * load.decode_tokens, load.decode_context / stride
    yield Op(
        "index_decode",
        "attention_decode",
        f.attention,
        queries * keys * (2.0 * heads * dim),
        load.decode_seqs * keys * key_bytes + queries * (heads * dim * f.hidden_bytes),
        (load.decode_seqs, keys, 1.0, load.decode_tokens * heads),
        calls=some(queries),
    )
    near = load.prefill_context / stride
    yield Op(
        "index_prefill",
        "attention_prefill",
        f.attention,
        load.prefill_tokens * near * (2.0 * heads * dim),
        load.prefill_tokens * (heads * dim * f.hidden_bytes) + load.prefill_seqs * (2.0 * key_bytes) * near,
        (load.prefill_tokens, near, heads, dim),
        calls=some(load.prefill_tokens),
    )


def seeing(load: Load, most: float, stride: float = 1.0, near: float = 0.0) -> Load:
    """Return the load as a sparse core sees it: min(n / stride, most) far tokens and min(n, near) close ones."""

    def seen(context: Num) -> Num:
        far: Num = np.minimum(context / stride, most)
        return far + np.minimum(context, near)

    return replace(load, decode_context=seen(load.decode_context), prefill_context=seen(load.prefill_context))
