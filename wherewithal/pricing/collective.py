"""What a collective costs on the tiers that its ranks span."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wherewithal.axes.split import Split
from wherewithal.machine.system import System
from wherewithal.model.op import Num, Op
from wherewithal.pricing.curve import Curves


class Level(NamedTuple):
    """A tier as one rank sees it: ranks within it, bandwidth [B/s] and latency [s] of a rank's link there."""

    name: str
    ranks: float
    bandwidth: float
    latency_s: float


class Traffic(NamedTuple):
    """What a rank sends: bytes on the wire [B], latency steps, seconds."""

    wire: Num
    hops: Num
    seconds: Num


COLLECTIVES = frozenset({"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send"})


def levels(system: System) -> tuple[Level, ...]:
    """Return the tiers of a system as ranks see them, the inside of a package first."""
    chip = system.chip
    out = []
    if chip.ranks > 1:
        inside = chip.on_package_bytes_per_s or chip.link_bytes_per_s or chip.bandwidth_bytes_per_s / chip.ranks
        first = system.tiers[0].latency_s if system.tiers else 0.0
        out.append(Level("package", float(chip.ranks), inside, first))
    for tier in system.tiers:
        if tier.bandwidth_bytes_per_s > 0:
            share = tier.bandwidth_bytes_per_s / chip.ranks
            out.append(Level(tier.name, tier.chips * chip.ranks, share, tier.latency_s))
    return tuple(out)


def group(op: Op, split: Split) -> tuple[Num, Num]:
    """Return the number of ranks that take part in a collective and the stride between them."""
    if op.over == "tokens":
        # A token may travel to any rank that holds experts of its replica's stage.
        return split.expert * split.expert_tensor, 1.0
    return split.degree(op.over), split.stride(op.over)


def traffic(op: Op, split: Split, tiers: tuple[Level, ...], curves: Curves) -> Traffic:
    """Return what one execution of a collective sends and takes.

    A group of n ranks at stride s has g = min(n, max(1, ranks / s)) members within a level; at each level
    t = launch + hops latency + (w + sqrt(w ramp)) / share, w = wire / bandwidth (see `CollectiveCurve`), with

    all_reduce: r = g / g_below members, wire = 2 size / g_below (r - 1) / r, hops = 2 log2 r (reduce-scatter, then
    gather, level by level); all_gather, reduce_scatter: wire = size g_below (r - 1), hops = log2 r; all_to_all:
    wire = size (g - g_below) / n, hops = log2 r, the levels' links work at the same time; send: one hop on the
    innermost level that holds both neighbours.

    Source: arXiv 1909.09756 (collectives), 1810.11112.
    """
    n, stride = group(op, split)
    wire: Num = 0.0
    hops: Num = 0.0
    seconds: Num = 0.0
    launch: Num = 0.0
    below: Num = n * 0.0 + 1.0
    lower = 1.0
    for level in tiers:
        if op.kind == "send":
            steps: Num = 1.0 * ((2.0 * stride > lower) & (2.0 * stride <= level.ranks))
            sent, inside = op.wire * steps, below
        else:
            inside = np.maximum(np.minimum(n, level.ranks / stride), below)
            steps, sent = _level(op, n, below, inside)
        c = curves.collective(op.kind, level.name)
        took = c.seconds(steps, sent, level.bandwidth, level.latency_s)
        seconds = np.maximum(seconds, took) if op.kind == "all_to_all" else seconds + took
        launch = np.maximum(launch, c.launch_s * (steps > 0))
        wire, hops, below, lower = wire + sent, hops + steps, inside, level.ranks
    there = op.calls > 0
    return Traffic(wire * there, hops * there, (seconds + launch) * op.calls)


def _level(op: Op, n: Num, below: Num, inside: Num) -> tuple[Num, Num]:
    """Return latency steps and bytes sent at one level by a rank."""
    ratio = inside / below
    steps = np.log2(ratio)
    if op.kind == "all_to_all":
        return steps, op.wire * ((inside - below) / n)
    if op.kind == "all_reduce":
        return 2.0 * steps, op.wire * (2.0 / below * (ratio - 1.0) / ratio)
    return steps, op.wire * (below * (ratio - 1.0))


def crossed(op: Op, split: Split, tiers: tuple[Level, ...]) -> list[Level]:
    """Return the levels over which a collective of one layout (plain floats) sends anything."""
    if op.over == "host":
        return []
    n, stride = group(op, split)
    below, lower, out = 1.0, 1.0, []
    for level in tiers:
        inside = max(min(float(n), level.ranks / float(stride)), below)
        there = (
            2.0 * float(stride) > lower and 2.0 * float(stride) <= level.ranks if op.kind == "send" else inside > below
        )
        if there:
            out.append(level)
        below, lower = inside, level.ranks
    return out
