"""Measured rows that tests are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wherewithal.measure.rows import Row


@pytest.fixture
def made() -> Callable[..., Row]:
    """Return a maker of rows: a small dense model on one node, closed load; what is given overrides that."""

    def make(**change: Any) -> Row:
        base: dict[str, Any] = {
            "id": "a1", "source": "here", "model": "llama-3.1-8b", "system": "h100-8", "chips": 1.0, "load": "closed",
            "metric": "tpot_s", "value": 0.01, "engine": "vllm", "layout": "tp1", "input_tokens": 1000.0,
            "output_tokens": 200.0, "concurrency": 8.0, "requests": 80.0, "statistic": "mean",
        }  # fmt: skip
        return Row(**{**base, **change})

    return make
