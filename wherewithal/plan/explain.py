"""Where a step goes: the engine's own terms on one row, line by line."""

from __future__ import annotations

from collections.abc import Iterable

from wherewithal import pulse
from wherewithal.axes.pipeline import unevenness
from wherewithal.axes.split import Split
from wherewithal.engine import Step, Term, crossing, on_host, seconds, terms
from wherewithal.model.op import Load, Op
from wherewithal.plan.answer import OperatorRow
from wherewithal.plan.steady import Deployment
from wherewithal.pricing.collective import crossed, traffic
from wherewithal.pricing.evidence import weakest

# An operator below this share of a step does not weaken the evidence of the whole.
COUNTS_FROM = 0.01


def operators(d: Deployment, split: Split, load: Load, host_s: float) -> tuple[OperatorRow, ...]:
    """Return the operators of one step, longest first; their seconds add up to the step with its host work.

    What two micro-batches hide is taken from the collectives (and, where these last longer, from the kernels), each in
    proportion to its time.

    Args:
        d: the deployment.
        split: degrees of one replica, plain floats.
        load: of one attention group and micro-batch, plain floats.
        host_s: [s] of a step that the device waits for the host.
    """
    pulse.beat()
    priced = [_priced(d, split, term) for term in terms(d.model, split, load, d.machine.formats)]
    moved = float(crossing(d.model, split, load, d.machine))
    if moved:
        priced.append((Term("host.link", 1.0, Op("link", "send", over="host"), True), moved, 0.0))
    kernels = sum(took for term, took, _ in priced if not term.network)
    network = sum(took for term, took, _ in priced if term.network)
    hidden = min(kernels, network) if split.microbatches > 1 else 0.0
    scale = float(split.microbatches * unevenness(d.model.depth, split))
    exposed = 1.0 - hidden / network if network else 1.0
    total = scale * (kernels + network - hidden) + host_s
    rows = [_row(d, split, term, (took, wire), (scale, exposed), total) for term, took, wire in priced]
    if host_s > 0:
        rows.append(OperatorRow("host", 1.0, 0.0, 0.0, 0.0, host_s, "host", host_s / total, ""))
    return tuple(sorted((r for r in rows if r.seconds > 0 or r.hidden_s > 0), key=lambda r: (-r.seconds, r.name)))


def _priced(d: Deployment, split: Split, term: Term) -> tuple[Term, float, float]:
    if term.network:
        sent = traffic(term.op, split, d.machine.tiers, d.machine.curves)
        return term, float(term.times * sent.seconds), float(term.times * sent.wire)
    here, there = seconds(term, split, d.model.depth, d.machine)
    return term, float(term.times * (here + there)), 0.0


def _row(
    d: Deployment, split: Split, term: Term, priced: tuple[float, float], scales: tuple[float, float], total: float
) -> OperatorRow:
    scale, exposed = scales
    took, wire = priced[0] * scale, priced[1] * scale
    times = float(term.times) * scale
    shown = took * exposed if term.network else took
    return OperatorRow(
        name=term.name,
        count=times * float(term.op.calls),
        flops=times * float(term.op.flops),
        bytes=times * float(term.op.bytes),
        network_bytes=wire,
        seconds=shown,
        bound="network" if term.network else _bound(d, split, term),
        share=shown / total if total else 0.0,
        evidence=evidence_of(d, split, term),
        hidden_s=took - shown,
    )


def _bound(d: Deployment, split: Split, term: Term) -> str:
    here, there = seconds(term, split, d.model.depth, d.machine)
    if there > here:
        return "host"
    parts = {k: float(v) for k, v in d.machine.curves.parts(term.op).items()}
    return max(parts, key=lambda k: parts[k])


def evidence_of(d: Deployment, split: Split, term: Term) -> str:
    """Return the evidence of the curve that prices a term; a collective's is the weakest over the tiers it crosses."""
    if not term.network:
        own = d.machine.curves.evidence(term.op)
        if d.machine.host is None or not on_host(term.place, split, d.model.depth):
            return own
        return weakest([own, d.machine.host.evidence(term.op._replace(format="bf16"))])
    found = [
        d.machine.curves.collective(term.op.kind, level.name).evidence
        for level in crossed(term.op, split, d.machine.tiers)
    ]
    return weakest(found) if found else ""


def evidence(rows: Iterable[OperatorRow]) -> str:
    """Return the weakest evidence among operators that matter (at least a hundredth of the step)."""
    return weakest([r.evidence for r in rows if r.evidence and r.share >= COUNTS_FROM])


def bound(step: Step, host_s: float) -> str:
    """Return what a step mostly waits for: compute, memory, network, launch or host, and its share in percent.

    Kernels count as compute or memory, whichever would be the limit without losses; what is left of them is launches.
    """
    exposed = float(step.network) - float(step.hidden)
    total = float(step.seconds) + host_s
    kernels = "compute" if step.compute >= step.memory else "memory"
    parts = {kernels: float(step.kernels - step.host), "network": exposed, "host": host_s + float(step.host)}
    first = max(parts, key=lambda k: parts[k])
    return f"{first} {100 * parts[first] / total:.0f}%"
