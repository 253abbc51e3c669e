"""Flows of a scenario on draws: observed ones from the table, own output, later imports, changes, a target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from wherewithal.catalog import load as catalog
from wherewithal.catalog import national
from wherewithal.errors import InputError
from wherewithal.fleet import products
from wherewithal.fleet.draw import Array, Draws, shaped
from wherewithal.fleet.inputs import Input, Point, owner_rho
from wherewithal.fleet.measures import Worth
from wherewithal.fleet.scenario import Change, Flow, Scenario
from wherewithal.fleet.stock import Calendar, Line

UNTIL = "2025Q4"


def key_of(row: national.Row) -> str:
    """Return the key of the draw behind an observed flow: a year of a chip of an owner; all years of a stock's differences.

    Makers' quarters are a year divided by four, so the quarters of a year move together.
    """
    year = "all" if row.get("level").startswith("difference") else row.get("quarter")[:4]
    return f"flow | {row.get('owner')} | {row.get('maker')} | {row.get('chip')} | {year}"


def _group(row: national.Row) -> str:
    return f"{row.get('owner')} {row.get('quarter')[:4]}"


def known_keys(dirs: catalog.Dirs = ()) -> list[str]:
    """Return the keys of all observed flows and of their common causes, in the order of the table."""
    rows = [r for r in national.rows("flows_quarterly", dirs) if r.unit == "units" and "stock" not in r.get("what")]
    return list(dict.fromkeys([key_of(r) for r in rows] + [f"factor | {_group(r)}" for r in rows]))


def observed(scenario: Scenario, draws: Draws, calendar: Calendar, dirs: tuple[object, ...] = ()) -> list[Line]:
    """Return the lines of the table of flows that the scenario's history takes."""
    history = scenario.history
    found: dict[tuple[str, str, str, str, str], list[national.Row]] = {}
    for row in national.rows("flows_quarterly", dirs):  # type: ignore[arg-type]
        origin: str | None = history.origins.get(row.get("what"))
        taken = row.get("country") == history.country and (not history.owners or row.get("owner") in history.owners)
        if origin is None or not taken or row.unit != "units" or row.value is None:
            continue
        if row.get("quarter") <= history.until.get(origin, UNTIL):
            found.setdefault((row.get("owner"), row.get("maker"), row.get("chip"), origin, key_of(row)), []).append(row)
    rho, out = owner_rho(dirs), []  # type: ignore[arg-type]
    for (_, maker, chip, origin, key), rows in found.items():
        points = tuple(Point(None, r.value or 0.0, r.low, r.high) for r in rows)
        said = (rows[0].unit, rows[0].status, rows[0].source, rows[0].note)
        given = Input(key, "lognormal", rows[0].get("level"), points, *said, group=_group(rows[0]), rho=rho)
        out += _lines(given, [r.get("quarter") for r in rows], (chip, maker, origin), draws, calendar, dirs)
    return out


def _lines(
    given: Input,
    quarters: list[str],
    what: tuple[str, str, str],
    draws: Draws,
    calendar: Calendar,
    dirs: tuple[object, ...],
) -> list[Line]:
    """Return the line of one input, or those of the products that a mix is made of."""
    chip, maker, origin = what
    z = np.zeros(1) if given.fixed else draws.score(given)
    if not given.fixed:
        draws.used[given.key] = given
    units: dict[str, Array] = {}
    for at, quarter in enumerate(quarters):
        if not 0 <= (place := calendar.index(quarter)) < calendar.quarters:
            continue
        flow = shaped(given, at, z)
        for product, share in products.split(chip, quarter, dirs).items():
            line = units.setdefault(product, np.zeros((draws.count, calendar.quarters)))
            line[:, place] += share * flow
    return [Line(product, maker, origin, u) for product, u in units.items()]


def changed(lines: list[Line], changes: Mapping[str, Change], calendar: Calendar) -> None:
    """Change observed lines in place as the scenario's policy events say."""
    for name, change in changes.items():
        first, last = max(calendar.index(change.start), 0), min(calendar.index(change.end), calendar.quarters - 1)
        hit = [ln for ln in lines if ln.product == change.product and ln.origin == change.origin]
        if not hit:
            raise InputError(f"changes.{name}", f"no flow of {change.product!r} ({change.origin})", "see [history]")
        for line in hit:
            if change.hold is not None:
                line.units[:, first : last + 1] = line.units[:, [calendar.index(change.hold)]]
            line.units[:, first : last + 1] *= change.scale


def later(flow: Flow, worth: Worth, lines: list[Line], calendar: Calendar) -> list[Line]:
    """Return the lines of a later flow.

    Raises:
        InputError: the flow says neither units, money nor a quarter to hold, or has no price.
    """
    inputs, draws = worth.inputs, worth.draws
    first, last = max(calendar.index(flow.start), 0), min(calendar.index(flow.end), calendar.quarters - 1)
    units = np.zeros((draws.count, calendar.quarters))
    if flow.units_per_year is not None:
        for at in range(first, last + 1):
            units[:, at] = draws.values(inputs.get(flow.units_per_year), calendar.first + at // 4) / 4
    elif flow.usd_per_year is not None:
        for at in range(first, last + 1):
            price = worth.price(flow.product, calendar.first + at // 4)
            if price is None:
                raise InputError("flows", f"{flow.product!r} has no price", "give units_per_year")
            units[:, at] = draws.values(inputs.get(flow.usd_per_year), calendar.first + at // 4) / 4 / price
    elif flow.hold is not None:
        base = _held(flow, lines, calendar)
        growth = 0.0 if flow.growth is None else draws.values(inputs.get(flow.growth))
        for at in range(first, last + 1):
            units[:, at] = base * np.power(1 + growth, (at - calendar.index(flow.hold)) / 4)
    else:
        raise InputError("flows", "no units_per_year, usd_per_year or hold", "give one of them")
    parts: dict[str, Array] = {}
    for at in range(first, last + 1):
        for product, share in products.split(flow.product, calendar.name(at), tuple(inputs.dirs)).items():
            parts.setdefault(product, np.zeros_like(units))[:, at] += share * units[:, at]
    return [Line(product, flow.maker, flow.origin, u) for product, u in parts.items()]


def _held(flow: Flow, lines: list[Line], calendar: Calendar) -> Array:
    hit = [
        ln for ln in lines
        if (ln.product, ln.origin) == (flow.product, flow.origin) and flow.maker in ("", ln.maker)
    ]  # fmt: skip
    at = calendar.index(flow.hold or "")
    if not hit or not 0 <= at < calendar.quarters:
        raise InputError("flows", f"no flow of {flow.product!r} in {flow.hold}", "hold a quarter that the history has")
    return np.asarray(np.sum([ln.units[:, at] for ln in hit], axis=0))
