"""Figures that several engine files share: heads, host times, start-up memory, acceptance lengths."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
from import_engines import (
    CHECKED,
    Tables,
    least_per_sequence,
    least_step,
    least_ttft,
    middle,
    ms,
)

V, S, T, A, L, M, K = "vllm", "sglang", "trtllm", "vllm-ascend", "llama.cpp", "mlx-lm", "ktransformers"
NOW = {V: "0.33.0", S: "0.5.23", T: "1.3 line (main 2026)", A: "main 2026-08-22", L: "2026 (0c1e57098)", M: "0.32.2"}
INT4_KV = ["q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"]
MEDIAN_NOTE = "median of vllm, sglang and trtllm"


def head(name: str, label: str, default: str, note: str = "") -> dict[str, Any]:
    """Return the first lines of an engine file."""
    return {"name": name, "label": label, "checked": CHECKED, "default": default, "note": note}


def tokens(row: pd.Series) -> str:
    """Return a token count with its unit."""
    return f"{float(row.value):g} tokens" if float(row.value) < 1e4 else f"{int(float(row.value))} tokens"


def host(
    t: Tables,
    per_step: dict[str, Any],
    families: list[str],
    overlap: tuple[bool, dict[str, Any]],
    request: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the host's times: the step as given, the rest as the bounds that measurements leave."""
    step = float(per_step["is"].split()[0]) * (1e-3 if " ms" in per_step["is"] else 1e-6)
    each = least_per_sequence(t, families, step)
    first, where = least_ttft(t, families, step) if families else (0.0, "")
    source = "measured/inference.csv.gz"
    sequence = (
        t.own(ms(each[0]), "estimated", f"most that no measured step contradicts: {each[1]}", source) if each
        else t.own("0 us", "assumed", "no measured step of this engine says how host work grows with requests in flight")
    )  # fmt: skip
    request = request or (
        t.own(ms(first), "estimated", f"shortest measured time to first token less one step: {where}", source) if first
        else t.own("0 ms", "assumed", "no measured time to first token bounds it")
    )  # fmt: skip
    return {
        "per_step": [per_step], "per_sequence": [sequence], "per_request": [request],
        "overlapped": overlap[0], "overlapped_from": overlap[1],
    }  # fmt: skip


def vllm_start(t: Tables) -> list[dict[str, Any]]:
    """Return the memory that the runtime holds: medians of what start-up logs print as non-torch memory, and graphs."""
    rows = t.behaviour[(t.behaviour.engine == V) & (t.behaviour.what == "start_memory")]
    found = [float(x) for v in rows.value for x in re.findall(r"(?:non-torch |\| )([\d.]+)", v)]
    graphs = float(t.row(V, "0.27.1", "cudagraph_memory").value)
    total = middle(found) + graphs
    note = f"median of non-torch memory in {len(rows)} start-up logs ({min(found)} to {max(found)} GiB) and {graphs} GiB of graphs"
    return [t.own(f"{total:.3g} GiB", "derived", note, "; ".join(rows.source))]


def vllm_request(t: Tables) -> dict[str, Any]:
    """Return what a request costs beside its steps: the time to first token of a 1B model at low load, less a step."""
    floor = t.row(V, "0.8/0.9 (2025-05)", "tpot_floor")
    first = re.search(r"TTFT ([\d.]+) ms", floor.condition)
    if first is None:
        raise SystemExit("tpot_floor does not state a TTFT")
    return t.read(
        floor, f"{float(first[1]) - float(floor.value):.4g} ms", f"{first[1]} ms less one step of {floor.value} ms"
    )


def accepted(t: Tables, engine: str) -> list[dict[str, Any]]:
    """Return measured acceptance lengths, the sure token included."""
    b, out = t.behaviour, []
    for _, row in b[(b.engine == engine) & (b.what == "acceptance_length")].iterrows():
        parts = [p.strip() for p in row.condition.split(";")]
        draft = re.search(r"(\d+) (?:draft tokens|-token)|(\d+)-token window", row.condition)
        if len(parts) < 3 or draft is None:
            continue
        thinking = {"thinking on": True, "thinking off": False}.get(parts[3]) if len(parts) > 3 else None
        out.append({
            "model": parts[0], "method": parts[1], "draft_tokens": int(draft[1] or draft[2]),
            "tokens_per_step": float(row.value), **({} if thinking is None else {"thinking": thinking}),
            "known": row.status, "from": t.key(row.source), "note": "; ".join(parts[4:]),
        })  # fmt: skip
    if engine == S:
        row = t.row(S, "0.4.9 (2025-07)", "acceptance_length")
        out.append(
            {
                "model": "deepseek-v3",
                "method": "mtp",
                "draft_tokens": 3,
                "tokens_per_step": float(row.value),
                **t.said(row),
            }
        )
    return out


def mac_share(t: Tables) -> list[dict[str, Any]]:
    """Return the share of memory that a GPU may take: 0.75 of unified memory under macOS, else all of it."""
    mac = t.own("0.75", "read", "macOS gives the GPU about 75% of unified memory by default", "data README: chips.csv")
    return [{**mac, "makers": ["Apple"]}, t.own("1", "derived", "what stays free is in the reserve")]


def host_steps(t: Tables) -> list[float]:
    """Return [s] the step times of the host in the engines that state or show one."""
    floor = float(t.row(V, "0.8/0.9 (2025-05)", "tpot_floor").value) * 1e-3
    gain = 1 + float(t.row(V, "2026-03 (model runner V2)", "mrv2_gain").value) / 100
    return [floor / gain, least_step(t, [S])[0]]


def line(t: Tables, rows: pd.DataFrame, size: pd.Series, unit: str) -> dict[str, Any]:
    """Return what a step costs with no weights to read: the straight line through the smallest and the largest model."""
    low, high = size.idxmin(), size.idxmax()
    y0, y1, x0, x1 = rows.value[low], rows.value[high], size[low], size[high]
    rest = y0 - (y1 - y0) / (x1 - x0) * x0
    note = f"step at size 0 on the line through {y0 * 1e3:.3g} ms ({x0:g} {unit}) and {y1 * 1e3:.3g} ms ({x1:g} {unit}) on {rows.of[low]}"
    return t.own(ms(rest), "derived", note, f"measured/inference.csv.gz: {rows.source[low]}")
