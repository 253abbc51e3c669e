"""Fit the constants of `wherewithal.pricing.curve` to samples, robustly, and measure what is left."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from wherewithal.model.op import Op
from wherewithal.pricing.curve import SCANS, Curve, Residual, blend, compute_seconds, memory_seconds, surface_of
from wherewithal.pricing.surface import GRIDS, effective

POWER = {"stream": float("inf")}  # where one side is empty a plain maximum is the same and cheaper
FEWEST_TABLED = 150  # measured times below which no table is fitted
PER_ENGINE = 2500  # rows of one engine in a fit: every engine counts alike
SCALE = 0.1  # of the soft L1 loss, in log time
LOWEST = 1e-18


def features(kind: str, d: pd.DataFrame) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return what the arithmetic side and the memory side are linear in; FLOP and bytes first."""
    fl, by = d["flops"].to_numpy(float), d["bytes"].to_numpy(float)
    s = [d[f"s{i}"].to_numpy(float) for i in range(4)]
    if kind in ("matmul", "batched_matmul"):
        return [fl, fl / s[2], s[2]], [by]
    if kind == "grouped_matmul":
        return [fl, fl / s[2], s[2], 2 * s[3] * s[1] * s[2]], [by]
    if kind == "attention_prefill":
        return [fl, 4 * s[0] * s[2] * s[3], s[1]], [by]
    if kind == "attention_decode" or kind == "attention_latent":
        return [fl, fl / s[3], s[1]], [by, s[0] * s[2]]
    if kind in SCANS:
        return [fl, s[0]], [by]
    return [fl], [by]


def constants(kind: str, x: np.ndarray, peak: float, bandwidth: float) -> dict[str, float]:
    """Return the named constants of a fit's coefficients [s per unit of each feature], launch last."""
    n = {
        "matmul": 3,
        "batched_matmul": 3,
        "grouped_matmul": 4,
        "attention_prefill": 3,
        "stream": 1,
        **dict.fromkeys(SCANS, 2),
    }.get(kind, 3)
    c, m = x[:n], x[n:-1]
    out = {
        "compute_share": min(1.0, 1 / (c[0] * peak)),
        "memory_share": min(1.0, 1 / (m[0] * bandwidth)),
        "launch_s": x[-1],
    }
    if kind in ("matmul", "batched_matmul", "grouped_matmul", "attention_prefill"):
        out["depth_pad"], out["step_s"] = c[1] / c[0], c[2]
    if kind == "grouped_matmul":
        out["row_pad"] = c[3] / c[0]
    if kind in ("attention_decode", "attention_latent"):
        out["row_pad"], out["step_s"], out["pad_bytes"] = c[1] / c[0], c[2], m[1] / m[0]
    if kind in SCANS:
        out["step_s"] = c[1]
    if kind == "stream":
        out["compute_share"] = 1.0
    return out


class Samples:
    """Samples of one fit; rows that share `op` are products of one measured time."""

    def __init__(self, d: pd.DataFrame, kind: str, peak: float, bandwidth: float) -> None:
        self.kind, self.peak, self.bandwidth = kind, peak, bandwidth
        self.d = d.sort_values(["part", "id"], kind="stable").reset_index(drop=True)
        self.parts = int(d["part"].max()) + 1
        self.count = len(d) // self.parts
        self.seconds = self.d["seconds"].to_numpy()[: self.count]
        self.fixed = self.d["fixed_bytes"].to_numpy()[: self.count] / bandwidth

    def fold(self, per_row: np.ndarray) -> np.ndarray:
        """Return one value per measured time: the sum over its products."""
        return per_row.reshape(self.parts, self.count).sum(0)

    def fit(self, power: float) -> dict[str, float]:
        """Return constants that minimise the soft L1 of log(predicted / measured)."""
        arithmetic, memory = (np.array(x) for x in features(self.kind, self.d))
        n, goal = len(arithmetic), np.log(self.seconds)

        def terms(x: np.ndarray) -> tuple[np.ndarray, ...]:
            e = np.exp(x)
            c, m = e[:n] @ arithmetic, e[n:-1] @ memory
            s = np.maximum(blend(c, m, power), 1e-15)
            if np.isinf(power):
                dc = (c >= m) * 1.0
                return e, s, dc, 1 - dc
            return e, s, (c / s) ** (power - 1), (m / s) ** (power - 1)

        def error(x: np.ndarray) -> np.ndarray:
            e, s, _, _ = terms(x)
            return np.log(self.fold(s) + self.parts * e[-1] + self.fixed) - goal

        def slope(x: np.ndarray) -> np.ndarray:
            e, s, dc, dm = terms(x)
            t = self.fold(s) + self.parts * e[-1] + self.fixed
            columns = [self.fold(dc * a) * e[i] / t for i, a in enumerate(arithmetic)]
            columns += [self.fold(dm * b) * e[n + i] / t for i, b in enumerate(memory)]
            return np.array([*columns, self.parts * e[-1] / t]).T

        start, low, high = self._bounds(arithmetic, memory)
        best = least_squares(error, start, slope, bounds=(low, high), loss="soft_l1", f_scale=SCALE, max_nfev=300)
        return constants(self.kind, np.exp(best.x), self.peak, self.bandwidth)

    def _bounds(self, arithmetic: np.ndarray, memory: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        typical = np.median(self.seconds) / self.parts
        scale = [np.median(a[a > 0]) if (a > 0).any() else 1.0 for a in (*arithmetic, *memory)]
        start = np.log(0.3 * typical / np.array(scale))
        low, high = start - 16, start + 12
        n = len(arithmetic)
        for i, roof in ((0, self.peak), (n, self.bandwidth)):
            low[i] = -np.log(roof)
            start[i], high[i] = low[i] + 0.3, low[i] + 6
        launch = np.quantile(self.seconds, 0.05) / self.parts
        start, low = np.append(start, np.log(0.5 * launch)), np.append(low, np.log(1e-8))
        return start, low, np.append(high, max(np.log(np.quantile(self.seconds, 0.3) / self.parts), low[-1] + 1))

    def predict(self, c: Curve) -> np.ndarray:
        """Return seconds as the product prices them."""
        col = {k: self.d[k].to_numpy(float) for k in ("flops", "bytes", "s0", "s1", "s2", "s3")}
        op = Op("x", self.kind, c.format, col["flops"], col["bytes"], (col["s0"], col["s1"], col["s2"], col["s3"]))
        surface = surface_of(c, self.peak)
        arithmetic = effective(op, surface) / self.peak if surface else compute_seconds(op, c, self.peak)
        busy = blend(arithmetic, memory_seconds(op, c, self.bandwidth), c.power)
        return self.fold(busy * np.ones(len(self.d))) + self.parts * c.launch_s + self.fixed

    def error(self, c: Curve) -> np.ndarray:
        """Return log(predicted / measured)."""
        return np.log(self.predict(c) / self.seconds)


def number(d: pd.DataFrame) -> pd.DataFrame:
    """Return samples with `id` (one per measured time) and `part` (0, 1, ... within it)."""
    d = d.reset_index(drop=True)
    if d["kind"].iloc[0] != "grouped_matmul":
        return d.assign(id=np.arange(len(d)), part=0)
    ident = d["source"] + "|" + d["op"].astype(str)
    return d.assign(id=pd.factorize(ident)[0], part=d.groupby(ident).cumcount())


def held(shape: str) -> bool:
    """Return whether a shape is held out (a quarter of them, by a hash that never changes)."""
    return zlib.crc32(str(shape).encode()) % 4 == 0


def thin(d: pd.DataFrame, rng_seed: int = 7, most: int = PER_ENGINE) -> pd.DataFrame:
    """Return at most so many measured times of every engine."""
    rng = np.random.default_rng(rng_seed)
    keep: list[np.ndarray] = []
    for _, x in d.groupby("engine", sort=True):
        ids = np.unique(x["id"].to_numpy())
        keep.append(rng.permutation(ids)[:most] if len(ids) > most else ids)
    return d[d["id"].isin(np.concatenate(keep))]


def spread(e: np.ndarray) -> dict[str, float]:
    """Return standard deviation and quantiles of log errors, rounded."""
    q = np.quantile(e, [0.1, 0.5, 0.9])
    return {
        "sd": round(float(np.std(e)), 4),
        **{k: round(float(v), 4) for k, v in zip(("q10", "q50", "q90"), q, strict=True)},
    }


def rounded(c: dict[str, float]) -> dict[str, float]:
    """Return constants to four digits; those too small to matter are dropped."""
    out = {k: float(f"{v:.4g}") for k, v in c.items()}
    return {k: v for k, v in out.items() if v > LOWEST}


def smooth(d: pd.DataFrame, kind: str, form: str, peak: float, bandwidth: float) -> Curve:
    """Return a curve of constants alone."""
    power = POWER.get(kind, 4.0)
    if kind == "stream":  # rows that beat the memory were served by a cache: they say nothing about its share
        d = d[d["seconds"] > d["bytes"] / bandwidth]
    return Curve(kind, form, **rounded(Samples(thin(d), kind, peak, bandwidth).fit(power)), power=power)


def tabled(d: pd.DataFrame, c: Curve, peak: float, bandwidth: float) -> Curve:
    """Return a curve of constants and a table on top."""
    from fit.grid import Table  # it needs the samples of this module

    return Table(Samples(thin(d), c.kind, peak, bandwidth), c).fit()


def size(e: np.ndarray) -> float:
    """Return the median size of log errors, rounded."""
    return round(float(np.median(np.abs(e))), 4)


def fit(d: pd.DataFrame, kind: str, form: str, peak: float, bandwidth: float) -> dict[str, Any]:
    """Return a curve record of samples: constants, residual over all rows, error on held-out shapes.

    A table is kept where it predicts held-out shapes better than the constants alone.
    """
    d = number(d)
    out = d["shape"].map(held)
    plain = curve = smooth(d, kind, form, peak, bandwidth)
    tested = before = None
    if out.any() and not out.all() and len(d) > 60:
        known, rest = number(d[~out]), Samples(thin(d[out], 11), kind, peak, bandwidth)
        part = smooth(known, kind, form, peak, bandwidth)
        tested = before = size(rest.error(part))
        if kind in GRIDS and known["id"].nunique() >= FEWEST_TABLED:
            wide = size(rest.error(tabled(known, part, peak, bandwidth)))
            if wide < before:
                curve, tested = tabled(d, plain, peak, bandwidth), wide
    e = Samples(thin(d, 11), kind, peak, bandwidth).error(curve)
    return {
        "curve": replace(curve, residual=Residual(**spread(e))),
        "plain": plain,
        "rows": int(d["id"].nunique()),
        "shapes": int(d["shape"].nunique()),
        "median_error": size(e),
        "p90_error": round(float(np.quantile(np.abs(e), 0.9)), 4),
        "held_out_error": tested,
        "held_out_plain": before,
        "engines": sorted({f"{a} {b}".strip() for a, b in zip(d["engine"], d["version"], strict=True)}),
        "sources": sorted(set(d["source"])),
        "samples": d,
    }
