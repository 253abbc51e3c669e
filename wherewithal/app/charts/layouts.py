"""A plan in few words, from the JSON of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHORT = {"tensor": "tp", "pipeline": "pp", "expert": "ep", "expert_tensor": "etp", "data": "dp", "context": "cp"}


def pool(one: Mapping[str, Any]) -> str:
    """Return `2x tp8 ep8` of a pool."""
    split = one["layout"]
    # The tensor size within an expert is said only where it is not what is left of tp x dp after ep.
    usual = split["tensor"] * split.get("data", 1) // max(split.get("expert", 1), 1)
    sizes = [
        f"{short}{split[k]}"
        for k, short in _SHORT.items()
        if split.get(k, 1) != (max(usual, 1) if k == "expert_tensor" else 1)
    ]
    copies = f"{one['replicas']}x " if one.get("replicas", 1) != 1 else ""
    return copies + (" ".join(sizes) or "tp1")


def short(plan: Mapping[str, Any]) -> str:
    """Return the layout of all pools of a plan."""
    found = plan["pools"]
    if len(found) == 1:
        return pool(found[0])
    return "; ".join(f"{p['role']} {pool(p)}" for p in found)


def same(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Return whether two plans are one: an explanation on one of them does not count."""
    if other is None:
        return False
    keys = ("serving", "chips", "tokens_per_s_per_user", "output_tokens_per_s_per_chip", "concurrency")
    return all(one.get(k) == other.get(k) for k in keys) and short(one) == short(other)
