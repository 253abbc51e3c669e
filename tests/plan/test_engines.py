"""Engines: what their files say becomes numbers, rules and reasons; what does not run is not offered."""

from __future__ import annotations

import contextlib
import csv
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.catalog import load as catalog
from wherewithal.catalog.load import builtin
from wherewithal.errors import FileProblems, InputError
from wherewithal.machine import load
from wherewithal.plan import rule
from wherewithal.plan.answer import Precision
from wherewithal.plan.engines import (
    FACTS,
    LAYOUT,
    NAMES,
    Engine,
    engine,
    formats_ok,
    legal_pairs,
    legal_rows,
    names,
    runs_on,
)

ALL = names()
MOE = {"experts": 256, "heads": 128, "kv_heads": 1, "layers": 61, "mla": 1}
DENSE = {"experts": 0, "heads": 64, "kv_heads": 8, "layers": 64, "mla": 0}
CHIPS = ["h100-sxm", "h200-sxm", "a100-sxm-80gb", "rtx-4090", "mi300x", "ascend-910c", "m4-max", "epyc-9654", "tpu-v6e"]


def legal(it: Engine, facts: dict[str, int], **columns: object) -> list[bool]:
    """Return the mask as a list."""
    return [bool(x) for x in np.atleast_1d(legal_rows(it, columns, facts)[0])]


def test_the_promised_engines_are_there() -> None:
    assert set(ALL) >= {"vllm", "sglang", "trtllm", "vllm-ascend", "llama.cpp", "mlx-lm", "ktransformers", "generic"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("chip", CHIPS)
def test_every_engine_gives_plain_numbers(name: str, chip: str) -> None:
    it = engine(name, chip=load.chip(chip))
    assert it.token_budget >= 256
    assert it.max_seqs >= 1
    assert 0.5 <= it.memory_share <= 1
    assert 0 <= it.reserved_bytes < 10 * 2**30
    assert 0 <= it.host_s_per_step < 0.02
    assert 0 <= it.host_s_per_seq < 1e-3
    assert it.serving
    for figure in it.figures.values():
        assert figure.source
        assert figure.date


@pytest.mark.parametrize("name", ALL)
def test_every_version_of_every_engine_is_readable(name: str) -> None:
    raw = tomllib.loads((Path(str(builtin())) / "engines" / f"{name}.toml").read_text(encoding="utf-8"))
    for version in raw["versions"]:
        assert engine(f"{name}@{version}").version == version


def test_median_engine_is_the_default() -> None:
    assert engine(None) == engine("generic")
    assert engine(None).generic
    assert engine(None).policy == "mixed"


def test_figures_differ_by_chip() -> None:
    h100, a100, h200 = (engine("vllm", chip=load.chip(c)) for c in ("h100-sxm", "a100-sxm-80gb", "b200-sxm"))
    assert [e.token_budget for e in (h100, a100, h200)] == [8192, 2048, 16384]
    assert [e.max_seqs for e in (h100, a100)] == [1024, 256]
    assert h200.graph_batch > h100.graph_batch


def test_version_lays_its_figures_over() -> None:
    now, then = engine("vllm"), engine("vllm@0.11.0")
    assert (now.memory_share, then.memory_share) == (0.92, 0.9)
    assert now.host_overlapped
    assert not then.host_overlapped


def test_vllm_schedules_ahead_from_the_release_that_says_so() -> None:
    assert [engine(f"vllm@{v}").host_overlapped for v in ("0.11.0", "0.14.0", "0.20.0")] == [False, True, True]


def test_latent_attention_keeps_more_memory_free_in_sglang() -> None:
    chip = load.chip("h100-sxm")
    assert engine("sglang", chip=chip, mla=True).memory_share < engine("sglang", chip=chip).memory_share


@pytest.mark.parametrize(("wanted", "fix"), [("vlm", "vllm"), ("sg-lang", "sglang"), ("llama", "llama.cpp")])
def test_unknown_engine_names_the_nearest(wanted: str, fix: str) -> None:
    with pytest.raises(InputError, match=fix.replace(".", r"\.")):
        engine(wanted)


def test_unknown_version_lists_those_known() -> None:
    with pytest.raises(InputError, match=r"0\.33\.0"):
        engine("vllm@9")


def test_vllm_expert_parallelism_has_no_size_of_its_own() -> None:
    columns = {
        "tensor": [1, 8, 8, 1, 2],
        "data": [8, 1, 1, 8, 4],
        "expert": [8, 8, 4, 1, 8],
        "expert_tensor": [1, 1, 2, 8, 1],
    }
    it = engine("vllm")
    rows = {k: np.array(v) for k, v in columns.items()}
    assert legal(it, MOE, **rows) == [True, True, False, True, True]
    mask, reasons = legal_rows(it, rows, MOE)
    assert sum(reasons.values()) == np.count_nonzero(~mask)
    assert any("no size of its own" in text for text in reasons)


def test_sglang_takes_any_expert_size_that_fills_the_ranks() -> None:
    assert legal(engine("sglang"), MOE, tensor=8, expert=np.array([1, 2, 4, 8]), expert_tensor=np.array([8, 4, 2, 2])) == [
        True, True, True, False,
    ]  # fmt: skip


def test_trtllm_keeps_an_8_bit_cache_beside_weights_quantised_for_it() -> None:
    assert engine("trtllm").kv_of_quantised == "fp8"
    assert engine("vllm").kv_of_quantised == ""


def test_trtllm_attention_data_is_all_or_nothing() -> None:
    it = engine("trtllm")
    rows = {"tensor": np.array([8, 1, 2]), "data": np.array([1, 8, 4]), "expert": 8}
    assert legal(it, MOE, **rows) == [True, True, False]
    assert legal(it, DENSE, tensor=2, context=np.array([1, 2])) == [True, False]


def test_llama_cpp_splits_one_way_only() -> None:
    rows = {"tensor": np.array([1, 2, 1, 2]), "pipeline": np.array([2, 1, 1, 2])}
    assert legal(engine("llama.cpp"), DENSE, **rows) == [True, True, True, False]
    assert legal(engine("llama.cpp"), MOE, tensor=1, data=np.array([1, 2]), expert=np.array([1, 2])) == [True, False]
    assert engine("llama.cpp").offload == ("layers", "experts")


def test_median_engine_refuses_nothing() -> None:
    rng = np.random.default_rng(7)
    rows = {k: rng.integers(1, 64, 100) for k in LAYOUT}
    assert legal_rows(engine("generic"), rows, MOE)[0].all()


def test_pairs_of_pools() -> None:
    it = engine("vllm-ascend")
    decode = {"tensor": np.array([1, 2, 4, 8])}
    mask, reasons = legal_pairs(it, {"tensor": 4}, decode, DENSE)
    assert mask.tolist() == [True, True, True, False]
    assert sum(reasons.values()) == 1
    assert legal_pairs(it, {"tensor": 4}, decode, MOE)[0].all()


@given(st.integers(1, 5), st.data())
def test_rows_do_not_depend_on_each_other(size: int, data: st.DataObject) -> None:
    it = engine(data.draw(st.sampled_from(ALL)))
    rows = {
        k: np.array(data.draw(st.lists(st.sampled_from([1, 2, 4, 8]), min_size=size, max_size=size))) for k in LAYOUT
    }
    facts = data.draw(st.sampled_from([MOE, DENSE]))
    together = legal(it, facts, **rows)
    alone = [legal(it, facts, **{k: int(v[i]) for k, v in rows.items()})[0] for i in range(size)]
    assert together == alone


def test_columns_and_facts_are_checked() -> None:
    with pytest.raises(InputError, match="no column"):
        legal_rows(engine("vllm"), {"tensr": 1}, MOE)
    with pytest.raises(InputError, match="no fact"):
        legal_rows(engine("vllm"), {"tensor": 1}, {**MOE, "colour": 1})
    with pytest.raises(InputError, match="heads"):
        legal_rows(engine("vllm"), {"tensor": 1}, {"experts": 0})


@pytest.mark.parametrize(
    ("name", "chip", "runs"),
    [
        ("vllm", "h100-sxm", True), ("vllm", "m4-max", False), ("vllm", "ascend-910c", False), ("vllm", "tpu-v4", False),
        ("vllm-ascend", "ascend-910c", True), ("vllm-ascend", "h100-sxm", False), ("trtllm", "mi300x", False),
        ("mlx-lm", "m4-max", True), ("mlx-lm", "rtx-4090", False), ("llama.cpp", "epyc-9654", True),
        ("generic", "ascend-910c", True), ("sglang", "mi300x", True),
    ],
)  # fmt: skip
def test_where_it_runs(name: str, chip: str, runs: bool) -> None:
    reason = runs_on(engine(name), load.chip(chip))
    assert (reason is None) is runs
    if reason:
        assert chip in reason


def test_formats() -> None:
    vllm, h100 = engine("vllm"), load.chip("h100-sxm")
    assert formats_ok(vllm, h100, Precision("fp8", "fp8", "fp8")) is None
    reason = formats_ok(vllm, h100, Precision("q4_k_m", "bf16", "bf16"))
    assert reason is not None
    assert "weights in q4_k_m" in reason
    llama = engine("llama.cpp")
    assert formats_ok(llama, load.chip("rtx-4090"), Precision("q4_k_m", "f16", "q8_0")) is None
    assert formats_ok(llama, load.chip("rtx-4090"), Precision("nvfp5", "bf16", "bf16")) is not None
    assert formats_ok(engine("generic"), h100, Precision("anything", "bf16", "bf16")) is None


@given(st.floats(1e9, 2e11), st.floats(0, 2e11), st.floats(0, 1e10), st.sampled_from(ALL))
def test_kv_room_never_exceeds_what_is_left(capacity: float, weights: float, activations: float, name: str) -> None:
    it = engine(name)
    room = float(it.kv_room(capacity, weights, activations))
    assert room <= capacity - weights - activations - it.reserved_bytes + 1e-3
    assert float(it.kv_room(capacity, weights + 1e9, activations)) <= room


def test_kv_room_of_each_meaning() -> None:
    base = replace(engine("generic"), memory_share=0.5, reserved_bytes=10.0)
    assert float(replace(base, share_of="total").kv_room(100.0, 20.0, 5.0)) == 15.0
    assert float(replace(base, share_of="static").kv_room(100.0, 20.0, 5.0)) == 20.0
    assert float(replace(base, share_of="free").kv_room(100.0, 20.0, 6.0)) == 32.0


def test_a_users_engine_file(tmp_path: Path) -> None:
    text = (Path(str(builtin())) / "engines" / "generic.toml").read_text(encoding="utf-8")
    folder = tmp_path / "engines"
    folder.mkdir()
    (folder / "mine.toml").write_text(text.replace('name = "generic"', 'name = "mine"'), encoding="utf-8")
    assert engine("mine", [tmp_path]).name == "mine"
    (folder / "mine.toml").write_text(text.replace("[scheduler]", "[scheduler]\nspeed = 3"), encoding="utf-8")
    with pytest.raises(FileProblems, match="speed"):
        engine("mine", [tmp_path])
    (folder / "mine.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises((FileProblems, InputError)):
        engine("mine", [tmp_path])


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "tensor.real", "tensor == 1 if 1 else 0", "f(1)", "tensor ** 9 == 1", "tensor", "1", "wrong == 1",
     "tensor == 'a'", "", "(" * 300, "lambda: 1", "[tensor == 1]", "tensor == 1; data == 1", "tensor == 1.5", "-1 < tensor"],
)  # fmt: skip
def test_rules_are_a_small_language(text: str) -> None:
    with pytest.raises(InputError):
        rule.read(text, NAMES, "here")


@given(st.text(max_size=60))
def test_any_text_as_a_rule_is_one_line_or_a_rule(text: str) -> None:
    with contextlib.suppress(InputError):
        rule.read(text, NAMES, "here")
        return
    with pytest.raises(InputError) as error:
        rule.read(text, NAMES, "here")
    assert "\n" not in str(error.value)


def test_rule_values() -> None:
    tree = rule.read("not (a > 2) and a in (1, 2) or 3 <= a + 1 < 6 and a % 2 == 0", frozenset({"a"}), "here")
    assert rule.holds(tree, {"a": np.arange(1, 7)}).tolist() == [True, True, False, True, False, False]


def test_facts_are_those_of_the_docs() -> None:
    assert set(FACTS) == set(MOE)


@pytest.mark.shared
def test_what_was_measured_runs(shared_data: Path) -> None:
    """An engine, chip and weight format seen in measurements must be offered."""
    import gzip

    systems = {
        r["name"]: r["chip"]
        for r in csv.DictReader((shared_data / "systems.csv").read_text(encoding="utf-8").splitlines())
    }
    seen = set()
    with gzip.open(shared_data / "measured/inference.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            weights = next((p[8:] for p in row["precision"].split() if p.startswith("weights=")), "")
            seen.add((row["engine"], row["chip"] or systems.get(row["system"], ""), weights))
    odd = {"custom", "dflash-quant", "qat-mixed-int2-4-8"}
    known = set(catalog.names("chips"))
    bad = []
    for name, chip, weights in sorted(seen):
        if name not in ALL or chip not in known or weights in odd:
            continue
        record = catalog.record("chips", chip)
        stand_in = replace(load.chip("h100-sxm"), name=chip, maker=record.maker, kind=record.kind)
        reason = formats_ok(engine(name), stand_in, Precision(weights, "", ""))
        if reason:
            bad.append(reason)
    assert bad == []


@pytest.mark.shared
def test_figures_are_those_of_the_table(shared_data: Path) -> None:
    rows = list(csv.DictReader((shared_data / "engines/behaviour.csv").read_text(encoding="utf-8").splitlines()))

    def value(name: str, version: str, what: str) -> float:
        return float(next(r["value"] for r in rows if (r["engine"], r["version"], r["what"]) == (name, version, what)))

    assert engine("vllm").memory_share == value("vllm", "0.33.0", "gpu_memory_utilization")
    assert engine("trtllm").token_budget == value("trtllm", "1.3 line (main 2026)", "max_num_tokens")
    assert engine("mlx-lm").token_budget == value("mlx-lm", "0.32.2", "prefill_step_size")
    lengths = [r for r in rows if r["engine"] == "vllm" and r["what"] == "acceptance_length"]
    assert len(engine("vllm").accepted) == len(lengths)
