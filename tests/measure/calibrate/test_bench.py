"""JSON of other benches as measured rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wherewithal.errors import InputError
from wherewithal.measure.calibrate import bench
from wherewithal.measure.calibrate.bench import Told

TOLD = Told("llama-3.1-8b", "h100-8", 2.0, "vllm@0.11.0", "tp2")
SERVED = {
    "date": "20251101-101500", "backend": "vllm", "num_prompts": 80, "request_rate": "inf", "max_concurrency": 8,
    "duration": 10.0, "completed": 80, "total_input_tokens": 72000, "total_output_tokens": 14400,
    "request_throughput": 8.0, "output_throughput": 1440.0, "total_token_throughput": 8640.0, "mean_ttft_ms": 50.0,
    "median_ttft_ms": 45.0, "p99_ttft_ms": 200.0, "mean_tpot_ms": 5.5, "median_tpot_ms": 5.4, "p99_tpot_ms": 7.0,
    "mean_itl_ms": 5.5, "input_lens": [800, 1000], "std_ttft_ms": 1.0,
}  # fmt: skip


def put(folder: Path, *documents: Any, lines: bool = False) -> Path:
    path = folder / "bench.json"
    path.write_text(
        "\n".join(map(json.dumps, documents))
        if lines
        else json.dumps(documents[0] if len(documents) == 1 else list(documents))
    )
    return path


def test_a_serving_bench(tmp_path: Path) -> None:
    rows = bench.read(put(tmp_path, SERVED), TOLD)
    by = {(r.metric, r.statistic): r for r in rows}
    assert by["ttft_s", "mean"].value == pytest.approx(0.05)
    assert by["tpot_s", "p99"].value == pytest.approx(0.007)
    assert by["output_tokens_per_s", ""].value == 1440.0
    one = by["tpot_s", "median"]
    assert (one.load, one.concurrency, one.requests, one.date) == ("closed", 8.0, 80.0, "2025-11-01")
    assert (one.length_spread, one.input_tokens, one.output_tokens) == (0.2, pytest.approx(1000), pytest.approx(200))
    assert (one.engine, one.engine_version, one.layout, one.chips) == ("vllm", "0.11.0", "tp2", 2.0)
    assert len({r.id for r in rows}) == len(rows)


@pytest.mark.parametrize(
    ("change", "load"),
    [({"max_concurrency": None, "request_rate": 4.0}, "open"), ({"max_concurrency": None}, "offline")],
)
def test_how_requests_came(tmp_path: Path, change: dict[str, Any], load: str) -> None:
    assert {r.load for r in bench.read(put(tmp_path, {**SERVED, **change}), TOLD)} == {load}


def test_lines_of_json(tmp_path: Path) -> None:
    other = {k: v for k, v in SERVED.items() if "e2e" not in k} | {
        "mean_e2e_latency_ms": 900.0,
        "total_throughput": 9.0,
    }
    rows = bench.read(put(tmp_path, other, other, lines=True), TOLD)
    assert [r.value for r in rows if r.metric == "e2e_s"] == [0.9, 0.9]


def test_prompts_and_tokens_alone(tmp_path: Path) -> None:
    base = {"build_commit": "abc", "n_threads": 1, "n_depth": 0, "test_time": "2026-11-25T10:00:00Z"}
    rows = bench.read(
        put(
            tmp_path,
            {**base, "n_prompt": 512, "n_gen": 0, "avg_ts": 400.0},
            {**base, "n_prompt": 0, "n_gen": 128, "avg_ts": 80.0},
        ),
        Told("llama-3.2-1b", "epyc-9654", engine="llama.cpp"),
    )
    assert [(r.metric, r.value) for r in rows] == [("input_tokens_per_s_per_chip", 400.0), ("tpot_s", 0.0125)]
    assert {r.load for r in rows} == {"static"}


def test_a_point_of_a_campaign(tmp_path: Path) -> None:
    point = {
        "conc": 16,
        "tp": 8,
        "isl": 1024,
        "osl": 1024,
        "mean_ttft": 0.2,
        "median_tpot": 0.01,
        "output_tput_per_gpu": 99.0,
    }
    rows = bench.read(put(tmp_path, point), TOLD)
    assert {(r.metric, r.statistic, r.value) for r in rows} == {
        ("ttft_s", "mean", 0.2), ("tpot_s", "median", 0.01), ("output_tokens_per_s_per_chip", "", 99.0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"a": 1}, "entry 1: is of no bench that is known"),
        ({**SERVED, "completed": 0}, "no request was completed"),
        ({**SERVED, "total_input_tokens": "many"}, "total_input_tokens is 'many'"),
        ({"n_prompt": 1, "n_gen": 1, "avg_ts": 3.0}, "tests of one kind"),
        ({"conc": 1, "tp": 1}, "how long requests were"),
        ([3], "is no object"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bench.read(put(tmp_path, document), TOLD)


def test_text_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}\nnope")
    with pytest.raises(InputError, match="line 2"):
        bench.read(path, TOLD)


def test_names_must_be_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--model M --on"):
        bench.read(put(tmp_path, SERVED), Told())
