"""What each engine file is made of: which table row becomes which figure, and which rule a capability stands for."""

from __future__ import annotations

from typing import Any

import pandas as pd
from engine_sglang import ktransformers, sglang
from engine_shared import (
    INT4_KV,
    MEDIAN_NOTE,
    NOW,
    A,
    L,
    M,
    S,
    T,
    V,
    accepted,
    head,
    host,
    host_steps,
    line,
    mac_share,
    tokens,
    vllm_request,
    vllm_start,
)
from import_engines import (
    ANY_KIND,
    GGUF,
    GPU_KINDS,
    Tables,
    least_step,
    least_ttft,
    middle,
    ms,
)


def vllm_budget(t: Tables, version: str) -> list[dict[str, Any]]:
    """Return vLLM's token budgets by chip, the most special first."""
    what, say = "max_num_batched_tokens", "vllm serve; "
    small = "any other GPU" if version == NOW[V] else "other GPU"
    low = t.row(V, version, what, say + small)
    out = [t.read(low, tokens(low), chips=["a100-*", "a800-*", "gb10"])]
    if version == NOW[V]:
        big, mid = (
            t.row(V, version, what, say + "device memory >= 160"),
            t.row(V, version, what, say + "70 GiB <= memory"),
        )
        out.append(t.read(big, tokens(big), memory_from="160 GiB", kinds=GPU_KINDS))
        for tpu in ("v6e", "v5e", "v5p"):
            row = t.row(V, version, what, "TPU " + tpu)
            out.insert(0, t.read(row, tokens(row), chips=[f"tpu-{tpu}"]))
        cpu = t.row(V, version, what, "CPU: times")
        out.insert(0, t.read(cpu, tokens(cpu), kinds=["cpu", "sbc"]))
    else:
        mid = t.row(V, version, what, say + "memory >= 70 GiB")
    out.append(t.read(mid, tokens(mid), memory_from="70 GiB", kinds=GPU_KINDS))
    return [*out, t.read(low, tokens(low))]


def vllm_seqs(t: Tables) -> list[dict[str, Any]]:
    """Return vLLM's most requests in flight by chip."""
    big = t.row(V, NOW[V], "max_num_seqs", "memory >= 70 GiB")
    low, cpu = t.row(V, NOW[V], "max_num_seqs", "other GPUs"), t.row(V, NOW[V], "max_num_seqs", "on CPU")
    return [
        t.read(cpu, kinds=["cpu", "sbc"]), t.read(low, chips=["a100-*", "a800-*", "gb10"]),
        t.read(big, memory_from="70 GiB"), t.read(low),
    ]  # fmt: skip


def vllm_rules(t: Tables, engine: str, row: str) -> list[dict[str, Any]]:
    """Return the layout rules of vLLM and of what is built on it."""

    def rule(what: str, need: str, say: str) -> dict[str, Any]:
        return t.rule(engine, row or what, need, say)

    dp = t.row(V, NOW[V], "dp_moe_sync")
    dbo = t.row(V, NOW[V], "dbo")
    return [
        rule("tp", "heads % tensor == 0", "heads must divide by tensor"),
        rule("ep", "experts == 0 or expert in (1, world)",
             "expert parallelism has no size of its own: it is tensor x data x context, or off"),
        rule("etp", "experts == 0 or expert * expert_tensor == world",
             "experts are whole on a rank, or cut by tensor over all ranks; no size between"),
        {"need": "experts > 0 or data == 1", "say": "data groups of a dense model are independent replicas", **t.said(dp)},
        {"need": "microbatches == 1 or (data > 1 and expert > 1)",
         "say": "two-batch overlap hides the all-to-all of expert parallelism and needs it", **t.said(dbo), "known": "derived"},
    ]  # fmt: skip


def vllm(t: Tables) -> dict[str, Any]:
    """Return vLLM."""
    floor = t.row(V, "0.8/0.9 (2025-05)", "tpot_floor")
    gain = 1 + float(t.row(V, "2026-03 (model runner V2)", "mrv2_gain").value) / 100
    old_step = t.read(floor, f"{floor.value} ms")
    step = t.read(
        floor,
        ms(float(floor.value) * 1e-3 / gain),
        f"{floor.value} ms, divided by the gain of model runner V2, {gain:g}",
    )
    asynchronous = t.row(V, NOW[V], "async_scheduling")
    share = [t.read(t.row(V, NOW[V], "gpu_memory_utilization"))]
    policy = t.row(V, NOW[V], "scheduler_policy")
    largest = t.row(V, NOW[V], "cudagraph_max_size")
    cpu = t.row(V, NOW[V], "max_num_batched_tokens", "CPU: times")
    named = t.row(V, NOW[V], "attention_backend", "MLA, compute 12.x")
    runs = t.runs([V], {"Nvidia": ["int8"]}, ["fp8"], "; formats as seen there, the checkpoint's own included")
    for entry in runs:
        if entry["makers"] == ["Nvidia"]:
            entry["kinds"] = GPU_KINDS
            entry["note"] += "; further kinds of this maker: the engine's tables name them (" + named.condition + ")"
        if entry["makers"] == ["Google"]:
            entry.update(kinds=["accelerator"], chips=["tpu-v5e", "tpu-v5p", "tpu-v6e", "tpu-v7"])
    runs.append({"kinds": ["cpu"], "weights": ["bf16", "fp16", "fp32"], "activations": ["bf16", "fp16", "fp32"],
                 "kv": ["bf16", "fp16", "fp8"], **t.said(cpu, "the engine has defaults for CPUs")})  # fmt: skip
    graph = [
        t.read(largest, "1024", largest.value, chips=["b200*", "gb200*", "b300*", "gb300*"]),
        t.read(largest, "512", largest.value),
    ]
    old = t.row(V, "0.11.0", "gpu_memory_utilization")
    mla = t.row(V, NOW[V], "kv_block_size")
    return {
        **head(V, "vLLM", NOW[V], "weights may stay in host memory (--cpu-offload-gb) but travel each step; not planned here"),
        "scheduler": {
            "policy": "mixed", "policy_from": t.said(policy, policy.value), "token_budget": vllm_budget(t, NOW[V]),
            "max_sequences": vllm_seqs(t), "graph_batch": graph, "two_batch": True,
        },
        "memory": {"share": share, "share_of": "total", "reserved": vllm_start(t),
                   "kv_block": [t.read(mla, "64 tokens", "latent-attention kernels use 64 or 128", mla=True), t.read(mla, "16 tokens")]},
        "host": host(t, step, [V], (True, t.said(asynchronous)), vllm_request(t)),
        "serving": {"modes": ["colocated", "disaggregated"], "speculation": True, "offload": []},
        "versions": {
            NOW[V]: {},
            "0.20.0": {"scheduler": {"token_budget": vllm_budget(t, "0.20.0")}, "host": {"per_step": [old_step]}},
            # The first release that schedules the next step while the device runs this one; else as the one before.
            "0.14.0": {
                "scheduler": {"token_budget": vllm_budget(t, "0.11.0")}, "memory": {"share": [t.read(old)]},
                "host": {"per_step": [old_step], "overlapped": True, "overlapped_from": t.own(
                    "", "read", "async scheduling enabled by default, except for pipeline parallel, CPU, drafts other than MTP and EAGLE",
                    "vllm-project/vllm v0.14.0 release notes; vllm-project/vllm#27614")},
            },
            "0.11.0": {
                "scheduler": {"token_budget": vllm_budget(t, "0.11.0")}, "memory": {"share": [t.read(old)]},
                "host": {"per_step": [old_step], "overlapped": False, "overlapped_from": t.said(t.row(V, "0.11.0", "async_scheduling"))},
            },
        },
        "runs_on": runs, "rule": vllm_rules(t, V, ""), "accepted": accepted(t, V),
    }  # fmt: skip


KV_MODELOPT = "kv_cache_config.dtype auto follows the checkpoint; Model Optimizer's FP8 and NVFP4 checkpoints name an FP8 cache unless told otherwise"
KV_SOURCES = "NVIDIA/TensorRT-LLM#16240; NVIDIA/Model-Optimizer examples/llm_ptq/hf_ptq.py --kv_cache_qformat"


def built_for(t: Tables) -> dict[str, Any]:
    """Return what an engine built beforehand holds for sampling, of each sequence it was built for and each entry."""
    note = (
        "sampling keeps for each of max_batch_size sequences the logits in fp32, a copy, the ids and their order: four "
        "words an entry of the vocabulary, whole on every rank; judged on llama-3.1-8b, which was left out: offline "
        "output tokens/s 8.0 -> 7.3%, 90% within 19 -> 17%; trtllm-bench builds for 2048 sequences"
    )
    file = "tensorrt_llm/bench/build/benchmark_config.yml"
    return t.own("16 bytes", "estimated", note, f"NVIDIA/TensorRT-LLM@32ed92e4491baf2d54682a21d247e1948cca996e:{file}")


def built_host(t: Tables, overlap: Any) -> dict[str, Any]:
    """Return the host's time of an engine built beforehand, whose runtime does not work ahead of the device."""
    note = (
        "best of 0, 5 and 10 us for offline runs of llama-3.1-8b on five chips; judged on what was left out: versions "
        "0.5 to 0.9 in static batches, output tokens/s 11.5 -> 10.9% a chip, 23 -> 20% a machine, time to first token 12 -> 14%"
    )
    said = {
        **t.said(overlap),
        "known": "derived",
        "note": "the overlap scheduler is the PyTorch backend's; engines built beforehand ran without it",
    }
    return {"per_sequence": [t.own("5 us", "estimated", note)], "overlapped": False, "overlapped_from": said}


def trtllm(t: Tables) -> dict[str, Any]:
    """TensorRT-LLM."""
    budget, seqs = t.row(T, NOW[T], "max_num_tokens"), t.row(T, NOW[T], "max_batch_size")
    policy, overlap = t.row(T, "1.x", "scheduler_policy"), t.row(T, "1.x", "disable_overlap_scheduler")
    capacity = t.row(T, "1.x", "capacity_policy")
    share, block = t.row(T, NOW[T], "kv_cache_free_gpu_memory_fraction"), t.row(T, "1.x", "kv_block_size")
    graphs = t.row(T, "main 2026", "cuda_graph_sizes")
    step = t.own(
        ms(middle(host_steps(t))),
        "assumed",
        "no clean single-stream step of this engine is in the measurements: median of vllm and sglang",
    )
    runs = t.runs([T], {"Nvidia": ["int8"]}, ["int8"], "; formats as seen there, the checkpoint's own included")
    for entry in runs:
        entry["kinds"] = ["accelerator", "superchip", "workstation-gpu", "consumer-gpu", "desktop-soc"]
    no_flag = {"known": "derived", "from": t.key("engines/flags/trtllm-serve.csv"), "note": "no flag for it"}
    return {
        **head(T, "TensorRT-LLM", "1.3", "figures of single files of its main branch; a release may differ"),
        "scheduler": {
            "policy": "mixed", "policy_from": t.said(policy, policy.value + "; chunked prefill is off by default, a prompt above the budget needs it"),
            "token_budget": [t.read(budget, tokens(budget))],
            "max_sequences": [t.read(seqs)],
            "reserved_answer": [t.read(capacity, "1", "GUARANTEED_NO_EVICT: blocks for the whole answer are reserved")],
            "graph_batch": [t.read(graphs, "128", "max_batch_size 128 if unset")],
        },
        "memory": {"share": [t.read(share)], "share_of": "free", "reserved": vllm_start(t), "kv_block": [t.read(block, "32 tokens")],
                   "kv_of_quantised": t.own("fp8", "derived", KV_MODELOPT, KV_SOURCES)},
        "host": host(t, step, [T], (True, t.said(overlap))),
        "serving": {"modes": ["colocated", "disaggregated"], "speculation": True, "offload": []},
        "versions": {"1.3": {}, "1.0": {}, "0.14": {"memory": {"per_slot_entry": [built_for(t)]}, "host": built_host(t, overlap), "serving": {"modes": ["colocated"]}}},
        "runs_on": runs,
        "rule": [
            t.rule(T, "ep", "experts == 0 or expert * expert_tensor == world", "tensor within experts x expert is tensor"),
            t.rule(T, "attention_dp", "data == 1 or tensor == 1", "attention data parallelism is all or nothing: data = all ranks of a stage"),
            t.rule(T, "cp", "context == 1", "context parallelism is for special purposes (Helix, Star, Ulysses, Ring)"),
            {"need": "microbatches == 1", "say": "no two-batch overlap", **no_flag},
            {"need": "experts > 0 or data == 1", "say": "data groups of a dense model are replicas", **t.said(t.row(T, "1.x", "enable_attention_dp")), "known": "derived"},
        ],
    }  # fmt: skip


def ascend(t: Tables) -> dict[str, Any]:
    """Return vLLM on Ascend."""
    share, policy = t.row(V, NOW[V], "gpu_memory_utilization"), t.row(V, NOW[V], "scheduler_policy")
    floor = t.row(V, "0.8/0.9 (2025-05)", "tpot_floor")
    step = t.read(floor, f"{floor.value} ms", "as vLLM before model runner V2")
    budget = vllm_budget(t, "0.20.0")[-1]
    budget.update(known="assumed", note="as vLLM on a device that its table does not name; " + budget["note"])
    cp, pair = t.capability(A, "cp"), t.row(A, NOW[A], "pd_tp_rule")
    seqs = {**vllm_seqs(t)[-1], "known": "assumed"}
    return {
        **head(A, "vLLM Ascend", "main-2026-08-22", "defaults that it does not set are vLLM's; hierarchical MC2 takes at most 512 experts"),
        "scheduler": {"policy": "mixed", "policy_from": t.said(policy, policy.value), "token_budget": [budget], "max_sequences": [seqs], "two_batch": True},
        "memory": {"share": [{**t.read(share), "known": "assumed"}], "share_of": "total", "reserved": [{**vllm_start(t)[0], "known": "assumed"}]},
        "host": host(t, step, [V], (True, t.said(t.row(V, NOW[V], "async_scheduling"))), {**vllm_request(t), "known": "assumed"}),
        "serving": {"modes": ["colocated", "disaggregated"], "speculation": True, "offload": []},
        "versions": {"main-2026-08-22": {}},
        "runs_on": [{"makers": ["Huawei"], "kinds": ["accelerator"], "chips": ["ascend-910*", "ascend-950*"],
                     "weights": ["bf16", "fp16", "int8", "int4"], "activations": ["bf16", "fp16", "int8"], "kv": ["bf16", "fp16", "int8"],
                     **t.said(cp), "known": "unverified"}],
        "rule": vllm_rules(t, A, "tp,pp,dp,ep"),
        "pair_rule": [{"need": "mla == 1 or prefill_tensor % decode_tensor == 0", "say": "prefill tensor must be a multiple of decode tensor", **t.said(pair)}],
    }  # fmt: skip


def llama(t: Tables) -> dict[str, Any]:
    """llama.cpp."""
    row = {
        w: t.row(L, NOW[L], w)
        for w in ("batch_size", "ubatch_size", "fit_target", "parallel", "cont_batching", "cache_type_k/v")
    }
    m, size = t.measured, pd.read_csv(t.data / "models.csv").set_index("name").params_total
    rows = m[(m.family == L) & (m.metric == "tpot_s") & (m.source == "geerling_ai_benchmarks") & (m.of == "rtx-4090")
             & (m.concurrency == 1) & m.model.isin(["llama-3.2-3b", "qwen2.5-14b"])].sort_values("value").drop_duplicates("model")  # fmt: skip
    step = line(t, rows, rows.model.map(size) / 1e9, "G parameters")
    none = t.capability(L, "dp,ep,cp,pd,afd")
    seen = ", ".join(
        sorted({str(x) for x in t.measured[t.measured.family.isin([L, "ampere-llama.cpp", "ollama"])].maker.dropna()})
    )
    types = t.key("gguf.md: tensor and file types; engines/flags/llama-server.csv: cache types")
    formats = ["bf16", "fp16", "fp32", "int4", *GGUF]
    runs = [{"makers": ["Nvidia", "AMD", "Intel", "Apple"], "kinds": GPU_KINDS, "weights": formats,
             "activations": ["bf16", "fp16", "fp32", "int8"], "kv": ["bf16", "fp16", "fp32", *INT4_KV],
             "known": "derived", "from": types, "note": f"makers seen in measurements: {seen}; all GGUF types run on each"},
            {"kinds": ["cpu", "sbc"], "weights": formats, "activations": ["bf16", "fp16", "fp32", "int8"],
             "kv": ["bf16", "fp16", "fp32", *INT4_KV], "known": "derived", "from": types, "note": f"makers seen in measurements: {seen}"}]  # fmt: skip
    return {
        **head(L, "llama.cpp", "2026-0c1e57098", "split mode tensor is experimental"), "splits": "layers",
        "scheduler": {
            "policy": "mixed", "policy_from": {**t.said(row["cont_batching"]), "known": "unverified", "note": "continuous batching: one batch holds prompt and generated tokens"},
            "token_budget": [t.read(row["ubatch_size"], tokens(row["ubatch_size"]), "the logical batch (--batch-size) is computed in such parts, one after the other")],
            "max_sequences": [t.own("256", "unverified", "most sequences of one context, recalled", "llama.cpp source: LLAMA_MAX_SEQ")],
        },
        "memory": {"share": mac_share(t), "share_of": "total", "reserved": [t.read(row["fit_target"], f"{row['fit_target'].value} MiB")]},
        "host": host(t, step, [], (False, {**t.said(row["cont_batching"]), "known": "unverified", "note": "one loop computes and samples"})),
        "serving": {"modes": ["colocated"], "speculation": True, "offload": ["layers", "experts"]},
        # Block formats multiply inputs in 8 bits. Chips that compute in mxfp4 got products of their own at the end of 2025; a
        # cache for each sequence came in July 2025. Builds: of the runs measured, dated by what they are based on.
        "inputs": {"known": "read", "from": t.key("ggml-org/llama.cpp: pull request 17906 (CUDA: experimental native mxfp4 support for blackwell), issue 18864 (the products before it)"),
                   "note": "block formats multiply inputs quantised to 8 bits (q8_1); mxfp4 too, until chips that compute in it got products of their own", "unpacked": {"mxfp4": "q8_1"}},
        "versions": {
            "2026-0c1e57098": {},
            "b6918": {"builds": ["build 6918"], "inputs": {"native": {"mxfp4": "q8_1"}}},
            "b3485": {
                "builds": ["r2.0.0", "b11f9ba", "1dc04b2"], "inputs": {"native": {"mxfp4": "q8_1"}},
                "serving": {"one_cache": True, "one_cache_from": {"known": "read", "from": t.key("ggml-org/llama.cpp: pull request 14363 (llama : add high-throughput mode)"),
                            "note": "one cache of all sequences: each is scored against the cells of all and masked; a cache for each since that change (July 2025)"}},
            },
        },
        "runs_on": runs,
        "rule": [
            {"need": "data == 1 and context == 1 and microbatches == 1 and (experts == 0 or expert == 1)",
             "say": "no data, expert or context parallelism", **t.said(none)},
            t.rule(L, "tp", "tensor == 1 or pipeline == 1", "one split mode: by layer or by tensor"),
        ],
    }  # fmt: skip


def mlx(t: Tables) -> dict[str, Any]:
    """MLX LM."""
    chunk, seqs = t.row(M, NOW[M], "prefill_step_size"), t.row(M, NOW[M], "decode_concurrency")
    m = t.measured
    rows = m[(m.family == M) & (m.metric == "tpot_s") & (m.model == "qwen3-4b") & (m.concurrency == 1)].sort_values(
        "value"
    )
    bits = rows.precision.str.extract(r"(\d+)")[0].astype(float)
    step = line(t, rows, bits, "bit a weight")
    none = t.capability(M, "dp,ep,pd")
    return {
        **head(M, "MLX LM", NOW[M]),
        "scheduler": {"policy": "mixed", "policy_from": {**t.said(chunk), "known": "assumed", "note": "prompts join the running batch in chunks"},
                      "token_budget": [t.read(chunk, tokens(chunk))], "max_sequences": [t.read(seqs)]},
        "memory": {"share": mac_share(t), "share_of": "total", "reserved": [t.own("1 GiB", "assumed", "as llama.cpp keeps free; no figure for this engine")]},
        "host": host(t, step, [], (False, {**t.said(chunk), "known": "assumed", "note": "no figure"})),
        "serving": {"modes": ["colocated"], "speculation": True, "offload": []},
        "versions": {NOW[M]: {}},
        "runs_on": t.runs([M], {}, ["fp16", "int8", "int4"], ""),
        "rule": [
            {"need": "data == 1 and context == 1 and microbatches == 1 and (experts == 0 or expert == 1)", "say": "no data, expert or context parallelism", **t.said(none)},
            t.rule(M, "pp", "tensor == 1 or pipeline == 1", "a launch splits by pipeline or by tensor, not both"),
        ],
    }  # fmt: skip


def generic(t: Tables) -> dict[str, Any]:
    """The median of vLLM, SGLang and TensorRT-LLM."""
    trt = float(t.row(T, NOW[T], "max_num_tokens").value)
    source = "engines/behaviour.csv"

    def budget(v: str, s: str, more: dict[str, Any]) -> dict[str, Any]:
        v0 = t.row(V, NOW[V], "max_num_batched_tokens", v)
        s0 = t.row(S, NOW[S], "chunked_prefill_size", s)
        value = middle([float(v0.value), float(s0.value), trt])
        return {
            **t.own(f"{value:.0f} tokens", "derived", f"{MEDIAN_NOTE}: {v0.value}, {s0.value}, {trt:.0f}", source),
            **more,
        }

    share = middle(
        [
            float(t.row(V, NOW[V], "gpu_memory_utilization").value),
            float(t.row(T, NOW[T], "kv_cache_free_gpu_memory_fraction").value),
            1 - 2.5 / 80,
        ]
    )
    seqs = middle(
        [
            float(t.row(V, NOW[V], "max_num_seqs", "memory >= 70").value),
            4096.0,
            float(t.row(T, NOW[T], "max_batch_size").value),
        ]
    )
    steps = middle(host_steps(t))
    policy = t.own("x", "derived", "two of the three mix prefill chunks into decode steps", source)
    step = t.own(ms(steps), "derived", "median of vllm and sglang", source)
    requests = [
        float(vllm_request(t)["is"].split()[0]) * 1e-3,
        least_ttft(t, [S], steps)[0],
        least_ttft(t, [T], steps)[0],
    ]
    first = t.own(ms(middle(requests)), "derived", f"{MEDIAN_NOTE}: {', '.join(ms(r) for r in requests)}", source)
    serve = host(
        t,
        step,
        [V, S, T],
        (True, {k: v for k, v in t.own("x", "derived", "all three overlap by default", source).items() if k != "is"}),
        first,
    )
    any_format = {"weights": ["*"], "activations": ["*"], "kv": ["*"]}
    return {
        **head("generic", "median engine", "1", "stands for no one engine: the middle of those with tables"), "generic": True,
        "scheduler": {
            "policy": "mixed", "policy_from": {k: v for k, v in policy.items() if k != "is"},
            "token_budget": [
                budget("vllm serve; device memory >= 160", ">= 160 GiB", {"memory_from": "160 GiB"}),
                budget("vllm serve; 70 GiB", "60-90 GiB", {"memory_from": "70 GiB"}),
                budget("vllm serve; any other GPU", "20-35 GiB", {"memory_from": "20 GiB"}),
                budget("vllm serve; any other GPU", "< 20 GiB", {"memory_from": "1 MB"}),
                budget("vllm serve; 70 GiB", "60-90 GiB", {}),
            ],
            "max_sequences": [t.own(f"{seqs:.0f}", "derived", MEDIAN_NOTE, source)], "two_batch": True,
        },
        "memory": {
            "share": [mac_share(t)[0], t.own(f"{share:.3g}", "derived", MEDIAN_NOTE + " (sglang: 2.5 GiB of 80 outside)", source)],
            "share_of": "total", "reserved": vllm_start(t),
            "kv_block": [t.own("16 tokens", "derived", MEDIAN_NOTE + ": 16, 1, 32", source)],
        },
        "host": serve,
        "serving": {"modes": ["colocated", "disaggregated"], "speculation": True, "offload": ["layers", "experts"]},
        "versions": {"1": {}},
        "runs_on": [{"kinds": ANY_KIND, **any_format, "known": "assumed", "from": t.key(source), "note": "taken to run wherever some engine can"}],
        "rule": [],
    }  # fmt: skip


def assumed(value: Any) -> Any:
    """Return figures as assumptions: those of another engine, for want of its own."""
    if isinstance(value, dict):
        inner = {k: assumed(v) for k, v in value.items()}
        if "known" in inner:
            inner |= {
                "known": "assumed",
                "note": "as the median engine, for want of a figure; " + str(inner.get("note", "")),
            }
        return inner
    return [assumed(v) for v in value] if isinstance(value, list) else value


def atom(t: Tables) -> dict[str, Any]:
    """Return ATOM, of which only measurements are at hand: where it runs is theirs, the rest is the median engine's."""
    base = generic(t)
    bound, where = least_step(t, ["atom"])
    step = t.own(
        ms(bound),
        "estimated",
        f"shortest measured step, host and launch together: {where}",
        "measured/inference.csv.gz",
    )
    overlap = dict(base["host"]["overlapped_from"])
    return {
        **head("atom", "ATOM", "2026-05", "one vendor's engine; its sources were not read"),
        "scheduler": assumed(base["scheduler"]), "memory": assumed(base["memory"]),
        "host": host(t, step, ["atom"], (True, assumed(overlap))),
        "serving": {"modes": ["colocated"], "speculation": True, "offload": []},
        "versions": {"2026-05": {}},
        "runs_on": t.runs(["atom"], {}, ["fp8"], "; formats as seen there, the checkpoint's own included"),
        "rule": [],
    }  # fmt: skip


ALL = (atom, generic, vllm, sglang, trtllm, ascend, llama, mlx, ktransformers)
