"""Question to Answer: the one call that every face shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wherewithal import pulse
from wherewithal.plan.answer import Answer, Comparison
from wherewithal.plan.compare import compare as _compare
from wherewithal.plan.predict import predict as _predict
from wherewithal.plan.quick import Near, near_in, near_of
from wherewithal.plan.quick import quick as _quick
from wherewithal.plan.serve import plan as _plan
from wherewithal.plan.setup import Question

Progress = Callable[[str, int, int], None] | None


def plan(question: Question, progress: Progress = None) -> Answer:
    """Return the frontier of layouts and the best one under the service levels.

    Args:
        question: the question.
        progress: called with (phase, done, in all) as work goes on; what it raises ends the work and comes out unchanged.

    Raises:
        InputError: for anything in the question that cannot be used.
    """
    with pulse.heard(progress) as told:
        return _plan(question, told)


def quick(question: Question, near: Iterable[Near] | Answer, progress: Progress = None) -> Answer | None:
    """Return the best plan among the layouts of an earlier answer, in a small part of the time; None where none serves.

    Its prices are those of `plan`; another layout may be better. Its `extra` says `quick`.

    Args:
        question: the question.
        near: an earlier answer, or layouts as `near_of` and `near_in` give them.
        progress: called with (phase, done, in all) as work goes on.

    Raises:
        InputError: for anything in the question that cannot be used.
    """
    with pulse.heard(progress) as told:
        return _quick(question, near_of(near) if isinstance(near, Answer) else near, told)


def predict(question: Question, progress: Progress = None) -> Answer:
    """Return what one given deployment does under the load of the question, without a search.

    Args:
        question: the question; `layout` must be given.
        progress: called with (phase, done, in all) as work goes on.

    Raises:
        InputError: for anything in the question that cannot be used.
    """
    with pulse.heard(progress):
        return _predict(question)


def compare(questions: list[Question], progress: Progress = None) -> Comparison:
    """Return systems side by side, and what would flip their order.

    Args:
        questions: one for each system.
        progress: called with (phase, done, in all) as work goes on.

    Raises:
        InputError: for anything in a question that cannot be used.
    """
    with pulse.heard(progress) as told:
        return _compare(questions, told)


__all__ = ["Answer", "Comparison", "Near", "Question", "compare", "near_in", "near_of", "plan", "predict", "quick"]
