"""What a question says about the ground that it stands on."""

import pytest

from wherewithal.plan.setup import Question, setup


@pytest.mark.parametrize(
    ("on", "weights", "doubted"),
    [("rtx-4090-1", "q4_k_m", True), ("strix-halo-1", "q4_k_m", False), ("rtx-4090-1", "int4", False)],
)
def test_a_pool_that_this_chip_is_not_in_is_said(on: str, weights: str, doubted: bool) -> None:
    notes = setup(Question("qwen3-8b", on, precision={"weights": weights})).notes
    assert any("doubt the time to first token" in note for note in notes) == doubted
