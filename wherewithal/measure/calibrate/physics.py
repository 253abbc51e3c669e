"""What no chip can have done: measured operators that are refused, each with its row and the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from wherewithal.errors import Problem
from wherewithal.measure.calibrate.operators import MEMORY_KIND, Sample

# Beyond a stated peak by so much, a figure is no figure of that chip: clocks and rounding explain less.
ABOVE = 1.05
# More work along every size in so much less time: one of the two was not measured as it says.
QUICKER = 3.0


def problems(
    some: Sequence[Sample], peaks: Mapping[str, float], bandwidth: float | None, cached: frozenset[int] = frozenset()
) -> list[Problem]:
    """Return what is impossible among measured operators.

    Args:
        some: by kind and format.
        peaks: format to [FLOP/s] of the chip, where it is known.
        bandwidth: [B/s] of its memory, where it is known.
        cached: rows whose bytes came from a cache, which no memory bandwidth bounds.
    """
    found: list[Problem] = []
    for sample in some:
        found += _above_peak(sample, peaks)
        if sample.op.kind == MEMORY_KIND and bandwidth:
            found += _above_bandwidth(sample, bandwidth, cached)
        found += _out_of_order(sample)
    return found


def _above_peak(sample: Sample, peaks: Mapping[str, float]) -> Iterator[Problem]:
    # In a format that the chip states no peak of, nothing is quicker than in its quickest.
    peak = peaks.get(sample.op.format) or max(peaks.values(), default=0.0)
    if not peak:
        return
    rate = np.broadcast_to(sample.op.flops, sample.seconds.shape) / sample.seconds
    for row, value in zip(sample.rows, rate, strict=True):
        if value > ABOVE * peak:
            what = f"{sample.op.kind} {sample.op.format} at {value:.3g} FLOP/s, the chip's peak is {peak:.3g}"
            yield Problem(f"operator {row}", what, "a time is too short, or this is another chip (--chip)")


def _above_bandwidth(sample: Sample, bandwidth: float, cached: frozenset[int]) -> Iterator[Problem]:
    rate = np.broadcast_to(sample.op.bytes, sample.seconds.shape) / sample.seconds
    for row, value in zip(sample.rows, rate, strict=True):
        if value > ABOVE * bandwidth and row not in cached:
            what = f"stream at {value:.3g} B/s, the memory's bandwidth is {bandwidth:.3g}"
            yield Problem(
                f"operator {row}", what, "it was read from a cache (note = warm), or is another chip (--chip)"
            )


def _out_of_order(sample: Sample) -> Iterator[Problem]:
    """Yield rows that do at least as much along every size as another in a third of its time."""
    sizes = [np.broadcast_to(s, sample.seconds.shape) for s in sample.op.sizes]
    sizes = sizes or [np.broadcast_to(sample.op.bytes, sample.seconds.shape)]
    columns, notes = np.array(sizes), np.array(sample.notes or [""] * len(sample.rows))
    for i, row in enumerate(sample.rows):
        more = np.all(columns >= columns[:, [i]], axis=0) & np.any(columns > columns[:, [i]], axis=0)
        slow = more & (notes == notes[i]) & (sample.seconds * QUICKER < sample.seconds[i])
        if slow.any():
            other = sample.rows[int(np.argmax(slow))]
            what = f"took {sample.seconds[i]:.3g} s; operator {other}, which is larger, {sample.seconds[slow][0]:.3g} s"
            yield Problem(f"operator {row}", what, "probe again while nothing else runs, or leave one of the two out")
