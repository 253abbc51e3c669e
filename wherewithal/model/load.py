"""A model by catalog name, by path of a config.json or its folder, or by path of a GGUF file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from wherewithal.catalog import files, load
from wherewithal.errors import InputError, nearest
from wherewithal.model.gguf import read_gguf
from wherewithal.model.model import Model
from wherewithal.model.read import read_config

Changed = dict[str, tuple[str, str]]


def load_model(
    text: str, dirs: Sequence[Path] = (), overrides: Sequence[str] = (), changed: Changed | None = None
) -> tuple[Model, tuple[str, ...]]:
    """Return a model and what was assumed in finding it.

    Args:
        text: a catalog name; or a path, which holds a separator, or ends in .json or .gguf, or is a folder.
        dirs: the user's own catalog folders.
        overrides: `model.KEY=VALUE` on keys of the config; other roots are left to others.
        changed: receives path to (old, new) of what was overridden.

    Raises:
        InputError: for a name that nothing is known by, or a file that cannot be read as a model.
    """
    path = Path(text)
    asked = _asked(overrides)
    if path.suffix.lower() == ".gguf":
        if asked:
            raise InputError("--set", f"model.{next(iter(asked))} of a GGUF file", "only keys of a config can be set")
        return _gguf(path), ()
    if path.suffix.lower() == ".json" or any(sep in text for sep in "/\\") or text in (".", ".."):
        return _config(path / "config.json" if _is_folder(path) else path, asked, changed), ()
    if not asked and load.find("models", text, dirs) == load.builtin() / "models" / f"{text}.json":
        return _builtin(text)
    return _named(text, dirs, asked, changed)


@lru_cache(maxsize=64)
def _builtin(name: str) -> tuple[Model, tuple[str, ...]]:
    """Return a model of the installed catalog, which does not change while a process lives."""
    return _named(name, (), {}, None)


def _named(
    text: str, dirs: Sequence[Path], asked: dict[str, str], changed: Changed | None
) -> tuple[Model, tuple[str, ...]]:
    record = load.model_record(text, dirs)
    _apply(record["config"], asked, changed)
    model = read_config(
        record["config"], record["name"], record.get("hf_quant_config"), record["name"], published=record["published"]
    )
    notes = [record["note"]] if record["note"] else []
    if not record["published"]:
        notes.append(f"{record['name']}: its config is built from facts, not a published file")
    return replace(model, source=record["source"]), (*notes, *model.notes)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _gguf(path: Path) -> Model:
    if not path.exists():
        raise InputError(str(path), "no such file", "give the path of a GGUF file")
    return read_gguf(path)


def _config(path: Path, asked: dict[str, str], changed: Changed | None) -> Model:
    shown = str(path)
    config = files.read_json(path, shown)
    _apply(config, asked, changed)
    beside = path.with_name("hf_quant_config.json")
    quant = files.read_json(beside, str(beside)) if beside.is_file() else None
    name = path.parent.name if path.name == "config.json" and path.parent.name else path.stem
    return read_config(config, shown, quant, name)


def _asked(overrides: Sequence[str]) -> dict[str, str]:
    """Return key to text of the overrides of a model."""
    found = (item.partition("=") for item in overrides if item.strip().startswith("model."))
    return {path.strip().removeprefix("model."): value.strip() for path, _, value in found}


def _apply(config: Any, asked: dict[str, str], changed: Changed | None) -> None:
    """Set keys of a config in place, in the part that has them; refuse keys that no part has, and values of no type."""
    parts = [config] if isinstance(config, dict) else []
    parts += [v for p in parts for v in p.values() if isinstance(v, dict)]
    for key, text in asked.items():
        owner = next((p for p in parts if key in p), None)
        if owner is None:
            known = [k for p in parts for k in p]
            close = ", ".join(f"model.{k}" for k in nearest(key, known))
            raise InputError("--set", f"no key {key[:60]!r} in the config", f"did you mean {close}?" if close else "")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        if changed is not None:
            changed[f"model.{key}"] = (str(owner[key])[:80], text[:80])
        owner[key] = value
