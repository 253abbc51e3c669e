"""The probe on PyTorch: cards through CUDA, ROCm, Ascend, Apple or Intel, and the processor; its module is handed in."""

from __future__ import annotations

import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from wherewithal.errors import InputError
from wherewithal.measure.probe.backend import Case
from wherewithal.measure.probe.file import Device
from wherewithal.measure.probe.host import clock, processor
from wherewithal.measure.probe.timing import Runner, Sample, on_host

Work = Callable[[], Any]
# Module beside torch that brings a device kind, where it is not torch's own.
_BRINGS = {"npu": "torch_npu"}
_TYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "fp8": "float8_e4m3fn"}
_MOST_COPIES = 64
# Operators enqueued in one pass, so that the host stays ahead of the card.
_ENQUEUED = 32
_PASS_FLOP = 1e13


def installed() -> ModuleType | None:
    """Return PyTorch where the running environment has it; else None."""
    return importlib.import_module("torch") if importlib.util.find_spec("torch") else None


class Torch:
    """PyTorch on one device.

    Args:
        torch: the module.
        kind: device kind of a probe file; `rocm` is `cuda` to PyTorch.
        index: which of them.
        threads: threads on a processor.
        seed: of the operands.
        reuse_bytes: [B] of weights that are read before the same weights are read again.

    Raises:
        InputError: PyTorch has no such device.
    """

    name = "torch"

    def __init__(self, torch: Any, kind: str, index: int, threads: int, seed: int, reuse_bytes: float) -> None:
        self.torch, self.seed, self.reuse, self.threads = torch, seed, reuse_bytes, threads
        self.notes: list[str] = []
        self.kind = "cuda" if kind == "rocm" else kind
        if kind in _BRINGS and importlib.util.find_spec(_BRINGS[kind]):
            importlib.import_module(_BRINGS[kind])
        self._api = _interface(torch, self.kind)
        if kind != "cpu" and not (self._api and self._api.is_available() and index < _count(self._api)):
            raise InputError("--device", f"PyTorch sees no {kind}:{index}", "install the build of PyTorch for it")
        self.place = "cpu" if kind == "cpu" else f"{self.kind}:{index}" if kind != "mps" else "mps"
        if kind == "cpu":
            torch.set_num_threads(threads)
        self.index = index
        self.peers = 1 if self._api is None else _count(self._api)
        self.device = self._described(kind)
        self.software: Mapping[str, str] = _versions(torch, self.kind)
        self.formats: tuple[str, ...] = self._formats()
        self.cache_format = self.formats[0]
        self._held: dict[tuple[Any, ...], Any] = {}
        torch.manual_seed(seed)

    def readings(self) -> tuple[float | None, float | None]:
        """Return clock [1/s] and power [W] where PyTorch's driver binding says them."""
        if self.kind == "cpu":
            return clock(), None
        return _asked(self._api, "clock_rate", self.index, 1e6), _asked(self._api, "power_draw", self.index, 1e-3)

    def release(self) -> None:
        """Drop the operands, and give their memory back to the device."""
        self._held = {}
        if hasattr(self._api, "empty_cache"):
            self._api.empty_cache()

    def prepare(self, case: Case) -> Runner | None:
        """Return what times a case; None where the device or PyTorch lacks it, or memory does."""
        make = {
            "matmul": self._matmul, "batched_matmul": self._batched, "grouped_matmul": self._grouped,
            "stream": self._stream, "launch": self._launch, "attention_prefill": self._prefill,
            "attention_decode": self._decode, "sampler": self._sampler,
        }.get(case.kind)  # fmt: skip
        if make is None or case.format not in _TYPES or not hasattr(self.torch, _TYPES[case.format]):
            return None
        try:
            made = make(case)
            if made is None:
                return None
            made[0]()
            self._wait()
        except (RuntimeError, AttributeError):  # what PyTorch says to kernels that a device lacks
            return None
        return self._timed(*made)

    def _timed(self, work: Work, operators: int) -> Runner:
        """Return the runner of enqueued work: by the device's own events where it has them, else by waiting for it."""
        if self.kind == "cpu":
            return on_host(work, operators, self.threads)
        event = getattr(self._api, "Event", None)

        def run(loops: int) -> Sample:
            self._wait()
            if event is None:
                start = time.perf_counter()
                for _ in range(loops):
                    work()
                self._wait()
                return Sample((time.perf_counter() - start) / (loops * operators))
            first, last = event(enable_timing=True), event(enable_timing=True)
            first.record()
            for _ in range(loops):
                work()
            last.record()
            last.synchronize()
            return Sample(first.elapsed_time(last) / 1e3 / (loops * operators))

        return run

    def _wait(self) -> None:
        if self._api is not None and hasattr(self._api, "synchronize"):
            self._api.synchronize()

    def _formats(self) -> tuple[str, ...]:
        if self.kind == "cpu":
            return ("fp32", "bf16")
        return ("bf16", "fp8", "fp16") if hasattr(self.torch, "_scaled_mm") else ("bf16", "fp16")

    def _described(self, kind: str) -> Device:
        if kind == "cpu":
            return processor(self.threads)
        name = _called(self._api, "get_device_name", self.index) or kind
        properties = _called(self._api, "get_device_properties", self.index)
        memory = getattr(properties, "total_memory", None) or _called(self._api, "recommended_max_memory")
        rocm = kind == "cuda" and getattr(self.torch.version, "hip", None)
        return Device("rocm" if rocm else kind, str(name), None, None, 1, float(memory) if memory else None)

    def _random(self, form: str, *shape: int) -> Any:
        key = (form, *shape)
        if key not in self._held:
            plain = self.torch.randn(shape, device=self.place, dtype=self.torch.float32) * 0.1
            self._held[key] = plain.to(getattr(self.torch, _TYPES[form]))
        return self._held[key]

    def _weights(self, form: str, flops: float, *shape: int) -> tuple[Any, int]:
        """Return copies of a weight that are too large together for a cache, and how many one pass goes through."""
        one = math.prod(shape) * {"fp32": 4, "fp8": 1}.get(form, 2)
        copies = max(1, min(_MOST_COPIES, math.ceil(self.reuse / one)))
        most = _PASS_FLOP if self.kind != "cpu" else 1e9
        return self._random(form, copies, *shape), max(1, min(copies, _ENQUEUED, int(most / max(flops, 1.0))))

    def _matmul(self, case: Case) -> tuple[Work, int] | None:
        m, n, k = (int(case.size[x]) for x in "mnk")
        weights, each = self._weights(case.format, case.flops, n, k)
        if case.format == "fp8":
            return self._scaled(max(16, m), weights, each)
        x, multiply = self._random(case.format, m, k), self.torch.nn.functional.linear
        turn = [0]

        def work() -> None:
            for _ in range(each):
                multiply(x, weights[turn[0]])
                turn[0] = (turn[0] + 1) % len(weights)

        return work, each

    def _scaled(self, m: int, weights: Any, each: int) -> tuple[Work, int]:
        """Products of fp8 with one scale a tensor; rows are filled up to 16, as serving engines do."""
        x = self._random("fp8", m, weights.shape[-1])
        scale = self.torch.ones((), device=self.place, dtype=self.torch.float32)
        out = self.torch.bfloat16

        def work() -> None:
            for i in range(each):
                w = weights[i % len(weights)]
                self.torch._scaled_mm(x, w.t(), scale_a=scale, scale_b=scale, out_dtype=out)  # noqa: SLF001  its only name

        return work, each

    def _batched(self, case: Case) -> tuple[Work, int]:
        m, n, k, batch = (int(case.size[x]) for x in ("m", "n", "k", "batch"))
        x, w = self._random(case.format, batch, m, k), self._random(case.format, batch, n, k)
        return lambda: self.torch.bmm(x, w.transpose(1, 2)), 1

    def _grouped(self, case: Case) -> tuple[Work, int] | None:
        """Products of experts: the grouped kernel where PyTorch has it, else one batched product of equal groups."""
        if case.format == "fp8":
            return None
        rows, n, k, experts = (int(max(1, case.size[x])) for x in ("rows", "n", "k", "experts"))
        w, grouped = self._random(case.format, experts, n, k), getattr(self.torch, "_grouped_mm", None)
        if grouped is not None and self.kind == "cuda" and case.format == "bf16":
            x = self._random(case.format, rows * experts, k)
            ends = self.torch.arange(rows, rows * (experts + 1), rows, device=self.place, dtype=self.torch.int32)
            return lambda: grouped(x, w.transpose(1, 2), offs=ends), 1
        x = self._random(case.format, experts, rows, k)
        return lambda: self.torch.bmm(x, w.transpose(1, 2)), 1

    def _stream(self, case: Case) -> tuple[Work, int]:
        if case.note == "read":
            a = self._random("fp32", int(case.size["bytes"] / 4))
            return lambda: self.torch.sum(a), 1
        passes = {"triad": 3.0, "add": 3.0, "glu": 3.0}.get(case.note, 2.0)
        elements = int(case.size["bytes"] / 4 / passes)
        a, out = self._random("fp32", elements), self.torch.empty(elements, device=self.place)
        if passes == 3.0:
            b = self._random("fp32", 1, elements)[0]
            return lambda: self.torch.add(a, b, alpha=1.5, out=out), 1
        return lambda: self.torch.mul(a, 1.5, out=out), 1

    def _launch(self, case: Case) -> tuple[Work, int]:
        a = self._random("fp32", 32)
        count = 1 if case.note == "graph" else 100

        def work() -> None:
            for _ in range(count):
                a.add_(0.0)

        return work, count

    def _prefill(self, case: Case) -> tuple[Work, int]:
        query = int(case.size["query"])
        return self._attention(case, 1, query, round(case.size["context"] + (query - 1) / 2))

    def _decode(self, case: Case) -> tuple[Work, int]:
        return self._attention(case, int(case.size["sequences"]), 1, int(case.size["context"]))

    def _attention(self, case: Case, sequences: int, query: int, held: int) -> tuple[Work, int]:
        heads, size = int(case.size["heads"]), int(case.size["head_size"])
        kv_heads = int(case.size.get("kv_heads", heads))
        q = self._random(case.format, sequences, heads, query, size)
        k, v = (self._random(case.format, sequences, kv_heads, held, size) for _ in range(2))
        attend = self.torch.nn.functional.scaled_dot_product_attention
        causal, shared = query > 1 and query == held, kv_heads != heads
        return lambda: attend(q, k, v, is_causal=causal, enable_gqa=shared), 1

    def _sampler(self, case: Case) -> tuple[Work, int]:
        logits = self._random("fp32", int(case.size["vocabulary"]))

        def work() -> None:
            best = self.torch.topk(logits, 40).values
            self.torch.multinomial(self.torch.softmax(best, dim=-1), 1)

        return work, 1


def _interface(torch: Any, kind: str) -> Any:
    """Return PyTorch's module of a device kind (`torch.cuda`); None for the processor or where it has none."""
    if kind == "cpu":
        return None
    if kind == "mps":
        inner = getattr(torch, "mps", None)
        return inner if inner is not None and hasattr(inner, "is_available") else getattr(torch.backends, "mps", None)
    return getattr(torch, kind, None)


def _count(api: Any) -> int:
    return int(api.device_count()) if hasattr(api, "device_count") else 1


def _called(api: Any, name: str, *arguments: Any) -> Any:
    return getattr(api, name)(*arguments) if hasattr(api, name) else None


def _asked(api: Any, name: str, index: int, unit: float) -> float | None:
    """Return a reading in SI units; None where the driver's binding is not there or says nothing."""
    if not hasattr(api, name):
        return None
    try:
        value = float(getattr(api, name)(index)) * unit
    except Exception:  # noqa: BLE001  the binding raises errors of its own making
        return None
    return value or None


def _versions(torch: Any, kind: str) -> dict[str, str]:
    found = {"torch": str(torch.__version__)}
    for name in ("cuda", "hip"):
        version = getattr(torch.version, name, None)
        if version and kind == "cuda":
            found[name] = str(version)
    return found
