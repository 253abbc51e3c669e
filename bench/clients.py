"""Many people at one server: `python -m bench.clients [--clients 200] [--seconds 60]`, on this machine alone.

Starts `wherewithal serve` on a free loopback port, lets every client ask one question after the other (half of them new,
half out of a small set that all share), and prints one table: answers, refusals, latencies, memory. A client that is
told to come later (503) waits as long as Retry-After says.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

SYSTEMS = {
    "qwen3-32b": ("h100-8", "h20-8", "rtx-4090-1", "mi300x-8"),
    "llama-3.1-8b": ("rtx-4090-1", "h100-8"),
    "deepseek-v3": ("h20-8:16", "h200-8:16", "mi300x-8:16"),
}
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Seen:
    """What came back: seconds by kind of question, statuses, what went wrong otherwise."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"shared": [], "new": []})
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)


def question(draw: random.Random, lengths: range) -> dict[str, Any]:
    """Return a plan question: a model, one of its systems, lengths out of `lengths` [token]."""
    model = draw.choice(list(SYSTEMS))
    asked: dict[str, Any] = {"model": model, "on": draw.choice(SYSTEMS[model])}
    asked["input_tokens"] = draw.choice(lengths)
    return asked | {"output_tokens": 500, "slo": f"tpot={draw.choice((30, 50, 80))}ms"}


async def client(session: aiohttp.ClientSession, number: int, until: float, seen: Seen) -> None:
    """Ask until the time [s, monotonic] is over."""
    draw = random.Random(number)
    shared = range(1000, 5000, 1000)
    while time.monotonic() < until:
        kind = draw.choice(("shared", "new"))
        asked = question(draw, shared if kind == "shared" else range(1001, 20_000))
        start, key = time.monotonic(), json.dumps(asked, sort_keys=True)
        known = key in seen.answered
        try:
            async with session.post("/v1/plan", json=asked) as reply:
                await reply.read()
                seen.statuses[reply.status] += 1
                if reply.status == 503:
                    await asyncio.sleep(min(float(reply.headers["Retry-After"]), max(until - time.monotonic(), 0)))
                elif reply.status == 200:
                    seen.answered.add(key)
                    seen.seconds["shared" if known else "new"].append(time.monotonic() - start)
        except (aiohttp.ClientError, TimeoutError, KeyError) as error:
            seen.failures[type(error).__name__] += 1


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(root: int) -> list[int]:
    """Return a process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def memory_bytes(root: int) -> int:
    """Return the proportional memory [B] of a process and all below it."""
    total = 0
    for pid in family(root):
        try:
            said = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(kb) * 1024 for kb in re.findall(r"^Pss:\s+(\d+) kB", said, re.MULTILINE))
    return total


async def load(base: str, clients: int, seconds: float, process: int) -> tuple[Seen, int]:
    """Let the clients ask; return what they saw and the most memory [B] that the server took."""
    seen, peak = Seen(), 0
    until = time.monotonic() + seconds
    limits = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(base, connector=limits, timeout=aiohttp.ClientTimeout(total=90)) as session:
        tasks = [asyncio.create_task(client(session, n, until, seen)) for n in range(clients)]
        for _ in itertools.count():
            done, _ = await asyncio.wait(tasks, timeout=2)
            peak = max(peak, memory_bytes(process))
            if len(done) == len(tasks):
                return seen, peak
    raise AssertionError


def table(seen: Seen, peak: int, seconds: float) -> str:
    """Return what was seen as lines of Markdown."""
    lines = ["| what | answers | p50 | p90 | p99 | most |", "|---|---|---|---|---|---|"]
    for kind, times in seen.seconds.items():
        if times:
            p50, p90, p99, most = np.quantile(times, [0.5, 0.9, 0.99, 1])
            name = "cached" if kind == "shared" else "new"
            lines.append(f"| {name} | {len(times):,} | {p50:.2f} s | {p90:.2f} s | {p99:.2f} s | {most:.2f} s |")
    lines.append(f"\nstatuses {dict(seen.statuses)}, other failures {dict(seen.failures)}, {seconds:.0f} s,")
    return "\n".join([*lines, f"memory at most {peak / 2**20:,.0f} MiB, load average {os.getloadavg()[0]:.1f}"])


def main() -> int:
    """Start the server, load it, print the table; 1 where anything but 200 and 503 came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", "wherewithal", "serve", "--port", str(port), "--store", store]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            try:
                wait_for(port)
                seen, peak = asyncio.run(load(f"http://127.0.0.1:{port}", given.clients, given.seconds, server.pid))
            finally:
                server.send_signal(signal.SIGINT)
    print(table(seen, peak, given.seconds))
    print(json.dumps({"clients": given.clients}))
    return 0 if set(seen.statuses) <= {200, 503} and not seen.failures else 1


def wait_for(port: int, seconds: float = 60) -> None:
    """Wait until somebody listens on a loopback port."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"no server on port {port} after {seconds:.0f} s")


if __name__ == "__main__":
    raise SystemExit(main())
