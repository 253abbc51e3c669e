"""What a deployment draws and costs: pools added up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wherewithal.machine.system import System
from wherewithal.plan.answer import Interval, Pool
from wherewithal.pricing.energy import Watts, joules_per_token, power
from wherewithal.pricing.money import Money, Terms, cost


class Use(NamedTuple):
    """A pool at work: the pool, its system, the shares of a step in which compute and memory are in full use."""

    pool: Pool
    system: System
    compute: float
    memory: float
    busy: float = 1.0


class Prices(NamedTuple):
    """Where money is looked up: what the question sets, and the user's own catalog folders."""

    terms: Terms
    dirs: Sequence[Path] = ()


class Bill(NamedTuple):
    """Power [W], energy [J] and money [USD] of a deployment; None where a figure that they rest on is not known."""

    power_w: Interval | None
    joules_per_output_token: Interval | None
    usd_per_hour: float | None
    usd_per_million: Interval | None
    basis: str
    notes: tuple[str, ...]


def bill(
    pools: Sequence[Use], idle: Sequence[tuple[System, int]], pue: float, prices: Prices, tokens: Interval
) -> Bill:
    """Return what pools draw and cost together; chips of the question that no replica uses are paid for and idle.

    Args:
        pools: the pools at work.
        idle: (system, chips) that stand unused.
        pue: power at the meter over power of the machines.
        prices: where money is looked up.
        tokens: [token/s] that the deployment makes.
    """
    watts = [_watts(u.system, u.pool.chips, u.compute, u.memory, u.busy, pue) for u in pools]
    watts += [_watts(system, chips, 0.0, 0.0, 0.0, pue) for system, chips in idle if chips]
    total = _sum(watts)
    paid = _paid([(u.system, u.pool.chips) for u in pools] + list(idle), total, prices)
    joules = joules_per_token(total, tokens.value)
    return Bill(
        _interval(total), _interval(joules), paid.usd_per_hour, _per_million(paid, tokens), paid.basis, paid.notes
    )


def _watts(system: System, chips: int, compute: float, memory: float, busy: float, pue: float) -> Watts | None:
    one = power(system.chip.power_w, system.node_power_w, system.node_chips, compute, memory, pue, busy)
    return None if one is None else one.times(chips)


def _sum(parts: list[Watts | None]) -> Watts | None:
    total: Watts | None = None
    for part in parts:
        if part is None:
            return None
        total = part if total is None else total.plus(part)
    return total


def _interval(watts: Watts | None) -> Interval | None:
    return None if watts is None else Interval(float(watts.value), float(watts.low), float(watts.high))


class _Paid(NamedTuple):
    usd_per_hour: float | None
    low: float
    high: float
    basis: str
    notes: tuple[str, ...]


def _paid(chips: Sequence[tuple[System, int]], watts: Watts | None, prices: Prices) -> _Paid:
    """Return the sum of what the chips of each system cost an hour."""
    by_system: dict[str, list[Any]] = {}
    for system, count in chips:
        by_system.setdefault(system.name, [system, 0])[1] += count
    whole = sum(count for _, count in by_system.values())
    parts: list[Money] = []
    for system, count in by_system.values():
        share = None if watts is None else watts.times(count / whole)
        parts.append(cost(system, share, count, prices.dirs, prices.terms))
    if any(p.usd_per_hour is None for p in parts):
        reasons = tuple(p.basis for p in parts if p.usd_per_hour is None)
        return _Paid(None, 0.0, 0.0, "; ".join(dict.fromkeys(reasons)), ())
    basis = "; ".join(dict.fromkeys(p.basis for p in parts))
    sums = [sum(float(getattr(p, end) or 0.0) for p in parts) for end in ("usd_per_hour", "low", "high")]
    return _Paid(sums[0], sums[1], sums[2], basis, ())


def _per_million(paid: _Paid, tokens: Interval) -> Interval | None:
    """Return USD per million output tokens: hourly cost over tokens an hour, the ends at their worst."""
    if paid.usd_per_hour is None or tokens.value <= 0:
        return None
    scale = 1e6 / 3600.0
    return Interval(
        paid.usd_per_hour * scale / tokens.value,
        paid.low * scale / tokens.high,
        paid.high * scale / max(tokens.low, 1e-12),
    )
