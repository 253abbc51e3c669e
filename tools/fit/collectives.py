"""Collectives: t = launch + hops latency + wire / (share bandwidth), fitted per chip, kind and tier."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from fit import core
from fit import tables as t

SCALE_OUT = ["infiniband", "ethernet", "roce", "efa", "dcn", "rdma", "slingshot", "ethernet mesh", "thunderbolt 5"]
RANKS = {"ascend-910c": 2}  # ranks of one chip, where a message is counted per rank
MOST = {
    "scale-up": 1.1,
    "scale-out": 2.0,
}  # above 1: a switch reduces, or a token that many ranks of a node want goes once
NCCL = {
    "all_reduce": "all_reduce",
    "all_gather": "all_gather",
    "reduce_scatter": "reduce_scatter",
    "alltoall": "all_to_all",
}


def tiers(data: Path) -> dict[str, list[tuple[str, float]]]:
    """Return the tiers (name, bandwidth [B/s]) of every chip's usual system, smallest first."""
    usual = {r["name"]: r["usual_system"] for r in csv.DictReader((data / "chips.csv").open())}
    found: dict[str, list[tuple[str, float]]] = {}
    for r in csv.DictReader((data / "systems.csv").open()):
        if r["what"] == "bandwidth":
            found.setdefault(r["name"], []).append((r["tier"], t.rate(r["value"])))
    return {chip: found.get(system, []) for chip, system in usual.items()}


def samples(data: Path) -> pd.DataFrame:
    """Return messages on the scale-up tier.

    For all-reduce the fastest of NCCL and the engines' own kernels in a graph: of all engines (their median) and, under
    the engine's name, of each.
    """
    d = t.read(data, "nccl")
    d["size"] = d["message_size"] * d["nccl_dtype"].map({"half": 2, "int8": 1})
    d["kind"] = d["op_name"].map(NCCL)
    d = d[~((d["chip"] == "l40s") & (d["num_gpus"] > 2))]
    keys = ["chip", "kind", "num_gpus", "size"]
    plain = d.groupby(keys, as_index=False)["latency"].median()
    c = t.read(data, "custom_allreduce")
    # L40S: one table comes from a machine where the cards reach each other's memory, as servers are sold; the rest do not.
    apart = (c["chip"] == "l40s") & (c["aic_version"] != "0.5.12")
    c = c[~c["kernel_source"].str.contains("eager") & ~apart]
    c = c.assign(size=c["message_size"] * 2, kind="all_reduce")
    c = c.groupby([*keys, "aic_backend"], as_index=False)["latency"].median()
    own = c.groupby(keys, as_index=False)["latency"].median()
    parts = [fastest(plain, own, keys).assign(engine="")]
    for engine, mine in c.groupby("aic_backend", sort=True):
        library = plain[(plain["kind"] == "all_reduce") & plain["chip"].isin(mine["chip"])]
        parts.append(fastest(library, mine.drop(columns="aic_backend"), keys).assign(engine=engine))
    both = pd.concat(parts, ignore_index=True)
    n = both["num_gpus"]
    factor = np.where(both["kind"] == "all_reduce", 2.0, 1.0) * (n - 1) / n
    hops = np.where(both["kind"] == "all_reduce", 2.0, 1.0) * np.log2(n)
    return both.assign(
        wire=both["size"] * factor,
        hops=hops,
        seconds=both["latency"] * 1e-3,
        place="scale-up",
        source=t.AIC + ": nccl, custom_allreduce",
    )


def fastest(library: pd.DataFrame, own: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return messages with the less of two times: an engine leaves to the library what that does faster."""
    return pd.concat([library, own]).groupby(keys, as_index=False)["latency"].min()


def experts(data: Path) -> pd.DataFrame:
    """Return dispatch and combine of DeepEP (the faster of its two modes), on the tier that bounds them.

    Bytes as the product counts them: a token goes once to every rank that holds one of its experts.
    """
    parts = []
    for name, columns in (
        ("deepep_low_latency", ("dispatch_avg_t_us", "combine_avg_t_us")),
        ("deepep_normal", ("dispatch_transmit_us", "combine_transmit_us")),
    ):
        d = t.read(data, name)
        for column, width in zip(columns, (1.03, 2.0), strict=True):
            notify = column.replace("transmit", "notify")
            us = d[column] + (d[notify] if notify in d and notify != column else 0.0)
            parts.append(d[["chip", "node_num", "hidden_size", "num_token", "num_topk"]].assign(us=us, width=width))
    d = pd.concat(parts)
    keys = ["chip", "node_num", "hidden_size", "num_token", "num_topk", "width"]
    d = d[d["us"] > 0].groupby(keys, as_index=False)["us"].min()
    # Racks with one NVLink domain have four chips a node and no slower tier between these nodes.
    rack = d["chip"].isin(["gb200", "gb300"]).to_numpy()
    nodes = d["node_num"].to_numpy(float)
    return messages(
        d["chip"],
        d["num_token"] * d["hidden_size"] * d["width"],
        nodes * np.where(rack, 4, 8),
        d["num_topk"],
        np.where(rack, 1.0, nodes),
        d["us"] * 1e-6,
        t.AIC + ": deepep_normal, deepep_low_latency",
    )


def one_domain(data: Path) -> pd.DataFrame:
    """Return an engine's own exchange of tokens within one NVLink domain: its faster way, with what prepares it.

    The two-sided way exchanges counts first, which is timed apart; the dispatch of the one-sided way holds everything.
    """
    d = t.read(data, "trtllm_alltoall")
    keys = ["chip", "aic_backend", "moe_dtype", "moe_ep_size", "hidden_size", "topk", "num_tokens"]
    wide = d.pivot_table(index=[*keys, "kernel_source"], columns="op_name", values="latency").reset_index()
    dispatch = wide["alltoall_dispatch"] + wide["alltoall_prepare"].fillna(0.0)
    out = []
    for us, width in (
        (dispatch, wide["moe_dtype"].map({"nvfp4": 0.5625, "fp8": 1.0, "bfloat16": 2.0})),
        (wide["alltoall_combine"], 2.0),
    ):
        x = wide[keys].assign(us=us * 1e3, width=width).dropna()
        out.append(x.groupby([*keys, "width"], as_index=False)["us"].min())
    x = pd.concat(out, ignore_index=True)
    size = x["num_tokens"] * x["hidden_size"] * x["width"]
    found = messages(
        x["chip"], size, x["moe_ep_size"].to_numpy(float), x["topk"], 1.0, x["us"] * 1e-6, t.AIC + ": trtllm_alltoall"
    )
    return found.assign(engine=x["aic_backend"])


def messages(
    chip: object, size: object, ranks: object, topk: object, nodes: object, seconds: object, source: str
) -> pd.DataFrame:
    """Return expert exchanges: `size` is bytes of one copy of a rank's tokens."""
    d = pd.DataFrame({"chip": chip, "size": size, "num_gpus": ranks, "topk": topk, "nodes": nodes, "seconds": seconds})
    n = d["num_gpus"]
    met = n * (1 - (1 - 1 / n) ** d["topk"])
    single = d["nodes"] == 1
    wire = d["size"] * met * np.where(single, 1 - 1 / n, 1 - 1 / d["nodes"])
    hops = np.log2(np.where(single, n, d["nodes"]))
    return d.assign(
        kind="all_to_all", wire=wire, hops=hops, place=np.where(single, "scale-up", "scale-out"), source=source
    )


def published(data: Path) -> pd.DataFrame:
    """Return the fused dispatch and combine of CloudMatrix384 (128 tokens, 7168 wide, top 8; INT8 out, bfloat16 back)."""
    d = pd.read_csv(data / "measured" / "operators" / "readme_kernels.csv")
    d.columns = ["table", "source", "date", "kernel", "chip", "printed", "shape", "what", "value", "unit", "status"][
        : d.shape[1]
    ]
    d = d[(d["chip"] == "ascend-910c") & (d["what"] == "latency")]
    width = np.where(d["kernel"].str.contains("dispatch"), 1.0 + 512 / 7168, 2.0)
    ranks = d["shape"].str.removeprefix("EP").astype(float)
    return messages(
        d["chip"], 128 * 7168 * width, ranks, 8.0, 1.0, d["value"].astype(float) * 1e-6, d["source"].iloc[0]
    )


def fit(d: pd.DataFrame, bandwidth: float, most: float) -> tuple[dict[str, float], np.ndarray]:
    """Return share, latency, launch and log errors."""
    wire, hops, y = (
        d["wire"].to_numpy(float) / bandwidth,
        d["hops"].to_numpy(float),
        np.log(d["seconds"].to_numpy(float)),
    )

    def error(x: np.ndarray) -> np.ndarray:
        share, latency, launch, ramp = np.exp(x)
        return np.log(launch + hops * latency + (wire + np.sqrt(wire * ramp)) / share) - y

    low = np.exp(y.min())
    best = least_squares(
        error,
        [-0.3, np.log(0.1 * low), np.log(0.7 * low), np.log(low)],
        loss="soft_l1",
        f_scale=0.1,
        bounds=(
            [-6, np.log(1e-9), np.log(1e-8), np.log(1e-9)],
            [np.log(most), np.log(low), np.log(2 * low), np.log(1e-3)],
        ),
    )
    x = [float(f"{v:.4g}") for v in np.exp(best.x)]
    return dict(zip(("share_of_bandwidth", "latency_s", "launch_s", "ramp_s"), x, strict=True)), error(np.log(x))


def write(data: Path, out: Path, by_hand: dict[str, object]) -> str:
    """Write collectives.toml and return its table of errors as Markdown."""
    from fit_curves import HEAD, block  # the writer lives beside the command

    links = tiers(data)
    parts = [samples(data), experts(data), one_domain(data), published(data)]
    d = pd.concat(parts, ignore_index=True).fillna({"engine": ""})
    found, lines = (
        [],
        [
            "| chip | collective | place | engine | rows | share | latency us | launch us | ramp us | median | 90% |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
        ],
    )
    for (chip, place, kind, engine), x in d.groupby(["chip", "place", "kind", "engine"], sort=True):
        steps = [b for n, b in links.get(chip, ()) if (n in SCALE_OUT) == (place == "scale-out") and b > 0]
        if len(x) < 4 or not steps:
            continue
        steps[0] /= RANKS.get(chip, 1)
        # The engines' expert exchange replaces the library's where it was measured.
        own = x["source"].str.contains("deepep")
        x = x[own] if own.any() else x
        got, e = fit(x, steps[0], MOST[place])
        found.append((chip, place, kind, got, e, x["source"].iloc[0], len(x), engine))
        lines.append(
            f"| {chip} | {kind} | {place} | {engine or 'all'} | {len(x)} | {got['share_of_bandwidth']:.2f} | {got['latency_s'] * 1e6:.2f} | "
            f"{got['launch_s'] * 1e6:.1f} | {got['ramp_s'] * 1e6:.1f} | {np.median(np.abs(e)):.3f} | {np.quantile(np.abs(e), 0.9):.3f} |"
        )
    text = [HEAD, f"scale_out = {SCALE_OUT}\n\n".replace("'", '"')]
    for chip, place, kind, got, e, source, rows, engine in found:
        text.append(
            block(
                "collective",
                {
                    "chip": chip,
                    "kind": kind,
                    "place": place,
                    "engine": engine or None,
                    **got,
                    "evidence": "measured",
                    "residual": core.spread(e),
                    "rows": rows,
                    "sources": [source],
                },
            )
            + "\n"
        )
    text += [block("collective", p) + "\n" for p in pool([f for f in found if not f[7]], by_hand)]
    (out / "collectives.toml").write_text("".join(text))
    return "\n".join(lines) + "\n"


def pool(found: list, by_hand: dict[str, object]) -> list[dict[str, object]]:
    """Return the medians over chips, for chips and places without a measurement; their spread is the residual.

    Between nodes only the expert exchange was measured over sizes: the others take its constants with a published share.
    """
    rows = []
    for place in ("scale-up", "scale-out"):
        for kind in ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send"):
            have = [f for f in found if f[1:3] == (place, {"send": "all_gather"}.get(kind, kind))]
            hand = {} if have else {k: v for k, v in by_hand.items() if k != "why"}
            have = have or [f for f in found if f[1] == place]
            middle = {k: float(f"{np.median([f[3][k] for f in have]):.4g}") for k in have[0][3]} | hand
            apart = np.concatenate(
                [f[4] + np.log(f[3]["share_of_bandwidth"] / middle["share_of_bandwidth"]) for f in have]
            )
            note = by_hand["why"] if hand else None
            rows.append(
                {
                    "chip": "",
                    "kind": kind,
                    "place": place,
                    **middle,
                    "evidence": "datasheet",
                    "residual": core.spread(apart),
                    "chips": len(have),
                    "note": note,
                }
            )
    return rows
