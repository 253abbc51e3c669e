"""What is measured: sizes of the grid, a model's own shapes first."""

from __future__ import annotations

from wherewithal.measure.probe import sizes
from wherewithal.measure.probe.file import SIZES
from wherewithal.measure.probe.like import like
from wherewithal.measure.probe.sizes import Like, Shape
from wherewithal.pricing import formats

LIKE = Like((Shape(96, 64, "q4_1", 2), Shape(48, 64, "fp16", 1, 8, 2)), ((4, 2, 16),), 64, 1000, 1e6)


def test_sizes_are_those_that_the_file_knows():
    for case in sizes.cases(("fp16", "q8_0"), "fp16", LIKE):
        needed, more = SIZES[case.kind]
        assert set(needed) <= set(case.size) <= {*needed, *more}, case


def test_each_case_once():
    found = sizes.cases(("fp16",), "fp16", LIKE)
    assert len({c.key for c in found}) == len(found)


def test_launches_and_memory_first_then_the_model_then_the_grid():
    kinds = [(c.kind, c.size.get("n")) for c in sizes.cases(("q4_1",), "fp16", LIKE)]
    assert kinds[0][0] == "launch"
    own = kinds.index(("matmul", 96.0))
    assert kinds.index(("stream", None)) < own < kinds.index(("matmul", 1536))


def test_rows_up_to_2048_in_every_format():
    for form in ("bf16", "fp8"):
        rows = {c.size["m"] for c in sizes.cases((form,), "bf16") if c.kind == "matmul" and c.format == form}
        assert min(rows) == 1
        assert max(rows) == 2048


def test_a_model_without_formats_takes_those_asked_for():
    shapes = Like((Shape(96, 64, ""),), (), 64, 1000, 1e6)
    found = {c.format for c in sizes.cases(("bf16", "fp8"), "bf16", shapes) if c.size.get("n") == 96}
    assert found == {"bf16", "fp8"}


def test_a_whole_prompt_sees_half_of_itself_on_average():
    prompts = [c.size for c in sizes.cases(("fp32",), "fp32") if c.kind == "attention_prefill"]
    assert prompts
    assert all(s["context"] == (s["query"] + 1) / 2 for s in prompts)


def test_shapes_of_a_model_of_the_catalog():
    found = like("qwen3-8b")
    assert (found.hidden, found.vocabulary) == (4096, 151936)
    assert (32, 8, 128) in found.heads
    assert {(s.n, s.k) for s in found.shapes} >= {(4096, 12288), (151936, 4096)}


def test_experts_of_a_model_of_the_catalog():
    experts = [s for s in like("qwen3-30b-a3b").shapes if s.experts]
    assert experts
    assert {(s.experts, s.used) for s in experts} == {(128, 8)}


def test_formats_of_the_backends_are_those_of_the_catalog():
    from wherewithal.measure.probe.ggml import FORMATS

    assert set(FORMATS) <= set(formats.names())
