"""Fit board power as a share of its limit against load, and write catalog/data/power.toml.

Usage: python tools/fit_power.py DATA_FOLDER [OUT_FILE]. Load is rebuilt from each measured run: weights and KV read in a
step against the memory's rate, 2 operations a parameter and token against the peak. Text tasks only; their inputs are
short against their outputs and not in the file, so prefill is left out and said so.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "mxfp4": 0.53, "nvfp4": 0.56, "int4": 0.53, "q8_0": 1.0625}
PEAK = {"fp8": "fp8", "int8": "int8", "nvfp4": "fp4"}
TERMS = ("awake", "compute", "memory", "bend")


def amount(text: str) -> float:
    """Return the number of `4.8 TB/s` and the like, in base units."""
    number, unit = str(text).split()
    return float(number) * {"T": 1e12, "G": 1e9, "k": 1e3}.get(unit[0] if len(unit) > 1 else "", 1.0)


def shapes(data: Path) -> pd.DataFrame:
    """Return parameters, active parameters, experts and KV bytes per token (bf16) by model."""
    rows = {}
    counted = pd.read_csv(data / "model_params.csv").set_index("name")
    for name, row in pd.read_csv(data / "models.csv").set_index("name").iterrows():
        path = next(
            (p for p in (data / "models" / f"{name}.json", data / "models_derived" / f"{name}.json") if p.exists()),
            None,
        )
        if path is None:
            continue
        outer = json.loads(path.read_text())
        config = outer.get("text_config") or outer
        experts = config.get("n_routed_experts") or config.get("num_experts") or config.get("num_local_experts") or 0
        per_token = config.get("num_experts_per_tok") or 0
        total, active = row.params_total, row.params_active
        if name in counted.index:
            total, active = counted.total_counted_from_config[name] or total, counted.active_counted[name] or active
        active = total if not experts else active
        rows[name] = (total, active, experts or 1, per_token or 1, kv_bytes(config))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["total", "active", "experts", "per_token", "kv"])


def kv_bytes(config: dict[str, Any]) -> float:
    """Return KV bytes of one token at 2 bytes an element, windows not counted."""
    layers = config.get("num_hidden_layers") or 0
    pattern = config.get("hybrid_override_pattern")
    if pattern:
        layers = pattern.count("*")
    if config.get("kv_lora_rank"):
        return 2.0 * layers * (config["kv_lora_rank"] + config.get("qk_rope_head_dim", 0))
    heads = config.get("num_key_value_heads") or config.get("num_attention_heads") or 0
    size = config.get("head_dim") or (config.get("hidden_size", 0) // max(1, config.get("num_attention_heads") or 1))
    return 2.0 * 2.0 * layers * heads * size


def chip_table(data: Path) -> pd.DataFrame:
    """Return the chips with memory rate, peaks and limit in base units."""
    chips = pd.read_csv(data / "chips.csv", dtype=str).set_index("name")
    for column in ("bandwidth", "bf16", "fp8", "fp4", "int8", "power"):
        chips[column] = [amount(v) if isinstance(v, str) else np.nan for v in chips[column]]
    return chips


def loads(data: Path) -> pd.DataFrame:
    """Return one row a run with board power: share of the limit, use of compute, use of memory."""
    chips, models = chip_table(data), shapes(data)
    systems = pd.read_csv(data / "systems.csv", dtype=str).drop_duplicates("name").set_index("name").chip
    m = pd.read_csv(data / "measured/inference.csv.gz", low_memory=False)
    m["of"] = m.chip.fillna(m.system.map(systems))
    keys = [
        "source",
        "source_ref",
        "model",
        "of",
        "chips",
        "layout",
        "precision",
        "concurrency",
        "input_tokens",
        "output_tokens",
    ]
    power = m[(m.metric == "power_w") & m.notes.fillna("").str.contains("scope=boards") & (m.weight >= 0.5)]
    rate = m[m.metric == "output_tokens_per_s"][[*keys, "value"]].rename(columns={"value": "rate"})
    gap = m[m.metric == "tpot_s"].drop_duplicates(keys)[[*keys, "value"]].rename(columns={"value": "gap"})
    both = power.merge(rate, on=keys).merge(gap, on=keys, how="left").drop_duplicates(keys)
    both = both.join(models, on="model").join(chips[["bandwidth", "bf16", "fp8", "fp4", "int8", "power"]], on="of")
    task = both.notes.str.extract(r"task ([\w-]+)")[0]
    both = both[both.total.notna() & (task.isna() | task.isin(["gpqa", "lm-arena-chat"]))].copy()
    return use(both)


def use(both: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with `share`, `compute_use`, `memory_use` added."""
    weights = both.precision.fillna("").str.extract(r"weights=(\S+)")[0].fillna("bf16")
    kv = both.precision.fillna("").str.extract(r"kv=(\S+)")[0].map(BYTES).astype(float).fillna(2.0) / 2.0
    size = weights.map(BYTES).astype(float)
    running = both.notes.str.extract(r"running batch ([\d.]+)")[0].astype(float)
    # Without a stated batch, Little's law: tokens a second times seconds a token.
    running = (
        running.fillna((both.rate * both.gap).clip(upper=both.concurrency)).fillna(both.concurrency).clip(lower=1.0)
    )
    spared = 1 - both.per_token / both.experts
    expert = np.where(both.experts > 1, (both.total - both.active) / spared.where(spared > 0, 1.0), 0.0)
    met = 1 - (1 - both.per_token / both.experts) ** running
    read = size * (both.total - expert + expert * met)
    context = both.input_tokens.fillna(0.0) + both.output_tokens / 2
    step = running / both.rate
    inputs = 1 + both.input_tokens.fillna(0.0) / both.output_tokens
    peak = np.array([row.get(PEAK.get(w, "bf16")) if np.isfinite(row.get(PEAK.get(w, "bf16"), np.nan)) else row.bf16
                     for w, (_, row) in zip(weights, both[["bf16", "fp8", "fp4", "int8"]].iterrows(), strict=True)])  # fmt: skip
    # A capped card draws what its load asks for, up to the cap.
    both["cap"] = both.notes.str.extract(r"power_limit_w=(\d+)")[0].astype(float).fillna(both.power) / both.power
    both["memory_use"] = (read + running * context * both.kv * kv) / step / (both.chips * both.bandwidth)
    both["compute_use"] = 2 * both.active * both.rate * inputs / (both.chips * peak)
    both["share"] = both.value / (both.chips * both.power)
    good = np.isfinite(both[["share", "memory_use", "compute_use"]]).all(axis=1)
    return both[good & (both.memory_use <= 1.1) & (both.compute_use <= 1.1)]


def predicted(rows: pd.DataFrame, k: np.ndarray) -> np.ndarray:
    """Return the share of the limit: awake + compute x use ** bend + memory x use, at most the cap."""
    compute, memory = np.clip(rows.compute_use, 0, 1), np.clip(rows.memory_use, 0, 1)
    return np.clip(k[0] + k[1] * compute ** k[3] + k[2] * memory, 1e-3, np.minimum(rows.cap, 1.0)).to_numpy()


def fit(rows: pd.DataFrame) -> np.ndarray:
    """Return the constants that fit best in the mean absolute sense; a chip weighs as the root of its runs."""
    from scipy.optimize import minimize

    weight = rows.groupby("of").share.transform("size").to_numpy() ** -0.5
    measured = rows.share.to_numpy()

    def loss(k: np.ndarray) -> float:
        return float(np.sum(weight * np.abs(np.log(predicted(rows, k) / measured))))

    starts = [(0.3, 0.5, 0.5, 0.5), (0.2, 0.8, 0.3, 0.3), (0.2, 0.3, 0.6, 1.0)]
    bounds = [(0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.3, 1.0)]
    found = [minimize(loss, s, method="Nelder-Mead", bounds=bounds, options={"maxiter": 3000}) for s in starts]
    return np.asarray(min(found, key=lambda f: f.fun).x)


def main() -> None:
    """Fit, check on chips left out, write."""
    data = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parents[1] / "wherewithal/catalog/data/power.toml"
    rows = loads(data)
    k = fit(rows)
    rows["model_share"] = predicted(rows, k)
    left_out = []
    for chip, group in rows.groupby("of"):
        other = fit(rows[rows.of != chip])
        left_out.append(np.log(predicted(group, other) / group.share.to_numpy()))
        own = np.log(group.model_share / group.share)
        sys.stdout.write(f"{chip:20s} {len(group):4d} rows share {group.share.median():.2f} bias {own.median():+.2f} spread {own.abs().median():.2f}"
                         f" left out {np.median(left_out[-1]):+.2f}\n")  # fmt: skip
    # A chip weighs in the spread as it does in the fit.
    errors = np.concatenate(left_out)
    weights = np.concatenate([np.full(len(e), len(e) ** -0.5) for e in left_out])
    order = np.argsort(errors)
    place = np.cumsum(weights[order]) / weights.sum()
    low, high = (float(errors[order][np.searchsorted(place, q)]) for q in (0.1, 0.9))
    middle = float(np.median(np.abs(errors)))
    sys.stdout.write(
        f"{dict(zip(TERMS, k.round(3), strict=True))} median error {middle:.3f}, 80% {low:+.3f} {high:+.3f}\n"
    )
    write(out, data, rows, k, (low, high))


def text(name: str, value: str, known: str, source: str, note: str, ends: tuple[str, str] = ("", "")) -> str:
    """Return one figure in TOML."""
    more = f", low = {json.dumps(ends[0])}, high = {json.dumps(ends[1])}" if ends[0] else ""
    return (
        f"{name} = {{is = {json.dumps(value)}, known = {json.dumps(known)}, from = {json.dumps(source)}{more}, "
        f"note = {json.dumps(note)}}}"
    )


def node_shares(data: Path) -> list[float]:
    """Return what nodes of several accelerators draw beside their chips, as a share of the chips' limits."""
    systems, chips = pd.read_csv(data / "systems.csv", dtype=str), chip_table(data)
    shares = []
    for _, group in systems.groupby("name"):
        node, size = group[group.what == "power"].value.dropna(), group[group.what == "node_size"].value.dropna()
        chip = group.chip.iloc[0]
        if len(node) and len(size) and chip in chips.index and np.isfinite(chips.power[chip]):
            count = float(re.sub(r"\D.*", "", size.iloc[0]))
            share = amount(node.iloc[0]) / (count * chips.power[chip]) - 1
            if 0 < share < 2 and count > 1 and chips["class"][chip] in ("accelerator", "superchip"):
                shares.append(share)
    return shares


def others(data: Path) -> list[str]:
    """Return the figures that are read or counted, not fitted: idle, host, PUE range, floor."""
    systems, chips = pd.read_csv(data / "systems.csv", dtype=str), chip_table(data)
    idle = systems[systems.what == "idle_power_per_chip"].iloc[0]
    limit = chips.power[idle.chip]
    shares = node_shares(data)
    low, mid, high = np.percentile(shares, [10, 50, 90])
    pue = pd.read_csv(data / "prices.csv", dtype=str)
    pue = pue[pue.what == "pue"].value.astype(float)
    return [
        text("idle", f"{amount(idle.value) / limit:.3g}", "derived", f"systems.csv: {idle.source}", f"{idle.value} of {limit:g} W, {idle.chip}; one card, so weak"),
        text("host", f"{mid:.3g}", "derived", "systems.csv and chips.csv", f"rest of a node as a share of its chips' limits: median, 10th and 90th percentile of {len(shares)} nodes", (f"{low:.3g}", f"{high:.3g}")),
        text("host_drawn", "0.6", "assumed", "none found", "share of the node's nameplate beside its chips that is drawn under load: nameplates carry a margin, fans and processors rarely run at their limit", ("0.3", "1")),
        text("pue_low", f"{pue.min():g}", "read", "prices.csv, rows pue", "lowest there"),
        text("pue_high", f"{pue.max():g}", "read", "prices.csv, rows pue", "highest there"),
        text("floor_j_per_byte", "8 pJ", "assumed", "none found", "1 pJ a bit: below what any stacked or mobile DRAM needs to be read (3.9 pJ a bit for HBM2, recalled)"),
    ]  # fmt: skip


def write(out: Path, data: Path, rows: pd.DataFrame, k: np.ndarray, spread: tuple[float, float]) -> None:
    """Write the figures."""
    source = (
        "measured/inference.csv.gz: " + ", ".join(sorted(set(rows.source))) + " (scope=boards), by tools/fit_power.py"
    )
    chips = ", ".join(sorted(set(rows.of)))
    lines = [
        "# Power of a chip as a share of its limit: awake + compute x use of compute ** bend + memory x use of memory, at most 1.",
        text("awake", f"{k[0]:.3g}", "derived", source, f"fitted on {len(rows)} runs of {chips}; clocks up, kernels running"),
        text("compute", f"{k[1]:.3g}", "derived", source, "added at full use of the peak of the format"),
        text("bend", f"{k[3]:.3g}", "derived", source, "exponent of the use of compute"),
        text("memory", f"{k[2]:.3g}", "derived", source, "added at full use of the memory's rate"),
        text("spread", "1", "derived", source, "measured over predicted, each chip predicted from the others: 10th and 90th percentile",
             (f"{np.exp(-spread[1]):.3g}", f"{np.exp(-spread[0]):.3g}")),
        *others(data),
    ]  # fmt: skip
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
