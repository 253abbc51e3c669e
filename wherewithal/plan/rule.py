"""Rules over layouts, written in data as one line of arithmetic: read safely, applied to whole columns at once."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wherewithal.errors import InputError

_BINARY: dict[type[ast.operator], Any] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: lambda a, b: np.remainder(a, np.asarray(b, dtype=float)),  # of whole numbers by 0 it would be 0, not NaN
}
_COMPARE: dict[type[ast.cmpop], Any] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_LONGEST = 200


def read(text: str, names: frozenset[str], where: str) -> ast.expr:
    """Return the parsed rule.

    Args:
        text: comparisons of sums, products, whole divisions and remainders of names and whole numbers,
            joined by `and`, `or`, `not`; `a in (x, y)` reads "a equals x or y".
        names: words that the rule may use.
        where: place of the rule, for the error.

    Raises:
        InputError: the rule says anything else.
    """
    fix = "write comparisons of " + ", ".join(sorted(names)) + " and whole numbers"
    try:
        tree = ast.parse(text, mode="eval").body if len(text) <= _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None:
        raise InputError(where, f"{text[:60]!r} is not a rule", fix)
    bad = next((part for part in ast.walk(tree) if not _known(part, names)), None)
    if bad is not None or not isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp):
        shown = ast.unparse(bad)[:40] if isinstance(bad, ast.expr) else text[:60]
        raise InputError(where, f"{shown!r} cannot stand in a rule", fix)
    return tree


def _known(part: ast.AST, names: frozenset[str]) -> bool:
    """Return whether one part of a rule is of the small language."""
    if isinstance(part, ast.Name):
        return part.id in names
    if isinstance(part, ast.Constant):
        return type(part.value) is int and 0 <= part.value < 10**9
    allowed = (ast.BoolOp, ast.And, ast.Or, ast.Not, ast.Compare, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.In, ast.Load)
    if isinstance(part, ast.UnaryOp):
        return isinstance(part.op, ast.Not)
    return isinstance(part, (*allowed, *_BINARY, *_COMPARE))


def holds(tree: ast.expr, columns: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Return where a rule holds; columns are numbers or arrays that broadcast. A remainder by 0 does not hold."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(_value(tree, columns), dtype=bool)


def _value(tree: ast.expr, columns: Mapping[str, Any]) -> Any:
    if isinstance(tree, ast.Name):
        return columns[tree.id]
    if isinstance(tree, ast.Constant):
        return tree.value
    if isinstance(tree, ast.BinOp):
        return _BINARY[type(tree.op)](_value(tree.left, columns), _value(tree.right, columns))
    if isinstance(tree, ast.UnaryOp):
        return np.logical_not(_value(tree.operand, columns))
    if isinstance(tree, ast.BoolOp):
        join = np.logical_and if isinstance(tree.op, ast.And) else np.logical_or
        result = _value(tree.values[0], columns)
        for part in tree.values[1:]:
            result = join(result, _value(part, columns))
        return result
    if isinstance(tree, ast.Compare):
        return _compare(tree, columns)
    raise TypeError(f"{ast.dump(tree)} came past `read`")


def _compare(tree: ast.Compare, columns: Mapping[str, Any]) -> Any:
    left = _value(tree.left, columns)
    result: Any = True
    for how, part in zip(tree.ops, tree.comparators, strict=True):
        if isinstance(how, ast.In):
            items = part.elts if isinstance(part, ast.Tuple) else [part]
            here: Any = False
            for item in items:
                here = np.logical_or(here, np.equal(left, _value(item, columns)))
            right = left
        else:
            right = _value(part, columns)
            here = _COMPARE[type(how)](left, right)
        result = np.logical_and(result, here)
        left = right
    return result
