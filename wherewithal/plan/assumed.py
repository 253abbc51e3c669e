"""What an answer rests on: inputs with their defaults, weak figures, sources, versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wherewithal import __version__, units
from wherewithal.catalog import load as catalog
from wherewithal.figure import Figure
from wherewithal.plan.answer import Answer, Assumption
from wherewithal.plan.bill import Prices
from wherewithal.plan.command import command
from wherewithal.plan.search import Counts
from wherewithal.plan.setup import Setup
from wherewithal.pricing.money import Terms

WEAK = ("estimated", "unverified", "assumed")


def pue(s: Setup) -> float:
    """Return power at the meter over power of the machines."""
    return float(s.terms.get("pue") or catalog.default("pue", s.question.catalog_dirs).value)


def prices(s: Setup) -> Prices:
    """Return where money is looked up: `--set price.rent=...` and its siblings win."""
    said = {name: value for name, value in s.terms.items() if name != "pue"}
    return Prices(Terms(**said), s.question.catalog_dirs)


def answer(s: Setup, counts: Counts, elapsed_s: float, verb: str = "plan") -> Answer:
    """Return an answer with everything filled in but its plans."""
    m, w = s.model, s.pools["decode"].workload
    return Answer(
        model={
            "name": m.name, "parameters": m.parameters, "active_parameters": m.active_parameters,
            "kv_bytes_per_token": m.kv_elements_per_token * s.pools["decode"].machine.formats.kv_bytes,
            "context": m.context, "architecture": m.architecture, "published": m.published,
        },
        system=_system(s),
        workload={
            "name": w.name, "input_tokens": w.input_tokens, "output_tokens": w.output_tokens,
            "length_spread": w.length_spread, "cached_input_tokens": w.cached_input_tokens,
            "accepted_tokens_per_step": w.accepted_tokens_per_step, "max_context": w.longest,
        },
        slo=s.goal.slo.to_dict(),
        considered=counts.considered, legal=counts.legal, fit=counts.fit, feasible=counts.feasible,
        elapsed_s=elapsed_s, best=None, frontier=(), why_not=(),
        overrides={k: {"was": old, "is": new} for k, (old, new) in s.overrides.items()},
        sources=tuple(sorted(set(_sources(s)))),
        version=__version__, catalog=catalog.stamp(), command=command(s.question, verb),
        assumptions=tuple(_assumptions(s)), notes=(*s.notes, *_not_offered(s, counts)), weak_figures=tuple(_weak(s)),
        extra={"reasons": counts.reasons}, ready=s,
    )  # fmt: skip


def _not_offered(s: Setup, counts: Counts) -> Iterator[str]:
    """Yield what the engine cannot express, with how many layouts that takes away."""
    title = s.pools["decode"].engine.title
    for text, layouts in sorted(counts.reasons.items(), key=lambda item: -item[1]):
        if text.startswith(f"{title}: "):
            yield f"not offered, {layouts:,} layouts: {text}"


def _system(s: Setup) -> dict[str, Any]:
    pools = {r: s.pools[r].machine.system for r in ("prefill", "decode")}
    if isinstance(s.chips, int):
        one = s.pools["all"].machine.system
        return {"name": one.name, "chips": s.total, "chip": one.chip.name, "label": one.label}
    names = {r: {"name": p.name, "chips": p.chips, "chip": p.chip.name} for r, p in pools.items()}
    return {"name": s.question.on, "chips": s.total, "chip": pools["decode"].chip.name, "pools": names}


def _figures(s: Setup) -> Iterator[tuple[str, Figure]]:
    seen = set()
    for d in s.pools.values():
        for owner, figures in (
            (d.machine.system.chip, d.machine.system.chip.figures),
            (d.machine.system, d.machine.system.figures),
        ):
            if owner.name in seen:
                continue
            seen.add(owner.name)
            yield from ((f"{owner.name} {path}", figure) for path, figure in figures.items())
        if d.engine.name not in seen:
            seen.add(d.engine.name)
            yield from ((f"{d.engine.title} {path}", figure) for path, figure in d.engine.figures.items())


def _used(s: Setup, path: str) -> bool:
    """Return whether a figure enters the answer: peaks only of the formats that are computed in."""
    name = path.rpartition(" ")[2]
    if not name.removeprefix("chip.").startswith("peak"):
        return True
    runs = {
        d.machine.curves.peak_name(x.arithmetic) for d in s.pools.values() for x in d.machine.formats.parts.values()
    }
    return name.rpartition(".")[2] in runs


def _sources(s: Setup) -> Iterator[str]:
    yield s.model.source
    yield from (figure.source for path, figure in _figures(s) if _used(s, path))


def _weak(s: Setup) -> Iterator[str]:
    for path, figure in _figures(s):
        if figure.known in WEAK and _used(s, path):
            yield f"{path} = {units.show(figure.value, figure.unit)} ({figure.known})"


def _assumptions(s: Setup) -> Iterator[Assumption]:
    w, d = s.pools["decode"].workload, s.pools["decode"]
    left = set(s.defaults)
    yield Assumption("input", f"{w.input_tokens:g} tokens", "input_tokens" in left)
    yield Assumption("output", f"{w.output_tokens:g} tokens", "output_tokens" in left)
    yield Assumption(
        "lengths", "exact" if not w.length_spread else f"{1 - w.length_spread:g} to 1 times", "length_spread" in left
    )
    yield Assumption("prefix cache", f"{w.cached_input_tokens:g} tokens cached", "cached_input_tokens" in left)
    yield Assumption("speculation", _speculation(w.accepted_tokens_per_step), "accepted_tokens_per_step" in left)
    yield Assumption("load", _load(s), not s.goal.offered.given)
    p = s.precisions["decode"]
    yield Assumption(
        "precision", f"weights {p.weights}, activations {p.activations}, KV {p.kv}", not s.question.precision
    )
    yield Assumption("engine", d.engine.title, s.question.engine is None)
    yield Assumption("PUE", f"{pue(s):g}", "site.pue" not in s.overrides)
    yield Assumption("context limit", f"{w.longest:g} tokens per request", s.question.max_context is None)


def _speculation(accepted: float) -> str:
    return "none" if accepted == 1 else f"{accepted:g} tokens a step"


def _load(s: Setup) -> str:
    o = s.goal.offered
    if o.kind in ("offline", "static"):
        all_at_once = "all at once" if o.kind == "offline" else "in one batch, not refilled"
        return f"{o.requests or o.concurrency:g} requests, {all_at_once}"
    if o.requests is not None:
        return f"{o.requests:g} requests, {_steady(s)}"
    return _steady(s)


def _steady(s: Setup) -> str:
    o = s.goal.offered
    if o.concurrency is not None:
        return f"{o.concurrency:g} requests in flight"
    if o.rate_per_s is not None:
        return f"{o.rate_per_s:g} requests/s"
    return "the most in flight that the service levels allow" if s.goal.slo.to_dict() else "the knee of the frontier"
