"""What an answer advises is true: every fix really works, every lever does what it says, every flip flips."""

from __future__ import annotations

import dataclasses
import io
import shlex
from contextlib import redirect_stderr, redirect_stdout

import pytest

from wherewithal import ask
from wherewithal.app.cli import main
from wherewithal.plan.setup import Question

IMPOSSIBLE = [
    Question("qwen3-32b", "rtx-4090-1"),
    Question("llama-3.1-405b", "h100-8"),
    Question("deepseek-v3", "h100-8"),
    Question("qwen3-32b", "h100-8", slo="tpot=4ms"),
    Question("qwen3-32b", "h100-8", slo="ttft=50ms,tpot=20ms"),
    Question("qwen3-32b", "h100-8", slo="ttft=90ms,tpot=5.6ms"),
    Question("qwen3-32b", "h100-8", slo="ttft=2s,tpot=30ms", rate_per_s=30.0),
    Question("qwen3-32b", "h100-8", slo="tpot=40ms", power_limit_w=500.0),
    Question("deepseek-v3", "h20-8:16", slo="ttft=2s,tpot=20ms", concurrency=400),
]


def run(line: str) -> tuple[int, str]:
    """Run a command line of ours in this process; return its exit code and what it printed."""
    words = shlex.split(line)
    assert words[0] == "wherewithal"
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = main([*words[1:], "--quiet"])
    return code, out.getvalue()


@pytest.mark.parametrize("q", IMPOSSIBLE, ids=lambda q: f"{q.model} on {q.on} {q.slo} {q.power_limit_w or ''}")
def test_every_fix_works(q: Question) -> None:
    """There is a fix, each has its own command, and each command gets a plan (exit code 0)."""
    answer = ask.plan(q)
    assert answer.best is None
    assert answer.why_not
    fixes = [fix for limit in answer.why_not for fix in limit.fix]
    assert fixes, answer.why_not
    for fix in {f.command: f for f in fixes}.values():
        code, text = run(fix.command)
        assert code == 0, f"{fix.command}: {text[:200]}"
        assert fix.result


@pytest.mark.parametrize("q", IMPOSSIBLE[3:], ids=lambda q: f"{q.model} on {q.on} {q.slo} {q.power_limit_w or ''}")
def test_a_limit_says_by_how_much(q: Question) -> None:
    """What is needed is beyond what is there, in the direction that the limit's kind has."""
    for limit in ask.plan(q).why_not:
        assert limit.text
        if limit.limit in ("ttft", "tpot", "power", "memory"):
            assert limit.needed > limit.available


def test_only_the_missed_level_is_loosened_where_that_is_enough() -> None:
    commands = [fix.command for limit in ask.plan(IMPOSSIBLE[5]).why_not for fix in limit.fix]
    assert any("ttft=90ms" in c and "tpot=5.6ms" not in c for c in commands), commands


def test_an_impossible_question_exits_with_one() -> None:
    code, text = run("wherewithal plan qwen3-32b --on rtx-4090-1")
    assert code == 1
    assert "Not feasible" in text


LEVERS = [
    Question("qwen3-32b", "h100-8:8", slo="ttft=2s,tpot=30ms"),
    Question("deepseek-v3", "h20-8:32", slo="ttft=2s,tpot=50ms"),
    Question("gpt-oss-120b", "mi300x-8", slo="tpot=20ms"),
    Question("qwen3-30b-a3b", "h100-8:4", slo="ttft=1s,tpot=15ms"),
]


@pytest.mark.parametrize("q", LEVERS, ids=lambda q: f"{q.model} on {q.on}")
def test_a_lever_does_what_it_says(q: Question) -> None:
    """The change of tokens/s that a lever promises is that of the whole question asked anew, within a few percent."""
    answer = ask.plan(q)
    said = [lever for lever in answer.levers if lever.effect is not None]
    assert said
    assert len(said) <= 3
    before = answer.best.output_tokens_per_s.value
    for lever in said:
        fresh = ask.plan(_question(q, lever.command)).best
        assert fresh is not None, lever.command
        assert fresh.output_tokens_per_s.value / before - 1 == pytest.approx(lever.effect, abs=0.05), lever.change


def _question(q: Question, line: str) -> Question:
    """Return the question that a lever's command asks."""
    from tests.laws.test_round_trip import asked

    return dataclasses.replace(asked(line)[1], explain=q.explain)


COMPARED = [
    [Question("deepseek-v3", on, slo="tpot=50ms") for on in ("h200-8:16", "mi300x-8:16")],
    [Question("qwen3-32b", on, slo="tpot=30ms", overrides=("price.rent=2USD/h",)) for on in ("h100-8", "mi300x-8")],
    [Question("qwen3-32b", on, slo="tpot=30ms") for on in ("h100-8", "h20-8")],
    [Question("gpt-oss-120b", on, slo="ttft=2s,tpot=20ms") for on in ("h200-8", "mi300x-8", "b200-8")],
]


@pytest.mark.parametrize("questions", COMPARED, ids=lambda qs: " ".join(q.on for q in qs))
def test_a_flip_flips(questions: list[Question]) -> None:
    """On both sides of a flip point the order is as said: asked anew there, each system alone."""
    found = ask.compare(questions)
    of = {q.on: q for q in questions}
    for flip in found.flips:
        if flip.at is None:
            continue
        pair = [of[flip.first], of[flip.second]]
        if flip.what in ("input length", "output length"):
            name = "input_tokens" if flip.what == "input length" else "output_tokens"
            signs = [_order(found, pair, {name: float(max(round(flip.at * f), 2))}) for f in (1 / 1.3, 1.3)]
            assert signs[0] * signs[1] < 0, flip.text
        if flip.what == "chip price":
            first, second = (next(a.best for a in found.answers if a.system["name"] in q.on) for q in pair)
            per_token = flip.at * second.chips / second.output_tokens_per_s.value
            assert per_token * 1e6 / 3600 == pytest.approx(first.usd_per_million_output_tokens.value, rel=1e-6)


def _order(found, pair: list[Question], changes: dict[str, float]) -> float:
    """Return which of two systems is ahead under a changed question: above zero for the first."""
    rates = []
    for q in pair:
        best = ask.plan(dataclasses.replace(q, **changes)).best
        assert best is not None
        by_cost = best.usd_per_million_output_tokens is not None and any(f.what == "chip price" for f in found.flips)
        rates.append(
            1 / best.usd_per_million_output_tokens.value if by_cost else best.output_tokens_per_s_per_chip.value
        )
    return rates[0] / rates[1] - 1


@pytest.mark.parametrize("questions", COMPARED, ids=lambda qs: " ".join(q.on for q in qs))
def test_columns_are_the_systems_own_answers(questions: list[Question]) -> None:
    """Each column is what `plan` answers for that system; winners have the best figure of their row."""
    found = ask.compare(questions)
    for q, mine in zip(questions, found.answers, strict=True):
        alone = ask.plan(q)
        assert mine.best.output_tokens_per_s == alone.best.output_tokens_per_s
        assert mine.best.tpot_s == alone.best.tpot_s
    for row in found.rows:
        known = [v.value for v in row.values if v is not None]
        assert len(row.values) == len(questions)
        if row.winner is not None:
            top = max(known) if row.better == "high" else min(known)
            assert row.values[row.winner].value == top


def test_the_command_of_a_comparison_asks_it() -> None:
    found = ask.compare(COMPARED[2])
    code, text = run(found.command)
    assert code == 0
    for q in COMPARED[2]:
        assert q.on in text
