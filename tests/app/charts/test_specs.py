"""The charts of every answer: valid, in words, from the data, in both languages."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from tests.app import made
from wherewithal.app import answers, charts
from wherewithal.app.asked import VERBS
from wherewithal.app.charts import fleet, parts, specs, tradeoff

SLO = "ttft=2s,tpot=50ms"
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "plan": ("plan", {"model": "deepseek-v3", "on": "h20-8:16", "slo": SLO, "explain": "operators"}),
    "pools": ("plan", {"model": "qwen3-32b", "on": "h20-8", "explain": "operators"}),
    "none": ("plan", {"model": "deepseek-v3", "on": "h20-8:1"}),
    "predict": (
        "predict",
        {"model": "qwen3-32b", "on": "h20-8:8", "layout": "tp8", "concurrency": 16, "explain": "operators"},
    ),
    "compare": ("compare", {"model": "qwen3-32b", "on": ["h20-8", "h100-8"], "slo": "tpot=50ms"}),
    "fleet": ("fleet", {"scenario": "china-2030", "draws": 16}),
    "against": ("fleet", {"scenario": "china-2030", "against": "no-h20-ban", "draws": 16}),
    "drivers": ("fleet", {"scenario": "china-2030", "drivers": True, "draws": 64}),
    "frontier": ("frontier", {"index": "eci", "outlook": True, "draws": 16}),
    "boards": ("frontier", {"index": "lmarena", "draws": 16}),
    "claims": ("claims", {"name": "wsj-2025-08", "only": ["C02", "C09"]}),
}
NAMES = {
    "plan": {"tradeoff", "memory", "step", "levers", "funnel"},
    "pools": {"tradeoff", "memory", "step", "funnel"},
    "none": {"funnel"},
    "predict": {"tradeoff", "memory", "step", "funnel"},
    "compare": {"measures", "tradeoff"},
    "fleet": {"fan"},
    "against": {"fan"},
    "drivers": {"drivers"},
    "frontier": {"records", "lead"},
    "boards": {"records"},
    "claims": {"figures"},
}


@cache
def document(name: str) -> str:
    verb, words = ASKED[name]
    return json.dumps(answers.run(VERBS[verb].model_validate(words)))


def found(name: str, lang: str = "en") -> dict[str, Any]:
    return specs(ASKED[name][0], json.loads(document(name)), lang)


def rows(spec: Any) -> Iterator[dict[str, Any]]:
    """Return all rows of inline data."""
    if isinstance(spec, dict):
        yield from spec.get("data", {}).get("values", ())
        for value in spec.get("layer", ()):
            yield from rows(value)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ASKED)
def test_every_chart_is_valid_and_says_what_it_shows(name: str, lang: str, capfd: pytest.CaptureFixture[str]) -> None:
    charts_of = found(name, lang)
    assert NAMES[name] - {"levers"} <= set(charts_of) <= NAMES[name] | {"levers"}
    for spec in charts_of.values():
        assert spec["$schema"] == parts.SCHEMA
        assert spec["title"].strip()
        assert spec["description"].rstrip()[-1] in ".)。"
        text = json.dumps(spec, allow_nan=False)
        assert not re.search(r'"(config|background|#[0-9a-f]{6})"', text)
        assert "{" not in spec["description"] + spec["title"]
        assert vl_convert.vegalite_to_vega(spec, vl_version="6.1")
    assert not capfd.readouterr().err


@pytest.mark.parametrize("name", ASKED)
def test_chinese_leaves_no_english_sentence(name: str) -> None:
    for key, spec in found(name, "zh").items():
        assert re.search(r"[\u4e00-\u9fff]", spec["title"]) or key == "fan"
        assert re.search(r"[\u4e00-\u9fff]", spec["description"])
        assert not re.search(r"\b(of|the|with|is|are)\b", re.sub(r"\([^)]*\)", "", spec["title"])) or key in ("fan", "figures", "records", "lead")  # fmt: skip


def test_chinese_keeps_the_holes() -> None:
    file = resources.files("wherewithal.app").joinpath("words", "zh", "charts.json")
    table = json.loads(file.read_text(encoding="utf-8"))
    assert len(table) > 80
    for english, chinese in table.items():
        holes = [sorted(f for _, f, _, _ in string.Formatter().parse(text) if f) for text in (english, chinese)]
        assert holes[0] == holes[1], english


def test_every_template_of_the_code_has_a_translation() -> None:
    file = resources.files("wherewithal.app").joinpath("words", "zh", "charts.json")
    table = json.loads(file.read_text(encoding="utf-8"))
    said = set()
    for path in Path(charts.__file__).parent.glob("*.py"):
        text = re.sub(r'"\n\s+"', "", path.read_text(encoding="utf-8"))
        said |= set(re.findall(r'\bsay\(\s*"([^"]+)"', text))
    assert len(said) > 60
    assert not sorted(said - set(table))


def test_the_trade_off_marks_the_best_and_can_be_walked() -> None:
    answer = json.loads(document("plan"))
    spec = found("plan")["tradeoff"]
    layer = next(one for one in spec["layer"] if one.get("name") == "points")
    points = layer["data"]["values"]
    assert [p["index"] for p in points] == list(range(len(answer["frontier"])))
    assert [p["user"] for p in points] == sorted(p["user"] for p in points)
    best = next(p for p in points if p["best"])
    assert best["user"] == answer["best"]["tokens_per_s_per_user"]
    assert layer["params"][0] | {"value": [{"index": best["index"]}]} == layer["params"][0]
    assert layer["params"][0]["name"] == "chosen"
    assert spec["params"] == [{"name": "at", "value": None}]
    for p in points:
        assert p["user_low"] <= p["user"] <= p["user_high"]
        assert p["chip_low"] <= p["chip"] <= p["chip_high"]
    assert any(r.get("user") == 1 / 0.05 and "50" in r["says"] for r in rows(spec) if "says" in r)
    assert not [r for r in rows(found("pools")["tradeoff"]) if "says" in r]  # no SLO, no region


def test_a_step_adds_up_to_all_of_it() -> None:
    for name in ("plan", "pools"):
        data = list(rows(found(name)["step"]))
        for pool in {r["pool"] for r in data}:
            assert sum(r["share"] for r in data if r["pool"] == pool) == pytest.approx(1)


def test_memory_bars_are_those_of_the_plan() -> None:
    data = list(rows(found("plan")["memory"]))
    pool = json.loads(document("plan"))["best"]["pools"][0]["memory_bytes_per_chip"]
    assert sum(r["gb"] for r in data if "part" in r) * 1e9 == pytest.approx(sum(pool.values()) - pool["capacity"])
    assert [r["gb"] * 1e9 for r in data if "part" not in r] == [pytest.approx(pool["capacity"])]


def test_measures_are_ratios_to_the_first() -> None:
    answer = json.loads(document("compare"))
    data = [r for r in rows(found("compare")["measures"]) if "measure" in r]
    assert {r["ratio"] for r in data if r["system"].startswith("h20-8")} == {1.0}
    first, second = answer["rows"][0]["values"]
    assert [r["ratio"] for r in data][1] == pytest.approx(second["value"] / first["value"])
    lines = [one for one in found("compare")["tradeoff"]["layer"] if "strokeDash" in one["encoding"]]
    assert lines[0]["encoding"]["strokeDash"]["scale"]["range"] == [[1, 0], [8, 4]]


def test_a_fan_of_another_variable() -> None:
    answer = json.loads(document("fleet"))
    other = "Flow|Units|Total"
    spec = specs("fleet", answer, variable=other)["fan"]
    wanted = [r["median"] for r in answer["rows"] if r["variable"] == other]
    assert [r["median"] for r in spec["layer"][2]["data"]["values"]] == wanted
    assert other in spec["description"]
    assert "not a forecast" in spec["description"]
    assert specs("fleet", answer, variable="Nothing") == {}
    assert fleet.VARIABLE in fleet.variables(answer["rows"])


def test_claims_are_held_against_what_was_printed() -> None:
    claim = next(c for c in json.loads(document("claims"))["claims"] if c["id"] == "C09")
    printed = [f for f in claim["figures"] if f["printed"] is not None]
    assert printed
    data = [r for r in found("claims")["figures"]["layer"][-1]["data"]["values"] if r["name"].startswith("C09")]
    assert [r["ratio"] for r in data] == [pytest.approx(f["value"] / claim["claimed"]["value"]) for f in printed]


def test_boards_are_never_joined() -> None:
    marks = [one["mark"] for one in found("boards")["records"]["layer"]]
    assert not [m for m in marks if m.get("interpolate") == "step-after"]
    assert [m for m in (one["mark"] for one in found("frontier")["records"]["layer"]) if m.get("interpolate")]


def test_a_name_is_never_an_expression_or_markup() -> None:
    answer = made.FITS.to_dict()
    answer["model"]["name"] = "{x} datum.y </svg><script>\x1b"
    spec = specs("plan", answer, "zh")["tradeoff"]
    assert "{x} datum.y </svg><script>" in spec["title"]
    assert "\x1b" not in json.dumps(spec)
    assert "<script" not in vl_convert.vegalite_to_svg(spec, vl_version="6.1")
    tests = re.findall(r'"(?:filter|test|expr|calculate)": (.*?)[,}]', json.dumps(spec))
    assert tests
    assert not [t for t in tests if "script" in t]


def test_nothing_unknown_and_no_infinity_is_drawn() -> None:
    assert specs("catalog", {}) == {}
    assert parts.values([{"a": float("nan"), "b": float("inf"), "c": 1.0}]) == {
        "values": [{"a": None, "b": None, "c": 1.0}]
    }
    empty = made.FITS.to_dict() | {"frontier": [], "best": None, "levers": []}
    assert tradeoff.tradeoff(empty, "en") is None
