"""What is measured. Each function yields rows; promises are those of docs/decisions and the project's issue on speed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.process import cost, least
from bench.promise import Row

SLIDES: tuple[dict[str, Any], ...] = (
    {"slo": "tpot=30ms"}, {"slo": "ttft=2s,tpot=50ms"}, {"input_tokens": 2000}, {"output_tokens": 500},
    {"concurrency": 256}, {"on": "cloudmatrix-384:256"},
)  # fmt: skip
MODEL, SYSTEM = "deepseek-v3", "cloudmatrix-384"


def start_up(*, smoke: bool) -> Iterator[Row]:
    """CPU time of `import wherewithal` and `--help`, bare Python beside it."""
    times = 2 if smoke else 7
    bare = least(["-c", "pass"], times).cpu_s
    yield Row("bare Python, CPU", bare, "s")
    for what, argv in {
        "import wherewithal, CPU": ["-c", "import wherewithal"],
        "wherewithal --help, CPU": ["-m", "wherewithal", "--help"],
        "wherewithal plan --help, CPU": ["-m", "wherewithal", "plan", "--help"],
    }.items():
        yield Row(what, least(argv, times).cpu_s, "s", 0.3)


def plan(*, smoke: bool) -> Iterator[Row]:
    """The main question as a user asks it: rows, the search's own time, the whole process, memory."""
    question = ["-m", "wherewithal", "plan", MODEL, "--json", "--on"]
    big = min((cost([*question, SYSTEM]) for _ in range(1 if smoke else 3)), key=lambda c: c.wall_s)
    if big.code != 0:
        raise SystemExit(f"plan {MODEL} --on {SYSTEM} ended with code {big.code}")
    answer = json.loads(big.out)
    yield Row("plan: rows considered", answer["considered"], "rows", 1e6, more=True)
    yield Row("plan: distinct rows priced", answer["fit"], "rows", 3e5, more=True)
    yield Row("plan: search", answer["elapsed_s"], "s", 2.0)
    yield Row("plan: whole process", big.wall_s, "s", 3.0)
    yield Row("plan: memory at peak", big.peak_bytes / 2**20, "MiB", 1024)
    small = cost([*question, f"{SYSTEM}:32"])
    if small.code in (0, 1):
        yield Row("plan: memory, of that at a twelfth of the chips", big.peak_bytes / small.peak_bytes, "x")


def quick(*, smoke: bool) -> Iterator[Row]:
    """A slider of the page: the quick answer to a changed question, and the whole search's time beside it."""
    from wherewithal import ask

    question = ask.Question(MODEL, SYSTEM, slo="tpot=50ms")
    whole = ask.plan(question)
    took, worst = [], 1.0
    for changes in SLIDES[: 2 if smoke else None]:
        asked = replace(question, **changes)
        start = time.perf_counter()
        found = ask.quick(asked, whole)
        took.append(time.perf_counter() - start)
        if not smoke:
            full = ask.plan(asked).best
            if found is not None and found.best and full:
                worst = min(worst, found.best.output_tokens_per_s.value / full.output_tokens_per_s.value)
    yield Row("quick: slowest of the slides", max(took), "s", 0.2)
    yield Row("quick: whole search over it", whole.elapsed_s / max(took), "x", 8.0, more=True)
    yield Row("quick: least of the whole search's best", worst, "x")
