"""How a checkpoint's weights are stored: quantization keys of a config -> number format of each part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from wherewithal.errors import InputError
from wherewithal.model.config import Config, table
from wherewithal.model.patterns import Pattern, matches, parse
from wherewithal.model.read_layers import Slot

MOST_PATTERNS = 100_000


class StoredParts(NamedTuple):
    """Part of the model to number format, format of activations and KV cache, what was assumed."""

    parts: Mapping[str, str]
    activations: str = ""
    kv: str = ""
    notes: tuple[str, ...] = ()


class Modules(NamedTuple):
    """Modules of one part in layers of one kind.

    Attributes:
        names: spellings of each module, and its weights relative to the others'.
        layers: layers that hold them; one layer 0 for the ends.
    """

    names: tuple[tuple[tuple[str, ...], float], ...]
    layers: frozenset[int]


def read_stored(outer: Config, text: Config, quant: Mapping[str, Any] | None, plan: list[Slot]) -> StoredParts:
    """Return the formats that a config, or the hf_quant_config.json beside it, states.

    A part whose modules are excluded by more than half of their weights counts as excluded.

    Raises:
        InputError: for an unknown quantization method, algorithm or number of bits.
    """
    base = _base(outer, text)
    found = _tables(outer, text, quant)
    if not found:
        return StoredParts({"other": base})
    modules = _modules(text, plan)
    notes: list[str] = []
    parts = {"other": base, **dict.fromkeys(modules, base)}
    kv = ""
    for c in found:
        own = c.path.endswith(("quantization_config.", "compression_config."))
        _apply(c, parts, modules, base if own or _main(c) or len(found) == 1 else "", notes)
        kv = _kv(c) or kv
        if own:
            _expert_dtype(text, outer, parts)
    return StoredParts(parts, "", kv, tuple(notes))


def _apply(c: Config, parts: dict[str, str], modules: Mapping[str, list[Modules]], base: str, notes: list[str]) -> None:
    """Set the formats that one table states; `base` is what excluded parts get, empty where they stay as they are."""
    touched = [p for p in modules if p in QUANTISED]
    main = _main(c)
    if main:
        parts.update(dict.fromkeys(touched, main))
    for patterns, form in _named(c, notes):
        named = [p for p in modules if _covered(modules[p], patterns) > 0.5] if patterns is not None else touched
        parts.update(dict.fromkeys(named, form))
    skipped = _patterns(c, ("ignore", "modules_to_not_convert", "exclude_modules"), notes)
    if base:
        parts.update({p: base for p in modules if _covered(modules[p], skipped) > 0.5})


def _expert_dtype(text: Config, outer: Config, parts: dict[str, str]) -> None:
    name = text.text("expert_dtype") or outer.text("expert_dtype")
    if name:
        parts["experts"] = _known("experts")[text.word("expert_dtype", name, _known("experts"))]


QUANTISED = ("attention", "mlp", "experts", "shared")
"""Parts that quantisation touches unless the file says otherwise."""


def _known(kind: str) -> dict[str, str]:
    return dict(table("quantization.toml")[kind])


def _base(outer: Config, text: Config) -> str:
    for c in (text, outer):
        for key in ("torch_dtype", "dtype"):
            name = c.text(key)
            if name:
                return _known("dtypes")[c.word(key, name.removeprefix("torch."), _known("dtypes"))]
    return "bf16"


def _tables(outer: Config, text: Config, quant: Mapping[str, Any] | None) -> list[Config]:
    """Return the tables that state formats, the one that decides put last."""
    found: list[Config] = []
    for c in (text, outer) if text is not outer else (outer,):
        own = c.sub("quantization_config") or c.sub("compression_config")
        if own is not None:
            found.append(own)
    if quant is not None:
        if not isinstance(quant, Mapping):
            raise InputError(outer.where, "hf_quant_config is not a table", "give a JSON object")
        beside = Config(quant, outer.where, "hf_quant_config.", notes=outer.notes)
        found.append(beside.sub("quantization") or beside)
    return found


def _main(c: Config) -> str:
    """Return the format that holds wherever no list says otherwise; empty where lists say all."""
    if c.text("quant_algo"):
        return _known("algorithms")[c.word("quant_algo", c.text("quant_algo").upper(), _known("algorithms"))]
    method = c.text("quant_method")
    if not method and not (c.has("config_groups") or c.has("bits") or c.has("load_in_4bit") or c.has("load_in_8bit")):
        raise c.missing("quant_method")
    if c.has("config_groups"):
        return ""
    kind = _known("methods")[c.word("quant_method", method or "bitsandbytes", _known("methods"))]
    if kind == "bits":
        return _bits(c, c.integer("bits", None) or c.integer("w_bit", 4), "int", c.integer("group_size", 128))
    if kind == "bitsandbytes":
        return _bitsandbytes(c)
    if kind == "fp8":
        return "fp8_block" if c.items("weight_block_size") else "fp8"
    return kind


def _bitsandbytes(c: Config) -> str:
    if c.flag("load_in_8bit"):
        return "int8_a16"
    return "nf4_double" if c.flag("bnb_4bit_use_double_quant") else "nf4"


def _bits(c: Config, bits: int, kind: str, group: int, inputs: int = 16) -> str:
    """Return the format of weights of `bits` in groups of `group`, with inputs of so many bits."""
    known = _known("bits")
    size = f"_g{group}" if f"{kind}{bits}_g{group}" in known else ""
    name = f"{kind}{bits}{size}" + (f"_a{inputs}" if f"{kind}{bits}{size}_a{inputs}" in known else "")
    key = "num_bits" if c.has("num_bits") else "bits"
    return known[c.word(key, name, known)]


def _named(c: Config, notes: list[str]) -> Iterable[tuple[list[Pattern] | None, str]]:
    """Yield patterns (None for every linear map) and the format of the modules that they name."""
    groups = c.sub("config_groups")
    if groups is not None:
        for name in list(groups.values)[:1000]:
            group = groups.sub(name)
            if group is not None:
                targets = group.items("targets")
                yield None if "Linear" in targets else _parsed(group, "targets", notes), _group_format(group)
    layers = c.sub("quantized_layers")
    if layers is not None:
        by_form: dict[str, list[Pattern]] = {}
        for name in list(layers.values)[:MOST_PATTERNS]:
            entry, pattern = layers.sub(name), parse(name)
            if entry is not None and pattern is not None:
                word = entry.word("quant_algo", entry.text("quant_algo").upper(), _known("algorithms"))
                by_form.setdefault(_known("algorithms")[word], []).append(pattern)
        yield from ((patterns, form) for form, patterns in by_form.items() if form)


def _group_format(group: Config) -> str:
    weights, inputs = group.sub("weights"), group.sub("input_activations")
    if weights is None:
        raise group.missing("weights")
    bits, size = weights.integer("num_bits"), weights.integer("group_size", 0)
    kind = weights.text("type", "int")
    return _bits(weights, bits, kind, size, inputs.integer("num_bits", 16) if inputs is not None else 16)


def _patterns(c: Config, keys: Iterable[str], notes: list[str]) -> list[Pattern]:
    return [p for key in keys for p in _parsed(c, key, notes)]


def _parsed(c: Config, key: str, notes: list[str]) -> list[Pattern]:
    found = c.find(key)[1]
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MOST_PATTERNS:
        raise c.fail(key, "not a list of module names")
    made: list[Pattern] = []
    for i, text in enumerate(found):
        if not isinstance(text, str):
            raise c.fail(f"{key}[{i}]", "not a text", "give a module name")
        pattern = parse(text)
        if pattern is None:
            notes.append(f"{c.path}{key}[{i}]: pattern not understood, left out: {text[:60]!r}")
        else:
            made.append(pattern)
    return made


def _kv(c: Config) -> str:
    algorithm = c.text("kv_cache_quant_algo")
    if algorithm:
        return _known("algorithms")[c.word("kv_cache_quant_algo", algorithm.upper(), _known("algorithms"))]
    scheme = c.sub("kv_cache_scheme")
    if scheme is None:
        return ""
    return _bits(scheme, scheme.integer("num_bits"), scheme.text("type", "float"), 0, scheme.integer("num_bits"))


def _modules(c: Config, plan: list[Slot]) -> dict[str, list[Modules]]:
    """Return the modules of every part that the model holds."""
    softmax = ("full", "sliding", "chunked", "cross", "hybrid")
    full = frozenset(i for i, s in enumerate(plan) if s.mixer in softmax)
    state = frozenset(i for i, s in enumerate(plan) if s.mixer not in (*softmax, "none"))
    dense = frozenset(
        i for i, s in enumerate(plan) if s.ffn == "dense" or (s.ffn == "moe" and c.flag("enable_moe_block"))
    )
    sparse = frozenset(i for i, s in enumerate(plan) if s.ffn == "moe")
    places = ("layers.#",) if c.flag("enable_moe_block") else _MLP
    router = (*_spelled(_MLP, (("gate", 1.0),)), *_spelled(("layers.#", *_MLP), (("router", 1.0),)))
    made = {
        "attention": [Modules(_spelled(_ATTENTION, _attention(c)), full), Modules(_spelled(_ATTENTION, _STATE), state)],
        "mlp": [Modules(_spelled(_MLP, _SIDES), dense)],
        "experts": [Modules(_spelled([f"{m}.experts.0" for m in places], _SIDES), sparse)],
        "shared": [Modules(_spelled([f"{m}.{s}" for m in _MLP for s in _SHARED], _SIDES), sparse)],
        "router": [Modules(((router[0][0] + router[1][0], 1.0),), sparse)],
    }
    kept = {part: kinds for part, kinds in made.items() if any(m.layers for m in kinds)}
    ends = {"embedding": ("embed_tokens", "embeddings", "embed"), "head": ("lm_head", "head")}
    return kept | {part: [Modules(((names, 1.0),), frozenset({0}))] for part, names in ends.items()}


_ATTENTION = ("layers.#.self_attn", "layers.#.linear_attn", "layers.#.attn", "layers.#.mixer", "layers.#.attention")
_MLP = ("layers.#.mlp", "layers.#.block_sparse_moe", "layers.#.ffn", "layers.#.feed_forward", "layers.#.mixer")
_SHARED = ("shared_experts", "shared_expert")
_SIDES = (("gate_proj|w1", 1.0), ("up_proj|w3", 1.0), ("down_proj|w2", 1.0))
_STATE = (("in_proj|in_proj_qkv|in_proj_qkvz", 3.0), ("out_proj|o_proj", 1.0))


def _spelled(places: Sequence[str], names: Iterable[tuple[str, float]]) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Return every spelling (places times names parted by a bar) of each module."""
    return tuple((tuple(f"{p}.{n}" for p in places for n in name.split("|")), weight) for name, weight in names)


def _attention(c: Config) -> list[tuple[str, float]]:
    """Return the projections of softmax attention and their relative weights."""
    heads, hidden = c.integer("heads", 1), c.integer("hidden")
    rank = c.integer("kv_rank", 0)
    if rank:
        query, size, value = c.integer("query_rank", 0), c.integer("nope_dim", 128), c.integer("v_head_dim", 128)
        rope = c.integer("rope_dim", 64)
        return [
            ("q_a_proj", hidden * query),
            ("q_b_proj|q_proj", (query or hidden) * heads * (size + rope)),
            ("kv_a_proj_with_mqa", hidden * (rank + rope)),
            ("kv_b_proj", rank * heads * (size + value)),
            ("o_proj", heads * value * hidden),
        ]
    kv = c.integer("kv_heads", heads)
    return [("q_proj", heads), ("k_proj", kv), ("v_proj", kv), ("o_proj", heads)]


def _covered(kinds: Iterable[Modules], patterns: list[Pattern]) -> float:
    """Return the share of a part's weights that patterns name, all layers alike."""
    total = named = 0.0
    for modules in kinds:
        whole = sum(weight for _, weight in modules.names)
        total += len(modules.layers)
        named += sum(w / whole * _layers_named(names, modules.layers, patterns) for names, w in modules.names)
    return named / (total or 1.0)


def _layers_named(names: tuple[str, ...], held: frozenset[int], patterns: list[Pattern]) -> int:
    layers: set[int] = set()
    for pattern in patterns:
        if any(matches(pattern, name) for name in names):
            if pattern.layers is None:
                return len(held)
            layers |= pattern.layers & held
    return len(layers)
