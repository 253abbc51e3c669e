"""Own output of chips: packages a year = min(dies, memory stacks, packaging), with what is left of a bank and a stock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wherewithal.fleet import products
from wherewithal.fleet.draw import Array, Draws
from wherewithal.fleet.inputs import Inputs
from wherewithal.fleet.scenario import Made
from wherewithal.fleet.stock import Calendar, Line

MONTHS = 12


@dataclass
class Output:
    """What one line of output makes: packages (draws, years), and what each limit would have allowed."""

    maker: str
    packages: Array
    limits: dict[str, Array]
    lines: list[Line]

    def binding(self) -> dict[str, Array]:
        """Return, for each limit, 1 where it is the least (draws, years) and output is not zero."""
        least = np.min(list(self.limits.values()), axis=0)
        return {name: (limit <= least).astype(float) * (self.packages > 0) for name, limit in self.limits.items()}


def made(line: Made, inputs: Inputs, draws: Draws, lines: list[Line], calendar: Calendar) -> Output:
    """Return the output of a line from its start on.

    Args:
        line: of the scenario.
        inputs: of the scenario.
        draws: the random numbers.
        lines: observed flows, which have used up some of the bank and the stock.
        calendar: of the run.
    """
    shape = (draws.count, len(calendar.years))
    out = Output(line.maker, np.zeros(shape), {name: np.full(shape, np.inf) for name in line.limits}, [])
    first = calendar.index(line.start)
    draw = _Reader(inputs, draws)
    bank = _left(draw, line, line.bank, line.bank_from, lines, calendar, "dies") if line.bank else np.zeros(draws.count)
    stock = draw(line.memory.stock) * draw(line.memory.stock_share)
    stock = np.maximum(stock - _spent(draw, line, line.memory.stock_from, lines, calendar, "stacks"), 0.0)
    for at, year in enumerate(calendar.years):
        quarters = [q for q in range(4 * at, 4 * at + 4) if q >= first]
        if not quarters:
            continue
        part = len(quarters) / 4
        dies, stacks = draw(line.dies_per_package, year), draw(line.stacks_per_package, year)
        fresh = _dies(draw, line, year) * part
        coming = draw(line.memory.made, year)
        if year <= line.memory.smuggled_until:
            coming = coming + draw(line.memory.smuggled, year)
        stock = stock + coming * draw(line.share, year) * part
        whole = 1.0 if line.package_yield is None else draw(line.package_yield, year)
        caps = {"dies": (fresh + bank) / dies * whole, "memory": stock / stacks}
        caps["packaging"] = _packaging(draw, line, year) * part
        for name in line.limits:
            out.limits[name][:, at] = caps[name]
        out.packages[:, at] = np.min([out.limits[name][:, at] for name in line.limits], axis=0)
        bank = np.maximum(bank + fresh - out.packages[:, at] * dies / whole, 0.0)
        stock = np.maximum(stock - out.packages[:, at] * stacks, 0.0)
    out.lines = _lines(line, out.packages, calendar, first)
    return out


class _Reader:
    """Draws of an input by reference."""

    def __init__(self, inputs: Inputs, draws: Draws) -> None:
        self.inputs, self.draws = inputs, draws

    def __call__(self, ref: str, year: int | None = None) -> Array:
        return np.broadcast_to(self.draws.values(self.inputs.get(ref), year), (self.draws.count,))


def _dies(draw: _Reader, line: Made, year: int) -> Array:
    """Return good dies a year: wafers x share of such chips x share of this line x gross dies x yield."""
    wafers = draw(line.wafers, year) * MONTHS * draw(line.wafer_share, year) * draw(line.share, year)
    return wafers * draw(line.gross_dies, year) * draw(line.die_yield, year)


def _packaging(draw: _Reader, line: Made, year: int) -> Array:
    """Return packages a year that packaging allows: its capacity, grown as wafers have since the year it is known for."""
    if line.packaging is None:
        return np.full(draw.draws.count, np.inf)
    given = draw.inputs.get(line.packaging)
    capacity = draw(line.packaging, year)
    base = given.points[-1].year
    if line.packaging_follows_wafers and base is not None and year > base:
        capacity = capacity * draw(line.wafers, year) / draw(line.wafers, base)
    return capacity * draw(line.share, year)


def _spent(draw: _Reader, line: Made, start: str, lines: list[Line], calendar: Calendar, what: str) -> Array:
    """Return the dies or stacks that the maker's observed output has used since a quarter."""
    total = np.zeros(draw.draws.count)
    for other in lines:
        ref = getattr(products.product(other.product, tuple(draw.inputs.dirs)).record, what)
        if other.origin == "domestic" and other.maker == line.maker and ref:
            first, last = max(calendar.index(start), 0), calendar.index(line.start)
            total += other.units[:, first : max(last, first)].sum(axis=1) * draw(ref)
    return total


def _left(draw: _Reader, line: Made, ref: str, start: str, lines: list[Line], calendar: Calendar, what: str) -> Array:
    return np.maximum(draw(ref) - _spent(draw, line, start, lines, calendar, what), 0.0)


def _lines(line: Made, packages: Array, calendar: Calendar, first: int) -> list[Line]:
    """Return packages by product and quarter: a year's output spread evenly over its quarters from the start on."""
    years = sorted(line.mix)
    found: dict[str, Array] = {}
    for at in range(max(first, 0), calendar.quarters):
        year = calendar.first + at // 4
        mix = line.mix[max((y for y in years if int(y) <= year), default=years[0])]
        quarters = len([q for q in range(4 * (at // 4), 4 * (at // 4) + 4) if q >= first])
        for product, share in mix.items():
            units = found.setdefault(product, np.zeros((len(packages), calendar.quarters)))
            units[:, at] = packages[:, at // 4] * share / quarters
    return [Line(product, line.maker, "domestic", units) for product, units in found.items()]
