"""A model that a client sends: a config.json, or the header of a GGUF file, kept by its hash and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wherewithal.errors import InputError
from wherewithal.model.gguf_header import header_bytes
from wherewithal.model.load import load_model
from wherewithal.model.model import Model


def taken(desk: Any, data: bytes, kind: str) -> dict[str, Any]:
    """Return the name under which a model was kept, and what it is.

    Args:
        desk: where it is kept.
        data: what was sent.
        kind: `json` or `gguf`.

    Raises:
        InputError: it cannot be read as a model.
    """
    if kind == "gguf":
        data = data[: header_bytes(data)]
    digest = desk.keep_upload(data, kind)
    path = Path(desk.uploads) / f"{digest}.{kind}"
    try:
        model, _ = load_model(str(path))
    except InputError as error:
        path.unlink(missing_ok=True)
        where = error.where.replace(str(path), "model").removeprefix("model: ") or "model"
        raise InputError(where, error.what.replace(str(path), "it"), error.fix) from None
    except Exception:
        path.unlink(missing_ok=True)
        raise
    return {"name": f"upload:{digest}", "model": summary(model)}


def summary(model: Model) -> dict[str, Any]:
    """Return what a model is, in SI base units."""
    return {
        "architecture": model.architecture,
        "parameters": float(model.parameters),
        "active_parameters": float(model.active_parameters),
        "layers": int(model.depth),
        "hidden": int(model.hidden),
        "context": int(model.context),
        "kv_bytes_per_token": float(model.kv_bytes_per_token()),
        "weight_bytes": None if model.weight_bytes is None else float(model.weight_bytes),
        "stored": dict(model.stored),
        "notes": list(model.notes),
    }
