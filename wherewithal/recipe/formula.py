"""Values and conditions of recipe files: one line of arithmetic over named facts, read safely."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

from wherewithal.errors import InputError

Value = int | float | str | bool
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Div: lambda a, b: a / b,
    ast.Mod: lambda a, b: a % b,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_CALLS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "ceil": math.ceil,
    "floor": math.floor,
    "str": str,
    "len": len,
}
_LONGEST = 300


def value(text: str, facts: Mapping[str, Value], where: str) -> Any:
    """Return what a formula comes to.

    Args:
        text: arithmetic, comparisons, `and`, `or`, `not`, `a if c else b`, min, max, ceil, floor, str, len, over facts,
            numbers and words in quotes.
        facts: name to value.
        where: place of the formula, for the error.

    Raises:
        InputError: it says anything else, names a fact that is not there, or cannot be computed.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body if len(text) <= _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None:
        raise InputError(where, f"{text[:60]!r} is not a formula", "arithmetic over " + ", ".join(sorted(facts)[:8]))
    try:
        return _value(tree, facts)
    except KeyError as error:
        known = ", ".join(sorted(facts))
        raise InputError(where, f"no fact {str(error.args[0])[:40]!r} in {text[:60]!r}", f"facts are {known}") from None
    except (ZeroDivisionError, TypeError, ValueError, OverflowError) as error:
        raise InputError(where, f"{text[:60]!r} cannot be computed ({error})", "check the file") from None


def true(text: str, facts: Mapping[str, Value], where: str) -> bool:
    """Return whether a condition holds; an empty one does."""
    return not text or bool(value(text, facts, where))


def _value(tree: ast.expr, facts: Mapping[str, Value]) -> Any:
    if isinstance(tree, ast.Name):
        return facts[tree.id]
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float | str):
        return tree.value
    if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
        return _BINARY[type(tree.op)](_value(tree.left, facts), _value(tree.right, facts))
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        return not _value(tree.operand, facts)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return -_value(tree.operand, facts)
    if isinstance(tree, ast.BoolOp):
        parts = (bool(_value(part, facts)) for part in tree.values)
        return all(parts) if isinstance(tree.op, ast.And) else any(parts)
    if isinstance(tree, ast.IfExp):
        return _value(tree.body if _value(tree.test, facts) else tree.orelse, facts)
    if isinstance(tree, ast.Tuple):
        return tuple(_value(part, facts) for part in tree.elts)
    if isinstance(tree, ast.Compare):
        return _compared(tree, facts)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in _CALLS and not tree.keywords:
        return _CALLS[tree.func.id](*(_value(part, facts) for part in tree.args))
    raise ValueError(f"{ast.unparse(tree)[:40]!r} cannot stand in a formula")


def _compared(tree: ast.Compare, facts: Mapping[str, Value]) -> bool:
    left = _value(tree.left, facts)
    for how, part in zip(tree.ops, tree.comparators, strict=True):
        if type(how) not in _COMPARE:
            raise ValueError(f"{type(how).__name__} cannot stand in a formula")
        right = _value(part, facts)
        if not _COMPARE[type(how)](left, right):
            return False
        left = right
    return True
