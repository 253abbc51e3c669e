"""What one chip of a product is worth on each measure: a product of the tables of flows, by chips of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pydantic import Field

from wherewithal.catalog import files, national
from wherewithal.catalog import load as catalog
from wherewithal.catalog.records import ChipRecord, Record
from wherewithal.errors import InputError, unknown_name
from wherewithal.fleet.scenario import Own

FILE = "fleet_products.toml"
EIGHT, SIXTEEN, BANDWIDTH, MEMORY = "H100e|8-bit", "H100e|16-bit", "Bandwidth", "HBM"
MEASURES = (EIGHT, SIXTEEN, BANDWIDTH, MEMORY)
# Formats whose peak counts for a measure, best first.
_FORMATS = {EIGHT: ("fp8", "int8"), SIXTEEN: ("bf16", "fp16")}


class ProductRecord(Record):
    """A product as the table of flows names it."""

    chips: tuple[str, ...] = Field((), description="catalog chips it may be; several: any value between them")
    ladder: tuple[str, ...] = Field((), description="a mix: products in rising 8-bit peak that its H100e lie between")
    scarce: bool = Field(False, description="cannot be replaced by its like, so it is kept longer")
    it_power: str = Field("", description="input of its IT power [W]")
    price: str | Own = Field("", description="input of its price [USD], or one of its own")
    stacks: str = Field("", description="input of its memory stacks a package")
    dies: str = Field("", description="input of its compute dies a package")
    assumed: Mapping[str, Own] = Field(
        default_factory=dict, description="measure -> value of one chip, where not known"
    )


class _File(Record):
    reference: str = Field(description="chip that is one H100e")
    products: Mapping[str, ProductRecord]


@dataclass(frozen=True)
class Product:
    """A product: range of each measure of one chip, and how it is powered, priced and kept.

    Attributes:
        measures: measure -> (low, median, high) [H100e, H100e, B/s, B]; None where not known.
        power_w: [W] limit of the chip; None where not known.
        origin_country: of its maker, as the catalog says.
    """

    name: str
    record: ProductRecord
    measures: Mapping[str, tuple[float, float, float] | None]
    power_w: float | None
    origin_country: str


@lru_cache(maxsize=4)
def _read(dirs: tuple[object, ...]) -> _File:
    for folder in catalog.folders(dirs):  # type: ignore[arg-type]
        path = folder / FILE
        if path.is_file():
            return files.validate(_File, files.read_toml(path, FILE), FILE)
    raise InputError("catalog", f"no {FILE}", "wherewithal catalog where")


def names(dirs: catalog.Dirs = ()) -> list[str]:
    """Return the names of all products."""
    return list(_read(tuple(dirs)).products)


@lru_cache(maxsize=512)
def product(name: str, dirs: tuple[object, ...] = ()) -> Product:
    """Return a product.

    Raises:
        InputError: no such product.
    """
    data = _read(dirs)
    if name not in data.products:
        raise unknown_name("product", "product", name, data.products, FILE)
    record = data.products[name]
    chips = [catalog.record("chips", c, dirs) for c in record.chips]  # type: ignore[arg-type]
    one = catalog.record("chips", data.reference, dirs)  # type: ignore[arg-type]
    measures = {m: _range(m, name, record, chips, one, dirs) for m in MEASURES}
    watts = [c.power.figure.value for c in chips if c.power is not None]
    country = chips[0].country if chips else ""
    return Product(name, record, measures, sum(watts) / len(watts) if watts else None, country)


def _range(
    measure: str,
    name: str,
    record: ProductRecord,
    chips: list[ChipRecord],
    one: ChipRecord,
    dirs: tuple[object, ...],
) -> tuple[float, float, float] | None:
    own = record.assumed.get(measure)
    if own is not None:
        return (own.value if own.low is None else own.low, own.value, own.value if own.high is None else own.high)
    found = [v for c in chips if (v := _of_chip(measure, c)) is not None]
    unit = (_of_chip(measure, one) or 1.0) if measure in _FORMATS else 1.0
    ends = (min(found) / unit, max(found) / unit) if found else None
    if measure == EIGHT and (said := eight_bit(dirs).get(name)) is not None:
        # The table's own conversion is the median: the same stock must have the same H100e in both.
        return (min(said, ends[0]), said, max(said, ends[1])) if ends and len(found) > 1 else (said, said, said)
    return None if ends is None else (ends[0], sum(ends) / 2, ends[1])


def _of_chip(measure: str, chip: ChipRecord) -> float | None:
    if measure in _FORMATS:
        peaks = [chip.peak[f].figure.value for f in _FORMATS[measure] if f in chip.peak]
        return max(peaks) if peaks else None
    figure = chip.bandwidth if measure == BANDWIDTH else chip.memory
    return None if figure is None else figure.figure.value


@lru_cache(maxsize=4)
def _h100e(dirs: tuple[object, ...]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (units, H100e) by product and quarter, summed over owners, from flows of the table."""
    sums: dict[tuple[str, str], list[float]] = {}
    for r in national.rows("flows_quarterly", dirs):  # type: ignore[arg-type]
        if r.get("what").endswith("stock") or r.value is None or r.unit not in ("units", "H100e(8-bit)"):
            continue
        pair = sums.setdefault((r.get("chip"), r.get("quarter")), [0.0, 0.0])
        pair[0 if r.unit == "units" else 1] += r.value
    return {k: (u, h) for k, (u, h) in sums.items() if u > 0 and h > 0}


@lru_cache(maxsize=4)
def eight_bit(dirs: tuple[object, ...] = ()) -> dict[str, float]:
    """Return H100e (8-bit) of one chip by product, as the table of flows converts."""
    sums: dict[str, list[float]] = {}
    for (name, _), (units, h100e) in _h100e(dirs).items():
        pair = sums.setdefault(name, [0.0, 0.0])
        pair[0] += units
        pair[1] += h100e
    return {name: h / u for name, (u, h) in sums.items()}


def split(name: str, quarter: str, dirs: tuple[object, ...] = ()) -> dict[str, float]:
    """Return the products and shares that a mix of a quarter stands for: the two of its ladder about its H100e a chip."""
    steps = product(name, dirs).record.ladder
    if not steps:
        return {name: 1.0}
    known = _h100e(dirs)
    quarters = sorted(q for n, q in known if n == name)
    if not quarters:
        raise InputError(FILE, f"no flow of the mix {name!r} says how many H100e it is", "give it chips, not a ladder")
    at = max((q for q in quarters if q <= quarter), default=quarters[0])
    units, h100e = known[(name, at)]
    peaks = [(product(s, dirs).measures[EIGHT] or (0.0, 0.0, 0.0))[1] for s in steps]
    worth = min(max(h100e / units, peaks[0]), peaks[-1])
    right = next(i for i in range(1, len(peaks)) if worth <= peaks[i] * (1 + 1e-12))
    share = (worth - peaks[right - 1]) / (peaks[right] - peaks[right - 1])
    return {steps[right - 1]: 1 - share, steps[right]: share}


def reference_flops(dirs: tuple[object, ...] = ()) -> float:
    """Return the 16-bit peak [FLOP/s] of the chip that one H100e stands for."""
    one = catalog.record("chips", _read(dirs).reference, dirs)  # type: ignore[arg-type]
    return _of_chip(SIXTEEN, one) or 0.0


def reference(dirs: tuple[object, ...] = ()) -> str:
    """Return the name of the chip that is one H100e."""
    return _read(dirs).reference
