"""Small instances of every block kind, found by walking the folder of block kinds; loads and formats for laws."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from wherewithal.model import blocks
from wherewithal.model.op import Formats, Load, Stored

SIZES = {
    "hidden": 64, "heads": 8, "kv_heads": 2, "head_dim": 16, "v_head_dim": 12, "window": 32, "query_rank": 24,
    "kv_rank": 20, "nope_dim": 12, "rope_dim": 4, "norm": 7, "bias": 5, "intermediate": 96, "experts": 16,
    "per_token": 4, "expert_intermediate": 32, "shared_intermediate": 48, "vocab": 1000, "key_heads": 4,
    "key_dim": 8, "conv": 4, "inner": 128, "state": 8, "rank": 6, "groups": 2, "width": 64, "maps": 5, "ranks": 16,
    "out_groups": 2, "out_rank": 8, "ratio": 4, "index_heads": 2, "index_dim": 8, "topk": 16, "image_tokens": 50,
    "streams": 4, "patch": 12, "positions": 9, "merge": 4, "out": 64, "index_stride": 1, "chosen": 64, "small": 3, "mergers": 2,
}  # fmt: skip
"""A small whole number for every required size of every kind, by name of the field."""

LEFT = {"input_width", "router_columns", "latent"}
"""Optional sizes of which zero means absent; a variant of each is made below."""


def _classes() -> list[type]:
    """Return every block kind: each class with a `kind` that a module of the folder defines."""
    found = []
    for module in pkgutil.iter_modules(blocks.__path__):
        loaded = importlib.import_module(f"{blocks.__name__}.{module.name}")
        found += [
            c for c in vars(loaded).values()
            if isinstance(c, type) and c.__module__ == loaded.__name__ and dataclasses.is_dataclass(c) and hasattr(c, "kind")
        ]  # fmt: skip
    return found


def _value(field: dataclasses.Field[Any]) -> Any:
    if field.default is dataclasses.MISSING:
        return SIZES[field.name]
    if field.name in SIZES and field.name not in LEFT and field.name != "window":
        return SIZES[field.name]
    return field.default


def _made(kind: type) -> list[Any]:
    """Return one instance of a kind, one more with each flag turned, and one with each size that may be absent."""
    fields = dataclasses.fields(kind)
    base = {f.name: _value(f) for f in fields}
    made = [kind(**base)]
    made += [kind(**{**base, f.name: not base[f.name]}) for f in fields if isinstance(base[f.name], bool)]
    made += [kind(**{**base, f.name: 24}) for f in fields if f.name in LEFT]
    if "window" in base and base["window"] == float("inf"):
        made.append(kind(**{**base, "window": 32.0}))
    if "ratio" in base:
        made += [kind(**{**base, "ratio": 0, "index_heads": 0}), kind(**{**base, "ratio": 16, "index_heads": 0})]
    return made


KINDS: list[type] = _classes()
"""Every block kind."""

ALL_BLOCKS: list[Any] = [block for kind in KINDS for block in _made(kind)]
"""Small instances of every block kind, each flag both ways."""


def name_of(block: Any) -> str:
    """Return a short name for a test's parameter."""
    fields = dataclasses.fields(block)
    turned = [f.name for f in fields if f.default is not dataclasses.MISSING and getattr(block, f.name) != f.default]
    return type(block).__name__ + "-" + "-".join(n for n in turned if n not in SIZES or n in LEFT | {"ratio", "window"})


def whole_sizes(block: Any) -> SimpleNamespace:
    """Return a block's own sizes as local sizes."""
    return SimpleNamespace(**block.sizes)


PARTS = ("attention", "mlp", "experts", "shared", "router", "embedding", "head", "tower", "other")

FORMATS = Formats(parts={part: Stored(16.0, "bf16") for part in PARTS})
"""All in 16 bits."""

formats = st.sampled_from([
    FORMATS,
    Formats(parts={p: Stored(8.0, "fp8") for p in PARTS}, activation_bits=8.0, kv_bits=8.0),
    Formats(parts={p: Stored(4.5, "fp4") for p in PARTS}, activation_bits=4.5, kv_bits=8.0),
])  # fmt: skip
"""16, 8 and 4 bit deployments."""


@st.composite
def loads(draw: st.DrawFn) -> Load:
    """Draw a decode, prefill or mixed load."""
    prompts = draw(st.integers(0, 4))
    tokens = prompts * draw(st.integers(1, 4000))
    sequences = draw(st.integers(0, 512))
    per_step = draw(st.integers(1, 4))
    return Load(
        float(sequences), float(per_step), float(draw(st.integers(1, 200_000))), float(tokens),
        float(draw(st.integers(1, 100_000))), float(prompts), float(sequences * per_step + tokens),
    )  # fmt: skip
