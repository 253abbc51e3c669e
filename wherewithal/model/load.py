"""A model by catalog name, by path of a config.json or its folder, or by path of a GGUF file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wherewithal.catalog import files, load
from wherewithal.errors import InputError
from wherewithal.model.gguf import read_gguf
from wherewithal.model.model import Model
from wherewithal.model.read import read_config

Overrides = Sequence[str]


def load_model(text: str, dirs: Sequence[Path] = ()) -> tuple[Model, tuple[str, ...]]:
    """Return a model and what was assumed in finding it.

    Args:
        text: a catalog name; or a path, which holds a separator, or ends in .json or .gguf, or is a folder.
        dirs: the user's own catalog folders.

    Raises:
        InputError: for a name that nothing is known by, or a file that cannot be read as a model.
    """
    path = Path(text)
    if path.suffix.lower() == ".gguf":
        return _gguf(path), ()
    if path.suffix.lower() == ".json" or any(sep in text for sep in "/\\") or text in (".", ".."):
        return _config(path / "config.json" if _is_folder(path) else path), ()
    record = load.model_record(text, dirs)
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


def _config(path: Path) -> Model:
    shown = str(path)
    config = files.read_json(path, shown)
    beside = path.with_name("hf_quant_config.json")
    quant = files.read_json(beside, str(beside)) if beside.is_file() else None
    name = path.parent.name if path.name == "config.json" and path.parent.name else path.stem
    return read_config(config, shown, quant, name)
