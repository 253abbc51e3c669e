"""What a Model answers about itself."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model.test_read import RECORDS
from tools.parameter_table import main, model_of, worst_first
from wherewithal.errors import InputError
from wherewithal.model.model import CONVENTIONS, whole


def test_conventions_of_active_parameters() -> None:
    """DeepSeek-V3's 37B leaves out the input embedding, gpt-oss too (arXiv 2412.19437, 2508.10925 table 1)."""
    assert model_of(RECORDS["deepseek-v3"]).active_by("no-input-embedding") == pytest.approx(36.62e9, rel=1e-3)
    assert model_of(RECORDS["gpt-oss-120b"]).active_by("no-input-embedding") == pytest.approx(5.13e9, rel=1e-3)
    assert model_of(RECORDS["minimax-m1-80k"]).active_by("no-embedding-no-head") == pytest.approx(45.9e9, rel=2e-3)


def test_tied_tables_are_left_out_once() -> None:
    model = model_of(RECORDS["qwen3-4b"])
    table = model.hidden * model.embedding.vocab
    assert model.active_by("all") == model.active_by("no-input-embedding")
    assert model.active_by("all") - model.active_by("no-embedding-no-head") == table


def test_unknown_convention() -> None:
    with pytest.raises(InputError, match="no-embedding-no-head"):
        model_of(RECORDS["qwen3-4b"]).active_by("no-embedding")
    assert len(CONVENTIONS) == 3


@pytest.mark.parametrize("name", ["deepseek-v3", "qwen2.5-vl-3b", "kimi-k3", "gemma-4-e2b", "nemotron-super-49b"])
def test_parts_add_up(name: str) -> None:
    model = model_of(RECORDS[name])
    assert sum(model.parameters_by_part(towers=False).values()) == model.parameters


def test_bytes_follow_formats() -> None:
    model = model_of(RECORDS["deepseek-v3"])
    bits = {"fp8_block": 8.0, "bf16": 16.0}
    parts = model.parameters_by_part()
    wide = sum(parts.get(p, 0.0) for p in ("embedding", "head", "router", "other"))
    assert model.stored_bytes(bits) == pytest.approx(model.parameters + wide)


def test_index_keys_are_cached_in_eight_bits() -> None:
    """DeepSeek-V3.2 keeps 576 elements and 132 bytes of index a token and layer (arXiv 2512.02556)."""
    model = model_of(RECORDS["deepseek-v3.2"])
    assert model.kv_bytes_per_token(16) == 61 * (576 * 2 + 132)
    assert model.kv_bytes_per_token(8) == 61 * (576 + 132)


def test_shared_index_is_kept_once() -> None:
    full = [b for layer in model_of(RECORDS["glm-5.2"]).layers for b in layer.blocks if getattr(b, "own_index", None)]
    shared = [
        b
        for layer in model_of(RECORDS["glm-5.2"]).layers
        for b in layer.blocks
        if getattr(b, "own_index", True) is False
    ]
    assert full
    assert shared
    assert sum(w.count for w in whole(full[0])) > sum(w.count for w in whole(shared[0]))


def test_cache_over_arrays() -> None:
    model = model_of(RECORDS["gemma-3-27b"])
    contexts = np.array([10.0, 1000.0, 1e5])
    many = model.cache_bytes(contexts, 8.0)
    assert list(np.asarray(many)) == [float(model.cache_bytes(c, 8.0)) for c in contexts]


def test_attention_over_compressed_keys_by_hand() -> None:
    """DeepSeek V4 Flash: 21 layers at ratio 4 with index, 20 at 128: 3440 elements a token with 128-wide index keys."""
    model = model_of(RECORDS["deepseek-v4-flash"])
    far = float(model.cache_bytes(2e6)) - float(model.cache_bytes(1e6))
    index = 21 * 132 / 4
    assert far / 1e6 == pytest.approx(2 * (21 * 512 / 4 + 20 * 512 / 128) + index)


def test_parameter_table_prints(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["parameter_table"])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(RECORDS) + 1
    assert worst_first([]) == []
