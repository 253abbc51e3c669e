"""What the tests of the command line share: golden texts, and an `ask` that answers without computing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.app import made
from wherewithal.app.cli import main

GOLDEN = Path(__file__).parent / "golden"


class Ran(NamedTuple):
    """What a command line did."""

    code: int
    out: str
    err: str


class Asked(ModuleType):
    """Stands in for `wherewithal.ask`: remembers the questions, answers what a test put there."""

    def __init__(self) -> None:
        from wherewithal.plan.setup import Question

        super().__init__("wherewithal.ask")
        self.Question = Question
        self.questions: list[Any] = []
        self.answer: Any = made.FITS

    def plan(self, question: Any, progress: Any = None) -> Any:
        self.questions.append(question)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def predict(self, question: Any, progress: Any = None) -> Any:
        return self.plan(question)

    def compare(self, questions: list[Any], progress: Any = None) -> Any:
        self.questions += questions
        return self.answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Put a stand-in for `ask` into place and return it."""
    stand_in = Asked()
    monkeypatch.setitem(sys.modules, "wherewithal.ask", stand_in)
    monkeypatch.setattr("wherewithal.ask", stand_in, raising=False)
    return stand_in


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Return a function that runs one command line at 100 columns."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = main(list(words))
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture
def golden(update_golden: bool) -> Callable[[str, str], None]:
    """Return a function that compares a text with its golden file (`--update-golden` records it anew)."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if update_golden:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden file {name}: record it with --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return compare
