"""The probe on ggml: its operators on the processor (or a card that it knows), as a runtime built on it calls them."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wherewithal.measure.probe.backend import Case
from wherewithal.measure.probe.file import Device
from wherewithal.measure.probe.ggml_api import SIZE, Library
from wherewithal.measure.probe.ggml_memory import Arena, Weights, encoded, place
from wherewithal.measure.probe.ggml_sampler import Sampler
from wherewithal.measure.probe.ggml_trial import holds
from wherewithal.measure.probe.host import clock, processor
from wherewithal.measure.probe.timing import Runner, on_host
from wherewithal.model import gguf_header

F32, F16, INT32, INT64 = 0, 1, 26, 27
# Names of the catalog that ggml spells otherwise.
SPELT = {"fp32": "f32", "fp16": "f16"}
FORMATS = ("q4_0", "q8_0", "q4_k", "q6_k", "q4_1", "fp16", "fp32")
# Tokens that a runtime's cache grows by: attention computes over whole steps.
CACHE_STEP = 256
_MOST_COPIES = 4096
_GRAPH_S = 0.02


class Ggml:
    """ggml on one device.

    Args:
        path: library or folder of it.
        index: which device of that kind; for the processor always 0.
        kind: device kind of a probe file.
        threads: threads on a processor.
        seed: of the operands.
        reuse_bytes: [B] of weights that are read before the same weights are read again.
        packed: whether weights may be kept repacked where the library can.
    """

    name = "ggml"
    formats: tuple[str, ...] = FORMATS
    cache_format = "fp16"
    peers = 1

    def __init__(self, path: Path, kind: str, index: int, threads: int, seed: int, reuse_bytes: float, packed: bool = True) -> None:  # fmt: skip
        lib = self.lib = Library(path)
        self.seed, self.threads, self.reuse = seed, threads, reuse_bytes
        self.place = place(lib, kind, index, threads, packed=packed)
        self._asked = (path, kind, index)
        self._plain: dict[int, bool] = {}
        self.notes: list[str] = []
        self._sampler = Sampler(path)
        self.device = _described(lib, self.place.device, kind, threads)
        self.software: Mapping[str, str] = _software(lib, bool(self.place.packed))
        self._ids = {name: number for number, (name, _, _) in gguf_header.types().items()}
        self._weights: dict[tuple[Any, ...], Weights] = {}
        self._arenas: list[Arena] = []

    def readings(self) -> tuple[float | None, float | None]:
        """Return the processor's clock where the system says it; ggml reads no power."""
        return (clock() if self.device.kind == "cpu" else None), None

    def release(self) -> None:
        """Free the operands of the cases prepared since the last call."""
        for arena in self._arenas:
            arena.free()
        for weights in self._weights.values():
            weights.free()
        self._arenas, self._weights = [], {}

    def prepare(self, case: Case) -> Runner | None:
        """Return what times a case; None where ggml lacks the kind, or rows do not fill the format's blocks."""
        make = {
            "matmul": self._matmul, "grouped_matmul": self._grouped, "stream": self._stream, "launch": self._launch,
            "attention_prefill": self._prefill, "attention_decode": self._decode, "sampler": self._choose,
        }.get(case.kind)  # fmt: skip
        return make(case) if make is not None else None

    def _id(self, form: str) -> int | None:
        return self._ids.get(SPELT.get(form, form))

    def _row(self, form: str, k: int) -> float:
        return float(self.lib.call("row_size", self._id(form), k))

    def _copies(self, one: float, note: str) -> int:
        return 1 if note == "warm" else max(1, min(_MOST_COPIES, math.ceil(self.reuse / one)))

    def _of(self, case: Case, shape: Sequence[int]) -> Weights | None:
        """Return the weights of a case, which cases of one group share."""
        kind = self._id(case.format)
        if kind is None or shape[0] % self.lib.call("blck_size", kind):
            return None
        one = self._row(case.format, shape[0]) * math.prod(shape[1:])
        key = (kind, *shape, self._copies(one, case.note))
        if key not in self._weights:
            values = encoded(self.lib, kind, shape[0], self.seed)
            where = self.place._replace(packed=()) if self._falls(kind, case.format) else self.place
            self._weights[key] = Weights(where, kind, shape, key[-1], values)
        return self._weights[key]

    def _falls(self, kind: int, name: str) -> bool:
        """Whether the library fell over repacked weights of a type, tried once in another process."""
        if kind not in self._plain:
            self._plain[kind] = bool(self.place.packed) and not holds(*self._asked, kind)
            if self._plain[kind]:
                self.notes.append(
                    f"{name}: this library crashes on repacked weights, so they are measured as the file has them; "
                    "serve with its flag against repacking, or rebuild it for this processor"
                )
        return self._plain[kind]

    def _arena(self, size: float, tensors: int, graphs: int = 1) -> Arena:
        arena = Arena(self.place, size, tensors, graphs)
        self._arenas.append(arena)
        return arena

    def _random(self, *shape: int) -> Any:
        return np.random.default_rng(self.seed).standard_normal(shape, dtype=np.float32)

    def _timed(self, arena: Arena, makers: Sequence[Callable[[], Any]], guess: float, result: int) -> Runner:
        """Return the runner over results of these makers, cut into graphs of about 20 ms.

        Args:
            arena: holds the operands; its rest takes two results in turn.
            makers: each makes one node.
            guess: [s] of one node, roughly.
            result: [B] of one result; 0 where it is written into an operand.
        """
        each = max(1, min(len(makers), int(_GRAPH_S / max(guess, 1e-9))))
        step = -(-result // 256) * 256
        start = arena.used
        made = [make() for make in makers]
        nodes = [arena.put(n, start + (i % 2) * step) if result else arena.view(n) for i, n in enumerate(made)]
        whole = len(nodes) // each * each
        graphs = [arena.graph(nodes[i : i + each]) for i in range(0, whole, each)]
        return on_host(arena.work(graphs), each, self.threads)

    def _matmul(self, case: Case) -> Runner | None:
        s = case.size
        m, n, k = int(s["m"]), int(s["n"]), int(s["k"])
        weights = self._of(case, (k, n))
        if weights is None:
            return None
        count, result = len(weights.tensors), m * n * 4
        arena = self._arena(m * k * 4 + 2 * result + 4096, 2 * count + 8, count)
        x = arena.fill(arena.put(arena.tensor(F32, k, m)), self._random(m, k))
        makers = [lambda w=w: self.lib.call("mul_mat", arena.context, w, x) for w in weights.tensors]
        return self._timed(arena, makers, case.flops / 5e10, result)

    def _grouped(self, case: Case) -> Runner | None:
        s = case.size
        n, k, experts = int(s["n"]), int(s["k"]), int(s["experts"])
        used = int(s.get("used", min(8, experts)))
        tokens = round(s["rows"] * experts / used)
        weights = self._of(case, (k, n, experts)) if tokens else None
        if weights is None:
            return None
        count, result = len(weights.tensors), tokens * used * n * 4
        size = tokens * k * 4 + tokens * used * 4 + 2 * result + 8192
        arena = self._arena(size, 2 * count + 8, count)
        x = arena.fill(arena.put(arena.tensor(F32, k, 1, tokens)), self._random(tokens, k))
        chosen = (np.arange(tokens * used, dtype=np.int32) % experts).reshape(tokens, used)
        ids = arena.fill(arena.put(arena.tensor(INT32, used, tokens)), chosen)
        makers = [lambda w=w: self.lib.call("mul_mat_id", arena.context, w, x, ids) for w in weights.tensors]
        return self._timed(arena, makers, case.flops / 5e10, result)

    def _launch(self, case: Case) -> Runner:
        """One more small operator in a graph; noted `graph`: a graph of one."""
        count = 1 if case.note == "graph" else 512
        arena = self._arena(8192, 2 * count + 8)
        a, b = (arena.fill(arena.put(arena.tensor(F32, 32)), self._random(32)) for _ in range(2))
        nodes = [arena.put(self.lib.call("add", arena.context, a, b), arena.used) for _ in range(count)]
        return on_host(arena.work([arena.graph(nodes)]), count, self.threads)

    def _choose(self, case: Case) -> Runner | None:
        if not self._sampler.there:
            return None
        return on_host(self._sampler.work(int(case.size["vocabulary"]), self.seed), 1)

    def _prefill(self, case: Case) -> Runner | None:
        s = case.size
        query = int(s["query"])
        return self._attention(
            case, 1, query, round(s["context"] + (query - 1) / 2), int(s.get("kv_heads", s["heads"]))
        )

    def _decode(self, case: Case) -> Runner | None:
        s = case.size
        return self._attention(case, int(s["sequences"]), 1, int(s["context"]), int(s["kv_heads"]))

    def _attention(self, case: Case, sequences: int, query: int, held: int, kv_heads: int) -> Runner | None:
        """One fused attention over a cache in fp16 that grows in steps; what lies beyond is masked."""
        heads, size = int(case.size["heads"]), int(case.size["head_size"])
        if case.format not in ("fp16", "fp32") or size % 8:
            return None
        kind = F16 if case.format == "fp16" else F32
        whole = -(-held // CACHE_STEP) * CACHE_STEP
        cache = size * kv_heads * whole * sequences * (2 if kind == F16 else 4)
        copies = max(1, min(64, math.ceil(self.reuse / 4 / (2 * cache)))) if case.note != "warm" else 1
        rows = -(-query // 64) * 64
        result = size * heads * query * sequences * 4
        total = copies * 2 * (cache + 512) + 3 * result + whole * rows * 2 * sequences + 16384
        arena = self._arena(total, 12 * copies + 32, copies)
        call, ctx = self.lib.call, arena.context
        q = arena.fill(arena.put(arena.tensor(F32, size, heads, query, sequences)), self._random(result // 4))
        q = arena.view(call("permute", ctx, q, 0, 2, 1, 3))
        mask = arena.fill(
            arena.put(arena.tensor(F16, whole, rows, 1, sequences)), _mask(query, held, whole, rows, sequences)
        )
        values = self._random(cache // (2 if kind == F16 else 4)).astype(np.float16 if kind == F16 else np.float32)

        def held_in() -> Any:
            t = arena.fill(arena.put(arena.tensor(kind, size, kv_heads, whole, sequences)), values)
            return arena.view(call("permute", ctx, t, 0, 2, 1, 3))

        pairs = [(held_in(), held_in()) for _ in range(copies)]
        scale = 1 / math.sqrt(size)
        makers = [lambda k=k, v=v: call("flash_attn_ext", ctx, q, k, v, mask, scale, 0.0, 0.0) for k, v in pairs]
        return self._timed(arena, makers, case.flops / 1e10, result)

    def _stream(self, case: Case) -> Runner | None:
        """Element-wise operators as a layer has them (note), over rows of the width of the hidden state."""
        if case.note == "read":
            rows = max(1, int(case.size["bytes"]) // (4096 * 4))
            return self._matmul(Case("matmul", "fp32", (("m", 1), ("n", rows), ("k", 4096)), "warm"))
        passes = {"triad": 3.0, "add": 3.0, "rms_norm": 2.0, "mul": 2.0, "rope": 2.0, "glu": 3.0, "store": 1.5}
        if case.note not in passes:
            return None
        elements = int(case.size["bytes"] / 4 / passes[case.note])
        width = min(elements, 4096 if case.note == "triad" else 576)
        width -= width % 64 if width > 64 else 0
        rows = max(1, elements // width)
        one = rows * width * 4
        count = max(1, min(256, int(2e7 // one)))
        arena = self._arena(5 * one + width * 4 + rows * 16 + 65536, 6 * count + 32, count)
        make, result = self._element(case.note, arena, width, rows)
        return self._timed(arena, [make] * count, one / 1e9, result)

    def _element(self, name: str, arena: Arena, width: int, rows: int) -> tuple[Callable[[], Any], int]:
        """Return what makes one element-wise operator, and the bytes of its result."""
        call, ctx, one = self.lib.call, arena.context, rows * width * 4
        a, b = (arena.fill(arena.put(arena.tensor(F32, width, rows)), self._random(rows, width)) for _ in range(2))
        if name in ("triad", "add"):
            return lambda: call("add", ctx, a, b), one
        if name == "rms_norm":
            return lambda: call("rms_norm", ctx, a, 1e-5), one
        if name == "mul":
            row = arena.fill(arena.put(arena.tensor(F32, width)), self._random(width))
            return lambda: call("mul", ctx, a, row), one
        if name == "glu":
            return lambda: call("swiglu_split", ctx, a, b), one
        if name == "rope":
            heads = arena.fill(arena.put(arena.tensor(F32, 64, width // 64, rows)), self._random(rows, width))
            where = arena.fill(arena.put(arena.tensor(INT32, rows)), np.arange(rows, dtype=np.int32))
            more = (64, 0, 8192, 10000.0, 1.0, 0.0, 1.0, 32.0, 1.0)
            return lambda: call("rope_ext", ctx, heads, where, None, *more), one
        cache = arena.put(arena.tensor(F16, width, rows))
        where = arena.fill(arena.put(arena.tensor(INT64, rows)), np.arange(rows, dtype=np.int64))
        return lambda: call("set_rows", ctx, cache, a, where), 0


def _mask(query: int, held: int, whole: int, rows: int, sequences: int) -> Any:
    """Return 0 where the last `query` of `held` tokens may look back, minus infinity elsewhere."""
    seen = np.arange(whole)[None, :] <= (held - query + np.arange(rows))[:, None]
    seen[query:] = False
    one = np.where(seen, 0.0, -np.inf).astype(np.float16)
    return np.broadcast_to(one, (sequences, rows, whole))


def _described(lib: Library, device: Any, kind: str, threads: int) -> Device:
    free, total = SIZE(), SIZE()
    lib.call("backend_dev_memory", device, ctypes.byref(free), ctypes.byref(total))
    if kind == "cpu":
        return processor(threads)
    name = lib.call("backend_dev_description", device).decode(errors="replace")
    return Device(kind, " ".join(name.split()), None, None, 1, float(total.value) or None)


def _software(lib: Library, packed: bool) -> dict[str, str]:
    found = {n: lib.call(n).decode() for n in ("version", "commit") if n in lib.has}
    version = " ".join(v for v in found.values() if v and v != "unknown") or "not stated"
    return {"ggml": version, "weights": "repacked where it can" if packed else "as in the file"}
