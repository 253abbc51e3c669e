"""YAML as text: every string in quotes, comments kept, scripts as blocks; nothing but what launch files need."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Noted(NamedTuple):
    """A value with the comment that stands beside it."""

    value: Any
    why: str


class Script(NamedTuple):
    """A text that is written as a block, line by line."""

    text: str


def comment(why: str) -> str:
    """Return a comment that cannot leave its line."""
    return "# " + " ".join("".join(c if c.isprintable() else " " for c in why).split())


def dump(value: Any, indent: int = 0) -> str:
    """Return dicts, lists and scalars as YAML; a `Noted` value carries its comment, a `Script` becomes a block."""
    if isinstance(value, dict):
        return "".join(_entry(f"{_key(key)}:", one, indent) for key, one in value.items())
    return "".join(_item(one, indent) for one in value)


def _entry(lead: str, value: Any, indent: int) -> str:
    pad = " " * indent
    why = ""
    if isinstance(value, Noted):
        value, why = value.value, f"  {comment(value.why)}" if value.why else ""
    if isinstance(value, Script):
        body = "".join(f"{pad}  {line}\n" if line else "\n" for line in value.text.splitlines())
        return f"{pad}{lead} |{why}\n{body}"
    if isinstance(value, dict | list | tuple) and value:
        return f"{pad}{lead}{why}\n{dump(value, indent + 2)}"
    return f"{pad}{lead} {scalar(value)}{why}\n"


def _item(value: Any, indent: int) -> str:
    pad = " " * indent
    why = ""
    if isinstance(value, Noted):
        value, why = value.value, f"  {comment(value.why)}" if value.why else ""
    if isinstance(value, dict) and value:
        return f"{pad}-{dump(value, indent + 2)[indent + 1 :]}"
    return f"{pad}- {scalar(value)}{why}\n"


def _key(key: str) -> str:
    plain = key.replace("_", "").replace("-", "").replace(".", "").replace("/", "")
    return key if plain.isalnum() and plain.isascii() and not plain.isdigit() and key != "on" else json.dumps(key)


def scalar(value: Any) -> str:
    """Return one scalar; strings always in double quotes, so that nothing in them is read as anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return json.dumps(value)
