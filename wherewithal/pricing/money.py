"""Dollars an hour: the rent that the public pays, or a purchase written off over years plus its power."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wherewithal.catalog import load as catalog
from wherewithal.machine.system import System
from wherewithal.pricing import offers
from wherewithal.pricing.energy import Watts
from wherewithal.pricing.offers import ON_DEMAND, Price
from wherewithal.units import number, show

_HOUR_S = 3600.0


@dataclass(frozen=True)
class Terms:
    """What a question says about price; None where it does not.

    Attributes:
        usd_per_hour: [USD/h] rent of one chip.
        purchase_usd: [USD] price of one chip with its share of the node.
        usd_per_j: [USD/J] electricity at the meter.
        write_off_s: [s] over which a purchase is written off.
    """

    usd_per_hour: float | None = None
    purchase_usd: float | None = None
    usd_per_j: float | None = None
    write_off_s: float | None = None


@dataclass(frozen=True)
class Money:
    """What chips cost an hour.

    Attributes:
        usd_per_hour: [USD/h] of all chips; None where no price is known.
        low, high: [USD/h] range that holds eight of ten prices found (all, for a purchase); None likewise.
        basis: in words: which prices, how many, their range, what is not in them.
        sources: keys of the sources.
    """

    usd_per_hour: float | None
    low: float | None
    high: float | None
    basis: str
    sources: tuple[str, ...] = ()


def cost(
    system: System, power_w: Watts | None, chips: int | None = None, dirs: catalog.Dirs = (), terms: Terms | None = None
) -> Money:
    """Return what a deployment costs an hour.

    rent = chips x median on-demand price; without one, purchase / write-off time + power x electricity; without that,
    a reserved or assumed rent, said as such. Spot prices are never used.

    Args:
        system: what is rented or bought.
        power_w: [W] of the deployment at the meter, for a purchase; None where not known.
        chips: chips in use; those of the system where None.
        dirs: user folders with `prices/`.
        terms: what the question sets.
    """
    said = terms or Terms()
    count = system.chips if chips is None else chips
    if said.usd_per_hour is not None:
        value = said.usd_per_hour * count
        return Money(value, value, value, f"{number(said.usd_per_hour)} USD/h a chip, as given")
    if said.purchase_usd is not None:
        given = Price(
            "", said.purchase_usd, said.purchase_usd, said.purchase_usd, ON_DEMAND, "", "as given", "", "", "assumed"
        )
        return _bought([given], 1.0, count, "a chip, as given", power_w, said, dirs)
    rents = _rents(system, dirs)
    public = [r for r in rents if r[0].terms == ON_DEMAND] or [r for r in rents if r[0].terms == "band"]
    if public:
        return _rented(public, count, "public on-demand prices")
    bought = _purchase(system, count, power_w, said, dirs)
    if bought is not None:
        return bought
    rest = [r for r in rents if r[0].terms in ("reserved", "assumed")]
    if rest:
        return _rented(rest, count, f"{rest[0][0].terms} prices, for want of public on-demand ones")
    sought = " or ".join(dict.fromkeys((system.name, system.chip.name)))
    return Money(None, None, None, f"no price of {sought} is in the catalog")


def per_million_tokens(usd_per_hour: float | None, tokens_per_s: float) -> float | None:
    """Return [USD] of a million tokens; None where the price is not known or nothing is produced."""
    if usd_per_hour is None or not tokens_per_s > 0:
        return None
    return usd_per_hour / _HOUR_S / tokens_per_s * 1e6


def electricity(dirs: catalog.Dirs = (), terms: Terms | None = None) -> float:
    """Return [USD/J] of electricity: what the question sets, else the catalog's default."""
    set_here = terms.usd_per_j if terms else None
    return catalog.default("electricity", dirs).value if set_here is None else set_here


def _rents(system: System, dirs: catalog.Dirs) -> list[tuple[Price, float]]:
    """Return rent prices with the chips that each pays for."""
    whole = [(p, float(system.node_chips)) for p in offers.rent(system.name, dirs)]
    return whole + [(p, 1.0) for p in offers.rent(system.chip.name, dirs)]


def _rented(found: Sequence[tuple[Price, float]], count: int, what: str) -> Money:
    each, lows, highs = (np.array([getattr(p, k) / chips for p, chips in found]) for k in ("usd", "low", "high"))
    value = float(np.median(each))
    # Eight of ten offers; one hyperscaler's list price must not set the end of an interval.
    low, high = min(value, float(np.percentile(lows, 10))), max(value, float(np.percentile(highs, 90)))
    least, most = float(lows.min()), float(highs.max())
    many = f"median of {len(found)} {what}" if len(found) > 1 else f"one of the {what}: {found[0][0].place}"
    basis = f"rent: {number(value)} USD/h a chip, {many}" + (
        f", {number(least)} to {number(most)}" if most > least else ""
    )
    return Money(value * count, low * count, high * count, basis, _sources(p for p, _ in found))


def _purchase(system: System, count: int, power_w: Watts | None, said: Terms, dirs: catalog.Dirs) -> Money | None:
    whole, single = offers.purchase(system.name, dirs), offers.purchase(system.chip.name, dirs)
    if whole:
        what = f"{system.name}, {system.node_chips} chips" if system.node_chips > 1 else system.name
        return _bought(whole, float(system.node_chips), count, what, power_w, said, dirs)
    if single:
        return _bought(single, 1.0, count, "a chip alone, server and network not in it", power_w, said, dirs)
    return None


def _bought(
    found: Sequence[Price], chips: float, count: int, what: str, power_w: Watts | None, said: Terms, dirs: catalog.Dirs
) -> Money:
    """Return a purchase as an hourly cost: price x count / chips / write-off time, and power x electricity."""
    span = said.write_off_s or catalog.default("write_off", dirs).value
    rate = electricity(dirs, said)
    price = float(np.median([p.usd for p in found]))
    ends = min(p.low for p in found), price, max(p.high for p in found)
    watts = tuple(power_w) if power_w is not None else (0.0, 0.0, 0.0)
    low, value, high = (
        (p / span * count / chips + float(w) * rate) * _HOUR_S for p, w in zip(ends, watts, strict=True)
    )
    years = show(span, "s") if span < 31557600.0 else f"{number(span / 31557600.0)} years"
    drawn = (
        f"power at {number(rate * 3.6e6)} USD/kWh"
        if power_w is not None
        else "its power, which is not known and not in it"
    )
    spread = f" ({number(ends[0])} to {number(ends[2])})" if ends[2] > ends[0] else ""
    basis = f"purchase: {number(price)} USD{spread} for {what}, over {years}, plus {drawn}"
    return Money(value, low, high, basis, _sources(found))


def _sources(found: Iterable[Price]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(p.source for p in found if p.source))
