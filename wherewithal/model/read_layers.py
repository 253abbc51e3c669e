"""Which parts each layer of a config holds: a mixer (attention, state space, none) and a feed-forward part."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from wherewithal.model.config import Config
from wherewithal.model.families import Family

WORDS = {
    "full_attention": "full",
    "attention": "full",
    "sliding_attention": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "linear",
    "mamba": "mamba",
    "mamba2": "mamba",
    "recurrent": "recurrent",
    "hybrid": "hybrid",
    "moe": "moe",
    "mlp": "mlp",
}
"""Words of `layer_types` and like lists, and the part that each stands for."""

PATTERN = {"M": "mamba", "*": "full", "E": "moe", "-": "mlp"}
"""Letters of `hybrid_override_pattern`."""


class Slot(NamedTuple):
    """The parts of one layer.

    Attributes:
        mixer: full, sliding, chunked, linear, mamba, recurrent, hybrid, cross, replace or none.
        ffn: dense, moe, replace or none.
    """

    mixer: str
    ffn: str


def slots(c: Config, family: Family) -> list[Slot]:
    """Return the parts of every layer, in order (at most 10,000 layers)."""
    mixers = _mixers(c, family)
    if family.single:
        return [_single(word) for word in mixers]
    sparse = _sparse(c, len(mixers))
    nas = _nas(c, len(mixers))
    if nas:
        return nas
    ffn = ["none" if not family.ffn else "moe" if s else "dense" for s in sparse]
    return [Slot(m, f) for m, f in zip(mixers, ffn, strict=True)]


def _single(word: str) -> Slot:
    if word in ("moe", "mlp"):
        return Slot("none", "moe" if word == "moe" else "dense")
    return Slot(word, "none")


def depth(c: Config) -> int:
    """Return the number of layers that the file states.

    Raises:
        InputError: where it states none.
    """
    count: int = c.integer("layers")
    return count


def _mixers(c: Config, family: Family) -> list[str]:
    """Return each layer's mixer by the first rule whose keys the file holds."""
    by_file = [
        _by_pattern,
        _by_type_list,
        _by_hybrid_pattern,
        _by_linear_config,
        _by_block_types,
        _by_cross,
        _by_period,
    ]
    by_family: list[Callable[[Config, Family], list[str]]] = [_by_words, _by_interval, _by_chunk]
    rules: list[Callable[[], list[str]]] = [partial(rule, c) for rule in by_file]
    rules += [partial(rule, c, family) for rule in by_family]
    rules += [partial(_by_window_pattern, c), partial(_by_window, c, family)]
    for rule in rules:
        found = rule()
        if found:
            return found
    usual = "mamba" if family.single and family.mamba else "linear" if family.linear else "full"
    return [usual] * depth(c)


def _sized(c: Config, key: str, words: list[str]) -> list[str]:
    """Return a list of one word a layer, checked against the number of layers where that is stated."""
    count = c.integer("layers", None)
    if count is not None and count != len(words):
        raise c.fail(key, f"{len(words)} entries for {count} layers", "give one entry for each layer")
    return words


def _by_pattern(c: Config) -> list[str]:
    pattern = c.text("hybrid_override_pattern")
    if len(pattern) > 10_000:
        raise c.fail("hybrid_override_pattern", f"{len(pattern):,} letters", "a model has at most 10,000 layers")
    words = [PATTERN[c.word("hybrid_override_pattern", letter, PATTERN)] for letter in pattern]
    return _sized(c, "hybrid_override_pattern", words) if words else []


def _by_words(c: Config, family: Family) -> list[str]:
    known = {**WORDS, **family.words}
    key, _ = c.find("layer_words")
    words = [known[w] for w in c.words("layer_words", known)]
    return _sized(c, key, words) if words else []


def _by_type_list(c: Config) -> list[str]:
    kinds = c.numbers("attn_type_list", "flag")
    return _sized(c, "attn_type_list", ["full" if k else "linear" for k in kinds]) if kinds else []


def _by_hybrid_pattern(c: Config) -> list[str]:
    kinds = c.numbers("hybrid_layer_pattern", "flag")
    return _sized(c, "hybrid_layer_pattern", ["sliding" if k else "full" for k in kinds]) if kinds else []


def _by_linear_config(c: Config) -> list[str]:
    linear = c.sub("linear_attn_config")
    if linear is None:
        return []
    full = set(linear.numbers("full_attn_layers", "layers"))
    count = depth(c)
    if full and max(full) > count:
        raise linear.fail("full_attn_layers", f"layer {max(full)} of {count}", "layers count from 1")
    return ["full" if i + 1 in full else "linear" for i in range(count)]


def _by_block_types(c: Config) -> list[str]:
    cycle = [WORDS[w] for w in c.words("block_types", WORDS)]
    if not cycle:
        return []
    mixed = [cycle[i % len(cycle)] for i in range(depth(c))]
    return ["sliding" if w == "full" and c.has("window") else w for w in mixed]


def _by_cross(c: Config) -> list[str]:
    crossed = set(c.numbers("cross_attention_layers", "first_dense"))
    return ["cross" if i in crossed else "full" for i in range(depth(c))] if crossed else []


def _by_interval(c: Config, family: Family) -> list[str]:
    every = c.integer("full_attention_interval", None)
    if every is None or not family.linear:
        return []
    every = max(1, every)
    return ["full" if (i + 1) % every == 0 else "linear" for i in range(depth(c))]


def _by_period(c: Config) -> list[str]:
    period = c.integer("attn_layer_period", None)
    if period is None:
        return []
    offset = c.integer("attn_layer_offset", 0)
    return ["full" if i % max(1, period) == offset else "mamba" for i in range(depth(c))]


def _by_chunk(c: Config, family: Family) -> list[str]:
    if "chunked" not in family.words.values():
        return []
    count, rope = depth(c), c.numbers("no_rope_layers", "flag")
    if rope:
        return _sized(c, "no_rope_layers", ["chunked" if r else "full" for r in rope])
    every = max(1, c.integer("nope_layer_interval", 4))
    return ["full" if (i + 1) % every == 0 else "chunked" for i in range(count)]


def _by_window_pattern(c: Config) -> list[str]:
    key = next((k for k in ("sliding_window_pattern", "_sliding_window_pattern") if c.has(k)), "")
    if not key or not c.has("window"):
        return []
    value = c.find(key)[1]
    if isinstance(value, str):
        if not 1 <= len(value) <= 100 or set(value) - set("LG"):
            raise c.fail(key, f"{value[:40]!r} is no pattern", "give letters L (local) and G (global), or a number")
        return ["full" if value[i % len(value)] == "G" else "sliding" for i in range(depth(c))]
    every = c.whole(key, value)
    return ["full" if every and (i + 1) % every == 0 else "sliding" for i in range(depth(c))]


def _by_window(c: Config, family: Family) -> list[str]:
    if not c.has("window") or family.window == "none":
        return []
    if family.window == "all":
        return ["sliding"] * depth(c)
    if not c.flag("use_sliding_window"):
        return []
    first = c.integer("max_window_layers", 0)
    return ["full" if i < first else "sliding" for i in range(depth(c))]


def _sparse(c: Config, count: int) -> list[bool]:
    """Return which layers hold experts."""
    if not c.integer("experts", 0):
        return [False] * count
    kinds = [k == "sparse" for k in c.words("mlp_layer_types", {"sparse": 1, "dense": 1})]
    if kinds:
        return _flags(c, "mlp_layer_types", kinds, count)
    if c.has("moe_layers_enum"):
        return _enumerated(c, count)
    if isinstance(c.find("moe_layer_freq")[1], list):
        return _flags(c, "moe_layer_freq", [bool(v) for v in c.numbers("moe_layer_freq", "flag")], count)
    return _counted(c, count)


def _flags(c: Config, key: str, flags: list[bool], count: int) -> list[bool]:
    if len(flags) != count:
        raise c.fail(key, f"{len(flags)} entries for {count} layers", "give one entry for each layer")
    return flags


def _enumerated(c: Config, count: int) -> list[bool]:
    text = c.text("moe_layers_enum")
    parts = text.split(",")[:10_001]
    if not all(p.strip().isdecimal() and len(p.strip()) <= 5 for p in parts):
        raise c.fail("moe_layers_enum", f"{text[:40]!r} is no list of layers", "give numbers with commas")
    listed = {int(p) for p in parts}
    return [i in listed for i in range(count)]


def _counted(c: Config, count: int) -> list[bool]:
    """Return which layers hold experts by the counting rules of the file, all of which must hold."""
    every, step = (max(1, c.integer(k, 1)) for k in ("moe_layer_freq", "decoder_sparse_step"))
    interleave, interval = (max(1, c.integer(k, 1)) for k in ("interleave_moe_layer_step", "moe_layer_interval"))
    period = max(1, c.integer("expert_layer_period", 1))
    offset = c.integer("expert_layer_offset", 0) if period > 1 else 0
    first = max(c.integer("first_dense", 0), c.integer("moe_layer_start_index", 0))
    last = c.integer("moe_layer_end_index", 10_000)
    dense = set(c.numbers("mlp_only_layers", "first_dense"))
    return [
        first <= i <= last
        and i % every == 0
        and i % period == offset
        and i not in dense
        and all((i + 1) % n == 0 for n in (step, interleave, interval))
        for i in range(count)
    ]


def _nas(c: Config, count: int) -> list[Slot]:
    """Return the layers of a searched architecture, whose parts may be absent or replaced (`block_configs`)."""
    blocks = c.items("block_configs")
    if not blocks:
        return []
    if len(blocks) != count:
        raise c.fail("block_configs", f"{len(blocks)} entries for {count} layers", "give one entry for each layer")
    return [Slot(_nas_part(c, i, "attention", "full"), _nas_part(c, i, "ffn", "dense")) for i in range(count)]


def nas_part(c: Config, i: int, part: str) -> Config:
    """Return the table of one part of layer `i` in `block_configs`."""
    block = c.items("block_configs")[i]
    entry = block.get(part) if isinstance(block, dict) else None
    if not isinstance(entry, dict):
        raise c.fail(f"block_configs[{i}].{part}", "missing or not a table", "give attention and ffn for each layer")
    return Config(entry, c.where, f"{c.path}block_configs[{i}].{part}.", notes=c.notes)


def _nas_part(c: Config, i: int, part: str, usual: str) -> str:
    entry = nas_part(c, i, part)
    if entry.flag("no_op"):
        return "none"
    return "replace" if entry.flag("replace_with_linear") else usual
