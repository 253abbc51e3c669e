"""Patterns that name modules."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.model.patterns import matches, parse, ranges

Q = "layers.#.self_attn.q_proj"


@pytest.mark.parametrize(
    ("text", "name", "yes"),
    [
        ("lm_head", "lm_head", True),
        ("language_model.lm_head", "lm_head", True),
        ("model.layers.*.self_attn", Q, True),
        ("model.layers.3.self_attn.q_proj", Q, True),
        ("model.layers.{0-60}.self_attn*", Q, True),
        ("model.layers.0*", Q, True),
        ("model.layers.1.*", Q, True),
        ("gate", "layers.#.mlp.gate", True),
        ("gate", "layers.#.mlp.gate_proj", False),
        ("re:.*self_attn.*", Q, True),
        ("re:.*mlp\\.(gate|up|gate_up|down)_proj.*", "layers.#.mlp.up_proj", True),
        ("re:.*mlp\\.(gate|up|gate_up|down)_proj.*", "layers.#.mlp.gate", False),
        ("re:.*shared_experts.*", "layers.#.mlp.shared_experts.up_proj", True),
        ("*.mlp.shared_expert.*", "layers.#.mlp.shared_expert.up_proj", True),
        ("*.mlp.shared_expert.*", "layers.#.mlp.experts.0.up_proj", False),
        ("mtp*", Q, False),
        ("mtp.layers.0*", Q, False),
        ("model.visual*", Q, False),
        ("vision_model.model.layers.{0-33}.self_attn.q_proj", Q, False),
        ("backbone.layers.{1,3}.mixer.experts.*.up_proj", "layers.#.mixer.experts.0.up_proj", True),
    ],
)
def test_matching(text: str, name: str, yes: bool) -> None:
    pattern = parse(text)
    assert pattern is not None
    assert matches(pattern, name) is yes


def test_layers_of_a_pattern() -> None:
    pattern = parse("model.layers.{0-2,5}.self_attn*")
    assert pattern is not None
    assert pattern.layers == {0, 1, 2, 5}
    assert ranges("{3}") == [3]
    assert len(ranges("{0-99999}")) == 10_000


@given(st.text(max_size=200))
def test_any_text_is_safe(text: str) -> None:
    for made in (parse(text), parse("re:" + text)):
        if made is not None:
            matches(made, Q)


@pytest.mark.parametrize(
    "text", ["re:" + "(a+)+$" * 20, "re:" + ".*a" * 100, "*" * 50_000, "re:(" + "a|" * 100 + "b)" * 40]
)
def test_hostile_patterns_cost_nothing(text: str) -> None:
    start = time.perf_counter()
    pattern = parse(text)
    if pattern is not None:
        matches(pattern, "a" * 1000)
    assert time.perf_counter() - start < 0.5
