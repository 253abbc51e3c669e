"""The smaller measurement sets: InferSim (H20, H800), vLLM layers (RTX 4090, RTX PRO 6000), Vidur, LLMServingSim v0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fit import tables as t

INFERSIM = "alibaba/InferSim bench_data (Apache-2.0)"
LAYERS = "casys-kaist/LLMServingSim profiler/perf, vLLM 0.19 (MIT)"
LAYERS_V0 = "casys-kaist/LLMServingSim profiler/v0 (MIT)"
VIDUR = "microsoft/vidur profiling data (MIT)"
# Widths of the profiled models: hidden, intermediate, heads, KV heads, head size, vocabulary (their config.json).
WIDTHS = {
    "meta-llama/Llama-3.1-8B": (4096, 14336, 32, 8, 128, 128256),
    "meta-llama/Llama-3.1-70B": (8192, 28672, 64, 8, 128, 128256),
    "Qwen/Qwen3-32B": (5120, 25600, 64, 8, 128, 151936),
    "Qwen/Qwen3-30B-A3B-Instruct-2507": (2048, 768, 32, 4, 128, 151936),
    "mistralai/Mixtral-8x7B-v0.1": (4096, 14336, 32, 8, 128, 32000),
}


def infersim(data: Path) -> pd.DataFrame:
    """Return the H20 and H800 tables: products in FP8 (DeepGEMM), expert products, attention in bfloat16."""
    d = pd.read_csv(data / "measured" / "operators" / "infersim_h20_h800.csv.gz")
    d = d[d["suspect"].isna()].assign(aic_backend="infersim", aic_version="")
    out = []
    g = d[d["op"] == "gemm"].reset_index(drop=True)
    out.append(
        t.product(g, INFERSIM, pd.Series(["fp8_block"] * len(g)), g["m"], g["n"], g["k"], g["latency_us"] * 1e-6)
    )
    out += [_experts(d), _decode(d[(d["op"] == "mha") & (d["phase"] == "decode")]), _latent(d), _prefill(d)]
    return pd.concat(out, ignore_index=True)


def _experts(d: pd.DataFrame) -> pd.DataFrame:
    g = d[d["op"] == "grouped_gemm"].reset_index(drop=True)
    tokens = g["batch_size_per_gpu"].fillna(g["seq_len_per_gpu"]).to_numpy(float)
    pairs = tokens * g["topk"].to_numpy(float)
    held = g["num_local_experts"].to_numpy(float)
    hit = held * -np.expm1(pairs / held * np.log1p(-1 / np.maximum(held, 1.0001)) * held)
    hit = np.minimum(held, np.maximum(hit, 1.0))
    hidden, inner = g["hidden_size"].to_numpy(float), g["intermediate_size"].to_numpy(float)
    parts = []
    for n, k, us, name in ((2 * inner, hidden, "up_proj_us", "up"), (hidden, inner, "down_proj_us", "down")):
        parts.append(
            t.samples_of(
                g,
                INFERSIM,
                "grouped_matmul",
                format="fp8_block",
                shape=[f"{name}{int(a)}x{int(b)}x{int(c)}" for a, b, c in zip(n, k, held, strict=True)],
                s0=pairs / hit,
                s1=n,
                s2=k,
                s3=hit,
                flops=2 * pairs * n * k,
                bytes=hit * n * k + pairs * (k + 2 * n),
                seconds=g[us].to_numpy(float) * 1e-6,
                op=np.arange(len(g)) + (0 if name == "up" else 10**6),
            )
        )
    return pd.concat(parts, ignore_index=True)


def _decode(d: pd.DataFrame) -> pd.DataFrame:
    d = d.reset_index(drop=True)
    h, g, w = (d["shape_key"].str.split("-").str[i].astype(float).to_numpy() for i in range(3))
    b, s = d["batch_size"].to_numpy(float), d["kv_len"].to_numpy(float)
    kv = np.where(d["kv_dtype"] == "fp8", 1.0, 2.0)
    return t.samples_of(
        d,
        INFERSIM,
        "attention_decode",
        format=np.where(kv == 1, t.KV8, "bf16"),
        shape=d["shape_key"],
        s0=b,
        s1=s,
        s2=g,
        s3=h / g,
        flops=4 * b * h * s * w,
        bytes=b * s * g * 2 * w * kv + b * h * 4 * w,
        seconds=d["latency_us"].to_numpy() * 1e-6,
    )


def _latent(d: pd.DataFrame) -> pd.DataFrame:
    d = d[(d["op"] == "mla") & (d["phase"] == "decode")].reset_index(drop=True)
    b, s, h = d["batch_size"].to_numpy(float), d["kv_len"].to_numpy(float), 128.0
    kv = np.where(d["kv_dtype"] == "fp8", 1.0, 2.0)
    return t.samples_of(
        d,
        INFERSIM,
        "attention_latent",
        format=np.where(kv == 1, t.KV8, "bf16"),
        shape=d["kv_len"].astype(str),
        s0=b,
        s1=s,
        s2=1.0,
        s3=h,
        flops=2 * b * h * s * 1088,
        bytes=b * s * 576 * kv + b * h * 1088 * 2,
        seconds=d["latency_us"].to_numpy() * 1e-6,
    )


def _prefill(d: pd.DataFrame) -> pd.DataFrame:
    d = d[d["op"].isin(["mha", "mla"]) & (d["phase"] == "prefill")].reset_index(drop=True)
    a = [d["shape_key"].str.split("-").str[i].astype(float).to_numpy() for i in range(3)]
    mla = (d["op"] == "mla").to_numpy()
    h, g, w = a[0], np.where(mla, a[0], a[1]), np.where(mla, 160.0, a[2])
    s = d["seq_len"].to_numpy(float)
    d = d.assign(latency=d["latency_us"] * 1e-3)
    return t.prompt_samples(d, "", np.full(len(d), "bf16"), (s, (s + 1) / 2, h, w), g, 2.0, 1.0, (h, g, w)).assign(
        source=INFERSIM
    )


def _dense(d: pd.DataFrame, source: str, layer: str, tokens: str, seconds: np.ndarray, tp: np.ndarray) -> pd.DataFrame:
    """Return the dense layers of profiled models as products and element-wise passes."""
    m = d[tokens].to_numpy(float)
    wide = np.array([WIDTHS[x] for x in d["model"]], float).T
    hid, inter, heads, kv, size, vocab = wide
    q, kvw = heads * size, kv * size
    nk = {
        "qkv_proj": (q + 2 * kvw, hid),
        "q_proj": (q, hid),
        "k_proj": (kvw, hid),
        "v_proj": (kvw, hid),
        "o_proj": (hid, q),
        "gate_up_proj": (2 * inter, hid),
        "gate_proj": (inter, hid),
        "up_proj": (inter, hid),
        "down_proj": (hid, inter),
        "lm_head": (vocab, hid),
    }
    split = {"o_proj": 1, "down_proj": 1}  # these divide the depth, the others the columns
    moved = {
        "act_fn": 3 * inter / tp,
        "layernorm": 4 * hid,
        "input_layernorm": 2 * hid,
        "post_layernorm": 2 * hid,
        "final_layernorm": 4 * hid,
        "rotary_emb": 2 * (q + kvw) / tp,
        "rope": 2 * (q + kvw) / tp,
        "embedding": 2 * hid,
    }
    out = []
    for name in d[layer].dropna().unique():
        at = (d[layer] == name).to_numpy()
        x = d[at].reset_index(drop=True)
        if name in nk:
            n, k = nk[name]
            n, k = (n, k / tp) if name in split else (n / tp, k)
            out.append(t.product(x, source, pd.Series(["bfloat16"] * len(x)), m[at], n[at], k[at], seconds[at]))
        elif name in moved:
            out.append(stream(x, source, 2 * m[at] * moved[name][at], seconds[at], [f"{name}"] * len(x)))
    return pd.concat(out, ignore_index=True)


def stream(d: pd.DataFrame, source: str, moved: object, seconds: object, shape: object) -> pd.DataFrame:
    """Return samples of element-wise work."""
    return t.samples_of(d, source, "stream", format="bf16", shape=shape, flops=0.0, bytes=moved, seconds=seconds)


def layers(data: Path) -> pd.DataFrame:
    """Return vLLM layers of the RTX 4090 and RTX PRO 6000 (dense, head, decode attention)."""
    d = pd.read_parquet(data / "measured" / "operators" / "llmservingsim_vllm_layers.parquet")
    d = d[d["suspect"] == ""].assign(aic_backend="vllm", aic_version="0.19")
    d["size"] = d["tokens"].fillna(d["sequences"])
    moe = d["model"].str.contains("A3B") & d["layer"].isin(["act_fn", "down_proj", "gate_up_proj"])
    x = d[d["table"].isin(["dense", "per_sequence"]) & ~moe].reset_index(drop=True)
    one = _dense(x, LAYERS, "layer", "size", x["time_us"].to_numpy() * 1e-6, x["tp"].to_numpy(float))
    a = d[(d["table"] == "attention") & (d["prefill_chunk"] == 0) & (d["n_decode"] > 0)].reset_index(drop=True)
    tp = a["tp"].to_numpy(float)
    w = np.array([WIDTHS[x] for x in a["model"]], float).T
    h, g, size = w[2] / tp, w[3] / tp, w[4]
    b, s = a["n_decode"].to_numpy(float), a["kv_decode"].to_numpy(float)
    two = t.samples_of(
        a,
        LAYERS,
        "attention_decode",
        format="bf16",
        shape=[f"{int(x)}-{int(y)}" for x, y in zip(h, g, strict=True)],
        s0=b,
        s1=s,
        s2=g,
        s3=h / g,
        flops=4 * b * h * s * size,
        bytes=b * s * g * 4 * size + b * h * 4 * size,
        seconds=a["time_us"].to_numpy() * 1e-6,
    )
    a = d[(d["table"] == "attention") & (d["prefill_chunk"] > 0) & (d["n_decode"] == 0)].reset_index(drop=True)
    tp = a["tp"].to_numpy(float)
    w = np.array([WIDTHS[x] for x in a["model"]], float).T
    h, g, size = w[2] / tp, w[3] / tp, w[4]
    q, past = a["prefill_chunk"].to_numpy(float), a["kv_prefill"].to_numpy(float)
    three = t.samples_of(
        a,
        LAYERS,
        "attention_prefill",
        format="bf16",
        shape=[f"{int(x)}-{int(y)}" for x, y in zip(h, g, strict=True)],
        s0=q,
        s1=past + (q + 1) / 2,
        s2=h,
        s3=size,
        flops=4 * q * (past + (q + 1) / 2) * h * size,
        bytes=q * h * 4 * size + (past + q) * g * 4 * size,
        seconds=a["time_us"].to_numpy() * 1e-6,
    )
    return pd.concat([one, two, three], ignore_index=True)


def layers_v0(data: Path) -> pd.DataFrame:
    """Return layers of the RTX A6000, RTX 3090 and TPU v6e (dense parts of the two Llama models).

    Element-wise layers only where one kernel does them (activation): norms and rotations ran as chains of small kernels.
    """
    d = pd.read_parquet(data / "measured" / "operators" / "llmservingsim_v0_layers.parquet")
    d = d[(d["suspect"] == "") & d["model"].str.contains("Llama") & (d["chip"] != "h100-sxm") & (d["latency_ns"] > 0)]
    d = d.assign(aic_backend="llmservingsim-v0", aic_version="").reset_index(drop=True)
    slow = d["layer_name"].str.contains("norm|rope|embedding")
    d = d[~slow].reset_index(drop=True)
    return _dense(d, LAYERS_V0, "layer_name", "input", d["latency_ns"].to_numpy() * 1e-9, d["tp_size"].to_numpy(float))


def vidur(data: Path) -> pd.DataFrame:
    """Return Vidur's products and element-wise passes (A40, A100, H100)."""
    d = pd.read_parquet(data / "measured" / "operators" / "vidur_mlp.parquet")
    d = d[d["suspect"] == ""].assign(aic_backend="vidur", aic_version="").reset_index(drop=True)
    m, tp = d["num_tokens"].to_numpy(float), d["num_tensor_parallel_workers"].to_numpy(float)
    hid, inter = d["n_embd"].to_numpy(float), d["n_expanded_embd"].to_numpy(float)
    kvw = d["n_kv_head"].to_numpy(float) * hid / d["n_head"].to_numpy(float)
    up = np.where(d["use_gated_mlp"], 2.0, 1.0) * inter
    form = pd.Series(["bfloat16"] * len(d))
    out = []
    for name, n, k in (
        ("attn_pre_proj_ms", (hid + 2 * kvw) / tp, hid),
        ("attn_post_proj_ms", hid, hid / tp),
        ("mlp_up_proj_ms", up / tp, hid),
        ("mlp_down_proj_ms", hid, inter / tp),
    ):
        out.append(t.product(d, VIDUR, form, m, n, k, d[name] * 1e-3))
    gated = d["use_gated_mlp"].to_numpy()
    for name, moved in (
        ("input_layernorm_ms", 2 * hid),
        ("mlp_act_ms", np.where(gated, 3.0, 2.0) * inter / tp),
        ("add_ms", 3 * hid),
    ):
        out.append(stream(d, VIDUR, 2 * m * moved, d[name] * 1e-3, [name] * len(d)))
    out = [x[x["seconds"] > 0] for x in out]
    return pd.concat(out, ignore_index=True)


def quantise(data: Path) -> pd.DataFrame:
    """Return quantisation passes (read bfloat16, write 1 byte or less) as element-wise work.

    SGLang's are left out: they take ten times as long as the others on the same chip (several unfused kernels).
    """
    d = pd.read_parquet(data / "measured" / "operators" / "quantize_scale_matrix.parquet")
    d = d[(d["suspect"] == "") & (d["latency"] > 0) & (d["aic_backend"] != "sglang")].reset_index(drop=True)
    size = d["m"].to_numpy(float) * d["k"].to_numpy(float)
    return stream(
        d,
        t.AIC + ": quantize_scale_matrix",
        size * 3.0,
        d["latency"] * 1e-3,
        d["quant_dtype"].astype(str) + d["k"].astype(str),
    )


def scans(data: Path) -> pd.DataFrame:
    """Return the cores of gated delta rule layers (GDN, KDA); the tables of Mamba 2 hold its convolution only.

    Counted as 6 FLOP per token and element of state (decay and update, read), 8 bytes per element of state and sequence
    and step of decode (float32 read and written), inputs and outputs in bfloat16. Prompts only in batches of at most 4,
    since the chain of one sequence sets the time of small batches.
    """
    out = []
    for name in ("gdn_linear_attention", "kda"):
        d = t.read(data, name)
        core = d["kernel_source"].str.contains("delta_rule|kda") & ~d["kernel_source"].str.contains("conv")
        d = d[core & (d["phase"] != "verify")].reset_index(drop=True)
        n, h = d["num_tokens"].to_numpy(float), d["num_v_heads"].to_numpy(float)
        state = (d["head_k_dim"] * d["head_v_dim"]).to_numpy(float)
        width = (d["head_k_dim"] * 2 + d["head_v_dim"] * 2).to_numpy(float)
        moved = n * h * width * 2 + 8 * h * state * d["batch_size"].to_numpy(float)
        out.append(
            t.samples_of(
                d,
                t.AIC + f": {name}",
                np.where(d["phase"] == "context", "scan_prefill", "scan_decode"),
                format="bf16",
                shape=d["phase"] + h.astype(int).astype(str),
                s0=n,
                s1=h,
                s2=state,
                flops=8 * n * h * state,
                bytes=moved,
                seconds=d["latency"].to_numpy() * 1e-3,
            )
        )
    return pd.concat(out, ignore_index=True)
