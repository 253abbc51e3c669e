"""The probe file: operators with their times on one device, as one JSON document without names of hosts, paths or users."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from wherewithal.catalog import files
from wherewithal.catalog.add import write_whole
from wherewithal.errors import InputError, Problem

FORMAT, VERSION = "wherewithal-probe", 1
BACKENDS = ("ggml", "numpy", "torch")
DEVICES = ("cpu", "cuda", "rocm", "npu", "mps", "xpu")
MOST_OPERATORS = 20_000
LIMIT = 16 * 1024 * 1024
# Sizes by kind: those that a row must have, then those that it may have.
SIZES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "matmul": (("m", "n", "k"), ()),
    "batched_matmul": (("m", "n", "k", "batch"), ()),
    "grouped_matmul": (("rows", "n", "k", "experts"), ("used",)),
    "attention_prefill": (("query", "context", "heads", "head_size"), ("kv_heads",)),
    "attention_decode": (("sequences", "context", "kv_heads", "heads", "head_size"), ()),
    "stream": (("bytes",), ()),
    "launch": ((), ()),
    "sampler": (("vocabulary",), ()),
    **dict.fromkeys(("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send"), (("bytes", "ranks"), ())),
}
_FIX = "measure again with `wherewithal probe`"


@dataclass(frozen=True)
class Device:
    """What was measured.

    Attributes:
        kind: one of `DEVICES`.
        name: its name as the driver or the processor says it.
        maker: who made it, None where not known.
        threads: threads used on a processor; None on a card.
        ranks: devices that took part.
        memory_bytes: [B] of memory; None where not known.
    """

    kind: str
    name: str
    maker: str | None = None
    threads: int | None = None
    ranks: int = 1
    memory_bytes: float | None = None


@dataclass(frozen=True)
class Operator:
    """One operator measured.

    Attributes:
        kind, format: as in `wherewithal.model.op.Op`; also `launch` (one more operator in a graph) and `sampler`.
        sizes: named sizes, as `SIZES` lists them by kind.
        seconds: [s] median of the repeats.
        low, high: [s] 10% and 90% of the repeats.
        repeats: how many.
        clock_hz: [1/s] clock at that time; None where it cannot be read.
        power_w: [W] power at that time; None where it cannot be read.
        note: which operator of its kind (`triad`), where its weights were (`warm`), whether it was disturbed.
    """

    kind: str
    format: str
    sizes: Mapping[str, float]
    seconds: float
    low: float
    high: float
    repeats: int
    clock_hz: float | None = None
    power_w: float | None = None
    note: str = ""

    @property
    def key(self) -> tuple[str, str, tuple[tuple[str, float], ...], str]:
        """What makes it this operator: kind, format, sizes and the first word of its note."""
        return self.kind, self.format, tuple(sorted(self.sizes.items())), self.note.split(";")[0]


@dataclass(frozen=True)
class Probe:
    """A probe file.

    Attributes:
        date: day of the last measurement, ISO.
        backend: one of `BACKENDS`.
        device: what was measured.
        software: name to version of what ran the operators.
        seed: seed of the operands.
        complete: whether all that was planned was measured.
        operators: one row each.
    """

    date: str
    backend: str
    device: Device
    software: Mapping[str, str]
    seed: int
    complete: bool
    operators: tuple[Operator, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return the document as plain data."""
        rows = [{**asdict(o), "sizes": dict(o.sizes)} for o in self.operators]
        head = {"format": FORMAT, "version": VERSION, "date": self.date, "backend": self.backend}
        rest = {"software": dict(self.software), "seed": self.seed, "complete": self.complete, "operators": rows}
        return {**head, "device": asdict(self.device), **rest}


def write(path: Path, probe: Probe) -> None:
    """Write a probe file whole or not at all, replacing one that is there.

    Raises:
        InputError: it cannot be written.
    """
    head = probe.to_dict()
    rows = ",\n  ".join(json.dumps(row, allow_nan=False) for row in head.pop("operators"))
    lines = [f' "{name}": {json.dumps(value, allow_nan=False)},' for name, value in head.items()]
    whole = "\n".join(["{", *lines, ' "operators": [', f"  {rows}", " ]", "}", ""])
    write_whole(path, whole.encode(), force=True)


def read(path: Path) -> Probe:
    """Read a probe file and check all of it.

    Raises:
        InputError: it cannot be read, is no probe file of this version, or a row is wrong: which, why, and what would
            be right.
    """
    where = str(path)
    document = files.read_json(path, where, LIMIT)
    if document.get("format") != FORMAT:
        raise InputError(where, "is not a probe file", "`wherewithal probe -o FILE` writes one")
    if document.get("version") != VERSION:
        raise InputError(where, f"is of version {document.get('version')!r}", f"this release reads version {VERSION}")
    problems = [*_head_problems(document)]
    rows = document.get("operators")
    if not isinstance(rows, list) or len(rows) > MOST_OPERATORS:
        problems.append(Problem("operators", f"is not a list of at most {MOST_OPERATORS:,} rows", _FIX))
        rows = []
    for i, row in enumerate(rows):
        problems += _row_problems(f"operators[{i}]", row)
    if problems:
        first, more = problems[0], len(problems) - 1
        tail = f" (and {more} more)" if more else ""
        raise InputError(where, f"{first.path}: {first.what}", first.fix + tail)
    return _made(document)


def _made(document: Mapping[str, Any]) -> Probe:
    rows = tuple(Operator(**{n: row.get(n, d) for n, d in _ROW.items()}) for row in document["operators"])
    device = Device(**{n: document["device"].get(n, d) for n, d in _DEVICE.items()})
    names = ("date", "backend", "software", "seed", "complete")
    return Probe(**{n: document[n] for n in names}, device=device, operators=rows)


_ROW: Mapping[str, Any] = {
    "kind": "", "format": "", "sizes": {}, "seconds": 0.0, "low": 0.0, "high": 0.0, "repeats": 0,
    "clock_hz": None, "power_w": None, "note": "",
}  # fmt: skip
_DEVICE: Mapping[str, Any] = {
    "kind": "", "name": "", "maker": None, "threads": None, "ranks": 1, "memory_bytes": None,
}  # fmt: skip


def _positive(value: Any) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and math.isfinite(value) and value > 0


def _text(value: Any, most: int = 200) -> bool:
    return isinstance(value, str) and len(value) <= most and value.isprintable()


def _head_problems(document: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong outside the rows."""
    wrong: list[Problem] = []
    device, software = document.get("device"), document.get("software")
    if not _is_day(document.get("date")):
        wrong.append(Problem("date", f"{document.get('date')!r} is no day", "write YYYY-MM-DD"))
    if document.get("backend") not in BACKENDS:
        wrong.append(Problem("backend", f"{document.get('backend')!r}", f"one of {', '.join(BACKENDS)}"))
    if not isinstance(device, dict) or not _text(device.get("name")) or device.get("kind") not in DEVICES:
        wrong.append(Problem("device", "lacks a name or a kind", f"kind is one of {', '.join(DEVICES)}"))
    else:
        wrong += _unlike("device", device, ("threads", "memory_bytes", "ranks"))
    if not isinstance(software, dict) or not all(_text(k) and _text(v) for k, v in software.items()):
        wrong.append(Problem("software", "is not a table of names and versions", _FIX))
    if not isinstance(document.get("seed"), int) or not isinstance(document.get("complete"), bool):
        wrong.append(Problem("seed, complete", "a whole number and true or false are needed", _FIX))
    return wrong


def _is_day(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _row_problems(where: str, row: Any) -> list[Problem]:
    """Return what is wrong with one row: unknown kinds, sizes missing or beside the point, times that cannot be."""
    if not isinstance(row, dict):
        return [Problem(where, "is not a table", _FIX)]
    kind, sizes = str(row.get("kind")), row.get("sizes")
    if kind not in SIZES:
        return [Problem(f"{where}.kind", f"{kind[:40]!r} is not known", f"one of {', '.join(SIZES)}")]
    where = f"{where} ({kind} {str(row.get('format'))[:20]})"
    wrong: list[Problem] = []
    needed, more = SIZES[kind]
    if not isinstance(sizes, dict) or not all(_positive(v) for v in sizes.values()):
        wrong.append(Problem(f"{where}.sizes", "is not a table of numbers above zero", _FIX))
    elif set(needed) - set(sizes) or set(sizes) - set(needed) - set(more):
        wrong.append(Problem(f"{where}.sizes", f"has {', '.join(sizes) or 'none'}", f"needs {', '.join(needed)}"))
    if not _text(row.get("format"), 40) or not _text(row.get("note", "")):
        wrong.append(Problem(f"{where}.format", "format or note is not a short text", _FIX))
    times: list[Any] = [row.get(n) for n in ("low", "seconds", "high")]
    if not all(_positive(t) for t in times) or sorted(times) != times:
        wrong.append(Problem(f"{where}.seconds", f"low, median, high are {times}", "they rise and are above zero"))
    if not isinstance(row.get("repeats"), int) or row["repeats"] < 1:
        wrong.append(Problem(f"{where}.repeats", f"{row.get('repeats')!r}", "a whole number of at least 1"))
    return wrong + _unlike(where, row, ("clock_hz", "power_w"))


def _unlike(where: str, row: Mapping[str, Any], names: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each figure that is neither absent nor above zero."""
    return [
        Problem(f"{where}.{name}", f"{row[name]!r} is not above zero", "leave it null")
        for name in names
        if row.get(name) is not None and not _positive(row[name])
    ]
