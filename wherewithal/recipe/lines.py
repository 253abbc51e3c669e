"""A pool of a plan as the arguments, variables and configuration of the server that it is launched as."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wherewithal.catalog.recipe_record import Argument, Ask, FlagRow, Named, RecipeRecord, Remark
from wherewithal.recipe import check
from wherewithal.recipe.formula import Value, true, value

_BRACES = re.compile(r"(?<!\$)\{([^{}]+)\}")


@dataclass(frozen=True)
class Line:
    """One argument: its value (None where it has none), why it stands there, and when it is said.

    `at_launch`: the value holds shell variables and is put together then. `only`: `first` or `others` of the nodes.
    """

    flag: str
    value: str | None
    why: str
    at_launch: bool = False
    only: str = ""


@dataclass(frozen=True)
class Server:
    """One pool as it is launched.

    Attributes:
        role, index: of the pool in the plan.
        facts: what recipe files are written over.
        lines: arguments.
        exports: environment variables: (name, value, why).
        asks: variables that the launching person sets.
        config: entries of the engine's configuration file: (dotted key, value, why).
        cannot: what the engine cannot express, in words.
    """

    role: str
    index: int
    facts: Mapping[str, Value]
    lines: tuple[Line, ...]
    exports: tuple[tuple[str, str, str], ...] = ()
    asks: tuple[Ask, ...] = ()
    config: tuple[tuple[str, Any, str], ...] = ()
    cannot: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def number(self, name: str) -> int:
        """Return a fact that is a whole number."""
        return int(self.facts[name])


@dataclass
class _Writer:
    """Reads the rows of a recipe file against the facts of one pool."""

    book: RecipeRecord
    facts: dict[str, Value]
    cannot: list[str] = field(default_factory=list)

    def holds(self, row: Named, at: str) -> bool:
        return true(row.when, self.facts, f"recipes/{self.book.engine}.toml {at}")

    def worth(self, text: str, at: str) -> Any:
        return value(text, self.facts, f"recipes/{self.book.engine}.toml {at}")

    def filled(self, text: str, at: str) -> str:
        """Return a text with the formulas in its braces computed."""
        return _BRACES.sub(lambda m: plain(self.worth(m[1], at)), text)

    def why(self, row: Named) -> str:
        source = re.sub(r"\bpool\.", f"pools[{self.facts['index']}].", row.source)
        return "; ".join(filter(None, (source, self.filled(row.note, "note"))))

    def lines(self, rows: Iterable[FlagRow]) -> Iterator[Line]:
        for row in rows:
            if self.holds(row, row.name):
                yield self.line(row)

    def line(self, row: FlagRow) -> Line:
        if row.shell:
            return Line(row.name, self.filled(row.shell, row.name), self.why(row), at_launch=True, only=row.only)
        if row.json_of:
            made = nested((key, self.worth(formula, row.name)) for key, formula in row.json_of.items())
            return Line(row.name, json.dumps(made), self.why(row), only=row.only)
        text = plain(self.worth(row.value, row.name)) if row.value else None
        return Line(row.name, text, self.why(row), only=row.only)

    def said(self, rows: Iterable[Remark], at: str) -> tuple[str, ...]:
        return tuple(self.filled(row.say, at) for row in rows if self.holds(row, at))


def nested(entries: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return dotted keys with their values as tables within tables."""
    tree: dict[str, Any] = {}
    for key, one in entries:
        at = tree
        *path, last = key.split(".")
        for part in path:
            at = at.setdefault(part, {})
        at[last] = one
    return tree


def plain(found: Any) -> str:
    """Return a value as it is written: whole numbers without a point, no exponent."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float):
        return str(int(found)) if found == int(found) else f"{found:.6f}".rstrip("0").rstrip(".")
    return str(found)


def worded(book: RecipeRecord, facts: Mapping[str, Value]) -> tuple[dict[str, Value], list[str]]:
    """Return the facts with the engine's own words for formats (`kv_word`, ...), and which format has none."""
    out, missing = dict(facts), []
    for part, table in book.words.items():
        wanted = str(facts[part])
        out[f"{part}_word"] = table.get(wanted, "")
        if wanted not in table:
            known = ", ".join(table)
            missing.append(f"{part} in {wanted}: no value of its arguments says that (known: {known})")
    return out, missing


def server(book: RecipeRecord, facts: Mapping[str, Value]) -> Server:
    """Return one pool as it is launched.

    Args:
        book: how the engine is launched.
        facts: of the pool.

    Raises:
        InputError: a formula of the recipe file is wrong.
    """
    all_facts, missing = worded(book, facts)
    w = _Writer(book, all_facts)
    return Server(
        role=str(facts["role"]),
        index=int(facts["index"]),
        facts=all_facts,
        lines=tuple(w.lines(book.flag)),
        exports=tuple((r.name, plain(w.worth(r.value, r.name)), w.why(r)) for r in book.export if w.holds(r, r.name)),
        asks=tuple(r for r in book.ask if w.holds(r, r.name)),
        config=tuple((r.key, w.worth(r.value, r.key), w.why(r)) for r in book.config if w.holds(r, r.key)),
        cannot=(*missing, *w.said(book.cannot, "cannot")),
        remarks=w.said(book.remark, "remark"),
        refused=w.said(book.refuse, "refuse"),
    )


def written(book: RecipeRecord, made: Server, rows: Iterable[FlagRow]) -> Iterator[Line]:
    """Yield further rows as arguments of a server."""
    yield from _Writer(book, dict(made.facts)).lines(rows)


def problems(made: Server, known: Mapping[str, Argument]) -> Iterator[str]:
    """Yield what is wrong with a server's arguments and configuration, by the engine's own list."""
    for line in made.lines:
        found = check.problem(line.flag, line.value, known, open_value=line.at_launch)
        if found:
            yield found
    for key, _, _ in made.config:
        top = key.partition(".")[0]
        if top not in known:
            yield f"{top} is no key of the configuration file"


def layout(book: RecipeRecord, words: Mapping[str, str | None]) -> dict[str, int]:
    """Return the layout that arguments stand for: the way back from a recipe.

    Args:
        book: how the engine is launched.
        words: argument to value, None where it has none.
    """
    given = {name.lstrip("-").replace("-", "_"): _number(text) for name, text in words.items()}
    facts = {**{k: _number(str(v)) for k, v in book.defaults.items()}, **given}
    return {
        axis: int(value(text, facts, f"recipes/{book.engine}.toml reads.{axis}")) for axis, text in book.reads.items()
    }


def _number(text: str | None) -> Value:
    if text is None:
        return 1
    return int(text) if text.lstrip("-").isdigit() else text
