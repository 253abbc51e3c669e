"""Published measurements against predictions, row by row: what the tools that judge accuracy share.

Reads measurement files in the contract's columns (one figure a row) and asks `ask.predict` what each row measured. How a
`load` is read:

* `closed`: as it stands, over `requests` in all where the row says so (then the first of them arrive at once).
* `open`: as it stands.
* `offline`: all requests in flight at once.
* `static`: one batch without refill: a prefill pool computes its prompts, a decode pool its tokens, one after the other.

`dp` of a model without experts means replicas (the contract's sizes are those of one replica). llama.cpp splits several
chips by layers unless told otherwise, so its `tp` is read as `pp`.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from wherewithal import ask
from wherewithal.catalog import load as catalog
from wherewithal.errors import WherewithalError
from wherewithal.plan.answer import Plan

# In flight where a source says only that all requests were queued at once.
EVERYTHING = 100_000.0
METRICS = {
    "tpot_s": "tpot_s",
    "ttft_s": "ttft_s",
    "e2e_s": "e2e_s",
    "output_tokens_per_s": "output_tokens_per_s",
    "output_tokens_per_s_per_chip": "output_tokens_per_s",
    "requests_per_s": "output_tokens_per_s",
    "total_tokens_per_s": "output_tokens_per_s",
    "input_tokens_per_s_per_chip": "input_tokens_per_s",
}
STATISTICS = ("median", "p90", "p95", "p99")
BLOCK = ["source", "model", "system", "engine"]


def read(file: Any) -> pd.DataFrame:
    """Return the rows of a measurement file that can be predicted and scored as they stand."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    return rows[(rows["eligible"] == "yes") & rows["metric"].isin(METRICS) & (rows["layout"] != "")]


def sample(rows: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Return at most so many rows of each block (source, model, system, engine) and figure, drawn at random."""
    mixed = rows.sample(frac=1.0, random_state=seed)
    figure = mixed["metric"].map(METRICS)
    return mixed[mixed.groupby([*(mixed[c] for c in BLOCK), figure]).cumcount() < most].sort_index()


def number(value: Any) -> float | None:
    """Return a cell as a number; None where it holds none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def question(row: Any, layout: str, engine: str | None) -> ask.Question:
    """Return the question that a measured row answers, with a layout as it is to be read."""
    n = {k: number(row[k]) for k in ("input_tokens", "output_tokens", "length_spread", "concurrency", "requests",
         "request_rate_per_s", "cached_input_tokens", "accepted_tokens_per_step")}  # fmt: skip
    load, metric, statistic = str(row["load"]), str(row["metric"]), str(row["statistic"])
    flight = n["concurrency"] if load != "offline" else n["requests"] or EVERYTHING
    slo = f"{metric.removesuffix('_s')}.{statistic}=1d" if statistic in STATISTICS and metric in ("ttft_s", "tpot_s") else ""
    return ask.Question(
        model=str(row["model"]),
        on=f"{row['chip'] or row['system']}:{int(float(row['chips']))}",
        layout=layout,
        input_tokens=n["input_tokens"],
        output_tokens=n["output_tokens"] or 2.0,
        length_spread=n["length_spread"] or 0.0,
        cached_input_tokens=n["cached_input_tokens"],
        accepted_tokens_per_step=n["accepted_tokens_per_step"],
        concurrency=None if load == "open" else max(flight or 1.0, 1.0),
        rate_per_s=n["request_rate_per_s"] if load == "open" else None,
        requests=n["requests"] if load == "closed" else None,
        slo=slo,
        engine=engine,
        precision={k: v for k, _, v in (p.partition("=") for p in str(row["precision"]).split()) if v},
    )


def layout_of(row: Any) -> str:
    """Return a row's layout as `predict` reads it."""
    layout = str(row["layout"])
    if "llama.cpp" in str(row["engine"]):
        return re.sub(r"\btp(\d+)", r"pp\1", layout)
    return layout


def predicted(row: Any, engine: str | None = None) -> tuple[float, str]:
    """Return the predicted figure of a row and its evidence.

    Raises:
        WherewithalError: where the question cannot be asked.
        LookupError: where it has no answer, with the reason.
    """
    layout = layout_of(row)
    dense = re.sub(r"\bdp\d+\s*", "", layout).strip() or "tp1"
    for one in dict.fromkeys((layout, dense)):
        try:
            return _figure(row, one, engine)
        except WherewithalError as error:
            if "share experts" not in str(error):
                raise
    raise LookupError("no layout")


def _best(asked: ask.Question) -> Plan:
    plan = ask.predict(asked).best
    if plan is None:
        raise LookupError("does not fit in memory")
    return plan


def _figure(row: Any, layout: str, engine: str | None) -> tuple[float, str]:
    metric, pools = str(row["metric"]), ":" in layout
    if metric == "input_tokens_per_s_per_chip" and not pools:
        plan = _best(question(row, f"prefill: {layout}", engine))
        return plan.requests_per_s.value * float(row["input_tokens"]) / float(row["chips"]), plan.evidence
    if str(row["load"]) == "static" and not pools:
        return _static(row, layout, engine)
    plan = _best(question(row, layout, engine))
    tokens, requests = plan.output_tokens_per_s.value, plan.requests_per_s.value
    middle = 1 - (number(row["length_spread"]) or 0.0) / 2
    output = (number(row["output_tokens"]) or 2.0) * middle
    return {
        "tpot_s": plan.tpot_s.value,
        "ttft_s": plan.ttft_s.value,
        "e2e_s": plan.ttft_s.value + (output - 1) * plan.tpot_s.value,
        "output_tokens_per_s": tokens,
        "output_tokens_per_s_per_chip": tokens / float(row["chips"]),
        "requests_per_s": requests,
        "total_tokens_per_s": tokens + requests * (number(row["input_tokens"]) or 0.0) * middle,
    }[metric], plan.evidence


def _static(row: Any, layout: str, engine: str | None) -> tuple[float, str]:
    """Return the figure of one batch that is filled, decoded and not refilled."""
    metric = str(row["metric"])
    batch, chips = number(row["concurrency"]) or 1.0, float(row["chips"])
    prompt, answer = number(row["input_tokens"]) or 0.0, number(row["output_tokens"]) or 1.0
    evidence, first, each = [], 0.0, 0.0
    if prompt >= 1 and metric != "tpot_s":
        before = _best(question(row, f"prefill: {layout}", engine))
        first = batch / before.requests_per_s.value
        evidence.append(before.evidence)
    if metric != "ttft_s":
        after = _best(question(row, f"decode: {layout}", engine))
        each = after.tpot_s.value
        evidence.append(after.evidence)
    steps = answer - (1.0 if prompt >= 1 else 0.0)
    whole = first + steps * each
    weakest = max(evidence, key=("measured", "analog", "datasheet").index)
    return {
        "tpot_s": each,
        "ttft_s": first,
        "e2e_s": whole,
        "output_tokens_per_s": batch * answer / max(whole, 1e-12),
        "output_tokens_per_s_per_chip": batch * answer / max(whole, 1e-12) / chips,
        "requests_per_s": batch / max(whole, 1e-12),
        "total_tokens_per_s": batch * (answer + prompt) / max(whole, 1e-12),
    }[metric], weakest


def engine_of(row: Any) -> str | None:
    """Return the catalog's engine that served a row; None where it knows none."""
    name = str(row["engine"]).removeprefix("ampere-").split("-")[0]
    return name if name in catalog.names("engines", ()) and name != "generic" else None


def weak(row: Any) -> str:
    """Return why a row says little about predictions; empty where it does say something."""
    weight = number(row["weight"]) or 0.0
    if weight <= 0.5:
        return "weight of 0.5 or less: a condition is missing or doubtful"
    if "power_limit_w" in str(row["notes"]):
        return "chips capped below their own power"
    closed = row["load"] == "closed" and row["requests"] == "" and (number(row["concurrency"]) or 1.0) > 1
    if closed and row["metric"] in ("ttft_s", "e2e_s"):
        return "time to first token of a closed load whose number of requests is not stated"
    few = (number(row["requests"]) or 1e9) < 100 and row["statistic"] in ("mean", "p90", "p95", "p99")
    if few and row["metric"] in ("ttft_s", "e2e_s"):
        return "mean or tail over fewer than 100 requests: cold starts weigh in it"
    return ""


def score(rows: pd.DataFrame, *, engines: bool = False) -> tuple[pd.DataFrame, Counter[str]]:
    """Return every row that could be predicted, and why others could not.

    Columns added: `predicted`, `evidence`, `ratio` (log of measured over predicted), `weak` and, where asked for,
    `own` (as `ratio`, with the row's own engine where the catalog has it).
    """
    out: list[dict[str, Any]] = []
    why: Counter[str] = Counter()
    for row in _progress(rows):
        try:
            value, evidence = predicted(row)
        except (WherewithalError, LookupError) as error:
            why[re.sub(r"\d+", "N", str(error))[:100]] += 1
            continue
        if not (value > 0 and math.isfinite(value)):
            why["no figure"] += 1
            continue
        ratio = math.log(float(row["value"]) / value)
        out.append({**row.to_dict(), "predicted": value, "evidence": evidence, "ratio": ratio, "weak": weak(row),
                    "own": _own(row) if engines else math.nan})  # fmt: skip
    return pd.DataFrame(out), why


def _own(row: Any) -> float:
    name = engine_of(row)
    if name is None:
        return math.nan
    try:
        value, _ = predicted(row, name)
    except (WherewithalError, LookupError):
        return math.nan
    return math.log(float(row["value"]) / value) if value > 0 else math.nan


def _progress(rows: pd.DataFrame) -> Iterator[Any]:
    for n, (_, row) in enumerate(rows.iterrows()):
        if n % 200 == 0:
            print(f"\r{n} of {len(rows)}", end="", file=sys.stderr)
        yield row
    print(file=sys.stderr)


def blocks(found: pd.DataFrame) -> pd.Series[str]:
    """Return the block of each row."""
    return found[BLOCK].astype(str).agg("|".join, axis=1)


def weights(found: pd.DataFrame) -> np.ndarray:
    """Return each row's weight over the rows of its block, so that blocks count alike."""
    of = blocks(found)
    return np.asarray(found["weight"].astype(float) / of.map(of.value_counts()))


def quantile(values: np.ndarray, weight: np.ndarray, q: float) -> float:
    """Return a weighted quantile."""
    order = np.argsort(values)
    share = (np.cumsum(weight[order]) - 0.5 * weight[order]) / weight.sum()
    return float(np.interp(q, share, values[order]))
