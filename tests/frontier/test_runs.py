"""What runs: the best score that the planner lets through, and none above it that runs."""

from __future__ import annotations

import pytest

from wherewithal import ask
from wherewithal.errors import InputError
from wherewithal.frontier import runs
from wherewithal.frontier.runs import best_that_runs, rated


def test_scores_are_sorted_and_of_known_models() -> None:
    found = rated()
    assert len(found) > 100
    assert [r.value for r in found] == sorted((r.value for r in found), reverse=True)
    assert len({r.name for r in found}) == len(found)


def test_the_best_is_what_plan_says(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = best_that_runs(ask.Question("", "rtx-4090-1", precision={"weights": "int4"}))
    assert ran.best is not None
    above = [t for t in ran.tried if t.model.value > ran.best.model.value]
    assert above
    assert not any(t.runs for t in above)
    assert all(t.why for t in ran.tried if not t.runs)
    answer = ask.plan(ask.Question(ran.best.model.name, "rtx-4090-1", precision={"weights": "int4"}))
    assert answer.best is not None
    assert ran.best.output_tokens_per_s == answer.best.output_tokens_per_s.value
    monkeypatch.setattr(ask, "plan", lambda *a: pytest.fail("planned twice"))
    assert best_that_runs(ask.Question("", "rtx-4090-1", precision={"weights": "int4"})) == ran


def test_a_wrong_question_is_refused_at_once() -> None:
    for wrong in (
        ask.Question("", "no-such-system"),
        ask.Question("", "rtx-4090-1", slo="ttft=fast"),
        ask.Question("", "rtx-4090-1", precision={"weights": "no-such"}),
    ):
        with pytest.raises(InputError, match="--"):
            best_that_runs(wrong)


def test_none_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "rated", lambda dirs=(): rated(dirs)[:2])
    ran = best_that_runs(ask.Question("", "rtx-4090-1"))
    assert ran.best is None
    assert len(ran.tried) == 2
