"""Tensors and graphs of ggml in buffers of the probe's own: weights once, operands and results in one scratch buffer."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherewithal.errors import InputError
from wherewithal.measure.probe.ggml_api import DEVICE_CPU, I32, I64, InitParams, Library, P

ALIGN = 256
WEIGHTS = 1  # how ggml's buffers are marked that hold weights


class Place(NamedTuple):
    """One ggml backend and what belongs to it: device, its plain buffers, and buffers that hold weights repacked."""

    lib: Library
    backend: Any
    device: Any
    plain: Any
    packed: tuple[Any, ...]


def place(lib: Library, kind: str, index: int, threads: int, packed: bool) -> Place:
    """Return a device of ggml, ready to compute.

    Args:
        lib: the library.
        kind: device kind of a probe file.
        index: which of that kind.
        threads: threads on a processor.
        packed: whether weights may be kept repacked.

    Raises:
        InputError: the library has no such device.
    """
    device = _device(lib, kind, index)
    backend = lib.call("backend_dev_init", device, None)
    registry = lib.call("backend_dev_backend_reg", device)
    if kind == "cpu":
        _address(lib, registry, "ggml_backend_set_n_threads", None, P, I32)(backend, threads)
    extra = _packed(lib, registry, device) if packed else ()
    return Place(lib, backend, device, lib.call("backend_dev_buffer_type", device), extra)


def _device(lib: Library, kind: str, index: int) -> Any:
    """Return a device of ggml: the processor, or the card with this number."""
    devices = [lib.call("backend_dev_get", i) for i in range(lib.call("backend_dev_count"))]
    found = [d for d in devices if (lib.call("backend_dev_type", d) == DEVICE_CPU) == (kind == "cpu")]
    if index >= len(found):
        names = ", ".join(lib.call("backend_dev_name", d).decode() for d in devices) or "none"
        raise InputError("--device", f"no {kind}:{index} in {lib.path}", f"it has {names}")
    return found[index]


def _address(lib: Library, registry: Any, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    found = lib.call("backend_reg_get_proc_address", registry, name.encode())
    return ctypes.CFUNCTYPE(result, *arguments)(found) if found else lambda *_: None


def _packed(lib: Library, registry: Any, device: Any) -> tuple[Any, ...]:
    """Return the kinds of buffer in which the device keeps weights repacked, the preferred first."""
    listed = _address(lib, registry, "ggml_backend_dev_get_extra_bufts", ctypes.POINTER(P), P)(device)
    found: list[Any] = []
    while listed and listed[len(found)]:
        found.append(listed[len(found)])
    return tuple(found)


class Arena:
    """A context with one scratch buffer: tensors are laid into it one after the other.

    Args:
        place: where it lies.
        size: [B] of the scratch buffer.
        tensors: tensors and nodes that the context holds at most.
        graphs: graphs that it holds at most.
    """

    def __init__(self, place: Place, size: float, tensors: int, graphs: int = 1) -> None:
        lib = self.lib = place.lib
        self.place, self._used, self._size = place, 0, int(size) + ALIGN
        each = lib.call("tensor_overhead") + ALIGN
        one = lib.call("graph_overhead_custom", _room(1), False)
        memory = tensors * each + graphs * one + lib.call("graph_overhead_custom", _room(tensors), False) + 65536
        self.context = lib.call("init", InitParams(memory, None, True))
        self._buffer = lib.call("backend_buft_alloc_buffer", place.plain, self._size)
        if not self.context or not self._buffer:
            self.free()
            raise MemoryError
        self._base = lib.call("backend_buffer_get_base", self._buffer)

    def tensor(self, kind: int, *shape: int) -> Any:
        """Return a new tensor without memory; the first size is that of a row."""
        sizes = (I64 * len(shape))(*shape)
        return self.lib.call("new_tensor", self.context, kind, len(shape), sizes)

    def put(self, tensor: Any, offset: int | None = None) -> Any:
        """Give a tensor memory in the scratch buffer, at an offset or after the last one; return it."""
        size = -(-self.lib.call("nbytes", tensor) // ALIGN) * ALIGN
        at = self._used if offset is None else offset
        if at + size > self._size:
            raise MemoryError
        if offset is None:
            self._used += size
        self.lib.call("backend_tensor_alloc", self._buffer, tensor, self._base + at)
        return tensor

    def view(self, tensor: Any) -> Any:
        """Give a view the buffer of its source; return it."""
        self.lib.call("backend_view_init", tensor)
        return tensor

    @property
    def used(self) -> int:
        """Bytes of the scratch buffer that are taken [B]."""
        return self._used

    def fill(self, tensor: Any, values: NDArray[Any]) -> Any:
        """Copy values into a tensor and return it."""
        data = np.ascontiguousarray(values)
        size = min(data.nbytes, self.lib.call("nbytes", tensor))
        self.lib.call("backend_tensor_set", tensor, data.ctypes.data_as(ctypes.c_void_p), 0, size)
        return tensor

    def values(self, tensor: Any) -> NDArray[np.float32]:
        """Return the values of a tensor of fp32, flat."""
        out = np.empty(self.lib.call("nbytes", tensor) // 4, dtype=np.float32)
        self.lib.call("backend_tensor_get", tensor, out.ctypes.data_as(ctypes.c_void_p), 0, out.nbytes)
        return out

    def graph(self, nodes: Sequence[Any]) -> Any:
        """Return a graph that computes these nodes in turn."""
        graph = self.lib.call("new_graph_custom", self.context, _room(len(nodes)), False)
        for node in nodes:
            self.lib.call("build_forward_expand", graph, node)
        return graph

    def work(self, graphs: Sequence[Any]) -> Callable[[], None]:
        """Return a function that computes one graph after the other, one at each call."""
        compute, backend, turn = self.lib.call, self.place.backend, [0]

        def run() -> None:
            compute("backend_graph_compute", backend, graphs[turn[0]])
            turn[0] = (turn[0] + 1) % len(graphs)

        return run

    def free(self) -> None:
        """Give the memory back."""
        if getattr(self, "_buffer", None):
            self.lib.call("backend_buffer_free", self._buffer)
        if self.context:
            self.lib.call("free", self.context)
        self.context = self._buffer = None


def _room(nodes: int) -> int:
    """Return the nodes and leaves that a graph of so many operators has at most."""
    return 6 * nodes + 32


class Weights:
    """Equal weight tensors at different addresses, where the runtime would keep such weights.

    Args:
        place: where they lie.
        kind: number of their type.
        shape: row, rows, and experts where there are several.
        copies: how many.
        values: encoded rows, repeated to fill a tensor.
    """

    def __init__(self, place: Place, kind: int, shape: Sequence[int], copies: int, values: NDArray[np.uint8]) -> None:
        self.lib = place.lib
        self.tensors: list[Any] = []
        self.context: Any = None
        self._buffer: Any = None
        self.packed = ""
        for buft in (*place.packed, place.plain):
            if self._laid(place, buft, kind, shape, copies):
                break
            self.free()
        if not self.tensors:
            raise MemoryError
        self._fill(values)

    def _laid(self, place: Place, buft: Any, kind: int, shape: Sequence[int], copies: int) -> bool:
        """Whether the weights could be laid into a kind of buffer that the device multiplies from."""
        lib = self.lib
        self.context = lib.call("init", InitParams((copies + 8) * (lib.call("tensor_overhead") + 64), None, True))
        sizes = (I64 * len(shape))(*shape)
        probe = lib.call("new_tensor", self.context, kind, len(shape), sizes)
        self.tensors = [lib.call("new_tensor", self.context, kind, len(shape), sizes) for _ in range(copies)]
        self.tensors.append(probe)
        self._buffer = lib.call("backend_alloc_ctx_tensors_from_buft", self.context, buft)
        if not self._buffer:
            return False
        lib.call("backend_buffer_set_usage", self._buffer, WEIGHTS)
        known = place.lib.call("backend_dev_supports_op", place.device, self._asked(shape))
        self.tensors.pop()
        self.packed = lib.call("backend_buft_name", buft).decode() if buft in place.packed else ""
        return bool(known) or buft == place.plain

    def _asked(self, shape: Sequence[int]) -> Any:
        """Return the product by which a runtime asks whether a device takes weights of this kind: 512 rows."""
        lib, weight = self.lib, self.tensors[-1]
        if len(shape) == 2:
            rows = lib.call("new_tensor", self.context, 0, 2, (I64 * 2)(shape[0], 512))
            return lib.call("mul_mat", self.context, weight, rows)
        rows = lib.call("new_tensor", self.context, 0, 3, (I64 * 3)(shape[0], 1, 512))
        chosen = lib.call("new_tensor", self.context, 26, 2, (I64 * 2)(1, 512))
        return lib.call("mul_mat_id", self.context, weight, rows, chosen)

    def _fill(self, values: NDArray[np.uint8]) -> None:
        lib = self.lib
        size = lib.call("nbytes", self.tensors[0])
        whole = np.resize(values, size)
        for tensor in self.tensors:
            lib.call("backend_tensor_set", tensor, whole.ctypes.data_as(ctypes.c_void_p), 0, size)

    def free(self) -> None:
        """Give the memory back."""
        if self._buffer:
            self.lib.call("backend_buffer_free", self._buffer)
        if self.context:
            self.lib.call("free", self.context)
        self.context = self._buffer = None
        self.tensors = []


def encoded(lib: Library, kind: int, row: int, seed: int) -> NDArray[np.uint8]:
    """Return some rows of random weights in a type's own encoding.

    Args:
        lib: the library.
        kind: number of the type.
        row: weights in a row.
        seed: of the random numbers.
    """
    rows = max(1, min(64, math.ceil(65536 / row)))
    plain = np.random.default_rng(seed).standard_normal((rows, row), dtype=np.float32) * np.float32(0.02)
    out = np.zeros(rows * lib.call("row_size", kind, row), dtype=np.uint8)
    pointers = (a.ctypes.data_as(ctypes.c_void_p) for a in (plain, out))
    lib.call("quantize_chunk", kind, *pointers, 0, rows, row, None)
    return out
