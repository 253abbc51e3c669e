"""Question to Answer: the one call that every face shares."""

from __future__ import annotations

from collections.abc import Callable

from wherewithal.plan.answer import Answer, Comparison
from wherewithal.plan.compare import compare as _compare
from wherewithal.plan.predict import predict as _predict
from wherewithal.plan.serve import plan as _plan
from wherewithal.plan.setup import Question

Progress = Callable[[str, int, int], None] | None


def plan(question: Question, progress: Progress = None) -> Answer:
    """Return the frontier of layouts and the best one under the service levels.

    Args:
        question: the question.
        progress: called with (phase, rows done, rows in all) as the search goes on.

    Raises:
        InputError: for anything in the question that cannot be used.
    """
    return _plan(question, progress)


def predict(question: Question) -> Answer:
    """Return what one given deployment does under the load of the question, without a search.

    Raises:
        InputError: for anything in the question that cannot be used; `layout` must be given.
    """
    return _predict(question)


def compare(questions: list[Question], progress: Progress = None) -> Comparison:
    """Return systems side by side, and what would flip their order.

    Raises:
        InputError: for anything in a question that cannot be used.
    """
    return _compare(questions, progress)


__all__ = ["Answer", "Comparison", "Question", "compare", "plan", "predict"]
