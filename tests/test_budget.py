"""Smallness and plainness are budgeted: lines, arguments, docstrings, and no product's name in code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "wherewithal"
DATA = PACKAGE / "catalog" / "data"
FILES = sorted(p for folder in ("wherewithal", "bench", "tools") for p in (ROOT / folder).rglob("*.py"))
PRODUCT_CODE = sorted(PACKAGE.rglob("*.py"))
FUNCTION_LINES, FILE_LINES, ARGUMENTS = 80, 500, 8

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Words of code that happen to be a catalog name too: (file, word) with the reason. Keep it tiny.
ALLOWED_NAMES: dict[tuple[str, str], str] = {}
# A catalog name of one to three characters (`m1`, `l2`, `ppu`) is also an ordinary word or symbol.
SHORTEST_NAME = 4
# Kinds of block (their papers' names), which code does name, and which some model is called after.
KINDS = {"mamba", "rwkv"}
# Ordinary words that are also the first part of some catalog name.
ORDINARY = {
    "any", "apple", "arc", "atom", "chat", "codes", "command", "core", "generic", "gpu", "local", "mini", "open",
    "phi", "pixel", "sea", "seed", "solar", "star", "step", "this", "tulu", "wse", "yi", "cpu", "falcon",
}  # fmt: skip


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[Function]:
    yield from (n for n in ast.walk(parsed(path)) if isinstance(n, Function))


def show(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def body_lines(node: Function) -> int:
    """Lines of a function without its docstring."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        doc = node.body[0]
        length -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return length


def test_there_is_code_to_judge() -> None:
    assert len(PRODUCT_CODE) > 15


def test_functions_are_short() -> None:
    wrong = [
        f"{show(p, f)} {f.name}: {body_lines(f)}" for p in FILES for f in functions(p) if body_lines(f) > FUNCTION_LINES
    ]
    assert not wrong, "\n".join(wrong)


def test_files_are_short() -> None:
    counts = {p: p.read_text(encoding="utf-8").count("\n") for p in FILES}
    wrong = [f"{p.relative_to(ROOT)}: {n}" for p, n in counts.items() if n > FILE_LINES]
    assert not wrong, "\n".join(wrong)


def test_few_arguments() -> None:
    """Outside the command line, whose functions take one argument per option."""
    wrong = []
    for path in FILES:
        for f in functions(path):
            a = f.args
            count = len([x for x in (*a.posonlyargs, *a.args, *a.kwonlyargs) if x.arg not in ("self", "cls")])
            if count > ARGUMENTS:
                wrong.append(f"{show(path, f)} {f.name}: {count}")
    assert not wrong, "\n".join(wrong)


def public(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the public functions and classes, methods included; a protocol's bare `...` members say all by their types."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            bare = isinstance(node, Function) and ast.unparse(node.body[-1]) == "..."
            if not node.name.startswith("_") and not bare:
                yield node
                if isinstance(node, ast.ClassDef):
                    yield from public(node)
        else:
            yield from public(node)


def test_public_things_have_docstrings() -> None:
    wrong = [
        f"{show(path, node)} {node.name}"  # type: ignore[attr-defined]
        for path in PRODUCT_CODE
        for node in public(parsed(path))
        if ast.get_docstring(node) is None  # type: ignore[arg-type]
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_swallowed_or_left_open() -> None:
    """An empty handler says on its first line why nothing is to be done; product code checks by raising, not by assert."""
    wrong = []
    for path in PRODUCT_CODE:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(parsed(path)):
            empty = isinstance(node, ast.ExceptHandler) and all(
                isinstance(b, ast.Pass | ast.Continue) for b in node.body
            )
            if (empty and "  # " not in lines[node.lineno - 1]) or isinstance(node, ast.Assert):
                wrong.append(show(path, node))
        for i, line in enumerate(lines, 1):
            if re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", line):
                wrong.append(f"{path.relative_to(ROOT)}:{i}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


def catalog_names() -> set[str]:
    """Every name of a chip, system, model or engine that the catalog holds, and the first word of each."""
    names = {p.stem for kind in ("chips", "systems", "models", "engines") for p in (DATA / kind).glob("*.*")}
    # `deepseek-v3` also forbids `deepseek`, `qwen2.5-7b` also `qwen`.
    families = {m[0] for n in names if (m := re.match(r"[a-z]{4,}", n))}
    return {n for n in names | families if len(n) >= SHORTEST_NAME} - ORDINARY - KINDS


def words_of_code(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the string literals of a file that are not docstrings, and the names that it defines."""
    tree = parsed(path)
    holders = [n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | Function)]
    docs = {id(n.body[0].value) for n in holders if n.body and isinstance(n.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, example_free(node.value) if "app" in path.parts else node.value
        elif isinstance(node, Function | ast.ClassDef):
            yield node.lineno, node.name.replace("_", "-")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id.replace("_", "-")


def example_free(text: str) -> str:
    """Return a text without its example commands: every `--help` shows one that runs, and that names a product."""
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("wherewithal "))


def products_in(text: str, names: set[str]) -> list[str]:
    found = re.findall(r"[a-z][a-z0-9.]*(?:-[a-z0-9.]+)*", text.lower())
    pieces = {p for f in found for p in (f, *f.split("-"), *re.findall(r"^[a-z]+", f))}
    return sorted(pieces & names)


def test_code_names_no_product() -> None:
    names = catalog_names()
    if len(names) < 100:
        pytest.skip("the catalog's data is not there")
    wrong = []
    for path in PRODUCT_CODE:
        where = str(path.relative_to(PACKAGE))
        for line, text in words_of_code(path):
            wrong += [
                f"{path.relative_to(ROOT)}:{line}: {w}"
                for w in products_in(text, names)
                if (where, w) not in ALLOWED_NAMES
            ]
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_a_product_would_be_seen() -> None:
    names = {"h20-8", "deepseek-v3", "deepseek", "qwen"}
    assert products_in("if model == 'DeepSeek-V3':", names)
    assert products_in("qwen3_moe", names)
    assert not products_in("a rank within the group", names)
