"""Fit what block-quantised (GGUF) products reach of a chip's 16-bit peak, from published prompt rates of llama.cpp.

    python -m tools.fit_blockwise MEASURED.csv.gz

No table of single operators holds such products, so their share of the peak comes from whole prompts of 256 to 2,048
tokens: share = 2 active parameters x prompt tokens per second / peak, the median of a system's rows, then of systems.
All other constants are those of 16-bit products in the pool; products of few rows run as matrix-vector products, so no
rows are added to groups. Writes `catalog/data/curves/blockwise.toml`.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd

import wherewithal
from wherewithal.machine.load import system
from wherewithal.pricing import formats

CURVES = Path("wherewithal/catalog/data/curves")
KINDS = ("matmul", "batched_matmul", "grouped_matmul")
KEPT = ("memory_share", "launch_s", "depth_pad", "row_pad", "step_s", "pad_bytes", "power", "balance")


def shares(file: Path) -> dict[str, float]:
    """Return system to the median share of its 16-bit peak that prompts reached."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    form = rows["precision"].str.extract(r"weights=(\S+)")[0]
    gguf = {n for n in formats.names() if formats.find(n).activations == "q8_1"}
    rows = rows[(rows["metric"] == "input_tokens_per_s_per_chip") & (rows["eligible"] == "yes") & form.isin(gguf)]
    rows = rows[rows["input_tokens"].astype(float).between(256, 2048) & (rows["chips"].astype(float) == 1)]
    rows = rows[rows["weight"].astype(float) > 0.5]
    active = {m: wherewithal.model(m).active_parameters for m in rows["model"].unique()}
    peak = {s: system(s, 1).chip.peaks["bf16"] for s in rows["system"].unique()}
    share = 2 * rows["model"].map(active) * rows["value"].astype(float) / rows["system"].map(peak)
    return share.groupby(rows["system"]).median().to_dict()


def write(found: dict[str, float]) -> None:
    """Write the curves of the pool."""
    share = float(np.median(list(found.values())))
    error = np.log(np.array(list(found.values())) / share)
    q = [round(float(v), 4) for v in (error.std(), *np.quantile(error, [0.1, 0.5, 0.9]))]
    pool = tomllib.loads((CURVES / "datasheet.toml").read_text(encoding="utf-8"))["curve"]
    text = [
        "# Written by tools/fit_blockwise.py; do not edit. Products of GGUF weights: share of the 16-bit peak by system:\n"
    ]
    text += [f"# {name} {value:.3f}\n" for name, value in sorted(found.items())]
    for kind in KINDS:
        row = next(r for r in pool if r["kind"] == "matmul" and r["format"] == "bf16") | {"row_pad": 0.0}
        text.append(f'\n[[curve]]\nkind = "{kind}"\nformat = "gguf"\ncompute_share = {share:.4g}\n')
        text += [f"{k} = {row[k]}\n" for k in KEPT if k in row]
        text.append(f"residual = {{sd = {q[0]}, q10 = {q[1]}, q50 = {q[2]}, q90 = {q[3]}}}\n")
        text.append(f"systems = {sorted(found)}\n".replace("'", '"'))
        text.append('sources = ["measured/inference.csv.gz: prompt rates of llama.cpp"]\n')
    (CURVES / "blockwise.toml").write_text("".join(text), encoding="utf-8")
    print("".join(text))


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    write(shares(parser.parse_args().file))


if __name__ == "__main__":
    main()
