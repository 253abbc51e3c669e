"""Effective work of an operator over its sizes, plainly: nested lists, loops, one size at a time.

A curve may hold log(effective work / that of its constants) in percent at nodes of a grid. Along sizes that grow with the
work it is linear between nodes a factor of two apart; along sizes of the layer linear in their logs, constant beyond.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

Axis = tuple[float, int, float]  # log2 of the first node, nodes, step in log2

LAYER: dict[str, list[Axis]] = {
    "matmul": [(7, 5, 2), (7, 5, 2)], "batched_matmul": [(0, 5, 1.75), (7, 2, 2)], "grouped_matmul": [(8, 3, 3), (8, 3, 3)],
    "attention_prefill": [(6, 13, 0.25)], "attention_decode": [(0, 13, 0.5)], "attention_latent": [(0, 8, 1)],
}  # fmt: skip
WORK: dict[str, list[Axis]] = {
    "matmul": [(0, 16, 1)], "batched_matmul": [(0, 16, 1)], "grouped_matmul": [(0, 15, 1), (0, 10, 1)],
    "attention_prefill": [(7, 17, 1), (6, 12, 1)], "attention_decode": [(0, 15, 1), (3, 17, 1)], "attention_latent": [(0, 12, 1), (3, 17, 1)],
}  # fmt: skip


def asked_at(kind: str, layer: list[float], work: list[float]) -> tuple[tuple[float, ...], float, float]:
    """Return sizes, FLOP, and FLOP per unit of work of the operator that stands at a node."""
    if kind == "matmul":
        (n, k), (m,) = layer, work
        return (m, n, k), 2 * m * n * k, 2 * n * k
    if kind == "batched_matmul":
        (h, n), (m,) = layer, work
        k = 65536 / n
        return (m, n, k, h), 2 * m * n * k * h, 2 * n * k * h
    if kind == "grouped_matmul":
        (n, k), (m, e) = layer, work
        return (m, n, k, e), 2 * m * e * n * k, 2 * n * k
    (r,), (b, s) = layer, work
    if kind == "attention_prefill":
        return (b / 32, s, 32.0, r), 4 * b * s * r, 4 * r
    if kind == "attention_decode":
        return (b / 8, s, 8.0, r), 512 * b * s * r, 512 * r
    return (b, s, 1.0, r), 2176 * b * s * r, 2176 * r


def along(kind: str, sizes: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """Return an operator's sizes of the layer and of its work."""
    if kind == "matmul":
        return [sizes[1], sizes[2]], [sizes[0]]
    if kind == "batched_matmul":
        return [sizes[3], sizes[1]], [sizes[0]]
    if kind == "grouped_matmul":
        return [sizes[1], sizes[2]], [sizes[0], sizes[3]]
    return [sizes[3]], [sizes[0] * sizes[2], sizes[1]]


class Table:
    """The effective work of one curve at one peak."""

    def __init__(self, curve: Any, peak: float, plain: Callable[[tuple[float, ...], float], float]) -> None:
        self.kind, percent = curve.kind, [float(x) for x in curve.surface.split()]
        self.layer, self.work = LAYER[self.kind], WORK[self.kind]
        every = [range(count) for _, count, _ in (*self.layer, *self.work)]
        self.phi: dict[tuple[int, ...], float] = {}
        for at, bent in zip(itertools.product(*every), percent, strict=True):
            sizes = [
                2.0 ** (first + step * i) for (first, _, step), i in zip((*self.layer, *self.work), at, strict=True)
            ]
            op, flops, unit = asked_at(self.kind, sizes[: len(self.layer)], sizes[len(self.layer) :])
            asked = flops / unit
            self.phi[at] = max(max(plain(op, flops) * peak / unit, asked) * math.exp(bent / 100), asked)
        self._rise(every)
        self.slices: dict[tuple[float, ...], dict[tuple[int, ...], float]] = {}

    def _rise(self, every: list[range]) -> None:
        """Make the table never fall along its axes of work: the mean of the envelopes from both sides, again and again."""
        axes = range(len(self.layer), len(every))
        for _ in range(20 if len(self.work) > 1 else 1):
            for a in axes:
                for line in self._lines(every, a):
                    up, down = [self.phi[x] for x in line], [self.phi[x] for x in line]
                    for i in range(1, len(line)):
                        up[i] = max(up[i], up[i - 1])
                        down[-1 - i] = min(down[-1 - i], down[-i])
                    self.phi.update({x: (u + d) / 2 for x, u, d in zip(line, up, down, strict=True)})
        for a in axes:
            for line in self._lines(every, a):
                for x, y in itertools.pairwise(line):
                    self.phi[y] = max(self.phi[y], self.phi[x])

    @staticmethod
    def _lines(every: list[range], a: int) -> list[list[tuple[int, ...]]]:
        others = itertools.product(*(r for i, r in enumerate(every) if i != a))
        return [[(*o[:a], i, *o[a:]) for i in every[a]] for o in others]

    def _slice(self, layer: list[float]) -> dict[tuple[int, ...], float]:
        key = tuple(layer)
        if key not in self.slices:
            now = self.phi
            for (first, count, step), size in zip(self.layer, layer, strict=True):
                z = min(max((math.log2(size) - first) / step, 0.0), count - 1.0)
                i = min(int(z), count - 2)
                now = {at[1:]: low + (now[i + 1, *at[1:]] - low) * (z - i) for at, low in now.items() if at[0] == i}
            self.slices[key] = now
        return self.slices[key]

    def __call__(self, layer: list[float], work: list[float]) -> float:
        """Return the effective work at sizes of a layer and of work."""
        phi = self._slice(layer)
        corners: list[list[tuple[int, float, float]]] = []
        for (first, count, _), size in zip(self.work, work, strict=True):
            x = max(size, 2.0**first)
            i = min(math.frexp(x)[1] - 1 - int(first), count - 1)
            part = x / 2.0 ** (first + i) - 1
            # beyond the last node the far end is twice the near one
            far = (i + 1, part, 1.0) if i + 1 < count else (i, part, 2.0)
            corners.append([(i, 1 - part, 1.0), far])
        total = 0.0
        for corner in itertools.product(*corners):
            weight, node = 1.0, tuple(i for i, _, _ in corner)
            for _, part, times in corner:
                weight *= part * times
            total += weight * phi[node]
        return total
