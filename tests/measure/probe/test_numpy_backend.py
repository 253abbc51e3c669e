"""NumPy as backend: every kind that it has runs; other formats it does not have."""

from __future__ import annotations

import pytest

from tests.measure.probe.conftest import case
from wherewithal.measure.probe import host
from wherewithal.measure.probe.numpy_backend import Numpy

CASES = [
    case("launch"), case("stream", note="read", bytes=1e5), case("stream", note="triad", bytes=1e5),
    case("stream", note="mul", bytes=1e5), case("matmul", m=3, n=64, k=32), case("batched_matmul", m=3, n=8, k=8, batch=4),
    case("grouped_matmul", rows=2, n=16, k=16, experts=4), case("sampler", vocabulary=500),
    case("attention_prefill", query=16, context=8.5, heads=4, head_size=8, kv_heads=2),
    case("attention_decode", sequences=3, context=20, kv_heads=2, heads=4, head_size=8),
]  # fmt: skip


@pytest.mark.parametrize("one", CASES, ids=lambda c: f"{c.kind}-{c.note}")
def test_every_kind_runs(one):
    backend = Numpy(1, 0, 1e5)
    runner = backend.prepare(one)
    assert runner is not None
    assert 0 < runner(2).seconds < 1
    backend.release()
    assert not backend._held


def test_only_fp32_and_no_collectives():
    backend = Numpy(1, 0, 1e5)
    assert backend.prepare(case("matmul", "bf16", m=3, n=64, k=32)) is None
    assert backend.prepare(case("all_reduce", bytes=8, ranks=2)) is None


def test_copies_fill_what_is_read_between_two_uses():
    assert len(Numpy(1, 0, 1e6)._weights(64, 64)) == 62
    assert len(Numpy(1, 0, 1.0)._weights(64, 64)) == 1


def test_clock_is_the_fastest_that_the_system_says():
    assert host.clock("processor : 0\ncpu MHz\t\t: 2600.000\n\ncpu MHz : 3100.5\n") == 3100.5e6
    assert host.clock("nothing") is None
    assert host.cores() >= 1
