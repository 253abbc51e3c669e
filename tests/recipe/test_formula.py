"""The small language of recipe files: what it computes, and that it does nothing else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.errors import InputError
from wherewithal.recipe.formula import true, value

FACTS = {"tensor": 4, "data": 2, "role": "decode", "kv": "fp8", "share": 0.9}


@pytest.mark.parametrize(
    ("text", "comes_to"),
    [
        ("tensor * data", 8),
        ("ceil(tensor / 3)", 2),
        ("'fp8' if kv == 'fp8' else 'auto'", "fp8"),
        ("role in ('prefill', 'decode') and not tensor == 1", True),
        ("'1' + ',1' * (tensor - 1)", "1,1,1,1"),
        ("min(tensor, data, 1)", 1),
        ("1 < data < tensor", True),
        ("-tensor", -4),
    ],
)
def test_what_it_computes(text: str, comes_to: object) -> None:
    assert value(text, FACTS, "x") == comes_to


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "role.upper()", "[1]", "lambda: 1", "tensor ** 99", "tensor // 0", "nothing", "1 +", "open('x')",
        "x" * 400, "role < 1", "tensor is 1", "f'{role}'", "min(*role)", "min(tensor, key=len)",
    ],
)  # fmt: skip
def test_what_it_refuses(text: str) -> None:
    with pytest.raises(InputError):
        value(text, FACTS, "x")


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    with contextlib.suppress(InputError):
        value(text, FACTS, "x")


def test_an_empty_condition_holds() -> None:
    assert true("", FACTS, "x")
    assert not true("tensor == 1", FACTS, "x")
