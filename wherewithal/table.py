"""Rows of named cells to CSV and Markdown; knows nothing of what they mean."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of all columns in the order in which they first appear."""
    return list(dict.fromkeys(key for row in rows for key in row))


def cell(value: Any) -> str:
    """Return one cell as text: empty for None, numbers in full, anything else with control characters dropped."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return repr(value)
    return "".join(c for c in str(value) if c.isprintable() or c == "\n")


def _safe(value: Any) -> str:
    """Return a CSV cell that a spreadsheet will not run as a formula."""
    text = cell(value)
    if isinstance(value, str) and text.startswith(_RISKY) and not _is_number(text):
        return "'" + text
    return text


def _numeric(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV (RFC 4180) with a header; text that a spreadsheet could run gets a leading apostrophe."""
    names = columns(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_safe(n) for n in names])
    writer.writerows([_safe(row.get(n)) for n in names] for row in rows)
    return out.getvalue()


def to_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a Markdown table; numbers are right-aligned."""
    names = columns(rows)
    if not names:
        return ""
    numeric = {n for n in names if all(_numeric(row[n]) for row in rows if row.get(n) is not None)}
    lines = ["| " + " | ".join(_escape(n) for n in names) + " |"]
    lines.append("|" + "|".join("---:" if n in numeric else "---" for n in names) + "|")
    lines += ["| " + " | ".join(_escape(cell(row.get(n))) for n in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
