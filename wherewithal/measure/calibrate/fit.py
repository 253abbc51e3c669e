"""Fitting the constants of `wherewithal.pricing.curve` to the operators of a probe, robustly.

The error is the soft L1 of log(predicted / measured); every constant is at least zero, shares of a peak are at most 1.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wherewithal.measure.calibrate.operators import Sample
from wherewithal.model.op import Op
from wherewithal.pricing.curve import Curve, Residual, blend, compute_seconds, memory_seconds, plain_work, surface_of
from wherewithal.pricing.surface import GRIDS, Axis, effective

Floats = NDArray[np.float64]
SCALE = 0.1  # of the soft L1 loss, in log time
POWERS = (1.0, 2.0, 4.0)  # how arithmetic and memory traffic hide each other: not at all, partly, well
FEWEST = 4  # measured times below which nothing is fitted
HELD = 12  # measured times from which a quarter of the shapes is held out to judge the fit
LAUNCH = "launch_s"
SHARP = 4.0  # power of the form under a table, which holds what is not hidden
FLOOR = 0.05  # least share of a time that is arithmetic
NEARER = 0.7  # a table is kept where it is so much nearer to the shapes measured than constants are to them,
FURTHER = 2.0  # and no further than this from shapes that it was not fitted on
RIDGE = 0.02  # weight of the median beside one measured shape
SEVERAL = 3  # shapes at one number of rows, and numbers of rows, that a table needs


@dataclass(frozen=True)
class Fitted:
    """A curve and how far it is off.

    Attributes:
        curve: constants with their residual.
        rows, shapes: measured times, and shapes of layers among them.
        median_error: of |log(predicted / measured)| on all rows.
        held_out_error: the same on shapes that were left out of a fit of the others; None where too few.
    """

    curve: Curve
    rows: int
    shapes: int
    median_error: float
    held_out_error: float | None


def _features(op: Op) -> tuple[list[tuple[str, Floats]], list[tuple[str, Floats]]]:
    """Return what the arithmetic and the memory side are linear in, with the constant that each coefficient becomes."""
    flops, moved, s = np.asarray(op.flops), np.asarray(op.bytes), [np.asarray(x, dtype=np.float64) for x in op.sizes]
    if op.kind in ("matmul", "batched_matmul"):
        return [("share", flops), ("depth_pad", flops / s[2]), ("step_s", s[2])], [("share", moved)]
    if op.kind == "grouped_matmul":
        rows = 2.0 * s[3] * s[1] * s[2]
        return [("share", flops), ("depth_pad", flops / s[2]), ("row_pad", rows), ("step_s", s[2])], [("share", moved)]
    if op.kind == "attention_prefill":
        return [("share", flops), ("depth_pad", 4 * s[0] * s[2] * s[3]), ("step_s", s[1])], [("share", moved)]
    if op.kind == "attention_decode":
        work = [("share", flops), ("row_pad", flops / s[3]), ("step_s", s[1])]
        return work, [("share", moved), ("pad_bytes", s[0] * s[2])]
    return [], [("share", moved)]


def seconds(op: Op, c: Curve, peak: float, bandwidth: float) -> Floats:
    """Return the time of operators by a curve [s], as the product prices them.

    Args:
        op: the operators.
        c: constants.
        peak: [FLOP/s] of one rank in their format.
        bandwidth: [B/s] of one rank's memory.
    """
    surface = surface_of(c, peak)
    arithmetic = effective(op, surface) / peak if surface else compute_seconds(op, c, peak)
    busy = blend(arithmetic, memory_seconds(op, c, bandwidth), c.power)
    return np.asarray(busy + c.launch_s, dtype=np.float64)


def _solve(op: Op, measured: Floats, peak: float, bandwidth: float, power: float) -> Curve:
    from scipy.optimize import least_squares

    work, traffic = _features(op)
    columns = np.array([a for _, a in (*work, *traffic)])
    n, goal = len(work), np.log(measured)

    def predict(x: Floats) -> Floats:
        e = np.exp(x)
        arithmetic = e[:n] @ columns[:n] if n else 0.0 * measured
        return np.asarray(blend(arithmetic, e[n:-1] @ columns[n:], power) + e[-1], dtype=np.float64)

    typical = float(np.median(measured))
    middle = np.array([np.median(c[c > 0]) if (c > 0).any() else 1.0 for c in columns])
    start = np.log(0.3 * typical / middle)
    low, high = start - 16.0, start + 12.0
    for i, roof in ((0, peak), (n, bandwidth)):
        if i or n:
            low[i] = -np.log(roof)
            start[i], high[i] = max(start[i], low[i] + 0.05), max(start[i], low[i]) + 8.0
    least = float(np.min(measured))
    start, low = np.append(start, np.log(0.3 * least)), np.append(low, np.log(1e-9))
    high = np.append(high, np.log(least))
    found = least_squares(
        lambda x: np.log(predict(x)) - goal, start, bounds=(low, high), loss="soft_l1", f_scale=SCALE, max_nfev=400
    )
    return _curve(op, np.exp(found.x), n, (peak, bandwidth), power)


def _curve(op: Op, x: Floats, n: int, roofs: tuple[float, float], power: float) -> Curve:
    """Return the constants that coefficients [s per unit] mean."""
    work, traffic = _features(op)
    out: dict[str, float] = {LAUNCH: float(x[-1])}
    if n:
        out["compute_share"] = min(1.0, 1.0 / (float(x[0]) * roofs[0]))
    out["memory_share"] = min(1.0, 1.0 / (float(x[n]) * roofs[1]))
    for i, (name, _) in enumerate((*work, *traffic)):
        if name == "share":
            continue
        first = float(x[0]) if i < n else float(x[n])
        out[name] = float(x[i]) if name == "step_s" else float(x[i]) / first
    kept: dict[str, Any] = {k: float(f"{v:.4g}") for k, v in out.items() if v > 1e-15}
    return Curve(op.kind, op.format, power=power, **kept)


def _cut(op: Op, measured: Floats, keep: NDArray[np.bool_]) -> tuple[Op, Floats]:
    """Return some of the operators with their times."""

    def cut(v: Any) -> Any:
        return np.broadcast_to(v, measured.shape)[keep]

    part = op._replace(flops=cut(op.flops), bytes=cut(op.bytes), sizes=tuple(cut(s) for s in op.sizes))
    return part, measured[keep]


def _best(op: Op, measured: Floats, peak: float, bandwidth: float) -> tuple[Curve, Floats]:
    """Return the curve with the least error, and log(predicted / measured)."""
    tried: list[tuple[Curve, Floats]] = []
    for power in POWERS if op.kind != "stream" else POWERS[-1:]:
        c = _solve(op, measured, peak, bandwidth, power)
        tried.append((c, np.log(seconds(op, c, peak, bandwidth) / measured)))
    plain = min(tried, key=_size)
    wide = tabled(op, measured, plain[0], peak, bandwidth)
    if wide is None:
        return plain
    found = wide, np.log(seconds(op, wide, peak, bandwidth) / measured)
    near = _size(found) < NEARER * _size(plain)
    return found if near and _far(op, measured, plain[0], peak, bandwidth) < FURTHER * _size(plain) else plain


def _far(op: Op, measured: Floats, plain: Curve, peak: float, bandwidth: float) -> float:
    """Return how far tables are off on shapes that they were not fitted on: mean |ln|; infinite where there is none."""
    sizes = [np.broadcast_to(np.asarray(s, dtype=np.float64), measured.shape) for s in op.sizes]
    shapes = [f"{a:g}x{b:g}" for a, b in zip(sizes[1], sizes[2], strict=True)]
    off: list[float] = []
    for shape in dict.fromkeys(shapes):
        out = np.array([s == shape for s in shapes])
        table = tabled(*_cut(op, measured, ~out), plain, peak, bandwidth)
        if table is not None:
            rest, seen = _cut(op, measured, out)
            off += [float(x) for x in np.abs(np.log(seconds(rest, table, peak, bandwidth) / seen))]
    return float(np.mean(off)) if off else math.inf


def _size(tried: tuple[Curve, Floats]) -> float:
    return float(np.mean(np.abs(tried[1])))


def tabled(op: Op, measured: Floats, c: Curve, peak: float, bandwidth: float) -> Curve | None:
    """Return a curve with a table of effective work on top of the memory traffic, for products; None for others.

    Few rows run through other kernels than many (a product with a vector, tiles of four or eight rows), and depths that
    fill a kernel's blocks through others than those that do not, which constants cannot tell. What a time leaves beside
    memory traffic and launch is phi = (t^p - M^p)^(1/p) peak / (2 n k); at each number of rows, ln(phi / rows) at the
    nodes of columns and depth is the least-squares fit of its linear interpolation to what was measured, held near the
    median by a ridge.
    """
    if op.kind != "matmul":
        return None
    plain = Curve(op.kind, op.format, memory_share=1.0, launch_s=c.launch_s, power=SHARP)
    traffic = np.asarray(memory_seconds(op, plain, bandwidth)) * np.ones(len(measured))
    busy = np.maximum(measured - c.launch_s, 1e-12)
    left = np.maximum(busy**SHARP - traffic**SHARP, (FLOOR * busy) ** SHARP) ** (1.0 / SHARP)
    m, n, k = (np.broadcast_to(np.asarray(x, dtype=np.float64), measured.shape) for x in op.sizes[:3])
    ratio = np.log(left * peak / (2.0 * n * k * m))
    known = [x for x in np.unique(m) if (m == x).sum() >= SEVERAL]
    if len(known) < SEVERAL:
        return None
    grid = GRIDS[op.kind]
    places = np.array([_nodes(grid.layer, (a, b)) for a, b in zip(n, k, strict=True)])
    at = np.array([_ridge(places[m == x], ratio[m == x]) for x in known])  # (rows known, nodes of the layer)
    rows = grid.work[0].nodes
    wanted = np.array([np.interp(np.log(rows), np.log(known), column) for column in at.T]) + np.log(rows)
    base, _ = plain_work(plain, peak)
    percent = 100.0 * (wanted.ravel() - np.log(base))
    return replace(plain, surface=" ".join(str(round(v)) for v in percent))


def _nodes(axes: tuple[Axis, ...], sizes: tuple[float, ...]) -> Floats:
    """Return the share of every node in the linear interpolation at one layer's sizes, flat, constant beyond the grid."""
    share = np.ones(1)
    for axis, size in zip(axes, sizes, strict=True):
        z = min(max((math.log2(size) - axis.first) / axis.step, 0.0), axis.size - 1.0)
        i = min(int(z), axis.size - 2)
        one = np.zeros(axis.size)
        one[i], one[i + 1] = 1.0 - (z - i), z - i
        share = np.outer(share, one).ravel()
    return share


def _ridge(places: Floats, ratio: Floats) -> Floats:
    """Return values at nodes whose interpolation fits ratios, held near their median."""
    middle = float(np.median(ratio))
    design = places.T @ places + RIDGE * np.eye(places.shape[1])
    return np.asarray(middle + np.linalg.solve(design, places.T @ (ratio - middle)), dtype=np.float64)


def held(shape: str) -> bool:
    """Return whether a shape is held out to judge a fit (a quarter of them, by a hash that never changes)."""
    return zlib.crc32(shape.encode()) % 4 == 0


def fit(sample: Sample, peak: float, bandwidth: float) -> Fitted | None:
    """Return the curve of one kind in one format; None where it was measured too seldom.

    Args:
        sample: measured operators.
        peak: [FLOP/s] of one rank in the format.
        bandwidth: [B/s] of one rank's memory.
    """
    if len(sample.seconds) < FEWEST:
        return None
    shapes = sample.shapes
    out = np.array([held(s) for s in shapes])
    tested = None
    if len(out) >= HELD and out.any() and not out.all():
        part, _ = _best(*_cut(sample.op, sample.seconds, ~out), peak, bandwidth)
        rest, measured = _cut(sample.op, sample.seconds, out)
        tested = float(np.median(np.abs(np.log(seconds(rest, part, peak, bandwidth) / measured))))
    curve, error = _best(*_cut(sample.op, sample.seconds, np.ones(len(out), dtype=bool)), peak, bandwidth)
    q = np.quantile(error, [0.1, 0.5, 0.9])
    spread = Residual(round(float(np.std(error)), 4), *(round(float(v), 4) for v in q))
    median = round(float(np.median(np.abs(error))), 4)
    return Fitted(
        replace(curve, residual=spread),
        len(error),
        len(set(shapes)),
        median,
        None if tested is None else round(tested, 4),
    )
