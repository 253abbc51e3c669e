"""What a backend of the probe is: it knows its device and turns a case into something that can be timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from wherewithal.measure.probe.file import Device
from wherewithal.measure.probe.timing import Runner


@dataclass(frozen=True)
class Case:
    """One operator to be measured: its kind, format and sizes as in a probe file, and which of its kind it is.

    Attributes:
        kind, format: as in `wherewithal.measure.probe.file.Operator`.
        sizes: name and value, in the order of `SIZES`.
        note: first word of the row's note; empty for the plain operator.
        weight: how much is learnt from it; the largest are measured first.
    """

    kind: str
    format: str
    sizes: tuple[tuple[str, float], ...]
    note: str = ""
    weight: float = 1.0

    @property
    def size(self) -> Mapping[str, float]:
        """Sizes by name."""
        return dict(self.sizes)

    @property
    def key(self) -> tuple[object, ...]:
        """Its name, equal to that of the row that it becomes."""
        return self.kind, self.format, tuple(sorted(self.sizes)), self.note

    @property
    def group(self) -> tuple[object, ...]:
        """Cases of one group share their operands, and are measured in turn."""
        shared = [v for n, v in self.sizes if n not in ("m", "rows", "query", "context", "sequences", "bytes")]
        return (self.kind, self.format, *shared)

    @property
    def flops(self) -> float:
        """Arithmetic of one execution [FLOP], a multiply-add being 2; 0 for kinds that compute little."""
        s = self.size
        if self.kind in ("matmul", "batched_matmul", "grouped_matmul"):
            rows = s.get("m", s.get("rows", 0.0)) * s.get("batch", 1.0) * s.get("experts", 1.0)
            return 2.0 * rows * s["n"] * s["k"]
        if self.kind == "attention_prefill":
            return 4.0 * s["query"] * s["context"] * s["heads"] * s["head_size"]
        if self.kind == "attention_decode":
            return 4.0 * s["sequences"] * s["context"] * s["heads"] * s["head_size"]
        return 0.0


class Backend(Protocol):
    """A way of running operators on one device; `notes` gathers what its user should know, `peers` counts
    the devices of its kind that talk to each other.
    """

    name: str
    device: Device
    software: Mapping[str, str]
    formats: tuple[str, ...]
    cache_format: str
    notes: list[str]
    peers: int

    def prepare(self, case: Case) -> Runner | None:
        """Return what times a case; None where the backend does not have it."""

    def release(self) -> None:
        """Give the operands of the last cases back."""

    def readings(self) -> tuple[float | None, float | None]:
        """Return clock [1/s] and power [W] now; None where they cannot be read."""
