"""What a plan says of one pool, as the named facts that recipe files are written over."""

from __future__ import annotations

import math
from typing import NamedTuple

from wherewithal.errors import InputError
from wherewithal.plan.answer import Answer, Plan, Pool
from wherewithal.plan.legal import experts, kv_heads
from wherewithal.plan.setup import Setup
from wherewithal.plan.steady import Deployment
from wherewithal.pricing.formats import resolve
from wherewithal.recipe.formula import Value

# Tokens of a request beside those of the workload: what a chat template adds. Context lengths are rounded up to BLOCK.
TEMPLATE, BLOCK = 64, 256


class CannotStart(InputError):
    """A plan that its engine does not start with, or that no hosts hold as it is."""


class Spread(NamedTuple):
    """How the ranks of one replica lie on hosts: `nodes` of them, `local` ranks on each, `fit` replicas on a host."""

    nodes: int
    local: int
    fit: int


def spread(ranks: int, per_host: int, where: str = "--host-chips") -> Spread:
    """Return how a replica lies on hosts.

    Args:
        ranks: of one replica.
        per_host: ranks of a host.
        where: option named in the error.

    Raises:
        CannotStart: it fills no whole number of hosts.
    """
    if ranks <= per_host:
        return Spread(1, ranks, per_host // ranks)
    if ranks % per_host:
        what = f"a replica of {ranks} ranks does not fill hosts of {per_host}"
        raise CannotStart(where, what, f"choose --layout with a multiple of {per_host} ranks")
    return Spread(ranks // per_host, per_host, 0)


def facts(answer: Answer, ready: Setup, index: int, per_host: int) -> dict[str, Value]:
    """Return the facts of one pool of the best plan.

    Args:
        answer: of the question, with a plan.
        ready: the question made ready.
        index: which pool.
        per_host: chips of a host.
    """
    plan = answer.best
    if plan is None:
        raise ValueError("no plan")
    pool = plan.pools[index]
    d = ready.pools[pool.role]
    return {
        **_layout(pool, d, per_host),
        **_work(plan, pool, ready, d),
        **_model(ready, d),
        "index": index,
        "split": plan.serving == "disaggregated",
    }


def _layout(pool: Pool, d: Deployment, per_host: int) -> dict[str, Value]:
    at = pool.layout
    chip = d.machine.system.chip
    lies = spread(at.ranks, per_host * chip.ranks)
    return {
        "tensor": at.tensor, "pipeline": at.pipeline, "expert": at.expert, "expert_tensor": at.expert_tensor,
        "data": at.data, "context": at.context, "microbatches": at.microbatches, "host_layers": at.host_layers,
        "host_experts": at.host_experts, "world": at.tensor * at.data * at.context, "ranks": at.ranks,
        "replicas": pool.replicas, "nodes": lies.nodes, "local": lies.local, "role": pool.role,
        "chip": chip.name, "maker": chip.maker, "chip_kind": chip.kind,
        "cpu": chip.kind in ("cpu", "sbc"),
    }  # fmt: skip


def _work(plan: Plan, pool: Pool, ready: Setup, d: Deployment) -> dict[str, Value]:
    w, e = d.workload, d.engine
    longest = math.ceil((w.longest + TEMPLATE) / BLOCK) * BLOCK
    context = int(ready.model.context or 0)
    length = max(min(longest, context), math.ceil(w.longest)) if context else longest
    accepted = w.accepted_tokens_per_step
    return {
        "batch": pool.batch_per_replica,
        "in_flight": max(pool.batch_per_replica, share(plan.concurrency, pool)),
        "room_slots": _slots(pool, ready, d, length),
        "token_budget": int(e.token_budget) if math.isfinite(e.token_budget) else 0,
        "most_sequences": int(e.max_seqs) if math.isfinite(e.max_seqs) else 0,
        "memory_share": round(float(e.memory_share), 3),
        "request_tokens": length,
        "model_context": context,
        "input_tokens": round(w.input_tokens), "output_tokens": round(w.output_tokens),
        "cached": round(w.cached_input_tokens),
        "accepted": accepted,
        "draft_tokens": _drafts(ready, d, accepted),
        "weights": pool.precision.weights, "activations": pool.precision.activations, "kv": pool.precision.kv,
    }  # fmt: skip


def whole(in_flight: float) -> int:
    """Return requests in flight as a whole number that holds them; parts below a hundredth are rounding."""
    return math.ceil(round(in_flight, 2)) if math.isfinite(in_flight) else 0


def share(in_flight: float, pool: Pool) -> int:
    """Return the requests that one replica of a pool that does all must hold, prompts included."""
    return whole(in_flight / max(pool.replicas, 1)) if pool.role == "all" else 0


def _slots(pool: Pool, ready: Setup, d: Deployment, length: int) -> int:
    """Return the requests of `length` tokens that one replica can hold whole from the start [request].

    The room for KV of all ranks of a replica over one request's cache at its full length; at least one.
    """
    at = pool.memory_bytes_per_chip
    room = (at.capacity - at.weights - at.activations - at.reserved) / d.machine.system.chip.ranks * pool.layout.ranks
    held = float(ready.model.cache_bytes(float(length), d.machine.formats.kv_bits))
    return max(math.floor(room / held), 1) if held else pool.batch_per_replica


def _drafts(ready: Setup, d: Deployment, accepted: float) -> int:
    """Return tokens to draft: as measured for this model where the engine's file says so, else the fewest that can do."""
    if accepted <= 1:
        return 0
    known = [draft for model, _, draft, _, _ in d.engine.accepted if model == ready.model.name and draft + 1 > accepted]
    return min(known, default=math.ceil(accepted - 1))


def _model(ready: Setup, d: Deployment) -> dict[str, Value]:
    m = ready.model
    routed = sum(layer.count for layer in m.layers if any(b.sizes.get("experts") for b in layer.blocks))
    return {
        "layers": m.depth, "experts": int(experts(m)), "expert_layers": routed,
        "mla": not kv_heads(m), "drafts": bool(m.draft), "model": m.name,
        "stored": resolve(m, d.machine.system.chip, {}).weights,
    }  # fmt: skip
