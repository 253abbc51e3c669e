"""Measurements that somebody adds: checked for provenance, units, physics and duplicates, then kept as a plain file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from wherewithal.catalog import load as catalog
from wherewithal.catalog.add import write_whole
from wherewithal.errors import FileProblems, InputError, Problem, WherewithalError
from wherewithal.machine.load import system
from wherewithal.machine.system import System
from wherewithal.measure import predicted
from wherewithal.measure.asked import engine_of
from wherewithal.measure.rows import ENDINGS, SCORED, Row, own, read
from wherewithal.model.load import load_model
from wherewithal.model.model import Model

FOLDER = "measured"
# A weight takes at least so many bits in any format that engines serve, so no step can read less.
FEWEST_BITS = 1.5
# Nearer than this to a figure of the same run, it is that figure again.
SAME = 0.002
# Units of a metric, with what a slip of a thousand (ms for s) would make of an ordinary figure.
ORDINARY: Mapping[str, tuple[float, float]] = {
    "ttft_s": (1e-4, 3600.0),
    "tpot_s": (1e-5, 30.0),
    "e2e_s": (1e-4, 86_400.0),
    "power_w": (1.0, 1e8),
    "joules_per_output_token": (1e-6, 1e5),
}
# A figure this many times off its prediction has another unit, or another model or chip than it says.
SLIP = 100.0
# Rows that are predicted to find slips.
PREDICTED = 500
_DAY = re.compile(r"20\d\d-[01]\d-[0-3]\d")


def check(rows: Sequence[Row], known: Sequence[Row], dirs: catalog.Dirs = ()) -> list[Problem]:
    """Return what keeps rows from being added, each with the id of its row.

    Args:
        rows: of the file.
        known: rows that the catalog has.
        dirs: folders of the user's own, searched first.
    """
    there: dict[tuple[object, ...], list[Row]] = {}
    for row in known:
        there.setdefault((*row.run[1:], row.metric, row.statistic), []).append(row)
    found: list[Problem] = []
    for row in rows:
        found += [Problem(f"id {row.id}, column {p.path}", p.what, p.fix) for p in _row(row, dirs)]
        again = there.get((*row.run[1:], row.metric, row.statistic), ())
        twin = next((r for r in again if abs(math.log(r.value / row.value)) < SAME), None)
        if twin is not None:
            where = twin.source or "another file"
            found.append(Problem(f"id {row.id}", f"is {twin.id} of {where} again", "leave it out"))
        there.setdefault((*row.run[1:], row.metric, row.statistic), []).append(row)
    return found


def _row(row: Row, dirs: catalog.Dirs) -> Iterator[Problem]:
    """Yield what is wrong with one row by itself."""
    if not row.source.strip():
        yield Problem("source", "empty", "who measured it: a name by which others find it again")
    if not _DAY.fullmatch(row.date):
        yield Problem("date", f"{row.date[:20]!r}", "the day of the measurement as YYYY-MM-DD")
    if not row.notes.strip():
        yield Problem("notes", "empty", "how it was measured: tool, command, where the raw file lies")
    if any(mark in row.model for mark in ("/", "\\", ".gguf")):
        yield Problem("model", f"{row.model[:60]!r} is a path of one machine", "the model's name in the catalog")
        return
    if row.metric not in SCORED:
        yield Problem("metric", f"{row.metric[:40]!r} is not scored", f"one of {', '.join(SCORED)}")
    if not row.engine:
        yield Problem("engine", "empty", "what served it, with its version in engine_version")
    low, high = ORDINARY.get(row.metric, (0.0, math.inf))
    if not low <= row.value <= high:
        yield Problem("value", f"{row.value:g} {row.metric}", f"SI base units: between {low:g} and {high:g}")
    try:
        built, model = _system(row.chip or row.system, int(row.chips), tuple(dirs)), _model(row.model, tuple(dirs))
    except WherewithalError as error:
        yield Problem("model, system", str(error), "names that the catalog knows: wherewithal catalog list")
        return
    yield from _physics(row, built, model)


@cache
def _system(name: str, chips: int, dirs: tuple[Path, ...]) -> System:
    return system(name, chips, dirs=dirs)


@cache
def _model(name: str, dirs: tuple[Path, ...]) -> Model:
    return load_model(name, dirs)[0]


def _physics(row: Row, built: System, model: Model) -> Iterator[Problem]:
    """Yield what the chips cannot have done: weights read faster than memory, work done faster than the peak."""
    chips, chip = row.chips, built.chip
    if row.metric == "tpot_s":
        each = row.accepted_tokens_per_step or 1.0
        least = model.active_parameters * FEWEST_BITS / 8 / (chips * chip.bandwidth_bytes_per_s * each)
        if row.value < least:
            what = (
                f"{row.value:.3g} s; reading {model.active_parameters:.3g} active weights takes at least {least:.3g} s"
            )
            yield Problem("value", what, "seconds, or state accepted_tokens_per_step")
    peak = max(chip.peaks.values(), default=0.0) * chips
    tokens = {
        "output_tokens_per_s": row.value, "total_tokens_per_s": row.value,
        "output_tokens_per_s_per_chip": row.value * chips, "input_tokens_per_s_per_chip": row.value * chips,
    }.get(row.metric)  # fmt: skip
    if tokens and peak and not row.cached_input_tokens and tokens * 2.0 * model.active_parameters > peak:
        what = f"{tokens:.3g} tokens/s are {tokens * 2 * model.active_parameters:.3g} FLOP/s, the chips' peak is {peak:.3g}"
        yield Problem("value", what, "tokens per second of all chips, or per chip as the metric says")


def _slips(rows: Sequence[Row]) -> Iterator[Problem]:
    """Yield rows so far from their prediction that a unit is the likely reason; what cannot be predicted is let pass."""
    runs: dict[tuple[object, ...], list[Row]] = {}
    for row in rows[:PREDICTED]:
        runs.setdefault(row.run, []).append(row)
    for part in runs.values():
        for row, one in zip(part, predicted.run(part, engine_of(part[0].engine, part[0].engine_version)), strict=True):
            if not one.why and abs(math.log(row.value / one.value)) > math.log(SLIP):
                what = f"{row.value:g} {row.metric}, {row.value / one.value:.3g} times what is predicted"
                yield Problem(
                    f"id {row.id}, column value", what, "SI base units (s, not ms), the right chips and model"
                )


def add(file: Path, folder: Path | None = None, force: bool = False, dirs: catalog.Dirs = ()) -> tuple[Path, int]:
    """Check a measurement file and copy it into a catalog folder; return where it lies now, and its rows.

    Args:
        file: `.csv` or `.csv.gz` in the contract's columns.
        folder: catalog folder; None for the user's own.
        force: whether a file of that name may be replaced.
        dirs: other catalog folders.

    Raises:
        InputError: it cannot be read or written, holds no row, or exists.
        FileProblems: all that is wrong in it.
    """
    if not file.name.endswith(ENDINGS):
        raise InputError(file.name, "is no measurement file", f"a name that ends in {' or '.join(ENDINGS)}")
    folder = folder or catalog.user_folder()
    target = folder / FOLDER / file.name
    if target.exists() and not force:
        raise InputError(str(target), "exists", "--force replaces it")
    rows = read(file)
    if not rows:
        raise InputError(file.name, "holds no row", "one figure a row below the header")
    searched = [*dirs, *([folder] if folder.is_dir() else [])]
    known = _without(target, searched) if force and target.exists() else own(searched)
    problems = check(rows, known, searched) or list(_slips(rows))
    if problems:
        raise FileProblems(file.name, problems)
    write_whole(target, file.read_bytes(), force)
    return target, len(rows)


def _without(target: Path, dirs: catalog.Dirs) -> list[Row]:
    """Return the catalog's rows without those of the file that is to be replaced."""
    ids = {(r.id, r.source, r.value) for r in read(target)}
    return [r for r in own(dirs) if (r.id, r.source, r.value) not in ids]
