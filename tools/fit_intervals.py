"""How far predictions lie from published measurements: the quantiles that set the width of an answer's interval.

    python -m tools.fit_intervals MEASURED.csv.gz [--most N] [--seed S] [--engines] [--table FILE] [--write] [--page FILE]

Predicts at most N rows of each block (source, model, system, engine) and figure (`tools/score.py` says how a row is
read) and prints the error by evidence, figure, chip, engine and source. `--write` stores quantiles of measured /
predicted in `wherewithal/catalog/data/curves/intervals.toml`; `--page` writes docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd

from tools import score

OUT = Path("wherewithal/catalog/data/curves/intervals.toml")
FIGURES = ("tpot_s", "ttft_s", "output_tokens_per_s")
EVIDENCE = ("measured", "analog", "datasheet")
COVER = 0.8
# Blocks below which an evidence's quantiles say more about the blocks than about the evidence.
FEWEST = 10
INTRODUCTION = """# Accuracy

Predictions (`predict`, median engine) against measurements that others published. Constants of operators come from
tables of single operators; of the rows below only the shortest steps (host time of an engine) and the prompt rates of
llama.cpp (what GGUF products reach) set any. Written by

```
{command}
```

error = |predicted / measured - 1|; bias above zero: predicted more than measured. Every block (source, model, system,
engine) weighs the same. The last column asks with the row's own engine where the catalog has it.
"""


def band(part: pd.DataFrame) -> tuple[float, float]:
    """Return the quantiles (low, high) of measured over predicted between which 80% of the weight lies."""
    w = score.weights(part)
    low, high = (score.quantile(part["ratio"].to_numpy(), w, q) for q in ((1 - COVER) / 2, (1 + COVER) / 2))
    return math.exp(low), math.exp(high)


def bands(found: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float, pd.DataFrame]]:
    """Return (low, high, rows used) by figure and evidence.

    An evidence with fewer than FEWEST blocks takes the rows of all. Better evidence never has the wider band: chips
    with measured curves were measured by more people in more ways, so where their own quantiles come out wider than
    those of a weaker evidence, both are pooled.
    """
    out: dict[tuple[str, str], tuple[float, float, pd.DataFrame]] = {}
    for figure in FIGURES:
        part = found[found["metric"].map(score.METRICS) == figure]
        groups = [[e] for e in EVIDENCE]
        while True:
            made = [part[part["evidence"].isin(g)] for g in groups]
            small = [score.blocks(p).nunique() < FEWEST if len(p) else True for p in made]
            got = [band(p) if len(p) else (1.0, 1.0) for p in made]
            width = [math.log(high / low) for low, high in got]
            join = next((i for i in range(len(groups) - 1) if small[i] or small[i + 1] or width[i] > width[i + 1]), None)
            if join is None:
                break
            groups[join : join + 2] = [groups[join] + groups[join + 1]]
        for group, (low, high), rows in zip(groups, got, made, strict=True):
            out.update({(figure, e): (low, high, rows) for e in group})
    return out


def covered(found: pd.DataFrame, fitted: dict[tuple[str, str], tuple[float, float, pd.DataFrame]]) -> dict[str, float]:
    """Return the share of each figure's weight that lies in its bands."""
    out = {}
    for figure in FIGURES:
        part = found[found["metric"].map(score.METRICS) == figure]
        if not len(part):
            continue
        low, high = (np.array([fitted[figure, e][i] for e in part["evidence"]], dtype=float) for i in (0, 1))
        inside = (np.exp(part["ratio"]) >= np.minimum(low, 1)) & (np.exp(part["ratio"]) <= np.maximum(high, 1))
        w = score.weights(part)
        out[figure] = float((inside * w).sum() / w.sum())
    return out


def held_out(found: pd.DataFrame, splits: int = 10) -> dict[str, tuple[float, float, float]]:
    """Return (mean, least, most) coverage of blocks that the bands were not fitted on, over random halves of blocks."""
    of = score.blocks(found)
    names = np.array(sorted(of.unique()))
    got: dict[str, list[float]] = {}
    for seed in range(splits):
        half = set(np.random.default_rng(seed).permutation(names)[: len(names) // 2])
        for figure, share in covered(found[~of.isin(half)], bands(found[of.isin(half)])).items():
            got.setdefault(figure, []).append(share)
    return {k: (float(np.mean(v)), min(v), max(v)) for k, v in got.items()}


def table(found: pd.DataFrame, by: list[str], least: int = 8) -> pd.DataFrame:
    """Return rows, blocks, median and 90% quantile of the error and the bias, blocks counting alike, by some columns."""
    lines = []
    for key, part in found.groupby(by, dropna=False):
        if len(part) < least:
            continue
        w, ratio = score.weights(part), -part["ratio"].to_numpy()
        error = np.abs(np.exp(ratio) - 1)
        own = part[part["own"].notna()]
        lines.append({
            **dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True)),
            "rows": len(part), "blocks": score.blocks(part).nunique(),
            "median": score.quantile(error, w, 0.5), "p90": score.quantile(error, w, 0.9),
            "bias": math.exp(score.quantile(ratio, w, 0.5)) - 1,
            "within2x": float((w * (np.abs(ratio) < math.log(2))).sum() / w.sum()),
            "own": score.quantile(np.abs(np.exp(-own["own"].to_numpy()) - 1), score.weights(own), 0.5) if len(own) else math.nan,
        })  # fmt: skip
    return pd.DataFrame(lines)


def markdown(t: pd.DataFrame) -> str:
    """Return a table as Markdown."""
    shown = t.copy()
    for c in ("median", "p90", "within2x", "own"):
        shown[c] = [f"{v:.0%}" if math.isfinite(v) else "" for v in shown[c]]
    shown["bias"] = [f"{v:+.0%}" for v in shown["bias"]]
    head = {"median": "median error", "p90": "90% below", "within2x": "within 2x", "own": "median with `--engine`"}
    shown = shown.rename(columns=head)
    lines = ["| " + " | ".join(shown.columns) + " |", "|" + "---|" * len(shown.columns)]
    return "\n".join([*lines, *("| " + " | ".join(str(v) for v in r) + " |" for r in shown.itertuples(index=False))])


def write(found: pd.DataFrame, source: str) -> None:
    """Write the bands with what they rest on."""
    lines = [
        "# Quantiles of measured / predicted over published measurements: 80% of them lie between low and high.",
        "# Written by tools/fit_intervals.py; every block (source, model, system, engine) weighs the same; rows that a",
        "# source or a missing condition makes doubtful are left out. `rests_on` names the evidences that were pooled",
        "# where one has too few blocks or a wider spread than a weaker one; power has a band of its own (pricing/energy).",
        f'source = "{source}"',
    ]
    for (figure, evidence), (low, high, rows) in bands(found).items():
        used = sorted(set(rows["evidence"]), key=EVIDENCE.index)
        lines += [
            f"\n[{figure}.{evidence}]", f"low = {low:.4g}", f"high = {high:.4g}", f"rows = {len(rows)}",
            f"blocks = {score.blocks(rows).nunique()}", f"rests_on = {used}".replace("'", '"'),
        ]  # fmt: skip
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {OUT}")


def page(found: pd.DataFrame, why: str, command: str) -> str:
    """Return docs/accuracy.md."""
    strong = found[found["weak"] == ""].assign(figure=lambda d: d["metric"].map(score.METRICS))
    parts = [INTRODUCTION.format(command=command)]
    for title, by in (("By figure and evidence", ["figure", "evidence"]), ("By figure and chips", ["figure", "system"]),
                      ("By figure and engine", ["figure", "engine"]), ("By figure and source", ["figure", "source"])):  # fmt: skip
        parts.append(f"## {title}\n\n{markdown(table(strong, by))}\n")
    fitted = [f"| {f} | {e} | {lo:.2f} to {hi:.2f} | {len(r)} | {score.blocks(r).nunique()} | {', '.join(sorted(set(r['evidence'])))} |"
              for (f, e), (lo, hi, r) in bands(strong).items()]  # fmt: skip
    parts.append("## Intervals\n\nmeasured / predicted, 10% and 90% quantiles; an evidence with fewer than "
                 f"{FEWEST} blocks, or with a wider spread than a weaker one, is pooled with that one:\n\n"
                 "| figure | evidence | low to high | rows | blocks | rests on |\n|---|---|---|---|---|---|\n"
                 + "\n".join(fitted) + "\n")  # fmt: skip
    cover = held_out(strong)
    lines = "\n".join(f"| {f} | {m:.0%} | {lo:.0%} to {hi:.0%} |" for f, (m, lo, hi) in cover.items())
    parts.append("## Do the 80% intervals hold?\n\nBands fitted on one half of the blocks, tried on the other, ten random halves:\n\n"
                 f"| figure | covered, mean | least to most |\n|---|---|---|\n{lines}\n")  # fmt: skip
    left = found[found["weak"] != ""]["weak"].value_counts()
    parts.append("## Left out\n\n" + "\n".join(f"* {n} rows: {text}" for text, n in left.items()) + f"\n{why}")
    return "\n".join(parts)


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--most", type=int, default=6, help="rows of each block and figure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="rows for which this pandas query holds")
    parser.add_argument("--engines", action="store_true", help="ask with each row's own engine too")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    rows = score.read(asked.file)
    rows = score.sample(rows.query(asked.only) if asked.only else rows, asked.most, asked.seed)
    found, why = score.score(rows, engines=asked.engines)
    print(f"{len(found)} of {len(rows)} rows predicted")
    reasons = "".join(f"* {count} rows: {text}\n" for text, count in why.most_common(25))
    print(reasons)
    if asked.table:
        found.to_csv(asked.table, index=False)
    strong = found[found["weak"] == ""]
    for by in (["metric", "evidence"], ["metric", "system"], ["metric", "engine"], ["metric", "source"]):
        print(f"\nby {', '.join(by)}\n{table(strong, by).round(2).to_string(index=False)}")
    print("held out", held_out(strong))
    if asked.page:
        command = f"python -m tools.fit_intervals {asked.file.name} --most {asked.most} --seed {asked.seed} --engines --page docs/accuracy.md"
        asked.page.write_text(page(found, reasons, command), encoding="utf-8")
    if asked.write:
        write(strong, f"{asked.file.name}: {len(strong)} rows, {score.blocks(strong).nunique()} blocks, "
                      f"{strong['source'].nunique()} sources")  # fmt: skip


if __name__ == "__main__":
    main()
