"""Answers of `compare`."""

from typing import Any


def compare_rows(answer: Any) -> list[dict[str, Any]]:
    """Return rows."""
    return list(answer.rows)
