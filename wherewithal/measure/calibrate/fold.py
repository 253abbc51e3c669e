"""Probes and measured runs in; curves, host times and intervals out, into a catalog folder of the user's."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wherewithal.catalog import load as catalog
from wherewithal.catalog.records import NAME
from wherewithal.errors import FileProblems, InputError
from wherewithal.machine.load import system
from wherewithal.measure.calibrate import fit, operators, physics, runs, write
from wherewithal.measure.probe.file import Probe
from wherewithal.measure.rows import Row
from wherewithal.model.op import Op
from wherewithal.plan.calibrated import HOST
from wherewithal.pricing.curve import curves_for
from wherewithal.pricing.curve_files import BandRecord, ChipCurves, CurveRecord
from wherewithal.pricing.formats import priced_as
from wherewithal.pricing.intervals import LEVELS

Tell = Callable[[str], None]
WARM = "warm"
SOURCE = "wherewithal probe"


@dataclass(frozen=True)
class Moved:
    """One figure that a calibration changed: what, before and after in its unit, and the ratio of both."""

    what: str
    unit: str
    before: float | None
    after: float

    @property
    def ratio(self) -> float | None:
        """After over before; None where there was nothing, or nothing but zero, before."""
        return self.after / self.before if self.before else None


@dataclass(frozen=True)
class Report:
    """What a calibration did.

    Attributes:
        chip: catalog name that `--on` takes.
        new: whether no table knew this chip.
        moved: figures that changed.
        judged: how far predictions of the runs are off, before and after; None without runs.
        written: files.
        notes: what was left out, and why.
    """

    chip: str
    new: bool
    moved: tuple[Moved, ...] = ()
    judged: runs.Judged | None = None
    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = field(default=())


def slug(name: str, threads: int | None) -> str:
    """Return a catalog name for a device that no table knows: its own name in lower case, with its threads."""
    plain = re.sub(r"\((r|tm)\)|\bcpu\b|\bprocessor\b|@.*$", " ", name.lower())
    plain = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "device"
    return f"{plain}-{threads}t" if threads else plain


def chip_of(probe: Probe, asked: str | None, dirs: catalog.Dirs = ()) -> tuple[str, bool]:
    """Return the catalog name of a probed chip, and whether the catalog knows it.

    Args:
        probe: as read.
        asked: name given by the user; None to go by the device's.
        dirs: catalog folders.

    A processor probed with some of its threads is no chip of the catalog: it gets a name of its own.
    """
    name = asked
    if name is None and probe.device.threads is None:
        found = catalog.alias("chips", probe.device.name, dirs)
        name = found.name if found and found.relation == "exact" else None
    name = name or slug(probe.device.name, probe.device.threads)
    if not re.match(NAME, name):
        raise InputError("--chip", f"{name[:40]!r} is no name", "lower-case letters, digits and dashes")
    there = catalog.find("chips", name, dirs) is not None
    # A chip file that an earlier probe made holds what that probe reached, which is no limit to this one.
    return name, there and not str(catalog.raw("chips", name, dirs)["bandwidth"]["from"]).startswith(SOURCE)


def probed(probes: Sequence[Probe], name: str, known: bool, folder: Path, dirs: catalog.Dirs) -> tuple[
    list[CurveRecord], list[Moved], list[Path], list[str]
]:  # fmt: skip
    """Fit the curves of a probed chip; write the chip's own files where no table knows it.

    Args:
        probes: of one chip.
        name: the chip's.
        known: whether the catalog has it.
        folder: where to write.
        dirs: catalog folders.

    Raises:
        FileProblems: every operator that is impossible.
        InputError: too little was measured.
    """
    rows = [r for p in probes for r in p.operators]
    samples = operators.samples(rows)
    cached = frozenset(at for at, r in enumerate(rows, 1) if WARM in r.note)
    peaks, bandwidth = _roofs(name, dirs) if known else ({}, None)
    wrong = physics.problems(samples, peaks, bandwidth, cached)
    if wrong:
        raise FileProblems("probe", wrong)
    written = []
    if not known:
        written = _new_chip(probes[0], name, samples, cached, folder)
        dirs = (folder, *dirs)
    chip = system(name, None, dirs=dirs).chip
    before, source = curves_for(chip, dirs=dirs), f"probe {probes[0].date}, {probes[0].backend}"
    records, moved, notes = [], [], []
    for sample in samples:
        kind, form = sample.op.kind, sample.op.format
        if kind == operators.MEMORY_KIND:
            continue
        own = any(c.kind == kind and c.format == form for file in before.calibrated for c in file.curve)
        was = priced_as(form, chip) if "matmul" in kind and not own else form
        peak = before.peak(was)
        best = fit.fit(_uncached(sample, cached), peak, before.bandwidth)
        if best is None:
            notes.append(f"{kind} {form}: measured {len(sample.seconds)} times, at least {fit.FEWEST} are needed")
            continue
        records.append(
            runs.record(
                best.curve, form, evidence="measured", rows=best.rows, shapes=best.shapes, source=source,
                median_error=best.median_error, held_out_error=best.held_out_error, note="",
            )
        )  # fmt: skip
        old = before.seconds(sample.op._replace(format=was))
        new = fit.seconds(sample.op, best.curve, peak, before.bandwidth)
        shift = float(np.exp(np.median(np.log(new / old))))
        moved.append(
            Moved(
                f"{kind} {form}: time of the operators probed",
                "s",
                float(np.median(new)) / shift,
                float(np.median(new)),
            )
        )
    return records, moved, written, notes


def _uncached(sample: operators.Sample, cached: frozenset[int]) -> operators.Sample:
    """Return a stream without rows that a cache served; what else was warm stays where nothing cold is there."""
    keep = np.array([row not in cached for row in sample.rows])
    if not keep.any() or keep.all():
        return sample
    cut: Callable[[Any], Any] = lambda v: np.broadcast_to(v, keep.shape)[keep]
    op: Op = sample.op
    op = op._replace(flops=cut(op.flops), bytes=cut(op.bytes), sizes=tuple(cut(s) for s in op.sizes))
    rows = tuple(r for r, k in zip(sample.rows, keep, strict=True) if k)
    return operators.Sample(
        op, sample.seconds[keep], rows, tuple(n for n, k in zip(sample.notes, keep, strict=True) if k)
    )


def _roofs(name: str, dirs: catalog.Dirs) -> tuple[Mapping[str, float], float | None]:
    chip = system(name, None, dirs=dirs).chip
    return {f: p / chip.ranks for f, p in chip.peaks.items()}, chip.bandwidth_bytes_per_s / chip.ranks


def _new_chip(
    probe: Probe, name: str, samples: Sequence[operators.Sample], cached: frozenset[int], folder: Path
) -> list[Path]:
    """Write a chip's and a system's file from the highest rates that a probe reached."""
    rates = [
        (s.op.format, float(np.max(np.broadcast_to(s.op.flops, s.seconds.shape) / s.seconds)))
        for s in samples
        if s.op.kind not in ("stream", operators.MEMORY_KIND)
    ]
    streams = [_uncached(s, cached) for s in samples if s.op.kind == operators.MEMORY_KIND]
    if not rates or not streams:
        raise InputError("probe", "has no matrix products, or no memory stream", "probe again with more --minutes")
    # The largest stream is the one that no cache holds.
    bandwidth = max(float(s.op.bytes[i] / s.seconds[i]) for s in streams for i in [int(np.argmax(s.op.bytes))])  # type: ignore[index]
    memory = probe.device.memory_bytes
    if not memory:
        raise InputError("probe", "does not say how much memory the device has", "probe on a system that tells it")
    source = f"{SOURCE}, {probe.date}"

    def figure(text: str, note: str = "") -> dict[str, str]:
        return {"is": text, "known": "derived", "from": source, **({"note": note} if note else {})}

    threads = f", {probe.device.threads} threads" if probe.device.threads else ""
    highest = max(rate for _, rate in rates)
    chip = {
        "label": f"{probe.device.name}{threads}"[:80], "maker": probe.device.maker or "unknown", "country": "ZZ",
        "class": "cpu" if probe.device.kind == "cpu" else "accelerator", "usual_system": f"{name}-1",
        "as_of": probe.date, "note": "peak and bandwidth are the highest rates that a probe reached",
        "ranks": figure("1"), "memory": figure(f"{int(memory)} B"), "bandwidth": figure(f"{bandwidth:.6g} B/s"),
        "peak": {"bf16": figure(f"{highest:.6g} FLOP/s", "fastest operator of any format")},
    }  # fmt: skip
    whole = {"label": chip["label"], "chip": name, "as_of": probe.date, "node": figure("1")}
    return [
        write.put(folder, "chips", name, write.toml(chip)),
        write.put(folder, "systems", f"{name}-1", write.toml(whole)),
    ]


def calibrate(
    probes: Sequence[Probe], measured: Sequence[Row], *, chip: str | None, engine: str | None, folder: Path,
    dirs: tuple[Path, ...] = (), tell: Tell = lambda _: None,
) -> Report:  # fmt: skip
    """Fold probes and runs into a catalog folder.

    Args:
        probes: of one chip; may be empty.
        measured: runs on it; may be empty.
        chip: its name; None to go by the probe's device, or by the rows.
        engine: that served the runs; None to go by the rows.
        folder: where to write.
        dirs: other catalog folders, searched first.
        tell: called with what is being done.

    Raises:
        InputError: nothing to go by, or rows of several chips.
        FileProblems: impossible figures.
    """
    if not probes and not measured:
        raise InputError("calibrate", "no probe and no measured run", "give files of probe, measure or another bench")
    today = dt.datetime.now(dt.UTC).date().isoformat()
    reach = tuple(dict.fromkeys((*dirs, *([folder] if folder.is_dir() else []))))
    records: list[CurveRecord] = []
    moved: list[Moved] = []
    written: list[Path] = []
    notes: list[str] = [f"probe of {p.device.name} is not complete" for p in probes if not p.complete]
    name, known = "", True
    if probes:
        names = {chip_of(p, chip, reach) for p in probes}
        if len(names) > 1:
            raise InputError(
                "calibrate", f"probes of {', '.join(sorted(n for n, _ in names))}", "one chip at a time, or --chip"
            )
        name, known = names.pop()
        tell(f"curves of {name}")
        records, moved, written, more = probed(probes, name, known, folder, reach)
        notes += more
        whole = _merged(reach, name, ChipCurves(chip=name, date=today, curve=tuple(records)), notes)
        written.append(write.curves(folder, whole))
        reach = tuple(dict.fromkeys((*reach, folder)))
    judged = None
    if measured:
        by = engine or _engine(measured)
        tell(f"{len(measured)} measured figures with {by}")
        name, judged, more_moved, path, more = _runs(measured, by, name, records, folder, reach, today)
        moved, notes = [*moved, *more_moved], [*notes, *more]
        written += path
    return Report(name, not known, tuple(moved), judged, tuple(dict.fromkeys(written)), tuple(notes))


def _engine(measured: Sequence[Row]) -> str:
    named = sorted({r.engine for r in measured})
    if len(named) != 1 or not named[0]:
        raise InputError(
            "--engine", f"rows of {', '.join(n or '?' for n in named)}", "one engine at a time: --engine NAME"
        )
    return named[0]


def _merged(dirs: tuple[Path, ...], name: str, new: ChipCurves, notes: list[str]) -> ChipCurves:
    """Return a chip's curve file with what an older one of the user's holds and the new one does not replace.

    Constants that runs gave an engine rest on the curves of their time: where these are measured anew, they go.
    """
    known = catalog.find("chips", name, dirs) is not None
    old = curves_for(system(name, None, dirs=dirs).chip, dirs=dirs).calibrated[:1] if known else []
    if not old:
        return new
    probed_anew = any(not c.engine for c in new.curve)
    gone = {h.engine for h in old[0].host} | {c.engine for c in old[0].curve if c.engine} if probed_anew else set()
    if gone:
        named = ", ".join(sorted(gone))
        notes.append(f"constants of {named} rested on older curves and are gone: calibrate with its runs again")
    fresh = {(c.kind, c.format, c.engine) for c in new.curve}
    replaced = gone | {h.engine for h in new.host}
    changed = {
        "curve": (
            *new.curve,
            *(c for c in old[0].curve if (c.kind, c.format, c.engine) not in fresh and c.engine not in gone),
        ),
        "host": (*new.host, *(h for h in old[0].host if h.engine not in replaced)),
        "band": (*new.band, *(b for b in old[0].band if b.engine not in replaced)),
    }
    return new.model_copy(update=changed)


def _runs(
    measured: Sequence[Row], by: str, name: str, records: Sequence[CurveRecord], folder: Path, dirs: tuple[Path, ...],
    today: str,
) -> tuple[str, runs.Judged | None, list[Moved], list[Path], list[str]]:  # fmt: skip
    """Fit constants on runs and write them where they help on runs that were left out."""
    bench = runs.Bench(measured, by, records, dirs)
    notes = [f"{bench.skipped} measured figures cannot be predicted and were left out"] if bench.skipped else []
    if not bench.rows:
        raise InputError(
            "calibrate",
            "none of the measured rows can be predicted",
            "wherewithal validate --measurements FILE says why",
        )
    if name and bench.chip != name:
        raise InputError("calibrate", f"runs on {bench.chip}, a probe of {name}", "files of one chip, or --chip")
    constants, judged, left_out = runs.judge(bench)
    if not judged.kept:
        notes.append("the runs' own constants predict runs that were left out no better than before: not written")
        return bench.chip, judged, [], [], notes
    source = f"{len(bench.rows)} measured figures of {judged.runs} runs, {today}"
    file = bench.file(constants, source, today, len(bench.rows))
    curves = tuple(c.model_copy(update={"evidence": "measured", "note": source}) for c in file.curve)
    file = file.model_copy(update={"curve": curves, "band": tuple(_bands(bench, left_out, by, source))})
    engine = by.partition("@")[0]
    moved = [
        Moved(
            f"{engine} {key.removesuffix('_s').replace('_', ' ')}",
            "s",
            getattr(bench.start, key),
            getattr(constants, key),
        )
        for key in HOST
        if getattr(bench.start, key) != getattr(constants, key)
    ]
    moved += [
        Moved(f"{engine} {key}: time over that of the curves", "1", 1.0, getattr(constants, key))
        for key in runs.FACTORS
    ]
    return bench.chip, judged, moved, [write.curves(folder, _merged(dirs, bench.chip, file, notes))], notes


def _bands(bench: runs.Bench, predicted: Any, by: str, source: str) -> list[BandRecord]:
    """Return the residuals ln(measured / predicted) of each figure as quantiles, of runs that were left out."""
    found = []
    names = {"ttft_s": "ttft_s", "tpot_s": "tpot_s", "input_tokens_per_s_per_chip": "input_tokens_per_s"}
    of = np.array([r.metric for r in bench.rows])
    count = {m: len({r.run for r in bench.rows if r.metric == m}) for m in names}
    for metric, figure in names.items():
        residual = np.log(bench.measured[of == metric] / predicted[of == metric])
        if len(residual):
            quantiles = tuple(round(float(q), 4) for q in np.quantile(residual, LEVELS))
            found.append(
                BandRecord(
                    figure=figure,
                    engine=by.partition("@")[0],
                    quantiles=quantiles,
                    rows=len(residual),
                    blocks=count[metric],
                    source=source,
                )
            )
    return found


def to_dict(report: Report) -> dict[str, Any]:
    """Return a report as JSON-ready data."""
    return {
        "chip": report.chip, "new": report.new,
        "moved": [{**asdict(m), "ratio": m.ratio if m.ratio and math.isfinite(m.ratio) else None} for m in report.moved],
        "judged": asdict(report.judged) if report.judged else None,
        "written": [f"{p.parent.name}/{p.name}" for p in report.written], "notes": list(report.notes),
    }  # fmt: skip
