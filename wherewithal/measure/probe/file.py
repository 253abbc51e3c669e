"""The probe file: what a device did with single operators; JSON, without names of hosts, users or paths."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wherewithal.catalog import files
from wherewithal.catalog.add import write_whole
from wherewithal.errors import InputError

FORMAT, VERSION = "wherewithal-probe", 1
LARGEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Device:
    """What was measured: kind of device, its name as it calls itself, threads used, memory [B]."""

    kind: str
    name: str
    maker: str | None = None
    threads: int | None = None
    ranks: int = 1
    memory_bytes: float | None = None


@dataclass(frozen=True)
class Measured:
    """One operator: kind, format, sizes by name, median time [s] with its 10% and 90%, repeats, clock and power."""

    kind: str
    format: str
    sizes: Mapping[str, float]
    seconds: float
    low: float
    high: float
    repeats: int = 1
    clock_hz: float | None = None
    power_w: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Probe:
    """A whole probe: how it was taken, and its operators."""

    date: str
    backend: str
    device: Device
    software: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    complete: bool = True
    operators: tuple[Measured, ...] = ()


def is_probe(path: Path) -> bool:
    """Return whether a file says that it is a probe."""
    return f'"{FORMAT}"' in files.read_text(path, LARGEST_BYTES)[:4096]


def read(path: Path) -> Probe:
    """Return a probe file.

    Raises:
        InputError: it is none, or a row cannot be used; names the row.
    """
    try:
        data = json.loads(files.read_text(path, LARGEST_BYTES))
    except (json.JSONDecodeError, RecursionError):
        raise InputError(path.name, "is no JSON", "a file that `wherewithal probe` wrote") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InputError(path.name, "is no probe", "a file that `wherewithal probe` wrote")
    if data.get("version") != VERSION:
        raise InputError(path.name, f"version {data.get('version')!r}", f"version {VERSION}: probe again")
    try:
        device = Device(**data["device"])
        rows = tuple(_row(path.name, at, r) for at, r in enumerate(data["operators"], 1))
        kept = {k: data[k] for k in ("date", "backend", "software", "seed", "complete")}
    except (KeyError, TypeError) as error:
        raise InputError(
            path.name, f"lacks or does not know {error}", "a file that `wherewithal probe` wrote"
        ) from None
    return Probe(device=device, operators=rows, **kept)


def _row(name: str, at: int, data: Any) -> Measured:
    try:
        row = Measured(**data)
        times = (row.seconds, row.low, row.high)
        good = all(isinstance(t, int | float) and math.isfinite(t) and t > 0 for t in times)
    except TypeError:
        good = False
    if not good or not isinstance(data.get("sizes"), dict):
        raise InputError(
            f"{name}, operator {at}", "has no usable times or sizes", "seconds, low, high above 0; sizes by name"
        )
    return row


def write(path: Path, probe: Probe) -> None:
    """Write a probe whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    data = {"format": FORMAT, "version": VERSION, **asdict(probe)}
    write_whole(path, (json.dumps(data, indent=1) + "\n").encode(), force=True)
