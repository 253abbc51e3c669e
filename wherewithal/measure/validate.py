"""Predictions against measurements, row by row and in summary."""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wherewithal.measure import bar as bars
from wherewithal.measure import choice, predicted, score
from wherewithal.measure import noise as noises
from wherewithal.measure.asked import engine_of
from wherewithal.measure.folds import chip_of
from wherewithal.measure.judged import Judged, figure_of
from wherewithal.measure.predicted import Predicted
from wherewithal.measure.rows import SCORED, Row
from wherewithal.pricing.intervals import Case, band

Progress = Callable[[str, int, int], None] | None
# Runs that one worker takes at a time, and below which a second process costs more than it saves.
CHUNK, ALONE = 40, 120


@dataclass(frozen=True)
class Report:
    """All rows judged, in the order of the files.

    Attributes:
        rows: rows with a metric that is scored.
        left_out: reason to number of rows that were not judged.
        by: the columns of the summary.
        elapsed_s: [s] it took.
        skipped: the rows that were not judged because of what they say, with the reason.
    """

    rows: tuple[Judged, ...]
    left_out: dict[str, int]
    by: tuple[str, ...] = score.COLUMNS
    elapsed_s: float = 0.0
    skipped: tuple[tuple[Row, str], ...] = ()

    @cached_property
    def table(self) -> list[score.Line]:
        """The summary: one line a group of `by` and metric."""
        return score.table(self.rows, self.by)

    @cached_property
    def whole(self) -> list[score.Line]:
        """The summary by metric alone, then all."""
        return score.table(self.rows, ())

    @cached_property
    def bar(self) -> list[bars.Mark]:
        """What the errors of each kind of rows must be, and are."""
        return bars.table(self.rows)

    @cached_property
    def noise(self) -> list[noises.Floor]:
        """How far reruns of one configuration differ, by metric."""
        return noises.floors(j.row for j in self.rows)

    @cached_property
    def choosing(self) -> list[choice.Summary]:
        """Whether the layout that measured best is predicted best."""
        return choice.summaries(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        return {
            "rows": [j.to_dict() for j in self.rows],
            "summary": {
                "rows": len(self.rows),
                "answered": sum(not j.predicted.why for j in self.rows),
                "left_out": self.left_out,
                "metrics": [line.to_dict() for line in self.whole],
                "by": list(self.by),
                "groups": [line.to_dict() for line in self.table],
                "worst": [j.to_dict() for j in score.worst(self.rows, 10)],
                "bar": [mark.to_dict() for mark in self.bar],
                "noise": [floor.to_dict() for floor in self.noise],
                "choosing": [one.to_dict() for one in self.choosing],
                "elapsed_s": self.elapsed_s,
            },
        }


def validate(
    rows: Sequence[Row],
    by: Sequence[str] = score.COLUMNS,
    *,
    most: int | None = None,
    seed: int = 0,
    engine: str | None = None,
    workers: int = 0,
    progress: Progress = None,
) -> Report:
    """Return predictions beside measurements.

    Args:
        rows: measured; those marked as not eligible, or of a metric that is not scored, are counted and left out.
        by: columns of the summary, of `score.COLUMNS`.
        most: rows to draw at random; None for all.
        seed: of the draw.
        engine: ask with this engine instead of each row's own.
        workers: processes; 0 for as many as there are processors, at most 8.
        progress: called with (phase, rows done, rows in all).

    Raises:
        InputError: an unknown engine.
    """
    start = time.perf_counter()
    kept, skipped = _kept(rows)
    left: dict[str, int] = {}
    for _, why in skipped:
        left[why] = left.get(why, 0) + 1
    if most is not None and most < len(kept):
        left["not drawn"] = len(kept) - most
        kept = sample(kept, most, seed)
    runs: dict[tuple[object, ...], list[int]] = {}
    for i, row in enumerate(kept):
        runs.setdefault(row.run, []).append(i)
    # Runs of one model on one system together: what is read of them is then read once.
    order = sorted(runs.values(), key=lambda at: (kept[at[0]].system, kept[at[0]].model, at[0]))
    jobs = [([kept[i] for i in at], engine) for at in order]
    made: list[Judged | None] = [None] * len(kept)
    done = 0
    for at, judged in zip(order, _spread(jobs, workers), strict=True):
        for i, one in zip(at, judged, strict=True):
            made[i] = one
        done += len(at)
        if progress is not None:
            progress("rows", done, len(kept))
    whole = tuple(j for j in made if j is not None)
    return Report(whole, left, tuple(by), time.perf_counter() - start, tuple(skipped))


def sample(rows: Sequence[Row], most: int, seed: int) -> list[Row]:
    """Return some rows, drawn at random, in the order in which they stand."""
    chosen = set(random.Random(seed).sample(range(len(rows)), most))  # noqa: S311  a draw, not a secret
    return [r for i, r in enumerate(rows) if i in chosen]


def _kept(rows: Sequence[Row]) -> tuple[list[Row], list[tuple[Row, str]]]:
    """Return the rows to judge, and those that are left out, with the reason."""
    left, kept = [], []
    for row in rows:
        if row.metric not in SCORED:
            left.append((row, "metric is not scored"))
        elif row.eligible is False:
            left.append((row, "a condition is missing or doubtful (eligible = no)"))
        else:
            kept.append(row)
    return kept, left


Job = tuple[list[Row], str | None]


def _spread(jobs: Sequence[Job], workers: int) -> Iterator[list[Judged]]:
    """Yield what each job gives, in order, from one process or several."""
    workers = workers or min(os.cpu_count() or 1, 8)
    if workers < 2 or len(jobs) < ALONE:
        yield from map(judge, jobs)
        return
    # A fork starts at once and is safe here: no thread runs yet. Elsewhere processes start anew.
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with context.Pool(workers) as pool:
        yield from pool.imap(judge, jobs, chunksize=CHUNK)


def judge(job: Job) -> list[Judged]:
    """Return one run's rows beside their predictions.

    Args:
        job: all rows of one run, and the engine to ask with (None for the row's own).
    """
    rows, engine = job
    name = engine or engine_of(rows[0].engine, rows[0].engine_version, rows[0].serving)
    return [_judged(r, p) for r, p in zip(rows, predicted.run(rows, name), strict=True)]


def _judged(row: Row, one: Predicted) -> Judged:
    if one.why:
        return Judged(row, one, math.nan, math.nan)
    case = Case(row.load, chip_of(row.system, row.chip), one.own)
    low, high = band(figure_of(row.metric), one.evidence, case)
    return Judged(row, one, one.value * low, one.value * high)
