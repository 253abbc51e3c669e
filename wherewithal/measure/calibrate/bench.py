"""What other load tests and benches wrote, as measured rows: only what their files say; the rest is told by their user."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wherewithal.catalog import files
from wherewithal.catalog import load as catalog
from wherewithal.errors import InputError
from wherewithal.measure.rows import STATISTICS, Row

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What no such file says in the catalog's names.

    Attributes:
        model: as `plan` takes it.
        system: `SYSTEM` or a chip, catalog name.
        chips: chips in all.
        engine: catalog name, `@VERSION` where wanted.
        layout: in words; empty where not known.
        input_tokens, output_tokens: [token], where the file does not say.
    """

    model: str = ""
    system: str = ""
    chips: float = 1.0
    engine: str = ""
    layout: str = ""
    input_tokens: float | None = None
    output_tokens: float | None = None


def _number(data: Data, key: str, where: str, needed: bool = True) -> float | None:
    value = data.get(key)
    if isinstance(value, str) and value.lower() in ("inf", "infinity"):
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        if needed:
            raise InputError(where, f"{key} is {str(value)[:30]!r}", f"a file whose {key} is a number")
        return None
    return float(value)


def _documents(path: Path) -> list[Data]:
    """Return the objects of a JSON file, of a list in it, or of its lines."""
    text = files.read_text(path, files.CSV_LIMIT)
    try:
        whole = json.loads(text)
        found = whole if isinstance(whole, list) else [whole]
    except json.JSONDecodeError:
        found = []
        for at, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    found.append(json.loads(line))
                except (json.JSONDecodeError, RecursionError):
                    raise InputError(
                        f"{path.name}, line {at}", "is no JSON", "JSON, or one JSON object a line"
                    ) from None
    except RecursionError:
        raise InputError(path.name, "is nested too deeply", "the file as the bench wrote it") from None
    for at, one in enumerate(found, 1):
        if not isinstance(one, dict):
            raise InputError(f"{path.name}, entry {at}", "is no object", "the file as the bench wrote it")
    if not found:
        raise InputError(path.name, "is empty", "the file as the bench wrote it")
    return found


def read(path: Path, told: Told) -> list[Row]:
    """Return the rows of a JSON file of another bench, known by the keys in it.

    Args:
        path: JSON, a JSON list, or one object a line.
        told: what the file does not say.

    Raises:
        InputError: it is none that is known, or lacks what a row needs; names the entry.
    """
    if not (told.model and told.system):
        raise InputError(path.name, "does not say model and system in the catalog's names", "--model M --on SYSTEM[:N]")
    rows: list[Row] = []
    known = files.read_toml(catalog.builtin() / "benches.toml", "benches.toml")
    for at, data in enumerate(_documents(path), 1):
        where = f"{path.name}, entry {at}"
        kind = next((READERS[b["reads"]] for b in known.values() if set(b["keys"]) <= data.keys()), None)
        if kind is None:
            raise InputError(where, "is of no bench that is known", f"a file of {'; '.join(known)}")
        rows += [replace(r, id=f"{at}-{i}") for i, r in enumerate(kind(data, told, where), 1)]
    return rows


def _base(told: Told, **more: Any) -> Row:
    engine, _, version = told.engine.partition("@")
    return Row(
        id="", model=told.model, system=told.system, chips=told.chips, metric="", value=1.0, engine=engine,
        engine_version=version, layout=told.layout, source="own", **more,
    )  # fmt: skip


def _layers(data: Data, told: Told, where: str) -> Iterator[Row]:
    """Yield the row of one test: prompts alone, or tokens of one sequence alone."""
    prompt, tokens = _number(data, "n_prompt", where) or 0.0, _number(data, "n_gen", where) or 0.0
    rate, depth = _number(data, "avg_ts", where) or 0.0, _number(data, "n_depth", where, False) or 0.0
    if not rate > 0 or bool(prompt) == bool(tokens):
        raise InputError(
            where, f"n_prompt {prompt:g}, n_gen {tokens:g}, avg_ts {rate:g}", "tests of one kind, that ran"
        )
    base = _base(
        told, load="static", concurrency=1.0, date=str(data.get("test_time", ""))[:10], cached_input_tokens=None,
        input_tokens=prompt or depth, output_tokens=tokens or 1.0, statistic="mean",
        notes=f"build {data.get('build_commit', '?')}, {data.get('n_threads', '?')} threads, depth {depth:g}",
    )  # fmt: skip
    if prompt:
        yield replace(base, metric="input_tokens_per_s_per_chip", value=rate / told.chips)
    else:
        yield replace(base, metric="tpot_s", value=1.0 / rate)


def _load(data: Data, where: str) -> dict[str, Any]:
    """Return how requests came: so many in flight, at a rate, or all at once."""
    flight, rate = _number(data, "max_concurrency", where, False), _number(data, "request_rate", where, False)
    if flight:
        return {"load": "closed", "concurrency": flight}
    if rate is not None and math.isfinite(rate):
        return {"load": "open", "request_rate_per_s": rate}
    return {"load": "offline"}


def _spread(lengths: Any) -> float | None:
    """Return the spread of lengths that are uniform between some share and all of the longest."""
    if not isinstance(lengths, Sequence) or len(lengths) < 2 or not all(isinstance(x, int | float) for x in lengths):
        return None
    return round(1.0 - min(lengths) / max(lengths), 3) if max(lengths) > 0 else None


def _serving(data: Data, told: Told, where: str) -> Iterator[Row]:
    """Yield the rows of one run of a serving bench whose latencies are in ms."""
    done = _number(data, "completed", where) or 0.0
    if not done > 0:
        raise InputError(where, "no request was completed", "a run that ended")
    into, out = _number(data, "total_input_tokens", where) or 0.0, _number(data, "total_output_tokens", where) or 0.0
    spread = _spread(data.get("input_lens")) or 0.0
    base = _base(
        told, **_load(data, where), requests=done, date=_day(str(data.get("date", ""))), length_spread=spread,
        input_tokens=into / done / (1 - spread / 2), output_tokens=out / done / (1 - spread / 2),
    )  # fmt: skip
    yield from _latencies(base, data, "_ms", 1e-3)
    names = (
        ("output_throughput", "output_tokens_per_s"), ("total_token_throughput", "total_tokens_per_s"),
        ("total_throughput", "total_tokens_per_s"), ("request_throughput", "requests_per_s"),
    )  # fmt: skip
    for key, metric in names:
        value = _number(data, key, where, False)
        if value and value > 0:
            yield replace(base, metric=metric, value=value)


def _latencies(base: Row, data: Data, ending: str, unit: float) -> Iterator[Row]:
    for keys, metric in ((("ttft",), "ttft_s"), (("tpot",), "tpot_s"), (("e2e_latency", "e2el"), "e2e_s")):
        for statistic in STATISTICS:
            found = (data.get(f"{statistic}_{key}{ending}") for key in keys)
            value = next((v for v in found if isinstance(v, int | float) and v > 0 and math.isfinite(v)), None)
            if value is not None:
                yield replace(base, metric=metric, statistic=statistic, value=float(value) * unit)


def _day(text: str) -> str:
    """Return a date as YYYY-MM-DD; empty where it is none."""
    digits = text.replace("-", "")[:8]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdigit() else ""


def _campaign(data: Data, told: Told, where: str) -> Iterator[Row]:
    """Yield the rows of one point of a campaign that counts per GPU and in seconds."""
    inner = data.get("metrics")
    figures = {**data, **inner} if isinstance(inner, dict) else data
    into = _number(figures, "isl", where, False) or told.input_tokens
    out = _number(figures, "osl", where, False) or told.output_tokens
    if not into or not out:
        raise InputError(where, "does not say how long requests were", "--input-tokens N --output-tokens N")
    base = _base(
        told, load="closed", concurrency=_number(figures, "conc", where), input_tokens=into, output_tokens=out,
        date=_day(str(figures.get("date", ""))),
    )  # fmt: skip
    yield from _latencies(base, figures, "", 1.0)
    value = _number(figures, "output_tput_per_gpu", where, False)
    if value and value > 0:
        yield replace(base, metric="output_tokens_per_s_per_chip", value=value)


READERS: Mapping[str, Callable[[Data, Told, str], Iterator[Row]]] = {
    "alone": _layers,
    "serving": _serving,
    "point": _campaign,
}
