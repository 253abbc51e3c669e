"""Mutated configs: each reads or fails in one line, quickly; never with a traceback."""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tools.parameter_table import records
from wherewithal.errors import WherewithalError
from wherewithal.model.read import read_config

BAD: list[Any] = [
    None, -1, 0, 1, 2, 3, 7, 10**30, -(10**30), 1.5, math.nan, math.inf, "x", "", True, False, [], {}, [1, 2], {"a": 1},
    10**9, 65536, [None], ["a"], [[]], [{}], "re:" + "(a+)+$" * 20, "re:" + "(.*a){30}", 1e308, [0] * 20_000, "*" * 5000,
    "model.layers.{0-99999}*",
]  # fmt: skip
ALL = list(records())


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value[:6]):
            yield (*path, i)
            yield from places(inner, (*path, i))


def put(value: Any, path: tuple[Any, ...], new: Any, drop: bool) -> None:
    for key in path[:-1]:
        value = value[key]
    if drop:
        del value[path[-1]]
    else:
        value[path[-1]] = copy.deepcopy(new)


def mutated(rng: random.Random) -> tuple[dict[str, Any], dict[str, Any] | None]:
    record = rng.choice(ALL)
    config, quant = copy.deepcopy(record["config"]), copy.deepcopy(record.get("hf_quant_config"))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        target = config if quant is None or rng.random() < 0.8 else quant
        found = list(places(target))
        if found:
            put(target, rng.choice(found), rng.choice(BAD), rng.random() < 0.25)
    return config, quant


@pytest.mark.parametrize("seed", range(8))
def test_mutated_configs(seed: int) -> None:
    rng = random.Random(seed)
    failed = 0
    said: list[str] = []
    for _ in range(150):
        config, quant = mutated(rng)
        start = time.perf_counter()
        try:
            model = read_config(config, "config.json", quant)
        except WherewithalError as error:
            failed += 1
            said.append(str(error))
        else:
            sums = (model.parameters, model.active_parameters, float(model.cache_bytes(1000.0)))
            assert all(math.isfinite(v) and v >= 0 for v in sums)
        assert time.perf_counter() - start < 5.0
    assert 20 < failed < 150
    assert not any("\n" in text or len(text) > 600 for text in said)


def test_deep_nesting_is_no_problem() -> None:
    deep: Any = {}
    for _ in range(900):
        deep = {"a": deep}
    with pytest.raises(WherewithalError):
        read_config({"model_type": deep}, "f")


def test_most_layers_read_quickly() -> None:
    config = {
        "model_type": "laguna", "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 10_000, "vocab_size": 9,
        "num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 8, "layer_types": ["full_attention"] * 10_000,
        "num_attention_heads_per_layer": [8 * (i + 1) for i in range(10_000)],
    }  # fmt: skip
    start = time.perf_counter()
    assert len(read_config(config, "f").layers) == 10_000
    assert time.perf_counter() - start < 5.0
