"""A GGUF file -> a Model: the header's keys read as a config, the header's tensors as exact bytes by part."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from wherewithal.errors import InputError, nearest
from wherewithal.model.config import table
from wherewithal.model.families import Family, families
from wherewithal.model.gguf_header import Header, Length, Tensor, read_header
from wherewithal.model.model import Model
from wherewithal.model.read import read_config

_BLOCK = re.compile(r"blk\.(\d{1,5})\.(\w+)")
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def read_gguf(path: Path) -> Model:
    """Return the model in a GGUF file; of a split one, the parts that stand beside it are read too.

    Its weights count at exactly the bytes of its tensors; each part's number format is the one whose bits per weight
    are nearest to that part's.

    Raises:
        InputError: for a file that is no whole GGUF file, lacks a part, or is of an unknown architecture.
    """
    header = read_header(path)
    header = _whole(header, path)
    where = str(path)
    config = to_config(header, where)
    try:
        model = read_config(config, where, name=path.stem)
    except InputError as error:
        raise _renamed(error, header) from None
    total = sum(t.bytes for t in header.tensors)
    notes = [*model.notes, *_compared(model, header.tensors)]
    stored = stored_parts(header.tensors)
    if model.head.tied and "embedding" in stored:
        stored["head"] = stored["embedding"]
    return replace(model, stored=stored, weight_bytes=total, activations="", notes=tuple(notes))


def _renamed(error: InputError, header: Header) -> InputError:
    """Return an error under the key that stands in the GGUF file."""
    place, _, key = error.where.rpartition(": ")
    own = next((k for k, name in table("gguf.toml")["keys"].items() if name == key), "")
    arch = header.keys.get("general.architecture")
    return InputError(f"{place}: {arch}.{own}", error.what, "" if "add " in error.fix else error.fix) if own else error


def _whole(header: Header, path: Path) -> Header:
    """Return a header with the tensors of all files of a split model."""
    count = header.keys.get("split.count", 1)
    if not isinstance(count, int) or count <= 1:
        return header
    if count > 1000 or not _SPLIT.search(path.name):
        raise InputError(str(path), f"one of {count} files, by its keys", "keep the names -00001-of-0000N.gguf")
    tensors = list(header.tensors)
    keys = dict(header.keys)
    for n in range(1, count + 1):
        other = path.with_name(_SPLIT.sub(f"-{n:05d}-of-{count:05d}.gguf", path.name))
        if other == path:
            continue
        if not other.exists():
            raise InputError(
                str(path), f"one of {count} files, and {other.name} is not beside it", "keep all files together"
            )
        more = read_header(other)
        tensors += more.tensors
        keys = {**more.keys, **keys}
    return Header(keys, tuple(tensors))


def to_config(header: Header, where: str) -> dict[str, Any]:
    """Return the header's keys as the config that a model class would read.

    Raises:
        InputError: for a missing or unknown architecture, or missing sizes.
    """
    known = table("gguf.toml")["architectures"]
    arch = header.keys.get("general.architecture")
    if not isinstance(arch, str):
        raise InputError(f"{where}: general.architecture", "missing", "give a GGUF file of a language model")
    if arch not in known:
        close = nearest(arch, known) or sorted(known)[:8]
        raise InputError(
            f"{where}: general.architecture",
            f"unknown architecture {arch[:60]!r}",
            f"nearest known: {', '.join(close)}",
        )
    config = {"model_type": known[arch], **_translated(header, arch, where)}
    family = families()[known[arch]]
    _layers(config, header.tensors, family)
    _sizes(config, header, arch, family)
    return {key: value for key, value in config.items() if value is not None}


def _translated(header: Header, arch: str, where: str) -> dict[str, Any]:
    """Return config keys; lists of equal entries become one value, others stay."""
    config: dict[str, Any] = {}
    for key, name in table("gguf.toml")["keys"].items():
        value = header.keys.get(f"{arch}.{key}")
        if isinstance(value, Length):
            raise InputError(f"{where}: {arch}.{key}", f"a list of {value.count:,} entries", "at most 10,000")
        if isinstance(value, list) and value and len(set(value)) == 1:
            value = value[0]
        if value is not None:
            config[name] = value
    for key in ("block_count", "embedding_length"):
        if f"{arch}.{key}" not in header.keys:
            raise InputError(f"{where}: {arch}.{key}", "missing", "give a GGUF file of a language model")
    return config


def _names(tensors: Iterable[Tensor]) -> dict[int, set[str]]:
    """Return the names of the tensors of every layer."""
    found: dict[int, set[str]] = {}
    for tensor in tensors:
        match = _BLOCK.match(tensor.name)
        if match:
            found.setdefault(int(match.group(1)), set()).add(match.group(2))
    return found


def _layers(config: dict[str, Any], tensors: tuple[Tensor, ...], family: Family) -> None:
    """Turn per-layer lists and tensor names into the lists of kinds that configs hold."""
    drafts = config.get("num_nextn_predict_layers", 0)
    count = config["num_hidden_layers"]
    if not isinstance(count, int) or not isinstance(drafts, int) or not 0 < count <= 10_000 or not 0 <= drafts < count:
        return
    count -= drafts
    config["num_hidden_layers"] = count
    names = _names(tensors)
    held = [names.get(i, set()) for i in range(count)]
    state = [any(n.startswith("ssm_") for n in h) for h in held]
    if family.single:
        config["hybrid_override_pattern"] = "".join(_letter(h) for h in held)
    elif any(state) and not family.parallel:
        word = "linear_attention" if family.linear else "mamba"
        config["layer_types"] = [word if s else "full_attention" for s in state]
        config.pop("full_attention_interval", None)
    elif not (family.mamba or family.linear):
        _searched(config, count)
    if config.get("num_experts") and any("ffn_gate_inp" in h for h in held):
        config["mlp_layer_types"] = ["sparse" if "ffn_gate_inp" in h else "dense" for h in held]
        config.pop("first_k_dense_replace", None)
    for key, pick in (("num_key_value_heads", max), ("num_attention_heads", max), ("intermediate_size", max)):
        if isinstance(config.get(key), list) and all(isinstance(v, int) for v in config[key]):
            config[key] = pick(config[key])


def _letter(names: set[str]) -> str:
    """Return the letter of a layer that holds one block."""
    if any(n.startswith("ssm_") for n in names):
        return "M"
    if any(n.startswith("attn_q") for n in names):
        return "*"
    return "E" if "ffn_gate_inp" in names else "-"


def _searched(config: dict[str, Any], count: int) -> None:
    """Turn lists of heads and widths into the table of a searched architecture."""
    lists = [config.get(k) for k in ("num_attention_heads", "num_key_value_heads", "intermediate_size")]
    if not any(isinstance(v, list) for v in lists):
        return
    heads, kv, widths = (v if isinstance(v, list) else [v] * count for v in lists)
    if not all(isinstance(v, int) for row in (heads, kv, widths) for v in row) or {
        len(heads),
        len(kv),
        len(widths),
    } != {count}:
        return
    config["block_configs"] = [
        {
            "attention": {"no_op": not h, "replace_with_linear": bool(h and not g), "n_heads_in_group": h // (g or 1)},
            "ffn": {"no_op": not w, "intermediate_size": w or None},
        }
        for h, g, w in zip(heads, kv, widths, strict=True)
    ]


def _sizes(config: dict[str, Any], header: Header, arch: str, family: Family) -> None:
    """Add the sizes that GGUF states in another way than configs do."""
    keys = header.keys
    tokens = keys.get("tokenizer.ggml.tokens")
    embedding = next((t for t in header.tensors if t.name == "token_embd.weight"), None)
    if embedding is not None and len(embedding.shape) == 2:
        config["vocab_size"] = embedding.shape[1]
    elif "vocab_size" not in config:
        config["vocab_size"] = tokens.count if isinstance(tokens, Length) else None
    config["tie_word_embeddings"] = not any(t.name == "output.weight" for t in header.tensors)
    pattern = keys.get(f"{arch}.attention.sliding_window_pattern")
    if isinstance(pattern, list):
        config["layer_types"] = ["sliding_attention" if p else "full_attention" for p in pattern]
        config["layer_types"] = config["layer_types"][: config["num_hidden_layers"]]
    elif isinstance(pattern, int):
        config["sliding_window_pattern"] = pattern
    if config.get("sliding_window") == 0:
        config.pop("sliding_window")
    names = {t.name for t in header.tensors[:5000]}
    config["attention_bias"] = any(n.endswith(("attn_q.bias", "attn_qkv.bias")) for n in names)
    config["add_qkv_bias"] = config["qkv_bias"] = config["bias"] = config["attention_bias"]
    _latent(config, keys, arch)
    _state(config, keys, arch, family)
    _experts(config, arch)


def _latent(config: dict[str, Any], keys: Mapping[str, Any], arch: str) -> None:
    """Split the key of latent attention into its parts without and with position."""
    if not config.get("kv_lora_rank"):
        return
    size = keys.get(f"{arch}.attention.key_length_mla", config.get("head_dim"))
    value = keys.get(f"{arch}.attention.value_length_mla", config.get("v_head_dim"))
    rope = keys.get(f"{arch}.rope.dimension_count")
    if all(isinstance(v, int) for v in (size, value, rope)):
        config.update(qk_rope_head_dim=rope, qk_nope_head_dim=size - rope, v_head_dim=value)
    config.pop("head_dim", None)
    if not config.get("q_lora_rank"):
        config.pop("q_lora_rank", None)


def _state(config: dict[str, Any], keys: Mapping[str, Any], arch: str, family: Family) -> None:
    """Name the sizes of state-space and linear layers as their configs do."""
    inner, rank = keys.get(f"{arch}.ssm.inner_size"), keys.get(f"{arch}.ssm.time_step_rank")
    state, groups = config.get("ssm_state_size"), config.get("n_groups")
    conv = config.get("conv_kernel")
    if family.linear == "kda":
        heads = config.get("num_attention_heads")
        config.update(
            linear_num_heads=heads, linear_head_dim=keys.get(f"{arch}.kda.head_dim"), linear_conv_kernel_dim=conv
        )
    if not (isinstance(inner, int) and isinstance(rank, int) and inner > 0 and rank > 0):
        return
    if family.mamba == "mamba1":
        config.update(mamba_dt_rank=rank, mamba_expand=max(1, inner // max(1, config["hidden_size"])))
    elif family.linear:
        config.update(
            linear_num_key_heads=groups, linear_key_head_dim=state, linear_num_value_heads=rank,
            linear_value_head_dim=inner // rank, linear_conv_kernel_dim=conv,
        )  # fmt: skip
    else:
        config.update(mamba_num_heads=rank, mamba_head_dim=inner // rank)


def _experts(config: dict[str, Any], arch: str) -> None:
    if not config.get("num_experts"):
        for key in ("num_experts", "num_experts_per_tok", "moe_intermediate_size", "n_shared_experts"):
            config.pop(key, None)
    elif arch in table("gguf.toml")["expert_width_is_intermediate"]:
        config["intermediate_size_mlp"] = config.get("intermediate_size")
        config["intermediate_size"] = config.get("moe_intermediate_size")


def part_of(name: str) -> str:
    """Return the part of the model that a tensor belongs to."""
    tail = name.split(".", 2)[-1] if name.startswith("blk.") else name
    if tail.endswith(".bias"):
        return "other"
    for sign, part in table("gguf.toml")["parts"].items():
        if sign in tail.removesuffix(".weight"):
            return str(part)
    return "other"


@cache
def _bits() -> dict[str, float]:
    """Return bits per weight of every number format that GGUF files use."""
    file = resources.files("wherewithal.catalog") / "data" / "formats.toml"
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["formats"]
    kept = ("bf16", "mxfp4", "nvfp4")
    return {n: float(r["bits"]) for n, r in rows.items() if n in kept or r["activations"] == "q8_1"}


def stored_parts(tensors: Iterable[Tensor]) -> dict[str, str]:
    """Return the number format of each part: that of its tensors, or where they differ the nearest in bits per weight."""
    held: dict[str, dict[str, tuple[float, float]]] = {}
    for tensor in tensors:
        kinds = held.setdefault(part_of(tensor.name), {})
        count, size = kinds.get(tensor.type, (0.0, 0.0))
        kinds[tensor.type] = (count + tensor.elements, size + tensor.bytes)
    return {"other": "fp32", **{part: _format(kinds) for part, kinds in held.items()}}


def _format(kinds: Mapping[str, tuple[float, float]]) -> str:
    names = {"f32": "fp32", "f16": "fp16"}
    if len(kinds) == 1:
        only = next(iter(kinds))
        if only in names or only in _bits():
            return names.get(only, only)
    bits = 8 * sum(size for _, size in kinds.values()) / sum(count for count, _ in kinds.values())
    if bits > 12:
        return "fp32" if bits > 24 else "fp16"
    return min(_bits(), key=lambda name: abs(_bits()[name] - bits))


def _compared(model: Model, tensors: Iterable[Tensor]) -> list[str]:
    """Return a note where the keys give another number of weights than the tensors hold."""
    held = float(sum(t.elements for t in tensors if not t.name.startswith(("v.", "mm.", "a."))))
    counted = (
        model.parameters + sum(model.parameters_by_part(draft=True).values()) - sum(model.parameters_by_part().values())
    )
    if abs(counted / held - 1) <= 0.005:
        return []
    return [f"its tensors hold {held:,.0f} weights, its keys give {counted:,.0f}"]
