"""Which fields of an answer are prose, by their names; all others are names, figures or commands and stay."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

# Wherever one of these keys holds a string, or a list of strings, a person reads it.
PROSE = frozenset(
    [
        "banner",
        "bound",
        "change",
        "claim",
        "fix",
        "note",
        "notes",
        "price_basis",
        "reason",
        "result",
        "statement",
        "text",
        "title",
        "verdict",
        "weak_figures",
        "what",
        "why",
    ]
)
# Keys that are prose only below another: a default's name and value, what bounds each pool.
BELOW = {"assumptions": ("name", "value"), "bound": ("prefill", "decode", "all")}


def is_prose(key: str, parent: str) -> bool:
    """Return whether a field's string is read by a person as a sentence."""
    return key in PROSE or key in BELOW.get(parent, ())


def walk(node: Any, say: Callable[[str], str], key: str = "", parent: str = "") -> Any:
    """Return a document with `say` applied to every string that is prose."""
    if isinstance(node, dict):
        return {k: walk(v, say, str(k), key) for k, v in node.items()}
    if isinstance(node, Collection) and not isinstance(node, str):
        return [walk(v, say, key, parent) for v in node]
    return say(node) if isinstance(node, str) and is_prose(key, parent) else node
