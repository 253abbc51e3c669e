"""Records: the best score so far of each group at each event, as published and in draws of the scores' own errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from wherewithal.frontier.scores import Index, Score, group, place

Array = NDArray[np.float64]
DRAWS = 4096


@dataclass(frozen=True)
class Table:
    """The best of each group at each event.

    Attributes:
        groups: names, sorted.
        days: of each event, ordinals, ascending; releases, or boards.
        best: of each group and event the score that is its best; None where it has none yet (or not on this board).
        draws: points, of shape (groups, draws, events); -inf where there is none; no draws where no errors are known.
        boards: whether events are boards.
        alone: whether a group that stands alone leads: with releases; and on boards by base, since a board's rows are the
            best of each country, so that what is not there is no better than what is.
    """

    groups: tuple[str, ...]
    days: tuple[int, ...]
    best: tuple[tuple[Score | None, ...], ...]
    draws: Array
    boards: bool
    alone: bool = True

    def row(self, name: str) -> tuple[Score | None, ...]:
        """Return the best of one group at each event."""
        return self.best[self.groups.index(name)]

    def drawn(self, name: str) -> Array:
        """Return the draws of one group's best, of shape (draws, events) [points]."""
        return np.asarray(self.draws[self.groups.index(name)], dtype=np.float64)


def simulate(scores: Sequence[Score], draws: int, seed: int) -> Array:
    """Return draws of true scores given the published ones, of shape (draws, scores) [points].

    A published interval is read as a normal error on each side with the half width of that side (the published value is
    the median). A score without interval has no error; errors of two models are taken as independent.

    Args:
        scores: sorted, so that the same ones get the same draws.
        draws: how many.
        seed: fixes them.
    """
    normal = np.random.default_rng([seed, len(scores)]).standard_normal((draws, len(scores)))
    value = np.array([s.value for s in scores])
    down, up = (np.array([_deviation(s, upper) for s in scores]) for upper in (False, True))
    return np.asarray(value + normal * np.where(normal < 0, down, up), dtype=np.float64)


def _deviation(score: Score, upper: bool) -> float:
    """Return the standard deviation on one side [points]."""
    end = score.high if upper else score.low
    if end is None or not score.level or score.level >= 1:
        return 0.0
    return abs(end - score.value) / NormalDist().inv_cdf((1 + score.level) / 2)


def records(scores: Sequence[Score], which: Index, by: str, draws: int = DRAWS, seed: int = 0) -> Table:
    """Return the best of each group at each event of one scale.

    Releases: the running maximum. Boards: the best on each board, on its own, since boards are not one scale.

    Args:
        scores: those that count, in any order.
        which: their scale.
        by: country, base, openness or maker.
        draws: how many draws of the errors; none are made where the index publishes none.
        seed: fixes them.
    """
    ordered = sorted(scores, key=place)
    events = sorted({(s.day, s.board) for s in ordered})
    names = tuple(sorted({group(s, by) for s in ordered}))
    many = draws if any(s.level for s in ordered) else 0
    drawn = simulate(ordered, many, seed)
    best: dict[str, list[Score | None]] = {name: [] for name in names}
    out = np.full((len(names), many, len(events)), -np.inf)
    at = {event: i for i, event in enumerate(events)}
    for i, score in enumerate(ordered):
        cell = out[names.index(group(score, by)), :, at[score.day, score.board]]
        np.maximum(cell, drawn[:, i], out=cell)
    for name in names:
        held: Score | None = None
        own: dict[tuple[int, str], list[Score]] = {}
        for score in ordered:
            if group(score, by) == name:
                own.setdefault((score.day, score.board), []).append(score)
        for event in events:
            held = None if which.boards else held
            for score in own.get(event, ()):
                held = score if held is None or score.value > held.value else held
            best[name].append(held)
    if not which.boards:
        out = np.maximum.accumulate(out, axis=2)
    days = tuple(day for day, _ in events)
    return Table(
        names, days, tuple(tuple(best[name]) for name in names), out, which.boards, not which.boards or by == "base"
    )


def steps(table: Table, name: str) -> list[Score]:
    """Return the scores that were a record of a group when they came, in their order (boards: the best of each board)."""
    out: list[Score] = []
    for score in table.row(name):
        if score is not None and (not out or score is not out[-1]):
            out.append(score)
    return out
