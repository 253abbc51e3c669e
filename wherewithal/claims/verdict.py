"""What our figures say about a claim: each basis in turn, then all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from wherewithal.claims.quantity import Quantity
from wherewithal.claims.record import BasisRecord, ClaimedRecord, Verdict


@dataclass(frozen=True)
class Basis:
    """One basis judged: true, false, or None where our figure is not to be had; `sure` where the interval agrees."""

    name: str
    figure: str
    holds: bool | None
    sure: bool
    note: str
    counts: bool = True


def number(value: float | str | None) -> float:
    """Return a printed figure as a number; a date becomes days since year 1."""
    if isinstance(value, str):
        return float(date.fromisoformat(value).toordinal())
    return math.nan if value is None else float(value)


def judge(basis: BasisRecord, claimed: ClaimedRecord, known: Mapping[str, Any]) -> Basis:
    """Return whether a claim is true on one basis.

    `near` and `inside` are about the middle; `surely above` and `surely below` ask it of the whole interval.
    """
    ours: Quantity = known[basis.figure]
    other = _other(basis.against, claimed, known)
    low, high = ours.band or (ours.value, ours.value)
    if not math.isfinite(ours.value):
        return Basis(basis.name, basis.figure, None, False, basis.note or ours.text, basis.counts)
    slack = abs(basis.tolerance if ours.unit == "date" else basis.tolerance * other)
    ends = [other - slack, other + slack]
    if basis.test == "inside":
        ends = [number(claimed.low), number(claimed.high)]
    test = basis.test
    holds = {
        "near": ends[0] <= ours.value <= ends[1],
        "inside": ends[0] <= ours.value <= ends[1],
        "above": ours.value > other,
        "below": ours.value < other,
        "at least": ours.value >= other - slack,
        "at most": ours.value <= other + slack,
        "surely above": low > other,
        "surely below": high < other,
    }[test]
    some = {
        "near": low <= ends[1] and high >= ends[0],
        "inside": low <= ends[1] and high >= ends[0],
        "above": high > other,
        "below": low < other,
        "at least": high >= other - slack,
        "at most": low <= other + slack,
        "surely above": ours.value > other,
        "surely below": ours.value < other,
    }[test]
    return Basis(basis.name, basis.figure, holds, holds or not some, basis.note, basis.counts)


def _other(against: str, claimed: ClaimedRecord, known: Mapping[str, Any]) -> float:
    """Return what a figure is held against: what was printed, another figure, or a number of the claim's."""
    if against == "claimed":
        return number(claimed.value)
    return float(known[against].value) if against in known else float(against)


def overall(bases: Sequence[Basis]) -> Verdict:
    """Return the verdict of all bases.

    `holds`: true on all that can be judged; `holds on one basis`: true on some, false on some; `contradicted`: false on
    all, and no interval leaves room; `not supported`: false on all, but some interval leaves room; `cannot be checked`:
    none can be judged.
    """
    judged = [b for b in bases if b.holds is not None and b.counts]
    if not judged:
        return "cannot be checked"
    if all(b.holds for b in judged):
        return "holds"
    if any(b.holds for b in judged):
        return "holds on one basis"
    return "contradicted" if all(b.sure for b in judged) else "not supported"
