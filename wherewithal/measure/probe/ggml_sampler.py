"""Choosing a token on the host, timed with the sampler of the runtime that lies beside ggml."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wherewithal.measure.probe.ggml_api import BOOL, I32, I64, SIZE, F, P
from wherewithal.measure.probe.sizes import grid


class _Tokens(ctypes.Structure):
    """Candidates: their array, how many, which one was chosen, whether they are sorted."""

    _fields_ = (("data", P), ("size", SIZE), ("selected", I64), ("sorted", BOOL))


class _ChainParams(ctypes.Structure):
    _fields_ = (("no_perf", BOOL),)


class Sampler:
    """The runtime's chain of samplers with the settings of `catalog/data/probe.toml`.

    Args:
        path: the library that holds it, or its folder.
    """

    def __init__(self, path: Path) -> None:
        self._lib = _opened(path)
        self._chain: Any = None

    @property
    def there(self) -> bool:
        """Whether the library has samplers."""
        return self._lib is not None

    def work(self, vocabulary: int, seed: int) -> Callable[[], None]:
        """Return what builds the candidates of one token and chooses one of them.

        Args:
            vocabulary: candidates.
            seed: of their scores.
        """
        if self._chain is None:
            self._chain = self._made()
        kind = np.dtype([("id", np.int32), ("score", np.float32), ("share", np.float32)])
        scores = np.random.default_rng(seed).standard_normal(vocabulary, dtype=np.float32) * np.float32(3.0)
        numbers = np.arange(vocabulary, dtype=np.int32)
        held = np.zeros(vocabulary, dtype=kind)
        apply, chain = self._lib.llama_sampler_apply, self._chain

        def run() -> None:
            held["id"], held["score"], held["share"] = numbers, scores, 0.0
            tokens = _Tokens(held.ctypes.data, vocabulary, -1, sorted=False)
            apply(chain, ctypes.byref(tokens))

        return run

    def _made(self) -> Any:
        lib, how = self._lib, grid()["sampler"]
        for name, arguments in (
            ("init_top_k", (I32,)), ("init_top_p", (F, SIZE)), ("init_min_p", (F, SIZE)), ("init_temp", (F,)),
            ("init_dist", (ctypes.c_uint32,)), ("chain_init", (_ChainParams,)),
        ):  # fmt: skip
            function = getattr(lib, f"{_PREFIX}{name}")
            function.restype, function.argtypes = P, arguments
        lib.llama_sampler_chain_add.argtypes, lib.llama_sampler_chain_add.restype = (P, P), None
        lib.llama_sampler_apply.argtypes, lib.llama_sampler_apply.restype = (P, ctypes.POINTER(_Tokens)), None
        chain = lib.llama_sampler_chain_init(_ChainParams(no_perf=True))
        for part in (
            lib.llama_sampler_init_top_k(how["top_k"]),
            lib.llama_sampler_init_top_p(how["top_p"], 1),
            lib.llama_sampler_init_min_p(how["min_p"], 1),
            lib.llama_sampler_init_temp(how["temperature"]),
            lib.llama_sampler_init_dist(0),
        ):
            lib.llama_sampler_chain_add(chain, part)
        return chain


_PREFIX = grid()["sampler"]["prefix"]


def _opened(path: Path) -> Any:
    """Return the library with samplers at a path; None where there is none."""
    names = [path] if path.is_file() else [p for w in grid()["sampler"]["libraries"] for p in sorted(path.glob(w))]
    for name in names:
        try:
            lib = ctypes.CDLL(str(name))
        except OSError:  # a library that cannot be loaded has no sampler to time
            continue
        if hasattr(lib, f"{_PREFIX}apply"):
            return lib
    return None
