"""A question becomes the command at the foot of its answer, and that command asks the same question."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherewithal.app.options import question, take_face
from wherewithal.app.verbs_serving import plan, predict
from wherewithal.plan.command import command, duration
from wherewithal.plan.layout_text import parse_layout
from wherewithal.plan.setup import Question
from wherewithal.plan.workload import parse_slo
from wherewithal.units import parse

VERBS: dict[str, click.Command] = {"plan": plan, "predict": predict}
words = st.text(
    st.characters(codec="ascii", exclude_categories=["Cc", "Cs"], exclude_characters=" -=,"), min_size=1, max_size=12
)
tokens = st.none() | st.integers(1, 10**8)
amounts = st.none() | st.floats(1e-6, 1e8, allow_subnormal=False)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Draw any question that the options can ask."""
    load = draw(st.sampled_from(("none", "concurrency", "rate")))
    return Question(
        model=draw(words), on=draw(st.sampled_from(("h100-8", "h100-8:16", "prefill=h100-8:8,decode=h20-8:16", "./a system.toml"))),
        workload=draw(st.none() | words), input_tokens=draw(tokens), output_tokens=draw(tokens),
        cached_input_tokens=draw(st.none() | st.integers(0, 10**8)), accepted_tokens_per_step=draw(st.none() | st.floats(1, 64)),
        length_spread=draw(st.none() | st.floats(0, 0.9)), max_context=draw(tokens),
        concurrency=draw(st.integers(1, 10**8)) if load == "concurrency" else None,
        rate_per_s=draw(st.floats(1e-6, 1e8)) if load == "rate" else None,
        slo=draw(st.sampled_from(("", "ttft=2s,tpot=50ms", "ttft.p95=1.5s", "tpot=12.5ms"))),
        serving=draw(st.sampled_from(((), ("colocated",), ("disaggregated",), ("colocated", "disaggregated")))),
        precision=draw(st.dictionaries(st.sampled_from(("weights", "activations", "kv")), st.sampled_from(("fp8", "bf16", "int4")))),
        engine=draw(st.none() | words), power_limit_w=draw(amounts),
        overrides=tuple(draw(st.lists(st.sampled_from(("chip.memory=96 GB", "price.rent=2USD/h", "model.context=8k")), max_size=2))),
        catalog_dirs=tuple(Path(x) for x in draw(st.lists(st.sampled_from(("a", "my own/dir")), max_size=2))),
        seed=draw(st.integers(0, 2**31)), offload=draw(st.booleans()),
    )  # fmt: skip


def asked(line: str) -> tuple[str, Question]:
    """Return the verb and the question of a command line, as the command line reads it."""
    program, verb, *args = shlex.split(line)
    assert program == "wherewithal"
    context = VERBS[verb].make_context(verb, list(args))
    values: dict[str, Any] = dict(context.params)
    take_face(values)
    model, on, layout = values.pop("model"), values.pop("on"), values.pop("layout", None)
    for name in ("explain", "plot", "force"):
        values.pop(name, None)
    return verb, question(values, model, on, layout=layout, explain=None)


@settings(max_examples=150, deadline=None)
@given(q=questions())
def test_a_question_survives_its_command(q: Question) -> None:
    verb, again = asked(command(q))
    assert verb == "plan"
    for name in Question.__dataclass_fields__:
        said, read = getattr(q, name), getattr(again, name)
        assert read == (pytest.approx(said, rel=1e-11) if isinstance(said, float) else said), name


@settings(max_examples=40, deadline=None)
@given(
    q=questions(),
    layout=st.sampled_from(("tp8 ep8", "prefill: 4x tp8 ep8; decode: 1x tp1 dp32 ep32", "tp2 dp4 ep8 two-batch")),
)
def test_a_prediction_survives_its_command(q: Question, layout: str) -> None:
    verb, again = asked(command(q, "predict", layout=layout))
    assert (verb, again.layout) == ("predict", layout)
    assert again.model == q.model


@settings(max_examples=60, deadline=None)
@given(q=questions(), chips=st.integers(1, 1000), form=st.sampled_from(("fp8", "int4")))
def test_a_changed_question_survives_its_command(q: Question, chips: int, form: str) -> None:
    """What a fix or a lever changes is in its command, and nothing else is."""
    _, again = asked(command(q, on=f"h100-8:{chips}", precision={"weights": form}))
    assert (again.on, again.precision) == (f"h100-8:{chips}", {"weights": form})
    assert (again.slo, again.offload, again.engine) == (q.slo, q.offload, q.engine)


@given(seconds=st.floats(1e-6, 1e4))
def test_a_time_is_never_rounded_down(seconds: float) -> None:
    """A service level taken from what is reached still lets it pass, and is at most a tenth above."""
    said = parse(duration(seconds), "s", "test")
    assert seconds * (1 - 1e-9) <= said <= seconds * 1.11 + 1e-7
    bound = parse_slo(f"tpot={duration(seconds)}").tpot
    assert bound is not None
    assert bound.limit_s == pytest.approx(said)


@settings(max_examples=60)
@given(
    tp=st.sampled_from((1, 2, 8)),
    pp=st.sampled_from((1, 3)),
    dp=st.sampled_from((1, 4)),
    cp=st.sampled_from((1, 2)),
    cut=st.sampled_from((1, 2, 4)),
)
def test_a_layout_is_read_as_it_is_written(tp: int, pp: int, dp: int, cp: int, cut: int) -> None:
    """The words that an answer shows for a layout name the same layout."""
    from wherewithal.plan.answer import Layout

    stage = tp * dp
    if stage % cut:
        return
    one = Layout(tp, pp, stage // cut, cut, dp, cp, 2 if dp > 1 else 1)
    split = parse_layout(str(one))["all"].split
    assert {n: int(split.degree(n)) for n in ("tensor", "pipeline", "expert", "expert_tensor", "data", "context", "microbatches")} == {
        n: getattr(one, n) for n in ("tensor", "pipeline", "expert", "expert_tensor", "data", "context", "microbatches")
    }  # fmt: skip
