"""What is measured: a grid of sizes from `catalog/data/probe.toml`, and the very shapes of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from wherewithal.catalog.files import read_toml
from wherewithal.catalog.load import builtin
from wherewithal.measure.probe.backend import Case
from wherewithal.units import parse

# Element-wise operators of a layer, and how many times they move the hidden state in fp32.
PASSES: Mapping[str, float] = {"rms_norm": 2.0, "mul": 2.0, "add": 3.0, "rope": 2.0, "glu": 3.0, "store": 1.5}
# Weights of the parts of a plan: the larger, the earlier.
_LIKE, _FIRST, _GRID = 100.0, 50.0, 10.0


@cache
def grid() -> Mapping[str, Any]:
    """Return the sizes that a probe measures."""
    return read_toml(builtin() / "probe.toml", "probe.toml")


@dataclass(frozen=True)
class Shape:
    """One weight matrix: (columns n, depth k), its format, and how many a model has; experts where it holds several."""

    n: int
    k: int
    format: str
    count: int = 1
    experts: int = 0
    used: int = 0


@dataclass(frozen=True)
class Like:
    """The shapes of a model whose layers are to be measured too.

    Attributes:
        shapes: its matrices, each once.
        heads: (query heads, KV heads, head size) of its layers.
        hidden: width of its hidden state.
        vocabulary: tokens that it knows.
        weight_bytes: [B] of all its weights.
    """

    shapes: tuple[Shape, ...]
    heads: tuple[tuple[int, int, int], ...]
    hidden: int
    vocabulary: int
    weight_bytes: float


def cases(formats: Sequence[str], cache_format: str, like: Like | None = None) -> list[Case]:
    """Return what to measure, the most telling first.

    Args:
        formats: number formats of weights.
        cache_format: number format of the attention's cache.
        like: a model's own shapes, measured before the grid.
    """
    g = grid()
    found = [Case("launch", "fp32", (), "", 200.0), Case("launch", "fp32", (), "graph", 200.0)]
    for size in g["streams"]:
        amount = parse(size, "bytes", "probe.toml")
        found += [Case("stream", "fp32", (("bytes", amount),), n, 190.0) for n in ("read", "triad")]
    if like is not None:
        found += [c for f in formats for c in _shapes(like, g["rows"], f)]
        found += [c for h in like.heads for c in _attention(h, cache_format, _LIKE)]
        found += _streams(like.hidden, _LIKE)
        found += [Case("sampler", "fp32", (("vocabulary", like.vocabulary),), "", _LIKE)]
    for rank, form in enumerate(formats):
        for place, (n, k) in enumerate(g["products"]):
            found += _product(Shape(n, k, form), g["rows"], _FIRST - rank - 2 * place)
        found += [c for e in g["experts"] for c in _experts(Shape(e[2], e[3], form, 1, e[0], e[1]), _GRID - rank)]
    for place, heads in enumerate(g["heads"]):
        found += _attention(heads, cache_format, _FIRST - 3 - place)
    found += _streams(g["width"], _FIRST - 1)
    found += [Case("sampler", "fp32", (("vocabulary", v),), "", _GRID) for v in g["vocabularies"]]
    first: dict[tuple[object, ...], Case] = {}
    for case in sorted(found, key=lambda c: -c.weight):
        first.setdefault(case.key, case)
    return list(first.values())


def _product(shape: Shape, rows: Sequence[int], weight: float) -> Iterator[Case]:
    """Yield the cases of one matrix by rows: those of one or few rows teach most."""
    for m in rows:
        late = weight - (20.0 if m > 512 else 0.0)
        yield Case("matmul", shape.format, (("m", m), ("n", shape.n), ("k", shape.k)), "", late)


def _experts(shape: Shape, weight: float) -> Iterator[Case]:
    for rows in grid()["expert_rows"]:
        sizes = (("rows", rows), ("n", shape.n), ("k", shape.k), ("experts", shape.experts), ("used", shape.used))
        yield Case("grouped_matmul", shape.format, sizes, "", weight)


def _shapes(like: Like, rows: Sequence[int], form: str) -> Iterator[Case]:
    """Yield the cases of a model's matrices, in their own format where it has one."""
    for shape in like.shapes:
        own = replace(shape, format=shape.format or form)
        yield from _experts(own, _LIKE) if shape.experts else _product(own, rows, _LIKE)


def _attention(heads: Sequence[int], form: str, weight: float) -> Iterator[Case]:
    """Yield a prompt's attention, whole prompts, and that of sequences that decode."""
    g, (query_heads, kv_heads, size) = grid(), heads
    for query in g["queries"]:
        near = (query + 1) / 2
        sizes = (
            ("query", query),
            ("context", near),
            ("heads", query_heads),
            ("head_size", size),
            ("kv_heads", kv_heads),
        )
        yield Case("attention_prefill", form, sizes, "", weight)
    for context in g["contexts"]:
        for count in g["sequences"]:
            sizes = (("sequences", count), ("context", context), ("kv_heads", kv_heads), ("heads", query_heads), ("head_size", size))  # fmt: skip
            yield Case("attention_decode", form, sizes, "", weight)


def _streams(width: int, weight: float) -> Iterator[Case]:
    for tokens in grid()["tokens"]:
        for name, passes in PASSES.items():
            yield Case("stream", "fp32", (("bytes", tokens * width * 4.0 * passes),), name, weight)
