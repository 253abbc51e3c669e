"""The probe on NumPy: matrix products and streams of the processor in fp32, always there."""

from __future__ import annotations

import itertools
import math
import platform
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wherewithal.measure.probe.backend import Case
from wherewithal.measure.probe.file import Device
from wherewithal.measure.probe.host import clock, processor
from wherewithal.measure.probe.timing import Runner, on_host

_MOST_COPIES = 64
# Arithmetic of one pass over copies of a weight, at most [FLOP].
_PASS_FLOP = 1e9
Work = Callable[[], Any]


class Numpy:
    """NumPy on the processor.

    Args:
        threads: threads that its BLAS was given.
        seed: of the operands.
        reuse_bytes: [B] of weights that are read before the same weights are read again.
    """

    name = "numpy"
    formats: tuple[str, ...] = ("fp32",)
    cache_format = "fp32"
    peers = 1

    def __init__(self, threads: int, seed: int, reuse_bytes: float) -> None:
        self.seed, self.threads, self.reuse = seed, threads, reuse_bytes
        self.device: Device = processor(threads)
        self.software: Mapping[str, str] = {
            "numpy": np.__version__, "python": platform.python_version(), "blas": _blas(),
        }  # fmt: skip
        self.notes: list[str] = []
        self._held: dict[tuple[Any, ...], Any] = {}

    def readings(self) -> tuple[float | None, float | None]:
        """Return the processor's clock where the system says it, and no power."""
        return clock(), None

    def release(self) -> None:
        """Drop the operands."""
        self._held = {}

    def prepare(self, case: Case) -> Runner | None:
        """Return what times a case; None for other formats and kinds."""
        make = {
            "matmul": self._matmul, "batched_matmul": self._batched, "grouped_matmul": self._grouped,
            "stream": self._stream, "launch": self._launch, "attention_prefill": self._prefill,
            "attention_decode": self._decode, "sampler": self._sampler,
        }.get(case.kind)  # fmt: skip
        if make is None or case.format != "fp32":
            return None
        work, operators = make(case)
        return on_host(work, operators, self.threads)

    def _random(self, *shape: int) -> Any:
        if shape not in self._held:
            self._held[shape] = np.random.default_rng(self.seed).standard_normal(shape, dtype=np.float32)
        return self._held[shape]

    def _weights(self, *shape: int) -> Any:
        """Return copies of a weight that together are larger than what is read between two uses of the same weights."""
        one = 4 * math.prod(shape)
        copies = max(1, min(_MOST_COPIES, math.ceil(self.reuse / one)))
        key = ("copies", copies, *shape)
        if key not in self._held:
            self._held[key] = np.repeat(self._random(*shape)[None], copies, axis=0)
        return self._held[key]

    def _matmul(self, case: Case) -> tuple[Work, int]:
        m, n, k = (int(case.size[x]) for x in "mnk")
        weights, x = self._weights(n, k), self._random(m, k)
        out = np.empty((m, n), dtype=np.float32)
        each = max(1, min(len(weights), int(_PASS_FLOP / case.flops)))
        turn = itertools.cycle(weights)

        def work() -> None:
            for w in itertools.islice(turn, each):
                np.matmul(x, w.T, out=out)

        return work, each

    def _batched(self, case: Case) -> tuple[Work, int]:
        m, n, k, batch = (int(case.size[x]) for x in ("m", "n", "k", "batch"))
        x, w = self._random(batch, m, k), self._random(batch, n, k).transpose(0, 2, 1)
        return lambda: np.matmul(x, w), 1

    def _grouped(self, case: Case) -> tuple[Work, int]:
        rows, n, k, experts = (int(max(1, case.size[x])) for x in ("rows", "n", "k", "experts"))
        weights, x = self._weights(experts, n, k), self._random(rows, k)
        out = np.empty((rows, n), dtype=np.float32)

        turn = itertools.cycle(weights)

        def work() -> None:
            for w in next(turn):
                np.matmul(x, w.T, out=out)

        return work, 1

    def _launch(self, case: Case) -> tuple[Work, int]:
        a, out = self._random(32), np.empty(32, dtype=np.float32)

        def work() -> None:
            for _ in range(100):
                np.add(a, a, out=out)

        return work, 100

    def _stream(self, case: Case) -> tuple[Work, int]:
        if case.note == "read":
            a = self._random(int(case.size["bytes"] / 4))
            return lambda: np.dot(a, a), 1
        passes = {"triad": 3.0, "add": 3.0}.get(case.note, 2.0)
        a = self._random(int(case.size["bytes"] / 4 / passes))
        out = np.empty_like(a)
        if passes == 3.0:
            return lambda: np.add(a, a[::-1], out=out), 1
        return lambda: np.multiply(a, np.float32(1.5), out=out), 1

    def _attention(self, sequences: int, query: int, held: int, case: Case) -> tuple[Work, int]:
        heads, size = int(case.size["heads"]), int(case.size["head_size"])
        kv_heads = int(case.size.get("kv_heads", heads))
        q = self._random(sequences, kv_heads, heads // kv_heads * query, size)
        k, v = (self._random(sequences, kv_heads, held, size) for _ in range(2))
        scale = np.float32(1 / math.sqrt(size))

        def work() -> None:
            s = np.matmul(q, k.transpose(0, 1, 3, 2)) * scale
            s = np.exp(s - s.max(axis=-1, keepdims=True))
            np.matmul(s / s.sum(axis=-1, keepdims=True), v)

        return work, 1

    def _prefill(self, case: Case) -> tuple[Work, int]:
        query = int(case.size["query"])
        return self._attention(1, query, round(case.size["context"] + (query - 1) / 2), case)

    def _decode(self, case: Case) -> tuple[Work, int]:
        return self._attention(int(case.size["sequences"]), 1, int(case.size["context"]), case)

    def _sampler(self, case: Case) -> tuple[Work, int]:
        logits = self._random(int(case.size["vocabulary"]))

        def work() -> None:
            top = logits[np.argpartition(logits, -40)[-40:]]
            p = np.exp(top - top.max())
            np.searchsorted(np.cumsum(p / p.sum()), 0.5)

        return work, 1


def _blas() -> str:
    """Return which BLAS NumPy was built with."""
    found: Any = np.show_config(mode="dicts")
    blas = found.get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'not stated')} {blas.get('version', '')}".strip()
