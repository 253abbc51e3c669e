"""Checks of the tables of scores: ranges, ends about the value, and records that must rise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from wherewithal.catalog import load, national
from wherewithal.catalog.national import Row
from wherewithal.errors import InputError, Problem

FILES = {name: f"{national.FOLDER}/{name}" for name in ("frontier", "indices", "adoption", "quality")}
_MEND = "compare it with its source"


def problems(dirs: load.Dirs = ()) -> Iterator[tuple[str, Problem]]:
    """Yield (file, problem) for every figure of the tables of scores that cannot be right.

    A slip of a factor of ten leaves the range of its scale, or breaks the rise of the records about it.

    Args:
        dirs: the user's folders, searched first.
    """
    try:
        scales = {r.get("name"): r for r in national.rows("indices", dirs)}
        scores = national.rows("frontier", dirs)
        shares = national.rows("adoption", dirs)
        rated = national.rows("quality", dirs)
    except InputError as error:
        yield error.where, Problem("", error.what, error.fix)
        return
    for name, rows in (("frontier", scores), ("adoption", shares), ("quality", rated)):
        for at, row in enumerate(rows, 2):
            found = _ends(row)
            if name == "frontier" and row.get("scale"):
                found = found or _range(row, scales.get(row.get("scale")))
            elif name == "quality":
                found = found or (_range(row, scales.get("aa-v4.1")) if row.get("index") else "no index")
            elif name == "adoption" and row.unit == "share" and row.value is not None and not 0 <= row.value <= 1:
                found = found or f"a share of {row.value:g}"
            if found:
                yield FILES[name], Problem(f"row {at}", found, _MEND)
    for at, what in _falls(scores, {n for n, r in scales.items() if r.get("kind") == "boards"}):
        yield FILES["frontier"], Problem(f"row {at}", what, _MEND)


def _ends(row: Row) -> str:
    """Return what is wrong with the ends of an interval; empty where nothing is."""
    if row.value is None:
        return ""
    if row.low is not None and row.low > row.value:
        return f"low {row.low:g} is above the value {row.value:g}"
    if row.high is not None and row.high < row.value:
        return f"high {row.high:g} is below the value {row.value:g}"
    return ""


def _range(row: Row, scale: Row | None) -> str:
    """Return what is wrong with where a score lies; empty where nothing is."""
    if scale is None:
        return f"no scale {row.get('scale')[:40]!r} in {FILES['indices']}"
    least, most = float(scale.get("least")), float(scale.get("most"))
    if row.value is not None and not least <= row.value <= most:
        return f"{row.value:g} lies outside {least:g} to {most:g} of {scale.get('name')}"
    return ""


def _falls(rows: Sequence[Row], boards: set[str]) -> Iterator[tuple[int, str]]:
    """Yield (row, what) where a list of records does not rise, or falls short of the open models of its country."""
    lists: dict[tuple[str, str, str], list[tuple[str, float, int]]] = {}
    for at, row in enumerate(rows, 2):
        if row.get("scale") and row.get("scale") not in boards and row.get("scope") and row.value is not None:
            key = (row.get("scale"), row.get("country"), row.get("scope"))
            lists.setdefault(key, []).append((row.get("date"), row.value, at))
    for (scale, country, scope), found in lists.items():
        found.sort()
        for (_, before, _), (_, value, at) in pairwise(found):
            if value < before:
                yield at, f"{value:g} is no record of {country} on {scale}: {before:g} came before"
        for day, value, at in found if scope == "any" else ():
            held = [v for d, v, _ in lists.get((scale, country, "open"), ()) if d < day]
            if held and value < max(held):
                yield at, f"{value:g} is no record of {country} on {scale}: an open model had {max(held):g}"
