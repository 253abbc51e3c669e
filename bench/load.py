"""How late the load test itself is: against a server that costs next to nothing, on the other core where there is one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from bench.process import ROOT
from bench.promise import Row

LATE_S = 0.010


@contextlib.contextmanager
def _stub(ttft_s: float, itl_s: float) -> Iterator[str]:
    """Give the URL of a stub in a process of its own; client and stub each keep to one core."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    command = [sys.executable, "-m", "bench.stub", "--ttft", str(ttft_s), "--itl", str(itl_s)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if len(cores) > 1:
            os.sched_setaffinity(process.pid, {cores[0]})
            os.sched_setaffinity(0, {cores[1]})
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            if len(cores) > 1:
                os.sched_setaffinity(0, set(cores))
            process.communicate("")


def load(*, smoke: bool) -> Iterator[Row]:
    """128 streams at 50 tokens a second, and 500 requests a second of 8 tokens: lateness, time stamps, CPU."""
    from wherewithal.measure.load import address
    from wherewithal.measure.load.lengths import Arrivals
    from wherewithal.measure.load.run import Settings, run

    seconds = 2 if smoke else 10
    streams = Arrivals("closed", concurrency=128)
    arrivals = Arrivals("open", rate_per_s=500.0)
    cases = {
        "128 streams of 50 tokens/s": (streams, (16, 50 * seconds, 0.0), 128, (0.02, 0.02)),
        "500 requests/s of 8 tokens": (arrivals, (16, 8, 0.0), 500 * seconds, (0.01, 0.002)),
    }
    for name, (how, lengths, count, speed) in cases.items():
        with _stub(*speed) as url:
            settings = Settings(address.read(url), how, lengths, requests=count, max_requests=count, warm_up=128)
            result = run(settings)
        health, summary = result.summary.outcome.health, result.summary
        if len(summary.outcome.whole) != count:
            raise SystemExit(f"{name}: {len(summary.outcome.whole)} of {count} answered: {summary.errors}")
        yield Row(f"{name}: late sends, p99", health.late_p99_s, "s", LATE_S)
        yield Row(f"{name}: time stamps late, p99", health.lag_p99_s, "s", LATE_S)
        yield Row(f"{name}: CPU of the client", health.cpu, "of a core", 0.9)
        wanted = 6400.0 if how is streams else 4000.0
        yield Row(
            f"{name}: tokens/s had of those asked", summary.rates["output_tokens_per_s"] / wanted, "", 0.9, more=True
        )
        yield Row(f"{name}: load average", health.load, "processes")
