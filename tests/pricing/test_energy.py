"""Energy: never below the floor, never above the limit, growing with load; and how good against measured boards."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.machine import load
from wherewithal.pricing.energy import Watts, figures, floor, joules_per_token, limited_chips, power

SHARE = st.floats(0, 1)
LIMIT = st.floats(5, 3000)


@given(LIMIT, st.floats(1, 3), SHARE, SHARE, st.floats(1, 2), SHARE, st.floats(0, 2e13))
def test_between_floor_and_nameplate(
    limit: float, node: float, compute: float, memory: float, pue: float, busy: float, rate: float
) -> None:
    watts = power(limit, 8 * limit * node, 8, compute, memory, pue, busy, rate)
    assert watts is not None
    assert watts.low <= watts.value <= watts.high
    assert watts.low >= float(floor(limit, rate)) * pue * (1 - 1e-12)
    assert watts.high <= limit * node * pue * (1 + 1e-9)


@given(LIMIT, SHARE, SHARE, SHARE)
def test_more_load_never_draws_less(limit: float, a: float, b: float, memory: float) -> None:
    low, high = sorted((a, b))
    first, second = power(limit, None, 1, low, memory, 1.3), power(limit, None, 1, high, memory, 1.3)
    assert first is not None
    assert second is not None
    assert first.value <= second.value * (1 + 1e-12)
    idle, half = power(limit, None, 1, a, memory, 1.3, busy=0.0), power(limit, None, 1, a, memory, 1.3, busy=0.5)
    assert idle is not None
    assert half is not None
    assert idle.value <= half.value <= first.value * (1 + 1e-12) or a != low


@given(st.lists(st.tuples(SHARE, SHARE, SHARE), min_size=1, max_size=6))
def test_rows_agree_with_numbers(rows: list[tuple[float, float, float]]) -> None:
    compute, memory, busy = (np.array(c) for c in zip(*rows, strict=True))
    together = power(700.0, 10200.0, 8, compute, memory, 1.3, busy)
    assert together is not None
    for i, (c, m, b) in enumerate(rows):
        alone = power(700.0, 10200.0, 8, c, m, 1.3, b)
        assert alone is not None
        assert together.value[i] == pytest.approx(alone.value, rel=1e-12)


def test_unknown_limit_is_none_and_a_whole_machines_is_enough() -> None:
    assert power(None, None, 1, 0.5, 0.5, 1.3) is None
    whole = power(None, 270.0, 1, 0.5, 0.5, 1.0)
    assert whole is not None
    assert 0 < whole.value <= 270.0


def test_host_is_what_the_node_has_beside_its_chips() -> None:
    bare, full = power(700.0, 5600.0, 8, 0.2, 0.5, 1.0), power(700.0, 10200.0, 8, 0.2, 0.5, 1.0)
    assert bare is not None
    assert full is not None
    assert full.value - bare.value == pytest.approx((10200 / 8 - 700) * figures()["host_drawn"].value)


def test_pue_multiplies() -> None:
    one, more = power(700.0, None, 8, 0.2, 0.5, 1.0), power(700.0, None, 8, 0.2, 0.5, 1.3)
    assert one is not None
    assert more is not None
    assert more.value == pytest.approx(1.3 * one.value)


def test_use_that_is_no_number_counts_as_none() -> None:
    watts = power(700.0, None, 8, math.nan, 0.5, 1.0)
    assert watts is not None
    assert math.isfinite(watts.value)


def test_joules_and_sums() -> None:
    watts = Watts(80.0, 100.0, 120.0)
    assert joules_per_token(watts, 50.0) == Watts(1.6, 2.0, 2.4)
    assert joules_per_token(None, 50.0) is None
    rate_0 = joules_per_token(watts, 0.0)
    assert rate_0 is not None
    assert rate_0.value == math.inf
    assert watts.times(2).plus(watts) == Watts(240.0, 300.0, 360.0)
    assert limited_chips(1000.0, watts) == 10


def test_every_figure_has_a_source_and_a_reason() -> None:
    for name, figure in figures().items():
        assert figure.source, name
        assert figure.note, name


@pytest.mark.shared
def test_against_measured_boards(shared_data: Path) -> None:
    """Dense runs of one model: three quarters of the boards' power lie in the interval around a load read off the run."""
    systems = {
        r["name"]: r["chip"]
        for r in csv.DictReader((shared_data / "systems.csv").read_text(encoding="utf-8").splitlines())
    }
    weights = {
        "qwen3-8b": 8.19e9,
        "qwen3-14b": 14.8e9,
        "qwen3-32b": 32.8e9,
        "llama-3.1-70b": 70.6e9,
        "llama-3.1-8b": 8.03e9,
    }
    runs: dict[str, dict[str, dict[str, str]]] = {}
    with gzip.open(shared_data / "measured/inference.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["source"].startswith("ml_energy") and row["model"] in weights and row["precision"] == "weights=bf16":
                runs.setdefault(row["source_ref"], {})[row["metric"]] = row
    inside = []
    for run in runs.values():
        row, chips = run["power_w"], float(run["power_w"]["chips"])
        chip = load.chip(row["chip"] or systems[row["system"]])
        rate, batch = float(run["output_tokens_per_s"]["value"]), float(row["concurrency"])
        size = weights[row["model"]]
        compute = 2 * size * rate / chips / chip.peaks["bf16"]
        memory = 2 * size * rate / batch / chips / chip.bandwidth_bytes_per_s
        watts = power(chip.power_w, chip.power_w, 1, compute, memory, 1.0)
        assert watts is not None
        inside.append(watts.low <= float(row["value"]) / chips <= watts.high)
    assert len(inside) > 50
    assert np.mean(inside) > 0.75
