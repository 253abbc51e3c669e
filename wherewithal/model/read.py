"""A config file -> a Model: finds the language model in the file, its family, its layers, its ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wherewithal.errors import InputError
from wherewithal.model import read_attention, read_ffn, read_state
from wherewithal.model.block import Block
from wherewithal.model.blocks.embed import Embedding, Head
from wherewithal.model.blocks.linear_map import LinearMap
from wherewithal.model.config import Config
from wherewithal.model.families import Family, check_signs, family_of
from wherewithal.model.model import Layer, Model
from wherewithal.model.read_layers import Slot, slots
from wherewithal.model.read_quant import read_stored
from wherewithal.model.read_towers import read_towers

TEXT_PARTS = ("text_config", "llm_config", "language_config")
"""Keys under which multimodal files hold their language model."""


def read_config(
    config: Mapping[str, Any],
    where: str,
    quant: Mapping[str, Any] | None = None,
    name: str = "",
    *,
    published: bool = True,
) -> Model:
    """Return the model that a config describes.

    Args:
        config: the parsed config.json (or a catalog record's `config`).
        where: file or catalog name, for messages.
        quant: parsed hf_quant_config.json that stands beside it.
        name: name of the model; `where` if empty.
        published: whether the config is a published file.

    Raises:
        InputError: with the dotted path of what is missing, of a wrong type, out of range or of an unknown kind.
    """
    if not isinstance(config, Mapping):
        raise InputError(where, "the config is not a table", "give a JSON object with model_type")
    notes: list[str] = []
    outer = Config(config, where, notes=notes)
    text = _text_part(outer)
    family = family_of(text, outer)
    text.defaults, text.parent = family.values, outer.values if text is not outer else {}
    check_signs(text, family)
    plan = slots(text, family)
    layers, draft = _layers(text, family, plan)
    stored = read_stored(outer, text, quant, plan)
    towers, per_image = read_towers(outer)
    architecture = text.text("model_type") or outer.text("model_type") or family.name
    return Model(
        name=name or where, architecture=architecture, hidden=text.integer("hidden"), layers=layers,
        embedding=_embedding(text, family), head=_head(text, outer, family), draft=draft, towers=towers,
        vision_tokens=per_image, context=text.integer("context", 0), stored=stored.parts,
        activations=stored.activations, kv=stored.kv, published=published,
        notes=tuple(dict.fromkeys([*notes, *stored.notes])), source=where,
    )  # fmt: skip


def _text_part(outer: Config) -> Config:
    for key in TEXT_PARTS:
        part = outer.sub(key)
        if part is not None:
            return part
    return outer


def _layers(c: Config, family: Family, plan: list[Slot]) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    """Return groups of equal layers, and the draft layers."""
    seen: dict[Block, Block] = {}
    groups: dict[tuple[Block, ...], tuple[str, int]] = {}
    for i, slot in enumerate(plan):
        built = [*_mixer(c, family, i, slot), *_ffn(c, family, i, slot)]
        built = _doubled(c, family, i, built) if family.double else built
        parts = tuple(seen.setdefault(b, b) for b in [*built, *read_state.beside(c, family)])
        label, count = groups.get(parts, (f"{slot.mixer}+{slot.ffn}", 0))
        groups[parts] = (label, count + 1)
    made = tuple(Layer(label, count, blocks) for blocks, (label, count) in groups.items())
    return _named(made), _draft(c, family, made)


def _named(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return layers with names of their own where two kinds look alike."""
    taken: dict[str, int] = {}
    named = []
    for layer in layers:
        n = taken[layer.name] = taken.get(layer.name, 0) + 1
        named.append(layer if n == 1 else Layer(f"{layer.name}#{n}", layer.count, layer.blocks))
    return tuple(named)


def _mixer(c: Config, family: Family, i: int, slot: Slot) -> list[Block]:
    if slot.mixer == "none":
        return []
    if slot.mixer == "replace":
        return [read_attention.replaced(c, family)]
    if slot.mixer in ("linear", "mamba", "recurrent", "hybrid", "cross"):
        return read_state.mixer(c, family, i, slot.mixer)
    first = read_attention.softmax(c, family, i, slot.mixer)
    return [first, read_state.mamba(c, family, joined=True)] if family.parallel else [first]


def _ffn(c: Config, family: Family, i: int, slot: Slot) -> list[Block]:
    if slot.ffn == "none":
        return []
    if slot.ffn == "replace":
        return [read_attention.replaced(c, family)]
    if slot.ffn == "dense":
        return [read_ffn.dense(c, family, i)]
    return list(read_ffn.experts(c, family, i))


def _doubled(c: Config, family: Family, i: int, built: list[Block]) -> list[Block]:
    """Return two attention and two dense parts around the experts."""
    once = [built[0], read_ffn.dense(c, family, i)]
    return [*once, *once, *built[1:]]


def _draft(c: Config, family: Family, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return the multi-token prediction layers: a map from two hidden widths to one, then a layer like the last."""
    count = c.integer("drafts", 0)
    if not count:
        return ()
    hidden = c.integer("hidden")
    join = LinearMap(hidden, 2 * hidden, 2 * hidden)
    if not family.single:
        full = next((g for g in reversed(layers) if g.name.startswith("full")), layers[-1])
        return (Layer("draft", count, (join, *full.blocks)),)
    kinds = [g.blocks for name in ("full", "none+moe", "none+dense") for g in layers if g.name.startswith(name)]
    return (Layer("draft", count, (join, *[b for blocks in kinds[:2] for b in blocks])),)


def _embedding(c: Config, family: Family) -> Embedding:
    hidden = c.integer("hidden")
    extra = hidden * family.extra_vocab
    if family.positions:
        extra += hidden * c.integer("context")
    if family.encoder:
        extra += hidden * family.norm_width + hidden * c.integer("type_vocab_size", 0)
    return Embedding(hidden, c.integer("vocab"), extra + c.integer("hidden_size_per_layer_input", 0))


def _head(c: Config, outer: Config, family: Family) -> Head:
    hidden, vocab = c.integer("hidden"), c.integer("vocab")
    tied = c.flag("tied", outer.flag("tied", family.tied))
    norm = read_attention.norms(c, family, 1) if family.final_norm else 0
    if family.head_dense:
        norm += hidden * (hidden + family.norm_width) + hidden * (family.norm_width - 1)
    return Head(hidden, vocab, tied, norm, vocab * family.says("head_bias", c))
