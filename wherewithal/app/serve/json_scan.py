"""JSON from a stranger: measured by a scan of its bytes before anything is built from it, then read strictly."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from wherewithal.app.serve.problems import Refused

DEPTH = 64
NODES = 50_000
DIGITS = 40
_MARKS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_OPEN, _CLOSE, _COMMA = b"[{", b"]}", b","


def measure(data: bytes) -> None:
    """Refuse text nested deeper than DEPTH, or of more than NODES values, by one pass over its brackets.

    Raises:
        Refused: 413.
    """
    depth = nodes = 0
    for found in _MARKS.finditer(data):
        mark = found[0]
        if mark in _OPEN:
            depth, nodes = depth + 1, nodes + 1
        elif mark in _CLOSE:
            depth -= 1
        elif mark == _COMMA:
            nodes += 1
        if depth > DEPTH:
            raise Refused(413, f"nested more than {DEPTH} deep", "send flatter JSON", "body")
        if nodes > NODES:
            raise Refused(413, f"more than {NODES:,} values", "send less", "body")


def read(data: bytes, infinite: bool = False) -> Any:
    """Return the value that bytes hold, or refuse them.

    Args:
        data: UTF-8 without a byte order mark.
        infinite: let Infinity and NaN by; published config.json files hold some, and their reader judges them.

    Raises:
        Refused: 413 too deep or too many values; 422 no JSON, a name given twice, a number that is not finite.
    """
    measure(data)
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_pairs,
            parse_constant=float if infinite else _constant,
            parse_int=_whole,
            parse_float=float if infinite else _finite,
        )
    except UnicodeDecodeError:
        raise Refused(422, "not UTF-8", "send UTF-8", "body") from None
    except (ValueError, RecursionError):
        raise Refused(422, "not JSON", "send one JSON object", "body") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(n for n in names if names.count(n) > 1)
        raise Refused(422, f"{twice[:60]!r} is given twice", "give each name once", "body")
    return found


def _constant(text: str) -> float:
    raise Refused(422, f"{text} is no JSON number", "give a finite number", "body")


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise Refused(422, f"a number of {len(text):,} digits", f"at most {DIGITS} digits", "body")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Refused(422, f"{text[:40]} is out of range", "give a finite number", "body")
    return value
