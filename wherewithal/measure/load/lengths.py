"""What each request of a run asks for, and when: lengths and arrivals, drawn from a seed or read from a trace."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from wherewithal.errors import InputError

# A trace larger than this (unpacked) is not read.
LARGEST_BYTES = 512_000_000
_WHEN = {"arrival_s": 1.0, "timestamp_s": 1.0, "timestamp_ms": 1e-3, "timestamp": 1e-3}
_INPUT = ("input_tokens", "input_length")
_OUTPUT = ("output_tokens", "output_length")


class Ask(NamedTuple):
    """One request to send.

    Attributes:
        at_s: [s] after the start when it is due; NaN where it follows another.
        input_tokens, output_tokens: [token] asked for.
    """

    at_s: float
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Arrivals:
    """How requests come.

    Attributes:
        kind: `closed`, `open` (Poisson), `burst` or `trace`.
        concurrency: in flight, of a closed load.
        rate_per_s: [1/s] in the mean, of an open load, and of bursts that repeat; of a trace, what it is scaled to.
        burst: requests that come at once.
        trace: rows of a trace.
    """

    kind: str
    concurrency: int = 0
    rate_per_s: float | None = None
    burst: int = 0
    trace: tuple[Ask, ...] = ()

    @property
    def own_rate_per_s(self) -> float:
        """Mean rate [1/s] of the trace as it was recorded; 0 where it has none."""
        span = self.trace[-1].at_s - self.trace[0].at_s if self.trace else 0.0
        return (len(self.trace) - 1) / span if span > 0 else float(len(self.trace))

    def words(self) -> str:
        """Return the load in a few words."""
        if self.kind == "closed":
            return f"{self.concurrency:,} in flight"
        if self.kind == "open":
            return f"{self.rate_per_s:,.4g} requests/s (Poisson)"
        if self.kind == "burst":
            return f"bursts of {self.burst:,}" + (f", {self.rate_per_s:,.4g} requests/s" if self.rate_per_s else "")
        return "arrivals of the trace" + (f" at {self.rate_per_s:,.4g} requests/s" if self.rate_per_s else "")


def asks(arrivals: Arrivals, lengths: tuple[int, int, float], count: int, seed: int) -> list[Ask]:
    """Return so many requests; lengths are uniform between 1 - spread and 1 times those stated.

    Args:
        arrivals: how they come.
        lengths: [token] of prompt and answer, and the spread.
        count: requests at most.
        seed: same seed, same lengths and arrivals.
    """
    import numpy as np

    if arrivals.kind == "trace":
        return list(scaled(arrivals.trace[:count], arrivals.rate_per_s))
    draw = np.random.default_rng(seed)
    low = 1.0 - lengths[2]
    prompts, answers = (
        np.maximum(np.rint(n * draw.uniform(low, 1.0, count)), 1.0).astype(int).tolist() for n in lengths[:2]
    )
    when = [math.nan] * count
    if arrivals.kind == "open" and arrivals.rate_per_s:
        gaps = draw.exponential(1.0 / arrivals.rate_per_s, count)
        when = (np.cumsum(gaps) - gaps[:1].sum()).tolist()
    elif arrivals.kind == "burst":
        gaps = draw.exponential(arrivals.burst / arrivals.rate_per_s, count) if arrivals.rate_per_s else np.zeros(count)
        starts = np.concatenate([[0.0], np.cumsum(gaps)])
        when = [float(starts[i // arrivals.burst]) for i in range(count)]
    return [Ask(*row) for row in zip(when, prompts, answers, strict=True)]


def scaled(rows: Sequence[Ask], rate_per_s: float | None) -> Iterator[Ask]:
    """Yield a trace from its first request on, its clock stretched to a mean rate where one is given."""
    if not rows:
        return
    start, span = rows[0].at_s, rows[-1].at_s - rows[0].at_s
    factor = (len(rows) - 1) / rate_per_s / span if rate_per_s and span > 0 and len(rows) > 1 else 1.0
    for row in rows:
        yield row._replace(at_s=(row.at_s - start) * factor)


def read_trace(path: Path, most_tokens: int | None = None) -> tuple[tuple[Ask, ...], int]:
    """Return the requests of a trace in the order of their arrival, and how many rows are left out.

    Args:
        path: CSV or JSON lines, packed with gzip or not. Columns: `arrival_s` or `timestamp_s`, or `timestamp` or
            `timestamp_ms` in milliseconds; `input_tokens` or `input_length`; `output_tokens` or `output_length`.
        most_tokens: rows with more tokens in all are left out; so are rows without an answer or a prompt.

    Raises:
        InputError: it cannot be read, or a cell cannot be used.
    """
    where = f"--trace {path.name}"
    rows, left = [], 0
    for at, cells in enumerate(_cells(path, where), start=1):
        when, unit = _cell(cells, tuple(_WHEN), where, at)
        prompt, answer = (int(_cell(cells, names, where, at)[0]) for names in (_INPUT, _OUTPUT))
        if prompt < 1 or answer < 1 or (most_tokens is not None and prompt + answer > most_tokens):
            left += 1
            continue
        rows.append(Ask(when * _WHEN[unit], prompt, answer))
    if not rows:
        raise InputError(where, "no request in it", f"columns {', '.join(_WHEN)}; {', '.join((*_INPUT, *_OUTPUT))}")
    rows.sort(key=lambda r: r.at_s)
    return tuple(rows), left


def _cells(path: Path, where: str) -> Iterator[Mapping[str, Any]]:
    """Yield each row by column name."""
    try:
        data = path.read_bytes()
        if path.name.endswith(".gz"):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise InputError(where, f"more than {LARGEST_BYTES // 1_000_000} MB", "cut it")
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(where, f"byte {error.start} is not UTF-8", "save it as UTF-8") from None
    except (OSError, EOFError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(where, f"cannot be read ({said})", "name a trace as CSV or JSON lines") from None
    if not text.lstrip().startswith("{"):
        yield from csv.DictReader(io.StringIO(text, newline=""))
        return
    for at, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise InputError(where, f"row {at} is no JSON object", "one object a line")
        yield found


def _cell(cells: Mapping[str, Any], names: Sequence[str], where: str, at: int) -> tuple[float, str]:
    """Return the first of some columns that is there, and its name."""
    for name in names:
        if cells.get(name) not in (None, ""):
            try:
                value = float(cells[name])
            except (TypeError, ValueError):
                value = math.nan
            if not (math.isfinite(value) and 0 <= value <= 1e15):
                raise InputError(where, f"row {at}, column {name}: {str(cells[name])[:40]!r}", "a number, not below 0")
            return value, name
    raise InputError(where, f"row {at} has no column {names[0]!r}", f"one of {', '.join(names)}")
