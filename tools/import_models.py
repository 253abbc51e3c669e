"""The model part of `import_catalog.py`: configs into records, quantisation lists condensed without loss."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Any

# Keys that change neither the shape, nor the cost, nor the storage of a model.
IRRELEVANT = re.compile(
    r".*_token_ids?|.*_token_index|(bos|eos|sep|cls|boi|eoi|boa|eoa)_.*|pad_token.*|pad_key.*|transformers_version|initializer_range"
    r"|auto_map|use_cache|_name_or_path|_commit_hash|tokenizer_class|.*dropout.*|id2label|label2id|problem_type"
    r"|return_dict.*|output_(attentions|hidden_states|scores|router_logits)|torchscript|pruned_heads|finetuning_task|prefix"
    r"|.*suppress_tokens|task_specific_params|tf_legacy_loss|use_bfloat16|typical_p|top_k|top_p|temperature"
    r"|repetition_penalty|remove_invalid_values|(encoder_)?no_repeat_ngram_size|num_return_sequences|num_beams|num_beam_groups"
    r"|diversity_penalty|do_sample|bad_words_ids|chunk_size_feed_forward|cross_attention_hidden_size|decoder_start_token_id"
    r"|exponential_decay_length_penalty|forced_.*|tie_encoder_decoder|early_stopping|length_penalty|min_length|max_length"
    r"|router_aux_loss_coef|aux_loss_alpha|seq_aux|embd_pdrop|resid_pdrop|attn_pdrop|time_step_(limit|floor|min|max|rank)"
    r"|initializer_cutoff_factor|.*_placeholder|summary_.*|classifier_.*|ignore_index|pretraining_tp|_from_model_config"
    r"|_attn_implementation_autoset|use_flash_attn|deterministic_flash_attn"
)
KEEP = re.compile(r"time_step_rank")  # sizes the low-rank step of Mamba-1


def read(path: Path) -> Any:
    """Return a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: (v or "").strip() for k, v in row.items()} for row in csv.DictReader(file)]


def trim(value: Any) -> Any:
    """Return a config without irrelevant keys; explicit nulls stay; an infinity that remains is refused."""
    if isinstance(value, dict):
        return {k: trim(v) for k, v in value.items() if KEEP.fullmatch(k) or not IRRELEVANT.fullmatch(k)}
    if isinstance(value, list):
        return [trim(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("an infinity under a key that is kept")
    return value


def runs(numbers: set[int]) -> str:
    """Return {3, 4, 5, 9} as `{3-5,9}`."""
    parts: list[list[int]] = []
    for n in sorted(numbers):
        if parts and n == parts[-1][1] + 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return "{" + ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts) + "}"


def condense(names: list[str], experts: int) -> list[str]:
    """Return dotted names with their numbers folded into `{0-60}` sets; all experts of a layer become `*`.

    `{...}` is lossless (the loader unfolds it again); `*` is used only where every expert is listed.
    """
    groups: dict[str, set[tuple[int, ...]]] = {}
    for name in names:
        if "{" in name:
            raise ValueError(f"{name}: holds a brace")
        if name.startswith("re:"):
            groups.setdefault(name, {()}).add(())
            continue
        found = re.findall(r"(?<=\.)\d+(?=\.|$|\*)", name)
        template = re.sub(r"(?<=\.)\d+(?=\.|$|\*)", "\0", name)
        groups.setdefault(template, set()).add(tuple(map(int, found)))
    return [folded for template, tuples in groups.items() for folded in fold(template, tuples, experts)]


def fold(template: str, tuples: set[tuple[int, ...]], experts: int) -> list[str]:
    """Return the fewest texts for one template: a cross product as one, else split by the first number."""
    width = len(next(iter(tuples)))
    if width == 0:
        return [template]
    sets = [{t[i] for t in tuples} for i in range(width)]
    if len(tuples) == math.prod(map(len, sets)):
        text = template
        for numbers in sets:
            before = text.split("\0", 1)[0]
            every = experts > 0 and before.endswith("experts.") and numbers == set(range(experts))
            one = str(next(iter(numbers))) if len(numbers) == 1 else runs(numbers)
            text = text.replace("\0", "*" if every else one, 1)
        return [text]
    by_rest: dict[tuple[int, ...], set[int]] = defaultdict(set)
    for t in tuples:
        by_rest[t[1:]].add(t[0])
    same: dict[frozenset[int], set[tuple[int, ...]]] = defaultdict(set)
    for rest, firsts in by_rest.items():
        same[frozenset(firsts)].add(rest)
    return [out for firsts, rests in same.items() for out in fold(template, set(product_of(firsts, rests)), experts)]


def product_of(firsts: frozenset[int], rests: set[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return all (first, *rest)."""
    return [(first, *rest) for first, rest in product(firsts, rests)]


def quantization(value: Any, experts: int) -> Any:
    """Return a quantisation record with its long lists and tables of layer names condensed."""
    if isinstance(value, dict):
        keyed = len(value) > 12 and all(re.search(r"\d", k) or isinstance(v, dict) for k, v in value.items())
        if not keyed:
            return {k: quantization(v, experts) for k, v in value.items()}
        alike: dict[str, list[str]] = defaultdict(list)
        for name, content in value.items():
            alike[json.dumps(content, sort_keys=True)].append(name)
        return {folded: json.loads(text) for text, names in alike.items() for folded in condense(names, experts)}
    if isinstance(value, list) and len(value) > 8 and all(isinstance(v, str) for v in value):
        return condense(value, experts)
    return value


def dump(value: Any, depth: int = 0) -> str:
    """Return JSON with short values on one line, long ones broken, one space a level."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(flat) + depth <= 118 or not isinstance(value, (dict, list)):
        return flat
    pad = " " * (depth + 1)
    if isinstance(value, dict):
        body = [f"{json.dumps(k, ensure_ascii=False)}: {dump(v, depth + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(pad + line for line in body) + "\n" + " " * depth + "}"
    if all(not isinstance(v, (dict, list)) for v in value):
        lines, line = [], ""
        for item in (json.dumps(v, ensure_ascii=False) for v in value):
            if line and len(line) + len(item) > 112:
                lines.append(line.rstrip())
                line = ""
            line += item + ", "
        body_text = ("\n" + pad).join([*lines, line.rstrip(", ")])
        return f"[\n{pad}{body_text}\n{' ' * depth}]"
    return "[\n" + ",\n".join(pad + dump(v, depth + 1) for v in value) + "\n" + " " * depth + "]"


def count_experts(config: dict[str, Any]) -> int:
    """Return routed experts by whatever key the config uses; 0 if dense."""
    text = config.get("text_config") or config.get("llm_config") or config
    for key in ("n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts"):
        if isinstance(text.get(key), int):
            return int(text[key])
    return 0


def number(text: str) -> Any:
    """Return a number from a cell, None for an empty one, text where it is neither."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value == int(value) else value


def parameters(row: dict[str, str], published: dict[str, str] | None) -> dict[str, Any]:
    """Return what is published about sizes, with how exact each is."""
    out: dict[str, Any] = {
        "listed_total": number(row["params_total"]),
        "listed_active": number(row["params_active"]),
        "listed_source": row["params_source"],
    }
    for key, cell in (published or {}).items():
        if key != "name" and cell:
            out[{"source": "total_source", "source2": "kv_source", "exactness": "total_exactness"}.get(key, key)] = (
                number(cell)
            )
    return {k: v for k, v in out.items() if v not in (None, "")}


def record(row: dict[str, str], config: dict[str, Any], published: dict[str, str] | None, as_of: str) -> dict[str, Any]:
    """Return one model record."""
    experts = count_experts(config)
    config = trim(config)
    if "quantization_config" in config:
        config["quantization_config"] = quantization(config["quantization_config"], experts)
    derived = row["config_kind"] == "derived"
    return {
        "name": row["name"],
        "hf_id": row["hf_id"],
        "organization": row["organization"],
        "country": row["country"],
        "license": row["license"],
        "open": row["open_weights_or_source"],
        "release": row["release_date"],
        "context": number(row["context"]),
        "modality": row["modality"],
        "published": not derived,
        "known": "derived" if derived else "read",
        "source": row["config_source"],
        "as_of": as_of,
        "notes": "; ".join(
            filter(None, ["reserialised copy" if row["config_kind"] == "published-reserialised" else "",
                          "built from facts, not a published file" if derived else "", row["notes"]])),
        "parameters": parameters(row, published),
        "config": config,
    }  # fmt: skip


def find_base(name: str, known: dict[str, dict[str, str]]) -> tuple[str, bool]:
    """Return (model that a quantised checkpoint belongs to, whether it is that very record)."""
    for candidate in (name, name.removeprefix("nvidia-")):
        if candidate in known:
            return candidate, True
    for own, row in known.items():
        if row["hf_id"].lower().rpartition("/")[2] == name:
            return own, True
    plain = re.sub(r"-(nvfp4|fp8)(-.*)?$", "", name.removeprefix("nvidia-"))
    bare = re.sub(r"-(it|instruct)$", "", plain)
    options = [plain, bare, *(f"{bare}-{p}" for p in ("nvfp4", "fp8")), plain.removeprefix("nemotron-3-")]
    for option in options:
        if option in known:
            return option, False
    raise ValueError(f"{name}: no model of that shape")


def models(data: Path, out: Path, as_of: str) -> int:
    """Write models/NAME.json, and checkpoints/NAME.json for quantised files of a model that has its own record."""
    table = {row["name"]: row for row in rows(data / "models.csv")}
    published = {row["name"]: row for row in rows(data / "model_params.csv")}
    records, configs = {}, {}
    for name, row in table.items():
        folder = "models_derived" if row["config_kind"] == "derived" else "models"
        configs[name] = read(data / folder / f"{name}.json")
        records[name] = record(row, configs[name], published.get(name), as_of)
    extra: dict[str, dict[str, Any]] = {}
    for path in sorted((data / "models_quant").glob("*.json")):
        name = path.name.removesuffix(".hf_quant_config.json")
        base, same = find_base(name, table)
        content = quantization(read(path), count_experts(configs[base]))
        if same:
            records[base]["hf_quant_config"] = content
        else:
            extra[name.removeprefix("nvidia-")] = {"name": name.removeprefix("nvidia-"), "shape": base, "known": "read", "as_of": as_of,
                           "source": f"hf_quant_config.json of the checkpoint {name}", "hf_quant_config": content}  # fmt: skip
    for kind, group in (("models", records), ("checkpoints", extra)):
        (out / kind).mkdir(parents=True, exist_ok=True)
        for name, content in group.items():
            (out / kind / f"{name}.json").write_text(dump(content) + "\n", encoding="utf-8")
    return len(records)
