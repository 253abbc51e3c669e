"""A question as the command line that asks it, in canonical form: what stands at the foot of every answer."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

from wherewithal import units
from wherewithal.plan.setup import Question

_FIGURES = (
    ("input_tokens", "--input-tokens", "tokens"),
    ("output_tokens", "--output-tokens", "tokens"),
    ("cached_input_tokens", "--cached-input-tokens", ""),
    ("accepted_tokens_per_step", "--accepted-tokens-per-step", ""),
    ("length_spread", "--length-spread", ""),
    ("max_context", "--max-context", "tokens"),
    ("image_tokens", "--image-tokens", ""),
    ("concurrency", "--concurrency", ""),
    ("rate_per_s", "--rate", "rps"),
    ("requests", "--requests", ""),
    ("power_limit_w", "--power-limit", "W"),
)


def command(q: Question, verb: str = "plan", systems: tuple[str, ...] = (), **changes: Any) -> str:
    """Return the command line of a question, with some of its fields changed.

    Args:
        q: the question.
        verb: the verb that asks it.
        systems: where it is asked of several.
        changes: fields of the question to replace.
    """
    q = replace(q, **changes)
    words = ["wherewithal", verb, q.model, "--on", *(systems or (q.on,))]
    if q.workload:
        words += ["--workload", q.workload]
    for name, option, unit in _FIGURES:
        value = getattr(q, name)
        if value is not None:
            words += [option, _number(value) + ("rps" if unit == "rps" else "W" if unit == "W" else "")]
    words += ["--slo", q.slo] if q.slo else []
    words += ["--serving", ",".join(q.serving)] if q.serving else []
    if q.precision:
        words += ["--precision", ",".join(f"{k}={v}" for k, v in sorted(q.precision.items()))]
    words += ["--engine", q.engine] if q.engine else []
    words += ["--load", q.load] if q.load else []
    words += ["--layout", q.layout] if q.layout else []
    words += ["--offload"] if q.offload else []
    for change in q.overrides:
        words += ["--set", change]
    for folder in q.catalog_dirs:
        words += ["--catalog", str(folder)]
    words += ["--seed", str(q.seed)] if q.seed else []
    return shlex.join(words)


def _number(value: float) -> str:
    return f"{value:.12g}" if value != int(value) or value >= 1e15 else str(int(value))


def duration(seconds: float) -> str:
    """Return a time as an option takes it, rounded up to two digits so that it is not missed by rounding."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale or unit == "us":
            size = seconds / scale
            step = 10.0 ** (len(str(int(size))) - 2) if size >= 10 else 0.1
            up = -(-size // step) * step
            return f"{up:.10g}{unit}"
    return units.show(seconds, "s")
