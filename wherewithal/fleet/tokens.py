"""What a chip is worth for a real model: tokens/s of a named open model under a named SLO, from the planner.

The catalog ships the plans of its products (`fleet_serving.csv`, made by `tools/fleet_serving.py`); any other model or
SLO is planned when it is asked for, once a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from wherewithal import ask
from wherewithal.catalog import load as catalog
from wherewithal.errors import WherewithalError
from wherewithal.fleet import products
from wherewithal.fleet.draw import Array
from wherewithal.fleet.inputs import Input, Point
from wherewithal.fleet.measures import Keep, Worth
from wherewithal.fleet.stock import Cohorts, standing

FILE = "fleet_serving.csv"
# Sizes of deployment that are tried; the best a chip counts.
SIZES = (8, 16, 32, 64)
DAY_S = 86_400.0


@dataclass(frozen=True)
class Served:
    """Output tokens/s of one chip in the best deployment found: `value` in an 80% interval; None where none serves it.

    Attributes:
        on: the deployment, `SYSTEM:CHIPS`.
        why: why there is none.
    """

    value: float | None
    low: float | None
    high: float | None
    on: str
    why: str = ""


@lru_cache(maxsize=512)
def served(product: str, model: str, slo: str, dirs: tuple[object, ...] = ()) -> Served:
    """Return what a chip of a product serves of a model: the shipped plan where there is one, else planned now."""
    shipped = None if dirs else _shipped().get((product, model, slo))
    return planned(product, model, slo, dirs) if shipped is None else shipped


@lru_cache(maxsize=1)
def _shipped() -> dict[tuple[str, str, str], Served]:
    path = catalog.builtin() / FILE
    if not path.is_file():
        return {}
    return {
        (r["product"], r["model"], r["slo"]): Served(
            _number(r["value"]), _number(r["low"]), _number(r["high"]), r["on"], r["why"]
        )
        for r in catalog.read_csv(path)
    }


def _number(text: str) -> float | None:
    return float(text) if text else None


def planned(product: str, model: str, slo: str, dirs: tuple[object, ...] = ()) -> Served:
    """Return the best plan over sizes of deployment for the first of the product's chips that has one."""
    best, why = Served(None, None, None, "", "no chip of the catalog"), ""
    for chip in products.product(product, dirs).record.chips:
        system = catalog.record("chips", chip, dirs).usual_system or chip  # type: ignore[arg-type]
        for size in SIZES:
            try:
                answer = ask.plan(ask.Question(model=model, on=f"{system}:{size}", slo=slo, catalog_dirs=dirs))  # type: ignore[arg-type]
            except WherewithalError as error:
                why = str(error)[:120]
                continue
            plan = answer.best
            if plan is None or not plan.feasible:
                why = why or "no layout meets the SLO"
                continue
            rate = plan.output_tokens_per_s_per_chip
            if best.value is None or rate.value > best.value:
                best = Served(rate.value, rate.low, rate.high, f"{system}:{size}")
        if best.value is not None:
            return best
    return Served(None, None, None, "", why or best.why)


def keep(cohorts: Cohorts, worth: Worth, take: Keep) -> list[str]:
    """Keep the stock in chips that serve as the reference does, and tokens a day; return the products left out, with why."""
    said = worth.inputs.scenario.work
    one = served(products.reference(worth.dirs), said.model, said.slo, worth.dirs)
    if one.value is None:
        return [f"{products.reference(worth.dirs)}: {one.why}"]
    shape = (worth.draws.count, len(cohorts.calendar.years))
    stock, used, left = np.zeros(shape), np.zeros(shape), {}
    for line in cohorts.lines:
        found = served(line.product, said.model, said.slo, worth.dirs)
        rate = _rate(found, worth)
        if rate is None:
            left[line.product] = found.why
            continue
        scarce = products.product(line.product, worth.dirs).record.scarce
        stock += standing(line.units, cohorts.survival[scarce], cohorts.calendar) * (rate / one.value)[:, None]
        used += standing(line.units, cohorts.used[scarce], cohorts.calendar) * rate[:, None]
    serving = 1 - worth.draws.values(worth.inputs.get(said.training_share))
    take(f"Stock|H100e|{said.model} at {said.slo}|Total", "H100e", stock)
    take(f"Tokens|{said.model} at {said.slo}", "tokens/day", used * serving[:, None] * DAY_S)
    return [f"{name}: {why}" for name, why in left.items()]


def _rate(found: Served, worth: Worth) -> Array | None:
    if found.value is None:
        return None
    # The planner's interval is 80%: 10th to 90th percentile, wider by 1.2816 / 1.6449 at the 5th and 95th.
    widen = 1.6448536269514722 / 1.2815515655446004
    low = found.value * ((found.low or found.value) / found.value) ** widen
    high = found.value * ((found.high or found.value) / found.value) ** widen
    point = Point(None, found.value, min(low, found.value), max(high, found.value))
    # One key for all chips: the planner's errors are shared more than not, and a common factor is the careful choice.
    return worth.draws.values(Input("worth | tokens", "lognormal", "p5-p95", (point,), "tok/s", "estimated", "plan"))
