"""Blocks and their folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from wherewithal.measure import folds, rows
from wherewithal.measure.rows import Row


def test_folds_do_not_move() -> None:
    """What these blocks got once they keep: else what was held out is held out no longer."""
    assert [folds.fold(f"block {i}") for i in range(8)] == RECORDED


RECORDED = [0, 0, 1, 0, 4, 1, 4, 1]


def test_a_block_is_source_model_chip_engine(made: Callable[..., Row]) -> None:
    row = made()
    assert folds.block(row) == "here|llama-3.1-8b|h100-sxm|vllm"
    assert folds.block(made(metric="ttft_s", chips=4.0, layout="tp4", concurrency=1.0)) == folds.block(row)
    for change in ({"source": "x"}, {"model": "x"}, {"chip": "x"}, {"engine": "x"}, {"system": "h20-8"}):
        assert folds.block(made(**change)) != folds.block(row)


def test_systems_of_one_chip_are_one_block(made: Callable[..., Row]) -> None:
    assert folds.block(made(system="rtx-3090-1")) == folds.block(made(system="rtx-3090-4"))


def test_every_fold_has_blocks() -> None:
    of = Counter(folds.fold(b) for b in {folds.block(r) for r in rows.own() if r.eligible})
    assert set(of) == set(range(folds.FOLDS))
    assert min(of.values()) > 20
