"""Vision and audio towers of a config: their weights and the work of one image or clip."""

from __future__ import annotations

from wherewithal.model.blocks.gqa import Gqa
from wherewithal.model.blocks.mlp import Mlp
from wherewithal.model.blocks.tower import TowerEnds
from wherewithal.model.config import Config, table
from wherewithal.model.model import Layer

NEEDED = ("tower_hidden", "tower_layers", "tower_heads")


def read_towers(outer: Config) -> tuple[tuple[Layer, ...], int]:
    """Return the layers of all towers, and the tokens that one image of the file's size becomes (0 where unknown)."""
    found: list[Layer] = []
    tokens = 0
    for key in ("vision_config", "audio_config"):
        part = outer.sub(key)
        if part is None:
            continue
        known = table("families.toml")["towers"].get(outer.text("model_type"), {}) if key == "vision_config" else {}
        part.values = {**known, **part.values}
        lacking = [n for n in NEEDED if not part.has(n)]
        if lacking:
            part.notes.append(f"{key}: not counted, no {part.spellings(lacking[0])[0]}")
            continue
        found += _tower(part, outer, key.removesuffix("_config"))
        tokens = tokens or (_tokens(part) if key == "vision_config" else 0)
    return tuple(found), tokens


def _tower(c: Config, outer: Config, name: str) -> list[Layer]:
    width, heads = c.integer("tower_hidden"), c.integer("tower_heads")
    named = c.text("width_key", "tower_width")
    inside = c.integer(named, None) or max(1, int(width * c.number("mlp_ratio", 4.0, high=1e3)))
    size = c.integer("head_dim", None) or max(1, width // heads)
    attention = Gqa(width, heads, heads, size, size, norm=2 * width, bias=(3 * size * heads + width))
    dense = Mlp(width, inside, c.flag("gated"), inside + width, 2 * width)
    out = c.integer("out_hidden_size", None) or _text_width(outer) or width
    patch = c.integer("tower_patch", 1)
    inputs = patch * patch * c.integer("tower_channels", 3) * max(1, c.integer("temporal_patch_size", 1))
    side = c.integer("image_size", 0) // patch
    places = c.integer("num_position_embeddings", side * side)
    merge = _merge(c) ** 2
    mergers = 1 + len(c.items("deepstack_visual_indexes"))
    ends = TowerEnds(
        width, inputs, c.whole("image_size", places), merge, c.whole("out_hidden_size", out, "hidden"), mergers
    )
    depth = c.integer("tower_layers") + c.whole("num_global_layers", c.integer("num_global_layers", 0), "first_dense")
    return [Layer(name, depth, (attention, dense)), Layer(f"{name} ends", 1, (ends,))]


def _merge(c: Config) -> int:
    """Return the side of the square of patches that make one token."""
    kernel = c.numbers("merge_kernel_size", "tower_merge") if isinstance(c.find("merge_kernel_size")[1], list) else []
    merge: int = kernel[0] if kernel else c.integer("tower_merge", 1)
    return merge


def _text_width(outer: Config) -> int:
    for key in ("text_config", "llm_config", "language_config"):
        part = outer.sub(key)
        if part is not None:
            return int(part.integer("hidden", 0))
    return int(outer.integer("hidden", 0))


def _tokens(c: Config) -> int:
    stated = c.integer("default_output_length", 0)
    side = c.integer("image_size", 0) // (c.integer("tower_patch", 1) * _merge(c))
    return int(stated or side * side)
