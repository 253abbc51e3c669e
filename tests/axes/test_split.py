"""How a replica is split: ranks, strides, local sizes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given

from tests.laws import world
from tests.strategies import ALL_BLOCKS, FORMATS, name_of
from wherewithal.axes import axes, senders
from wherewithal.axes.pipeline import unevenness
from wherewithal.axes.split import Split, local
from wherewithal.model.blocks.embed import Embedding, Head
from wherewithal.model.blocks.gqa import Gqa
from wherewithal.model.blocks.mla import Mla
from wherewithal.model.blocks.mlp import Mlp
from wherewithal.model.blocks.moe import Moe
from wherewithal.model.op import Load

GQA = Gqa(1024, 16, 4, 64, 64)
MLA = Mla(1024, 16, 256, 512, 128, 64, 128)
MOE = Moe(1024, 32, 4, 256)
DECODE = Load(10.0, 1.0, 1000.0, routed_tokens=40.0)
PREFILL = Load(0.0, 1.0, 0.0, 500.0, 250.0, 1.0, 2000.0)


@given(split=world.splits())
def test_strides_fill_the_replica(split: Split) -> None:
    """Tensor first, then data, context, pipeline: the last group's stride times its degree is all ranks."""
    assert split.stride("tensor") == 1
    assert split.stride("data") == split.tensor
    assert split.stride("context") == split.tensor * split.data
    assert split.stride("pipeline") * split.pipeline == split.ranks
    assert split.stride("expert") == split.expert_tensor


@pytest.mark.parametrize("block", ALL_BLOCKS, ids=name_of)
@given(split=world.splits())
def test_local_sizes_are_parts(block, split: Split) -> None:
    """No size is larger than the whole, those that ranks hold copies of are at least one, and no name is lost."""
    part = vars(local(block, split))
    assert part.keys() == block.sizes.keys()
    copied = {n for axis in axes() for n in axis.COPIES}
    for name, whole in block.sizes.items():
        assert part[name] <= whole
        if name in copied and whole:
            assert part[name] >= 1
        divided = np.prod([split.degree(axis.NAME) for axis in axes() if name in axis.DIVIDES])
        assert part[name] in (whole / divided, 1.0)


def test_every_axis_divides_something_or_sends() -> None:
    for axis in axes():
        assert axis.DIVIDES or hasattr(axis, "before") or hasattr(axis, "after") or axis.NAME == "data"
        assert axis.COPIES <= axis.DIVIDES
    assert senders("before")
    assert senders("after")


def sends(block, split: Split, load: Load) -> dict[str, object]:
    every = {op.name: op for axis in axes() for op in world.sent(axis, block, split, load, FORMATS)}
    return {name: op for name, op in every.items() if float(op.calls) > 0}


def test_tensor_ranks_add_up_their_results() -> None:
    found = sends(GQA, Split(tensor=4.0), DECODE)
    assert list(found) == ["all_reduce"]
    assert found["all_reduce"].wire == 10 * 1024 * 2
    assert list(sends(Head(1024, 32_000), Split(tensor=4.0), DECODE)) == ["gather_logits"]
    assert sends(Head(1024, 32_000), Split(tensor=4.0), DECODE)["gather_logits"].wire == 10 * 8000 * 2
    assert list(sends(Mlp(1024, 4096), Split(tensor=4.0), DECODE)) == ["all_reduce"]


def test_context_ranks_gather_prompts_and_merge_what_decodes() -> None:
    split = Split(tensor=2.0, context=4.0)
    assert set(sends(GQA, split, PREFILL)) == {"gather_kv", "all_reduce"}
    assert sends(GQA, split, PREFILL)["gather_kv"].wire == 500 * 2 * 128 * 2
    assert sends(MLA, split, PREFILL)["gather_kv"].wire == 500 * (512 + 64) * 2
    assert set(sends(GQA, split, DECODE)) == {"merge", "all_reduce"}
    assert sends(GQA, split, DECODE)["merge"].wire == 10 * 512 * 2


def test_stages_hand_over_once_for_each_boundary() -> None:
    found = sends(Embedding(1024, 32_000), Split(pipeline=4.0), DECODE)
    assert found["hand_over"].calls == 3.0
    assert found["hand_over"].wire == 10 * 1024 * 2
    assert "hand_over" not in sends(GQA, Split(pipeline=4.0), DECODE)


def test_tokens_travel_to_the_experts_that_they_chose() -> None:
    """With whole experts on 8 ranks and 4 choices a token meets 8 (1 - (7/8)^4) ranks."""
    split = Split(tensor=2.0, data=4.0, expert=8.0)
    found = sends(MOE, split, DECODE)
    met = 8 * (1 - (7 / 8) ** 4)
    assert found["dispatch"].wire == pytest.approx(10 / 2 * met * 1024 * 2)
    assert found["combine"].wire == pytest.approx(10 / 2 * met * 1024 * 2)
    assert set(sends(MOE, dataclasses.replace(split, data=1.0, expert=2.0), DECODE)) == {"all_reduce"}
    sliced = dataclasses.replace(split, expert=2.0, expert_tensor=4.0)
    assert sends(MOE, sliced, DECODE)["dispatch"].wire == pytest.approx(5 * 2 * (1 - 0.5**4) * 4 * 1024 * 2)


@pytest.mark.parametrize(
    ("depth", "stages", "factor"), [(32, 4, 1.0), (61, 2, 62 / 61), (61, 16, 64 / 61), (3, 2, 4 / 3), (5, 5, 1.0)]
)
def test_the_longest_stage_sets_the_pace(depth: int, stages: int, factor: float) -> None:
    assert unevenness(depth, Split(pipeline=float(stages))) == pytest.approx(factor)
