"""What an engine's way of planning memory does to the sequences that fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wherewithal.axes.split import Split
from wherewithal.plan.engines import Engine
from wherewithal.plan.memory import Room, room
from wherewithal.plan.setup import Question, setup


def held(**engine: float) -> tuple[Room, Engine, float]:
    """Return the room of one rank, its engine, and the vocabulary."""
    asked = Question(model="qwen3-32b", on="h100-8:2", input_tokens=1000.0, output_tokens=3000.0, engine="vllm")
    d = setup(asked).pools["all"]
    by = replace(d.engine, **engine)  # type: ignore[arg-type]
    found = room(d.model, Split(tensor=2.0), d.machine, by, d.workload, tokens=2048.0, role="all")
    return found, by, float(d.model.head.vocab)


def test_a_whole_answer_reserved_leaves_fewer_sequences() -> None:
    """Reserved from the start, a request holds its whole length: with equal lengths nothing is left to chance."""
    grown, whole = held()[0], held(reserved_answer=1.0)[0]
    assert float(whole.sequences) < float(grown.sequences)
    assert float(whole.sequences) == pytest.approx(float(whole.kv_room) / float(whole.per_sequence))
    assert float(whole.per_sequence) == pytest.approx(float(whole.longest), rel=1e-6)


def test_sampling_of_an_engine_built_beforehand_takes_room() -> None:
    """16 bytes of each of the vocabulary's entries for each of 512 sequences, whole on every rank."""
    without, _, vocab = held(max_seqs=512.0)
    with_it, by, _ = held(max_seqs=512.0, slot_entry_bytes=16.0)
    assert by.share_of == "total"
    assert float(without.kv_room) - float(with_it.kv_room) == pytest.approx(16 * 512 * vocab)
