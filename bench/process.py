"""What a whole process costs: wall time, CPU time, memory at its peak."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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


# A process starts as a copy of the one that starts it, and the copy's memory counts towards its peak: so a bare Python
# stands in between, and it is that one which starts, waits and tells.
STARTER = """
import json, os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.executable, [sys.executable, *json.loads(sys.argv[1])], os.environ)
_, status, usage = os.wait4(child, 0)
cpu = usage.ru_utime + usage.ru_stime
told = [time.perf_counter() - start, cpu, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]
print(json.dumps(told), file=sys.stderr)
"""


def cost(argv: Sequence[str]) -> Cost:
    """Run Python with `argv` as its own process and return what it cost (it alone)."""
    command = [sys.executable, "-S", "-c", STARTER, json.dumps(list(argv))]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    wall, cpu, peak, code = json.loads(done.stderr.splitlines()[-1])
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, cpu, peak * unit, code, done.stdout)


def least(argv: Sequence[str], times: int) -> Cost:
    """Return the cheapest of several runs by CPU time: noise only adds."""
    return min((cost(argv) for _ in range(times)), key=lambda c: c.cpu_s)
