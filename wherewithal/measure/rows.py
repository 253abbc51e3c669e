"""Measurement files: one figure a row, in the columns of the contract; those of the catalog are in the same form."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from wherewithal.catalog import load as catalog
from wherewithal.errors import FileProblems, InputError, Problem

COLUMNS = (
    "id", "source", "date", "engine", "engine_version", "model", "system", "chip", "chips", "serving", "layout",
    "precision", "load", "input_tokens", "output_tokens", "length_spread", "concurrency", "requests",
    "request_rate_per_s", "cached_input_tokens", "accepted_tokens_per_step", "metric", "statistic", "value", "notes",
)  # fmt: skip
# What a file must at least have; other columns may be absent, which says as much as empty cells.
NEEDED = ("id", "model", "system", "chips", "load", "metric", "value")
NUMBERS = (
    "chips", "input_tokens", "output_tokens", "length_spread", "concurrency", "requests", "request_rate_per_s",
    "cached_input_tokens", "accepted_tokens_per_step", "value",
)  # fmt: skip
TEXTS = (
    "id", "model", "system", "load", "metric", "source", "date", "engine", "engine_version", "chip", "serving", "layout",
    "statistic", "notes", "input_is",
)  # fmt: skip
# What notes say of lengths drawn between one token and those asked for, and the widest spread that can be asked.
UNIFORM, WIDEST = "lengths uniform from 1", 0.99
LOADS = ("closed", "open", "offline", "static")
STATISTICS = ("mean", "median", "p90", "p95", "p99")
SERVING = ("colocated", "disaggregated", "afd")
SCORED = (
    "ttft_s", "tpot_s", "e2e_s", "output_tokens_per_s", "total_tokens_per_s", "output_tokens_per_s_per_chip",
    "input_tokens_per_s_per_chip", "requests_per_s", "joules_per_output_token", "power_w",
)  # fmt: skip
LATENCIES = ("ttft_s", "tpot_s", "e2e_s")
ENDINGS = (".csv", ".csv.gz")
# A file larger than this is no measurement file (the catalog's own, of 26,000 rows, are 5 MB unpacked).
LARGEST_BYTES = 256_000_000


@dataclass(frozen=True)
class Row:
    """One measured figure and the conditions under which it was taken; SI base units, None where not stated.

    Attributes:
        id: unique within its file.
        source, date, engine, engine_version, model, system, serving, layout, load, metric, statistic, notes: as written.
        chip: another chip in that system's place, or empty.
        chips: chips in all.
        precision: part (`weights`, `activations`, `kv`) to format.
        input_tokens, output_tokens, cached_input_tokens: [token].
        length_spread: lengths are uniform between 1 - spread and 1 times those stated.
        concurrency, requests, request_rate_per_s: the load; [1], [1], [1/s].
        accepted_tokens_per_step: bonus token included.
        value: [SI unit of the metric].
        input_is: `nominal`, `actual_mean` or empty.
        weight: how far the figure can be trusted, 0 to 1.
        eligible: whether it can be predicted and scored as it stands; None where the file does not say.
        line: row of its file as a spreadsheet counts, the header is 1; 0 where it comes from none.
    """

    id: str
    model: str
    system: str
    chips: float
    load: str
    metric: str
    value: float
    source: str = ""
    date: str = ""
    engine: str = ""
    engine_version: str = ""
    chip: str = ""
    serving: str = ""
    layout: str = ""
    precision: Mapping[str, str] = field(default_factory=dict)
    input_tokens: float | None = None
    output_tokens: float | None = None
    length_spread: float | None = None
    concurrency: float | None = None
    requests: float | None = None
    request_rate_per_s: float | None = None
    cached_input_tokens: float | None = None
    accepted_tokens_per_step: float | None = None
    statistic: str = ""
    notes: str = ""
    input_is: str = ""
    weight: float = 1.0
    eligible: bool | None = None
    line: int = 0

    @property
    def run(self) -> tuple[object, ...]:
        """What was run, without what was read off it: rows of one run share it."""
        return (
            self.source, self.engine, self.engine_version, self.model, self.system, self.chip, self.chips, self.serving,
            self.layout, tuple(sorted(self.precision.items())), self.load, self.input_tokens, self.output_tokens,
            self.length_spread, self.concurrency, self.requests, self.request_rate_per_s, self.cached_input_tokens,
            self.accepted_tokens_per_step,
        )  # fmt: skip


def own(dirs: catalog.Dirs = ()) -> list[Row]:
    """Return the measurements of the catalog: all files of `measured/` in its folders, those of the user's first.

    Args:
        dirs: user folders, searched first.

    Raises:
        FileProblems: what is wrong in a file of a user's folder.
    """
    found: list[Row] = []
    for folder in catalog.folders(dirs):
        inner = folder / "measured"
        if inner.is_dir():
            files = sorted((f for f in inner.iterdir() if f.name.endswith(ENDINGS)), key=lambda f: f.name)
            for file in files:
                found += read(file)
    return found


def read(file: Path | Traversable) -> list[Row]:
    """Return the rows of a measurement file (`.csv` or `.csv.gz`).

    Raises:
        InputError: it cannot be read, or lacks a column.
        FileProblems: every cell that cannot be used, with its row and column.
    """
    text = _text(file)
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip() for name in next(table, [])]
        lines = list(table)
    except csv.Error as error:
        raise InputError(file.name, f"row {table.line_num}: no CSV ({error})", "write it as RFC 4180 says") from None
    _head(file.name, head)
    rows, wrong = _rows(head, lines)
    if wrong:
        raise FileProblems(file.name, wrong)
    return rows


def _text(file: Path | Traversable) -> str:
    try:
        data = file.read_bytes()
        if file.name.endswith(".gz"):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise InputError(file.name, f"more than {LARGEST_BYTES // 1_000_000} MB", "split it")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(file.name, f"byte {error.start} is not UTF-8", "save it as UTF-8") from None
    except (OSError, EOFError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(file.name, f"cannot be read ({said})", "name a CSV file of measurements") from None


def _head(name: str, head: Sequence[str]) -> None:
    missing = [c for c in NEEDED if c not in head]
    if missing:
        raise InputError(name, f"row 1: no column {missing[0]!r}", f"the columns are {', '.join(COLUMNS)}")
    twice = [c for c in head if c and head.count(c) > 1]
    if twice:
        raise InputError(name, f"row 1: column {twice[0][:40]!r} is there twice", "each column once")


def _rows(head: Sequence[str], lines: Iterable[Sequence[str]]) -> tuple[list[Row], list[Problem]]:
    """Return the rows, and every cell that cannot be used; rows are counted as in a spreadsheet, the header is 1."""
    rows: list[Row] = []
    wrong: list[Problem] = []
    seen: dict[str, int] = {}
    for at, line in enumerate(lines, start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(head):
            wrong.append(
                Problem(f"row {at}", f"{len(line)} cells, the header has {len(head)}", "quote cells with commas")
            )
            continue
        cells = {k: v.strip() for k, v in zip(head, line, strict=True)}
        bad = list(_problems(cells, at))
        key = cells["id"]
        if key and key in seen:
            bad.append(
                Problem(f"row {at}, column id", f"{key[:40]!r} is the id of row {seen[key]} too", "give it its own")
            )
        seen.setdefault(key, at)
        wrong += bad
        if not bad:
            rows.append(_row(cells, at))
    return rows, wrong


def _problems(cells: Mapping[str, str], at: int) -> Iterator[Problem]:
    """Yield what is wrong in one row."""
    for name in ("id", "model", "system", "chips", "metric", "value"):
        if not cells[name]:
            yield Problem(f"row {at}, column {name}", "empty", "every row needs it")
    for name in (*NUMBERS, "weight"):
        text = cells.get(name, "")
        if text and not _finite(text):
            yield Problem(
                f"row {at}, column {name}", f"{text[:40]!r} is not a number", "a plain number in SI base units"
            )
        elif text:
            yield from _range(name, float(text), at)
    words = (("load", LOADS), ("statistic", ("", *STATISTICS)), ("serving", ("", *SERVING)))
    for name, known in words:
        if name in cells and cells[name] not in known:
            yield Problem(
                f"row {at}, column {name}", f"{cells[name][:40]!r}", f"one of {', '.join(k for k in known if k)}"
            )
    for part in cells.get("precision", "").split():
        key, equals, value = part.partition("=")
        if key not in ("weights", "activations", "kv") or not equals or not value:
            fix = "weights=fp8 activations=fp8 kv=fp8"
            yield Problem(f"row {at}, column precision", f"{part[:40]!r} is not PART=FORMAT", fix)


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _range(name: str, value: float, at: int) -> Iterator[Problem]:
    least, most, fix = {
        "value": (math.nextafter(0.0, 1.0), math.inf, "a measured figure is above zero"),
        "chips": (1.0, float(catalog.MOST_CHIPS), "a whole number of at least 1"),
        "length_spread": (0.0, 0.99, "from 0 to 0.99"),
        "accepted_tokens_per_step": (1.0, 64.0, "at least 1: the bonus token counts"),
        "weight": (0.0, 1.0, "from 0 to 1"),
        "concurrency": (1.0, 1e9, "at least 1"),
        "requests": (1.0, 1e12, "at least 1"),
    }.get(name, (0.0, 1e12, "not below zero"))
    if not least <= value <= most or (name == "chips" and value != int(value)):
        yield Problem(f"row {at}, column {name}", f"{value:g} is out of range", fix)


def _stated(means: Mapping[str, float]) -> dict[str, float]:
    """Return lengths as they were asked for, and their spread, from the means [token] of lengths uniform from one."""
    return {"length_spread": WIDEST} | {n: mean / (1.0 - WIDEST / 2.0) for n, mean in means.items()}


def _row(cells: Mapping[str, str], at: int) -> Row:
    said: dict[str, Any] = {k: cells.get(k, "") for k in TEXTS}
    said |= {n: float(cells[n]) for n in NUMBERS if cells.get(n)}
    if UNIFORM in said["notes"] and said["input_is"] == "actual_mean" and "length_spread" not in said:
        said |= _stated({n: said[n] for n in ("input_tokens", "output_tokens") if n in said})
    parts = (p.partition("=") for p in cells.get("precision", "").split())
    return Row(
        **said,
        precision={k: v for k, _, v in parts},
        weight=float(cells.get("weight") or 1.0),
        eligible={"yes": True, "no": False}.get(cells.get("eligible", "")),
        line=at,
    )
