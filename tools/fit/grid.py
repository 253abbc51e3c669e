"""Fit the table of effective work (`wherewithal.pricing.surface`) on top of a curve's constants.

Unknown: log(phi / phi of the constants) at every node, the launch time, the share of bandwidth. Minimised: soft L1 of
log(predicted / measured), plus squares of the differences between neighbouring nodes (small along the sizes of work,
larger along those of the layer) and of the nodes themselves, by damped Gauss-Newton steps on sparse matrices.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from fit.core import SCALE, Samples
from wherewithal.model.op import Op
from wherewithal.pricing.curve import Curve, memory_seconds, plain_work
from wherewithal.pricing.surface import GRIDS, Axis, Grid, coordinates, rising

SMOOTH = {"work": 0.02, "layer": 0.3, "node": 0.0006}  # weights of the penalties for 1,000 rows
STEPS = 30


def spread_over(grid: Grid, work: list[np.ndarray], layer: list[np.ndarray]) -> sp.csr_matrix:
    """Return the weight of every node in every row: linear in the sizes of work, in the logs of the layer's."""
    at, weight = np.zeros((len(work[0]), 1), int), np.ones((len(work[0]), 1))
    axes = [(a, x, True) for a, x in zip(grid.layer, layer, strict=True)]
    axes += [(a, x, False) for a, x in zip(grid.work, work, strict=True)]
    for axis, x, log in axes:
        i, low, high = place(axis, x, log)
        at = np.concatenate([at * axis.size + i[:, None], at * axis.size + i[:, None] + 1], 1)
        weight = np.concatenate([weight * low[:, None], weight * high[:, None]], 1)
    rows = np.repeat(np.arange(len(at)), at.shape[1])
    return sp.csr_matrix((weight.ravel(), (rows, at.ravel())), (len(at), int(np.prod(grid.shape))))


def place(axis: Axis, x: np.ndarray, log: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cell of sizes and the weights of its two nodes."""
    z = (np.log2(np.maximum(x, 2.0**axis.first)) - axis.first) / axis.step
    i = np.minimum(np.floor(z + 1e-12).astype(int), axis.size - 2)
    if log:
        part = np.minimum(z, axis.size - 1.0) - i
        return i, 1 - part, part
    low, high = axis.nodes[i], axis.nodes[i + 1]
    part = (np.maximum(x, low) - low) / (high - low)
    over = x > high  # beyond the grid phi grows as the work does
    return i, np.where(over, 0.0, 1 - part), np.where(over, x / high, part)


def roughness(grid: Grid) -> sp.csc_matrix:
    """Return the penalties as a quadratic form over the nodes."""
    index = np.arange(int(np.prod(grid.shape))).reshape(grid.shape)
    total = SMOOTH["node"] * sp.eye(index.size)
    for a, n in enumerate(grid.shape):
        one, two = (np.take(index, range(s, n - 1 + s), a).ravel() for s in (0, 1))
        m = len(one)
        d = sp.csr_matrix(
            (np.r_[-np.ones(m), np.ones(m)], (np.r_[range(m), range(m)], np.r_[one, two])), (m, index.size)
        )
        total = total + SMOOTH["layer" if a < len(grid.layer) else "work"] * (d.T @ d)
    return total.tocsc()


def solve(a: sp.spmatrix, b: np.ndarray) -> np.ndarray:
    """Return the solution of a symmetric positive system."""
    options = {"SymmetricMode": True}
    return splu(a.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options).solve(b)


class Table:
    """The fit of one table: unknowns are the nodes, then log launch, then log share of bandwidth."""

    def __init__(self, samples: Samples, c: Curve) -> None:
        """Prepare samples of a curve whose constants are given."""
        self.s, self.c, self.grid = samples, c, GRIDS[c.kind]
        d = samples.d
        sizes = tuple(d[f"s{i}"].to_numpy(float) for i in range(4))
        work, layer = coordinates(c.kind, sizes)
        self.weights = spread_over(self.grid, [np.asarray(x) for x in work], [np.asarray(x) for x in layer])
        flops = d["flops"].to_numpy(float)
        self.unit = flops / np.prod(work, axis=0) / samples.peak
        op = Op("x", c.kind, c.format, flops, d["bytes"].to_numpy(float), sizes)
        self.memory = memory_seconds(op, c, samples.bandwidth) * np.ones(len(d))
        base, asked = plain_work(c, samples.peak)
        self.base, self.asked = np.log(base), np.log(asked)
        self.penalty = sp.block_diag([roughness(self.grid), sp.diags([1.0, 1.0])]).tocsc() * (samples.count / 1000)

    def parts(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return phi at the nodes, arithmetic and memory seconds of every product, their blend, time of every row."""
        phi = np.exp(np.maximum(self.base + x[:-2], self.asked))
        c, m = self.unit * (self.weights @ phi), self.memory * np.exp(-x[-1])
        blended = np.maximum((c**4 + m**4) ** 0.25, 1e-15)
        time = self.s.fold(blended) + self.s.parts * self.c.launch_s * np.exp(x[-2]) + self.s.fixed
        return phi, c, m, blended, time

    def cost(self, x: np.ndarray) -> float:
        """Return what is minimised."""
        e = np.log(self.parts(x)[-1] / self.s.seconds)
        loss = SCALE**2 * (np.sqrt(1 + (e / SCALE) ** 2) - 1).sum()
        return float(loss + 0.5 * x @ (self.penalty @ x))

    def slope(self, x: np.ndarray) -> tuple[np.ndarray, sp.csr_matrix]:
        """Return errors and their derivatives."""
        phi, c, m, blended, time = self.parts(x)
        every = np.tile(time, self.s.parts)
        free = phi * (self.base + x[:-2] > self.asked)
        nodes = sp.diags((c / blended) ** 3 * self.unit / every) @ self.weights @ sp.diags(free)
        n = self.s.count
        nodes = sum((nodes[i * n : (i + 1) * n] for i in range(self.s.parts)), sp.csr_matrix((n, len(phi))))
        launch = self.s.parts * self.c.launch_s * np.exp(x[-2]) / time
        share = -self.s.fold((m / blended) ** 3 * m) / time
        return np.log(time / self.s.seconds), sp.hstack([nodes, np.c_[launch, share]]).tocsr()

    def fit(self) -> Curve:
        """Return the curve with its table."""
        x, damping = np.zeros(self.weights.shape[1] + 2), 1e-3
        most = -np.log(self.c.memory_share)  # the share stays at most 1
        now = self.cost(x)
        for _ in range(STEPS):
            e, j = self.slope(x)
            h = (j.T @ sp.diags(1 / np.sqrt(1 + (e / SCALE) ** 2)) @ j + self.penalty).tocsc()
            g = j.T @ (e / np.sqrt(1 + (e / SCALE) ** 2)) + self.penalty @ x
            then, moved = now, x
            for _ in range(6):
                step = solve(h + damping * sp.diags(h.diagonal() + 1e-3), -g)
                moved = x + np.clip(step, -1.5, 1.5)
                moved[-1] = min(moved[-1], most)
                then = self.cost(moved)
                if then < now:
                    break
                damping *= 6
            if then >= now:
                break
            x, damping, gain, now = moved, max(damping / 5, 1e-6), (now - then) / now, then
            if gain < 1e-3:
                break
        return self.curve(x)

    def curve(self, x: np.ndarray) -> Curve:
        """Return the curve of some unknowns, made monotone and written in whole percents."""
        phi = np.maximum(self.base + x[:-2], self.asked).reshape(self.grid.shape)
        phi = np.maximum(rising(phi, len(self.grid.work)).ravel(), self.asked)
        percent = np.rint(100 * (phi - self.base)).astype(int)
        return replace(
            self.c,
            surface=" ".join(map(str, percent.tolist())),
            launch_s=float(f"{self.c.launch_s * np.exp(x[-2]):.4g}"),
            memory_share=min(1.0, float(f"{self.c.memory_share * np.exp(x[-1]):.4g}")),
        )
