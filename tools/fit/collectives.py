"""Collectives: t = launch + hops latency + wire / (share bandwidth), fitted per chip, kind and tier."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from fit import core
from fit import tables as t
from scipy.optimize import least_squares

SCALE_OUT = ["infiniband", "ethernet", "roce", "efa", "any"]
NCCL = {"all_reduce": "all_reduce", "all_gather": "all_gather", "reduce_scatter": "reduce_scatter", "alltoall": "all_to_all"}


def tiers(data: Path) -> dict[str, list[tuple[str, float]]]:
    """Return the tiers (name, bandwidth [B/s]) of every chip's usual system, smallest first."""
    usual = {r["name"]: r["usual_system"] for r in csv.DictReader((data / "chips.csv").open())}
    found: dict[str, list[tuple[str, float]]] = {}
    for r in csv.DictReader((data / "systems.csv").open()):
        if r["what"] == "bandwidth":
            found.setdefault(r["name"], []).append((r["tier"], t._rate(r["value"])))
    return {chip: found.get(system, []) for chip, system in usual.items()}


def samples(data: Path) -> pd.DataFrame:
    """Return messages on the scale-up tier: for all-reduce the fastest of NCCL and the engines' own kernels in a graph."""
    d = t._read(data, "nccl")
    d["size"] = d["message_size"] * d["nccl_dtype"].map({"half": 2, "int8": 1})
    d["kind"] = d["op_name"].map(NCCL)
    d = d[~((d["chip"] == "l40s") & (d["num_gpus"] > 2))]
    keys = ["chip", "kind", "num_gpus", "size"]
    plain = d.groupby(keys, as_index=False)["latency"].median()
    c = t._read(data, "custom_allreduce")
    c = c[~c["kernel_source"].str.contains("eager") & ~c["aic_version"].isin(["0.5.12"])]
    c = c.assign(size=c["message_size"] * 2, kind="all_reduce")
    c = c.groupby([*keys, "aic_backend"], as_index=False)["latency"].median()
    own = c.groupby(keys, as_index=False)["latency"].median()
    both = pd.concat([plain, own]).groupby(keys, as_index=False)["latency"].min()
    n = both["num_gpus"]
    factor = np.where(both["kind"] == "all_reduce", 2.0, 1.0) * (n - 1) / n
    hops = np.where(both["kind"] == "all_reduce", 2.0, 1.0) * np.log2(n)
    return both.assign(wire=both["size"] * factor, hops=hops, seconds=both["latency"] * 1e-3, place="scale-up", source=t.AIC + ": nccl, custom_allreduce")


def experts(data: Path) -> pd.DataFrame:
    """Return dispatch and combine of DeepEP (the faster of its two modes), on the tier that bounds them."""
    low = t._read(data, "deepep_low_latency")
    high = t._read(data, "deepep_normal")
    rows = []
    for d, names in ((low, ("dispatch_avg_t_us", "combine_avg_t_us")), (high, ("dispatch_transmit_us", "combine_transmit_us"))):
        for name, width in zip(names, (1.03, 2.0), strict=True):
            x = d[["chip", "node_num", "hidden_size", "num_token", "num_topk"]].assign(us=d[name], width=width)
            rows.append(x)
    d = pd.concat(rows)
    d = d[d["us"] > 0].groupby(["chip", "node_num", "hidden_size", "num_token", "num_topk", "width"], as_index=False)["us"].min()
    ranks = d["node_num"] * np.where(d["chip"].isin(["gb200", "gb300"]), 4, 8)
    size = d["num_token"] * d["num_topk"] * d["hidden_size"] * d["width"]
    single = d["node_num"] == 1
    wire = np.where(single, size * (ranks - 1) / ranks, size * (1 - 1 / d["node_num"]))
    hops = np.where(single, np.log2(ranks), np.log2(d["node_num"]))
    return pd.DataFrame({
        "chip": d["chip"], "kind": "all_to_all", "num_gpus": ranks, "size": size, "wire": wire, "hops": hops,
        "seconds": d["us"] * 1e-6, "place": np.where(single, "scale-up", "scale-out"), "source": t.AIC + ": deepep_normal, deepep_low_latency",
    })


def fit(d: pd.DataFrame, bandwidth: float) -> tuple[dict[str, float], np.ndarray]:
    """Return share, latency, launch and log errors."""
    wire, hops, y = d["wire"].to_numpy(float) / bandwidth, d["hops"].to_numpy(float), np.log(d["seconds"].to_numpy(float))

    def error(x: np.ndarray) -> np.ndarray:
        share, latency, launch = np.exp(x)
        return np.log(launch + hops * latency + wire / share) - y

    low = np.exp(y.min())
    best = least_squares(
        error, [-0.3, np.log(0.1 * low), np.log(0.7 * low)], loss="soft_l1", f_scale=0.1,
        bounds=([-6, np.log(1e-9), np.log(1e-8)], [np.log(1.1), np.log(low), np.log(2 * low)]),
    )
    share, latency, launch = (float(f"{v:.4g}") for v in np.exp(best.x))
    return {"share_of_bandwidth": share, "latency_s": latency, "launch_s": launch}, error(np.log([share, latency, launch]))


def write(data: Path, out: Path) -> str:
    """Write collectives.toml and return its table of errors as Markdown."""
    from fit_curves import HEAD, block  # the writer lives beside the command

    links = tiers(data)
    d = pd.concat([samples(data), experts(data)], ignore_index=True)
    found, lines = [], ["| chip | collective | place | rows | share | latency us | launch us | median | 90% |", "|---|---|---|---|---|---|---|---|---|"]
    for (chip, place, kind), x in d.groupby(["chip", "place", "kind"], sort=True):
        steps = [b for n, b in links.get(chip, ()) if (n in SCALE_OUT) == (place == "scale-out") and b > 0]
        if len(x) < 8 or not steps:
            continue
        # The engines' expert exchange replaces the library's where it was measured.
        x = x[x["source"].str.contains("deepep")] if kind == "all_to_all" and x["source"].str.contains("deepep").any() else x
        got, e = fit(x, steps[0])
        found.append((chip, place, kind, got, e, x["source"].iloc[0], len(x)))
        lines.append(
            f"| {chip} | {kind} | {place} | {len(x)} | {got['share_of_bandwidth']:.2f} | {got['latency_s'] * 1e6:.2f} | "
            f"{got['launch_s'] * 1e6:.1f} | {np.median(np.abs(e)):.3f} | {np.quantile(np.abs(e), 0.9):.3f} |"
        )
    text = [HEAD, f"scale_out = {SCALE_OUT}\n\n".replace("'", '"')]
    for chip, place, kind, got, e, source, rows in found:
        text.append(block("collective", {"chip": chip, "kind": kind, "place": place, **got, "evidence": "measured", "residual": core.spread(e), "rows": rows, "sources": [source]}) + "\n")
    text += [block("collective", p) + "\n" for p in pool(found)]
    (out / "collectives.toml").write_text("".join(text))
    return "\n".join(lines) + "\n"


def pool(found: list) -> list[dict[str, object]]:
    """Return the medians over chips, for chips and places without a measurement; their spread is the residual."""
    rows = []
    for place in ("scale-up", "scale-out"):
        for kind in ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send"):
            like = {"send": "all_gather"}.get(kind, kind)
            have = [f for f in found if f[1] == place and f[2] == like]
            # Between nodes only the expert exchange was measured; the others take its constants.
            have = have or [f for f in found if f[1] == place] or [f for f in found if f[2] == like]
            middle = {k: float(f"{np.median([f[3][k] for f in have]):.4g}") for k in have[0][3]}
            apart = np.concatenate([f[4] + np.log(f[3]["share_of_bandwidth"] / middle["share_of_bandwidth"]) for f in have])
            rows.append({"chip": "", "kind": kind, "place": place, **middle, "evidence": "datasheet", "residual": core.spread(apart), "chips": len(have)})
    return rows
