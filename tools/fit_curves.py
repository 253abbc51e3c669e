"""Fit every curve of the catalog from the operator measurements and write catalog/data/curves and docs/curves.md.

    python tools/fit_curves.py [--data ../shared/data] [--out wherewithal/catalog/data/curves]

Deterministic: fixed seeds, sorted groups, rounded constants.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import tomllib
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from fit import collectives, core, others, tables  # noqa: E402

from wherewithal.pricing.curve import Curve, Residual  # noqa: E402
from wherewithal.pricing.surface import GRIDS  # noqa: E402

DATE = "2026-11-24"  # of the measurement snapshot
PEAK = {
    "fp8_block": ("fp8",),
    "int4_fp8": ("fp8",),
    "bf16_kv8": ("bf16",),
    "nvfp4": ("fp4",),
    "mxfp4": ("fp4", "fp8"),
    "int4_wo": ("bf16",),
    "int8_wo": ("bf16",),
    "mxfp4_wo": ("bf16",),
}
CONSTANTS = ("compute_share", "memory_share", "launch_s", "depth_pad", "row_pad", "step_s", "pad_bytes", "power")
FEWEST = 20  # rows below which no curve is fitted
FEWEST_OWN = 60  # rows below which an engine has no constants of its own


def gather(data: Path) -> pd.DataFrame:
    """Return all samples of all tables."""
    made = [
        f(data) for f in (tables.matmul, tables.batched, tables.grouped, tables.prefill, tables.decode, tables.latent)
    ]
    made += [
        f(data) for f in (others.infersim, others.layers, others.layers_v0, others.vidur, others.quantise, others.scans)
    ]
    return pd.concat(made, ignore_index=True)


def peak(chip: tables.Chip, form: str) -> float | None:
    """Return the peak that a format is measured against; None where the chip has none."""
    for name in PEAK.get(form, (form,)):
        if name in chip.peaks:
            return chip.peaks[name]
    return None


def fit_all(samples: pd.DataFrame, chips: dict[str, tables.Chip]) -> list[dict[str, Any]]:
    """Return one record per chip, kind and format, and one per engine (its newest version)."""
    work = []
    for (name, kind, form), d in samples.groupby(["chip", "kind", "format"], sort=True):
        top = peak(chips[name], form)
        if top is not None and len(d) >= FEWEST:
            work.append((d, name, kind, form, top, chips[name].bandwidth))
    with multiprocessing.Pool(2) as pool:
        return [r for records in pool.imap(fit_one, work) for r in records]


def fit_one(work: tuple[pd.DataFrame, str, str, str, float, float]) -> list[dict[str, Any]]:
    """Return the records of one chip, kind and format."""
    d, name, kind, form, top, band = work
    records = [core.fit(d, kind, form, top, band) | {"chip": name, "engine": ""}]
    if d["engine"].nunique() < 2:
        return records
    for engine, x in d.groupby("engine", sort=True):
        x = x[x["version"] == newest(x["version"])]
        if len(x) >= FEWEST_OWN and engine not in ("vidur", "llmservingsim-v0"):
            records.append(core.fit(x, kind, form, top, band) | {"chip": name, "engine": engine})
    records[0]["unseen"] = unseen(d, kind, form, top, band)
    return records


def unseen(d: pd.DataFrame, kind: str, form: str, top: float, band: float) -> list[dict[str, Any]]:
    """Return errors of every version of an engine by curves that were fitted without it.

    They are fitted on the other versions of the same engine where there are any, else on all other engines.
    """
    out = []
    for (engine, version), x in d.groupby(["engine", "version"], sort=True):
        same = d[(d["engine"] == engine) & (d["version"] != version)]
        rest, basis = (same, "same engine") if len(same) >= FEWEST_OWN else (d[d["engine"] != engine], "other engines")
        if min(len(x), len(rest)) < FEWEST_OWN or engine in ("vidur", "llmservingsim-v0"):
            continue
        known = core.number(core.thin(core.number(rest), 5, 1000))
        c = core.smooth(known, kind, form, top, band)
        if kind in GRIDS and len(known) >= core.FEWEST_TABLED:
            c = core.tabled(known, c, top, band)
        e = core.size(core.Samples(core.thin(core.number(x), 11), kind, top, band).error(c))
        out.append({"engine": engine, "version": version, "basis": basis, "rows": len(x), "error": e})
    return out


def newest(versions: pd.Series) -> str:
    """Return the newest of some versions."""
    return max(versions.unique(), key=lambda v: [int(x) for x in re.findall(r"\d+", v)])


def cross(
    records: list[dict[str, Any]], chips: dict[str, tables.Chip], relatives: dict[str, Any], near: dict[str, Any]
) -> tuple[list, list]:
    """Return errors of borrowed constants per kind and way (another chip's, another format's) and the pools.

    Every chip is predicted without its own measurements: from its nearest measured relative, from its own nearest
    format, and from the median of all other chips.
    """
    general = [r for r in records if not r["engine"]]
    by_key = {(r["chip"], r["curve"].kind, r["curve"].format): r for r in general}
    analog: dict[tuple[str, str], list[np.ndarray]] = {}
    pools = []
    for kind, form in sorted({(r["curve"].kind, r["curve"].format) for r in general}):
        group = [r for r in general if (r["curve"].kind, r["curve"].format) == (kind, form)]
        errors = []
        for r in group:
            s = _samples(r, chips)
            for how, tries in (
                ("chip", [(o, form) for o in relatives.get(r["chip"], {}).get("chips", ())]),
                ("format", [(r["chip"], f) for f in near.get(form, ())]),
            ):
                best = next((by_key[c, kind, f] for c, f in tries if (c, kind, f) in by_key), None)
                if best:
                    e = s.error(best["curve"])
                    analog.setdefault((kind, how), []).append(e)
                    if how == "chip":
                        r["borrowed"] = (best["chip"], core.size(e), core.size(s.error(best["plain"])))
            rest = [x["plain"] for x in group if x is not r]
            if rest:
                errors.append(s.error(middle(rest)))
        own = errors or [_samples(r, chips).error(r["curve"]) for r in group]
        pools.append((middle([r["plain"] for r in group]), own, [r["chip"] for r in group]))
    return [(k, v) for k, v in sorted(analog.items())], pools


def _samples(r: dict[str, Any], chips: dict[str, tables.Chip]) -> core.Samples:
    c, chip = r["curve"], chips[r["chip"]]
    return core.Samples(core.thin(r["samples"], 11), c.kind, peak(chip, c.format) or 1.0, chip.bandwidth)


def middle(curves: list[Curve]) -> Curve:
    """Return the curve whose every constant is the median of some curves."""
    got = core.rounded({k: float(np.median([getattr(c, k) for c in curves])) for k in CONSTANTS if k != "power"})
    return Curve(curves[0].kind, curves[0].format, **got, power=curves[0].power)


def even(errors: list[np.ndarray]) -> np.ndarray:
    """Return errors of several chips so that each counts alike: 201 quantiles of each."""
    grid = np.linspace(0, 1, 201)
    return np.concatenate([np.quantile(e, grid) for e in errors])


def value(x: Any) -> str:
    """Return a value as TOML."""
    if isinstance(x, bool):
        return str(x).lower()
    if isinstance(x, float):
        return "inf" if np.isinf(x) else f"{x:.6g}" if x != int(x) or abs(x) > 1e6 else f"{x:.1f}"
    if isinstance(x, int):
        return str(x)
    if isinstance(x, (list, tuple)):
        return "[" + ", ".join(value(v) for v in x) + "]"
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k} = {value(v)}" for k, v in x.items()) + "}"
    return '"' + str(x).replace('"', "'") + '"'


def block(head: str, pairs: dict[str, Any]) -> str:
    """Return one TOML table of an array."""
    return "\n".join([f"[[{head}]]", *(f"{k} = {value(v)}" for k, v in pairs.items() if v is not None)]) + "\n"


def entry(r: dict[str, Any]) -> dict[str, Any]:
    """Return what is written of a curve record."""
    c: Curve = r["curve"]
    default = {f.name: f.default for f in fields(Curve)}
    shown = {k: getattr(c, k) for k in CONSTANTS if getattr(c, k) != default[k]}
    return {
        "kind": c.kind,
        "format": c.format,
        "engine": r["engine"] or None,
        **shown,
        "evidence": r.get("evidence", "measured"),
        "residual": asdict(c.residual),
        **{k: r.get(k) for k in ("rows", "shapes", "median_error", "p90_error", "held_out_error")},
        "surface": c.surface or None,
        "engines": r.get("engines"),
        "sources": r.get("sources"),
        "date": r.get("date", DATE),
        "note": r.get("note"),
    }


HEAD = "# Written by tools/fit_curves.py; do not edit. Times in seconds, pads in elements, errors are log(predicted/measured).\n\n"


def balance(names: list[str], form: str, chips: dict[str, tables.Chip]) -> float:
    """Return the median of peak over bandwidth of some chips [FLOP/B]."""
    return float(f"{np.median([(peak(chips[n], form) or 0.0) / chips[n].bandwidth for n in names]):.4g}")


def write(
    out: Path,
    records: list[dict[str, Any]],
    pools: list,
    analog: list,
    by_hand: dict[str, Any],
    chips: dict[str, tables.Chip],
) -> None:
    """Write every file of curves."""
    published(records, pools, by_hand)
    for name in sorted({r["chip"] for r in records}):
        mine = [r for r in records if r["chip"] == name]
        (out / f"{name}.toml").write_text(
            HEAD + f'chip = "{name}"\n\n' + "\n".join(block("curve", entry(r)) for r in mine)
        )
    text = [HEAD, "[computed_in]\n", *(f"{k} = {value(v)}\n" for k, v in by_hand["computed_in"].items())]
    for head in ("same", "near"):
        text += [f"\n[{head}]\n", *(f"{k} = {value(v)}\n" for k, v in by_hand[head].items())]
    text.append("\n")
    for c, errors, names in pools:
        shown = {k: getattr(c, k) for k in CONSTANTS} | {"balance": balance(names, c.format, chips)}
        text.append(
            block(
                "curve",
                {"kind": c.kind, "format": c.format, **shown, "residual": core.spread(even(errors)), "chips": names},
            )
            + "\n"
        )
    for (kind, how), errors in analog:
        text.append(
            block("analog", {"kind": kind, "how": how, "residual": core.spread(even(errors)), "chips": len(errors)})
            + "\n"
        )
    (out / "datasheet.toml").write_text("".join(text))


def published(records: list[dict[str, Any]], pools: list, by_hand: dict[str, Any]) -> None:
    """Add curves of which only shares were published: the other constants are the pool's."""
    for row in by_hand.get("published", ()):
        pool = {(c.kind, c.format): (c, e) for c, e, _ in pools}
        key = next(k for k in [(row["kind"], row["format"]), (row["kind"], "bf16")] if k in pool)
        base, errors = pool[key]
        shares = {k: row[k] for k in CONSTANTS if k in row}
        curve = replace(base, format=row["format"], residual=Residual(**core.spread(even(errors))), **shares)
        records.append(
            {
                "chip": row["chip"],
                "engine": "",
                "curve": curve,
                "evidence": row["evidence"],
                "sources": row["sources"],
                "date": row["date"],
                "note": row["note"],
            }
        )


def summary(records: list[dict[str, Any]]) -> list[str]:
    """Return held-out errors by kind and format over chips and engines: medians of medians, and how many meet 8%."""
    lines = [
        "| kind | format | curves of engines | held out | constants alone | at most 8% | pools of engines |",
        "|---|---|---|---|---|---|---|",
    ]
    tested = [r for r in records if r.get("held_out_error") is not None]
    for kind, form in sorted({(r["curve"].kind, r["curve"].format) for r in tested}):
        mine = [r for r in tested if (r["curve"].kind, r["curve"].format) == (kind, form)]
        own, pool = [r for r in mine if r["engine"]], [r for r in mine if not r["engine"]]
        h, plain = (np.array([r[k] for r in own or pool]) for k in ("held_out_error", "held_out_plain"))
        both = np.median([r["held_out_error"] for r in pool]) if pool else np.nan
        lines.append(
            f"| {kind} | {form} | {len(own)} | {np.median(h):.3f} | {np.median(plain):.3f} | {(h <= 0.08).sum()} of {len(h)} | {both:.3f} |"
        )
    return lines


def by_version(records: list[dict[str, Any]]) -> list[str]:
    """Return errors of versions of engines that no curve has seen, by kind."""
    lines = ["| kind | predicted from | versions | rows | median | worst |", "|---|---|---|---|---|---|"]
    found = [u | {"kind": r["curve"].kind} for r in records for u in r.get("unseen", ())]
    for kind, basis in sorted({(u["kind"], u["basis"]) for u in found}):
        mine = [u for u in found if (u["kind"], u["basis"]) == (kind, basis)]
        e = [u["error"] for u in mine]
        lines.append(
            f"| {kind} | {basis} | {len(e)} | {sum(u['rows'] for u in mine)} | {np.median(e):.3f} | {max(e):.3f} |"
        )
    return lines


def by_chip(records: list[dict[str, Any]]) -> list[str]:
    """Return errors of chips predicted without their own measurements, from their nearest relative, by kind."""
    kinds = sorted({r["curve"].kind for r in records if "borrowed" in r})
    lines = ["| chip left out | from | " + " | ".join(kinds) + " |", "|---|---|" + "---|" * len(kinds)]
    for name in sorted({r["chip"] for r in records if "borrowed" in r}):
        mine = [r for r in records if r["chip"] == name and "borrowed" in r]
        cells = []
        for kind in kinds:
            e = [r["borrowed"][1:] for r in mine if r["curve"].kind == kind]
            cells.append(f"{np.median([x[0] for x in e]):.2f} ({np.median([x[1] for x in e]):.2f})" if e else "")
        lines.append(f"| {name} | {', '.join(sorted({r['borrowed'][0] for r in mine}))} | " + " | ".join(cells) + " |")
    return lines


def report(records: list[dict[str, Any]], pools: list, analog: list) -> str:
    """Return the tables of errors as Markdown."""
    lines = [*summary(records), "", *by_version(records), "", *by_chip(records), ""]
    lines += [
        "| chip | kind | format | engine | rows | shapes | median | held out | constants alone | 90% |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in records:
        if "median_error" not in r:
            continue
        c, h, plain = r["curve"], r["held_out_error"], r["held_out_plain"]
        lines.append(
            f"| {r['chip']} | {c.kind} | {c.format} | {r['engine'] or 'all'} | {r['rows']} | {r['shapes']} | "
            f"{r['median_error']:.3f} | {'' if h is None else f'{h:.3f}'} | {'' if h is None else f'{plain:.3f}'} | {r['p90_error']:.3f} |"
        )
    lines += [
        "",
        "| kind | format | basis | chips | 10% | 50% | 90% | median size |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = [(k, "", f"analog, another {how}", e) for (k, how), e in analog] + [
        (c.kind, c.format, "datasheet", e) for c, e, _ in pools
    ]
    for kind, form, basis, errors in rows:
        e = even(errors)
        s = core.spread(e)
        lines.append(
            f"| {kind} | {form} | {basis} | {len(errors)} | {s['q10']:.2f} | {s['q50']:.2f} | {s['q90']:.2f} | {np.median(np.abs(e)):.2f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fit, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=ROOT / "wherewithal" / "catalog" / "data" / "curves")
    args = parser.parse_args()
    by_hand = tomllib.loads((ROOT / "tools" / "fit" / "by_hand.toml").read_text())
    relatives = tomllib.loads((args.out / "relatives.toml").read_text())["relative"]
    chips = tables.chips(args.data)
    records = fit_all(gather(args.data), chips)
    analog, pools = cross(records, chips, relatives, by_hand["near"])
    write(args.out, records, pools, analog, by_hand, chips)
    text = report(records, pools, analog) + "\n" + collectives.write(args.data, args.out, by_hand["between_nodes"])
    page = ROOT / "docs" / "curves.md"
    if page.is_file():
        before, mark, _ = page.read_text().partition("<!-- fitted -->\n")
        page.write_text(before + mark + "\n" + text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
