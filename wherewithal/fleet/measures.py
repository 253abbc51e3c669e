"""From cohorts to figures by year: units, H100-equivalents on named measures, shares, power, energy, money, work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wherewithal.fleet import products
from wherewithal.fleet.draw import Array, Draws
from wherewithal.fleet.inputs import Input, Inputs, Point
from wherewithal.fleet.scenario import Grid, Own
from wherewithal.fleet.stock import Cohorts, Line, standing, yearly

HOURS = 8760.0
SECONDS = HOURS * 3600
ORIGINS = ("domestic", "imported", "smuggled")
UNITS = {
    "Units": "chips", products.EIGHT: "H100e", products.SIXTEEN: "H100e", products.BANDWIDTH: "B/s",
    products.MEMORY: "B", "Value": "USD",
}  # fmt: skip
Keep = Callable[[str, str, Array], None]


class Worth:
    """What one chip of each product is worth, on draws."""

    def __init__(self, inputs: Inputs, draws: Draws) -> None:
        self.inputs, self.draws, self.dirs = inputs, draws, tuple(inputs.dirs)

    def measure(self, product: str, measure: str) -> Array | None:
        """Return a measure of one chip (draws or 1,); None where it is not known."""
        if measure == "Units":
            return np.ones(1)
        ends = products.product(product, self.dirs).measures[measure]
        if ends is None:
            return None
        low, value, high = ends
        point = Point(None, value, low, high)
        said = ("", "derived", "chips of the catalog that the product may be")
        return self.draws.values(Input(f"worth | {product} {measure}", "uniform", "min-max", (point,), *said))

    def power(self, product: str) -> Array | None:
        """Return the rated IT power of one chip [W] (draws or 1,), network and head nodes in it; None where not known."""
        made = products.product(product, self.dirs)
        if made.record.it_power:
            return self.draws.values(self.inputs.get(made.record.it_power))
        own = made.record.assumed.get("power")
        watts = own.value if own is not None else made.power_w
        if watts is None:
            return None
        return watts * self.draws.values(self.inputs.get(self.inputs.scenario.power.overhead))

    def price(self, product: str, year: int) -> Array | None:
        """Return the price of one chip [USD] in a year, carried on after the last known one with the scenario's decline."""
        said = products.product(product, self.dirs).record.price
        if not said:
            return None
        given = _own_price(product, said) if isinstance(said, Own) else self.inputs.get(said)
        last = max((p.year for p in given.points if p.year is not None), default=None)
        value = self.draws.values(given, year)
        if last is not None and year > last:
            decline = self.draws.values(self.inputs.get(self.inputs.scenario.price_decline))
            value = value * np.power(1 + decline, year - last)
        return value


def _own_price(product: str, own: Own) -> Input:
    point = Point(None, own.value, own.low, own.high)
    return Input(f"price | {product}", own.shape, own.level, (point,), own.unit, "assumed", own.reason)


def flows_and_stocks(cohorts: Cohorts, worth: Worth, keep: Keep) -> None:
    """Keep flows a year and stocks at its end, by origin and on every measure, and the domestic share on each."""
    calendar = cohorts.calendar
    shape = (worth.draws.count, len(calendar.years))
    for measure in ("Units", *products.MEASURES, "Value"):
        name = "Bytes" if measure == products.MEMORY else measure
        sums = {(kind, origin): np.zeros(shape) for kind in ("Flow", "Stock") for origin in ORIGINS}
        for line in cohorts.lines:
            flow = yearly(line.units, calendar)
            if measure == "Value":
                sums[("Flow", line.origin)] += _value(line, flow, worth, calendar.years)
                continue
            each = worth.measure(line.product, measure)
            if each is None:
                continue
            sums[("Flow", line.origin)] += flow * each[:, None]
            scarce = products.product(line.product, worth.dirs).record.scarce
            sums[("Stock", line.origin)] += standing(line.units, cohorts.survival[scarce], calendar) * each[:, None]
        for kind in ("Flow",) if measure == "Value" else ("Flow", "Stock"):
            parts = {origin: sums[(kind, origin)] for origin in ORIGINS}
            _keep_parts(kind, f"HBM|{name}" if measure == products.MEMORY else name, UNITS[measure], parts, keep)
            if measure in (products.BANDWIDTH, products.MEMORY):
                one = (products.product(products.reference(worth.dirs), worth.dirs).measures[measure] or (1, 1, 1))[1]
                keep(f"{kind}|H100e|{measure}|Total", "H100e", np.sum(list(parts.values()), axis=0) / one)


def _value(line: Line, flow: Array, worth: Worth, years: tuple[int, ...]) -> Array:
    out = np.zeros_like(flow)
    for at, year in enumerate(years):
        price = worth.price(line.product, year)
        if price is not None:
            out[:, at] = flow[:, at] * price
    return out


def _keep_parts(kind: str, basis: str, unit: str, parts: dict[str, Array], keep: Keep) -> None:
    legal = parts["domestic"] + parts["imported"]
    total = legal + parts["smuggled"]
    for origin, part in parts.items():
        keep(f"{kind}|{basis}|{origin.capitalize()}", unit, part)
    keep(f"{kind}|{basis}|Total", unit, total)
    for scope, whole in (("Legal", legal), ("All", total)):
        share = np.divide(parts["domestic"], whole, out=np.full_like(whole, np.nan), where=whole > 0)
        keep(f"Share|Domestic|{basis}|{kind}|{scope}", "1", share)
    for origin in ("imported", "smuggled"):
        share = np.divide(parts[origin], total, out=np.full_like(total, np.nan), where=total > 0)
        keep(f"Share|{origin.capitalize()}|{basis}|{kind}|All", "1", share)


def makers(cohorts: Cohorts, worth: Worth, keep: Keep) -> None:
    """Keep units that stand and that came, by maker and product."""
    sums: dict[str, Array] = {}
    for line in cohorts.lines:
        scarce = products.product(line.product, worth.dirs).record.scarce
        for kind, units in (
            ("Stock", standing(line.units, cohorts.survival[scarce], cohorts.calendar)),
            ("Flow", yearly(line.units, cohorts.calendar)),
        ):
            for name in (f"{kind}|Units|{line.maker}", f"{kind}|Units|{line.maker}|{line.product}"):
                sums[name] = sums[name] + units if name in sums else units
    for name, units in sums.items():
        keep(name, "chips", units)


def power(cohorts: Cohorts, worth: Worth, keep: Keep) -> Array:
    """Keep IT and facility power, energy, its cost and share of national use; return facility power [GW]."""
    inputs, draws, calendar = worth.inputs, worth.draws, cohorts.calendar
    said = inputs.scenario.power
    shape = (draws.count, len(calendar.years))
    installed, working = np.zeros(shape), np.zeros(shape)
    for line in cohorts.lines:
        watts = worth.power(line.product)
        if watts is None:
            continue
        scarce = products.product(line.product, worth.dirs).record.scarce
        installed += standing(line.units, cohorts.survival[scarce], calendar) * watts[:, None] / 1e9
        working += standing(line.units, cohorts.working[scarce], calendar) * watts[:, None] / 1e9
    pue, load = draws.values(inputs.get(said.pue)), draws.values(inputs.get(said.load))
    facility = working * pue[:, None]
    energy = facility * load[:, None] * HOURS / 1e3
    growth, base = draws.values(inputs.get(said.generation_growth)), draws.values(inputs.get(said.generation))
    years = np.array(calendar.years, dtype=float)[None, :] - said.generation_year
    national = base[:, None] * np.power(1 + growth[:, None], years)
    price = draws.values(inputs.get(said.price))
    keep("Power|IT", "GW", installed)
    keep("Power|IT|Deployed", "GW", working)
    keep("Power|Facility", "GW", facility)
    keep("Energy", "TWh/yr", energy)
    keep("Share|National electricity", "1", energy / national)
    keep("Cost|Running|Electricity", "USD/yr", energy * 1e9 * price[:, None])
    return np.asarray(facility)


def money(facility_gw: Array, chips_usd: Array, worth: Worth, keep: Keep) -> None:
    """Keep capital a year: chips bought, and whole sites by the gigawatts that came to work."""
    each = worth.draws.values(worth.inputs.get(worth.inputs.scenario.capital_per_gw))
    added = np.maximum(np.diff(facility_gw, axis=1, prepend=0.0), 0.0)
    keep("Cost|Chips", "USD/yr", chips_usd)
    keep("Cost|Capital", "USD/yr", added * each[:, None] * 1e9)


def work(cohorts: Cohorts, worth: Worth, peak_flops: float, keep: Keep) -> None:
    """Keep compute deployed and used, and the training runs of the scenario's size that a year of it would do.

    runs = used 16-bit peak x share that trains x MFU x a year / size of a run.

    Args:
        cohorts: of the run.
        worth: what a chip is worth in it.
        peak_flops: [FLOP/s] 16-bit peak of the chip that one H100e stands for.
        keep: takes each series.
    """
    inputs, draws, calendar = worth.inputs, worth.draws, cohorts.calendar
    sums = {
        (measure, state): np.zeros((draws.count, len(calendar.years)))
        for measure in (products.EIGHT, products.SIXTEEN)
        for state in ("Deployed", "Used")
    }
    for line in cohorts.lines:
        scarce = products.product(line.product, worth.dirs).record.scarce
        for measure in (products.EIGHT, products.SIXTEEN):
            one = worth.measure(line.product, measure)
            if one is None:
                continue
            for state, share in (("Deployed", cohorts.working[scarce]), ("Used", cohorts.used[scarce])):
                sums[(measure, state)] += standing(line.units, share, calendar) * one[:, None]
    for (measure, state), series in sums.items():
        keep(f"Compute|{measure}|{state}", "H100e", series)
    said = inputs.scenario.work
    share = draws.values(inputs.get(said.training_share)) * draws.values(inputs.get(said.mfu))
    flop = sums[(products.SIXTEEN, "Used")] * peak_flops * share[:, None] * SECONDS
    keep(f"Training|Runs of {said.run_flop:.0e} FLOP", "runs/yr", flop / said.run_flop)


def grid(said: Grid, worth: Worth, years: tuple[int, ...], energy_twh: Array, keep: Keep) -> None:
    """Keep what the grid spends per gigawatt that is added, and the fleet's share of data-centre electricity.

    Args:
        said: of the scenario.
        worth: of the run.
        years: of the run.
        energy_twh: (draws, years) of the fleet.
        keep: takes each series.
    """

    def series(ref: str) -> Array:
        columns = [np.broadcast_to(worth.draws.values(worth.inputs.get(ref), y), (worth.draws.count,)) for y in years]
        return np.stack(columns, axis=1)

    usd = series(said.investment) * said.scale / series(said.money)
    keep("Grid|Spending per GW added", "USD/GW", usd / series(said.added))
    keep("Share|Data-centre electricity", "1", energy_twh / series(said.data_centres))
