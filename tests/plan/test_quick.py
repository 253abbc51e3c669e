"""A quick answer: never better than the whole search, the same on the same question, nothing where nothing serves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wherewithal import ask
from wherewithal.app import answers, asked
from wherewithal.errors import InputError

BASES = {
    "experts": ask.Question("deepseek-v3", "h20-8:32", slo="tpot=50ms"),
    "dense": ask.Question("qwen3-32b", "h100-8", slo="tpot=50ms"),
}
CHANGES: list[dict[str, Any]] = [
    {"slo": "tpot=25ms"},
    {"slo": "ttft=1s,tpot=50ms"},
    {"input_tokens": 1000.0},
    {"output_tokens": 200.0},
    {"concurrency": 32.0},
]


@pytest.fixture(scope="module")
def answered() -> dict[str, ask.Answer]:
    return {name: ask.plan(q) for name, q in BASES.items()}


@pytest.mark.parametrize("name", BASES)
def test_same_question_same_best(name: str, answered: dict[str, ask.Answer]) -> None:
    whole = answered[name]
    found = ask.quick(BASES[name], whole)
    assert found is not None
    assert found.best is not None
    assert whole.best is not None
    assert found.best.pools[0].layout == whole.best.pools[0].layout
    assert found.best.output_tokens_per_s.value == pytest.approx(whole.best.output_tokens_per_s.value, rel=1e-9)
    assert found.to_dict()["extra"]["quick"] is True
    assert not found.levers
    assert found.legal < whole.legal


@pytest.mark.parametrize("changes", CHANGES, ids=str)
@pytest.mark.parametrize("name", BASES)
def test_never_better_than_the_whole_search(
    name: str, changes: dict[str, Any], answered: dict[str, ask.Answer]
) -> None:
    asking = replace(BASES[name], **changes)
    found, whole = ask.quick(asking, answered[name]), ask.plan(asking)
    assert whole.best is not None
    if found is None:
        return
    assert found.best is not None
    # The whole search thins the rows of each pool before it pairs them, by up to so much.
    assert found.best.output_tokens_per_s.value <= whole.best.output_tokens_per_s.value * 1.01


def test_replicas_follow_the_chips(answered: dict[str, ask.Answer]) -> None:
    found = ask.quick(replace(BASES["experts"], on="h20-8:64"), answered["experts"])
    assert found is not None
    assert found.best is not None
    assert sum(p.chips for p in found.best.pools) <= 64
    before = answered["experts"].best
    assert before is not None
    assert found.best.output_tokens_per_s.value > 1.5 * before.output_tokens_per_s.value


def test_nothing_near_serves(answered: dict[str, ask.Answer]) -> None:
    assert ask.quick(replace(BASES["dense"], slo="tpot=1ms"), answered["dense"]) is None
    assert ask.quick(BASES["dense"], []) is None
    odd = [n._replace(split=replace(n.split, tensor=7.0)) for n in ask.near_of(answered["dense"])]
    assert ask.quick(BASES["dense"], odd) is None


def test_through_json(answered: dict[str, ask.Answer]) -> None:
    document = json.loads(json.dumps(answered["dense"].to_dict()))
    assert ask.near_in(document) == ask.near_of(answered["dense"])
    question = asked.PlanAsked(model="qwen3-32b", on="h100-8", slo="tpot=50ms")
    found = answers.quick(question, document)
    assert found is not None
    assert found["best"]["output_tokens_per_s"]["value"] == pytest.approx(
        document["best"]["output_tokens_per_s"]["value"]
    )
    for wrong in ({}, {"frontier": [{"pools": [{"role": "all", "layout": {}}]}]}, {"frontier": 3}):
        with pytest.raises(InputError, match="near"):
            answers.quick(question, wrong)


def test_values_that_no_lattice_has(answered: dict[str, ask.Answer]) -> None:
    near = ask.near_of(answered["dense"])
    bad = [n._replace(split=replace(n.split, tensor=v)) for n in near for v in (0.0, -2.0, 1.5, np.nan, np.inf)]
    assert ask.quick(BASES["dense"], bad) is None


def test_without_service_levels_it_lies_on_or_under_the_whole_frontier() -> None:
    asking = replace(BASES["experts"], slo="")
    whole = ask.plan(asking)
    found = ask.quick(asking, whole)
    assert found is not None
    for row in found.frontier:
        as_quick = [
            p.output_tokens_per_s.value for p in whole.frontier if p.tpot_s.value <= row.tpot_s.value * (1 + 1e-9)
        ]
        # The frontier is written out thinned: what stands between two of its plans may be a little above the left one.
        after = [p.output_tokens_per_s.value for p in whole.frontier if p.tpot_s.value > row.tpot_s.value]
        assert row.output_tokens_per_s.value <= max([*as_quick, *after[:1]]) * 1.01
