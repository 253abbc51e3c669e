"""Every argument against the engine's own list: it is there, not gone, and its value is of the right kind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wherewithal.catalog.recipe_record import Argument
from wherewithal.errors import InputError

KINDS = ("int", "float", "bool", "choice", "json", "str")


def table(lists: Iterable[tuple[Argument, ...]], group: str = "") -> dict[str, Argument]:
    """Return every spelling to its argument; those that are there hide those of the same name that are gone.

    Args:
        lists: argument lists, first first.
        group: group that counts, where a list holds several commands; empty for all.
    """
    found: dict[str, Argument] = {}
    for rows in lists:
        for row in sorted(rows, key=lambda r: bool(r.gone_in)):
            if group and not row.gone_in and row.group not in ("", group):
                continue
            for name in (row.flag, *row.aliases):
                found.setdefault(name, row)
    return found


def problem(flag: str, value: str | None, known: Mapping[str, Argument], *, open_value: bool = False) -> str | None:
    """Return what is wrong with an argument, or None.

    Args:
        flag: its name as written.
        value: its value as written, None where it has none.
        known: as `table` returns it.
        open_value: whether the value is put together at launch, so that only its being there can be checked.
    """
    row = known.get(flag)
    if row is None:
        return f"{flag} is no argument of this version"
    if row.gone_in:
        return f"{flag} is gone in {row.gone_in} (last seen in {row.version})"
    if row.kind == "bool":
        return None if value is None or value in ("true", "false", "on", "off") else f"{flag} takes no value"
    if value is None:
        return f"{flag} needs a value"
    if open_value:
        return None
    if row.choices and value not in row.choices:
        return f"{flag} {value}: not one of {', '.join(row.choices)}"
    return _of_kind(flag, value, row.kind) or _keys(flag, value, row.kind, known)


def _of_kind(flag: str, value: str, kind: str) -> str | None:
    try:
        if kind == "int":
            int(value)
        elif kind == "float":
            float(value)
        elif kind == "json":
            json.loads(value)
    except ValueError:
        return f"{flag} {value}: not {kind}"
    return None


def _keys(flag: str, value: str, kind: str, known: Mapping[str, Argument]) -> str | None:
    """Return which key of a JSON value the engine's list does not have, where it lists the keys of that argument."""
    lead = flag.lstrip("-").replace("-", "_") + "."
    if kind != "json" or not any(name.startswith(lead) for name in known):
        return None
    missing = [path for path in _paths(json.loads(value), lead) if path not in known]
    return f"{flag}: no key {missing[0]}" if missing else None


def _paths(tree: Any, lead: str) -> Iterator[str]:
    for key, one in tree.items() if isinstance(tree, dict) else ():
        if isinstance(one, dict):
            yield from _paths(one, f"{lead}{key}.")
        else:
            yield f"{lead}{key}"


def refuse(problems: Iterable[str], title: str) -> None:
    """Raise for the first problem, with how many more there are.

    Raises:
        InputError: there is one.
    """
    found = list(problems)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise InputError(f"recipe for {title}", found[0] + more, "the recipe file and the argument list disagree")
