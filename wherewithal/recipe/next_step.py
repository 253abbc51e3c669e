"""What to run once the servers stand: the load of the plan, against their address."""

from __future__ import annotations

import shlex

from wherewithal.recipe.facts import whole
from wherewithal.recipe.job import Job, pool_words, words_of


def measure_command(work: Job) -> tuple[str, ...]:
    """Return the command that puts the plan's own load on what was launched, and predicts beside it.

    Where replicas stand side by side without a router, it is one replica's share of the load on one replica's chips.
    """
    plan, q = work.answer.best, work.answer.ready.question
    if plan is None:
        return ()
    first = work.servers[0]
    split = plan.serving == "disaggregated"
    router = work.book.router
    port = router.port if split and router else first.number("first_port")
    parts = 1 if split else max(first.number("replicas"), 1)
    words = ["wherewithal", "measure", f"http://127.0.0.1:{port}"]
    if q.rate_per_s is not None:
        words += ["--rate", f"{q.rate_per_s / parts:.6g}rps"]
    else:
        words += ["--concurrency", str(max(whole(plan.concurrency / parts), 1))]
    load = work.answer.workload
    words += ["--input-tokens", str(round(load["input_tokens"])), "--output-tokens", str(round(load["output_tokens"]))]
    if load["length_spread"]:
        words += ["--length-spread", f"{load['length_spread']:g}"]
    words += ["--slo", q.slo] if q.slo else []
    words += ["--model", q.model, "--on", _share(work, parts)]
    if q.engine:
        words += ["--engine", q.engine]
    layout = words_of(work.answer) if split else pool_words(plan.pools[0])
    words += ["--layout", layout]
    if q.precision:
        words += ["--precision", ",".join(f"{k}={v}" for k, v in sorted(q.precision.items()))]
    return (shlex.join(words),)


def _share(work: Job, parts: int) -> str:
    """Return the system of one replica."""
    on: str = work.answer.ready.question.on
    if parts == 1 or "=" in on or work.answer.best is None:
        return on
    return f"{on.partition(':')[0]}:{work.answer.best.pools[0].chips // parts}"
