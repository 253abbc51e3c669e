"""Fit what block-quantised (GGUF) products reach, from published rates of llama.cpp.

    python -m tools.fit_blockwise MEASURED.csv.gz

No table of single operators holds such products, so their constants come from whole prompts and steps. Writes
`catalog/data/curves/blockwise.toml`: medians over systems.

Cards and systems on a chip: share of the 16-bit peak, from prompts of 256 to 2,048 tokens. Dense models give that of
products, 2 parameters x tokens per second / peak; what models with experts take beyond it gives that of grouped products.
Launches and share of bandwidth are those of single sequences that decode, t = launches l + bytes / (b bandwidth); products
of few rows run as matrix-vector products, so no rows are added to groups. The rest is as 16-bit products of the pool.

Processors: products and attention run one after the other on the same vector units, between barriers of all threads, so

    t = launches l + flops of products / (c vector) + bytes / (b bandwidth) + flops of attention / (a vector)

is linear in l, 1/c, 1/b, 1/a, which are fitted to prompts and steps at once (relative errors, large ones damped).

The medians over systems are the pool; constants of a card's own go to a file of the chip. Both are judged on what they
did not see: the pool on each system left out, a chip's own on each of its models left out.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import wherewithal
from wherewithal.axes.split import Split
from wherewithal.engine import Term, terms
from wherewithal.machine.load import system
from wherewithal.model.op import Load
from wherewithal.pricing import formats
from wherewithal.pricing.curve import curves_for

CURVES = Path("wherewithal/catalog/data/curves")
PRODUCTS = ("matmul", "batched_matmul", "grouped_matmul")
CORES = ("attention_decode", "attention_latent", "attention_prefill")
KEPT = ("memory_share", "launch_s", "depth_pad", "row_pad", "step_s", "pad_bytes", "power", "balance")
DATE = "2026-11-24"
ROWS = "measured/inference.csv.gz: prompts and steps of llama.cpp"
# Prompt tokens that are computed at once: llama.cpp's --ubatch-size.
AT_ONCE = 512.0
# Desktop cards: share of the 8-bit peak that products reach, and the spread of its logarithm; no card's prompt rate is
# among the measurements. 3,500 to 3,650 tokens per second of an 8B model in q5_0 and q6_k, 2 x 8.03e9 operations each, on a
# card of 284.6e12 8-bit operations a second.
CARD, CARD_ON = (0.2, 0.4), "rtx-3090-1"
CARD_FROM = "ggml-org/llama.cpp: pull requests 7676 and 7860, prompts of an 8B model on an RTX 3090"
# Host work of a step [s]: the engine's file.
HOST_S = 815.4e-6
# Formats whose products llama.cpp feeds with inputs in 8 bits besides its own: the engine's file.
EIGHT_BIT = {"mxfp4"}
# Relative error beyond which a row counts less.
DAMPED = 0.1


def rows_of(file: Path, kinds: tuple[str, ...]) -> pd.DataFrame:
    """Return the eligible rows of one chip of some kinds whose weights are in blocks."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    form = rows["precision"].str.extract(r"weights=(\S+)")[0]
    gguf = {n for n in formats.names() if formats.find(n).activations == "q8_1"} | EIGHT_BIT
    form = form.where(rows["engine"].str.contains("llama"), "")
    rows = rows.assign(form=form)[form.isin(gguf) & (rows["eligible"] == "yes") & (rows["load"] == "static")]
    rows = rows[(rows["chips"] == "1") & (rows["weight"].astype(float) > 0.5)]
    kind = {s: system(s, 1).chip.kind for s in rows["system"].unique()}
    rows = rows[rows["system"].map(kind).isin(kinds)]
    numbers = {c: pd.to_numeric(rows[c]) for c in ("input_tokens", "output_tokens", "concurrency", "value")}
    return rows.assign(**numbers)


def shares(rows: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    """Return system to the share of its 16-bit peak that products reach on prompts, and to that of grouped products."""
    rows = rows[(rows["metric"] == "input_tokens_per_s_per_chip") & rows["input_tokens"].between(256, 2048)]
    models = {m: wherewithal.model(m) for m in rows["model"].unique()}
    peak = rows["system"].map({s: system(s, 1).chip.peaks["bf16"] for s in rows["system"].unique()})
    grouped = rows["model"].map({m: _grouped(model) for m, model in models.items()})
    rest = 2 * rows["model"].map({m: model.active_parameters for m, model in models.items()}) - grouped
    dense = (rest / peak * rows["value"])[grouped == 0].groupby(rows["system"]).median()
    left = 1 / rows["value"] - rest / (peak * rows["system"].map(dense))
    experts = (grouped / (peak * left))[(grouped > 0) & (left > 0)].groupby(rows["system"]).median()
    return dense.to_dict(), experts.to_dict()


def _grouped(model: Any) -> float:
    """Return the operations of grouped products on one token of a prompt."""
    load = Load(prefill_tokens=AT_ONCE, prefill_context=AT_ONCE / 2, prefill_seqs=1.0, routed_tokens=AT_ONCE)
    f = formats.resolve(model, system("h100-8", 8).chip, {"weights": "bf16"}).formats
    return (
        sum(float(t.times * t.op.flops) for t in terms(model, Split(), load, f) if t.op.kind == "grouped_matmul")
        / AT_ONCE
    )


def design(rows: pd.DataFrame, *, cores: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors of (l, 1/c, 1/b, 1/a) of rows, and the seconds that these must add up to.

    Args:
        rows: prompts and steps.
        cores: whether attention is among what is fitted; else its time is taken off.
    """
    out, seconds = [], []
    for r in rows.itertuples():
        chip, s = system(r.system, 1).chip, float(r.concurrency)
        prompts = r.metric == "input_tokens_per_s_per_chip"
        n = r.input_tokens + r.output_tokens / 2
        load = Load(s, 1.0, n, routed_tokens=s, decode_masked=(s - 1) * n)
        if prompts:
            load = Load(0.0, 1.0, 0.0, AT_ONCE, r.input_tokens / 2, 1.0, AT_ONCE, prefill_masked=s * r.input_tokens / 2)
        model = wherewithal.model(r.model)
        all_terms = list(terms(model, Split(), load, formats.resolve(model, chip, {"weights": r.form}).formats))
        row, rest = _sums(all_terms, chip, (*PRODUCTS, *CORES) if cores else PRODUCTS)
        out.append(row)
        seconds.append((AT_ONCE / r.value if prompts else r.value) - rest)
    return np.array(out), np.array(seconds)


def _sums(all_terms: list[Term], chip: Any, fitted: tuple[str, ...]) -> tuple[list[float], float]:
    """Return the factors of one step, and what operators that are not fitted and the host take of it [s]."""
    vector = chip.peaks.get("vector") or chip.peaks["bf16"]
    launches, products, traffic, cores, rest = 0.0, 0.0, 0.0, 0.0, HOST_S
    curves = curves_for(chip)
    for t in all_terms:
        if t.op.kind in fitted and np.any(t.op.calls):
            launches += float(t.times * t.op.calls)
            traffic += float(t.times * t.op.bytes) / chip.bandwidth_bytes_per_s
            flops = float(t.times * t.op.flops) / vector
            products, cores = (products + flops, cores) if t.op.kind in PRODUCTS else (products, cores + flops)
        elif t.op.kind not in fitted and not t.network:
            rest += float(t.times * curves.seconds(t.op))
    return [launches, products, traffic, cores], rest


def solve(a: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Return (l, 1/c, 1/b, 1/a) of least damped relative error, none below 0 and no rate above its peak."""
    low = np.array([0.0, 1.0, 1.0, 1.0])
    x = np.array([3e-5, 4.0, 1.5, 8.0])
    for _ in range(400):
        error = a @ x / seconds - 1
        w = 1 / np.sqrt(1 + (error / DAMPED) ** 2)
        scaled = a / seconds[:, None]
        for i in range(4):
            others = scaled @ x - scaled[:, i] * x[i]
            x[i] = max(low[i], (w * scaled[:, i] * (1 - others)).sum() / (w * scaled[:, i] ** 2).sum())
    return x


def centre(constants: list[np.ndarray]) -> np.ndarray:
    """Return the median of systems' constants: on systems left out it does better than the mean of their logarithms."""
    return np.asarray(np.median(constants, axis=0))


def processors(rows: pd.DataFrame) -> tuple[dict[str, np.ndarray], list[float], np.ndarray]:
    """Return each system's constants, their median, and the log errors of the systems each left out of it."""
    parts = {str(name): design(of) for name, of in rows.groupby("system")}
    found = {name: solve(*part) for name, part in parts.items()}
    errors = []
    for name, (a, seconds) in parts.items():
        others = centre([x for n, x in found.items() if n != name])
        e = np.log(a @ others / seconds)
        prompts = (rows["metric"][rows["system"] == name] == "input_tokens_per_s_per_chip").to_numpy()
        print(f"# {name} left out: steps {np.median(abs(np.expm1(e[~prompts]))):.2f}, prompts {np.median(abs(np.expm1(e[prompts]))):.2f}", file=sys.stderr)  # fmt: skip
        errors.append(e)
    return found, [float(v) for v in centre(list(found.values()))], np.concatenate(errors)


def curve(
    kind: str, form: str, constants: dict[str, float], error: np.ndarray, systems: list[str], source: str = ROWS
) -> str:
    """Return one curve of the file."""
    q = [round(float(v), 4) for v in (error.std(), *np.quantile(error, [0.1, 0.5, 0.9]))]
    text = [f'\n[[curve]]\nkind = "{kind}"\nformat = "{form}"\n']
    text += [f"{k} = {v:.4g}\n" for k, v in constants.items()]
    text.append(f"residual = {{sd = {q[0]}, q10 = {q[1]}, q50 = {q[2]}, q90 = {q[3]}}}\n")
    if systems:
        text.append(f"systems = {systems}\n".replace("'", '"'))
    else:
        text.append(
            f'evidence = "analog"\ndate = "{DATE}"\nnote = "whole prompts and steps on this chip, no single operators"\n'
        )
    text.append(f'sources = ["{source}"]\n')
    return "".join(text)


def steps(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of single sequences that decode, their seconds a token in `value`."""
    rate = (rows["metric"] == "output_tokens_per_s") & (rows["input_tokens"] < 1)
    rows = rows.assign(value=np.where(rate, 1 / rows["value"], rows["value"]))
    return rows[(rate | (rows["metric"] == "tpot_s")) & (rows["concurrency"] == 1)].assign(metric="tpot_s")


def lines(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return for single sequences that decode the factors of (l, 0, 1/b, 0), and the seconds that these add up to."""
    factors, seconds = design(rows, cores=False)
    return factors * np.array([1.0, 0.0, 1.0, 0.0]), seconds


def left_out(rows: pd.DataFrame, fit: Any, price: Any) -> np.ndarray:
    """Return the log errors of a chip's own constants on each of its models, fitted without it."""
    errors = []
    for name, of in rows.groupby("model"):
        rest = rows[rows["model"] != name]
        if len(rest):
            errors.append(price(fit(rest), of))
    return np.concatenate(errors) if errors else np.array([np.nan])


def desktop(pool: list[str]) -> list[str]:
    """Return the curves of desktop cards: the pool's, with the products at a share of the 8-bit peak (see `CARD`)."""
    share, spread = CARD
    rows = [tomllib.loads(text)["curve"][0] for text in pool if "[[curve]]" in text]
    plain = next(r["compute_share"] for r in rows if r["kind"] == "matmul")
    out = []
    for row in rows:
        part = share * row["compute_share"] / plain if row["kind"] == "grouped_matmul" else share
        constants = {"compute_share": part, **{k: row[k] for k in KEPT if k in row}}
        out.append(curve(row["kind"], "gguf_card", constants, np.array([-spread, spread]), [CARD_ON], CARD_FROM))
    return out


def _judge_prompts(name: str, rows: pd.DataFrame) -> None:
    """Print how far a chip's own shares are from those of each of its models, fitted without it."""
    off = []
    for model in rows["model"].unique():
        mine, rest = (shares(part) for part in (rows[rows["model"] == model], rows[rows["model"] != model]))
        off += [mine[0][name] / rest[0][name] - 1 for _ in (0,) if name in mine[0] and name in rest[0]]
    print(
        f"# {name} prompts of dense models, own models left out {np.median(np.abs(off)) if off else np.nan:.2f}",
        file=sys.stderr,
    )


def middle(values: Any) -> float:
    """Return the median of logarithms."""
    return float(np.exp(np.median(np.log(list(values)))))


def cards(file: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Return the curves of cards and systems on a chip: of the pool, and of each chip."""
    rows = rows_of(file, ("accelerator", "consumer-gpu", "workstation-gpu", "desktop-soc", "edge"))
    dense, experts = shares(rows)
    alone = steps(rows)
    line = {str(n): solve(*lines(of)) for n, of in alone.groupby("system")}
    text = [
        "# Products of GGUF weights: share of the 16-bit peak by system, of products grouped by expert, seconds a launch, share of bandwidth:\n"
    ]
    text += [
        f"# {n} {dense[n]:.3f} {experts.get(n, float('nan')):.3f} {line[n][0]:.3g} {1 / line[n][2]:.3f}\n"
        for n in sorted(dense)
    ]
    for name, of in alone.groupby("system"):
        e = left_out(of, lambda r: solve(*lines(r)), lambda x, r: np.log(lines(r)[0] @ x / lines(r)[1]))
        print(f"# {name} steps, own models left out {np.median(abs(np.expm1(e))):.2f}", file=sys.stderr)
    for name, of in rows.groupby("system"):
        _judge_prompts(str(name), of)
    pool = tomllib.loads((CURVES / "datasheet.toml").read_text(encoding="utf-8"))["curve"]
    plain = next(r for r in pool if r["kind"] == "matmul" and r["format"] == "bf16") | {"row_pad": 0.0}
    own: dict[str, list[str]] = {}
    for kind in PRODUCTS:
        found = experts if kind == "grouped_matmul" else dense
        share = middle(found.values())
        fixed = {k: plain[k] for k in KEPT if k in plain}
        both = {
            "memory_share": middle(1 / x[2] for x in line.values()),
            "launch_s": middle(max(x[0], 1e-7) for x in line.values()),
        }
        text.append(
            curve(
                kind,
                "gguf",
                {"compute_share": share, **fixed, **both},
                np.log(np.array(list(found.values())) / share),
                sorted(found),
            )
        )
        for name in found:
            mine = {"compute_share": found[name], **fixed, "memory_share": 1 / line[name][2], "launch_s": line[name][0]}
            own.setdefault(name, []).append(curve(kind, "gguf", mine, np.log(np.array([0.8, 1.25])), []))
    return text, own


def vectors(file: Path) -> list[str]:
    """Return the curves of processors: of the pool alone, since two models a chip do no better where one is left out."""
    rows = rows_of(file, ("cpu", "sbc"))
    found, whole, error = processors(rows)
    text = [
        "\n# Processors: seconds a launch, shares of the vector peak by products, of bandwidth, of the vector peak by attention:\n"
    ]
    text += [f"# {n} {x[0]:.3g} {1 / x[1]:.3f} {1 / x[2]:.3f} {1 / x[3]:.3f}\n" for n, x in sorted(found.items())]
    text += _vector_curves(whole, error, sorted(found))
    for name, of in rows.groupby("system"):
        e = left_out(of, lambda r: solve(*design(r)), lambda x, r: np.log(design(r)[0] @ x / design(r)[1]))
        print(f"# {name} own models left out {np.median(abs(np.expm1(e))):.2f}", file=sys.stderr)
    return text


def _vector_curves(constants: list[float], error: np.ndarray, systems: list[str]) -> list[str]:
    launch, products, traffic, cores = constants
    out = []
    for kind in (*PRODUCTS, *CORES):
        form, share = ("gguf_vector", products) if kind in PRODUCTS else ("vector", cores)
        shares_of = {"compute_share": 1 / share, "memory_share": 1 / traffic, "launch_s": launch, "power": 1.0}
        out.append(curve(kind, form, shares_of, error, systems))
    return out


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    head = "# Written by tools/fit_blockwise.py; do not edit.\n"
    pool, own = cards(file)
    text = "".join([head, *pool, *desktop(pool), *vectors(file)])
    (CURVES / "blockwise.toml").write_text(text, encoding="utf-8")
    for name, rows in own.items():
        (CURVES / f"{system(name, 1).chip.name}.toml").write_text(head + "".join(rows), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
