"""ggml called through its C functions: the products are right, copies differ, what it lacks is said."""

from __future__ import annotations

import numpy as np
import pytest

from tests.measure.probe.conftest import case
from wherewithal.errors import InputError
from wherewithal.measure.probe import choose, ggml_trial
from wherewithal.measure.probe.ggml import Ggml, _mask
from wherewithal.measure.probe.ggml_api import Library, locate
from wherewithal.measure.probe.ggml_memory import Arena, Weights, encoded, place

F32, Q8 = 0, 8


@pytest.fixture(scope="module")
def cpu(library):
    return place(Library(library), "cpu", 0, threads=1, packed=False)


def test_products_are_right(cpu):
    """A product of fp32 weights is NumPy's."""
    raw = encoded(cpu.lib, F32, 64, 5)
    weights = Weights(cpu, F32, (64, 32), 2, raw)
    arena = Arena(cpu, 65536, 16)
    given = np.random.default_rng(1).standard_normal((3, 64), dtype=np.float32)
    x = arena.fill(arena.put(arena.tensor(F32, 64, 3)), given)
    node = arena.put(cpu.lib.call("mul_mat", arena.context, weights.tensors[1], x))
    arena.work([arena.graph([node])])()
    matrix = np.resize(raw, 64 * 32 * 4).view(np.float32).reshape(32, 64)
    np.testing.assert_allclose(arena.values(node).reshape(3, 32), given @ matrix.T, rtol=1e-3, atol=1e-5)
    arena.free()
    weights.free()


def test_quantised_weights_are_near_their_originals(cpu):
    found = ggml_trial.products(cpu, Q8, 4)
    right = ggml_trial.products(cpu, F32, 4)
    assert np.abs(found - right).max() < 0.05 * np.abs(right).max()


def test_scratch_memory_has_an_end(cpu):
    arena = Arena(cpu, 1024, 8)
    with pytest.raises(MemoryError):
        arena.put(arena.tensor(F32, 4096))
    arena.free()


def test_every_kind_runs(library):
    backend = Ggml(library, "cpu", 0, 1, 0, 1e6, packed=False)
    kinds = [
        case("launch"), case("launch", note="graph"), case("stream", note="read", bytes=1e5),
        case("matmul", "q4_0", m=3, n=64, k=64), case("matmul", "fp16", m=1, n=64, k=64),
        case("grouped_matmul", "q8_0", rows=2, n=64, k=64, experts=4, used=2),
        case("attention_prefill", "fp16", query=16, context=8.5, heads=4, head_size=64, kv_heads=2),
        case("attention_decode", "fp16", sequences=3, context=20, kv_heads=2, heads=4, head_size=64),
        *(case("stream", note=n, bytes=20000) for n in ("rms_norm", "mul", "add", "rope", "glu", "store", "triad")),
    ]  # fmt: skip
    for one in kinds:
        runner = backend.prepare(one)
        assert runner is not None, one
        runner(1)
        assert 0 < runner(2).seconds < 1, one
        backend.release()


def test_what_it_lacks_is_none(library):
    backend = Ggml(library, "cpu", 0, 1, 0, 1e6, packed=False)
    assert backend.prepare(case("matmul", "q4_k", m=1, n=64, k=96)) is None  # rows do not fill a block of 256
    assert backend.prepare(case("matmul", "no-such", m=1, n=64, k=64)) is None
    assert backend.prepare(case("all_reduce", bytes=1, ranks=2)) is None
    assert (
        backend.prepare(case("attention_decode", "q8_0", sequences=1, context=9, kv_heads=1, heads=1, head_size=64))
        is None
    )


def test_weights_are_read_anew_each_time(library):
    """Enough copies that the bytes between two uses of one weight are those asked for."""
    backend = Ggml(library, "cpu", 0, 1, 0, 1e6, packed=False)
    backend.prepare(case("matmul", "fp32", m=1, n=64, k=64))
    (weights,) = backend._weights.values()
    assert len(set(weights.tensors)) == len(weights.tensors) == int(np.ceil(1e6 / (64 * 64 * 4)))
    backend.release()


def test_a_mask_is_causal_and_ends_where_the_cache_does():
    seen = _mask(2, 5, 8, 64, 1)[0] == 0
    assert seen[0].tolist() == [True] * 4 + [False] * 4
    assert seen[1].tolist() == [True] * 5 + [False] * 3
    assert not seen[2:].any()


def test_a_device_that_is_not_there(library):
    with pytest.raises(InputError, match="no cuda:7"):
        Ggml(library, "cuda", 7, 1, 0, 1e6)


def test_trial_of_repacked_weights(library):
    assert ggml_trial.holds(library, "cpu", 0, Q8)
    assert not ggml_trial.holds(library.parent / "none.so", "cpu", 0, Q8)


def test_formats_that_fall_over_are_measured_plain_and_said(library, monkeypatch):
    backend = Ggml(library, "cpu", 0, 1, 0, 1e6)
    backend.place = backend.place._replace(packed=("pretend",))
    monkeypatch.setattr("wherewithal.measure.probe.ggml.holds", lambda *_: False)
    assert backend.prepare(case("matmul", "q8_0", m=1, n=64, k=64)) is not None
    assert "q8_0: this library crashes" in backend.notes[0]
    backend.release()


def test_a_file_that_is_no_library(tmp_path):
    (tmp_path / "libggml.so").write_text("no")
    with pytest.raises(InputError, match="cannot be loaded"):
        Library(tmp_path / "libggml.so")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no libggml"):
        Library(tmp_path / "empty")


def test_only_packages_that_are_named_are_looked_at(tmp_path, monkeypatch):
    folder = tmp_path / "a_package_of_mine" / "bin"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "libggml.so").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert locate(["no_such_package", "a_package_of_mine"]) == folder
    assert locate(["no_such_package"]) is None


def test_a_library_that_does_not_export_ggml():
    import ctypes.util

    name = ctypes.util.find_library("m")
    if name is None:
        pytest.skip("no other library at hand")
    with pytest.raises(InputError, match="exports no ggml_"):
        Library(__import__("pathlib").Path(name))


def test_sampler_is_timed_where_the_library_has_one(library):
    backend = Ggml(library, "cpu", 0, 1, 0, 1e6)
    runner = backend.prepare(case("sampler", vocabulary=5000))
    if runner is None:
        pytest.skip("this library has no sampler")
    assert 0 < runner(3).seconds < 0.1


def test_choice_names_what_it_took(library):
    backend, notes = choose.chosen(choose.Asked(library=library))
    assert backend.name == "ggml"
    assert notes == [f"ggml from {library}"]
