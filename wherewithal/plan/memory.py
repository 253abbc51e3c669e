"""How many sequences fit beside the weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherewithal.axes.split import Split
from wherewithal.engine import Machine, activations, cache_bytes, host_weights, weights
from wherewithal.model.model import Model
from wherewithal.model.op import Num
from wherewithal.plan.engines import Engine
from wherewithal.plan.workload import Workload

# One-sided 90% quantile of a normal sum: nine steps of ten, the sequences that happen to run together fit.
Z90 = 1.2815515655446004


class Room(NamedTuple):
    """Bytes on one rank [B] and the sequences of one attention group that they hold.

    Attributes:
        capacity, weights, activations, reserved: [B] of one rank.
        kv_room: [B] left for caches; negative where weights do not fit.
        per_sequence: [B] that a sequence holds on average, block rounding included.
        longest: [B] of the longest request.
        sequences: how many sequences fit an attention group; below one where the longest request does not.
    """

    capacity: float
    weights: Num
    activations: Num
    reserved: float
    kv_room: Num
    per_sequence: Num
    longest: Num
    sequences: Num


def room(
    model: Model, split: Split, machine: Machine, engine: Engine, workload: Workload, *, tokens: Num, role: str
) -> Room:
    """Return what fits on one rank.

    A sum of G sequences of mean c and deviation s stays below G c + z sqrt(G) s nine times of ten, so G solves
    G c + z s sqrt(G) = room; a half-filled block per sequence is lost to fragmentation. A prefill pool holds a
    prompt only while it computes it.

    Args:
        model: the model.
        split: degrees of one replica, or columns of them.
        machine: chips and formats.
        engine: whose memory planning holds.
        workload: whose requests are kept.
        tokens: tokens of the largest step of one attention group, for its working memory.
        role: `all`, `prefill` or `decode`.
    """
    f = machine.formats
    drafting = workload.accepted_tokens_per_step > 1
    chip = machine.system.chip
    capacity = chip.memory_bytes / chip.ranks
    held = weights(model, split, f, with_draft=drafting)
    logits = np.minimum(tokens, engine.max_seqs)
    sampling = engine.slot_entry_bytes * engine.max_seqs * model.head.vocab
    working = activations(model, split, f, tokens / split.context, logits) + sampling
    free = engine.kv_room(capacity, held, working)
    lost = engine.kv_block_tokens / 2
    share = engine.reserved_answer
    mean = (workload.mean_input if role == "prefill" else workload.kept(share)) + lost
    deviation = 0.0 if role == "prefill" else workload.kept_sd(share)

    def bytes_at(context: float) -> Num:
        return cache_bytes(model, split, f, context, with_draft=drafting)

    per_sequence = bytes_at(mean)
    spread = bytes_at(mean + deviation) - per_sequence
    longest = bytes_at((workload.mean_input if role == "prefill" else workload.longest) + lost)
    root = (np.sqrt((Z90 * spread) ** 2 + 4.0 * per_sequence * np.maximum(free, 0.0)) - Z90 * spread) / 2.0
    sequences = np.where(per_sequence > 0, (root / np.maximum(per_sequence, 1e-9)) ** 2, np.inf)
    fits = (free >= longest) & (free >= 0) & _host_fits(model, split, machine, longest)
    return Room(
        capacity, held, working, engine.reserved_bytes, free, per_sequence, longest,
        np.where(fits, np.maximum(np.minimum(sequences, 1e9), 1.0), 0.0),
    )  # fmt: skip


def _host_fits(model: Model, split: Split, machine: Machine, longest: Num) -> NDArray[np.bool_]:
    """Return whether the host's memory holds what lives there: weights, and one longest request's cache."""
    host = machine.system.host
    there = split.host_layers + split.host_experts > 0
    if machine.host is None or host is None:
        return ~np.asarray(there)
    kept = split.host_layers / np.maximum(model.depth - split.host_layers, 1e-9) * longest
    held = np.asarray(host_weights(model, split, machine.formats) + kept <= host.memory_bytes)
    fine: NDArray[np.bool_] = ~np.asarray(there) | held
    return fine
