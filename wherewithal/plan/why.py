"""Why there is no plan: which limit binds first, by how much, and the cheapest change of each kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from wherewithal import pulse, units
from wherewithal.errors import WherewithalError
from wherewithal.plan.answer import Fix, Limit, Plan
from wherewithal.plan.command import command
from wherewithal.plan.lattice import Layouts
from wherewithal.plan.levers import near, slo_words
from wherewithal.plan.outcome import Outcome, fitted, pick
from wherewithal.plan.setup import Setup, setup
from wherewithal.pricing import formats

# How often a number of chips is doubled in search of one that works, the most chips that are tried, and the rows after
# which no further change of a limit is tried (rows, not seconds: the same question has the same answer).
DOUBLINGS, MOST_CHIPS, MOST_ROWS = 5, 2048, 6_000_000


def limits(s: Setup, outcome: Outcome, shown: list[Plan]) -> tuple[Limit, ...]:
    """Return the limits that stand in the way, the one that binds first at the front, with what would lift it."""
    pulse.phase("why not")
    found = list(_limits(s, outcome, shown))
    return tuple(replace(limit, fix=(*_more_power(s, limit, shown), *_fixes(s, limit, outcome))) for limit in found)


def _limits(s: Setup, outcome: Outcome, shown: list[Plan]) -> Iterator[Limit]:
    if outcome.counts.legal == 0:
        why = "; ".join(outcome.counts.reasons) or "no degree divides its sizes"
        yield Limit("layout", 1, 0, "layouts", f"no layout of {s.model.name} is legal here: {why}")
        return
    fits = [r for r in outcome.reached if r.short_bytes <= 0]
    if not fits and all(math.isinf(r.short_bytes) for r in outcome.reached):
        text = f"{s.total} chips hold a prefill pool or a decode pool of {s.model.name}, not both"
        yield Limit("chips", 2, 1, "pools", text)
        return
    if not fits:
        yield _memory(s, min(outcome.reached, key=lambda r: r.short_bytes))
        return
    slo = s.goal.slo
    best = {"ttft": min(r.ttft_s for r in outcome.reached), "tpot": min(r.tpot_s for r in outcome.reached)}
    if shown:
        # These rows meet the TTFT under the offered load: what they reach is what counts.
        best["tpot"] = min(p.tpot_s.value for p in shown)
    bounds = (("ttft", slo.ttft), ("tpot", slo.tpot))
    missed = [name for name, bound in bounds if bound and best[name] > bound.limit_s]
    for name, bound in bounds:
        if bound and best[name] > bound.limit_s and math.isfinite(best[name]):
            text = (
                f"{name.upper()} is {units.show(best[name], 's')} at its best, above {units.show(bound.limit_s, 's')}"
            )
            yield Limit(name, best[name], bound.limit_s, "s", text)
    limit = s.question.power_limit_w
    if limit is not None and not missed:
        yield _power(s, limit, shown)
    elif not shown and s.goal.offered.given:
        rate = max((r.rate for r in outcome.reached), default=0.0)
        text = f"the load is more than {s.total} chips carry under the service levels (at most {rate * s.total:.3g} tokens/s)"
        yield Limit(
            "load",
            float(s.goal.offered.rate_per_s or s.goal.offered.concurrency or 0),
            rate * s.total,
            "tokens_per_s",
            text,
        )
    elif slo.ttft and slo.tpot and not missed:
        yield Limit(
            "both", 1, 0, "layouts",
            f"TTFT {units.show(best['ttft'], 's')} and TPOT {units.show(best['tpot'], 's')} are each reached, not together",
        )  # fmt: skip


def _power(s: Setup, limit: float, shown: list[Plan]) -> Limit:
    """Return the limit of power: what the thriftiest plan draws, or that it is not known."""
    known = [p.power_w.value for p in shown if p.power_w]
    name = s.pools["decode"].machine.system.name
    if not known:
        return Limit("power", math.nan, limit, "w", f"what {name} draws is not known, so no limit can be kept")
    least = min(known)
    text = f"power is {units.show(least, 'w')} at the least, even with chips left dark; the limit is {units.show(limit, 'w')}"
    return Limit("power", least, limit, "w", text)


def _memory(s: Setup, gap: Any) -> Limit:
    ranks = s.pools["decode"].machine.system.chip.ranks
    needed, room = gap.needed_bytes * ranks, gap.room_bytes * ranks
    chip = s.pools["decode"].machine.system.chip
    text = (
        f"{s.model.name} needs {units.show(needed, 'bytes')} per chip in its roomiest layout (weights, one longest "
        f"request, working memory); {units.show(max(room, 0.0), 'bytes')} of a {chip.name} are free for it, short by "
        f"{units.show(gap.short_bytes * ranks, 'bytes')}"
    )
    return Limit("memory", needed, room, "bytes", text)


def _more_power(s: Setup, limit: Limit, shown: list[Plan]) -> Iterator[Fix]:
    """Yield the lowest power limit, in steps of 100 W, that the thriftiest plan found stays within."""
    drawing = [p for p in shown if p.power_w is not None and p.power_w.value == limit.needed]
    if limit.limit != "power" or not drawing:
        return
    watts = math.ceil(limit.needed / 100.0) * 100.0
    pace = units.show(drawing[0].tpot_s.value, "s", 2)
    result = f"{units.show(drawing[0].output_tokens_per_s.value, 'tokens_per_s')} at {pace} a token"
    yield Fix(f"a limit of {units.show(watts, 'w')}", command(s.question, power_limit_w=watts), result)


def _fixes(s: Setup, limit: Limit, outcome: Outcome) -> Iterator[Fix]:
    """Yield the cheapest change of each kind that works, with the command that asks it and what one then gets."""
    q = s.question
    tries: list[list[tuple[str, dict[str, Any]]]] = []
    if limit.limit in ("memory", "tpot", "ttft", "both"):
        tries.append(list(_lower_weights(s)))
    if limit.limit == "memory":
        tries.append([("shorter requests", {"input_tokens": n}) for n in _shorter(s)])
        if not q.offload and s.pools["decode"].machine.system.host and isinstance(s.chips, int):
            tries.append([("layers on the host", {"offload": True})])
    if limit.limit in ("ttft", "tpot", "both"):
        tries.append(list(_looser(s, outcome, limit)))
    looked_at = 0
    if limit.limit in ("memory", "tpot", "ttft", "load", "both", "layout", "chips"):
        tries.insert(0 if limit.limit in ("memory", "load", "chips") else len(tries), list(_more_chips(s)))
    tries.sort(key=lambda kind: not any("slo" in changes for _, changes in kind))
    for kind in tries:
        for text, changes in kind:
            if looked_at > MOST_ROWS:
                break
            pulse.phase("why not")
            only = near(outcome.found) if "slo" in changes and outcome.found else None
            result, rows = _result(s, changes, only)
            looked_at += rows
            if result:
                yield Fix(text, command(q, **changes), result)
                break


def _more_chips(s: Setup) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(s.chips, int):
        return
    system = s.pools["all"].machine.system
    if not system.tiers or (len(system.tiers) == 1 and system.tiers[0].chips <= s.chips):
        return
    name = s.question.on.partition(":")[0]
    for n in range(1, DOUBLINGS + 1):
        chips = s.chips * 2**n
        if chips > max(MOST_CHIPS, 2 * s.chips):
            return
        yield f"{chips} chips", {"on": f"{name}:{chips}"}


def _lower_weights(s: Setup) -> Iterator[tuple[str, dict[str, Any]]]:
    now = formats.find(s.precisions["decode"].weights).bits
    for name in ("fp8", "int8", "int4", "q4_k_m"):
        if formats.find(name).bits < now * 0.75:
            yield f"{name} weights", {"precision": {**s.question.precision, "weights": name}}


def _shorter(s: Setup) -> Iterator[float]:
    tokens = s.pools["decode"].workload.input_tokens
    while tokens >= 512:
        tokens = float(int(tokens / 2))
        yield tokens


def _looser(s: Setup, outcome: Outcome, limit: Limit) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield service levels: the missed one at what is reached, then all a little above (the best of each rarely come together)."""
    slo = s.goal.slo
    if limit.limit in ("ttft", "tpot"):
        words = slo_words(s, **{limit.limit: limit.needed})
        yield f"--slo {','.join(words)}", {"slo": ",".join(words)}
    best = {"ttft": min(r.ttft_s for r in outcome.reached), "tpot": min(r.tpot_s for r in outcome.reached)}
    for factor in (1.02, 1.2, 1.5, 2.0, 3.0):
        changed = {
            name: max(bound.limit_s, best[name] * factor)
            for name, bound in (("ttft", slo.ttft), ("tpot", slo.tpot))
            if bound and math.isfinite(best[name])
        }
        words = slo_words(s, **changed)
        yield f"--slo {','.join(words)}", {"slo": ",".join(words)}


def _result(s: Setup, changes: dict[str, Any], only: Layouts | None) -> tuple[str, int]:
    """Return in words what a changed question gets (empty where it gets nothing), and the rows looked at for it.

    Other service levels are searched near the frontier that was found (`only`), anything else over all layouts.
    """
    try:
        changed = setup(replace(s.question, **changes))
    except WherewithalError:
        return "", 0
    changed, outcome = fitted(changed, only)
    picked = pick(changed, outcome)
    rows = outcome.counts.considered
    if picked.best is None:
        return "", rows
    tokens = float(picked.rate[picked.best]) * changed.total
    pace = units.show(float(picked.tpot_s[picked.best]), "s", 2)
    return f"{units.show(tokens, 'tokens_per_s')} at {pace} a token", rows
