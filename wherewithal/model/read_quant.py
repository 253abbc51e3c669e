"""How a checkpoint's weights are stored: quantization keys of a config -> number format of each part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wherewithal.model.config import Config


@dataclass(frozen=True)
class StoredParts:
    """Part of the model to number format, format of activations and KV cache, what was assumed."""

    parts: Mapping[str, str]
    activations: str = ""
    kv: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)


def read_stored(outer: Config, text: Config, quant: Mapping[str, Any] | None) -> StoredParts:
    """Return the formats that a config, or the hf_quant_config.json beside it, states."""
    return StoredParts({"other": "bf16"})
