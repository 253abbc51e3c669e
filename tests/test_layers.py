"""Imports run one way: down the list of docs/architecture.md, without cycles, without hiding."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "wherewithal"
# Third-party libraries that cost more than 10 ms of CPU to import: only these may be put off into a function.
HEAVY = {"gguf", "narwhals", "numba", "numpy", "pandas", "platformdirs", "pydantic", "rich", "scipy", "vl_convert", "yaml"}
# Rooms whose very work it is to put off the import of the rest: the command line and the public names.
LAZY_ROOMS = {"app", "__init__"}


class Import(NamedTuple):
    """One import statement: what module, at which line, inside a function or not, how many dots."""

    module: str
    line: int
    hidden: bool
    level: int


def modules() -> dict[str, Path]:
    """Return every module of the package by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def statements(tree: ast.AST, hidden: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, hidden
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from statements(node, hidden or inside)


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Return the imports of a file; `from package import module` counts as that module."""
    known, found = modules(), []
    for node, hidden in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [Import(a.name, node.lineno, hidden, 0) for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full != "wherewithal.__version__":
                    name = full if full in known else node.module or ""
                    found.append(Import(name, node.lineno, hidden, node.level))
    return tuple(found)


def lines_of_rooms() -> list[tuple[str, ...]]:
    """Return the rooms, top first, from the list that people read."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = next(b for b in re.findall(r"```\n(.*?)```", text, re.DOTALL) if re.search(r"^app\s{2,}", b, re.MULTILINE))
    return [tuple(re.split(r"\s{2,}", line)[0].split()) for line in listed.splitlines() if line.strip()]


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


RANK = {name: i for i, names in enumerate(lines_of_rooms()) for name in names}
# Above everything: the public names, and `python -m wherewithal`.
RANK |= {"__init__": -1, "__main__": -2}
OWN = modules()


def place(module: str, found: Import) -> str:
    return f"{OWN[module].relative_to(ROOT)}:{found.line}"


def own_imports() -> Iterator[tuple[str, Import]]:
    for module, path in OWN.items():
        for found in imports(path):
            if found.module.split(".")[0] == "wherewithal":
                yield module, found


def test_every_room_is_in_the_list() -> None:
    assert len(RANK) > 10
    unknown = sorted({room(m) for m in OWN} - set(RANK))
    assert not unknown, f"not in the list of docs/architecture.md: {unknown}"


def test_imports_run_down() -> None:
    wrong = []
    for module, found in own_imports():
        here, there = room(module), room(found.module)
        if here == there or here == "__init__":
            continue
        same_line = RANK[here] == RANK[there] and there != "errors"
        if RANK[here] > RANK[there] or same_line:
            wrong.append(f"{place(module, found)}: {here} must not import {there} ({found.module})")
    assert not wrong, "\n".join(wrong)


def test_no_relative_imports() -> None:
    wrong = [f"{place(m, i)}" for m, path in OWN.items() for i in imports(path) if i.level]
    assert not wrong, wrong


def test_no_cycles() -> None:
    graph = {m: {i.module for i in imports(p) if i.module in OWN and i.module != m} for m, p in OWN.items()}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for other in sorted(graph[module]):
            if ring := walk(other, (*trail, module)):
                return ring
        done.add(module)
        return []

    for module in graph:
        ring = walk(module, ())
        assert not ring, " -> ".join(ring)


def test_no_import_hides_in_a_function() -> None:
    wrong = []
    for module, path in OWN.items():
        for found in imports(path):
            top = found.module.split(".")[0]
            if not found.hidden or top in HEAVY or top in sys.stdlib_module_names:
                continue
            if top != "wherewithal" or room(module) not in LAZY_ROOMS:
                wrong.append(f"{place(module, found)}: {found.module}")
    assert not wrong, "\n".join(wrong)


def test_no_print_outside_app() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for module, path in OWN.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        if room(module) != "app"
    ]
    assert not calls, calls


def test_dependencies_are_those_imported() -> None:
    """What pyproject.toml promises to install is what the code imports: nothing is missing, nothing is idle."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = re.compile(r"[A-Za-z0-9_-]+")
    declared = {name.match(d)[0].lower() for d in project["dependencies"]}  # type: ignore[index]
    extras = {name.match(d)[0].lower() for ds in project["optional-dependencies"].values() for d in ds}  # type: ignore[index]
    used = {i.module.split(".")[0] for path in OWN.values() for i in imports(path) if not i.level}
    bring = {"yaml": "pyyaml", "pydantic_core": "pydantic", "vl_convert": "vl-convert-python"}
    used = {bring.get(u, u) for u in used - set(sys.stdlib_module_names) - {"wherewithal", ""}}
    assert used - declared - extras == set(), "imported, not declared"
    assert declared - used == set(), "declared, imported nowhere"


@pytest.mark.parametrize(
    "text", ["from . import x", "def f():\n    from wherewithal.ask import plan", "import wherewithal.app"]
)
def test_the_reader_sees(text: str) -> None:
    """The helpers above would miss nothing of these."""
    nodes = list(statements(ast.parse(text)))
    assert len(nodes) == 1
    assert nodes[0][1] == text.startswith("def")
