"""The verb `compare`: the best plan on each system side by side, and what would flip the order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from wherewithal import pulse, units
from wherewithal.errors import InputError, WherewithalError
from wherewithal.plan.answer import Answer, Comparison, Flip, Interval, Measure, Plan
from wherewithal.plan.command import command
from wherewithal.plan.lattice import Layouts
from wherewithal.plan.levers import near
from wherewithal.plan.outcome import Progress, fitted, pick
from wherewithal.plan.serve import plan
from wherewithal.plan.setup import Question, setup

# Name of the measure at which all systems answer at the same pace.
EQUAL = "tokens per s per chip at {} a token"
# Factors at which a figure of the question is tried for a change of order.
FACTORS = 2.0 ** np.arange(-4, 5)


def _exact(value: float | None) -> Interval | None:
    return None if value is None else Interval(value, value, value)


MEASURES: tuple[tuple[str, str, str, Callable[[Plan], Interval | None]], ...] = (
    ("output tokens per s", "tokens_per_s", "high", lambda p: p.output_tokens_per_s),
    ("output tokens per s per chip", "tokens_per_s", "high", lambda p: p.output_tokens_per_s_per_chip),
    ("tokens per s per user", "tokens_per_s", "high", lambda p: _exact(p.tokens_per_s_per_user)),
    ("time to first token", "s", "low", lambda p: Interval(p.ttft_s.value, p.ttft_s.low, p.ttft_s.high)),
    ("time per output token", "s", "low", lambda p: Interval(p.tpot_s.value, p.tpot_s.low, p.tpot_s.high)),
    ("requests in flight", "1", "high", lambda p: _exact(p.concurrency)),
    ("power", "w", "low", lambda p: p.power_w),
    ("energy per output token", "j", "low", lambda p: p.joules_per_output_token),
    ("cost per hour", "usd_per_h", "low", lambda p: _exact(p.usd_per_hour)),
    ("cost per million output tokens", "usd", "low", lambda p: p.usd_per_million_output_tokens),
)


def compare(questions: list[Question], progress: Progress = None) -> Comparison:
    """Return the best plan of every question side by side.

    Raises:
        InputError: fewer than two systems, or anything that a question cannot be asked with.
    """
    if len(questions) < 2:
        raise InputError("--on", f"{len(questions)} system", "compare takes two or more, such as --on A B")
    start = time.perf_counter()
    answers = [plan(q, progress) for q in questions]
    pulse.phase("flips")
    names = tuple(q.on for q in questions)
    rows = tuple(_measures(answers))
    first = questions[0]
    return Comparison(
        systems=names, answers=tuple(answers), rows=rows, flips=tuple(_flips(questions, answers)),
        assumptions=answers[0].assumptions, notes=tuple(dict.fromkeys([*_price_notes(answers, names), *(n for a in answers for n in a.notes)])),
        elapsed_s=time.perf_counter() - start, command=command(first, "compare", names),
    )  # fmt: skip


def _measures(answers: list[Answer]) -> Iterator[Measure]:
    for name, unit, better, get in MEASURES:
        values = tuple(None if a.best is None else get(a.best) for a in answers)
        known = [(v.value, i) for i, v in enumerate(values) if v is not None]
        money = unit.startswith("usd")
        told = bool(known) and not (money and len(_bases(answers)) > 1)
        winner = (max if better == "high" else min)(known)[1] if told else None
        yield Measure(name, unit, better, values, winner)
    equal = _equal_speed(answers)
    if equal:
        yield equal


def _equal_speed(answers: list[Answer]) -> Measure | None:
    """Return tokens/s per chip where every system answers at the pace of the slowest: the only fair order of speeds.

    Each system's best plan may sit at another point of its own trade-off; here all stand at the largest TPOT of them.
    """
    slowest = max((a.best.tpot_s.value for a in answers if a.best), default=0.0)
    values = tuple(_fastest(a, slowest) for a in answers)
    known = [(v.value, i) for i, v in enumerate(values) if v is not None]
    if len(known) < 2:
        return None
    return Measure(EQUAL.format(units.show(slowest, "s", 2)), "tokens_per_s", "high", values, max(known)[1])


def _fastest(a: Answer, limit_s: float) -> Interval | None:
    """Return the highest tokens/s per chip of a frontier at or below a time per token."""
    fits = [p.output_tokens_per_s_per_chip for p in a.frontier if p.tpot_s.value <= limit_s * (1 + 1e-9)]
    return max(fits, key=lambda v: v.value, default=None)


def _bases(answers: list[Answer]) -> set[str]:
    """Return the kinds of price that answers rest on (rent, purchase): dollars of different kinds are not compared."""
    return {a.best.price_basis.partition(":")[0] for a in answers if a.best and a.best.usd_per_hour is not None}


def _price_notes(answers: list[Answer], names: tuple[str, ...]) -> Iterator[str]:
    for name, a in zip(names, answers, strict=True):
        if a.best:
            yield f"price of {name}: {a.best.price_basis}"
    if len(_bases(answers)) > 1:
        yield "prices of different kinds (rent, purchase) are not compared: set them alike with --set price.rent=..."


class _Side(NamedTuple):
    """A system that has an answer: its number, question, best plan, layouts near its frontier, and that frontier."""

    number: int
    question: Question
    plan: Plan
    near: Layouts
    tpot: Any
    rate: Any


def _flips(questions: list[Question], answers: list[Answer]) -> Iterator[Flip]:
    """Yield where the order by cost (by speed per chip where no prices are known) changes, between the first two."""
    sides = [_side(i, q, a.best) for i, (q, a) in enumerate(zip(questions, answers, strict=True)) if a.best]
    if len(sides) < 2:
        return
    priced = [x for x in sides if x.plan.usd_per_million_output_tokens]
    by_cost = len(priced) >= 2 and len(_bases(answers)) == 1
    ranked = sorted(priced if by_cost else sides, key=lambda x: _merit(x.plan, by_cost), reverse=True)
    first, second = ranked[:2]
    if by_cost:
        yield _price_flip(first, second)
    yield from _pace_flips(first, second)
    what = "cost per token" if by_cost else "tokens/s per chip"
    for field_name, text in (("input_tokens", "input length"), ("output_tokens", "output length")):
        yield _length_flip(first, second, field_name, text, what)
    if first.plan.output_tokens_per_s_per_chip.value < second.plan.output_tokens_per_s_per_chip.value and by_cost:
        ratio = second.plan.output_tokens_per_s_per_chip.value / first.plan.output_tokens_per_s_per_chip.value
        text = f"by tokens/s per chip {second.question.on} already leads, {ratio:.2g} times"
        yield Flip("per chip instead of per dollar", first.question.on, second.question.on, None, "", text)


def _pace_flips(first: _Side, second: _Side) -> Iterator[Flip]:
    """Yield the time per token at which the order by tokens/s per chip changes along both frontiers."""
    low = max(first.tpot[0], second.tpot[0])
    high = min(first.tpot[-1], second.tpot[-1])
    if not low < high:
        return
    grid = np.geomspace(low, high, 64)
    gap = np.log(_along(first, grid) / _along(second, grid))
    for i in np.flatnonzero(np.diff(np.sign(gap)) != 0)[:2]:
        at = float(np.sqrt(grid[i] * grid[i + 1]))
        leads, before = (first, second) if gap[i + 1] > 0 else (second, first)
        text = (
            f"above {units.show(at, 's', 2)} a token {leads.question.on} gives more tokens/s per chip, "
            f"below it {before.question.on}"
        )
        yield Flip("time per token", first.question.on, second.question.on, at, "s", text)


def _along(side: _Side, tpot: Any) -> Any:
    """Return tokens/s per chip of a frontier at times per token [s]."""
    return side.rate[np.searchsorted(side.tpot, tpot, side="right") - 1]


def _side(number: int, q: Question, best: Plan) -> _Side:
    pulse.phase("flips")
    ready, outcome = fitted(setup(q))
    picked = pick(ready, outcome)
    return _Side(number, q, best, near(outcome.found), picked.tpot_s, picked.rate)


def _merit(plan: Plan, by_cost: bool) -> float:
    cost = plan.usd_per_million_output_tokens
    return -cost.value if by_cost and cost else plan.output_tokens_per_s_per_chip.value


def _price_flip(first: _Side, second: _Side) -> Flip:
    """Return the price per chip at which the second costs what the first does (its dollars are in proportion to it)."""
    a, b = first.plan.usd_per_million_output_tokens, second.plan.usd_per_million_output_tokens
    hourly = (second.plan.usd_per_hour or 0.0) / second.plan.chips
    at = hourly * (a.value / b.value if a and b else 1.0)
    text = (
        f"{second.question.on} costs what {first.question.on} does at {units.show(at, 'usd_per_h')} per chip "
        f"(now {units.show(hourly, 'usd_per_h')})"
    )
    return Flip("chip price", first.question.on, second.question.on, at, "usd_per_h", text)


def _length_flip(first: _Side, second: _Side, name: str, text: str, what: str) -> Flip:
    """Return the length of input or output at which the second overtakes, searched near both frontiers."""
    base = getattr(setup(first.question).pools["decode"].workload, name)
    cost = "cost" in what
    ratios, tried = [], []
    for factor in FACTORS:
        pulse.phase("flips")
        value = float(max(round(base * factor), 2))
        a, b = (_speed(x, {name: value}) for x in (first, second))
        if a and b:
            tried.append(value)
            ratios.append(np.log(_per_dollar(first, a, cost) / _per_dollar(second, b, cost)))
    at = _crossing(np.array(tried), np.array(ratios), base)
    if at is None:
        span = f"{units.show(tried[0], 'tokens')} to {units.show(tried[-1], 'tokens')}" if tried else "any length tried"
        return Flip(
            text,
            first.question.on,
            second.question.on,
            None,
            "tokens",
            f"no {text} from {span} changes the order by {what}",
        )
    said = (
        f"at about {units.show(at, 'tokens', 2)} of {text} {second.question.on} overtakes {first.question.on} by {what}"
    )
    return Flip(text, first.question.on, second.question.on, at, "tokens", said)


def _per_dollar(side: _Side, rate: float, cost: bool) -> float:
    return rate / (side.plan.usd_per_hour or 1.0) if cost else rate / side.plan.chips


def _speed(side: _Side, changes: dict[str, Any]) -> float | None:
    """Return tokens per second of the best plan near a frontier under a changed question [token/s]."""
    try:
        changed = setup(replace(side.question, **changes))
    except WherewithalError:
        return None
    picked = pick(*fitted(changed, side.near))
    return None if picked.best is None else float(picked.rate[picked.best]) * changed.total


def _crossing(at: Any, ratio: Any, base: float) -> float | None:
    """Return the value nearest to `base` at which a log ratio changes its sign, between tried values in logarithms."""
    signs = np.flatnonzero(np.diff(np.sign(ratio)) != 0)
    if not len(signs):
        return None
    found = []
    for i in signs:
        part = ratio[i] / (ratio[i] - ratio[i + 1])
        found.append(float(np.exp(np.log(at[i]) * (1 - part) + np.log(at[i + 1]) * part)))
    return min(found, key=lambda v: abs(np.log(v / base)))
