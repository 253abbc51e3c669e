"""One step by hand: what is counted together, overlap, pipeline, host, memory."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from tests.laws import world
from tests.strategies import FORMATS
from wherewithal import engine
from wherewithal.axes.split import Split
from wherewithal.machine.host import beside
from wherewithal.model.blocks.embed import Embedding, Head
from wherewithal.model.blocks.gqa import Gqa
from wherewithal.model.blocks.mlp import Mlp
from wherewithal.model.model import Layer, Model
from wherewithal.model.op import Load
from wherewithal.pricing.curve import curves_for

GQA, MLP = Gqa(1024, 16, 4, 64, 64), Mlp(1024, 4096)
MODEL = Model(
    "two",
    "law",
    1024,
    (Layer("a", 3, (GQA, MLP)), Layer("b", 5, (GQA, Mlp(1024, 2048)))),
    Embedding(1024, 8000),
    Head(1024, 8000),
)
LOAD = Load(16.0, 1.0, 2000.0, routed_tokens=16.0)
M = world.machine("h100-8:16", "qwen3-32b")


def test_equal_blocks_are_priced_once() -> None:
    found = {name: times for name, times, _ in engine.distinct(MODEL)}
    assert found == {"embedding": 1.0, "gqa": 8.0, "mlp": 3.0, "mlp2": 5.0, "head": 1.0}


def test_a_step_is_the_sum_of_its_terms() -> None:
    found = engine.step(MODEL, Split(), LOAD, M)
    rows = [
        float(t.times * M.curves.seconds(t.op)) for t in engine.terms(MODEL, Split(), LOAD, M.formats) if not t.network
    ]
    assert float(found.seconds) == pytest.approx(math.fsum(rows), rel=1e-12)


def test_two_micro_batches_hide_the_shorter_of_the_two() -> None:
    """Twice the load of one micro-batch: max(kernels, network) each."""
    model = world.real("qwen3-30b-a3b")
    m = world.machine("h20-8:32", "qwen3-30b-a3b")
    split = Split(1.0, 1.0, 16.0, 1.0, 16.0)
    load = Load(32.0, 1.0, 2000.0, routed_tokens=32.0 * 16)
    one, two = (
        engine.step(model, split, load, m),
        engine.step(model, dataclasses.replace(split, microbatches=2.0), load, m),
    )
    assert float(one.hidden) == 0.0
    assert float(two.seconds) == pytest.approx(2 * max(float(one.kernels), float(one.network)))
    assert float(two.hidden) == pytest.approx(2 * min(float(one.kernels), float(one.network)))


@pytest.mark.parametrize(("stages", "factor"), [(1, 1.0), (2, 1.0), (3, 9 / 8), (8, 1.0)])
def test_a_pipeline_takes_its_longest_stage(stages: int, factor: float) -> None:
    split = Split(pipeline=float(stages))
    found, alone = engine.step(MODEL, split, LOAD, M), engine.step(MODEL, Split(), LOAD, M)
    assert float(found.kernels) == pytest.approx(float(alone.kernels) * factor)
    assert float(engine.weights(MODEL, split, FORMATS)) == pytest.approx(
        float(engine.weights(MODEL, Split(), FORMATS)) / stages * factor
    )


def test_drafting_is_one_more_pass_of_the_draft_for_each_drafted_token() -> None:
    model = world.real("deepseek-v3")
    m = world.machine("h100-8:16", "deepseek-v3")
    assert model.draft
    split = Split(8.0, 1.0, 1.0, 8.0)
    one = Load(8.0, 1.0, 2000.0, routed_tokens=8.0)
    two = dataclasses.replace(one, decode_tokens=2.0, routed_tokens=16.0)
    assert not list(engine.draft_program(model, split, one, m.formats))
    drafted = list(engine.draft_program(model, split, two, m.formats))
    assert {t.name.split(".")[0] for t in drafted} == {"draft"}
    assert any(t.name.startswith("draft.head") for t in drafted)
    with_more = dataclasses.replace(two, decode_tokens=3.0, routed_tokens=24.0)
    assert sum(float(t.times) for t in engine.draft_program(model, split, with_more, m.formats)) == pytest.approx(
        2 * sum(float(t.times) for t in drafted)
    )
    assert engine.weights(model, split, m.formats, with_draft=True) > engine.weights(model, split, m.formats)


@pytest.mark.parametrize("layers", [0.0, 4.0, 8.0])
def test_layers_on_the_host_leave_the_chip(layers: float) -> None:
    hosted = dataclasses.replace(M, host=curves_for(beside(M.system)))
    split = Split(host_layers=layers)
    ends = 2 * 1024 * 8000 * 2.0
    whole = float(engine.weights(MODEL, Split(), FORMATS))
    assert float(engine.weights(MODEL, split, FORMATS)) == pytest.approx(ends + (whole - ends) * (1 - layers / 8))
    assert float(engine.host_weights(MODEL, split, FORMATS)) == pytest.approx((whole - ends) * layers / 8)
    assert float(engine.cache_bytes(MODEL, split, FORMATS, 100.0)) == pytest.approx(
        float(engine.cache_bytes(MODEL, Split(), FORMATS, 100.0)) * (1 - layers / 8)
    )
    found, alone = engine.step(MODEL, split, LOAD, hosted), engine.step(MODEL, Split(), LOAD, hosted)
    assert found.seconds >= alone.seconds
    assert (float(engine.crossing(MODEL, split, LOAD, hosted)) > 0) == (layers > 0)


def test_a_window_bounds_what_a_sequence_holds() -> None:
    windowed = dataclasses.replace(MODEL, layers=(Layer("w", 2, (dataclasses.replace(GQA, window=128.0), MLP)),))
    at = [float(engine.cache_bytes(windowed, Split(), FORMATS, n)) for n in (64.0, 128.0, 4096.0)]
    assert at[0] * 2 == at[1] == at[2]
    assert at[1] == 2 * 128 * 4 * 128 * 2


def test_activations_by_hand() -> None:
    """Hidden state in, out, residual; twice the widest inside; the heads thrice; logits in float32."""
    found = engine.activations(MODEL, Split(tensor=2.0), FORMATS, 100.0, 10.0)
    widest = max(2 * 4096 / 2, 3 * 8 * 64)
    assert float(found) == 100 * (3 * 1024 + widest) * 2 + 10 * 4000 * 4


def test_every_level_of_a_system_is_seen() -> None:
    assert [x.name for x in M.tiers] == [t.name for t in M.system.tiers]
    assert np.isfinite(float(engine.step(MODEL, Split(tensor=16.0), LOAD, M).seconds))
