"""Curves keep to the roof, grow with work, broadcast, and say what they rest on."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherewithal.errors import InputError
from wherewithal.machine.system import Chip
from wherewithal.model.blocks.mla import Mla
from wherewithal.model.op import Formats, Load, Op, Stored
from wherewithal.pricing.curve import LATENT, Curve, blend, compute_seconds, curves_for, memory_seconds, surface_of
from wherewithal.pricing.evidence import weakest
from wherewithal.pricing.surface import GRIDS, effective

FOLDER = Path(__file__).resolve().parents[2] / "wherewithal" / "catalog" / "data" / "curves"
NOT_A_CHIP = {"relatives", "datasheet", "collectives", "intervals", "blockwise", "staged"}
FILES = sorted(p.stem for p in FOLDER.glob("*.toml") if p.stem not in NOT_A_CHIP)
KINDS = (
    "matmul",
    "batched_matmul",
    "grouped_matmul",
    "attention_prefill",
    "attention_decode",
    "scan_decode",
    "scan_prefill",
    "stream",
)
LINKS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send")
size = st.floats(1.0, 1e5)


def chip(name: str = "h100-sxm", ranks: int = 1, **peaks: float) -> Chip:
    peaks = peaks or {"bf16": 989.4e12, "fp8": 1979e12, "int8": 1979e12}
    return Chip(name, name, "", "", "accelerator", ranks, False, peaks, 80e9, 3.35e12, 700.0, None, 450e9)


def op(kind: str, a: float | np.ndarray, b: float, c: float, form: str = "bf16", **more: float) -> Op:
    """An operator of any kind from three sizes."""
    if kind in ("matmul", "batched_matmul"):
        batch = 1.0 if kind == "matmul" else 4.0
        return Op("x", kind, form, 2 * a * b * c * batch, 2 * (a * b + b * c + a * c), (a, b, c, batch), **more)
    if kind == "grouped_matmul":
        return Op("x", kind, form, 16 * a * b * c, 16 * b * c + 16 * a * (b + c), (a, b, c, 8.0), **more)
    if kind == "attention_prefill":
        return Op("x", kind, form, 512.0 * a * b * 8, 1024.0 * a * 8, (a, b, 8.0, 128.0), **more)
    if kind == "attention_decode":
        return Op("x", kind, form, 512.0 * a * b * 8, 1024.0 * a * b, (a, b, np.array([2.0]), 4.0), **more)
    if kind == LATENT:
        return Op("x", LATENT, form, 2176.0 * a * b * 16, 1152.0 * a * b, (a, b, 1.0, 16.0), **more)
    if kind.startswith("scan"):
        return Op("x", kind, form, 8.0 * a * 16 * 16384, 8.0 * 16 * 16384 + 16384 * a, (a, 16.0, 16384.0), **more)
    return Op("x", kind, form, 0.0, a * b, (), **more)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), st.sampled_from((*KINDS, LATENT)), size, size, size)
def test_no_operator_beats_the_datasheet(name: str, kind: str, a: float, b: float, c: float) -> None:
    curves = curves_for(chip(name))
    x = op(kind, a, b, c)
    roof = max(x.flops / curves.peak("bf16"), x.bytes / curves.bandwidth)
    assert float(np.squeeze(curves.seconds(x))) >= roof * (1 - 1e-9)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), st.sampled_from((*KINDS, LATENT)), size, size, size, st.floats(1.0, 10.0))
def test_more_work_never_takes_less_time(name: str, kind: str, a: float, b: float, c: float, more: float) -> None:
    curves = curves_for(chip(name))
    less, greater = (float(np.squeeze(curves.seconds(op(kind, v, b, c)))) for v in (a, a * more))
    assert greater >= less * (1 - 1e-9)


@pytest.mark.parametrize("kind", [*KINDS, LATENT])
def test_arrays_give_what_single_numbers_give(kind: str) -> None:
    curves = curves_for(chip())
    rows = np.array([[1.0, 17.0, 512.0, 9000.0]])
    many = np.broadcast_to(curves.seconds(op(kind, rows, 512.0, 1024.0)), rows.shape)
    each = [float(np.squeeze(curves.seconds(op(kind, v, 512.0, 1024.0)))) for v in rows[0]]
    np.testing.assert_allclose(many[0], each, rtol=1e-12)


@pytest.mark.parametrize("calls", [0.0, np.array([0.0, 1.0, 2.0])])
def test_launches_are_paid_per_call_and_nothing_without_one(calls: float | np.ndarray) -> None:
    curves = curves_for(chip())
    x = op("matmul", 64.0, 4096.0, 4096.0)
    got = np.atleast_1d(curves.seconds(x._replace(calls=calls)))
    launch = curves.curve("matmul", "bf16").launch_s
    assert launch > 0
    assert got[0] == 0.0
    if got.size > 1:
        assert got[2] - got[1] == pytest.approx(launch)


def test_skew_stretches_the_work_and_neither_launch_nor_chain() -> None:
    curves = curves_for(chip())
    x = op("grouped_matmul", 64.0, 4096.0, 4096.0)
    c, peak = replace(curves.curve("grouped_matmul", "bf16"), step_s=1e-9), curves.peak("bf16")
    chain = c.step_s * 4096.0
    assert chain > 0
    busy = compute_seconds(x, c, peak) - chain
    assert compute_seconds(x._replace(skew=1.5), c, peak) == pytest.approx(1.5 * busy + chain)
    moved = memory_seconds(x, c, curves.bandwidth)
    assert memory_seconds(x._replace(skew_bytes=1.5), c, curves.bandwidth) == pytest.approx(1.5 * moved)
    assert curves.seconds(x._replace(skew=1.5)) > curves.seconds(x)


def test_a_rank_is_its_part_of_the_chip() -> None:
    whole, half = curves_for(chip()), curves_for(chip(ranks=2))
    assert half.peak("bf16") == whole.peak("bf16") / 2
    assert half.bandwidth == whole.bandwidth / 2
    x = op("matmul", 8192.0, 8192.0, 8192.0)
    assert half.seconds(x) > 1.8 * whole.seconds(x)


@pytest.mark.parametrize(
    ("name", "form", "evidence"),
    [
        ("h100-sxm", "bf16", "measured"),
        ("h100-pcie", "bf16", "analog"),
        ("tpu-v6e", "fp8", "analog"),
        ("b200-sxm", "fp4", "measured"),
        ("mi300x", "bf16", "analog"),
        ("a chip of nobody", "bf16", "datasheet"),
        ("a chip of nobody", "a format of nobody", "datasheet"),
    ],
)
def test_own_then_relative_then_pool(name: str, form: str, evidence: str) -> None:
    c = curves_for(chip(name)).curve("matmul", form)
    assert (c.evidence, c.format) == (evidence, form)
    assert c.basis
    assert c.residual.q10 < c.residual.q90


def test_a_borrowed_curve_is_trusted_less_than_its_owner_trusts_it() -> None:
    own, borrowed = (curves_for(chip(n)).curve("matmul", "bf16").residual for n in ("h100-sxm", "h100-pcie"))
    assert borrowed.q90 - borrowed.q10 > own.q90 - own.q10


def test_an_engine_gets_its_own_constants_where_they_differ() -> None:
    rows = tomllib.loads((FOLDER / "h100-sxm.toml").read_text())["curve"]
    own = [r for r in rows if r.get("engine")]
    assert own
    r = own[0]
    mine = curves_for(chip(), engine=r["engine"]).curve(r["kind"], r["format"])
    assert mine.launch_s == r["launch_s"]
    assert mine != curves_for(chip()).curve(r["kind"], r["format"])
    assert curves_for(chip(), engine="an engine of nobody").curve("matmul", "bf16") == curves_for(chip()).curve(
        "matmul", "bf16"
    )


@pytest.mark.parametrize("name", ["h100-sxm", "b200-sxm"])
def test_an_engine_reduces_with_its_own_kernels(name: str) -> None:
    rows = tomllib.loads((FOLDER / "collectives.toml").read_text())["collective"]
    own = [r for r in rows if r["chip"] == name and r.get("engine")]
    assert own
    for r in own:
        found = curves_for(chip(name), engine=r["engine"]).collective("all_reduce", "nvlink")
        assert (found.launch_s, found.evidence) == (r["launch_s"], "measured")
    general = curves_for(chip(name)).collective("all_reduce", "nvlink")
    assert curves_for(chip(name), engine="an engine of nobody").collective("all_reduce", "nvlink") == general
    assert curves_for(chip(name), engine=own[0]["engine"]).collective("all_gather", "nvlink").evidence == "measured"


def test_a_latent_cache_has_a_curve_of_its_own() -> None:
    curves = curves_for(chip())
    latent, grouped = curves.of(op(LATENT, 8.0, 1000.0, 1.0)), curves.of(op("attention_decode", 8.0, 1000.0, 1.0))
    assert (latent.kind, grouped.kind) == (LATENT, "attention_decode")
    assert latent.pad_bytes != grouped.pad_bytes


@pytest.mark.parametrize(("kind", "form"), [("a kind of nobody", "bf16"), ("matmul", "fp8")])
def test_what_cannot_be_priced_is_said_in_one_line(kind: str, form: str) -> None:
    curves = curves_for(chip("x", **({"bf16": 1e15} if kind != "matmul" else {"fp64": 1e12})))
    with pytest.raises(InputError, match=r"no (curve|peak)") as caught:
        curves.seconds(Op("x", kind, form, 1.0, 1.0, (1.0, 1.0, 1.0)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0, math.inf])
def test_blend_is_the_norm_that_it_says(power: float) -> None:
    got = blend(np.array([3.0, 0.0]), np.array([4.0, 2.0]), power)
    want = [4.0 if math.isinf(power) else (3**power + 4**power) ** (1 / power), 2.0]
    np.testing.assert_allclose(got, want)


def test_the_form_by_hand() -> None:
    c = Curve("matmul", "bf16", 0.5, 0.8, 1e-6, depth_pad=100.0, step_s=1e-9)
    x = Op("x", "matmul", "bf16", 2e9, 1e6, (1000.0, 1000.0, 1000.0))
    assert compute_seconds(x, c, 1e12) == pytest.approx(2e9 / 0.5e12 * 1.1 + 1e-6)
    assert memory_seconds(x, c, 1e12) == pytest.approx(1e6 / 0.8e12)


def test_a_table_of_no_losses_is_the_form_itself() -> None:
    plain = Curve("matmul", "bf16", 0.5, 0.8, 1e-6, depth_pad=100.0)
    same = surface_of(replace(plain, surface=" ".join(["0"] * math.prod(GRIDS["matmul"].shape))), 1e15)
    assert surface_of(plain, 1e15) is None
    assert same
    x = op("matmul", 777.0, 1024.0, 8192.0)._replace(flops=2 * 777.0 * 1024 * 8192)
    assert effective(x, same) / 1e15 == pytest.approx(compute_seconds(x, plain, 1e15), rel=0.02)


def test_tables_are_whole() -> None:
    found = 0
    for name in FILES:
        for r in tomllib.loads((FOLDER / f"{name}.toml").read_text())["curve"]:
            if "surface" in r:
                found += 1
                assert len(r["surface"].split()) == math.prod(GRIDS[r["kind"]].shape)
    assert found > 100


@pytest.mark.parametrize(
    ("kind", "form", "near"), [("matmul", "fp8_block", "fp8"), ("attention_decode", "bf16_kv8", "bf16")]
)
def test_formats_of_one_arithmetic_stand_in_for_each_other(kind: str, form: str, near: str) -> None:
    curves = curves_for(chip())
    assert curves.peak(form) == curves.peak(near)
    assert curves.peak_name(form) == near
    assert curves.curve(kind, form).evidence == "measured"


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("name", ["h100-sxm", "l40s", "mi300x"])
@pytest.mark.parametrize("tier", ["nvlink", "infiniband", "package"])
def test_collectives_grow_with_bytes_and_hops(kind: str, name: str, tier: str) -> None:
    c = curves_for(chip(name)).collective(kind, tier)
    assert 0 < c.share_of_bandwidth <= 2
    wire = np.array([0.0, 1e4, 1e6, 1e9])
    t = c.seconds(1.0, wire, 1e11, 1e-6)
    assert (np.diff(t) > 0).all()
    assert c.seconds(3.0, 1e6, 1e11, 1e-6) > c.seconds(1.0, 1e6, 1e11, 1e-6)
    assert t[-1] == pytest.approx(1e-2 / c.share_of_bandwidth, rel=0.2)


@pytest.mark.parametrize("name", FILES)
def test_every_curve_says_where_it_comes_from(name: str) -> None:
    for r in tomllib.loads((FOLDER / f"{name}.toml").read_text())["curve"]:
        assert r["sources"], r
        assert r["date"], r
        assert r["evidence"] in ("measured", "analog")
        assert 0 < r.get("compute_share", 1.0) <= 1, r
        assert 0 < r.get("memory_share", 1.0) <= 1, r
        assert 0 < r["launch_s"] < 1e-3, r
        assert r["residual"]["q10"] <= r["residual"]["q50"] <= r["residual"]["q90"]


def test_relatives_were_measured_and_nobody_is_his_own() -> None:
    listed = tomllib.loads((FOLDER / "relatives.toml").read_text())["relative"]
    for name, row in listed.items():
        assert name not in row["chips"]
        assert row["why"]
        assert set(row["chips"]) <= set(FILES)


def test_curves_stay_small() -> None:
    assert sum(p.stat().st_size for p in FOLDER.glob("*.toml")) < 5_000_000


def test_the_weakest_evidence_is_carried() -> None:
    assert weakest(["measured", "datasheet", "analog"]) == "datasheet"
    assert weakest(["measured", "analog"]) == "analog"
    assert weakest([]) == "measured"
    with pytest.raises(ValueError, match=r"not in tuple|guessed"):
        weakest(["guessed"])


@pytest.mark.shared
def test_predictions_meet_the_tables(shared_data: Path) -> None:
    pandas = pytest.importorskip("pandas")
    d = pandas.read_parquet(shared_data / "measured" / "operators" / "gemm.parquet")
    d = d[(d.suspect == "") & (d.chip == "h100-sxm") & (d.gemm_dtype == "bfloat16") & (d.n >= 128) & (d.k >= 128)]
    m, n, k = (d[c].to_numpy(float) for c in "mnk")
    t = curves_for(chip()).seconds(Op("x", "matmul", "bf16", 2 * m * n * k, 2 * (m * k + n * k + m * n), (m, n, k)))
    assert np.median(np.abs(np.log(t / (d.latency.to_numpy() * 1e-3)))) < 0.1


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "bf16", "bandwidth"),
    [("h100-sxm", 989.4e12, 3.35e12), ("h200-sxm", 989.5e12, 4.8e12), ("b200-sxm", 2250e12, 7.7e12)],
)
def test_a_whole_layer_adds_up(shared_data: Path, name: str, bf16: float, bandwidth: float) -> None:
    """Latent attention with its projections, timed as one module that no curve was fitted to."""
    pandas = pytest.importorskip("pandas")
    d = pandas.read_parquet(shared_data / "measured" / "operators" / "mla_generation_module.parquet")
    d = d[(d.suspect == "") & (d.chip == name) & (d.aic_backend == "trtllm") & (d.gemm_type == "bfloat16")]
    d = d[(d.kv_cache_dtype == "bfloat16") & d.model.str.contains("DeepSeek-V3")]
    priced = curves_for(replace(chip(name, bf16=bf16), bandwidth_bytes_per_s=bandwidth))
    b, s, heads = (d[c].to_numpy(float) for c in ("batch_size", "step", "num_heads"))
    layer = Mla(7168, 128, 1536, 512, 128, 64, 128)
    ops = layer.ops(SimpleNamespace(heads=heads), Load(b, 1.0, s + 1.0), Formats({"other": Stored(16.0, "bf16")}))
    error = np.log(sum(priced.seconds(x) for x in ops) / (d.latency.to_numpy() * 1e-3))
    assert np.median(np.abs(error)) < 0.12
    assert np.median(np.abs(error[d.latency.to_numpy() > 0.2])) < 0.08


def test_a_pool_of_few_machines_names_them() -> None:
    few = curves_for(chip()).curve("matmul", "gguf")
    assert few.evidence == "datasheet"
    assert few.systems
    assert all(name in few.basis for name in few.systems)
    assert curves_for(chip()).curve("matmul", "bf16").systems == ()


@pytest.mark.parametrize("name", ["h100-sxm", "h200-sxm", "b200-sxm"])
def test_finding_scales_is_no_part_of_a_product(name: str) -> None:
    """Engines run like kernels for 8-bit products with one scale a tensor: none takes twice as long at small sizes."""
    m, n, k = 8.0, 8192.0, 8192.0
    op = Op("x", "matmul", "fp8", 2 * m * n * k, n * k, (m, n, k))
    times = [float(curves_for(chip(name), by).seconds(op)) for by in ("trtllm", "vllm", "sglang")]
    assert max(times) < 1.4 * min(times)
