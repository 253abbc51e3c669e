"""The files of SGLang and of what is served through it."""

from __future__ import annotations

import re
from typing import Any

from engine_shared import (
    NOW,
    K,
    S,
    accepted,
    head,
    host,
    tokens,
    vllm_start,
)
from import_engines import (
    GPU_KINDS,
    Tables,
    least_step,
    ms,
)


def sglang_budget(t: Tables, version: str) -> list[dict[str, Any]]:
    """Return SGLang's chunk by device memory, largest memory first."""
    b = t.behaviour
    rows = b[(b.engine == S) & (b.version == version) & (b.what == "chunked_prefill_size")]
    out, last = [], None
    for _, row in rows.iloc[::-1].iterrows():
        least = re.search(r"memory (?:>= )?(\d+)(?:-\d+)? GiB", row.condition)
        if least and "memory <" not in row.condition:
            out.append(t.read(row, tokens(row), memory_from=f"{least[1]} GiB"))
        elif "memory <" in row.condition:
            last = t.read(row, tokens(row))
    return sorted(out, key=lambda e: -int(e["memory_from"].split()[0])) + ([last] if last else [])


def sglang_graphs(t: Tables) -> list[dict[str, Any]]:
    """Return SGLang's largest captured decode batch by device memory (the value for tensor >= 4 where they differ)."""
    b = t.behaviour
    out = []
    for _, row in b[(b.engine == S) & (b.version == NOW[S]) & (b.what == "cuda_graph_decode_max_bs")].iterrows():
        least = re.search(r"memory (?:>= )?(\d+)(?:-\d+)? GiB", row.condition)
        text = row.value.split("|")[1].strip()
        if "unknown" not in row.condition:
            more = {"memory_from": f"{least[1]} GiB"} if least and "memory <" not in row.condition else {}
            out.append(t.read(row, text, f"of {row.value}: tensor >= 4", **more))
    return sorted(out, key=lambda e: -int(e.get("memory_from", "0 GiB").split()[0]))


def sglang_outside(t: Tables) -> list[dict[str, Any]]:
    """Return what SGLang keeps outside weights and KV: its own formula at tensor x pipeline = 8, by device memory."""
    row = t.row(S, NOW[S], "mem_fraction_static", "auto; activations")
    after = t.row(S, NOW[S], "mem_fraction_static", "when KV is sized after")
    graph = {e.get("memory_from", ""): float(e["is"]) for e in sglang_graphs(t)}
    out = [
        t.read(after, f"{(1536 + 1024) / 1024:.4g} GiB", f"{after.value}, tp x pp = 8", makers=["Nvidia"], mla=False)
    ]
    for chunk in sglang_budget(t, NOW[S]):
        at = chunk.get("memory_from", "")
        size = 512 + 1.5 * max(float(chunk["is"].split()[0]), 2048) + 1024 + 2 * graph.get(at, 0)
        size = max(size, 10240.0) if int((at or "0").split()[0]) >= 60 else size
        more = {"memory_from": at} if at else {}
        out.append(
            t.read(row, f"{size / 1024:.4g} GiB", f"{row.value}; tp x pp = 8, the default chunk and graphs", **more)
        )
    return out


def sglang_rules(t: Tables) -> list[dict[str, Any]]:
    """Return SGLang's layout rules."""
    return [
        t.rule(S, "etp", "experts == 0 or expert * expert_tensor == world", "tensor within experts is world / expert"),
        t.rule(S, "tp", "heads % tensor == 0", "heads must divide by the attention's tensor size"),
        t.rule(S, "dp", "experts > 0 or data == 1", "data groups of a dense model are replicas"),
        {**t.rule(S, "ep", "microbatches == 1 or expert > 1", "two-batch overlap hides the all-to-all of expert parallelism and needs it"),
         "known": "derived"},
    ]  # fmt: skip


def sglang_runs(t: Tables) -> list[dict[str, Any]]:
    """Return where SGLang runs."""
    formats = t.key("engines/flags/sglang.csv: choices of --quantization and --kv-cache-dtype")
    backend = t.row(S, NOW[S], "disaggregation_transfer_backend")
    runs = t.runs([S, "atom-sglang"], {"Nvidia": ["int8", "int4", "fp16"], "AMD": ["mxfp4", "int4"]}, ["fp8"],
                  "; formats as seen there, the checkpoint's own included")  # fmt: skip
    for entry in runs:
        entry["note"] += f"; further formats: {formats}"
        if entry["makers"] == ["Nvidia"]:
            entry["kinds"] = GPU_KINDS
            entry["kv"] += ["nvfp4"]
    runs.append({"makers": ["Huawei"], "kinds": ["accelerator"], "weights": ["bf16", "fp16", "int8"],
                 "activations": ["bf16", "fp16", "int8"], "kv": ["bf16", "fp16"], **t.said(backend), "known": "unverified"})  # fmt: skip
    return runs


def sglang(t: Tables) -> dict[str, Any]:
    """SGLang."""
    bound, where = least_step(t, [S])
    step = t.own(
        ms(bound),
        "estimated",
        f"shortest measured step, host and launch together: {where}",
        "measured/inference.csv.gz",
    )
    overlap = t.row(S, NOW[S], "overlap_schedule")
    policy = t.row(S, NOW[S], "scheduler_policy")
    seqs = t.row(S, NOW[S], "max_running_requests")
    page = t.row(S, NOW[S], "page_size")
    older = t.row(S, "0.4.6", "mem_fraction_static")
    return {
        **head(S, "SGLang", NOW[S], "weights may stay in host memory (--cpu-offload-gb) but travel each step; not planned here"),
        "scheduler": {
            "policy": "prefill-first", "policy_from": t.said(policy, policy.value), "token_budget": sglang_budget(t, NOW[S]),
            "max_sequences": [t.read(seqs, "4096", seqs.value)], "budget_per_data_group": True,
            "graph_batch": sglang_graphs(t), "two_batch": True,
        },
        "memory": {"share": [t.read(older, "0.88", older.value + ", tensor 1; only where the chip is not known")], "share_of": "static",
                   "outside": sglang_outside(t), "reserved": vllm_start(t),
                   "kv_block": [t.read(page, "64 tokens", page.value, mla=True), t.read(page, "1 tokens", page.value)]},
        "host": host(t, step, [S], (True, t.said(overlap))),
        "serving": {"modes": ["colocated", "disaggregated"], "speculation": True, "offload": []},
        "versions": {NOW[S]: {}, "0.5.9": {"scheduler": {"token_budget": sglang_budget(t, "0.5.9")}}},
        "runs_on": sglang_runs(t), "rule": sglang_rules(t), "accepted": accepted(t, S),
    }  # fmt: skip


def ktransformers(t: Tables) -> dict[str, Any]:
    """KTransformers, served through SGLang."""
    base = sglang(t)
    offload = t.capability(K, "expert_offload")
    method = t.row(K, "sglang 0.5.23 flags", "kt_method")
    runs = [{"makers": ["Nvidia"], "kinds": GPU_KINDS, "weights": ["bf16", "fp16", "fp8", "int8", "int4"],
             "activations": ["bf16", "fp16", "fp8", "int8"], "kv": ["bf16", "fp16", "fp8"], **t.said(method),
             "known": "unverified", "note": f"routed experts on the host in {method.value}; the rest as SGLang"}]  # fmt: skip
    only_moe = {
        "need": "experts > 0",
        "say": "made for models with routed experts",
        "known": offload.status,
        "from": t.key(offload.source),
    }
    no_pd = {"need": "data == 1 and microbatches == 1 and expert == 1", "say": "experts on the host: one group of GPUs",
             "known": "assumed", "from": t.key(offload.source), "note": "no source shows it with data or expert parallelism"}  # fmt: skip
    return {**base, **head(K, "KTransformers", "0.7", "served through SGLang: its flags are the --kt- ones"),
            "serving": {"modes": ["colocated"], "speculation": False, "offload": ["experts"]}, "versions": {"0.7": {}},
            "runs_on": runs, "rule": [*base["rule"][1:2], only_moe, no_pd], "accepted": []}  # fmt: skip
