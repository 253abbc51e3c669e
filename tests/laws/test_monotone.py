"""More of anything is never slower, at the level of a step: bandwidth, compute, link, fewer bits, fewer tokens."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import world
from tests.strategies import ALL_BLOCKS, FORMATS, PARTS, name_of
from wherewithal import engine
from wherewithal.axes.split import Split
from wherewithal.model.op import Formats, Load, Stored
from wherewithal.plan import steady
from wherewithal.plan.memory import room
from wherewithal.plan.workload import Workload

every_block = pytest.mark.parametrize("block", ALL_BLOCKS, ids=name_of)
SLACK = 1 + 1e-12


@every_block
@settings(max_examples=8, deadline=None)
@given(
    split=world.splits(), load=world.steps(), on=st.sampled_from(world.SYSTEMS), factor=st.floats(1.0, 20.0),
    what=st.sampled_from(("bandwidth", "compute", "link", "latency", "memory")),
)  # fmt: skip
def test_a_better_machine_is_never_slower(block, split: Split, load: Load, on: str, factor: float, what: str) -> None:
    model, m = world.of_block(block), world.machine(on, block)
    before = engine.step(model, split, load, m)
    after = engine.step(model, split, load, world.better(m, what, factor))
    assert after.seconds <= before.seconds * SLACK
    assert after.kernels <= before.kernels * SLACK
    assert after.network <= before.network * SLACK
    if what in ("bandwidth", "compute", "memory") and m.system.chip.ranks == 1:
        assert after.network == before.network
    if what in ("link", "latency", "memory"):
        assert after.kernels == before.kernels


@pytest.mark.parametrize("name", world.MODELS)
@settings(max_examples=8, deadline=None)
@given(
    split=world.splits(), load=world.steps(), on=st.sampled_from(world.SYSTEMS), factor=st.floats(1.0, 20.0),
    what=st.sampled_from(("bandwidth", "compute", "link", "latency")),
)  # fmt: skip
def test_a_better_machine_is_never_slower_for_real_models(
    name: str, split: Split, load: Load, on: str, factor: float, what: str
) -> None:
    model, m = world.real(name), world.machine(on, name)
    load = world.grown(load, split.data)
    assert (
        engine.step(model, split, load, world.better(m, what, factor)).seconds
        <= engine.step(model, split, load, m).seconds * SLACK
    )


@every_block
@settings(max_examples=8, deadline=None)
@given(
    split=world.splits(),
    load=world.steps(),
    on=st.sampled_from(world.SYSTEMS),
    more=st.integers(1, 300),
    which=st.sampled_from(("seqs", "context", "tokens")),
)
def test_more_work_is_never_faster(block, split: Split, load: Load, on: str, more: int, which: str) -> None:
    """A step with more sequences, longer contexts or more prompt tokens takes no less."""
    model, m = world.of_block(block), world.machine(on, block)
    if which == "seqs":
        grown = dataclasses.replace(
            load, decode_seqs=load.decode_seqs + more, decode_context=max(load.decode_context, 1.0)
        )
    elif which == "tokens":
        grown = dataclasses.replace(
            load,
            prefill_tokens=load.prefill_tokens + more,
            prefill_context=max(load.prefill_context, 1.0),
            prefill_seqs=1.0,
        )
    else:
        grown = dataclasses.replace(
            load, decode_context=load.decode_context + more, prefill_context=load.prefill_context + more
        )
    load = dataclasses.replace(load, routed_tokens=load.tokens * split.data)
    grown = dataclasses.replace(grown, routed_tokens=grown.tokens * split.data)
    before, after = engine.step(model, split, load, m), engine.step(model, split, grown, m)
    assert after.seconds >= before.seconds / SLACK
    assert after.network >= before.network / SLACK


@pytest.mark.parametrize("name", world.MODELS)
@settings(max_examples=10, deadline=None)
@given(split=world.splits(), on=st.sampled_from(world.SYSTEMS))
def test_a_bigger_batch_never_lowers_tpot(name: str, split: Split, on: str) -> None:
    """Along the batches of one layout the time per output token rises, in a decode pool and on one pool."""
    d = world.deployment(world.real(name), world.machine(on, name))
    s = np.unique(np.rint(np.exp(np.linspace(0, np.log(2000), 60))))
    alone = np.asarray(steady.host(d, split, s, steady.decode_step(d, split, s).seconds))
    assert np.all(np.diff(alone) >= -1e-12 * alone[1:])
    both = steady.colocated(d, split, s)
    able = np.asarray(both.busy) <= 1.0
    tpot = np.asarray(both.tpot_s)[able]
    assert np.all(np.diff(tpot) >= -1e-12 * tpot[1:])


@pytest.mark.parametrize("name", world.MODELS)
@settings(max_examples=8, deadline=None)
@given(split=world.splits(), on=st.sampled_from(world.SYSTEMS), short=st.integers(16, 30_000), more=st.floats(1.0, 8.0))
def test_a_longer_input_never_lowers_the_time_of_a_prompt(
    name: str, split: Split, on: str, short: int, more: float
) -> None:
    """One prompt in a pass, whole or in pieces: its time, and its wait on one pool."""
    served, whole, pieces = [], [], []
    for tokens in (float(short), float(int(short * more))):
        d = world.deployment(world.real(name), world.machine(on, name), Workload(input_tokens=tokens))
        served.append(steady.colocated(d, split, 1.0))
        whole.append(steady.prefill_pool(d, split, tokens))
        pieces.append(steady.prefill_pool(d, split, 16.0))
    assert whole[1].service_s >= whole[0].service_s / SLACK
    assert pieces[1].service_s >= pieces[0].service_s / SLACK
    if served[1].busy <= 1.0:
        assert served[1].service_s + served[1].wait_s >= (served[0].service_s + served[0].wait_s) / SLACK


@every_block
@settings(max_examples=6, deadline=None)
@given(split=world.splits(), few=st.floats(1.0, 15.0), part=st.sampled_from(PARTS))
def test_fewer_bits_never_hold_more(block, split: Split, few: float, part: str) -> None:
    """Weights of any part in fewer bits never take more bytes; nor does a cache."""
    model = world.of_block(block)
    parts = {**FORMATS.parts, part: Stored(few, "bf16")}
    narrow = Formats(parts=parts, kv_bits=8.0)
    assert engine.weights(model, split, narrow) <= engine.weights(model, split, FORMATS) * SLACK
    assert engine.cache_bytes(model, split, narrow, 500.0) <= engine.cache_bytes(model, split, FORMATS, 500.0) * SLACK


@pytest.mark.parametrize("name", world.MODELS)
@pytest.mark.parametrize("on", ["h100-8:16", "cloudmatrix-384:64", "rtx-4090-8:8"])
def test_lower_weight_precision_never_raises_weight_bytes(name: str, on: str) -> None:
    split = Split(2, 1, 4, 1, 2)
    held = []
    for form in ("bf16", "fp8", "int4"):
        m = world.machine(on, name, (("weights", form),))
        held.append(float(engine.weights(world.real(name), split, m.formats)))
    assert held == sorted(held, reverse=True)


@pytest.mark.parametrize("name", world.MODELS)
@settings(max_examples=10, deadline=None)
@given(split=world.splits(), on=st.sampled_from(world.SYSTEMS), factor=st.floats(1.0, 8.0))
def test_more_memory_never_holds_fewer(name: str, split: Split, on: str, factor: float) -> None:
    """By the same engine settings, a rank with more memory holds no fewer sequences."""
    m = world.machine(on, name)
    d = world.deployment(world.real(name), m)
    wide = world.better(m, "memory", factor)
    for role in ("all", "prefill", "decode"):
        few = room(d.model, split, m, d.engine, d.workload, tokens=2048.0, role=role)
        many = room(d.model, split, wide, d.engine, d.workload, tokens=2048.0, role=role)
        assert many.sequences >= few.sequences / SLACK


@pytest.mark.parametrize("name", world.MODELS)
@settings(max_examples=8, deadline=None)
@given(split=world.splits(), short=st.integers(1, 50_000), more=st.integers(1, 50_000))
def test_a_longer_request_never_takes_less_room(name: str, split: Split, short: int, more: int) -> None:
    model, m = world.real(name), world.machine("h100-8:16", name)
    small, large = (engine.cache_bytes(model, split, m.formats, float(n)) for n in (short, short + more))
    assert large >= small
