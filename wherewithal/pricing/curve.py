"""How long an operator takes on one rank: a roof with fitted losses, one set of constants per chip, kind and format.

Every kind has the same form. With C the seconds of arithmetic and M the seconds of memory traffic,

    t = launch calls + (C^p + M^p)^(1/p)

    matmul, batched_matmul   C = (flops + d flops/k) / (c peak) + e k         M = bytes / (b bandwidth)
    grouped_matmul           C = skew (flops (1 + d/k) + r 2 E n k) / (c peak) + e k        M = skew_bytes bytes / (b bandwidth)
    attention_prefill        C = (flops + d 4 q h w) / (c peak) + e context
    attention_decode         C = (flops (1 + r/rows)) / (c peak) + e context    M = (bytes + s g pad) / (b bandwidth)
    scan_decode, scan_prefill  C = flops / (c peak) + e tokens
    stream                   C = 0

with c and b the shares of peak and bandwidth (at most 1, so that no operator beats the datasheet), d and r the depth and
the rows that tiles and pipelines add, e a latency per step of the longest chain, pad the bytes that a short sequence
still moves. The form adds losses to a roofline (Williams, Waterman, Patterson 2009, doi 10.1145/1498765.1498785);
its constants come from `catalog/data/curves`, which `tools/fit_curves.py` writes. Where a chip was measured at many sizes,
C is (flops / x) phi / peak with a table phi of effective work over the sizes instead (`wherewithal.pricing.surface`).
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import numpy as np

from wherewithal.errors import InputError
from wherewithal.machine.system import Chip
from wherewithal.model.op import Num, Op, Rows
from wherewithal.pricing.evidence import ANALOG, DATASHEET, MEASURED
from wherewithal.pricing.surface import GRIDS, Surface, effective, probe, rising

LATENT = "attention_latent"
SCANS = ("scan", "scan_decode", "scan_prefill")


@dataclass(frozen=True)
class Residual:
    """Spread of log(predicted / measured): standard deviation and 10%, 50%, 90% quantiles."""

    sd: float
    q10: float
    q50: float
    q90: float


@dataclass(frozen=True)
class Curve:
    """Constants of one kind of operator in one number format.

    Attributes:
        kind, format: what it prices.
        compute_share, memory_share: share of peak and of bandwidth reached by large operators, at most 1.
        launch_s: [s] per launch.
        depth_pad: size added to the depth (matmul: k, attention: context) by filling pipelines.
        row_pad: rows added to each group (grouped: rows per expert, decode: query rows per KV head) by tiles.
        step_s: [s] per unit of the longest chain (matmul: k; attention: context; scan: token of a sequence).
        pad_bytes: [B] that each sequence and KV head of a decode step moves beyond its cache.
        power: p of the form; infinite for a plain maximum.
        balance: [FLOP/B] peak over bandwidth of the chips that constants of a pool come from; 0 where they are own.
        surface: log(effective work / that of the constants above) at the nodes of the kind's grid, in percent, integers
            with spaces between (see `wherewithal.pricing.surface`); empty where the constants are all there is.
        evidence: `measured`, `analog` or `datasheet`.
        residual: spread of the error where it was measured.
        basis: in words, what the constants rest on.
        systems: machines that a pool of few was fitted on; empty where it rests on operator tables.
    """

    kind: str
    format: str
    compute_share: float = 1.0
    memory_share: float = 1.0
    launch_s: float = 0.0
    depth_pad: float = 0.0
    row_pad: float = 0.0
    step_s: float = 0.0
    pad_bytes: float = 0.0
    power: float = 4.0
    balance: float = 0.0
    surface: str = ""
    evidence: str = DATASHEET
    residual: Residual = Residual(0.0, 0.0, 0.0, 0.0)
    basis: str = ""
    systems: tuple[str, ...] = ()


@dataclass(frozen=True)
class CollectiveCurve:
    """Constants of one collective on one tier: t = launch + hops latency + (w + sqrt(w ramp)) / share, w = wire / bandwidth.

    The root is the cost of cutting a message into pieces that fill a pipeline: with pieces of the best size it is
    (sqrt(w) + sqrt(steps latency))^2 (Sanders, Speck, Traeff 2009, doi 10.1016/j.parco.2009.09.001).

    Attributes:
        share_of_bandwidth: share of a tier's bandwidth that a large message reaches; above 1 where a switch reduces or
            copies on the way, so that less is sent than counted.
        latency_s: [s] per hop.
        launch_s: [s] per call.
        ramp_s: [s] message time (at full bandwidth) at which half of the share is reached.
        evidence, residual, basis: as in `Curve`.
    """

    share_of_bandwidth: float
    latency_s: float
    launch_s: float
    ramp_s: float
    evidence: str
    residual: Residual
    basis: str = ""

    def seconds(self, hops: Num, wire: Num, bandwidth: float, latency_s: float) -> Num:
        """Return the time of one level without its launch [s].

        Args:
            hops: latency steps.
            wire: [B] sent by a rank.
            bandwidth: [B/s] of a rank's link.
            latency_s: [s] of the tier as its record says; used where no measurement of a like tier exists.
        """
        each = max(self.latency_s, latency_s) if self.evidence == DATASHEET else self.latency_s
        w = wire * (1.0 / bandwidth)
        return hops * each + (w + np.sqrt(w * self.ramp_s)) * (1.0 / self.share_of_bandwidth)


def compute_seconds(op: Op, c: Curve, peak: float) -> Num:
    """Return C, the seconds of arithmetic with its losses (see the module).

    Args:
        op: the operator; its sizes broadcast.
        c: constants of its kind and format.
        peak: [FLOP/s] of one rank in its format.
    """
    unit = 1.0 / (peak * c.compute_share)
    s = op.sizes
    if op.kind in ("matmul", "batched_matmul"):
        k = s[2]
        return op.flops * (unit + (unit * c.depth_pad) / k) + c.step_s * k
    if op.kind == "grouped_matmul":
        n, k, experts = s[1], s[2], s[3]
        padded = experts * ((2.0 * c.row_pad * unit) * n * k)
        return (op.flops * (unit + (unit * c.depth_pad) / k) + padded) * op.skew + c.step_s * k
    if op.kind == "attention_prefill":
        wide = (4.0 * c.depth_pad * unit) * (s[2] * s[3])
        return op.flops * unit + s[0] * wide + c.step_s * s[1]
    if op.kind in ("attention_decode", LATENT):
        return op.flops * (unit + (unit * c.row_pad) / s[3]) + c.step_s * s[1]
    if op.kind in SCANS:
        return op.flops * unit + c.step_s * s[0]
    return op.flops * unit


def surface_of(c: Curve, peak: float) -> Surface | None:
    """Return the table of effective work of a curve; none where the curve has none.

    Args:
        c: the curve.
        peak: [FLOP/s] of one rank in its format.
    """
    if not c.surface or c.kind not in GRIDS:
        return None
    grid = GRIDS[c.kind]
    percent = np.array(c.surface.split(), dtype=float)
    base, asked = plain_work(c, peak)
    phi = np.maximum(base * np.exp(percent / 100.0), asked).reshape(grid.shape)
    return Surface(c.kind, rising(phi, len(grid.work)))


def plain_work(c: Curve, peak: float) -> tuple[Rows, Rows]:
    """Return the effective work by the constants alone, and the work asked, at the nodes of the kind's grid (flat)."""
    sizes, flops, unit = probe(c.kind)
    asked = flops / unit
    op = Op("probe", c.kind, c.format, flops, 0.0 * flops, sizes)
    return np.maximum(compute_seconds(op, c, peak) * peak / unit, asked), asked


def memory_seconds(op: Op, c: Curve, bandwidth: float) -> Num:
    """Return M, the seconds of memory traffic (see the module).

    Args:
        op: the operator.
        c: constants of its kind and format.
        bandwidth: [B/s] of one rank's memory.
    """
    unit = 1.0 / (bandwidth * c.memory_share)
    if op.kind in ("attention_decode", LATENT):
        return op.bytes * unit + op.sizes[0] * (op.sizes[2] * (c.pad_bytes * unit))
    return op.bytes * op.skew_bytes * unit if op.kind == "grouped_matmul" else op.bytes * unit


def blend(compute: Num, memory: Num, power: float) -> Num:
    """Return (C^p + M^p)^(1/p) for p of 1, 2, 4 or infinity, without a general power."""
    if power == 1.0:
        return compute + memory
    if power == 2.0:
        return np.sqrt(compute * compute + memory * memory)
    if power == 4.0:
        c, m = compute * compute, memory * memory
        return np.sqrt(np.sqrt(c * c + m * m))
    return np.maximum(compute, memory)


class Curves:
    """Every curve of one chip, per rank: its rates divided by its ranks, its constants from the catalog."""

    def __init__(self, chip: Chip, store: Store, engine: str = "") -> None:
        """Keep a chip's rates and where constants are looked up.

        Args:
            chip: the chip; its rates are divided by its ranks.
            store: curves of the catalog.
            engine: engine whose own constants are preferred; empty for the pool of all engines.
        """
        self.chip, self.engine, self._store = chip, engine, store
        self.bandwidth = chip.bandwidth_bytes_per_s / chip.ranks
        self._curves: dict[tuple[str, str], Curve] = {}
        self._collectives: dict[tuple[str, str], CollectiveCurve] = {}
        self._peaks: dict[str, float] = {}
        self._surfaces: dict[tuple[str, str], Surface | None] = {}

    def peak(self, form: str) -> float:
        """Return the peak of one rank in a format [FLOP/s], of the format that it is computed in where not native.

        Raises:
            InputError: where the chip has no peak that fits.
        """
        if form not in self._peaks:
            self._peaks[form] = self.chip.peaks[self.peak_name(form)] / self.chip.ranks
        return self._peaks[form]

    def peak_name(self, form: str) -> str:
        """Return the format under which the chip states the peak that a format is computed at.

        Raises:
            InputError: where the chip has no peak that fits.
        """
        for name in (form, *self._store.computed_in(form)):
            if self.chip.peaks.get(name):
                return name
        raise InputError(self.chip.name, f"no peak rate for {form!r}", "name a format that the chip computes in")

    def curve(self, kind: str, form: str) -> Curve:
        """Return the constants for a kind of operator in a format, with their evidence and residual."""
        key = (kind, form)
        if key not in self._curves:
            self._curves[key] = self._fitting(self._store.find(self.chip.name, kind, form, self.engine))
        return self._curves[key]

    def _fitting(self, c: Curve) -> Curve:
        """Return pooled constants with tiles that fit this chip.

        Kernels pick tiles whose empty rows hide behind the reading of weights. A chip with fewer operations per byte
        than those of the pool hides fewer rows: pad = pad min(1, own balance / the pool's).
        """
        if not (c.balance and c.row_pad):
            return c
        own = self.peak(c.format) / self.bandwidth
        return replace(c, row_pad=c.row_pad * min(1.0, own / c.balance))

    def of(self, op: Op) -> Curve:
        """Return the constants that price an operator."""
        return self.curve(op.kind, op.format)

    def _arithmetic(self, op: Op, c: Curve) -> Num:
        """Return the seconds of arithmetic: by the table of effective work where the curve has one, else by constants."""
        key, peak = (op.kind, op.format), self.peak(op.format)
        if key not in self._surfaces:
            self._surfaces[key] = surface_of(c, peak)
        surface = self._surfaces[key]
        if surface is None:
            return compute_seconds(op, c, peak)
        return effective(op, surface) * (1.0 / peak)

    def evidence(self, op: Op) -> str:
        """Return the evidence of the curve that prices an operator."""
        return self.of(op).evidence

    def seconds(self, op: Op) -> Num:
        """Return the time of one execution of an operator on one rank [s], element-wise; 0 where it has no calls."""
        c = self.of(op)
        busy = blend(self._arithmetic(op, c), memory_seconds(op, c, self.bandwidth), c.power)
        if isinstance(op.calls, np.ndarray):
            return busy * (op.calls > 0) + c.launch_s * op.calls
        return busy + c.launch_s * op.calls if op.calls > 0 else busy * 0.0

    def parts(self, op: Op) -> dict[str, Num]:
        """Return seconds of arithmetic, memory traffic and launches apart; they overlap, so they do not add up."""
        c = self.of(op)
        there: Num = np.where(op.calls > 0, 1.0, 0.0)
        arithmetic: Num = self._arithmetic(op, c) * there
        traffic: Num = memory_seconds(op, c, self.bandwidth) * there
        return {"compute": arithmetic, "memory": traffic, "launch": c.launch_s * op.calls}

    def collective(self, kind: str, tier: str) -> CollectiveCurve:
        """Return the constants of a collective on a tier.

        Args:
            kind: `all_reduce`, `all_gather`, `reduce_scatter`, `all_to_all` or `send`.
            tier: the tier's name in the catalog; `package` between the ranks of one chip.
        """
        key = (kind, tier)
        if key not in self._collectives:
            found = self._store.collective(self.chip.name, kind, tier, self.engine)
            self._collectives[key] = self._store.staged(self.chip, tier, found)
        return self._collectives[key]


_SHARES = (
    "compute_share", "memory_share", "launch_s", "depth_pad", "row_pad", "step_s", "pad_bytes", "power", "balance",
)  # fmt: skip


_COLLECTIVE = ("share_of_bandwidth", "latency_s", "launch_s", "ramp_s")


def _curve(row: Mapping[str, Any], evidence: str, basis: str) -> Curve:
    constants: dict[str, Any] = {k: float(row[k]) for k in _SHARES if k in row}
    r, surface = Residual(**row["residual"]), row.get("surface", "")
    return Curve(row["kind"], row["format"], **constants, surface=surface, evidence=evidence, residual=r, basis=basis)


class Store:
    """The curve files of the catalog, read when first asked for."""

    def __init__(self) -> None:
        """Read the pooled constants and the list of relatives."""
        self._files: dict[str, list[dict[str, Any]]] = {}
        self._pool = _toml("datasheet") or {}
        self._pool["curve"] = [*self._pool.get("curve", ()), *(_toml("blockwise") or {}).get("curve", ())]
        self._relatives = (_toml("relatives") or {}).get("relative", {})
        self._links = _toml("collectives") or {}
        self._staged = _toml("staged") or {}

    def computed_in(self, form: str) -> tuple[str, ...]:
        """Return the formats that a format is computed in where it is not native, first choice first."""
        return tuple(self._pool.get("computed_in", {}).get(form, ()))

    def relatives(self, chip: str) -> list[str]:
        """Return the chips whose constants stand in for a chip's, nearest first."""
        return list(self._relatives.get(chip, {}).get("chips", ()))

    def rows(self, chip: str) -> list[dict[str, Any]]:
        """Return the curves of one chip's file; none where there is no file."""
        if chip not in self._files:
            self._files[chip] = (_toml(chip) or {}).get("curve", [])
        return self._files[chip]

    def _pick(self, chip: str, kind: str, form: str, engine: str) -> dict[str, Any] | None:
        for name in (form, *self._pool.get("same", {}).get(form, ())):
            rows = [r for r in self.rows(chip) if r["kind"] == kind and r["format"] == name]
            own = [r for r in rows if engine and r.get("engine") == engine]
            general = [r for r in rows if not r.get("engine")]
            if own or general:
                return (own or general)[0]
        return None

    def find(self, chip: str, kind: str, form: str, engine: str = "") -> Curve:
        """Return the best curve there is: own, then a relative's, then the same chip's nearest format, then the pool.

        Raises:
            InputError: where not even the pool knows the kind.
        """
        row = self._pick(chip, kind, form, engine)
        if row:
            evidence = row.get("evidence", MEASURED)
            return replace(_curve(row, evidence, row.get("note") or f"fitted on {chip}"), format=form)
        near = self._pool.get("near", {}).get(form, ())
        tries = [(c, form) for c in self.relatives(chip)]
        tries += [(c, f) for f in near for c in (chip, *self.relatives(chip))]
        for name, other in tries:
            row = self._pick(name, kind, other, "")
            if row and row.get("evidence", MEASURED) == MEASURED:
                what = f"{name}, {other}" if other != form else name
                c = _curve(row, ANALOG, f"constants of {what}, scaled by the datasheets")
                return self._wider(c, kind, form, "chip" if other == form else "format")
        for other in (form, *self._pool.get("same", {}).get(form, ()), *near, "bf16"):
            for row in self._pool.get("curve", ()):
                if row["kind"] == kind and row["format"] == other:
                    few = tuple(row.get("systems", ()))
                    basis = f"median of {', '.join(few)}" if few else "median of all measured chips"
                    return replace(_curve(row, DATASHEET, basis), format=form, systems=few)
        raise InputError(chip, f"no curve for the operator kind {kind!r}", "the catalog's curves do not know it")

    def _wider(self, c: Curve, kind: str, form: str, how: str) -> Curve:
        """Return an analog curve with the error that constants of relatives (or of other formats) were found to have."""
        for row in self._pool.get("analog", ()):
            if row["kind"] == kind and row["how"] == how:
                return replace(c, kind=kind, format=form, residual=Residual(**row["residual"]))
        return replace(c, kind=kind, format=form)

    def collective(self, chip: str, kind: str, tier: str, engine: str = "") -> CollectiveCurve:
        """Return a collective's constants: this chip's own tier, a relative's, then the pool's; the engine's own first."""
        place = "scale-out" if tier in self._links.get("scale_out", ()) else "scale-up"
        rows = [r for r in self._links.get("collective", ()) if r["kind"] == kind and r["place"] == place]
        tries = [(name, own) for name in (chip, *self.relatives(chip), "") for own in dict.fromkeys((engine, ""))]
        found = (r for name, own in tries for r in rows if r["chip"] == name and r.get("engine", "") == own)
        for row in found:
            name = row["chip"]
            evidence = DATASHEET if not name else row.get("evidence", MEASURED) if name == chip else ANALOG
            basis = "median of all measured chips" if not name else f"fitted on {name}"
            share, latency, launch, ramp = (float(row[k]) for k in _COLLECTIVE)
            return CollectiveCurve(share, latency, launch, ramp, evidence, Residual(**row["residual"]), basis)
        raise InputError(chip, f"no curve for the collective {kind!r}", "the catalog's curves do not know it")

    def staged(self, chip: Chip, tier: str, c: CollectiveCurve) -> CollectiveCurve:
        """Return a collective's constants with what copies through the host's memory cost, where cards need them."""
        s = self._staged
        if chip.maker not in s.get("makers", ()) or chip.kind not in s["kinds"] or tier not in s["tiers"]:
            return c
        if c.evidence == MEASURED:
            return c
        share, latency = c.share_of_bandwidth * float(s["bandwidth_kept"]), max(c.latency_s, float(s["latency_s"]))
        return replace(
            c, share_of_bandwidth=share, latency_s=latency, basis=f"{c.basis}; copies through the host's memory"
        )


def _toml(name: str) -> dict[str, Any] | None:
    file = resources.files("wherewithal.catalog") / "data" / "curves" / f"{name}.toml"
    if not file.is_file():
        return None
    return tomllib.loads(file.read_text(encoding="utf-8"))


@functools.cache
def _store() -> Store:
    return Store()


def curves_for(chip: Chip, engine: str = "") -> Curves:
    """Return the curves of a chip from the catalog.

    Args:
        chip: the chip.
        engine: engine whose own constants are preferred; empty for the pool of all engines.
    """
    return Curves(chip, _store(), engine)


def engines_measured(chip: str) -> tuple[str, ...]:
    """Return the engines whose operators were measured on a chip (catalog name) and have curves of their own there."""
    return tuple(sorted({r["engine"] for r in _store().rows(chip) if r.get("engine")}))
