"""Effective work of an operator over its sizes: a table on a uniform grid of log sizes, monotone where work grows.

A kernel computes more than what is asked: it fills tiles, waits for the last wave of tiles, splits a depth, computes a
softmax. The table tells how much: phi >= x of the sizes that grow with the work (rows of a product, tokens in flight,
context), so that arithmetic takes C = (flops / x) phi / peak. Along those sizes phi is linear between nodes a factor of
two apart and never falls; along the sizes of the layer (columns, depth, heads) it is linear in their logs. Hence an
operator never takes less time when its work grows, and never beats the peak.

The catalog holds log(phi / phi of the smooth form) at the nodes, in percent, as integers (`surface` of a curve).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherewithal.model.op import Num, Op

Floats = NDArray[np.floating[Any]]


class Axis(NamedTuple):
    """A size and where its nodes lie: `first`, `last` and `step` are logs to base 2."""

    name: str
    first: float
    last: float
    step: float = 1.0

    @property
    def size(self) -> int:
        """Number of nodes."""
        return round((self.last - self.first) / self.step) + 1

    @property
    def nodes(self) -> Floats:
        """Sizes at the nodes."""
        return np.asarray(2.0 ** (self.first + self.step * np.arange(self.size)))


class Grid(NamedTuple):
    """Axes of a kind: those along which work grows (a factor of two between nodes), and those of the layer."""

    work: tuple[Axis, ...]
    layer: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Nodes per axis, those of the layer first."""
        return tuple(a.size for a in (*self.layer, *self.work))


MET = 32
"""Layers that a surface makes room for at a time."""
MOST = 20_000
"""Layers that a surface remembers at most."""
GRIDS = {
    "matmul": Grid((Axis("rows", 0, 15),), (Axis("columns", 7, 15, 2), Axis("depth", 7, 15, 2))),
    "batched_matmul": Grid((Axis("rows", 0, 15),), (Axis("batch", 0, 7, 1.75), Axis("columns", 7, 9, 2))),
    "grouped_matmul": Grid(
        (Axis("rows", 0, 14), Axis("experts", 0, 9)), (Axis("columns", 8, 14, 3), Axis("depth", 8, 14, 3))
    ),
    "attention_prefill": Grid((Axis("query rows", 7, 23), Axis("context", 6, 17)), (Axis("head size", 6, 9, 0.25),)),
    "attention_decode": Grid((Axis("caches", 0, 14), Axis("context", 3, 19)), (Axis("query rows", 0, 6, 0.5),)),
    "attention_latent": Grid((Axis("caches", 0, 11), Axis("context", 3, 19)), (Axis("query rows", 0, 7),)),
    "scan_decode": Grid((Axis("tokens", 0, 12),), (Axis("heads", 0, 7),)),
    "scan_prefill": Grid((Axis("tokens", 6, 16),), (Axis("heads", 0, 7),)),
}
"""Grid of every kind that has one."""


def coordinates(kind: str, s: tuple[Num, ...]) -> tuple[tuple[Num, ...], tuple[Num, ...]]:
    """Return the sizes of an operator along the axes of its kind's grid: those of work, those of the layer."""
    if kind == "matmul":
        return (s[0],), (s[1], s[2])
    if kind == "batched_matmul":
        return (s[0],), (s[3], s[1])
    if kind == "grouped_matmul":
        return (s[0], s[3]), (s[1], s[2])
    if kind == "attention_prefill":
        return (s[0] * s[2], s[1]), (s[3],)
    if kind in ("attention_decode", "attention_latent"):
        return (s[0] * s[2], s[1]), (s[3],)
    return (s[0],), (s[1],)


def probe(kind: str) -> tuple[tuple[Num, ...], Floats, Floats]:
    """Return sizes, FLOP and FLOP per unit of work at every node of a kind's grid, flat, the layer's axes first."""
    grid = GRIDS[kind]
    mesh = [x.ravel() for x in np.meshgrid(*(a.nodes for a in (*grid.layer, *grid.work)), indexing="ij")]
    one = np.ones_like(mesh[0])
    if kind == "matmul":
        n, k, m = mesh
        return (m, n, k), 2 * m * n * k, 2 * n * k
    if kind == "batched_matmul":
        h, n, m = mesh
        k = 2.0**16 / n
        return (m, n, k, h), 2 * m * n * k * h, 2 * n * k * h
    if kind == "grouped_matmul":
        n, k, m, e = mesh
        return (m, n, k, e), 2 * m * n * k * e, 2 * n * k
    if kind == "attention_prefill":
        w, q, s = mesh
        return (q / 32, s, 32 * one, w), 4 * q * s * w, 4 * w
    if kind == "attention_decode":
        r, b, s = mesh
        return (b / 8, s, 8 * one, r), 512 * b * s * r, 512 * r
    if kind == "attention_latent":
        r, b, s = mesh
        return (b, s, one, r), 2176 * b * s * r, 2176 * r
    h, n = mesh
    return (n, h, 16384 * one), 8 * 16384 * n * h, 8 * 16384 * h


def rising(phi: Floats, work: int) -> Floats:
    """Return a table that never falls along its last `work` axes and is nowhere far from the given one."""
    axes = range(phi.ndim - work, phi.ndim)
    for _ in range(20 if work > 1 else 1):
        for a in axes:
            up = np.maximum.accumulate(phi, axis=a)
            down = np.flip(np.minimum.accumulate(np.flip(phi, a), axis=a), a)
            phi = (up + down) / 2
    for a in axes:
        phi = np.maximum.accumulate(phi, axis=a)
    return phi


class Surface:
    """phi of one curve, evaluated element-wise."""

    def __init__(self, kind: str, phi: Floats) -> None:
        """Keep a table.

        Args:
            kind: kind of operator.
            phi: effective work at the nodes, shaped as the grid of the kind; at least the work itself, never falling.
        """
        self.kind, self.grid = kind, GRIDS[kind]
        self._table = self._linear(phi)
        self._cells = self._table[0].shape[-1]
        self._low = [2.0**a.first for a in self.grid.work]
        self._known: dict[tuple[float, ...], int] = {}
        self._flat: list[Floats] = [np.zeros(0) for _ in self._table]

    def _linear(self, phi: Floats) -> list[Floats]:
        """Return the coefficients of 1, x (and y, x y) in every cell, the layer's axes kept, cells last and flat.

        Beyond the last node phi grows as the work does: one more cell, whose far end is twice as much.
        """
        grid = self.grid
        for a in range(phi.ndim - len(grid.work), phi.ndim):
            phi = np.concatenate([phi, 2.0 * np.take(phi, [-1], a)], a)
        head = phi.shape[: len(grid.layer)]
        if len(grid.work) == 1:
            x = grid.work[0].nodes
            slope = np.diff(phi, axis=-1) / x  # cells are as wide as they are far from 0
            return [phi[..., :-1] - slope * x, slope]
        x, y = (axis.nodes for axis in grid.work)
        x, y = x[:, None], y[None, :]
        p00, p10, p01, p11 = phi[..., :-1, :-1], phi[..., 1:, :-1], phi[..., :-1, 1:], phi[..., 1:, 1:]
        d = (p11 - p10 - p01 + p00) / (x * y)
        b = (p10 - p00) / x - d * y
        c = (p01 - p00) / y - d * x
        a_ = p00 - b * x - c * y - d * x * y
        return [v.reshape(*head, -1) for v in (a_, b, c, d)]

    def _slice(self, sizes: tuple[float, ...]) -> list[Floats]:
        """Return the coefficients at one layer's sizes: linear in their logs, constant beyond the grid."""
        found = self._table
        for axis, size in zip(self.grid.layer, sizes, strict=True):
            z = min(max((np.log2(max(size, 1e-9)) - axis.first) / axis.step, 0.0), axis.size - 1.0)
            i = min(int(z), axis.size - 2)
            found = [t[i] + (t[i + 1] - t[i]) * (z - i) for t in found]
        return found

    def _start(self, layer: tuple[Num, ...]) -> Any:
        """Return where the cells of each layer begin in the flat coefficients; layers met for the first time are added."""
        if not any(isinstance(x, np.ndarray) and x.ndim for x in layer):
            return self._row(tuple(float(x) for x in layer)) * self._cells
        sizes = np.broadcast_arrays(*layer)
        keys = zip(*(x.ravel().tolist() for x in sizes), strict=True)
        known = self._known
        rows = [known[k] if k in known else self._row(k) for k in keys]
        return np.array(rows).reshape(sizes[0].shape) * self._cells

    def _row(self, key: tuple[float, ...]) -> int:
        """Return the place of a layer among those met."""
        if key not in self._known:
            if len(self._known) == len(self._flat[0]) // self._cells:
                more = max(MET, len(self._flat[0]))
                self._flat = [np.concatenate([f, np.zeros(more * self._cells)]) for f in self._flat]
            place = self._known[key] = len(self._known)
            at = slice(place * self._cells, (place + 1) * self._cells)
            for flat, coefficients in zip(self._flat, self._slice(key), strict=True):
                flat[at] = coefficients
        return self._known[key]

    def __call__(self, work: tuple[Num, ...], layer: tuple[Num, ...]) -> Num:
        """Return phi of sizes along the axes of work and of the layer; all broadcast."""
        if len(self._known) > MOST:
            self._known.clear()
        place: Any = self._start(layer)
        flat = self._flat
        if len(work) == 1:
            x = np.maximum(work[0], self._low[0])
            place = _cell(x, self.grid.work[0]) + place
            line: Num = flat[0].take(place) + flat[1].take(place) * x
            return line
        x, y = (np.maximum(size, low) for size, low in zip(work, self._low, strict=True))
        one, two = self.grid.work
        place = (_cell(x, one) * two.size + place) + _cell(y, two)
        near, far = flat[0].take(place) + flat[1].take(place) * x, flat[2].take(place) + flat[3].take(place) * x
        plane: Num = near + far * y
        return plane


def _cell(x: Num, axis: Axis) -> NDArray[np.integer[Any]]:
    """Return the cell of sizes on an axis whose nodes are powers of two: the exponent of the float, without a log."""
    bits = np.ascontiguousarray(x, dtype=np.float64).view(np.int64)
    cell = (bits >> 52) - (1023 + int(axis.first))
    return np.asarray(np.minimum(cell, axis.size - 1).reshape(np.shape(x)))


def effective(op: Op, surface: Surface) -> Num:
    """Return the FLOP that a kernel really spends on an operator [FLOP].

    The busiest rank of an expert group has skew times the rows, spread over skew times the experts of `sizes`.
    """
    s = op.sizes
    work, layer = coordinates(op.kind, s)
    if op.kind == "grouped_matmul":
        each = 2.0 * s[1] * s[2]
        return surface((op.flops / (each * s[3]), s[3] * op.skew), layer) * each
    phi = surface(work, layer)
    if op.kind == "matmul":
        return phi * (2.0 * s[1] * s[2])
    if op.kind == "batched_matmul":
        return phi * (2.0 * s[1] * s[2] * s[3])
    every = work[0] * work[1] if len(work) > 1 else work[0]
    return phi * (op.flops / np.maximum(every, 1e-9))
