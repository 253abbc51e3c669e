"""PyTorch as backend: a made-up module stands in for a card; the real one on the processor where it is installed."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest

from tests.measure.probe.conftest import case
from wherewithal.errors import InputError
from wherewithal.measure.probe import collectives
from wherewithal.measure.probe.torch_backend import Torch


class Tensor:
    """As much of a tensor as the backend touches."""

    def __init__(self, *shape, dtype="float32"):
        self.shape, self.dtype = shape, dtype

    def __mul__(self, other):
        return self

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        return Tensor(*self.shape[1:], dtype=self.dtype)

    def to(self, dtype):
        return Tensor(*self.shape, dtype=dtype)

    def transpose(self, a, b):
        return Tensor(*self.shape[:-2], self.shape[-1], self.shape[-2], dtype=self.dtype)

    t = add_ = lambda self, *_: self


class Event:
    """An event whose stream does one thing in 2 ms."""

    made = 0

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        Event.made += 1

    synchronize = record

    def elapsed_time(self, other):
        return 2.0


def fake(**more):
    calls = []

    def noted(name):
        return lambda *a, **k: calls.append((name, a, k)) or Tensor(1)

    card = SimpleNamespace(
        is_available=lambda: True, device_count=lambda: 2, synchronize=lambda: None, empty_cache=lambda: calls.append(("empty", (), {})),
        Event=Event, get_device_name=lambda i: f"card {i}", get_device_properties=lambda i: SimpleNamespace(total_memory=8e10),
        clock_rate=lambda i: 1700, power_draw=lambda i: 345000,
    )  # fmt: skip
    functional = SimpleNamespace(linear=noted("linear"), scaled_dot_product_attention=noted("attend"))
    torch = SimpleNamespace(
        __version__="9.9", version=SimpleNamespace(cuda="13.0", hip=None), cuda=card, manual_seed=lambda s: None,
        randn=lambda shape, **k: Tensor(*shape), ones=lambda *a, **k: Tensor(1), empty=lambda n, **k: Tensor(n),
        arange=lambda *a, **k: Tensor(1), nn=SimpleNamespace(functional=functional), _scaled_mm=noted("scaled"),
        _grouped_mm=noted("grouped"), bmm=noted("bmm"), sum=noted("sum"), add=noted("add"), mul=noted("mul"),
        topk=lambda *a: SimpleNamespace(values=Tensor(40)), softmax=noted("softmax"), multinomial=noted("choose"),
        float32="float32", int32="int32", bfloat16="bfloat16", float16="float16", float8_e4m3fn="float8_e4m3fn",
    )  # fmt: skip
    torch.__dict__.update(more)
    torch.calls = calls
    return torch


def test_a_card_is_described_without_names_of_hosts():
    backend = Torch(fake(), "cuda", 1, 1, 0, 1e6)
    assert (backend.device.kind, backend.device.name, backend.device.memory_bytes) == ("cuda", "card 1", 8e10)
    assert backend.software == {"torch": "9.9", "cuda": "13.0"}
    assert backend.readings() == (1.7e9, 345.0)
    assert backend.peers == 2
    assert "fp8" in backend.formats


def test_rocm_is_cuda_to_torch_and_says_so():
    backend = Torch(fake(version=SimpleNamespace(cuda=None, hip="7.0")), "rocm", 0, 1, 0, 1e6)
    assert (backend.place, backend.device.kind) == ("cuda:0", "rocm")


@pytest.mark.parametrize(
    ("one", "called"),
    [
        (case("matmul", "bf16", m=4, n=64, k=64), "linear"),
        (case("matmul", "fp8", m=4, n=64, k=64), "scaled"),
        (case("batched_matmul", "bf16", m=4, n=64, k=64, batch=2), "bmm"),
        (case("grouped_matmul", "bf16", rows=4, n=64, k=64, experts=8), "grouped"),
        (case("grouped_matmul", "fp16", rows=4, n=64, k=64, experts=8), "bmm"),
        (case("attention_prefill", "bf16", query=64, context=32.5, heads=8, head_size=64, kv_heads=2), "attend"),
        (case("attention_decode", "bf16", sequences=4, context=64, kv_heads=2, heads=8, head_size=64), "attend"),
        (case("stream", note="read", bytes=1e5), "sum"),
        (case("stream", note="triad", bytes=1e5), "add"),
        (case("stream", note="mul", bytes=1e5), "mul"),
        (case("sampler", vocabulary=1000), "choose"),
    ],
)
def test_kinds_call_their_kernels_and_events_time_them(one, called):
    torch = fake()
    backend = Torch(torch, "cuda", 0, 1, 0, 1e6)
    runner = backend.prepare(one)
    assert runner is not None
    before = Event.made
    sample = runner(1)
    operators = len([c for c in torch.calls if c[0] == called]) / 2  # once when it was prepared
    assert sample.seconds == pytest.approx(2e-3 / max(1, operators))
    assert Event.made > before
    backend.release()
    assert torch.calls[-1][0] == "empty"


def test_a_whole_prompt_is_causal_and_heads_are_shared():
    torch = fake()
    backend = Torch(torch, "cuda", 0, 1, 0, 1e6)
    backend.prepare(case("attention_prefill", "bf16", query=64, context=32.5, heads=8, head_size=64, kv_heads=2))
    _, (q, k, _), how = torch.calls[-1]
    assert (q.shape, k.shape) == ((1, 8, 64, 64), (1, 2, 64, 64))
    assert how == {"is_causal": True, "enable_gqa": True}


def test_a_kernel_that_the_device_lacks_is_none():
    def lacking(*a, **k):
        raise RuntimeError("not implemented for this device")

    backend = Torch(fake(_scaled_mm=lacking), "cuda", 0, 1, 0, 1e6)
    assert backend.prepare(case("matmul", "fp8", m=4, n=64, k=64)) is None
    assert backend.prepare(case("matmul", "q4_1", m=4, n=64, k=64)) is None


def test_readings_that_fail_are_not_known():
    def fails(index):
        raise OSError("no binding")

    torch = fake()
    torch.cuda.clock_rate, torch.cuda.power_draw = fails, lambda i: 0
    assert Torch(torch, "cuda", 0, 1, 0, 1e6).readings() == (None, None)


def test_a_device_without_events_is_waited_for():
    waited = []
    mps = SimpleNamespace(
        is_available=lambda: True, synchronize=lambda: waited.append(1), recommended_max_memory=lambda: 2e10
    )
    backend = Torch(fake(mps=mps), "mps", 0, 1, 0, 1e6)
    assert (backend.place, backend.device.memory_bytes, backend.peers) == ("mps", 2e10, 1)
    runner = backend.prepare(case("matmul", "bf16", m=4, n=64, k=64))
    assert runner(3).seconds > 0
    assert len(waited) >= 3


@pytest.mark.parametrize("kind", ["npu", "xpu", "mps"])
def test_a_device_that_torch_does_not_see(kind):
    with pytest.raises(InputError, match=f"no {kind}:0"):
        Torch(fake(backends=SimpleNamespace()), kind, 0, 1, 0, 1e6)


def test_one_device_has_no_collectives():
    assert collectives.measured("cuda", 1) == ([], "one device")
    assert collectives.measured("mps", 2) == ([], "one device")


real = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


@real
def test_the_real_one_on_the_processor():
    import torch

    backend = Torch(torch, "cpu", 0, 1, 0, 1e5)
    for one in (
        case("matmul", "bf16", m=4, n=64, k=64), case("launch"), case("stream", note="triad", bytes=1e5),
        case("attention_prefill", "fp32", query=16, context=8.5, heads=4, head_size=8, kv_heads=2), case("sampler", vocabulary=500),
        case("grouped_matmul", "fp32", rows=2, n=16, k=16, experts=4),
    ):  # fmt: skip
        assert 0 < backend.prepare(one)(1).seconds < 1
    backend.release()


@real
@pytest.mark.slow
def test_two_processes_talk_to_each_other():
    rows, why = collectives.measured("cpu", 2, 60.0)
    assert not why
    assert {r.kind for r in rows} >= {"all_reduce", "all_gather"}
