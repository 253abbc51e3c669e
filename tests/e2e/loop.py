"""The whole loop on this machine, as a user would run it: every step is a command of `wherewithal`.

probe -> calibrate -> plan -> recipe -> launch -> measure -> validate -> calibrate again. Runs that something disturbed
(repeats that lie further apart than SPREAD) are void and done again, at most TRIES times; a bound is never widened.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONCURRENCIES = (1, 2, 4, 8)
INPUT, OUTPUT, EACH = 128, 48, 2
REPEATS, SPREAD, TRIES = 3, 0.15, 2
# No repeat begins later than this after the first: a job of CI has an end.
MEASURE_S = 480.0
METRICS = ("tpot_s", "ttft_s")


@dataclass(frozen=True)
class Point:
    """One measured figure of one model at one load, and what was predicted of it."""

    model: str
    concurrency: int
    metric: str
    measured: float
    spread: float
    predicted: float = float("nan")

    @property
    def error(self) -> float:
        """Predicted over measured less 1."""
        return self.predicted / self.measured - 1


def run(folder: Path, *words: object, timeout: float = 900, may_be_void: bool = False) -> str:
    """Return what a command of `wherewithal` prints; its own words when it fails; nothing where a run may be void."""
    environ = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "wherewithal", *map(str, words)]
    done = subprocess.run(command, check=False, env=environ, capture_output=True, text=True, timeout=timeout)
    if done.returncode == 1 and may_be_void:
        return ""
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command[2:])}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def free_port() -> int:
    """Return a port of the loopback that nothing listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def served(script: Path, model: Path, server: Path) -> Iterator[str]:
    """Start the launch file that `recipe` wrote; yield the server's address once it is healthy; stop it after.

    Args:
        script: the launch file.
        model: the GGUF file.
        server: folder that holds the program.
    """
    port = free_port()
    environ = {
        **os.environ, "MODEL": str(model), "PORT": str(port), "HOST": "127.0.0.1", "THREADS": "1",
        "PATH": f"{server}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    log = script.with_suffix(".log").open("wb")
    process = subprocess.Popen(["bash", str(script)], env=environ, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        wait(url, process, script)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        log.close()


def wait(url: str, process: subprocess.Popen[bytes], script: Path, seconds: float = 60) -> None:
    """Return once the server says that it is healthy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(
                f"{script.name} ended with {process.returncode}: {script.with_suffix('.log').read_text()[-2000:]}"
            )
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{script.name} was not healthy after {seconds:g} s")


def rows(file: Path) -> list[dict[str, str]]:
    """Return the rows of a measurement file."""
    with file.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def medians(files: Sequence[Path], name: str) -> list[Point]:
    """Return the median over repeats of each figure, with how far the repeats lie apart."""
    found: dict[tuple[int, str], list[float]] = {}
    for file in files:
        for row in rows(file):
            if row["metric"] in METRICS and row["statistic"] == "mean":
                found.setdefault((int(float(row["concurrency"])), row["metric"]), []).append(float(row["value"]))
    return [Point(name, c, metric, *nearest(v)) for (c, metric), v in sorted(found.items())]


def nearest(values: Sequence[float]) -> tuple[float, float]:
    """Return the median of the REPEATS values that lie nearest together, and how far apart these are.

    A repeat that something else slowed is far from the others; with more repeats than needed it is void.
    """
    v = sorted(values)
    n = min(REPEATS, len(v))
    start = min(range(len(v) - n + 1), key=lambda i: v[i + n - 1] / v[i])
    kept = v[start : start + n]
    return statistics.median(kept), kept[-1] / kept[0] - 1


def disturbed(runs: Mapping[str, Sequence[Path]]) -> list[str]:
    """Return the points whose nearest REPEATS repeats lie further apart than SPREAD."""
    return [
        f"{name} at {p.concurrency}: {p.metric} {p.spread:.0%}"
        for name, files in runs.items()
        for p in medians(files, name)
        if p.spread > SPREAD
    ]


def write(points: Mapping[str, Sequence[Path]], file: Path, keep: Sequence[int]) -> Path:
    """Write one measurement file of the medians of repeats at some loads, in the columns that `measure` wrote."""
    out: list[dict[str, str]] = []
    for name, files in points.items():
        every = [r for file in files for r in rows(file)]
        for p in medians(files, name):
            if p.concurrency in keep:
                like = next(
                    r
                    for r in every
                    if r["metric"] == p.metric and r["statistic"] == "mean" and float(r["concurrency"]) == p.concurrency
                )
                out.append({**like, "id": f"{name}-{p.concurrency}-{p.metric}", "value": repr(p.measured)})
    with file.open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, fieldnames=list(out[0]))
        writer.writeheader()
        writer.writerows(out)
    return file


def predictions(folder: Path, file: Path) -> dict[str, Any]:
    """Return id to judged row of a measurement file, as `validate` says."""
    answer = json.loads(run(folder, "validate", "--measurements", file, "--json", "--quiet"))
    return {r["id"]: r for r in answer["rows"]}
