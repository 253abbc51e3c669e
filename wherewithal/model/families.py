"""Families of config files: what their model classes do that the file does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from wherewithal.errors import InputError, nearest
from wherewithal.model.config import Config, table

Trait = bool | str
"""A yes or no, or the name of the config key that says so."""


@dataclass(frozen=True)
class Family:
    """What one family of model classes does (`families.toml` holds one table for each).

    Attributes:
        name: `model_type` of its files.
        attention: kind of softmax attention: gqa, mla, dsa, csa, mfa, block_sparse.
        linear, mamba, recurrent: kind behind the words `linear_attention`, `mamba`, `recurrent`.
        single: whether a layer holds one block (a mixer or a feed-forward layer) instead of two.
        parallel: whether attention and a state-space mixer stand side by side in every layer.
        double: whether a layer holds two attention and two dense parts around its experts.
        ffn: whether layers have a feed-forward part of their own.
        beside: whether a dense part stands beside the experts.
        encoder: whether the model reads without generating (no KV cache is kept).
        attention_norms, mlp_norms: norms of the hidden width before and after each part.
        norm_width: parameters of a norm per element (2 with a bias).
        first_norm: whether layer 0 has a norm before its attention.
        final_norm: whether a norm stands before the head.
        qk_norm: norm of queries and keys: none, head (one head's width), all (every head's width).
        qk_norm_key: config key that switches it on; empty where always on.
        qkv_bias, out_bias, mlp_bias, router_bias, head_bias: whether these biases exist.
        expert_bias: whether each expert has biases.
        gate: whether attention has an output gate.
        sinks: whether each head has a learnt sink.
        gated: whether feed-forward layers are gated.
        wide: multiple of the hidden width that is the class default of a feed-forward width; 0 where it must be given.
        halved: whether the file's intermediate size counts gate and up together.
        mlp_inner_norm: whether norms stand inside: attention output and feed-forward width.
        shared_gate: whether shared experts have a gate of one column.
        window: where a window holds that no list of layers gives: none, all, flag (`use_sliding_window`).
        half_window: whether the file's window counts both sides of a token.
        positions: whether positions are learnt.
        tied: class default of `tie_word_embeddings`.
        extra_vocab: rows of a second embedding table.
        head_dense: whether a dense layer with its norm stands before the head.
        residual: kind of residual streams: none, hyper, attention.
        values: class defaults of missing keys.
        words: further words of `layer_types` and what they mean here.
        why: where these facts come from.
    """

    name: str
    attention: str = "gqa"
    linear: str = ""
    mamba: str = ""
    recurrent: str = ""
    single: bool = False
    parallel: bool = False
    double: bool = False
    ffn: bool = True
    beside: bool = False
    encoder: bool = False
    attention_norms: int = 1
    mlp_norms: int = 1
    norm_width: int = 1
    first_norm: bool = True
    final_norm: bool = True
    qk_norm: str = "none"
    qk_norm_key: str = ""
    qkv_bias: Trait = False
    out_bias: Trait = False
    mlp_bias: Trait = False
    router_bias: Trait = False
    head_bias: Trait = False
    expert_bias: bool = False
    gate: Trait = False
    sinks: bool = False
    gated: Trait = True
    wide: int = 0
    halved: bool = False
    mlp_inner_norm: bool = False
    shared_gate: bool = False
    window: str = "flag"
    half_window: bool = False
    positions: bool = False
    tied: bool = False
    extra_vocab: int = 0
    head_dense: bool = False
    residual: str = "none"
    values: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    def says(self, trait: str, config: Config) -> bool:
        """Return a trait: itself where it is a yes or no, else the value of the config key that it names."""
        value = getattr(self, trait)
        return config.flag(value) if isinstance(value, str) else bool(value)


@cache
def families() -> dict[str, Family]:
    """Return every family by the `model_type` of its files (aliases included)."""
    raw = table("families.toml")
    known: dict[str, Family] = {}
    for name in raw["families"]:
        merged = _merged(name, raw["families"])
        also = merged.pop("also", [])
        merged.pop("classes", None)
        allowed = {f.name for f in fields(Family)}
        family = Family(name=name, **{k: v for k, v in merged.items() if k in allowed})
        known.update(dict.fromkeys([name, *also], family))
    return known


@cache
def classes() -> dict[str, str]:
    """Return class names (`architectures`) to the families that they stand for where `model_type` does not say."""
    raw = table("families.toml")["families"]
    return {c: name for name, t in raw.items() for c in t.get("classes", [])}


def _merged(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    own = dict(raw[name])
    base = own.pop("like", None)
    if base is None:
        return own
    inherited = _merged(base, raw)
    inherited.pop("also", None)
    values = {**inherited.get("values", {}), **own.get("values", {})}
    return {**inherited, **own, "values": values}


def family_of(config: Config, outer: Config) -> Family:
    """Return the family of a config: by the text part's `model_type`, the file's own, then its class name.

    Raises:
        InputError: where none is known; it names the key and the nearest known kinds.
    """
    known = families()
    tried: list[tuple[Config, str, str]] = []
    for part in (config, outer):
        name = part.text("model_type")
        if name:
            tried.append((part, "model_type", name))
            if name in known:
                return known[name]
    for part in (config, outer):
        for name in part.items("architectures"):
            if isinstance(name, str):
                tried.append((part, "architectures", name))
                if name in classes():
                    return known[classes()[name]]
    if not tried:
        raise outer.fail("model_type", "missing", "add the model_type of the file's family")
    part, key, name = tried[0]
    close = nearest(name, known) or nearest(name, classes())
    hint = f"nearest known: {', '.join(close)}" if close else f"known: {', '.join(sorted(known)[:8])}, ..."
    raise InputError(part.at(key), f"unknown architecture {name[:60]!r}", hint)


def check_signs(config: Config, family: Family) -> None:
    """Refuse a file that holds keys of a kind of layer that its family does not have: its cost would be a guess.

    Raises:
        InputError: it names the key and the families that have that kind.
    """
    for key, (trait, *kinds) in table("keys.toml")["signs"].items():
        if not config.values.get(key) or getattr(family, trait) in kinds:
            continue
        having = sorted({f.name for f in families().values() if getattr(f, trait) in kinds})
        what = f"a key of {' or '.join(kinds)} layers, which {family.name} files do not have"
        raise config.fail(key, what, f"nearest known: model_type {', '.join(having[:4])}")
