"""What would change the best plan most: the same search near the frontier, with one thing changed at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from wherewithal import pulse
from wherewithal.errors import WherewithalError
from wherewithal.plan.answer import Lever, Plan
from wherewithal.plan.command import command, duration
from wherewithal.plan.lattice import NAMES, Layouts
from wherewithal.plan.outcome import Outcome, fitted, pick
from wherewithal.plan.search import Found
from wherewithal.plan.setup import Question, Setup, setup
from wherewithal.pricing import formats

# Layouts that a changed question is searched over, and levers that are shown.
NEAR, SHOWN = 96, 3


def near(found: list[Found], most: int = NEAR) -> Layouts:
    """Return the layouts of a frontier, each once, evenly thinned."""
    parts = [x for f in found for x in (f.layouts, f.prefill_layouts) if x is not None]
    table = np.unique(np.concatenate([np.stack([p.columns[n] for n in NAMES], axis=1) for p in parts]), axis=0)
    at = np.unique(np.rint(np.linspace(0, len(table) - 1, min(most, len(table)))).astype(int))
    return Layouts({n: np.ascontiguousarray(table[at, i]) for i, n in enumerate(NAMES)})


def levers(s: Setup, outcome: Outcome, best: Plan, asked: Question) -> tuple[Lever, ...]:
    """Return the changes that move tokens per second most, largest first, and the largest doubt.

    Args:
        s: the question as it was answered.
        outcome: what its search found.
        best: its best plan; without a limit on TPOT, changed questions answer at its pace or faster.
        asked: the question as it was asked, whose command the changes are shown in.
    """
    only = near(outcome.found)
    tried = []
    for text, changes in _changes(s):
        pulse.phase("levers")
        rate = _rate(s, changes, only, best.tpot_s.value)
        if rate is not None:
            effect = rate / best.output_tokens_per_s.value - 1.0
            if effect < 0 and "slo" not in changes:
                continue  # a format or a draft head that slows this plan down is no lever
            tried.append(Lever(text, effect, command(asked, **changes)))
    tried.sort(key=lambda v: (-abs(v.effect or 0.0), v.change))
    return (*(v for v in tried[:SHOWN] if abs(v.effect or 0.0) >= 0.005), *_doubt(best))


def _changes(s: Setup) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (in words, changed fields of the question) of what a user can turn."""
    q, precision = s.question, s.precisions["decode"]
    for part, held, others in (("kv", precision.kv, ("fp8", "int8")), ("weights", precision.weights, ("int4", "fp8"))):
        now = formats.find(held).bits
        for other in others:
            if formats.find(other).bits < now * 0.75:
                yield (
                    f"{other} {'KV cache' if part == 'kv' else 'weights'}",
                    {"precision": {**q.precision, part: other}},
                )
                break
    slo = s.goal.slo
    if slo.tpot:
        for factor in (0.6, 1.5):
            limit = slo.tpot.limit_s * factor
            changed = ",".join(slo_words(s, tpot=limit))
            yield f"TPOT {duration(limit)} instead", {"slo": changed}
    if slo.ttft:
        limit = slo.ttft.limit_s * 2
        yield f"TTFT {duration(limit)} instead", {"slo": ",".join(slo_words(s, ttft=limit))}
    if (
        s.model.draft
        and s.pools["decode"].workload.accepted_tokens_per_step == 1
        and s.pools["decode"].engine.speculation
    ):
        yield "its own draft head, 1.7 tokens a step", {"accepted_tokens_per_step": 1.7}


def slo_words(s: Setup, **changed: float) -> list[str]:
    """Return the service levels of a question as options take them, some limits [s] changed."""
    out = []
    for name, bound in (("ttft", s.goal.slo.ttft), ("tpot", s.goal.slo.tpot)):
        if bound:
            statistic = "" if bound.statistic == "mean" else f".{bound.statistic}"
            out.append(f"{name}{statistic}={duration(changed.get(name, bound.limit_s))}")
    return out


def _rate(s: Setup, changes: dict[str, Any], only: Layouts, pace_s: float) -> float | None:
    """Return tokens per second of the best plan of a changed question [token/s]; None where it cannot be asked.

    Without a limit on TPOT both answers stand at the same pace, so that a knee that moves does not count as a gain.
    """
    try:
        changed = setup(replace(s.question, **changes))
    except WherewithalError:
        return None
    changed, outcome = fitted(changed, only)
    picked = pick(changed, outcome)
    if picked.best is None:
        return None
    if changed.goal.slo.tpot is None and not changed.goal.offered.given:
        as_quick = picked.rate[picked.tpot_s <= pace_s * (1.0 + 1e-9)]
        return float(as_quick[-1]) * changed.total if len(as_quick) else None
    return float(picked.rate[picked.best]) * changed.total


def _doubt(best: Plan) -> Iterator[Lever]:
    """Yield the operator whose curve is least sure where it costs most: share times weakness of its evidence."""
    weight = {"measured": 0.0, "analog": 1.0, "datasheet": 2.0}
    rows = [
        (r.share * weight.get(r.evidence, 0.0), r.name, pool.role, r) for pool in best.pools for r in pool.operators
    ]
    worst = max(rows, default=None, key=lambda x: x[:3])
    if worst and worst[0] > 0 and math.isfinite(worst[0]):
        row = worst[3]
        share = f"{100 * row.share:.0f}% of a {worst[2] if worst[2] != 'all' else 'decode'} step"
        yield Lever("biggest doubt", None, "", f"{row.name}, {share}, rests on {row.evidence} curves")
