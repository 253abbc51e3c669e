"""Formats of a deployment: the checkpoint's, what is asked for, and what the chip computes in."""

from __future__ import annotations

import pytest

from tests.laws import world
from wherewithal.errors import InputError
from wherewithal.model.model import Model
from wherewithal.pricing import formats


def chip(name: str):
    return world.machine_system(name).chip


@pytest.mark.parametrize("name", formats.names())
def test_every_format_has_bits_and_arithmetic(name: str) -> None:
    found = formats.find(name)
    assert 1 <= found.bits <= 64
    assert formats.native(chip("h100-8:16"), found.arithmetic)
    assert formats.find(name.upper()) == found


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        formats.find("fp9")
    assert "fp8" in str(caught.value)


@pytest.mark.parametrize(
    ("on", "wanted", "runs"),
    [("h100-8:16", "fp8", "fp8"), ("cloudmatrix-384:64", "fp8", "int8"), ("rtx-4090-1", "bf16", "bf16")],
)
def test_what_a_chip_lacks_runs_in_the_nearest_that_it_has(on: str, wanted: str, runs: str) -> None:
    assert formats.native(chip(on), wanted) == runs


@pytest.mark.parametrize(
    "name", ["qwen3-32b", "deepseek-v3", "gpt-oss-120b", "qwen3-30b-a3b-fp8", "qwen3-235b-a22b-nvfp4"]
)
@pytest.mark.parametrize("on", ["h100-8:16", "cloudmatrix-384:64", "mi300x-8:8", "rtx-4090-1"])
def test_every_part_runs_where_the_chip_has_a_peak(name: str, on: str) -> None:
    """Whatever is stored, each part's products run in arithmetic of which the chip has a peak, or unpack to 16 bits."""
    m = world.machine(on, name)
    for part in ("attention", "mlp", "experts", "shared", "router", "embedding", "head", "other"):
        stored = m.formats.stored(part)
        assert m.curves.peak(stored.arithmetic) > 0
        assert stored.bits > 0


def asked(name: str, on: str, **parts: str) -> formats.Resolved:
    model: Model = world.real(name)
    return formats.resolve(model, chip(on), parts)


def test_nothing_asked_is_the_checkpoint() -> None:
    found = asked("qwen3-32b", "h100-8:16")
    assert (found.weights, found.activations, found.kv) == ("bf16", "bf16", "bf16")
    assert found.formats.weight_bytes("mlp") == 2.0
    assert found.notes == ()


def test_what_is_asked_reaches_products_and_not_the_ends() -> None:
    found = asked("qwen3-32b", "h100-8:16", weights="fp8", kv="fp8")
    assert found.weights == "fp8"
    for part in ("attention", "mlp"):
        assert found.formats.weight_bytes(part) < 1.1
        assert found.formats.stored(part).arithmetic == "fp8"
    assert found.formats.weight_bytes("head") == found.formats.weight_bytes("embedding") == 2.0
    assert found.formats.kv_bytes < 1.1
    assert found.formats.hidden_bytes == 2.0


@pytest.mark.parametrize(("name", "word"), [("gpt-oss-120b", "mxfp4"), ("deepseek-v3", "fp8")])
def test_a_checkpoint_asked_for_by_its_own_format_is_itself(name: str, word: str) -> None:
    plain, named = asked(name, "h100-8:16"), asked(name, "h100-8:16", weights=word)
    assert named == plain
    assert named.weights == word
    other = asked(name, "h100-8:16", weights="int4")
    assert other.formats.weight_bytes("attention") == other.formats.weight_bytes("experts") < 0.6


def test_what_a_checkpoint_leaves_in_sixteen_bits_stays() -> None:
    found = asked("gpt-oss-120b", "h100-8:16", weights="mxfp4")
    assert found.formats.weight_bytes("experts") < 0.6
    assert found.formats.weight_bytes("attention") == 2.0


def test_weights_alone_in_four_bits_are_computed_in_sixteen() -> None:
    found = asked("qwen3-32b", "h100-8:16", weights="int4")
    assert found.formats.weight_bytes("mlp") < 0.6
    assert found.formats.input_bytes("mlp") == 2.0


def test_what_was_replaced_is_said() -> None:
    found = asked("deepseek-v3", "cloudmatrix-384:64")
    assert any("fp8" in note and "int8" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "on", "parts", "kv"),
    [
        ("qwen3-32b", "h100-8:16", {"weights": "fp8"}, "fp8"),
        ("qwen3-32b", "h100-8:16", {}, "bf16"),
        ("qwen3-32b", "h100-8:16", {"weights": "bf16"}, "bf16"),
        ("qwen3-32b", "h100-8:16", {"weights": "int4"}, "bf16"),  # unpacked: not what the cache follows
        ("qwen3-32b", "h100-8:16", {"weights": "fp8", "kv": "bf16"}, "bf16"),
        ("deepseek-v3", "h100-8:16", {"weights": "fp8"}, "bf16"),  # the checkpoint's own, which names no cache
    ],
)
def test_an_engines_cache_follows_weights_quantised_for_it(name: str, on: str, parts: dict[str, str], kv: str) -> None:
    assert formats.resolve(world.real(name), chip(on), parts, kv_of_quantised="fp8").kv == kv
    assert formats.resolve(world.real(name), chip(on), parts).kv == "bf16"


def test_weights_in_blocks_run_in_the_vector_units_of_processors_and_the_8_bit_units_of_cards() -> None:
    """Attention beside them runs there too on a processor; weights that are not in blocks stay as they are."""
    found = asked("qwen3-32b", "xeon-8488c-1", weights="q8_0").formats
    assert (found.stored("mlp").arithmetic, found.attention) == ("gguf_vector", "vector")
    plain = asked("qwen3-32b", "xeon-8488c-1").formats
    assert (plain.stored("mlp").arithmetic, plain.attention) == ("bf16", "bf16")
    assert asked("qwen3-32b", "rtx-4090-1", weights="q8_0").formats.stored("mlp").arithmetic == "gguf_card"
    assert asked("qwen3-32b", "dgx-spark-1", weights="q8_0").formats.stored("mlp").arithmetic == "gguf"


def test_an_engine_may_turn_inputs_into_a_format_of_its_own() -> None:
    """On chips that compute in the weights' arithmetic only where it says so for these."""
    model, unpacked = world.real("gpt-oss-120b"), formats.Inputs({"mxfp4": "q8_1"})
    halo, spark = chip("strix-halo-1"), chip("dgx-spark-1")
    assert formats.resolve(model, halo, {}, unpacked).formats.stored("experts").arithmetic == "gguf"
    assert formats.resolve(model, spark, {}, unpacked) == formats.resolve(model, spark, {})
    both = formats.Inputs({"mxfp4": "q8_1"}, {"mxfp4": "q8_1"})
    assert formats.resolve(model, spark, {}, both).formats.stored("experts").arithmetic == "gguf"
