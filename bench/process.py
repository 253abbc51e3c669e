"""What a whole process costs: wall time, CPU time, memory at its peak."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Cost:
    """What one process took: `wall_s` [s], `cpu_s` [s] user and system, `peak_bytes` [B] resident; and what it said."""

    wall_s: float
    cpu_s: float
    peak_bytes: float
    code: int
    out: str


def cost(argv: Sequence[str]) -> Cost:
    """Run Python with `argv` as its own process and return what it cost (it alone, not earlier children)."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *argv], cwd=ROOT, env=environment, stdout=out, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        unit = 1 if sys.platform == "darwin" else 1024
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, process.returncode, out.read())


def least(argv: Sequence[str], times: int) -> Cost:
    """Return the cheapest of several runs by CPU time: noise only adds."""
    return min((cost(argv) for _ in range(times)), key=lambda c: c.cpu_s)
