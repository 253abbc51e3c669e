"""Reading configs: every catalog model, published counts, and errors that name what is wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tools.parameter_table import REASONS, Row, model_of, records, row
from wherewithal.errors import InputError
from wherewithal.model.families import Family, families
from wherewithal.model.model import Model
from wherewithal.model.read import read_config

RECORDS = {r["name"]: r for r in records()}
ROWS: dict[str, Row] = {name: row(record) for name, record in RECORDS.items()}
LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 2048, "tie_word_embeddings": False,
}  # fmt: skip


def made(**changes: Any) -> Model:
    return read_config({**LLAMA, **changes}, "config.json")


def text_of(config: dict[str, Any]) -> dict[str, Any]:
    return next((config[k] for k in ("text_config", "llm_config", "language_config") if k in config), config)


def test_there_are_models() -> None:
    assert len(RECORDS) >= 200


@pytest.mark.parametrize("name", [n for n, r in ROWS.items() if r.exact])
def test_exact_totals(name: str) -> None:
    """Every exact published total is met to the last parameter, the strongest form of within 0.5%."""
    assert ROWS[name].counted == ROWS[name].published


@pytest.mark.parametrize("name", [n for n, r in ROWS.items() if r.active_exact and r.active_published])
def test_exact_active(name: str) -> None:
    assert abs(ROWS[name].active_error or 0.0) <= 0.02


@pytest.mark.parametrize("name", [n for n, r in ROWS.items() if r.error is not None and abs(r.error) > 0.005])
def test_differences_have_a_reason(name: str) -> None:
    assert ROWS[name].why


def test_reasons_are_needed() -> None:
    assert set(REASONS) <= set(RECORDS)


@pytest.mark.parametrize("name", [n for n, r in ROWS.items() if r.kv_published])
def test_kv_bytes_as_published(name: str) -> None:
    assert ROWS[name].kv == ROWS[name].kv_published


@pytest.mark.parametrize("name", RECORDS)
def test_every_model_has_layers_and_ends(name: str) -> None:
    model = model_of(RECORDS[name])
    text = text_of(RECORDS[name]["config"])
    stated = text.get("num_hidden_layers") or text.get("num_layers") or text.get("n_layer")
    assert model.depth == (stated or len(text.get("layers_block_type", "x")))
    assert model.parameters > 1e7
    assert 0 < model.active_parameters <= model.parameters
    assert model.hidden == model.embedding.hidden == model.head.hidden
    assert model.context > 0 or "max_position_embeddings" not in text


@pytest.mark.parametrize("name", RECORDS)
def test_equal_blocks_are_one_object(name: str) -> None:
    seen: dict[Any, int] = {}
    for _, block in model_of(RECORDS[name]).body():
        assert seen.setdefault(block, id(block)) == id(block)


def test_counts_of_hybrids() -> None:
    """Counts of the shared table that no exact row covers."""
    counted = {
        "qwen3-next-80b-a3b": (79.67e9, 3.87e9), "qwen3.5-397b-a17b": (396.35e9, 17.35e9),
        "nemotron-3-super-120b-a12b-fp8": (120.67e9, 12.77e9), "jamba-v0.1": (51.570e9, 12.11e9),
        "minimax-m1-80k": (456.09e9, 48.40e9), "longcat-flash-chat": (560.66e9, 27.95e9),
        "falcon-h1-34b": (33.64e9, 33.64e9), "granite-4.0-h-small": (32.21e9, 8.80e9),
        "kimi-linear-48b-a3b": (49.1e9, 3.5e9), "deepseek-v4-flash": (284.3e9, 13.8e9),
    }  # fmt: skip
    for name, (total, active) in counted.items():
        model = model_of(RECORDS[name])
        assert model.parameters == pytest.approx(total, rel=1e-3), name
        assert model.active_parameters == pytest.approx(active, rel=5e-3), name


def test_kv_elements_of_hybrids() -> None:
    counted = {
        "qwen3-next-80b-a3b": 12288, "qwen3.5-397b-a17b": 15360, "nemotron-3-nano-30b-a3b": 3072,
        "nemotron-3-ultra-550b-a55b": 6144, "minimax-m1-80k": 20480, "jamba-v0.1": 8192, "kimi-linear-48b-a3b": 3456,
        "kimi-k3": 13824, "nemotron-super-49b": 100352, "gpt-oss-20b": 24576,
    }  # fmt: skip
    for name, elements in counted.items():
        assert model_of(RECORDS[name]).kv_elements_per_token == elements, name


def test_state_of_hybrids() -> None:
    """State elements of the shared table, in float32; convolution inputs stand beside them in 16 bit."""
    qwen = model_of(RECORDS["qwen3-next-80b-a3b"]).state_bytes_per_sequence
    assert qwen == pytest.approx(4 * 18.9e6 + 2 * 0.9e6, rel=0.01)
    assert model_of(RECORDS["minimax-m1-80k"]).state_bytes_per_sequence == pytest.approx(4 * 73.4e6, rel=0.01)


def test_windows_are_held_to_their_size() -> None:
    model = model_of(RECORDS["gpt-oss-20b"])
    far, near = model.cache_bytes(100_000.0), model.cache_bytes(1000.0)
    assert far == 2 * 12 * (100_000 + 128) * 1024
    assert near == 2 * 12 * (1000 + 128) * 1024


def test_cache_grows_with_context() -> None:
    for record in RECORDS.values():
        model = model_of(record)
        held = [float(model.cache_bytes(n)) for n in (1.0, 100.0, 5000.0, 1e5)]
        assert held == sorted(held), record["name"]


# ---- the file says ------------------------------------------------------------------------------------------------


def test_small_llama_by_hand() -> None:
    attention, mlp = 64 * 16 * (4 + 2 + 2) + 64 * 64, 3 * 64 * 128
    assert made().parameters == 2 * (attention + mlp + 2 * 64) + 2 * 100 * 64 + 64


def test_tied_head_is_held_once() -> None:
    assert made().parameters - made(tie_word_embeddings=True).parameters == 6400


def test_biases_of_the_file() -> None:
    assert made(attention_bias=True).parameters - made().parameters == 2 * (16 * 8 + 64)


def test_class_default_is_noted() -> None:
    config = {k: v for k, v in LLAMA.items() if k != "num_attention_heads"} | {
        "model_type": "gemma3_text",
        "head_dim": 16,
    }
    model = read_config(config, "f")
    assert any("num_attention_heads" in n for n in model.notes)


def test_class_name_serves_without_model_type() -> None:
    config = {k: v for k, v in LLAMA.items() if k != "model_type"} | {"architectures": ["LlamaForCausalLM"]}
    assert read_config(config, "f").parameters == made().parameters


def test_text_part_is_found() -> None:
    nested = {"model_type": "llava", "text_config": LLAMA}
    assert read_config(nested, "f").parameters == made().parameters


def test_draft_layers_are_not_in_the_total() -> None:
    record = copy.deepcopy(RECORDS["deepseek-v3"])
    model = model_of(record)
    assert model.draft
    with_draft = sum(model.parameters_by_part(draft=True).values())
    assert with_draft - model.parameters == pytest.approx(11.6e9, rel=0.02)


def test_towers_have_weights_and_work() -> None:
    model = model_of(RECORDS["qwen2.5-vl-3b"])
    towers = sum(model.parameters_by_part().values()) - model.parameters
    assert towers == pytest.approx(0.668e9, rel=0.02)


def test_sparse_core_sees_the_chosen_blocks() -> None:
    from wherewithal.model.blocks.block_sparse import BlockSparse

    sparse = {"kernel_size": 32, "kernel_stride": 16, "block_size": 64, "topk": 64, "window_size": 2048}
    model = made(model_type="minicpm", sparse_config=sparse)
    (block,) = [b for _, b in model.body() if isinstance(b, BlockSparse)]
    assert block.chosen == 64 * 64 + 2048
    assert model.parameters == made(model_type="minicpm").parameters


def test_hybrid_of_searched_layers() -> None:
    blocks = [
        {"attention": {"no_op": True}, "ffn": {"ffn_mult": 1.5}},
        {"attention": {"replace_with_linear": True}, "ffn": {"no_op": True}},
    ]
    model = made(model_type="nemotron-nas", block_configs=blocks)
    assert model.kv_elements_per_token == 0
    assert model.parameters == 3 * 64 * 256 + 64 + 64 * 64 + 64 + 2 * 6400 + 64


@pytest.mark.parametrize(
    ("config", "published"),
    [
        ({"model_type": "rwkv6", "intermediate_size": 7168}, 1.60e9),
        (
            {"model_type": "rwkv7", "intermediate_size": 8192, "decay_low_rank_dim": 96, "a_low_rank_dim": 96,
             "v_low_rank_dim": 64, "gate_low_rank_dim": 256}, 1.527e9,
        ),
    ],
)  # fmt: skip
def test_rwkv_counts(config: dict[str, Any], published: float) -> None:
    """RWKV-6 World 1.6B and RWKV-7 World 1.5B (arXiv 2404.05892 table 2, 2503.14456 table 2)."""
    sizes = {"hidden_size": 2048, "num_hidden_layers": 24, "vocab_size": 65536, "head_dim": 64}
    model = read_config({**sizes, **config}, "f")
    assert model.parameters == pytest.approx(published, rel=5e-3)
    assert model.kv_elements_per_token == 0
    assert model.state_bytes_per_sequence == 24 * (4 * 32 * 64 * 64 + 2 * 2 * 2048)


def test_image_tokens() -> None:
    assert model_of(RECORDS["gemma-4-26b-a4b"]).vision_tokens == 280


# ---- what is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "llamma"}, ("model_type", "llamma", "llama")),
        ({"model_type": 3}, ("model_type", "not a text")),
        ({"num_hidden_layers": None}, ("num_hidden_layers", "missing", "n_layer")),
        ({"num_hidden_layers": 10_001}, ("num_hidden_layers", "10001", "10000")),
        ({"num_hidden_layers": -2}, ("num_hidden_layers", "-2")),
        ({"num_hidden_layers": True}, ("num_hidden_layers", "True")),
        ({"hidden_size": "64"}, ("hidden_size", "'64'")),
        ({"hidden_size": 64.5}, ("hidden_size", "64.5")),
        ({"hidden_size": float("nan")}, ("hidden_size", "nan")),
        ({"vocab_size": 10**9}, ("vocab_size", "out of range")),
        ({"num_key_value_heads": 3}, ("num_key_value_heads", "multiple")),
        ({"num_attention_heads": 7, "num_key_value_heads": 7}, ("head_dim", "missing")),
        ({"tie_word_embeddings": "no"}, ("tie_word_embeddings", "neither")),
        ({"layer_types": ["full_attention"]}, ("layer_types", "1 entries for 2 layers")),
        ({"layer_types": ["full_attention", "slidng_attention"]}, ("layer_types[1]", "sliding_attention")),
        ({"layer_types": ["full_attention", "linear_attention"]}, ("linear", "llama does not have")),
        ({"layer_types": [1, 2]}, ("layer_types[0]", "not a text")),
        ({"text_config": []}, ("text_config", "not a table")),
        ({"vision_config": 3}, ("vision_config", "not a table")),
        ({"intermediate_size": None}, ("intermediate_size", "missing")),
        ({"kv_lora_rank": 512}, ("kv_lora_rank", "mla", "deepseek_v2")),
        ({"ssm_state_size": 16}, ("ssm_state_size", "mamba")),
        ({"model_type": "deepseek_v3", "index_topk": 2048}, ("index_topk", "dsa", "deepseek_v32")),
    ],
)
def test_wrong_values_are_named(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        made(**changes)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_dotted_path_in_nested_files() -> None:
    with pytest.raises(InputError, match=r"text_config\.hidden_size"):
        read_config({"model_type": "llava", "text_config": {**LLAMA, "hidden_size": -1}}, "f")


def test_not_a_table() -> None:
    with pytest.raises(InputError, match="not a table"):
        read_config([], "f")  # type: ignore[arg-type]


# ---- the table of families ----------------------------------------------------------------------------------------


def test_families_name_only_known_traits() -> None:
    import tomllib
    from dataclasses import fields

    import wherewithal.model.families as module

    raw = tomllib.loads(Path(module.__file__).with_name("families.toml").read_text("utf-8"))
    known = {f.name for f in fields(Family)} | {"like", "also", "classes"}
    for name, traits in raw["families"].items():
        assert set(traits) <= known, name


def test_families_name_only_known_kinds() -> None:
    from wherewithal.model.read_attention import READERS as SOFTMAX
    from wherewithal.model.read_state import READERS as STATE

    for name, family in families().items():
        assert family.attention in {"gqa", *SOFTMAX}, name
        assert family.linear in {"", *STATE}, name
        assert family.recurrent in {"", *STATE}, name
        assert family.mamba in ("", "mamba1", "mamba2"), name
        assert family.qk_norm in ("none", "head", "all"), name
        assert family.window in ("none", "all", "flag"), name
        assert family.residual in ("none", "hyper", "attention"), name


@pytest.mark.shared
def test_shared_configs_read(shared_data: Path) -> None:
    for folder in ("models", "models_derived"):
        for path in sorted((shared_data / folder).glob("*.json")):
            config = json.loads(path.read_text("utf-8"))
            model = read_config(config, path.name)
            record = RECORDS.get(path.stem)
            assert record is None or model.parameters == model_of(record).parameters
