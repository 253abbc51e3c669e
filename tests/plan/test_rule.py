"""Rules over layouts in words: what they mean, and what cannot stand in one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from wherewithal.errors import InputError
from wherewithal.plan import rule

NAMES = frozenset(("tensor", "data", "expert", "experts"))


@pytest.mark.parametrize(
    "text",
    [
        "tensor <= 8", "tensor in (1, 2, 4)", "expert == tensor * data", "data == 1 or expert == tensor * data",
        "not (tensor > 2 and data > 2)", "1 <= tensor <= 4", "experts % expert == 0", "tensor // 2 + data - 1 >= 2", "tensor != data",
    ],
)  # fmt: skip
def test_a_rule_means_what_python_means(text: str) -> None:
    tree = rule.read(text, NAMES, "test")
    values = [(t, d, e, x) for t, d, e, x in itertools.product((1, 2, 3, 8), (1, 2, 4), (1, 2, 8), (0, 8))]
    columns = dict(zip(("tensor", "data", "expert", "experts"), np.array(values).T, strict=True))
    found = rule.holds(tree, columns)
    for row, good in zip(values, found, strict=True):
        assert good == bool(eval(text, {}, dict(zip(("tensor", "data", "expert", "experts"), row, strict=True))))


@pytest.mark.parametrize(
    "text",
    [
        "", "tensor", "tensor +", "tensor < 1.5", "tensor < 'a'", "__import__('os')", "tensor.real == 1", "pipeline == 1", "lambda: 1",
        "tensor == 10000000000", "[1 for x in (1,)]", "tensor ** 2 == 4", "-tensor < 1", "tensor < True", "x" * 300 + " == 1", "1 if tensor else 2",
    ],
)  # fmt: skip
def test_what_cannot_stand_in_a_rule(text: str) -> None:
    with pytest.raises(InputError) as caught:
        rule.read(text, NAMES, "test")
    assert "\n" not in str(caught.value)


def test_a_remainder_by_nothing_does_not_hold() -> None:
    tree = rule.read("tensor % experts == 0", NAMES, "test")
    assert list(rule.holds(tree, {"tensor": np.array([4, 4]), "experts": np.array([0, 2])})) == [False, True]
