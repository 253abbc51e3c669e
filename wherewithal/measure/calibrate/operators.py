"""Rows of a probe as operators: the same counting of FLOP and bytes as the blocks of a model use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wherewithal.errors import InputError
from wherewithal.model.op import Formats, Op, Stored, matmul
from wherewithal.pricing.formats import find

Floats = NDArray[np.float64]
# Names of the sizes of each kind, in the order of `Op.sizes`; what follows a bar is known but no size of the curve.
SIZES: Mapping[str, tuple[str, ...]] = {
    "matmul": ("m", "n", "k"),
    "batched_matmul": ("m", "n", "k", "batch"),
    "grouped_matmul": ("rows", "n", "k", "experts"),
    "attention_prefill": ("query", "context", "heads", "head_size"),
    "attention_decode": ("sequences", "context", "kv_heads", "heads"),
    "stream": (),
    "memory": (),
}
MORE: Mapping[str, tuple[str, ...]] = {
    "attention_prefill": ("kv_heads",),
    "attention_decode": ("head_size",),
    "stream": ("bytes",),
    "memory": ("bytes",),
}
# Streams that measure the memory alone, and the name that they go by here: no operator of a model is one of them.
MEMORY, MEMORY_KIND = ("read", "triad"), "memory"


@dataclass(frozen=True)
class Sample:
    """Operator times of one kind in one format.

    Attributes:
        op: the operators, each number an array with one value a row.
        seconds: [s] measured, one a row.
        rows: place of each in the probe, counted from 1.
        notes: which operator of its kind each is; only those alike can be compared.
    """

    op: Op
    seconds: Floats
    rows: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def shapes(self) -> list[str]:
        """What is held out together: the layer's sizes without those that grow with the work."""
        kept = {"matmul": (1, 2), "batched_matmul": (1, 2, 3), "grouped_matmul": (1, 2, 3)}.get(self.op.kind)
        sizes = [np.broadcast_to(s, self.seconds.shape) for s in self.op.sizes]
        if kept is None:
            kept = (2, 3) if len(sizes) == 4 else ()
        return ["x".join(f"{sizes[i][r]:g}" for i in kept) for r in range(len(self.seconds))]


def samples(rows: Sequence[Any]) -> list[Sample]:
    """Return a probe's rows as operators, grouped by kind and format.

    Args:
        rows: with `kind`, `format`, `sizes` (name to number) and `seconds`; kinds that no curve prices are left out.

    Raises:
        InputError: a size is missing or is not positive; names the row.
    """
    groups: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for place, row in enumerate(rows, 1):
        if row.kind in SIZES:
            memory = row.kind == "stream" and row.note.split(";")[0] in MEMORY
            groups.setdefault((MEMORY_KIND if memory else row.kind, row.format), []).append((place, row))
    return [_sample(kind, form, part) for (kind, form), part in groups.items()]


def _sample(kind: str, form: str, part: Sequence[tuple[int, Any]]) -> Sample:
    names = (*SIZES[kind], *MORE.get(kind, ()))
    for place, row in part:
        for name in names:
            value = row.sizes.get(name)
            if not (isinstance(value, int | float) and value > 0):
                raise InputError(
                    f"operator {place}", f"{kind} without a positive {name!r}", f"sizes: {', '.join(names)}"
                )
    sizes = {n: np.array([float(row.sizes[n]) for _, row in part]) for n in names}
    seconds = np.array([float(row.seconds) for _, row in part])
    notes = tuple(str(getattr(row, "note", "")).split(";")[0] for _, row in part)
    return Sample(_op(kind, form, sizes), seconds, tuple(place for place, _ in part), notes)


def formats(form: str) -> Formats:
    """Return the formats under which an operator of a probe is priced: 16-bit inputs, as a model's hidden state."""
    return Formats({"other": Stored(find(form, "probe").bits, form)}, kv_bits=find(form, "probe").bits, attention=form)


def _op(kind: str, form: str, s: Mapping[str, Floats]) -> Op:
    f = formats(form)
    if kind == "matmul":
        return matmul("probe", "other", s["m"], s["n"], s["k"], f)
    if kind == "batched_matmul":
        one = matmul("probe", "other", s["m"], s["n"], s["k"], f)
        return one._replace(
            kind=kind, flops=one.flops * s["batch"], bytes=one.bytes * s["batch"], sizes=(*one.sizes, s["batch"])
        )
    if kind == "grouped_matmul":
        weights = s["experts"] * s["n"] * s["k"] * f.weight_bytes("other")
        pairs = s["rows"] * s["experts"]
        moved = weights + pairs * (s["k"] + s["n"]) * f.hidden_bytes
        return Op("probe", kind, form, 2.0 * pairs * s["n"] * s["k"], moved, (s["rows"], s["n"], s["k"], s["experts"]))
    if kind == "attention_prefill":
        width, cache = 2.0 * s["heads"] * s["head_size"], 2.0 * s["kv_heads"] * s["head_size"]
        moved = s["query"] * width * f.hidden_bytes + 2.0 * s["context"] * cache * f.kv_bytes
        flops = 2.0 * s["query"] * s["context"] * width
        return Op("probe", kind, form, flops, moved, (s["query"], s["context"], s["heads"], s["head_size"]))
    if kind == "attention_decode":
        width, cache = 2.0 * s["heads"] * s["head_size"], 2.0 * s["kv_heads"] * s["head_size"]
        moved = s["sequences"] * (s["context"] * cache * f.kv_bytes + width * f.hidden_bytes)
        sizes = (s["sequences"], s["context"], s["kv_heads"], s["heads"] / s["kv_heads"])
        return Op("probe", kind, form, 2.0 * s["sequences"] * s["context"] * width, moved, sizes)
    if kind == MEMORY_KIND:
        return Op("probe", MEMORY_KIND, form, 0.0 * s["bytes"], s["bytes"], ())
    # A model counts its hidden state in 16 bits; a device that keeps it wider moves so much more for the same elements.
    elements = s["bytes"] / (find(form, "probe").bits / 8)
    return Op("probe", "stream", "bf16", 0.0 * s["bytes"], elements * f.hidden_bytes, ())
