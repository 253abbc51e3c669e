"""Probes, cases and a backend whose times are made up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wherewithal.measure.probe.backend import Case
from wherewithal.measure.probe.file import Device, Operator, Probe
from wherewithal.measure.probe.ggml_api import locate
from wherewithal.measure.probe.sizes import grid
from wherewithal.measure.probe.timing import Sample


class Made:
    """A backend that computes nothing: an operator takes its flops at 1 GFLOP/s, and says what it was asked."""

    name = "numpy"
    formats = ("fp32",)
    cache_format = "fp32"
    peers = 1

    def __init__(self, threads=1, rate=1e9):
        self.device = Device("cpu", "a processor", "somebody", threads, 1, 8e9)
        self.software = {"made": "1"}
        self.notes = []
        self.rate, self.asked, self.released, self.stop_at = rate, [], 0, None

    def prepare(self, case):
        if self.stop_at is not None and len(self.asked) >= self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(case)
        if case.kind == "sampler":
            return None
        if case.kind == "grouped_matmul":
            raise MemoryError
        return lambda loops: Sample(max(case.flops, 1e3) / self.rate)

    def release(self):
        self.released += 1

    def readings(self):
        return 2.5e9, None


def case(kind, form="fp32", note="", weight=1.0, **sizes):
    return Case(kind, form, tuple((n, float(v)) for n, v in sizes.items()), note, weight)


@pytest.fixture
def made():
    return Made()


@pytest.fixture
def a_probe():
    rows = (
        Operator("matmul", "q4_1", {"m": 1, "n": 576, "k": 576}, 1e-5, 0.9e-5, 1.1e-5, 7, 2.6e9, None, ""),
        Operator("stream", "fp32", {"bytes": 1e6}, 1e-5, 1e-5, 1e-5, 7, None, 30.0, "triad; a busy machine"),
        Operator("launch", "fp32", {}, 4e-8, 4e-8, 5e-8, 7),
    )
    return Probe("2026-11-25", "ggml", Device("cpu", "a processor", None, 1), {"ggml": "0.26.0"}, 0, True, rows)


@pytest.fixture(scope="session")
def library():
    """ggml's library: that of WHEREWITHAL_GGML, else of a package of this environment."""
    named = os.environ.get("WHEREWITHAL_GGML")
    found = Path(named) if named else locate(grid()["packages"])
    if found is None:
        pytest.skip(
            "no library of ggml: install one of the packages of catalog/data/probe.toml, or name it in WHEREWITHAL_GGML"
        )
    return found
