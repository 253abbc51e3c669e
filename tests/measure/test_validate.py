"""Predictions beside measurements: the contract's document, fallbacks, order, statistics."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from wherewithal import ask
from wherewithal.measure import asked, rows, score, validate
from wherewithal.measure.judged import Judged
from wherewithal.measure.rows import Row

Maker = Callable[..., Row]


def one(row: Row, engine: str | None = None) -> Judged:
    return validate.judge(([row], engine))[0]


def test_the_document_of_the_contract(made: Maker) -> None:
    report = validate.validate([made(), made(id="a2", metric="itl_s"), made(id="a3", model="no-such-model")])
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    first, unknown = document["rows"]
    assert {"id", "metric", "measured", "predicted", "low", "high", "evidence", "error", "why"} <= first.keys()
    assert first["why"] is None
    assert first["error"] == pytest.approx(first["predicted"] / first["measured"] - 1)
    assert first["low"] <= first["predicted"] <= first["high"]
    assert unknown["predicted"] is None
    assert "no-such-model" in unknown["why"]
    assert document["summary"]["rows"] == 2
    assert document["summary"]["answered"] == 1
    assert document["summary"]["left_out"] == {"metric is not scored": 1}


def test_a_row_is_what_predict_says(made: Maker) -> None:
    """Figure and interval of a row are those of the question that a user would type."""
    row = made()
    plan = ask.predict(
        ask.Question(
            model=row.model, on="h100-8:1", layout="tp1", input_tokens=1000.0, output_tokens=200.0, length_spread=0.0,
            concurrency=8.0, requests=80.0, engine=asked.engine_of("vllm", ""),
        )
    ).best  # fmt: skip
    assert plan is not None
    judged = one(row)
    assert judged.predicted.value == pytest.approx(plan.tpot_s.value, rel=1e-12)
    assert (judged.low, judged.high) == pytest.approx((plan.tpot_s.low, plan.tpot_s.high), rel=1e-12)


def test_requests_not_stated_are_ten_waves(made: Maker) -> None:
    bare, stated = one(made(requests=None)), one(made(requests=80.0))
    assert bare.predicted.value == stated.predicted.value
    assert bare.predicted.said == ("requests not stated: 10 for each in flight",)
    assert not stated.predicted.said


def test_figures_of_a_run_agree(made: Maker) -> None:
    """Rates and latencies of one run come from one answer: total is output and input, a chip's share is one of all."""
    metrics = ("output_tokens_per_s", "output_tokens_per_s_per_chip", "requests_per_s", "total_tokens_per_s")
    run = [made(id=m, metric=m, chips=2.0) for m in metrics]
    out, each, requests, total = (j.predicted.value for j in validate.judge((run, None)))
    assert each == pytest.approx(out / 2)
    assert out == pytest.approx(requests * 200, rel=1e-6)
    assert total == pytest.approx(out + 1000 * requests, rel=1e-6)


def test_open_statistic_takes_the_nearer(made: Maker) -> None:
    open_row = one(made(statistic="", metric="ttft_s", value=0.05, concurrency=64.0, requests=640.0))
    mean = one(made(metric="ttft_s", value=0.05, concurrency=64.0, requests=640.0))
    median = one(made(metric="ttft_s", value=0.05, concurrency=64.0, requests=640.0, statistic="median"))
    assert open_row.predicted.value == mean.predicted.value
    assert open_row.predicted.median == pytest.approx(median.predicted.value)
    assert median.predicted.value != mean.predicted.value
    assert abs(open_row.scored) == pytest.approx(min(abs(mean.error), abs(median.error)))
    assert math.isnan(mean.predicted.median)


def test_layout_not_stated_is_that_of_plan(made: Maker) -> None:
    judged = one(made(layout="", chips=2.0))
    assert not judged.predicted.why
    assert "which plan chooses" in judged.predicted.said[0]


def test_layout_that_does_not_divide_is_that_of_plan(made: Maker) -> None:
    judged = one(made(layout="tp3", chips=3.0))
    assert "'tp3' cannot be asked" in judged.predicted.said[0]


def test_data_groups_of_a_dense_model_are_replicas(made: Maker) -> None:
    judged = one(made(layout="dp2", chips=2.0))
    assert not judged.predicted.said
    assert judged.predicted.value == pytest.approx(one(made(layout="tp1", chips=2.0)).predicted.value)


def test_what_does_not_fit_is_priced_and_said(made: Maker) -> None:
    judged = one(made(model="llama-3.1-70b", precision={"weights": "bf16"}))
    assert judged.predicted.value > 0
    assert "as though memory held it" in judged.predicted.said[-1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"concurrency": None}, "concurrency: not stated"),
        ({"load": "open"}, "request_rate_per_s: not stated"),
        ({"input_tokens": None}, "input_tokens: not stated"),
        ({"system": "no-such-8"}, "no-such-8"),
    ],
)
def test_why_a_row_cannot_be_predicted(made: Maker, change: dict[str, object], why: str) -> None:
    assert why in one(made(**change)).predicted.why


def test_engines_by_name_and_version() -> None:
    assert asked.engine_of("nobody-knows", "") == "generic"
    assert asked.engine_of("", "") == "generic"
    known = asked.versions("vllm")
    assert asked.engine_of("vllm", "") == "vllm"
    # No version of that time served from two pools: what is stated is the version of a front.
    assert asked.engine_of("trtllm", "0.8.1", "disaggregated") == "trtllm"
    assert asked.engine_of("trtllm", "0.8.1", "colocated") == "trtllm@0.14"
    for version in known:
        assert asked.engine_of("vllm", version) == f"vllm@{version}"
    oldest = min(known, key=lambda v: tuple(int(p) for p in v.split(".")))
    assert asked.engine_of("vllm", "0.1.2") == f"vllm@{oldest}"


def test_order_and_figures_do_not_depend_on_processes(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "ALONE", 2)
    monkeypatch.setattr(validate, "CHUNK", 1)
    some = [made(id=str(i), concurrency=float(c)) for i, c in enumerate((8, 1, 4, 2, 8))]
    alone, spread = (validate.validate(some, workers=n) for n in (1, 2))
    assert [j.row.id for j in spread.rows] == ["0", "1", "2", "3", "4"]
    assert [j.to_dict() for j in alone.rows] == [j.to_dict() for j in spread.rows]


def test_a_draw_is_fixed_by_its_seed() -> None:
    own = rows.own()
    first, again, other = (validate.sample(own, 50, s) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == 50


def test_summary_by_columns(made: Maker) -> None:
    some = [made(id="1", value=0.001), made(id="2", source="there", value=0.1), made(id="3", value=0.002)]
    report = validate.validate(some, ("source",))
    assert [(x.group["source"], x.rows) for x in report.table] == [("here", 2), ("there", 1)]
    here, there = report.table
    assert here.bias > 0 > there.bias
    assert score.worst(report.rows, 1)[0].row.id in ("1", "2")
    assert here.p90 >= here.median


@pytest.mark.parametrize(
    ("layout", "columns", "read"),
    [
        ("prefill: 4x tp1 dp4; decode: 1x tp1 dp32", 2048.0, "prefill: 4x tp1 dp4; decode: 1x tp1 dp32 ep32"),
        ("tp1 dp16", 2048.0, "tp1 dp16"),
        ("tp2 dp16", 2048.0, "tp2 dp16 ep32"),
        ("tp1 dp32 ep8", 2048.0, "tp1 dp32 ep8"),
        ("tp32", 2048.0, "tp32"),
        ("tp1 dp4", 0.0, "tp1 dp4"),
    ],
)
def test_experts_too_narrow_to_slice_are_read_whole(layout: str, columns: float, read: str) -> None:
    assert asked.whole(layout, columns) == read


def test_a_build_that_the_catalog_knows_is_its_version() -> None:
    for build, version in asked.builds("llama.cpp").items():
        assert asked.engine_of("llama.cpp", build) == f"llama.cpp@{version}"
    assert asked.builds("llama.cpp")
    assert not asked.builds("nobody-knows")
