"""Which backend measures a device: what is named, else ggml where its library is found, else NumPy; torch on cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wherewithal.errors import InputError, unknown_name
from wherewithal.measure.probe import torch_backend
from wherewithal.measure.probe.backend import Backend
from wherewithal.measure.probe.file import BACKENDS, DEVICES
from wherewithal.measure.probe.ggml import Ggml
from wherewithal.measure.probe.ggml_api import locate
from wherewithal.measure.probe.numpy_backend import Numpy
from wherewithal.measure.probe.sizes import grid

# Weights that are read between two uses of the same weights: bounds, and what is taken where no model is named [B].
LEAST_REUSE, USUAL_REUSE, MOST_REUSE = 16e6, 256e6, 512e6


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Attributes:
        device: `cpu`, or a kind of card with its number (`cuda:0`).
        backend: one of `BACKENDS`; None to choose.
        library: ggml's library; None to look in the running environment.
        threads: threads on a processor.
        seed: of the operands.
        reuse_bytes: [B] of weights of the model planned; None where none is named.
        packed: whether weights may be repacked.
    """

    device: str = "cpu"
    backend: str | None = None
    library: Path | None = None
    threads: int = 1
    seed: int = 0
    reuse_bytes: float | None = None
    packed: bool = True


def chosen(asked: Asked) -> tuple[Backend, list[str]]:
    """Return the backend, and what the user should know about the choice.

    Raises:
        InputError: a device or backend that is not there.
    """
    kind, index = _device(asked.device)
    if asked.backend is not None and asked.backend not in BACKENDS:
        raise unknown_name("--backend", "backend", asked.backend, BACKENDS, f"backends: {', '.join(BACKENDS)}")
    reuse = min(max(asked.reuse_bytes or USUAL_REUSE, LEAST_REUSE), MOST_REUSE)
    path = asked.library
    if path is not None and not path.exists():
        raise InputError("--library", f"{path}: no such file or folder", "give the folder that holds libggml")
    if path is None and asked.backend in (None, "ggml") and kind == "cpu":
        path = locate(_packages())
    if asked.backend == "ggml" or (asked.backend is None and path is not None):
        if path is None:
            raise InputError("--backend", "no library of ggml in the running environment", "name it with --library")
        notes = [f"ggml from {path}"]
        return Ggml(path, kind, index, asked.threads, asked.seed, reuse, packed=asked.packed), notes
    if kind != "cpu" and asked.backend == "numpy":
        raise InputError("--device", f"numpy computes on the processor, not on {kind}", "give --backend torch")
    if kind != "cpu" or asked.backend == "torch":
        found = torch_backend.installed()
        if found is None:
            raise InputError("--device", f"{asked.device} is measured with PyTorch, which is not installed", "install the build of PyTorch for that device")  # fmt: skip
        return torch_backend.Torch(found, kind, index, asked.threads, asked.seed, reuse), []
    return Numpy(asked.threads, asked.seed, reuse), ["NumPy in fp32: no library of ggml found (--library names one)"]


def _packages() -> Sequence[str]:
    found: Sequence[str] = grid()["packages"]
    return found


def _device(text: str) -> tuple[str, int]:
    """Return kind and number of a device."""
    kind, colon, number = text.partition(":")
    if kind not in DEVICES:
        raise unknown_name("--device", "device", kind, DEVICES, "such as cpu or cuda:0")
    if colon and not (number.isascii() and number.isdigit()):
        raise InputError("--device", f"{text[:40]!r} has no number after the colon", "such as cuda:0")
    return kind, int(number[:6]) if colon else 0
