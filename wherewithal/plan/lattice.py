"""All ways of splitting a model over ranks: the lattice of layouts, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from wherewithal import pulse
from wherewithal.axes.split import Split
from wherewithal.model.op import Rows

DEGREES = ("tensor", "pipeline", "expert", "expert_tensor", "data", "context", "microbatches")
NAMES = (*DEGREES, "host_layers", "host_experts")


@dataclass(frozen=True)
class Layouts:
    """Rows of degrees, one row a layout.

    Attributes:
        columns: name of a degree to its column.
        sizes: batch sizes that each is tried at; 0 for as many as their number allows.
    """

    columns: dict[str, Rows]
    sizes: int = 0

    def __len__(self) -> int:
        return len(self.columns["tensor"])

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Layouts:
        """Return some of the rows."""
        return Layouts({k: v[rows] for k, v in self.columns.items()})

    def split(self) -> Split:
        """Return the degrees as columns of shape (rows, 1), so that they meet batches along the second axis."""
        return Split(**{k: v[:, None] for k, v in self.columns.items()})

    def row(self, index: int) -> Split:
        """Return one row as plain floats."""
        return Split(**{k: float(v[index]) for k, v in self.columns.items()})

    @property
    def ranks(self) -> Rows:
        """Ranks of one replica."""
        c = self.columns
        return c["tensor"] * c["pipeline"] * c["data"] * c["context"]


def smooth(limit: int, primes: tuple[int, ...] = (2, 3, 5)) -> list[int]:
    """Return all whole numbers up to `limit` with no other prime factors, in order."""
    found = {1}
    for p in primes:
        for n in sorted(found):
            while n * p <= limit:
                n *= p
                found.add(n)
    return sorted(found)


@cache
def lattice(ranks: int, depth: int, *, routed: bool, widest_tensor: int = 128) -> Layouts:
    """Return every layout of one replica on up to `ranks` ranks, legal for the model or not.

    Degrees are products of 2, 3 and 5; pipelines up to 16 stages, contexts up to 16 stretches. With routed experts
    (`routed`) the attention may be copied (`data`), and experts lie over tensor x data as whole ones (expert_tensor
    1), in slices of 2, 4 or 8 ranks, or each over all ranks; steps may be cut in two where tokens travel.
    """
    rows: list[tuple[int, ...]] = []
    for tensor in smooth(min(ranks, widest_tensor)):
        pulse.beat()
        for pipeline in smooth(min(ranks // tensor, 16, depth)):
            for context in (c for c in (1, 2, 4, 8, 16) if tensor * pipeline * c <= ranks):
                for data in smooth(ranks // (tensor * pipeline * context)) if routed else [1]:
                    rows.extend(_experts(tensor, pipeline, context, data, routed=routed))
    table = np.array(rows, dtype=np.float64).reshape(-1, len(DEGREES))
    columns = {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(DEGREES)}
    return Layouts({**columns, **{name: np.zeros(len(table)) for name in NAMES[len(DEGREES) :]}})


def offloaded(every: Layouts, depth: int, kinds: tuple[str, ...], *, routed: bool) -> Layouts:
    """Return layouts with each number of layers, or of layers' experts, on the host beside none.

    Only single replicas without copies of the attention are cut like this: the host serves one at a time.

    Args:
        every: layouts with nothing on the host.
        depth: layers of the model.
        kinds: what may live there: `layers`, `experts`.
        routed: whether the model has routed experts.
    """
    c = every.columns
    plain = every.take((c["data"] == 1) & (c["context"] == 1) & (c["microbatches"] == 1))
    parts = [every]
    names = [n for n in ("layers", "experts") if n in kinds and (n == "layers" or routed)]
    for name in names:
        count = np.tile(np.arange(1.0, depth + 1.0), len(plain))
        repeated = plain.take(np.repeat(np.arange(len(plain)), depth))
        parts.append(Layouts({**repeated.columns, f"host_{name}": count}))
    return Layouts({n: np.concatenate([p.columns[n] for p in parts]) for n in NAMES})


def _experts(tensor: int, pipeline: int, context: int, data: int, *, routed: bool) -> list[tuple[int, ...]]:
    stage = tensor * data
    slices = sorted({s for s in (1, 2, 4, 8, stage) if stage % s == 0}) if routed else [stage]
    cuts = (1, 2) if data > 1 else (1,)
    return [(tensor, pipeline, stage // s if routed else 1, s, data, context, m) for s in slices for m in cuts]


def batches(most: Rows, count: int) -> Rows:
    """Return for each layout `count` whole batch sizes from 1 to its most, evenly spaced in the logarithm.

    Shape (layouts, count); small ranges repeat sizes, which `distinct` tells.
    """
    steps = np.linspace(0.0, 1.0, count)[None, :]
    return np.rint(np.exp(np.log(np.maximum(most, 1.0))[:, None] * steps))


def distinct(sizes: Rows) -> NDArray[np.bool_]:
    """Return which entries of ascending rows are new (each value of a row once)."""
    new = np.ones(sizes.shape, dtype=bool)
    new[:, 1:] = np.diff(sizes, axis=1) > 0
    return new
