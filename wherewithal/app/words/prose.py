"""Which fields of an answer are prose, by their names; all others are names, figures or commands and stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Wherever one of these keys holds a string, or a list of strings, a person reads it.
PROSE = frozenset(
    (
        "banner bound caveat change comment description detail differs because fix gloss judgement label_long "
        "limit limits meaning note notes problem reason reasons remark result said statement summary text title "
        "verdict warning warnings what why about left_out"
    ).split()
)
# Below these keys lies nothing that is prose: what was asked, sources quoted as they are, commands.
CLOSED = frozenset("question asked layout command commands source sources id name model system rows_csv config".split())


def walk(node: Any, say: Callable[[str], str], key: str = "") -> Any:
    """Return a document with `say` applied to every string that is prose."""
    if isinstance(node, dict):
        return {
            k: v if k in CLOSED and not isinstance(v, dict | list) else walk(v, say, str(k)) for k, v in node.items()
        }
    if isinstance(node, list | tuple):
        return [walk(v, say, key) for v in node]
    return say(node) if isinstance(node, str) and key in PROSE else node
