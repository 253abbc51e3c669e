"""Which layouts a model can be split into at all, and why not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wherewithal.engine import distinct
from wherewithal.model.model import Model
from wherewithal.plan.lattice import Layouts
from wherewithal.pricing.collective import Level

# Named sizes that must split evenly: the axis that divides each, and what it is called in an answer.
EVEN = {
    "heads": ("tensor", "heads"),
    "intermediate": ("tensor", "columns of its MLP"),
    "shared_intermediate": ("tensor", "columns of its shared experts"),
    "expert_intermediate": ("expert_tensor", "columns of an expert"),
}


def divisible(model: Model) -> set[tuple[str, float, str]]:
    """Return (axis, size, what it is) of all sizes of a model that must split evenly."""
    sizes = [block.sizes for _, _, block in distinct(model)]
    return {(axis, s[name], what) for s in sizes for name, (axis, what) in EVEN.items() if s.get(name)}


def experts(model: Model) -> float:
    """Return the routed experts of a model's largest expert layer; 0 for a dense model."""
    return max((block.sizes.get("experts", 0.0) for _, _, block in distinct(model)), default=0.0)


def kv_heads(model: Model) -> list[float]:
    """Return the KV heads of a model's attention layers that have them."""
    return sorted({b.sizes["kv_heads"] for _, _, b in distinct(model) if b.sizes.get("kv_heads")})


def reasons(model: Model, layouts: Layouts) -> dict[str, NDArray[np.bool_]]:
    """Return for each rule which layouts break it.

    A size must divide by its axis; KV heads must divide by the tensor degree or it by them; a pipeline has no more
    stages than layers; no more expert ranks than twice the experts (each rank holds at least one, and a copy of each
    is enough to even out the load); an attention group without routed experts is a replica of its own.
    """
    c = layouts.columns
    out: dict[str, NDArray[np.bool_]] = {}
    for axis, size, what in sorted(divisible(model)):
        out[f"{size:g} {what} do not divide by {axis}"] = np.mod(size, c[axis]) != 0
    for heads in kv_heads(model):
        shared = (np.mod(heads, c["tensor"]) != 0) & (np.mod(c["tensor"], heads) != 0)
        out[f"{heads:g} KV heads do not divide by tensor, nor it by them"] = shared
    out["more stages than layers"] = c["pipeline"] > model.depth
    held = experts(model)
    if held:
        out["more than twice as many expert ranks as experts"] = c["expert"] > 2 * held
        out["experts over more or fewer ranks than one stage has"] = (
            c["expert"] * c["expert_tensor"] != c["tensor"] * c["data"]
        )
    else:
        out[
            "attention groups share experts and this model has none (leave dp out: each is then a replica of its own)"
        ] = c["data"] > 1
        out["no experts to spread"] = c["expert"] > 1
    return out


def straddling(tiers: tuple[Level, ...], layouts: Layouts) -> dict[str, NDArray[np.bool_]]:
    """Return for each tier which layouts would lie across its boundary unevenly, and so be priced too well.

    A tensor group, and a whole replica, holds a whole number of a tier's groups or fits a whole number of times into
    one. The last tier, and one that holds all, has no boundary.
    """
    out: dict[str, NDArray[np.bool_]] = {}
    for level in tiers[:-1]:
        for what, size in (("tensor group", layouts.columns["tensor"]), ("replica", layouts.ranks)):
            if what == "tensor group" or len(tiers) > 1:
                uneven = (np.mod(level.ranks, size) != 0) & (np.mod(size, level.ranks) != 0)
                out[f"a {what} would lie across {level.name} groups of {level.ranks:g} ranks"] = uneven
    return out


def legal(model: Model, layouts: Layouts, tiers: tuple[Level, ...]) -> NDArray[np.bool_]:
    """Return which layouts the model can be split into on chips wired like this."""
    broken = np.zeros(len(layouts), dtype=bool)
    for rule in (*reasons(model, layouts).values(), *straddling(tiers, layouts).values()):
        broken |= rule
    return ~broken
