"""A config file's values with checks: each is read by name, in any of its spellings, with its type and range."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from wherewithal.errors import InputError, nearest

MISSING: Any = object()
"""Default of a value that a config must hold."""

Table = Mapping[str, Any]


@cache
def table(name: str) -> dict[str, Any]:
    """Return the parsed data file `name` of this package (`keys.toml`, `families.toml`), from a zip too."""
    return tomllib.loads((files("wherewithal.model") / name).read_text("utf-8"))


class Config:
    """One table of a config: typed look-ups by spelling, range and class default; errors carry the dotted path.

    Args:
        values: the table.
        where: file or catalog name, for messages.
        path: dotted path of this table inside the file.
        defaults: values of keys that the file leaves out (the class defaults of its family).
        notes: list that collects what was assumed.
        parent: table around this one, asked last for keys that may stand in either.
    """

    def __init__(
        self,
        values: Table,
        where: str,
        path: str = "",
        defaults: Table | None = None,
        notes: list[str] | None = None,
        parent: Table | None = None,
    ) -> None:
        self.values, self.where, self.path = values, where, path
        self.defaults = defaults or {}
        self.notes = notes if notes is not None else []
        self.parent = parent or {}
        self._lists: dict[tuple[str, str], Any] = {}

    def at(self, key: str) -> str:
        """Return where a key stands, as a user can find it."""
        return f"{self.where}: {self.path}{key}"

    def fail(self, key: str, what: str, fix: str = "") -> InputError:
        """Return the error of one key."""
        return InputError(self.at(key), what, fix)

    @staticmethod
    def spellings(name: str) -> list[str]:
        """Return the keys under which a file may hold the value `name`."""
        spelled = table("keys.toml")["spellings"].get(name, [name])
        return list(spelled)

    def find(self, name: str) -> tuple[str, Any]:
        """Return the key under which `name` stands and its value; the value is None where neither file nor class has it."""
        keys = self.spellings(name)
        for key in keys:
            if self.values.get(key) is not None:
                return key, self.values[key]
        for key in keys:
            if self.defaults.get(key) is not None:
                value = self.defaults[key]
                if not isinstance(value, bool):
                    note = f"{self.path}{key}: not in the file, class default {value}"
                    if note not in self.notes:
                        self.notes.append(note)
                return key, value
        return keys[0], None

    def has(self, name: str) -> bool:
        """Return whether the file (or its class) gives `name`."""
        return self.find(name)[1] is not None

    def _limits(self, name: str) -> tuple[float, float]:
        limits = table("keys.toml")["limits"]
        low, high = limits.get(name, limits["default"])
        return float(low), float(high)

    def integer(self, name: str, default: Any = MISSING) -> Any:
        """Return a whole number within the limits of its name; `default` where absent, an InputError without one."""
        key, value = self.find(name)
        if value is None:
            if default is MISSING:
                raise self.missing(name)
            return default
        return self.whole(key, value, name)

    def whole(self, key: str, value: Any, name: str = "default") -> int:
        """Return `value` as a whole number within the limits of `name`; an InputError that names `key` otherwise."""
        low, high = self._limits(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(key, f"{_show(value)} is not a whole number", f"give one from {low:g} to {high:g}")
        if not low <= value <= high:
            raise self.fail(key, f"{_show(value)} is out of range", f"give a whole number from {low:g} to {high:g}")
        return value

    def number(self, name: str, default: Any = MISSING, low: float = 0.0, high: float = 1e6) -> Any:
        """Return a finite number from `low` to `high`; `default` where absent."""
        key, value = self.find(name)
        if value is None:
            if default is MISSING:
                raise self.missing(name)
            return default
        good = not isinstance(value, bool) and isinstance(value, int | float) and low <= value <= high
        if not good or not math.isfinite(value):
            raise self.fail(key, f"{_show(value)} is not a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a yes-or-no value."""
        key, value = self.find(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.fail(key, f"{_show(value)} is neither true nor false")
        return value

    def text(self, name: str, default: str = "") -> str:
        """Return a string."""
        key, value = self.find(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.fail(key, f"{_show(value)} is not a text")
        return value

    def items(self, name: str) -> list[Any]:
        """Return a list of at most 10,000 entries; empty where absent."""
        key, value = self.find(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fail(key, f"{_show(value)} is not a list")
        if len(value) > 10_000:
            raise self.fail(key, f"a list of {len(value):,} entries", "a model has at most 10,000 layers")
        return value

    def numbers(self, name: str, limits: str = "default") -> list[int]:
        """Return a list of whole numbers, each within the limits of `limits`; read once, for a layer asks each time."""
        if (name, limits) not in self._lists:
            key, _ = self.find(name)
            self._lists[name, limits] = [self.whole(f"{key}[{i}]", v, limits) for i, v in enumerate(self.items(name))]
        found: list[int] = self._lists[name, limits]
        return found

    def words(self, name: str, known: Mapping[str, Any]) -> list[str]:
        """Return a list of texts, each one of `known`; an InputError names the nearest known one otherwise."""
        if (name, "") not in self._lists:
            key, _ = self.find(name)
            self._lists[name, ""] = [self.word(f"{key}[{i}]", v, known) for i, v in enumerate(self.items(name))]
        found: list[str] = self._lists[name, ""]
        return found

    def word(self, key: str, value: Any, known: Mapping[str, Any]) -> str:
        """Return `value` if it is a key of `known`; an InputError that names the nearest one otherwise."""
        if not isinstance(value, str):
            raise self.fail(key, f"{_show(value)} is not a text")
        if value not in known:
            close = nearest(value, known) or sorted(known)
            raise self.fail(key, f"unknown kind {value[:60]!r}", f"nearest known: {', '.join(close)}")
        return value

    def sub(self, name: str) -> Config | None:
        """Return the table under `name`; None where absent."""
        key, value = self.find(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fail(key, f"{_show(value)} is not a table")
        return Config(value, self.where, f"{self.path}{key}.", notes=self.notes)

    def missing(self, name: str) -> InputError:
        """Return the error of a value that the file must hold."""
        keys = self.spellings(name)
        other = f" (or {', '.join(keys[1:4])})" if len(keys) > 1 else ""
        return self.fail(keys[0], "missing", f"add {keys[0]}{other}")


def _show(value: Any) -> str:
    """Return a value as it may stand in a one-line message."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
