"""How far predictions lie from published measurements: the quantiles that set the width of an answer's interval.

    python -m tools.fit_intervals MEASURED.csv.gz [--rows N] [--seed S] [--table FILE] [--write]

Reads measurement files in the contract's columns (one figure a row), predicts each eligible row with `ask.predict`,
and prints the error by evidence, metric, chip and engine. `--write` stores the 10% and 90% quantiles of
measured / predicted in `wherewithal/catalog/data/curves/intervals.toml`. Chips count alike: a row's weight is one over
the rows of its block (source, model, chip, engine), so that one large campaign does not set the width for all.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wherewithal import ask
from wherewithal.errors import WherewithalError
from wherewithal.plan.answer import Plan

OUT = Path("wherewithal/catalog/data/curves/intervals.toml")
# In flight where a source says only that all requests were queued at once.
EVERYTHING = 100_000.0
METRICS = {
    "tpot_s": "tpot_s",
    "ttft_s": "ttft_s",
    "output_tokens_per_s": "output_tokens_per_s",
    "output_tokens_per_s_per_chip": "output_tokens_per_s",
    "requests_per_s": "output_tokens_per_s",
    "total_tokens_per_s": "output_tokens_per_s",
}


def question(row: Any) -> ask.Question:
    """Return the question that a measured row answers."""
    number = {k: _number(row[k]) for k in ("input_tokens", "output_tokens", "length_spread", "concurrency", "requests",
              "request_rate_per_s", "cached_input_tokens", "accepted_tokens_per_step")}  # fmt: skip
    load = str(row["load"])
    concurrency = number["concurrency"] if load != "offline" else number["requests"] or EVERYTHING
    metric = str(row["metric"])
    statistic = str(row["statistic"] or "mean")
    known = statistic in ("median", "p90", "p95", "p99")
    slo = f"{metric.split('_')[0]}.{statistic}=1d" if known and metric in ("ttft_s", "tpot_s") else ""
    system = str(row["chip"] or row["system"])
    return ask.Question(
        model=str(row["model"]),
        on=f"{system}:{int(float(row['chips']))}",
        layout=str(row["layout"]) or None,
        input_tokens=number["input_tokens"],
        output_tokens=number["output_tokens"] or 2.0,
        length_spread=number["length_spread"] or 0.0,
        cached_input_tokens=number["cached_input_tokens"],
        accepted_tokens_per_step=number["accepted_tokens_per_step"],
        concurrency=None if load == "open" else max(concurrency or 1.0, 1.0),
        rate_per_s=number["request_rate_per_s"] if load == "open" else None,
        slo=slo,
        precision={k: v for k, _, v in (p.partition("=") for p in str(row["precision"]).split()) if v},
    )


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def value(plan: Plan, row: Any) -> float:
    """Return the predicted figure of a row's metric."""
    metric = str(row["metric"])
    tokens = plan.output_tokens_per_s.value
    requests = plan.requests_per_s.value
    total = requests * (_number(row["input_tokens"]) or 0.0) * (1 - (_number(row["length_spread"]) or 0.0) / 2)
    return {
        "tpot_s": plan.tpot_s.value,
        "ttft_s": plan.ttft_s.value,
        "output_tokens_per_s": tokens,
        "output_tokens_per_s_per_chip": tokens / float(row["chips"]),
        "requests_per_s": requests,
        "total_tokens_per_s": tokens + total,
    }[metric]


def score(rows: pd.DataFrame) -> tuple[pd.DataFrame, Counter[str]]:
    """Return predicted, evidence and log ratio of every row that could be predicted, and why others could not."""
    out: list[dict[str, Any]] = []
    why: Counter[str] = Counter()
    for n, (_, row) in enumerate(rows.iterrows()):
        if n % 200 == 0:
            print(f"\r{n} of {len(rows)}", end="", file=sys.stderr)
        try:
            plan = ask.predict(question(row)).best
        except WherewithalError as error:
            why[str(error)[:110]] += 1
            continue
        if plan is None:
            why["does not fit in memory"] += 1
            continue
        predicted = value(plan, row)
        if not (predicted > 0 and math.isfinite(predicted)):
            why["no figure"] += 1
            continue
        out.append({**row.to_dict(), "predicted": predicted, "evidence": plan.evidence,
                    "ratio": math.log(float(row["value"]) / predicted)})  # fmt: skip
    print(file=sys.stderr)
    return pd.DataFrame(out), why


def weighted(values: np.ndarray, weights: np.ndarray, q: float) -> float:
    """Return a weighted quantile."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(share, q)), len(values) - 1)])


def weights(found: pd.DataFrame) -> np.ndarray:
    """Return one over the rows of each block."""
    blocks = found[["source", "model", "system", "engine"]].astype(str).agg("|".join, axis=1)
    return np.asarray(1.0 / blocks.map(blocks.value_counts()).to_numpy(dtype=float))


def table(found: pd.DataFrame, by: list[str]) -> str:
    """Return median, p90 of the absolute error and bias by some columns."""
    lines = []
    for key, part in found.groupby(by, dropna=False):
        if len(part) < 8:
            continue
        error = np.abs(np.exp(-part["ratio"]) - 1)
        name = " ".join(str(k) for k in (key if isinstance(key, tuple) else (key,)))
        bias = np.exp(-part["ratio"].median()) - 1
        lines.append(f"{name:66s} n {len(part):5d}  median {error.median():5.0%}  p90 {error.quantile(0.9):5.0%}  bias {bias:+5.0%}")
    return "\n".join(lines)


def write(found: pd.DataFrame, sources: str) -> None:
    """Write the quantiles by figure and evidence; an evidence without 30 rows takes those of all."""
    lines = [
        "# Quantiles of measured / predicted over published measurements, by figure and evidence: 80% of them lie between.",
        "# Written by tools/fit_intervals.py; every block of source, model, system and engine weighs the same.",
        f'source = "{sources}"',
    ]
    for figure in ("tpot_s", "ttft_s", "output_tokens_per_s"):
        part = found[found["metric"].map(METRICS) == figure]
        for evidence in ("measured", "analog", "datasheet"):
            own = part[part["evidence"] == evidence]
            used = own if len(own) >= 30 else part
            w = weights(used)
            low, high = (math.exp(weighted(used["ratio"].to_numpy(), w, q)) for q in (0.1, 0.9))
            lines += [f"\n[{figure}.{evidence}]", f"low = {low:.4g}", f"high = {high:.4g}", f"rows = {len(used)}"]
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {OUT}")


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    rows = pd.read_csv(asked.file, dtype=str, keep_default_na=False)
    rows = rows[(rows["eligible"] == "yes") & rows["metric"].isin(METRICS) & (rows["layout"] != "")]
    rows = rows.sample(n=min(asked.rows, len(rows)), random_state=asked.seed)
    found, why = score(rows)
    print(f"{len(found)} of {len(rows)} rows predicted")
    for text, count in why.most_common(25):
        print(f"  {count:5d}  {text}")
    for by in (["metric", "evidence"], ["metric", "system"], ["metric", "engine"], ["metric", "source"]):
        print(f"\nby {', '.join(by)}\n{table(found, by)}")
    if asked.table:
        found.to_csv(asked.table, index=False)
    if asked.write:
        write(found, f"{asked.file.name}: {len(found)} rows of {found['source'].nunique()} sources, seed {asked.seed}")


if __name__ == "__main__":
    main()
