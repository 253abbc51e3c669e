"""Reading files that may be wrong or hostile: bounded in size and depth, every problem collected with its path."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tomllib
import typing
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from wherewithal.errors import FileProblems, InputError, Problem, nearest

TOML_LIMIT = 256 * 1024
JSON_LIMIT = 1024 * 1024
CSV_LIMIT = 16 * 1024 * 1024
DEPTH = 64
NODES = 200_000
# Keys that say nothing about cost and that published files fill with an infinity.
_MAY_BE_INFINITE = re.compile(r"time_step_.*")
_Record = TypeVar("_Record", bound=BaseModel)


def read_bytes(path: Path | Traversable, limit: int, where: str = "") -> bytes:
    """Return a regular file's bytes; refuse a missing one, a folder, a device, or more than `limit` [B]."""
    shown = where or _shown(path)
    try:
        if isinstance(path, Path):
            with open(path, "rb", opener=_no_wait) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise InputError(shown, "not a regular file", "give a file, not a folder or a device")
                data = file.read(limit + 1)
        else:
            data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(shown, "no such file", "check the path") from None
    except IsADirectoryError:
        raise InputError(shown, "is a folder", "give a file in it") from None
    except (OSError, ValueError) as error:
        raise InputError(shown, f"cannot be read ({_reason(error)})", "check the path and its permissions") from None
    if len(data) > limit:
        raise InputError(shown, f"larger than {limit // 1024} KiB", "give only the description, not the weights")
    return data


def _no_wait(name: str, flags: int) -> int:
    """Open without waiting for a writer, so that a named pipe does not hang."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def _shown(path: Path | Traversable) -> str:
    """Return a file's name as its user knows it: folder and name, without what a terminal would obey."""
    text = str(path) if isinstance(path, Path) else path.name
    return "".join(c if c.isprintable() else "?" for c in text)


def read_text(path: Path | Traversable, limit: int, where: str = "") -> str:
    """Return a file as text; refuse what is not UTF-8."""
    try:
        return read_bytes(path, limit, where).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(where or _shown(path), f"byte {error.start} is not UTF-8", "save the file as UTF-8") from None


def read_toml(path: Path | Traversable, where: str = "", limit: int = TOML_LIMIT) -> dict[str, Any]:
    """Return a TOML file as a dict; refuse bad syntax and deep nesting."""
    shown, text = where or _shown(path), read_text(path, limit, where)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(shown, f"not TOML: {_oneline(error)}", "check the line named") from None
    except (RecursionError, ValueError) as error:
        what = f"nested deeper than {DEPTH} levels" if isinstance(error, RecursionError) else _oneline(error)
        raise InputError(shown, what, "write it flatter") from None
    bounded(data, shown)
    return data


def read_json(path: Path | Traversable, where: str = "", limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Return a JSON object from a file; see `parse_json`."""
    return parse_json(read_text(path, limit, where), where or _shown(path))


def parse_json(text: str, where: str) -> dict[str, Any]:
    """Return a JSON object from text.

    Raises:
        InputError: bad syntax, a key twice, a number that is not finite (except under keys that say nothing about
            cost, where it becomes None), an integer of more than 40 digits, deep nesting, no object at the top.
    """
    try:
        data = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, where), parse_int=_integer)
    except json.JSONDecodeError as error:
        what = f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise InputError(where, what, "check the line named") from None
    except RecursionError:
        raise InputError(where, f"nested deeper than {DEPTH} levels", "write it flatter") from None
    except ValueError as error:
        raise InputError(where, _oneline(error), "write a number of at most 40 digits") from None
    if not isinstance(data, dict):
        raise InputError(where, f"holds a {type(data).__name__} at the top", "must be an object: {...}")
    bounded(data, where)
    return data


def _unique(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(where, f"key {twice[:60]!r} stands twice in one object", "keep one of them")
    for name, value in pairs:
        if _infinite(value) and _MAY_BE_INFINITE.fullmatch(name):
            out[name] = None
    return out


def _infinite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, list) and any(isinstance(v, float) and not math.isfinite(v) for v in value)


def _integer(digits: str) -> int:
    if len(digits) > 40:
        raise ValueError(f"integer of {len(digits)} digits")
    return int(digits)


def _oneline(error: Exception) -> str:
    return "".join(c if c.isprintable() else " " for c in str(error))[:200]


def bounded(data: Any, where: str) -> None:
    """Refuse data nested deeper than DEPTH, of more than NODES values, or holding NaN or an infinity."""
    stack: list[tuple[Any, int, str]] = [(data, 1, "")]
    nodes = 0
    while stack:
        value, depth, path = stack.pop()
        nodes += 1
        if depth > DEPTH:
            raise InputError(where, f"nested deeper than {DEPTH} levels", "write it flatter")
        if nodes > NODES:
            raise InputError(where, f"holds more than {NODES:,} values", "give only the description")
        if isinstance(value, dict):
            stack.extend((v, depth + 1, f"{path}.{k}" if path else str(k)) for k, v in value.items())
        elif isinstance(value, list):
            stack.extend((v, depth + 1, f"{path}[{i}]") for i, v in enumerate(value))
        elif isinstance(value, float) and not math.isfinite(value):
            raise InputError(where, f"{path[:80]} is {value}", "must be a finite number")


def validate(kind: type[_Record], data: Mapping[str, Any], file: str) -> _Record:
    """Return the record that `data` describes.

    Raises:
        FileProblems: all that is wrong, each with its dotted path.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise FileProblems(file, _problems(kind, error)) from None


def _problems(kind: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Return one problem per path; of the branches of a union the one that got furthest."""
    found: dict[str, tuple[int, Problem]] = {}
    for item in error.errors(include_url=False, include_context=True):
        loc = [str(part) for part in item["loc"] if not _is_tag(part)]
        path = ".".join(loc) or "file"
        if path not in found:
            found[path] = (len(loc), _problem(kind, path, loc, item))
    paths = set(found)
    return [p for path, (_, p) in found.items() if not any(o != path and o.startswith(path + ".") for o in paths)]


def _is_tag(part: str | int) -> bool:
    """Tell whether a part of a pydantic location is the name of a union's branch, not of a field."""
    text = str(part)
    return text.endswith("Record") or "[" in text or text in {"int", "float", "str", "bool", "constrained-str"}


def _problem(kind: type[BaseModel], path: str, loc: list[str], item: Any) -> Problem:
    value, what = item.get("input"), item["type"]
    shown = repr(value)[:60] if not isinstance(value, (dict, list)) else f"a {type(value).__name__}"
    if what in {"figure", "tiers"}:
        text, _, fix = item["msg"].partition("\x1f")
        return Problem(path, text, fix)
    if what == "extra_forbidden":
        known = sorted(fields_at(kind, loc[:-1]))
        close = nearest(loc[-1], known, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
        return Problem(path, "unknown field", hint)
    if what == "missing":
        return Problem(path, "is missing", "")
    if what in {"model_type", "model_attributes_type", "dict_type"} and isinstance(value, (str, int, float)):
        return Problem(
            path, f"{shown} has no source", f'write {{is = "{value}", known = "read", from = "where it says so"}}'
        )
    if what == "string_pattern_mismatch" and loc and loc[-1] in {"chip", "usual_system", "name", "shape"}:
        return Problem(path, f"{shown} is not a name", "names are lower case: a-z 0-9 . _ -")
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return Problem(path, f"{shown}: {message[:1].lower() + message[1:]}")


def fields_at(kind: type[BaseModel], loc: list[str]) -> set[str]:
    """Return names of the fields (as files write them) that a record has at a dotted place."""
    models: list[type[BaseModel]] = [kind]
    for part in loc:
        models = [m for model in models for m in _inside(model, part)] or models
    return {f.alias or name for model in models for name, f in model.model_fields.items()}


def _inside(model: type[BaseModel], part: str) -> Iterator[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            yield from _models(field.annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for inner in typing.get_args(annotation):
        yield from _models(inner)
