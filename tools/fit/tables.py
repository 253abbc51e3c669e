"""Operator measurements as samples of one shape: chip, kind, format, engine, sizes, FLOP, bytes, seconds.

Traps are those of shared/data/measured/operators/README.md: rows marked suspect are dropped, copies are counted once,
FLOP and bytes are counted as the product's blocks count them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["chip", "kind", "format", "engine", "version", "source", "shape", "s0", "s1", "s2", "s3", "flops", "bytes"]
SMALLEST = 128  # matrix products narrower than this are not what a model asks for
SHORTEST = 128  # prompts shorter than this fill a tile each: at equal tokens they cost more than longer ones
KV8 = "bf16_kv8"  # attention in 16-bit arithmetic on an 8-bit cache


@dataclass(frozen=True)
class Chip:
    """Peak rates of one chip from chips.csv, by format [FLOP/s], and memory bandwidth [B/s]."""

    name: str
    peaks: dict[str, float]
    bandwidth: float
    link: float


def rate(text: object, unit: float = 1e12) -> float:
    """Return a printed rate in SI units: `G...` is 1e9, everything else tera; NaN where nothing is printed."""
    parts = str(text).split()
    if len(parts) < 2:
        return float("nan")
    return float(parts[0]) * (1e9 if parts[1].startswith("G") else unit)


@lru_cache
def chips(data: Path) -> dict[str, Chip]:
    """Return every chip of chips.csv with its rates."""
    table = pd.read_csv(data / "chips.csv").set_index("name")
    out = {}
    for name, row in table.iterrows():
        peaks = {f: rate(row[f]) for f in ("bf16", "fp8", "fp4", "int8", "int4")}
        peaks = {f: v for f, v in peaks.items() if v == v}
        out[str(name)] = Chip(str(name), peaks, rate(row["bandwidth"]), rate(row["link"]))
    return out


def read(data: Path, name: str) -> pd.DataFrame:
    """Return a table without suspect rows and copies."""
    d = pd.read_parquet(data / "measured" / "operators" / f"{name}.parquet")
    d = d[d["suspect"] == ""]
    if "copied_from" in d:
        d = d[d["copied_from"] == ""]
    return d.reset_index(drop=True)


def main_kernel(d: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the rows of the kernel that an engine's version runs most under some keys: the rest are what it falls back to."""
    keys = ["chip", "aic_backend", "aic_version", *keys]
    rows = d.groupby([*keys, "kernel_source"], dropna=False)["latency"].transform("size")
    return d[rows == rows.groupby([d[k] for k in keys], dropna=False).transform("max")].reset_index(drop=True)


def samples_of(d: pd.DataFrame, source: str, kind: str, **columns: object) -> pd.DataFrame:
    """Return samples of a table: constants and arrays in `columns`, the rest from the table's own columns."""
    out = pd.DataFrame({"chip": d["chip"].to_numpy()})
    out["engine"] = d["aic_backend"].to_numpy() if "aic_backend" in d else ""
    out["version"] = d["aic_version"].astype(str).to_numpy() if "aic_version" in d else ""
    out["source"], out["kind"] = source, kind
    for name, value in columns.items():
        out[name] = value
    for name in ("s0", "s1", "s2", "s3", "fixed_bytes"):
        if name not in out:
            out[name] = 0.0
    if "op" not in out:
        out["op"] = 0
    return out


AIC = "aiconfigurator-core 0.12.0 systems/data (Apache-2.0)"

# Table format to (our format, bytes per weight, bytes per input element); scales are counted.
MATMUL_FORMATS = {
    "bfloat16": ("bf16", 2.0, 2.0),
    "fp8": ("fp8", 1.0, 1.0),
    "fp8_block": ("fp8_block", 1.0, 1.0),
    "nvfp4": ("nvfp4", 0.5625, 0.5625),
    "sq": ("int8", 1.0, 1.0),
    "int8_wo": ("int8_wo", 1.0, 2.0),
    "int4_wo": ("int4_wo", 0.53125, 2.0),
    "w4a16_mxfp4": ("mxfp4_wo", 0.53125, 2.0),
    "w4a8_mxfp4_mxfp8": ("mxfp4", 0.53125, 1.03125),
    "w4afp8": ("int4_fp8", 0.53125, 1.0),
}


def product(
    d: pd.DataFrame, source: str, form: pd.Series, m: object, n: object, k: object, seconds: object
) -> pd.DataFrame:
    """Return samples of matrix products; `form` is the table's own name of the format."""
    m, n, k = (np.asarray(x, float) for x in (m, n, k))
    named = [MATMUL_FORMATS[f] for f in form]
    w, i = np.array([x[1] for x in named]), np.array([x[2] for x in named])
    shape = [f"{int(a)}x{int(b)}" for a, b in zip(n, k, strict=True)]
    out = samples_of(
        d,
        source,
        "matmul",
        format=[x[0] for x in named],
        shape=shape,
        s0=m,
        s1=n,
        s2=k,
        flops=2 * m * n * k,
        bytes=w * n * k + i * m * k + 2 * m * n,
        seconds=np.asarray(seconds, float),
    )
    return out[(n >= SMALLEST) & (k >= SMALLEST)]


def scaling(data: Path) -> pd.DataFrame:
    """Return what finding an input's scale takes in TensorRT-LLM, per chip: `launch` [s] and `rate` [B/s] of the input.

    t = launch + 2 m k / rate, the median of small inputs and of large ones (a difference of two timings: single rows are
    noise).
    """
    d = read(data, "quantize_compute_scale")
    d = d[d["aic_backend"] == "trtllm"]
    moved, seconds = 2.0 * d["m"] * d["k"], d["latency"] * 1e-3
    small = seconds[moved < 2**21].groupby(d["chip"]).median().rename("launch")
    beyond = seconds - d["chip"].map(small)
    large = (moved / beyond)[(moved > 2**26) & (beyond > 0)].groupby(d["chip"]).median().rename("rate")
    return pd.concat([small, large], axis=1).dropna()


def served(data: Path, d: pd.DataFrame) -> pd.DataFrame:
    """Return the products as a server runs them.

    Left out: the fallback kernels that suspects.csv names for fp8_block, and TensorRT-LLM's nvfp4, which was timed with the
    kernel that is taken before any was tuned; a server tunes when it starts (TensorRT-LLM: enable_autotuner). Its fp8 was
    timed with weights that bring no scale for their inputs, so that each product first finds one; checkpoints with one
    scale a tensor bring it: that part is taken off.

    Source: ai-dynamo/aiconfigurator: collector/trtllm/collect_gemm.py says both; NVIDIA/TensorRT-LLM: llmapi/llm_args.py.
    """
    theirs = d["aic_backend"] == "trtllm"
    fallback = (d["gemm_dtype"] == "fp8_block") & (d["aic_backend"] == "vllm")
    d = d[~fallback & ~(theirs & (d["gemm_dtype"] == "nvfp4"))].reset_index(drop=True)
    found = scaling(data).reindex(d["chip"])
    cost = found["launch"].to_numpy() + 2.0 * d["m"].to_numpy(float) * d["k"].to_numpy(float) / found["rate"].to_numpy()
    per_tensor = (d["gemm_dtype"] == "fp8") & (d["aic_backend"] == "trtllm")
    whole = d["latency"]
    left = whole - np.where(per_tensor, cost, 0.0) * 1e3
    d["latency"] = left
    return d[left > 0.2 * whole].reset_index(drop=True)  # what is less is noise


def matmul(data: Path) -> pd.DataFrame:
    """Return dense matrix products as a server runs them."""
    d = served(data, read(data, "gemm"))
    return product(d, AIC + ": gemm", d["gemm_dtype"], d["m"], d["n"], d["k"], d["latency"] * 1e-3)


def batched(data: Path) -> pd.DataFrame:
    """Return the absorbed projections of latent attention (DeepSeek sizes: 128 and 512 wide)."""
    d = read(data, "mla_bmm")
    m, h = d["num_tokens"].to_numpy(float), d["num_heads"].to_numpy(float)
    pre = (d["op_name"] == "mla_gen_pre").to_numpy()
    n, k = np.where(pre, 512.0, 128.0), np.where(pre, 128.0, 512.0)
    bits = np.where(d["bmm_dtype"] == "fp8", 1.0, 2.0)
    return samples_of(
        d,
        AIC + ": mla_bmm",
        "batched_matmul",
        format=np.where(bits == 1, "fp8", "bf16"),
        shape=[f"{a}-{int(b)}" for a, b in zip(pre, h, strict=True)],
        s0=m,
        s1=n,
        s2=k,
        s3=h,
        flops=2 * m * n * k * h,
        bytes=bits * h * n * k + 2 * m * h * (n + k),
        seconds=d["latency"].to_numpy() * 1e-3,
    )


def prefill(data: Path) -> pd.DataFrame:
    """Return causal attention of prompts: grouped heads (attention_context) and rebuilt latent heads (mla_context)."""
    d = read(data, "attention_context")
    d = main_kernel(d[d["isl"] >= SHORTEST], ["attn_dtype", "kv_cache_dtype", "head_dim"])
    b, h, g, w, s = (
        d[c].to_numpy(float) for c in ("batch_size", "num_heads", "num_key_value_heads", "head_dim", "isl")
    )
    win = d["window_size"].fillna(0).to_numpy(float)
    seen = np.where((win > 0) & (win < s), win - win * win / (2 * s), (s + 1) / 2)
    kv = np.where(d["kv_cache_dtype"] == "fp8", 1.0, 2.0)
    form = np.where(d["attn_dtype"] == "fp8", "fp8", np.where(kv == 1, KV8, "bf16"))
    one = prompt_samples(d, ": attention_context", form, (b * s, seen, h, w), g, kv, b, (h, g, w))
    d = read(data, "mla_context")
    d = d[(d["kv_cache_dtype"] == "bfloat16") & (d["isl"] >= SHORTEST)].reset_index(drop=True)
    b, h, s = (d[c].to_numpy(float) for c in ("batch_size", "num_heads", "isl"))
    two = prompt_samples(
        d,
        ": mla_context",
        np.full(len(d), "bf16"),
        (b * s, (s + 1) / 2, h, 0 * s + 160),
        h,
        2.0,
        b,
        (h, h, h * 0 + 160),
    )
    return pd.concat([one, two], ignore_index=True)


def prompt_samples(
    d: pd.DataFrame,
    table: str,
    form: Any,
    sizes: tuple[Any, ...],
    kv_heads: Any,
    kv: Any,
    b: Any,
    shape: tuple[Any, ...],
) -> pd.DataFrame:
    """Return samples of causal prompts: `sizes` as the operator's, `latency` in ms, `b` prompts."""
    q, seen, h, w = sizes
    return samples_of(
        d,
        AIC + table,
        "attention_prefill",
        format=form,
        shape=["-".join(str(int(x)) for x in r) for r in zip(*shape, strict=True)],
        s0=q,
        s1=seen,
        s2=h,
        s3=w,
        flops=4 * q * seen * h * w,
        bytes=q * h * 2 * w * 2 + b * 2 * seen * kv_heads * 2 * w * kv,
        seconds=d["latency"].to_numpy() * 1e-3,
    )


def decode(data: Path) -> pd.DataFrame:
    """Return attention of one new token per sequence, grouped heads."""
    d = main_kernel(read(data, "attention_generation"), ["attn_dtype", "kv_cache_dtype", "head_dim"])
    b, h, g, w = (d[c].to_numpy(float) for c in ("batch_size", "num_heads", "num_key_value_heads", "head_dim"))
    s, win = (d["isl"] + d["step"]).to_numpy(float), d["window_size"].fillna(0).to_numpy(float)
    seen = np.where(win > 0, np.minimum(s, win), s)
    kv = np.where(d["kv_cache_dtype"] == "fp8", 1.0, 2.0)
    return samples_of(
        d,
        AIC + ": attention_generation",
        "attention_decode",
        format=np.where(kv == 1, KV8, "bf16"),
        shape=["-".join(str(int(x)) for x in r) for r in zip(h, g, w, strict=True)],
        s0=b,
        s1=seen,
        s2=g,
        s3=h / g,
        flops=4 * b * h * seen * w,
        bytes=b * seen * g * 2 * w * kv + b * h * 2 * w * 2,
        seconds=d["latency"].to_numpy() * 1e-3,
    )


def latent(data: Path) -> pd.DataFrame:
    """Return attention of one new token over a latent cache (DeepSeek sizes: 576 read, 512 as values)."""
    d = read(data, "mla_generation")
    b, h, s = d["batch_size"].to_numpy(float), d["num_heads"].to_numpy(float), (d["isl"] + d["step"]).to_numpy(float)
    kv = np.where(d["kv_cache_dtype"] == "fp8", 1.0, 2.0)
    return samples_of(
        d,
        AIC + ": mla_generation",
        "attention_latent",
        format=np.where(kv == 1, KV8, "bf16"),
        shape=[str(int(x)) for x in h],
        s0=b,
        s1=s,
        s2=1.0,
        s3=h,
        flops=2 * b * h * s * 1088,
        bytes=b * s * 576 * kv + b * h * 1088 * 2,
        seconds=d["latency"].to_numpy() * 1e-3,
    )


def power_law(tokens: int, experts: int, topk: int, ranks: int, alpha: float) -> tuple[float, float]:
    """Return rows and experts hit on the busiest rank under the collector's power-law routing (mean of eight draws).

    The collector draws a popularity per expert from a bounded power law, scales it to tokens x topk, lets no expert see
    a token twice and measures the rank with the largest sum.
    """
    rng = np.random.default_rng([tokens, experts, topk, ranks, int(100 * alpha)])
    low, high = (1.0, 0.8 * tokens) if tokens * topk > experts else (0.01, 2.0)
    u, a = rng.random((8, experts)), 1.0 - alpha
    x = ((high**a - low**a) * u + low**a) ** (1.0 / a)
    for _ in range(4):
        x = np.minimum(x * (tokens * topk / x.sum(1, keepdims=True)), tokens)
    by_rank = x.reshape(8, ranks, experts // ranks)
    busiest = by_rank.sum(2).argmax(1)
    own = by_rank[np.arange(8), busiest]
    return float(own.sum(1).mean()), float(np.minimum(own, 1.0).sum(1).mean())


def routed(d: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return rows on the measured rank and experts hit there, for every row of a moe table."""
    keys = ["num_tokens", "num_experts", "topk", "moe_ep_size", "distribution"]
    seen: dict[tuple[object, ...], tuple[float, float]] = {}
    for t, e, k, ranks, how in d[keys].drop_duplicates().itertuples(index=False):
        if how in ("balanced", "uniform"):
            seen[(t, e, k, ranks, how)] = (t * k / ranks, max(min(e, t * k) / ranks, min(1.0, t * k / ranks)))
        else:
            seen[(t, e, k, ranks, how)] = power_law(t, e, k, ranks, float(how.rsplit("_", 1)[1]))
    got = np.array([seen[r] for r in d[keys].itertuples(index=False, name=None)])
    return got[:, 0], np.maximum(got[:, 1], 1e-6)


def grouped(data: Path) -> pd.DataFrame:
    """Return expert layers: an up product (gate and up), a down product and the element-wise pass between, in one time.

    Left out: layers without a gate (hidden 1024 and 2688, 512 experts of which 22 are chosen), whose inner width the
    table does not tell, and kernels that an engine falls back to. Under expert parallelism the collector hands every
    rank all tokens: those are read and written once, whoever computes them.
    """
    d = read(data, "moe")
    plain = d["kernel_source"].str.contains("nongated") | ((d["num_experts"] == 512) & (d["topk"] == 22))
    # SGLang's Triton experts for mxfp4 read four times the bytes of their weights: they are unpacked to 16 bit beforehand.
    wide = (d["moe_dtype"] == "w4a16_mxfp4") & d["kernel_source"].str.startswith("sglang_fused_moe_triton")
    d = d[~d["hidden_size"].isin([1024, 2688]) & ~plain & ~wide & (d["num_experts"] % d["moe_ep_size"] == 0)]
    d = main_kernel(d, ["moe_dtype"])
    rows, hit = routed(d)
    hidden, inner = d["hidden_size"].to_numpy(float), d["inter_size"].to_numpy(float) / d["moe_tp_size"].to_numpy(float)
    out = expert_layer(d, AIC + ": moe", d["moe_dtype"], rows, hit, hidden, inner, d["latency"] * 1e-3)
    all_tokens = 4.0 * d["num_tokens"].to_numpy(float) * hidden * (d["moe_ep_size"].to_numpy() > 1)
    keys = ["hidden_size", "inter_size", "moe_tp_size", "moe_ep_size", "num_experts", "topk"]
    shape = d[keys].astype(int).astype(str).agg("x".join, axis=1).to_numpy()
    return out.assign(fixed_bytes=out["fixed_bytes"] + np.tile(all_tokens, 2), shape=np.tile(shape, 2))


def expert_layer(
    d: pd.DataFrame, source: str, form: pd.Series, rows: Any, hit: Any, hidden: Any, inner: Any, seconds: Any
) -> pd.DataFrame:
    """Return the samples of gated expert layers; `op` ties the two products of one time together."""
    named = [MATMUL_FORMATS[f] for f in form]
    w, i = np.array([x[1] for x in named]), np.array([x[2] for x in named])
    parts = []
    for n, k in ((2 * inner, hidden), (hidden, inner)):
        parts.append(
            samples_of(
                d,
                source,
                "grouped_matmul",
                format=[x[0] for x in named],
                shape=[f"{int(a)}x{int(b)}x{round(c)}" for a, b, c in zip(hidden, inner, hit, strict=True)],
                s0=rows / hit,
                s1=n,
                s2=k,
                s3=hit,
                flops=2 * rows * n * k,
                bytes=w * hit * n * k + rows * (i * k + 2 * n),
                seconds=np.asarray(seconds, float),
                op=np.arange(len(d)),
                fixed_bytes=4.0 * rows * (1.5 * inner + 2.0 * hidden),
            )
        )
    return pd.concat(parts, ignore_index=True)
