"""GGUF files made here for many architectures: exact weights, exact bytes, the same Model as the config; wrong files."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wherewithal.errors import InputError, WherewithalError
from wherewithal.model.gguf import part_of, read_gguf
from wherewithal.model.gguf_header import read_header
from wherewithal.model.model import Model

gguf = pytest.importorskip("gguf")

H, I, V, HEADS, KV, D = 64, 128, 96, 4, 2, 16
Shapes = dict[str, tuple[int, ...]]
DENSE = {"ffn_gate": (I, H), "ffn_up": (I, H), "ffn_down": (H, I), "ffn_norm": (H,)}
GQA = {
    "attn_q": (HEADS * D, H),
    "attn_k": (KV * D, H),
    "attn_v": (KV * D, H),
    "attn_output": (H, HEADS * D),
    "attn_norm": (H,),
}
QK = {"attn_q_norm": (D,), "attn_k_norm": (D,)}
QKV_BIAS = {"attn_q.bias": (HEADS * D,), "attn_k.bias": (KV * D,), "attn_v.bias": (KV * D,)}
POST = {"post_attention_norm": (H,), "post_ffw_norm": (H,)}
E, M = 8, 32
MOE = {
    "ffn_gate_inp": (E, H),
    "ffn_gate_exps": (E, M, H),
    "ffn_up_exps": (E, M, H),
    "ffn_down_exps": (E, H, M),
    "ffn_norm": (H,),
}
SHARED = {"ffn_gate_shexp": (M, H), "ffn_up_shexp": (M, H), "ffn_down_shexp": (H, M)}
RQ, RK, DN, DR, DV = 24, 32, 12, 4, 8
MLA = {
    "attn_q_a": (RQ, H), "attn_q_b": (HEADS * (DN + DR), RQ), "attn_kv_a_mqa": (RK + DR, H),
    "attn_kv_b": (HEADS * (DN + DV), RK), "attn_output": (H, HEADS * DV), "attn_norm": (H,), "attn_q_a_norm": (RQ,),
    "attn_kv_a_norm": (RK,),
}  # fmt: skip
INNER, STATE, NH, CONV = 128, 8, 8, 4
MAMBA1 = {
    "ssm_in": (2 * INNER, H), "ssm_conv1d": (INNER, CONV), "ssm_conv1d.bias": (INNER,), "ssm_x": (RK + 2 * STATE, INNER),
    "ssm_dt": (INNER, RK), "ssm_dt.bias": (INNER,), "ssm_a": (INNER, STATE), "ssm_d": (INNER,), "ssm_out": (H, INNER),
    "attn_norm": (H,),
}  # fmt: skip
MIXED = INNER + 2 * STATE
MAMBA2 = {
    "ssm_in": (2 * INNER + 2 * STATE + NH, H), "ssm_conv1d": (MIXED, CONV), "ssm_conv1d.bias": (MIXED,), "ssm_a": (NH,),
    "ssm_d": (NH,), "ssm_dt.bias": (NH,), "ssm_norm": (INNER,), "ssm_out": (H, INNER), "attn_norm": (H,),
}  # fmt: skip
MOE_KEYS = {"expert_count": E, "expert_used_count": 2, "expert_feed_forward_length": M}
MLA_KEYS = {
    "attention.q_lora_rank": RQ, "attention.kv_lora_rank": RK, "attention.key_length": RK + DR, "attention.value_length": RK,
    "attention.key_length_mla": DN + DR, "attention.value_length_mla": DV, "attention.head_count_kv": 1,
    "rope.dimension_count": DR,
}  # fmt: skip
SSM = {"ssm.conv_kernel": CONV, "ssm.inner_size": INNER, "ssm.state_size": STATE, "feed_forward_length": 0}
WINDOW = {"attention.sliding_window": 256}

# Architecture: keys beyond the usual, tensors of each layer, whether the head is tied.
CASES: dict[str, tuple[dict[str, Any], list[Shapes], bool]] = {
    "llama": ({}, [{**GQA, **DENSE}] * 2, False),
    "llama moe": ({"expert_count": E, "expert_used_count": 2, "feed_forward_length": M}, [{**GQA, **MOE}] * 2, False),
    "qwen2": ({}, [{**GQA, **QKV_BIAS, **DENSE}] * 2, True),
    "qwen3": ({}, [{**GQA, **QK, **DENSE}] * 3, True),
    "qwen3moe": (MOE_KEYS, [{**GQA, **QK, **MOE}] * 2, False),
    "qwen2moe": (
        {**MOE_KEYS, "expert_shared_feed_forward_length": M},
        [{**GQA, **QKV_BIAS, **MOE, **SHARED, "ffn_gate_inp_shexp": (H,)}] * 2, False,
    ),
    "gemma2": (WINDOW, [{**GQA, **POST, **DENSE}] * 4, True),
    "gemma3": (WINDOW, [{**GQA, **QK, **POST, **DENSE}] * 6, True),
    "phi3": ({}, [{"attn_qkv": ((HEADS + 2 * KV) * D, H), "attn_output": (H, HEADS * D), "attn_norm": (H,), "ffn_up": (2 * I, H), "ffn_down": (H, I), "ffn_norm": (H,)}] * 2, False),
    "deepseek2": (
        {**MOE_KEYS, **MLA_KEYS, "leading_dense_block_count": 1, "expert_shared_count": 1},
        [{**MLA, **DENSE}, {**MLA, **MOE, **SHARED, "exp_probs_b.bias": (E,)}, {**MLA, **MOE, **SHARED, "exp_probs_b.bias": (E,)}], False,
    ),
    "mamba": ({**SSM, "ssm.time_step_rank": RK}, [MAMBA1] * 2, True),
    "mamba2": ({**SSM, "ssm.time_step_rank": NH, "ssm.group_count": 1}, [MAMBA2] * 2, False),
    "nemotron_h": (
        {**SSM, "ssm.time_step_rank": NH, "ssm.group_count": 1, "feed_forward_length": [0, 0, I]},
        [MAMBA2, GQA, {"ffn_up": (I, H), "ffn_down": (H, I), "attn_norm": (H,)}], False,
    ),
    "dots1": (
        {**MOE_KEYS, "leading_dense_block_count": 1, "expert_shared_count": 1},
        [{**GQA, **QK, **DENSE}, {**GQA, **QK, **MOE, **SHARED, "exp_probs_b.bias": (E,)}], False,
    ),
    "glm4moe": (
        {**MOE_KEYS, "leading_dense_block_count": 1, "expert_shared_count": 1},
        [{**GQA, **QKV_BIAS, **DENSE}, {**GQA, **QKV_BIAS, **MOE, **SHARED, "exp_probs_b.bias": (E,)}], False,
    ),
}  # fmt: skip


def write(path: Path, case: str, *, split: tuple[int, int] | None = None, skip: bool = False, **changes: Any) -> Path:
    """Write a small GGUF file of a case."""
    keys, layers, tied = CASES[case]
    arch = case.split(maxsplit=1)[0]
    writer = gguf.GGUFWriter(path, arch)
    usual = {
        "block_count": len(layers), "embedding_length": H, "feed_forward_length": I, "context_length": 4096,
        "attention.head_count": HEADS, "attention.head_count_kv": KV, "attention.key_length": D, "attention.value_length": D,
    }  # fmt: skip
    if split:
        writer.add_uint16("split.no", split[0])
        writer.add_uint16("split.count", split[1])
    for key, value in {**usual, **keys, **changes}.items():
        if isinstance(value, list):
            writer.add_array(f"{arch}.{key}", value)
        elif value is not None:
            writer.add_uint32(f"{arch}.{key}", value)
    writer.add_token_list([f"t{i}" for i in range(V)])
    shapes: Shapes = {"token_embd.weight": (V, H), "output_norm.weight": (H,)}
    if not tied:
        shapes["output.weight"] = (V, H)
    for i, layer in enumerate(layers):
        shapes.update({f"blk.{i}.{n}" + ("" if n.endswith(".bias") else ".weight"): s for n, s in layer.items()})
    if not skip:
        for name, shape in shapes.items():
            wide = len(shape) > 1 and shape[-1] % 32 == 0 and name != "token_embd.weight"
            if wide:
                data = np.zeros((*shape[:-1], shape[-1] // 32 * 18), np.uint8)
                writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
            else:
                writer.add_tensor(name, np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def elements(path: Path) -> int:
    return sum(t.elements for t in read_header(path).tensors)


def made(tmp_path: Path, case: str, **changes: Any) -> Model:
    return read_gguf(write(tmp_path / "m.gguf", case, **changes))


@pytest.mark.parametrize("case", CASES)
def test_keys_give_every_weight(tmp_path: Path, case: str) -> None:
    path = write(tmp_path / "m.gguf", case)
    model = read_gguf(path)
    assert model.parameters == elements(path)
    assert not any("its tensors hold" in n for n in model.notes)
    assert model.context == 4096


@pytest.mark.parametrize("case", CASES)
def test_bytes_are_exact(tmp_path: Path, case: str) -> None:
    path = write(tmp_path / "m.gguf", case)
    ours = read_gguf(path).weight_bytes
    assert ours == sum(t.n_bytes for t in gguf.GGUFReader(path).tensors)


def test_parts_and_formats(tmp_path: Path) -> None:
    model = made(tmp_path, "qwen3moe")
    assert model.stored["experts"] == model.stored["attention"] == "q4_0"
    assert model.stored["embedding"] == model.stored["other"] == "fp32"


def test_windows_and_mixers(tmp_path: Path) -> None:
    assert sorted(layer.count for layer in made(tmp_path, "gemma3").layers) == [1, 5]
    assert sorted(layer.count for layer in made(tmp_path, "gemma2").layers) == [2, 2]
    assert len(made(tmp_path, "nemotron_h").layers) == 3


def test_latent_attention(tmp_path: Path) -> None:
    model = made(tmp_path, "deepseek2")
    assert model.kv_elements_per_token == 3 * (RK + DR)


def test_tensor_names_have_parts() -> None:
    named = {
        "token_embd.weight": "embedding", "output.weight": "head", "output_norm.weight": "other",
        "blk.3.attn_q.weight": "attention", "blk.3.attn_output.weight": "attention", "blk.3.ffn_up_exps.weight": "experts",
        "blk.3.ffn_gate_inp.weight": "router", "blk.3.ffn_up_shexp.weight": "shared", "blk.3.ffn_down.weight": "mlp",
        "blk.3.ssm_in.weight": "attention", "blk.3.attn_norm.weight": "other", "blk.3.attn_q.bias": "other",
    }  # fmt: skip
    assert {name: part_of(name) for name in named} == named


def test_split_files_are_read_together(tmp_path: Path) -> None:
    first = write(tmp_path / "m-00001-of-00002.gguf", "llama", split=(0, 2))
    with pytest.raises(InputError, match="00002-of-00002"):
        read_gguf(first)
    write(tmp_path / "m-00002-of-00002.gguf", "llama", split=(1, 2), skip=True)
    assert read_gguf(first).parameters == elements(first)


# ---- wrong files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "too short"),
        (b"GGUF", "too short"),
        (b"GGML" + bytes(60), "not GGUF"),
        (b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "version 9"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**40, 0), "tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**40), "keys"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 5), "cut short"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**50) + bytes(50), "text of"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 8, 2**60), "entries"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<I", 77), "type 77"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"\xff" + struct.pack("<I", 4), "UTF-8"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "general.architecture"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 1, 0, 1) + b"a" + struct.pack("<I", 9), "dimensions"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 1, 0, 1) + b"a" + struct.pack("<IQIQ", 1, 4, 999, 0), "unknown type 999"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 1, 0, 1) + b"a" + struct.pack("<IQIQ", 1, 2**62, 0, 0), "elements"),
    ],
)
def test_wrong_headers(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(InputError, match=words):
        read_gguf(path)


def test_cut_files(tmp_path: Path) -> None:
    whole = write(tmp_path / "m.gguf", "llama").read_bytes()
    path = tmp_path / "cut.gguf"
    for share in (0.05, 0.3, 0.6, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match="cut short"):
            read_gguf(path)


def test_unknown_architecture_names_the_nearest(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llamma")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(InputError, match=r"general\.architecture: unknown architecture 'llamma'; nearest known: llama"):
        read_gguf(tmp_path / "m.gguf")


def test_missing_sizes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"llama\.embedding_length: missing"):
        made(tmp_path, "llama", embedding_length=None)


def test_wrong_sizes_are_named_as_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"llama\.attention\.head_count_kv: 4 heads"):
        made(tmp_path, "llama", **{"attention.head_count_kv": 3})


def test_no_file_and_no_regular_file(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_gguf(tmp_path / "absent.gguf")
    with pytest.raises(InputError):
        read_gguf(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_headers(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "mutated.gguf"
    cases = {name: write(tmp_path / f"{n}.gguf", name).read_bytes() for n, name in enumerate(list(CASES)[seed::4])}
    failed = 0
    said: list[str] = []
    for _ in range(120):
        data = bytearray(rng.choice(list(cases.values())))
        for _ in range(rng.choice([1, 2, 8])):
            data[rng.randrange(min(len(data), 6000))] = rng.randrange(256)
        path.write_bytes(data if rng.random() < 0.8 else data[: rng.randrange(len(data))])
        try:
            read_gguf(path)
        except WherewithalError as error:
            failed += 1
            said.append(str(error))
    assert failed > 10
    assert not any("\n" in text for text in said)
