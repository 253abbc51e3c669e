"""A made chip: known constants, and probes that it would give."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from wherewithal.measure.calibrate import fit, operators
from wherewithal.measure.probe.file import Device, Operator, Probe
from wherewithal.pricing.curve import Curve

PEAK, BANDWIDTH = 1e11, 2e10
TRUE = {
    ("matmul", "q8_0"): Curve("matmul", "q8_0", 0.5, 0.8, 3e-6, power=1.0),
    ("matmul", "q4_1"): Curve("matmul", "q4_1", 0.4, 0.9, 3e-6, power=1.0),
    ("attention_decode", "bf16"): Curve("attention_decode", "bf16", 0.3, 0.5, 5e-6, power=1.0),
    ("attention_prefill", "bf16"): Curve("attention_prefill", "bf16", 0.6, 0.5, 5e-6, power=1.0),
    ("stream", "bf16"): Curve("stream", "bf16", 1.0, 0.97, 1e-7, power=float("inf")),
}


def _sizes() -> Iterator[tuple[str, str, dict[str, float]]]:
    for form in ("q8_0", "q4_1"):
        for n, k in ((576, 576), (192, 576), (1536, 576), (576, 1536), (2048, 2048), (49152, 576)):
            for m in (1, 2, 4, 8, 32, 128, 512):
                yield "matmul", form, {"m": m, "n": n, "k": k}
    for context in (16, 128, 1024):
        for count in (1, 4, 8):
            yield "attention_decode", "bf16", {"sequences": count, "context": context, "kv_heads": 3, "heads": 9, "head_size": 64}  # fmt: skip
        yield "attention_prefill", "bf16", {"query": context, "context": context / 2, "heads": 9, "head_size": 64, "kv_heads": 3}  # fmt: skip
    yield "attention_prefill", "bf16", {"query": 2048, "context": 1024, "heads": 9, "head_size": 64, "kv_heads": 3}
    for size in (1e6, 1e7, 1e8, 1e9):
        yield "stream", "bf16", {"bytes": size}
        yield "stream", "fp32", {"bytes": size}


@pytest.fixture
def probe() -> Callable[..., Probe]:
    """Return a maker of probes of the made chip, with noise of some size and one row that a function may spoil."""

    def make(noise: float = 0.0, spoil: Callable[[list[Operator]], None] | None = None) -> Probe:
        rng = np.random.default_rng(3)
        rows = []
        for kind, form, sizes in _sizes():
            row = Operator(kind, form, sizes, 1.0, 1.0, 1.0, 9)
            if (kind, form) == ("stream", "fp32"):
                row = dataclasses.replace(row, note="read")
            sample = operators.samples([row])[0]
            t = float(
                fit.seconds(sample.op, TRUE.get((kind, form), TRUE["stream", "bf16"]), PEAK, BANDWIDTH)[0]
            ) * float(np.exp(noise * rng.normal()))
            rows.append(dataclasses.replace(row, seconds=t, low=t * 0.99, high=t * 1.01))
        if spoil:
            spoil(rows)
        device = Device("cpu", "Made(R) CPU 9000 @ 2.0GHz", "Nobody", 1, 1, 16e9)
        return Probe("2026-11-25", "ggml", device, {"made": "1"}, 0, True, tuple(rows))

    return make


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty catalog folder; no folder of the user's own is found."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = tmp_path / "mine"
    made.mkdir()
    return made
