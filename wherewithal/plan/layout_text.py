"""Layouts in words: `tp8 pp1 ep8`, or `prefill: 4x tp8 ep8; decode: 1x tp1 dp32 ep32`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from wherewithal.axes.split import Split
from wherewithal.errors import InputError

KEYS = {"tp": "tensor", "pp": "pipeline", "ep": "expert", "etp": "expert_tensor", "dp": "data", "cp": "context"}
FIX = 'write "tp8 ep8", or "prefill: 4x tp8 ep8; decode: 1x tp1 dp32 ep32"; sizes are of one replica, in ranks'
ROLES = ("prefill", "decode")
_MOST = 10_000_000


class Asked(NamedTuple):
    """One pool of a layout in words: replicas (None where not said) and the split of one."""

    replicas: int | None
    split: Split


def parse_layout(text: str, where: str = "--layout") -> dict[str, Asked]:
    """Return role (`all`, or `prefill` and/or `decode`) to what was asked.

    Raises:
        InputError: for an unknown word, a size that is no whole number above zero, or a role given twice.
    """
    found: dict[str, Asked] = {}
    for part in filter(None, (p.strip() for p in text.split(";"))):
        role, colon, words = part.partition(":")
        role = role.strip().lower() if colon else "all"
        if colon and role not in ROLES:
            raise InputError(where, f"pool {role[:20]!r}", FIX)
        if role in found or (found and "all" in (role, *found)):
            raise InputError(where, f"pool {role} beside others", FIX)
        found[role] = _pool(words if colon else part, where)
    if not found:
        raise InputError(where, "empty", FIX)
    return found


def as_replicas(one: Asked) -> Asked:
    """Return attention groups that share no experts as the replicas that they are: `tp2 dp4` is `4x tp2`.

    Args:
        one: a pool of a model without routed experts.
    """
    if one.split.data == 1 or one.split.expert != 1:
        return one
    split = replace(one.split, data=1.0, expert_tensor=one.split.tensor)
    return Asked((one.replicas or 1) * int(one.split.data), split)


def _pool(words: str, where: str) -> Asked:
    replicas: int | None = None
    sizes: dict[str, float] = {}
    for word in words.replace(",", " ").lower().split():
        times = re.fullmatch(r"(\d{1,8})x", word)
        if times:
            replicas = int(times[1])
            continue
        if word in ("two-batch", "tbo"):
            sizes["microbatches"] = 2.0
            continue
        match = re.fullmatch(r"([a-z]+)(\d{1,8})", word)
        if not match or match[1] not in KEYS or not 1 <= int(match[2]) <= _MOST:
            raise InputError(where, f"{word[:20]!r} is no part of a layout", FIX)
        if KEYS[match[1]] in sizes:
            raise InputError(where, f"{match[1]} is given twice", FIX)
        sizes[KEYS[match[1]]] = float(match[2])
    if replicas == 0:
        raise InputError(where, "0x", FIX)
    return Asked(replicas, _complete(sizes, where))


def _complete(sizes: dict[str, float], where: str) -> Split:
    """Fill in what is left of tensor x data for the tensor degree within an expert."""
    stage = sizes.get("tensor", 1.0) * sizes.get("data", 1.0)
    expert = sizes.setdefault("expert", 1.0)
    if "expert_tensor" not in sizes:
        if stage % expert:
            what = f"ep{expert:g} does not divide tp x dp = {stage:g}"
            raise InputError(where, what, "experts lie over tensor x data; choose ep among its divisors")
        sizes["expert_tensor"] = stage / expert
    return Split(**sizes)
