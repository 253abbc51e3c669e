"""A run as rows of a measurement file, in the contract's columns."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

from wherewithal import __version__, table
from wherewithal.catalog.add import write_whole
from wherewithal.errors import InputError
from wherewithal.measure.load.beside import Deployment, lengths_of
from wherewithal.measure.load.run import Result
from wherewithal.measure.load.summary import METRICS
from wherewithal.measure.rows import COLUMNS, STATISTICS, read

# Beside the contract's columns: what the lengths are, and whether a row can be predicted as it stands.
ALL = (*COLUMNS, "input_is", "eligible")
_LOADS = {"closed": "closed", "open": "open", "burst": "offline", "trace": "open"}


def rows(result: Result, deployment: Deployment, when: dt.datetime) -> list[dict[str, Any]]:
    """Return a run as rows, one figure a row.

    Args:
        result: a run with at least one whole answer.
        deployment: what the server runs.
        when: the run ended.
    """
    summary, arrivals = result.summary, result.arrivals
    engine, _, version = (deployment.engine or "").partition("@")
    system = deployment.on.rpartition(":")[0] if deployment.on.rpartition(":")[2].isdigit() else deployment.on
    inputs, outputs, spread = lengths_of(result)
    closed, rate = arrivals.kind == "closed", arrivals.rate_per_s
    load = "open" if arrivals.kind == "burst" and rate else _LOADS[arrivals.kind]
    requests = len(summary.outcome.whole)
    if arrivals.kind == "trace":
        span = summary.wall_s
        rate, spread = requests / span if span > 0 else None, 0.0
        inputs, outputs = (summary.tokens[n] or summary.tokens[f"asked_{n}"] for n in ("input_tokens", "output_tokens"))
    doubts = doubtful(result)
    cached = summary.tokens["cached_input_tokens"]
    common = {
        "source": "own", "date": when.date().isoformat(), "engine": engine, "engine_version": version,
        "model": deployment.model, "system": system, "chip": "", "chips": deployment.chips, "serving": "colocated",
        "layout": deployment.split, "precision": " ".join(f"{k}={v}" for k, v in sorted(deployment.precision.items())),
        "load": load, "input_tokens": inputs, "output_tokens": outputs, "length_spread": spread,
        "concurrency": arrivals.concurrency if closed else None, "requests": requests,
        "request_rate_per_s": rate if load == "open" else None, "cached_input_tokens": cached or None,
        "accepted_tokens_per_step": None,
    }  # fmt: skip
    mark = f"{when:%Y%m%dT%H%M%S}-{arrivals.kind}-{arrivals.concurrency or round(rate or arrivals.burst, 4)}"
    last = {"notes": "; ".join(notes(result)), "input_is": "", "eligible": "no" if doubts else "yes"}
    out = []
    for metric, statistic, value in _figures(result):
        name = f"{mark}-{metric}" + (f"-{statistic}" if statistic else "")
        out.append({"id": name, **common, "metric": metric, "statistic": statistic, "value": value, **last})
    return out


def doubtful(result: Result) -> list[str]:
    """Return why a run cannot be held against a prediction; empty where it can."""
    kind, found = result.arrivals.kind, list(result.faults)
    if kind == "trace" or (kind == "burst" and result.arrivals.rate_per_s):
        found.append(f"arrivals: {result.arrivals.words()}")
    if result.interrupted:
        found.append("interrupted")
    if result.summary.error_share > 0.01:
        found.append(f"{result.summary.error_share:.0%} of requests failed")
    return found


def notes(result: Result) -> list[str]:
    """Return what a row must say beside its columns."""
    by = "in pieces of text" if result.settings.vocabulary is None else "by a vocabulary"
    counted = "tokens as the server counts them" if result.server.counts else f"answers counted {by}"
    return [
        f"wherewithal measure {__version__}", f"/v1 {result.settings.endpoint}", counted,
        f"seed {result.settings.seed}", *doubtful(result),
    ]  # fmt: skip


def _figures(result: Result) -> list[tuple[str, str, float]]:
    """Return (metric, statistic, value) of all figures that are above zero."""
    found: list[tuple[str, str, float]] = []
    latency = result.summary.latency
    for metric in METRICS:
        found += [(metric, s, v) for s in STATISTICS if (v := latency[metric][s])]
    rates = result.summary.rates
    found += [
        (n, "", rates[n]) for n in ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s") if rates[n] > 0
    ]
    return found


def write(path: Path, made: list[dict[str, Any]], *, append: bool = False, force: bool = False) -> None:
    """Write rows to a measurement file, whole or not at all.

    Args:
        path: CSV.
        made: rows.
        append: whether to add to the rows that stand there.
        force: whether to replace them.

    Raises:
        InputError: the file exists and neither is set, or cannot be written, or is none of these.
    """
    old: list[dict[str, Any]] = []
    if append and path.exists():
        read(path)  # says what is wrong in it
        with path.open(encoding="utf-8-sig", newline="") as file:
            old = list(csv.DictReader(file))
    lines = [{c: row.get(c) for c in ALL} for row in (*old, *made)]
    write_whole(path, table.to_csv(lines).encode(), force or append)


def check(path: Path, *, append: bool, force: bool) -> None:
    """Say before a run what would keep its file from being written after it.

    Raises:
        InputError: the file exists and neither flag is set, or its folder does not.
    """
    if path.exists() and not append and not force:
        raise InputError(str(path), "exists", "--append adds to it, --force replaces it")
    if not path.absolute().parent.is_dir():
        raise InputError(str(path), "its folder does not exist", "make it first")
    if append and path.exists():
        read(path)


def requests_csv(result: Result) -> str:
    """Return every request of a run as CSV."""
    made = [s.to_dict() for s in result.summary.outcome.samples]
    return table.to_csv(made) if made else io.StringIO().getvalue()
