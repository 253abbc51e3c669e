"""Stored formats of quantised checkpoints, part by part."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import pytest

from tests.model.test_read import LLAMA, RECORDS
from tools.parameter_table import model_of
from wherewithal.errors import InputError
from wherewithal.model.config import table
from wherewithal.model.model import Model
from wherewithal.model.read import read_config

FORMATS = tomllib.loads((resources.files("wherewithal.catalog") / "data" / "formats.toml").read_text("utf-8"))[
    "formats"
]


def stored(quant: dict[str, Any] | None = None, beside: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
    config = {**LLAMA, **changes, **({"quantization_config": quant} if quant is not None else {})}
    return dict(read_config(config, "f", beside).stored)


def of(name: str) -> Model:
    return model_of(RECORDS[name])


def test_fp8_blocks_leave_ends_and_router() -> None:
    parts = of("deepseek-v3").stored
    assert {parts[p] for p in ("attention", "mlp", "experts", "shared")} == {"fp8_block"}
    assert {parts[p] for p in ("embedding", "head", "router", "other")} == {"bf16"}


def test_expert_dtype() -> None:
    assert of("deepseek-v4-flash").stored["experts"] == "mxfp4_a8"
    assert of("deepseek-v4-flash").stored["attention"] == "fp8_block"


def test_mxfp4_spares_attention() -> None:
    parts = of("gpt-oss-120b").stored
    assert parts["experts"] == "mxfp4"
    assert parts["attention"] == parts["router"] == parts["embedding"] == "bf16"


def test_checkpoint_bytes_of_gpt_oss() -> None:
    """The checkpoint of gpt-oss-120b is 60.8 GiB (arXiv 2508.10925 table 1)."""
    bits = {name: row["bits"] for name, row in FORMATS.items()}
    assert of("gpt-oss-120b").stored_bytes(bits) / 2**30 == pytest.approx(60.8, rel=0.01)
    assert of("gpt-oss-20b").stored_bytes(bits) / 2**30 == pytest.approx(12.8, rel=0.01)


def test_regular_expressions_in_ignore_lists() -> None:
    parts = of("kimi-k2.5").stored
    assert parts["experts"] == "int4_g32"
    assert parts["attention"] == parts["mlp"] == parts["shared"] == parts["router"] == parts["head"] == "bf16"


def test_layers_in_ignore_lists_count_by_share() -> None:
    parts = of("deepseek-v3.1-nvfp4").stored
    assert parts["attention"] == "nvfp4"  # the projection out, most of the weights, is quantised
    assert of("deepseek-v3.1-nvfp4").kv == "fp8"


def test_lists_of_mixed_precision() -> None:
    parts = of("qwen3.6-35b-a3b-nvfp4").stored
    assert parts["attention"] == "fp8"
    assert parts["experts"] == "nvfp4_a16"
    assert parts["head"] == "nvfp4_a16"


def test_file_beside_the_config() -> None:
    beside = {
        "quantization": {
            "quant_algo": "NVFP4",
            "kv_cache_quant_algo": "FP8",
            "exclude_modules": ["lm_head", "*self_attn*"],
        }
    }
    parts = stored(beside=beside)
    assert parts["mlp"] == "nvfp4"
    assert parts["attention"] == parts["head"] == "bf16"


@pytest.mark.parametrize(
    ("quant", "form"),
    [
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8_block"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "awq"),
        ({"quant_method": "gptq", "bits": 8, "group_size": 128}, "int8_a16"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, "int4_g32"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "nf4"),
        ({"load_in_4bit": True, "bnb_4bit_use_double_quant": True}, "nf4_double"),
        ({"quant_method": "bitnet"}, "bitnet"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
    ],
)
def test_methods(quant: dict[str, Any], form: str) -> None:
    assert stored(quant)["mlp"] == form


@pytest.mark.parametrize(
    ("weights", "inputs", "form"),
    [
        ({"num_bits": 8, "type": "int", "strategy": "channel"}, {"num_bits": 8}, "int8"),
        ({"num_bits": 8, "type": "float", "strategy": "channel"}, {"num_bits": 8}, "fp8"),
        ({"num_bits": 4, "type": "int", "group_size": 128}, None, "awq"),
        ({"num_bits": 4, "type": "float", "group_size": 16}, {"num_bits": 4}, "nvfp4"),
        ({"num_bits": 4, "type": "float", "group_size": 16}, None, "nvfp4_a16"),
        ({"num_bits": 4, "type": "float", "group_size": 32}, None, "mxfp4"),
    ],
)
def test_compressed_tensors(weights: dict[str, Any], inputs: dict[str, Any] | None, form: str) -> None:
    group = {"targets": ["Linear"], "weights": weights, "input_activations": inputs}
    parts = stored({"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ["lm_head"]})
    assert parts["mlp"] == parts["attention"] == form
    assert parts["head"] == "bf16"


@pytest.mark.parametrize(
    ("quant", "words"),
    [
        ({"quant_method": "fp9"}, ("quant_method", "fp9", "fp8")),
        ({"quant_algo": "NVFP5"}, ("quant_algo", "NVFP5", "NVFP4")),
        ({}, ("quant_method", "missing")),
        ({"quant_method": "gptq", "bits": 5}, ("bits", "int5")),
        ({"quant_method": "fp8", "modules_to_not_convert": "lm_head"}, ("modules_to_not_convert", "list")),
        ({"quant_method": "fp8", "modules_to_not_convert": [3]}, ("modules_to_not_convert[0]", "text")),
        ({"config_groups": {"group_0": {"targets": ["Linear"]}}}, ("group_0.weights", "missing")),
    ],
)
def test_wrong_keys_are_named(quant: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        stored(quant)
    for word in words:
        assert word in str(caught.value)


def test_pattern_beyond_us_is_noted() -> None:
    model = read_config({**LLAMA, "quantization_config": {"quant_method": "fp8", "ignore": ["re:(?!x)y"]}}, "f")
    assert any("pattern not understood" in note for note in model.notes)


def test_dtype_of_plain_checkpoints() -> None:
    assert stored(torch_dtype="float16")["other"] == "fp16"
    assert stored()["other"] == "bf16"
    with pytest.raises(InputError, match="torch_dtype"):
        stored(torch_dtype="bfloat17")


def test_every_word_stands_for_a_known_format() -> None:
    special = {"", "bits", "bitsandbytes"}
    for kind, words in table("quantization.toml").items():
        assert {f for f in words.values() if f not in special} <= set(FORMATS), kind


def test_every_catalog_format_is_known() -> None:
    for record in RECORDS.values():
        model = model_of(record)
        assert set(model.stored.values()) | ({model.kv} - {""}) <= set(FORMATS), record["name"]


def test_format_table_is_whole() -> None:
    for name, form in FORMATS.items():
        assert 1 <= form["bits"] <= 34, name
        assert form["arithmetic"] in ("bf16", "fp8", "fp4", "int8", "int4"), name
        assert form["activations"] in FORMATS, name
        assert form["source"], name
        assert form["known"] in ("read", "derived", "estimated"), name


def test_gguf_types_agree_with_the_package() -> None:
    from gguf.constants import GGML_QUANT_SIZES

    for kind, (block, size) in GGML_QUANT_SIZES.items():
        form = FORMATS.get(kind.name.lower())
        if form is not None:
            assert form["bits"] == 8 * size / block
