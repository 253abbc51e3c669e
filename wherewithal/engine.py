"""One step of a model on a machine: the program of operators, its price, its memory, its explanation.

The same lines price one layout, a table of layouts x batches, and the explanation of a single row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from wherewithal import pulse
from wherewithal.axes import senders
from wherewithal.axes.pipeline import unevenness
from wherewithal.axes.split import Split, local
from wherewithal.machine.system import System
from wherewithal.model.block import Block
from wherewithal.model.model import Model
from wherewithal.model.op import Formats, Load, Num, Op
from wherewithal.pricing.collective import COLLECTIVES, Level, levels, traffic
from wherewithal.pricing.curve import Curves


class Term(NamedTuple):
    """One operator of a step.

    Attributes:
        name: full name.
        times: how often a rank runs it.
        op: the operator.
        network: whether it draws on the network.
        place: `ends`, `layer` or `experts`: what may live on the host is told by it.
    """

    name: str
    times: Num
    op: Op
    network: bool
    place: str = "layer"


@dataclass(frozen=True)
class Machine:
    """What a step is priced on: a system, the curves of its chip, the formats resolved for it.

    `host` holds the curves of the processor beside the chips, where layers or experts may live there.
    """

    system: System
    curves: Curves
    formats: Formats
    host: Curves | None = None

    @cached_property
    def tiers(self) -> tuple[Level, ...]:
        """The links as one rank sees them."""
        return levels(self.system)


class Step(NamedTuple):
    """The price of one pass through all layers on the busiest rank [s].

    Attributes:
        seconds: what the pass takes.
        kernels: time of operators, on the chip and on the host.
        network: time of collectives, of which `hidden` runs behind kernels.
        compute, memory: time in which the chip's arithmetic and its memory would be the limit, for power.
        host: part of `kernels` that the host takes for what lives there.
    """

    seconds: Num
    kernels: Num
    network: Num
    hidden: Num
    compute: Num
    memory: Num
    host: Num = 0.0


def distinct(model: Model) -> list[tuple[str, float, Block]]:
    """Return (name, times, block) of all different blocks that a token passes; equal ones are counted together."""
    found: dict[Block, list[float | str]] = {}
    names: dict[str, int] = {}
    for times, block in model.body():
        if block in found:
            found[block][1] += times  # type: ignore[operator]
            continue
        base = type(block).__name__.lower()
        names[base] = names.get(base, 0) + 1
        found[block] = [base if names[base] == 1 else f"{base}{names[base]}", float(times)]
    return [(str(name), float(times), block) for block, (name, times) in found.items()]


def drafts(model: Model) -> list[tuple[str, float, Block]]:
    """Return (name, times, block) of what one drafted token passes: the draft layers and the head again."""
    out = [(f"draft.{type(b).__name__.lower()}", float(g.count), b) for g in model.draft[:1] for b in g.blocks]
    return [*out, ("draft.head", 1.0, model.head)] if out else []


def program(model: Model, split: Split, load: Load, f: Formats) -> Iterator[Term]:
    """Yield the terms of one pass through all layers: for every block what its axes put before, itself, after."""
    for name, times, block in distinct(model):
        yield from _around(name, times, block, split, load, f)


def draft_program(model: Model, split: Split, load: Load, f: Formats) -> Iterator[Term]:
    """Yield the terms of drafting: one pass of the draft layers per drafted token, one token per sequence each."""
    drafted = load.decode_tokens - 1.0
    if not np.any(drafted > 0):
        return
    once = Load(load.decode_seqs, 1.0, load.decode_context, routed_tokens=load.routed_tokens / load.decode_tokens)
    for name, times, block in drafts(model):
        yield from _around(name, times * drafted, block, split, once, f)


def encoder_program(model: Model, split: Split, load: Load, f: Formats) -> Iterator[Term]:
    """Yield the terms of encoding the images (or sounds) of the prompts in this step."""
    if not model.towers or not np.any(load.patches > 0):
        return
    seen = Load(
        prefill_tokens=load.patches,
        prefill_context=load.patches_per_image,
        prefill_seqs=load.patches / load.patches_per_image,
    )
    for layer in model.towers:
        for block in layer.blocks:
            name = f"encoder.{type(block).__name__.lower()}"
            yield from _around(name, float(layer.count), block, split, seen, f)


def _around(name: str, times: Num, block: Block, split: Split, load: Load, f: Formats) -> Iterator[Term]:
    place = "ends" if block.kind in ("embedding", "head") else "layer"
    for send in senders("before"):
        for op in send(block, split, load, f):
            yield Term(f"{name}.{op.name}", times, op, op.kind in COLLECTIVES, place)
    for op in block.ops(local(block, split), load, f):
        own = "experts" if op.name in getattr(block, "ROUTED", ()) else place
        yield Term(f"{name}.{op.name}", times, op, False, own)
    for send in senders("after"):
        for op in send(block, split, load, f):
            yield Term(f"{name}.{op.name}", times, op, op.kind in COLLECTIVES, place)


def terms(model: Model, split: Split, load: Load, f: Formats) -> Iterator[Term]:
    """Yield everything that one step runs: the model's own pass and the drafting."""
    yield from program(model, split, load, f)
    yield from draft_program(model, split, load, f)
    yield from encoder_program(model, split, load, f)


def step(model: Model, split: Split, load: Load, machine: Machine) -> Step:
    """Return the price of one pass; `load` is that of one attention group and one micro-batch.

    Where a step is cut into two micro-batches, each one's communication runs behind the other's kernels:
    seconds = m max(kernels, network) at the load of one micro-batch. A pipeline's longest stage sets its pace.
    """
    pulse.beat()
    kernels: Num = 0.0
    network: Num = 0.0
    compute: Num = 0.0
    memory: Num = 0.0
    host: Num = 0.0
    for term in terms(model, split, load, machine.formats):
        if term.network:
            network = network + term.times * traffic(term.op, split, machine.tiers, machine.curves).seconds
        else:
            here, there = seconds(term, split, model.depth, machine)
            kernels = kernels + term.times * (here + there)
            host = host + term.times * there
            own = term.times * (1.0 - on_host(term.place, split, model.depth))
            compute = compute + own * (term.op.flops / machine.curves.peak(term.op.format))
            memory = memory + own * (term.op.bytes / machine.curves.bandwidth)
    network = network + crossing(model, split, load, machine)
    return finish(split, model.depth, (kernels, network, compute, memory, host))


def on_host(place: str, split: Split, depth: int) -> Num:
    """Return the share of a model's layers whose part in `place` lives on the host."""
    if place == "ends":
        return 0.0
    return (split.host_layers + (split.host_experts if place == "experts" else 0.0)) / depth


def seconds(term: Term, split: Split, depth: int, machine: Machine) -> tuple[Num, Num]:
    """Return the time of one execution of an operator [s] on a rank and on the host, for the share that lives there.

    The host runs it for all ranks of a tensor group at its own rates, or the weights are copied over and the chip runs
    it, whichever is less: t = (1 - h) chip + h min(tp host, bytes / link + chip).
    """
    chip = machine.curves.seconds(term.op)
    share = on_host(term.place, split, depth) if machine.host is not None else 0.0
    if machine.host is None or machine.system.host is None or not np.any(share):
        return chip, 0.0
    there = machine.host.seconds(term.op._replace(format="bf16")) * split.tensor
    copied = term.op.bytes * split.tensor / machine.system.host.link_bytes_per_s + chip
    return (1.0 - share) * chip, share * np.minimum(there, copied)


def crossing(model: Model, split: Split, load: Load, machine: Machine) -> Num:
    """Return the time in which hidden states travel between chips and host [s]: once each way, or at every such layer."""
    if machine.host is None or machine.system.host is None:
        return 0.0
    one = 2.0 * load.tokens * model.hidden * machine.formats.hidden_bytes / machine.system.host.link_bytes_per_s
    return one * (1.0 * (split.host_layers > 0) + split.host_experts)


def finish(split: Split, depth: int, sums: tuple[Num, Num, Num, Num, Num]) -> Step:
    """Return the step from the sums of one micro-batch: overlap, then the pipeline's longest stage."""
    kernels, network, compute, memory, host = sums
    m = split.microbatches
    hidden = np.minimum(kernels, network) * (1.0 * (m > 1))
    scale = m * unevenness(depth, split)
    total = (kernels + network - hidden) * scale
    parts = (kernels, network, hidden, compute, memory, host)
    return Step(total, *(part * scale for part in parts))


def weights(model: Model, split: Split, f: Formats, *, with_draft: bool = False) -> Num:
    """Return the bytes of weights on the fullest rank [B]: all blocks, over the pipeline's longest stage."""
    return _weights(model, split, f, with_draft, host=False)


def host_weights(model: Model, split: Split, f: Formats) -> Num:
    """Return the bytes of weights that live on the host for one replica [B]."""
    return _weights(model, split, f, False, host=True) * split.tensor * split.pipeline


def _weights(model: Model, split: Split, f: Formats, with_draft: bool, *, host: bool) -> Num:
    total: Num = 0.0
    for times, block in _held(model, with_draft):
        x = local(block, split)
        for w in block.weights(x):
            place = "ends" if block.kind in ("embedding", "head", "tower") else "layer"
            share = on_host("experts" if w.part == "experts" else place, split, model.depth)
            total = total + times * w.count * f.weight_bytes(w.part) * (share if host else 1.0 - share)
    return total / split.pipeline * unevenness(model.depth, split)


def _held(model: Model, with_draft: bool) -> Iterator[tuple[float, Block]]:
    yield from ((times, block) for _, times, block in distinct(model))
    extra = (*model.towers, *(model.draft if with_draft else ()))
    yield from ((float(layer.count), block) for layer in extra for block in layer.blocks)


def cache_bytes(model: Model, split: Split, f: Formats, context: Num, *, with_draft: bool = False) -> Num:
    """Return the bytes that one sequence of `context` tokens holds on one rank of its attention group [B]."""
    total: Num = 0.0
    blocks = [(t, b) for _, t, b in distinct(model)]
    if with_draft:
        blocks += [(float(layer.count), b) for layer in model.draft for b in layer.blocks]
    for times, block in blocks:
        kept = block.cache(local(block, split))
        grows = np.minimum(context, kept.window) * kept.per_token * f.kv_bytes + context * kept.index_per_token_bytes
        total = total + times * (grows / split.context + kept.state_bytes)
    there = 1.0 - split.host_layers / model.depth
    return total * there / split.pipeline * unevenness(model.depth, split)


def activations(model: Model, split: Split, f: Formats, tokens: Num, logits: Num) -> Num:
    """Return the working memory of a step on one rank [B]: the widest block's inputs and outputs, and the logits.

    hidden state in, out and residual, and the widest intermediate result twice (input and output of an activation),
    for all tokens of a step; logits in 4 bytes.
    """
    widest: Num = 0.0
    for _, _, block in distinct(model):
        x = local(block, split)
        inside = getattr(x, "intermediate", 0.0) + getattr(x, "shared_intermediate", 0.0)
        spread = getattr(block, "per_token", 0.0) * getattr(x, "expert_intermediate", 0.0)
        heads = getattr(x, "heads", 0.0) * getattr(block, "head_dim", getattr(block, "v_head_dim", 0.0))
        widest = np.maximum(widest, 2.0 * (inside + spread) + 3.0 * heads)
    vocab: Num = local(model.head, split).vocab
    return tokens * (3.0 * model.hidden + widest) * f.hidden_bytes + logits * vocab * 4.0
