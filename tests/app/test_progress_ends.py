"""Every verb calls back all through its work; what is raised ends it, and nothing that stays behind is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from wherewithal import pulse
from wherewithal.app import answers, asked

PLAN: dict[str, Any] = {"model": "deepseek-v3", "on": "h20-8:32", "slo": "tpot=50ms"}
CASES: dict[str, tuple[asked.Asked, set[str]]] = {
    "plan": (
        asked.PlanAsked(**PLAN),
        {"question", "colocated", "disaggregated", "plans written out", "levers"},
    ),
    "no plan": (
        asked.PlanAsked(model="qwen3-32b", on="h100-8", slo="tpot=1ms"),
        {"question", "colocated", "why not"},
    ),
    "power": (
        asked.PlanAsked(model="qwen3-32b", on="h100-8", slo="tpot=50ms", power_limit_w=4000),
        {"question", "colocated", "power limit", "levers"},
    ),
    "predict": (
        asked.PredictAsked(model="qwen3-32b", on="h100-8", layout="tp8", concurrency=4, requests=8),
        {"question", "replay", "plans written out"},
    ),
    "compare": (
        asked.CompareAsked(model="qwen3-32b", on=("h100-8", "h20-8")),
        {"question", "colocated", "plans written out", "levers", "flips"},
    ),
    "fleet": (
        asked.FleetAsked(scenario="china-2030", draws=64, drivers=True),
        {"inputs", "flows", "cohorts", "measures", "drivers"},
    ),
    "against": (
        asked.FleetAsked(scenario="china-2030", draws=64, against="us-2030"),
        {"inputs", "flows", "cohorts", "measures"},
    ),
    "frontier": (asked.FrontierAsked(draws=64), {"indices"}),
    "claims": (asked.ClaimsAsked(name="wsj-2025-08", only=("C02", "C16")), {"C02", "C16"}),
}


class Enough(Exception):
    """Raised by a callback."""


class Calls:
    """Counts calls; raises at one of them."""

    def __init__(self, last: int = 0) -> None:
        self.phases: list[str] = []
        self.last = last

    def __call__(self, phase: str, _done: int, _total: int) -> None:
        self.phases.append(phase)
        if len(self.phases) == self.last:
            raise Enough(phase)


def lasting(document: Any) -> Any:
    """Return an answer without what differs by the clock."""
    if isinstance(document, dict):
        return {k: lasting(v) for k, v in document.items() if k != "elapsed_s"}
    return [lasting(v) for v in document] if isinstance(document, list) else document


@pytest.mark.parametrize("name", CASES)
def test_each_phase_is_heard_and_any_call_may_end_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "EVERY_S", 0.0)
    question, phases = CASES[name]
    fresh, heard = lasting(answers.run(question)), Calls()
    assert lasting(answers.run(question, None, heard)) == fresh
    assert phases <= set(heard.phases)
    count = len(heard.phases)
    for k in sorted({1, 2, count // 3, count // 2, count - 1} - {0}):
        with pytest.raises(Enough):
            answers.run(question, None, Calls(k))
        assert pulse._EAR.get() is None
    assert lasting(answers.run(question)) == fresh


def test_ended_before_anything_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "EVERY_S", 0.0)
    question = asked.PlanAsked(model="qwen3-8b", on="h20-8:3")
    for k in (2, 5, 9, 14):
        with pytest.raises(Enough):
            answers.run(question, None, Calls(k))
    assert answers.run(question)["best"]
