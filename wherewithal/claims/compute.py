"""The vocabulary of computations that a claim's file may name; each works on quantities, whatever they are about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from wherewithal.claims import dates, growth, rivals
from wherewithal.claims.quantity import DRAWS, Z95, Draws, Quantity, joined
from wherewithal.errors import InputError

Function = Callable[["Given"], Quantity]


@dataclass(frozen=True)
class Given:
    """What a computation works on.

    Attributes:
        of, by, less: quantities by role; what they mean is said by each computation.
        rows: rows of the first input of `of` that stands for several.
        unit: of the result.
        times: the result is multiplied by it (a change of unit).
        options: as in the file.
    """

    of: Sequence[Quantity]
    by: Sequence[Quantity] = ()
    less: Sequence[Quantity] = ()
    rows: Sequence[Quantity] = ()
    unit: str = ""
    times: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> list[Quantity]:
        """All that went in."""
        return [*self.of, *self.by, *self.less, *self.rows]

    def made(self, value: float, draws: Draws | float, text: str = "") -> Quantity:
        """Return a result in the unit asked for."""
        return joined(value * self.times, np.asarray(draws) * self.times, self.unit, self.parts, text)


def _product(of: Sequence[Quantity]) -> tuple[float, Draws]:
    return math.prod(q.value for q in of), np.prod([np.ones(DRAWS), *(q.draws for q in of)], axis=0)


def _sum(of: Sequence[Quantity]) -> tuple[float, Draws]:
    return math.fsum(q.value for q in of), np.sum([np.zeros(DRAWS), *(q.draws for q in of)], axis=0)


def ratio(g: Given) -> Quantity:
    """Product of `of` over product of `by`."""
    (above, above_d), (below, below_d) = _product(g.of), _product(g.by)
    if below == 0:
        raise InputError("ratio", "division by zero", "check the inputs")
    return g.made(above / below, above_d / below_d)


def total(g: Given) -> Quantity:
    """Sum of `of` less sum of `less`."""
    (plus, plus_d), (minus, minus_d) = _sum(g.of), _sum(g.less)
    return g.made(plus - minus, plus_d - minus_d)


def share(g: Given) -> Quantity:
    """Sum of `of` over sum of `of` and `by`."""
    (part, part_d), (rest, rest_d) = _sum(g.of), _sum(g.by)
    return g.made(part / (part + rest), part_d / (part_d + rest_d))


def dot(g: Given) -> Quantity:
    """Sum over pairs of `of` times `by`: units through a price, a memory, a bandwidth."""
    if len(g.of) != len(g.by):
        raise InputError("dot", f"{len(g.of)} figures and {len(g.by)} weights", "as many of both")
    pairs = [_product(pair) for pair in zip(g.of, g.by, strict=True)]
    return g.made(math.fsum(p[0] for p in pairs), np.sum([p[1] for p in pairs], axis=0))


def least(g: Given) -> Quantity:
    """Smallest of several supplies; says in how many draws each one is it."""
    values, draws = [q.value for q in g.of], np.stack([q.draws for q in g.of])
    return g.made(min(values), draws.min(axis=0))


def binding(g: Given) -> Quantity:
    """Share of draws in which the first of `of` is the smallest."""
    draws = np.stack([q.draws for q in g.of])
    first = float(np.mean(draws.argmin(axis=0) == 0))
    return g.made(first, first)


def wilson(g: Given) -> Quantity:
    """First of `of` over the second, with Wilson's 95% interval as its spread.

    p +- : (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) (E. B. Wilson, 1927). `options.end` takes an end.
    """
    count, n = g.of[0].value, g.of[1].value
    if not 0 <= count <= n or n <= 0:
        raise InputError("wilson", f"{count:g} of {n:g}", "a count of a larger count")
    low, high = interval(count, n)
    end = g.options.get("end")
    if end:
        value = low if end == "low" else high
        return g.made(value, value)
    z = np.linspace(0.5 / DRAWS, 1 - 0.5 / DRAWS, DRAWS)
    # the printed band is 5% to 95% of draws, so that draws are laid out with Wilson's ends at these places
    p = count / n
    draws = np.interp(z, [0, 0.05, 0.5, 0.95, 1], [low, low, p, high, high])
    return g.made(p, draws)


def interval(count: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share."""
    p, z2 = count / n, Z95**2
    middle, half = p + z2 / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


def slope(g: Given) -> Quantity:
    """Change a year from the first of `of` to the second, over `options.years`."""
    years = float(g.options["years"])
    return g.made((g.of[1].value - g.of[0].value) / years, (g.of[1].draws - g.of[0].draws) / years)


def running(g: Given) -> Quantity:
    """Running sum of rows in their order; the value is the last, the text has all. `less` is taken off."""
    sums = np.cumsum([r.value for r in g.rows]) - sum(q.value for q in g.less)
    text = ", ".join(f"{s:,.0f}" for s in sums) if g.options.get("list") else ""
    return g.made(float(sums[-1]), float(sums[-1]), text)


def trend(g: Given) -> Quantity:
    """Sum of the next `options.steps` values if the mean growth from the first to the last of `of` goes on."""
    steps, n = int(g.options["steps"]), len(g.of) - 1

    def ahead(first: Any, last: Any) -> Any:
        rate = (last / first) ** (1 / n)
        return last * sum(rate**k for k in range(1, steps + 1))

    return g.made(float(ahead(g.of[0].value, g.of[-1].value)), ahead(g.of[0].draws, g.of[-1].draws))


def mixed(g: Given) -> Quantity:
    """Share s of the first of `of` at which s * first + (1 - s) * second is the first of `by`."""
    (a, b), r = g.of, g.by[0]
    return g.made((b.value - r.value) / (b.value - a.value), (b.draws - r.draws) / (b.draws - a.draws))


def mean(g: Given) -> Quantity:
    """Mean of `of` weighted by `by`, which may be one weight fewer: the last is then the rest to one."""
    weights = list(g.by)
    if len(weights) == len(g.of) - 1:
        left, left_d = _sum(weights)
        weights.append(Quantity(1 - left, 1 - left_d))
    top, top_d = _sum([Quantity(*_product(p)) for p in zip(g.of, weights, strict=True)])
    low, low_d = _sum(weights)
    return g.made(top / low, top_d / low_d)


def take(g: Given) -> Quantity:
    """The first of `of` as it stands, known as well as it is."""
    return replace(g.made(g.of[0].value, g.of[0].draws), known=g.of[0].known)


def middle(g: Given) -> Quantity:
    """The first of `of` without its spread, to see what another input alone does."""
    return replace(g.made(g.of[0].value, g.of[0].value), known=g.of[0].known)


def excess(g: Given) -> Quantity:
    """First of `of` over the first of `by`, less one."""
    return g.made(g.of[0].value / g.by[0].value - 1, g.of[0].draws / g.by[0].draws - 1)


def lead(g: Given) -> Quantity:
    """Date from which one country's best leads another's (see `dates.lead`)."""
    found, draws, text = dates.lead(g.rows, g.options)
    return g.made(found, draws, text)


def changes(g: Given) -> Quantity:
    """Number of changes of the lead, with the dates as text (see `dates.changes`)."""
    found = dates.changes(g.rows, g.options)
    return g.made(len(found), float(len(found)), ", ".join(f"{day} {who}" for day, who in found) or "none")


def lag(g: Given) -> Quantity:
    """Months since the best of all was as good as the best of one group is (see `dates.lag`)."""
    return g.made(*dates.lag(g.rows, g.options))


def logistic(g: Given) -> Quantity:
    """Share at a month, or the first month at half, of a logistic curve through rows (see `growth`)."""
    return g.made(*growth.logistic(g.rows, g.options))


def spread_of(g: Given) -> Quantity:
    """Equal mixture of rival figures: one draw in so many from each (see `rivals.mixture`)."""
    return g.made(*rivals.mixture(g.of))


def chance(g: Given) -> Quantity:
    """Share of draws of the first of `of` at or above the first of `by`."""
    p = float(np.mean(g.of[0].draws >= g.by[0].value))
    return g.made(p, p)


def score(g: Given) -> Quantity:
    """CRPS of the draws of the first of `of` against the first of `by`, the outcome."""
    value = rivals.crps(g.of[0].draws, g.by[0].value)
    return g.made(value, value)


def quantile(g: Given) -> Quantity:
    """Quantile `options.at` of the draws of the first of `of`."""
    value = float(np.quantile(g.of[0].draws, float(g.options["at"])))
    return g.made(value, value)


VOCABULARY: dict[str, Function] = {
    "ratio": ratio,
    "sum": total,
    "share": share,
    "dot": dot,
    "least": least,
    "binding": binding,
    "wilson": wilson,
    "slope": slope,
    "running sum": running,
    "trend": trend,
    "mixing share": mixed,
    "mean": mean,
    "take": take,
    "middle": middle,
    "excess": excess,
    "lead date": lead,
    "lead changes": changes,
    "lag": lag,
    "logistic": logistic,
    "mixture": spread_of,
    "chance": chance,
    "crps": score,
    "quantile": quantile,
}
