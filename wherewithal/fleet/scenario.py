"""Scenarios: small TOML files that inherit, checked against a schema."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from wherewithal.catalog import files
from wherewithal.catalog import load as catalog
from wherewithal.catalog.records import Record
from wherewithal.errors import FileProblems, InputError, unknown_name

FOLDER = "scenarios"
QUARTER = r"^(19|20)\d\dQ[1-4]$"
_DEEPEST = 8  # files that one may inherit from in a row


class Own(Record):
    """An input that no table has: assumed, with an interval and a reason."""

    value: float = Field(description="median")
    low: float | None = Field(None, description="5th percentile, or the least where `level` says so")
    high: float | None = Field(None, description="95th percentile, or the most where `level` says so")
    shape: Literal["lognormal", "beta", "normal", "uniform", "fixed"] = "lognormal"
    level: Literal["p5-p95", "min-max", "exact"] = "p5-p95"
    by_year: Mapping[str, float] = Field(
        default_factory=dict, description="medians by year in place of `value`, each with the same relative interval"
    )
    unit: str = Field("", description="of the value")
    reason: str = Field(min_length=3, description="why this value and this width")


# `name | applies_to` of the table of parameters, or a name of the scenario's own [inputs].
Ref = str


class History(Record):
    """Flows that were observed, up to a quarter."""

    country: str = Field("", description="home of the owners in the table of flows; empty: none")
    owners: tuple[str, ...] = Field((), description="only these owners; empty: all")
    origins: Mapping[str, Literal["domestic", "imported", "smuggled"]] = Field(
        default_factory=dict, description="what each kind of flow in the table counts as"
    )
    until: Mapping[str, str] = Field(
        default_factory=dict, description="origin -> the last quarter taken from the table; 2025Q4 where not said"
    )


class Memory(Record):
    """Memory stacks that packages are made with."""

    stock: Ref
    stock_share: Ref
    stock_from: str = Field("2025Q1", pattern=QUARTER, description="from when on output draws on the stock")
    made: Ref
    smuggled: Ref
    smuggled_until: int = Field(9999, description="the last year of smuggled stacks")


class Made(Record):
    """A line of domestic output: packages = min(dies, memory stacks, packaging)."""

    maker: str
    share: Ref = Field(description="of the wafers, stacks and packaging for such chips that this line gets")
    wafers: Ref
    wafer_share: Ref
    gross_dies: Ref
    die_yield: Ref
    dies_per_package: Ref
    package_yield: Ref | None = None
    stacks_per_package: Ref
    memory: Memory
    packaging: Ref | None = None
    packaging_follows_wafers: bool = Field(True, description="packaging grows as wafer capacity does")
    bank: Ref | None = Field(None, description="finished dies in stock before `bank_from`; what is left goes first")
    bank_from: str = Field("2024Q1", pattern=QUARTER, description="from when on output draws on the bank")
    limits: tuple[Literal["dies", "memory", "packaging"], ...] = ("dies", "memory", "packaging")
    mix: Mapping[str, Mapping[str, float]] = Field(description="year -> product -> share of this line's packages")
    start: str = Field("2026Q1", pattern=QUARTER)


class Flow(Record):
    """A later flow of one product: so many a year, so much money a year, or a quarter of the table carried on."""

    product: str
    origin: Literal["domestic", "imported", "smuggled"]
    maker: str = ""
    units_per_year: Ref | None = None
    usd_per_year: Ref | None = Field(None, description="money spent on it; chips follow from the price of the product")
    hold: str | None = Field(None, pattern=QUARTER, description="the quarter whose flow is carried on")
    growth: Ref | None = Field(None, description="a year, of a flow carried on")
    start: str = Field("2026Q1", pattern=QUARTER)
    end: str = Field("2099Q4", pattern=QUARTER)
    event: str = Field("", description="date of the policy event that it rests on")


class Change(Record):
    """A change of observed flows by a policy event that did not happen, or did."""

    product: str
    origin: Literal["domestic", "imported", "smuggled"]
    start: str = Field(pattern=QUARTER)
    end: str = Field(pattern=QUARTER)
    hold: str | None = Field(None, pattern=QUARTER, description="each quarter becomes the flow of this one")
    scale: float = Field(1.0, ge=0, le=1e6, description="factor on the flow")
    event: str = Field(description="date of the policy event")


class Sector(Record):
    """A part of the fleet: its share of the stock, its load, and how long chips wait before they work."""

    share: Ref | None = Field(None, description="of the stock; left out in one sector: what the others leave")
    utilisation: Ref
    lag_months: Ref


class Power(Record):
    """From chips to the grid."""

    overhead: Ref = Field(description="IT power over chip TDP, where no IT power of the chip is known")
    pue: Ref
    load: Ref = Field(description="share of rated IT power drawn over a year")
    price: Ref
    generation: Ref = Field(description="national electricity use [TWh], or what it is compared with")
    generation_growth: Ref
    generation_year: int


class Work(Record):
    """What the fleet could do."""

    mfu: Ref
    run_flop: float = Field(gt=0, description="size of the training run that is counted [FLOP]")
    training_share: Ref = Field(description="of used compute that trains")
    model: str = Field(description="open model whose tokens are counted")
    slo: str


class Grid(Record):
    """The grid that a fleet stands on, as read."""

    investment: Ref = Field(description="a year, in `money`")
    money: Ref = Field(description="units of it per USD")
    scale: float = Field(1.0, gt=0, description="of the investment's row: 1e9 where it is in billions")
    added: Ref = Field(description="capacity added a year [GW]")
    data_centres: Ref = Field(description="electricity of data centres [TWh]")


class Authors(Record):
    """Authors by path, as rows of the table of talent: parts of a total."""

    topic: str
    total: str
    parts: tuple[str, ...]


class Talent(Record):
    """People: colleges that may teach the subject, and who comes out of them."""

    topic: str
    colleges: str = Field(description="metric of the table: colleges newly approved, by list")
    intake: Ref
    ramp: Ref
    graduation: Ref
    to_work: Ref
    degree_years: int = Field(ge=1, le=10)
    authors: Authors | None = None


class Target(Record):
    """A share of own chips that must be reached; the model says how many times the output it takes."""

    share: float = Field(gt=0, lt=1)
    year: int
    start: int


class Scenario(Record):
    """One scenario, whole."""

    title: str = Field(min_length=3, max_length=200)
    note: str = ""
    region: str = Field(min_length=2, max_length=60)
    first_year: int = Field(2022, ge=2000, le=2100)
    last_year: int = Field(2030, ge=2000, le=2100)
    history: History = Field(default_factory=lambda: History.model_validate({}))
    inputs: Mapping[str, Own] = Field(default_factory=dict)
    made: Mapping[str, Made] = Field(default_factory=dict)
    flows: Mapping[str, Flow] = Field(default_factory=dict)
    changes: Mapping[str, Change] = Field(default_factory=dict)
    sectors: Mapping[str, Sector]
    lifetime: Ref
    lifetime_scarce: Ref
    failures: Ref
    power: Power
    work: Work
    price_decline: Ref
    capital_per_gw: Ref
    grid: Grid | None = None
    talent: Talent | None = None
    national: Mapping[str, Ref] = Field(
        default_factory=dict, description="other national series to print: name -> input"
    )
    target: Target | None = None


def names(dirs: catalog.Dirs = ()) -> list[str]:
    """Return the names of all scenarios, the user's included."""
    found: set[str] = set()
    for folder in catalog.folders(dirs):
        inner = folder / FOLDER
        if inner.is_dir():
            found |= {f.name.removesuffix(".toml") for f in inner.iterdir() if f.name.endswith(".toml")}
    return sorted(found)


def read(name: str | Path, dirs: catalog.Dirs = (), overrides: Sequence[str] = ()) -> Scenario:
    """Return a scenario by name or file, what it inherits laid under it.

    Args:
        name: of a scenario, or the path of a .toml file.
        dirs: folders of the user's own, searched first.
        overrides: `PATH=VALUE` with a dotted path into the scenario; a number in the place of an input fixes it.

    Raises:
        InputError: no such scenario, or an override that leads nowhere.
        FileProblems: all that is wrong in the file.
    """
    data = _whole(name, dirs, ())
    for text in overrides:
        _set(data, text)
    made = files.validate(Scenario, data, f"{FOLDER}/{Path(name).name}")
    if made.last_year < made.first_year or made.last_year - made.first_year > 40:
        raise InputError(f"{FOLDER}/{name}", f"years {made.first_year} to {made.last_year}", "1 to 41 years, in order")
    _sectors(made, str(name))
    return made


def _sectors(made: Scenario, name: str) -> None:
    rest = [n for n, s in made.sectors.items() if s.share is None]
    if len(rest) != 1:
        raise InputError(f"{FOLDER}/{name}", f"{len(rest)} sectors without a share", "leave out exactly one: the rest")


def _whole(name: str | Path, dirs: catalog.Dirs, seen: tuple[str, ...]) -> dict[str, Any]:
    data = _file(name, dirs)
    base = data.pop("inherits", None)
    drop = data.pop("drop", [])
    if base is None:
        return data
    if str(base) in seen or len(seen) >= _DEEPEST:
        raise InputError(f"{FOLDER}/{name}", f"inherits from itself through {str(base)[:40]!r}", "break the ring")
    under = _whole(str(base), dirs, (*seen, str(name), str(base)))
    for path in drop if isinstance(drop, list) else []:
        place, last = _place(under, str(path), f"{FOLDER}/{name}: drop")
        place.pop(last, None)
    return _merge(under, data)


def _file(name: str | Path, dirs: catalog.Dirs) -> dict[str, Any]:
    if str(name).endswith(".toml"):
        return files.read_toml(Path(name), Path(name).name)
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", str(name)):
        for folder in catalog.folders(dirs):
            path = folder / FOLDER / f"{name}.toml"
            if path.is_file():
                return files.read_toml(path, f"{FOLDER}/{name}.toml")
    raise unknown_name("SCENARIO", "scenario", str(name), names(dirs), "or a .toml file")


def _merge(under: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict) and not _own(value):
            under[key] = _merge(under[key], value)
        else:
            under[key] = value
    return under


def _own(value: Mapping[str, Any]) -> bool:
    """Whether a table is one input, which replaces another whole."""
    return "reason" in value


def _place(data: dict[str, Any], path: str, where: str) -> tuple[dict[str, Any], str]:
    *steps, last = path.split(".")
    place: Any = data
    for step in steps:
        place = place.get(step) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise InputError(where, f"no {path[:60]!r} in the scenario", "wherewithal fleet SCENARIO --json shows it")
    return place, last


def _set(data: dict[str, Any], text: str) -> None:
    path, equals, value = (p.strip() for p in text.partition("="))
    if not equals or not value:
        raise InputError("--set", f"{text[:60]!r} is not PATH=VALUE", "such as last_year=2028 or power.pue=1.2")
    place, last = _place(data, path, "--set")
    if last not in place and path.split(".")[0] not in Scenario.model_fields:
        raise InputError("--set", f"no {path[:60]!r} in the scenario", "the schema is in docs/fleets.md")
    try:
        number: Any = int(value) if re.fullmatch(r"[+-]?\d+", value) else float(value)
    except ValueError:
        place[last] = value
        return
    if not math.isfinite(number):
        raise InputError("--set", f"{value[:40]!r} is no number", "a plain number")
    old = place.get(last)
    if isinstance(old, dict) and "reason" in old:
        place[last] = {"value": number, "shape": "fixed", "unit": old.get("unit", ""), "reason": "set by the user"}
    elif isinstance(old, str) and path.split(".")[0] not in ("title", "note", "region"):
        name = f"set-{path.replace('.', '-')}"
        data.setdefault("inputs", {})[name] = {"value": number, "shape": "fixed", "reason": "set by the user"}
        place[last] = name
    else:
        place[last] = number


__all__ = ["FileProblems", "Flow", "Made", "Own", "Scenario", "names", "read"]
