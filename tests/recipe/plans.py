"""Fifty plans over all engines that have a recipe, each small enough to be predicted in a moment."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from wherewithal.plan.setup import Question
from wherewithal.recipe import make
from wherewithal.recipe.make import LAUNCHERS, Recipe


class Case(NamedTuple):
    """One deployment to launch."""

    engine: str
    model: str
    on: str
    layout: str
    more: tuple[tuple[str, object], ...] = ()


_SPLIT = "prefill: {0}; decode: {1}"
_MOE, _DENSE = "deepseek-v3", "qwen3-32b"
_NV = [
    (_DENSE, "h100-8:1", "tp1"), (_DENSE, "h100-8:2", "tp2"), (_DENSE, "h100-8:8", "2x tp4"),
    (_DENSE, "h100-8:8", "4x tp2"), (_DENSE, "h100-8:8", "tp4 pp2"), (_DENSE, "h100-8:16", "2x tp8"),
    (_DENSE, "h100-8:16", "tp8 pp2"), (_MOE, "h200-8:8", "tp8 ep1"), (_MOE, "h200-8:8", "tp8 ep8"),
    (_MOE, "h200-8:16", "tp8 pp2 ep8"), (_MOE, "h200-8:16", "2x tp8 ep8"),
]  # fmt: skip
_WIDE = [(_MOE, "h200-8:8", "tp1 dp8 ep8"), (_MOE, "h200-8:16", "tp1 dp16 ep16"), (_MOE, "h200-8:32", "2x dp16 ep16")]
_TWO = [
    (_DENSE, "h100-8:8", _SPLIT.format("4x tp1", "1x tp4")), (_MOE, "h200-8:16", _SPLIT.format("1x tp8 ep8", "1x dp8 ep8")),
    (_MOE, "h200-8:32", _SPLIT.format("2x tp8 ep8", "1x dp16 ep16")),
]  # fmt: skip
_NPU = [
    (_DENSE, "ascend-910b2-8:8", "tp8"), (_DENSE, "ascend-910b2-8:8", "2x tp4"), (_DENSE, "ascend-910b2-8:8", "tp4 pp2"),
    (_DENSE, "ascend-910b2-8:16", "2x tp8"), ("qwen3-235b-a22b", "cloudmatrix-384:16", "tp4 dp8 ep32"),
    ("qwen3-235b-a22b", "cloudmatrix-384:32", "2x tp4 dp8 ep32"),
]  # fmt: skip
_INT4 = (("precision", {"weights": "int4"}),)
_FP16 = (("precision", {"kv": "fp16"}),)


def cases() -> list[Case]:
    """Return the plans."""
    out = [Case(e, *row) for e in ("vllm", "sglang", "trtllm") for row in (*_NV, *_WIDE, *_TWO)]
    out += [Case("sglang", _MOE, "h200-8:8", "tp2 dp4 ep8"), Case("vllm", _MOE, "h200-8:16", "tp2 dp8 ep16")]
    out += [
        Case("sglang", _MOE, "h200-8:8", "tp2 dp4 ep4"),
        Case("sglang", _MOE, "h200-8:8", "tp8 ep8 two-batch"),
        Case("vllm", _MOE, "h200-8:8", "dp8 ep8 two-batch"),
    ]
    out += [Case("vllm-ascend", *row) for row in _NPU]
    out += [
        Case("llama.cpp", "llama-3.1-8b", "rtx-4090-1", "tp1"),
        Case("llama.cpp", "llama-3.1-8b", "rtx-4090-8:2", "pp2"),
        Case("llama.cpp", "llama-3.1-8b", "xeon-6980p-2:1", "tp1"),
        Case("llama.cpp", "llama-3.1-8b", "m3-max-1", "tp1"),
        Case("mlx-lm", "llama-3.1-8b", "m3-max-1", "tp1", _FP16),
        Case("vllm", "llama-3.1-8b", "mi300x-8:2", "tp2"),
        Case("sglang", "deepseek-v3", "mi300x-8:8", "tp8 ep8"),
    ]
    return out


@cache
def made(at: int) -> Recipe:
    """Return the recipe of one of the cases, with all launchers."""
    one = cases()[at]
    q = Question(model=one.model, on=one.on, engine=one.engine, layout=one.layout, concurrency=16, **dict(one.more))  # type: ignore[arg-type]
    answer = make.answered(q)
    return make.recipe(answer, LAUNCHERS)
