"""Checking a catalog as a whole: schema, sources, figures against each other, and what is missing."""

from __future__ import annotations

import math
import statistics
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from wherewithal.catalog import check_national, files, frontier_check, load
from wherewithal.catalog.engine_record import EngineRecord, at_version
from wherewithal.catalog.records import ChipRecord, Stated, SystemRecord
from wherewithal.errors import FileProblems, InputError, Problem
from wherewithal.figure import Figure
from wherewithal.units import show

# A peak in half the bits is at least as fast and at most this many times as fast as in the whole.
_FORMAT_STEP = {"fp8": ("bf16", 4.5), "int8": ("bf16", 16.0), "fp4": ("fp8", 4.5), "int4": ("int8", 4.5)}
_SLIP = 8.0  # a figure this far from all its peers is likely a slip of a factor of ten
_PEERS = 4  # peers that a judgement needs


@dataclass
class Report:
    """What was checked and found.

    Attributes:
        files: files read.
        figures: figures read in them.
        problems: (file, problem) that must be mended.
        doubts: (file, problem) that look odd; each may be right.
        missing: (file, problem) for what is not known, with what stands in.
    """

    files: int = 0
    figures: int = 0
    problems: list[tuple[str, Problem]] = field(default_factory=list)
    doubts: list[tuple[str, Problem]] = field(default_factory=list)
    missing: list[tuple[str, Problem]] = field(default_factory=list)

    def rows(self) -> list[dict[str, str]]:
        """Return everything found as rows for a table: how grave, file, path, what, fix."""
        groups = (("problem", self.problems), ("doubt", self.doubts), ("missing", self.missing))
        return [
            {"kind": kind, "file": file, "path": p.path, "what": p.what, "fix": p.fix}
            for kind, group in groups
            for file, p in group
        ]


def check(dirs: load.Dirs = (), only_user: bool = False) -> Report:
    """Return what is wrong, odd or missing in the whole catalog.

    Args:
        dirs: the user's folders, searched first; they are checked too.
        only_user: whether to check the user's folders alone (against the names of the whole catalog).
    """
    report = Report()
    records: dict[str, dict[str, Any]] = {kind: {} for kind in (*load.KINDS, "engines")}
    searched = [*load.folders(dirs)]
    for folder in searched[:-1] if only_user else searched:
        for kind, known in records.items():
            for file, name, record in _records(report, folder, kind):
                known.setdefault(name, (file, record))
        _tables(report, folder)
        report.problems += check_national.problems(folder, check_national.ranges())
    sources = load.table("sources", dirs)
    for kind in ("chips", "systems"):
        for file, record in records[kind].values():
            _sources(report, file, record, sources)
    chips = {n: r for n, (_, r) in records["chips"].items()}
    _peers(report, records["chips"])
    for name, (file, chip) in records["chips"].items():
        _chip(report, file, name, chip, dirs)
    for file, system in records["systems"].values():
        _system(report, file, system, chips, dirs)
    _aliases(report, dirs)
    report.problems += frontier_check.problems(dirs)
    return report


def _records(report: Report, folder: Path | Traversable, kind: str) -> Iterator[tuple[str, str, Any]]:
    """Yield (file, name, record) of a kind in one folder; whatever is wrong goes to the report."""
    inner = folder / kind
    ending, schema = load.KINDS.get(kind, (".toml", EngineRecord))
    for path in sorted(inner.iterdir(), key=lambda p: p.name) if inner.is_dir() else []:
        file = f"{kind}/{path.name}"
        report.files += 1
        if not path.name.endswith(ending):
            report.problems.append((file, Problem("file", f"does not end in {ending}", "it would not be found")))
            continue
        try:
            data = files.read_json(path, file) if ending == ".json" else files.read_toml(path, file)
            if kind == "engines":  # one file holds the versions laid over a common part
                for version in data.get("versions") or {data.get("default", ""): None}:
                    files.validate(schema, at_version(data, version), f"{file} @{version}")
            else:
                yield file, path.name.removesuffix(ending), files.validate(schema, data, file)
        except FileProblems as error:
            report.problems += [(file, problem) for problem in error.problems]
        except InputError as error:
            report.problems.append((file, Problem("file", error.what, error.fix)))


def _tables(report: Report, folder: Path | Traversable) -> None:
    """Read every table of a folder, so that whatever is wrong in it is found."""
    for name, schema in load.TABLES.values():
        path = folder / name
        if not path.is_file():
            continue
        report.files += 1
        try:
            for key, value in files.read_toml(path, name).items():
                files.validate(schema, value, f"{name}: {key}")
        except FileProblems as error:
            report.problems += [(error.file, problem) for problem in error.problems]
        except InputError as error:
            report.problems.append((name, Problem("file", error.what, error.fix)))
    for path in [p for p in folder.iterdir() if p.name.endswith(".toml")] + _curves(folder):
        if path.name not in {name for name, _ in load.TABLES.values()}:  # other rooms know what must stand in these
            report.files += 1
            try:
                tomllib.loads(files.read_text(path, files.JSON_LIMIT))
            except InputError as error:
                report.problems.append((path.name, Problem("file", error.what, error.fix)))
            except ValueError as error:
                report.problems.append((path.name, Problem("file", f"not TOML: {error}", "check the line named")))
    inner = folder / "prices"
    for path in sorted(inner.iterdir(), key=lambda p: p.name) if inner.is_dir() else []:
        report.files += 1
        _price_rows(report, path)


def _curves(folder: Path | Traversable) -> list[Path | Traversable]:
    inner = folder / "curves"
    return [p for p in inner.iterdir() if p.name.endswith(".toml")] if inner.is_dir() else []


def _price_rows(report: Report, path: Path | Traversable) -> None:
    """Check the rows of one price table."""
    file = f"prices/{path.name}"
    for n, row in enumerate(load.read_csv(path), start=2):
        where = f"line {n}"
        try:
            value = float(row["value"])
            low, high = (float(row[k]) if row[k] else value for k in ("low", "high"))
            Figure(value, "1", row["known"], row["source"], low=low, high=high)  # type: ignore[arg-type]
            report.figures += 1
        except (KeyError, ValueError) as error:
            report.problems.append((file, Problem(where, f"{error}", f"columns: {', '.join(price_columns())}")))
            continue
        if value < 0:
            report.problems.append((file, Problem(where, f"{value:g} is negative", "a price is at least 0")))


def price_columns() -> tuple[str, ...]:
    """Return the columns of a price table."""
    return ("item", "name", "what", "place", "date", "value", "low", "high", "unit", "source", "known", "note")


def stated(record: Any, prefix: str = "") -> Iterator[tuple[str, Stated]]:
    """Yield (dotted path, figure) of everything stated in a record."""
    for name, info in type(record).model_fields.items():
        value, path = getattr(record, name), f"{prefix}{info.alias or name}"
        if isinstance(value, Stated):
            yield path, value
        elif hasattr(type(value), "model_fields"):
            yield from stated(value, f"{path}.")
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                if isinstance(inner, Stated):
                    yield f"{path}.{key}", inner
                elif hasattr(type(inner), "model_fields"):
                    yield from stated(inner, f"{path}.{key}.")


def _sources(report: Report, file: str, record: Any, sources: Mapping[str, Any]) -> None:
    """Check that every source key is known; words with a space are a source in themselves."""
    for path, figure in stated(record):
        report.figures += 1
        if figure.from_ not in sources and " " not in figure.from_:
            report.problems.append(
                (
                    file,
                    Problem(
                        f"{path}.from", f'no source "{figure.from_}"', "add it to sources.toml, or say it in words"
                    ),
                )
            )


def _value(record: Any, name: str) -> float | None:
    figure = getattr(record, name)
    return figure.figure.value if figure else None


def _peers(report: Report, chips: Mapping[str, tuple[str, ChipRecord]]) -> None:
    """Doubt a figure that lies far from all chips of its class, in a ratio where slips show."""
    ratios = {
        "bandwidth": ("bandwidth over memory", "bandwidth", "memory"),
        "power": ("bandwidth over power", "bandwidth", "power"),
    }
    for path, (text, top, bottom) in ratios.items():
        groups: dict[str, list[tuple[str, float]]] = {}
        for file, chip in chips.values():
            above, below = _value(chip, top), _value(chip, bottom)
            if above and below and "SRAM" not in chip.memory_type:
                groups.setdefault(chip.kind, []).append((file, above / below))
        for kind, members in groups.items():
            middle = statistics.median(ratio for _, ratio in members)
            for file, ratio in members if len(members) >= _PEERS else []:
                off = max(ratio / middle, middle / ratio)
                if off > _SLIP:
                    what = f"{text} is {off:.0f} times away from the median {kind}"
                    report.doubts.append((file, Problem(path, what, "check for a slip of a factor of ten")))


def _chip(report: Report, file: str, name: str, chip: ChipRecord, dirs: load.Dirs) -> None:
    """Check a chip's figures against each other; say what is missing."""
    peaks = {key: figure.figure.value for key, figure in chip.peak.items()}
    for key, (base, most) in _FORMAT_STEP.items():
        below = peaks.get(base) or (peaks.get("fp16") if base == "bf16" else None)
        if key in peaks and below and not 0.99 * below <= peaks[key] <= most * below:
            what = f"{show(peaks[key], 'flops_per_s')} against {show(below, 'flops_per_s')} in {base}"
            report.doubts.append((file, Problem(f"peak.{key}", what, f"usually 1 to {most:g} times")))
    memory, nominal = _value(chip, "memory"), _value(chip, "memory_nominal")
    if memory and nominal and memory > nominal * 1.01:
        what = f"{show(memory, 'bytes', 4)} is more than the nominal {show(nominal, 'bytes', 4)}"
        report.problems.append((file, Problem("memory", what, "usable memory is at most the stacks'")))
    for field_name, text in (("memory", "not usable yet"), ("bandwidth", "not usable yet")):
        if getattr(chip, field_name) is None:
            report.missing.append((file, Problem(field_name, "not known", f"{text}; --set chip.{field_name}=...")))
    if not {"bf16", "fp16", "fp8"} & set(peaks):
        report.missing.append((file, Problem("peak.bf16", "not known", "not usable yet; --set chip.peak.bf16=...")))
    elif not {"bf16", "fp16"} & set(peaks):
        report.missing.append((file, Problem("peak.bf16", "not known", "half the fp8 peak stands in")))
    if chip.power is None:
        report.missing.append(
            (file, Problem("power", "not known", "the system's power stands in; where none, answers have no power"))
        )
    usual = chip.usual_system
    if usual and not load.find("systems", usual, dirs):
        report.problems.append(
            (file, Problem("usual_system", f'no system "{usual}"', "name one of the catalog, or leave it out"))
        )
    elif usual and load.raw("systems", usual, dirs).get("chip") != name:
        held = load.raw("systems", usual, dirs).get("chip")
        report.problems.append(
            (file, Problem("usual_system", f'"{usual}" holds {held}', "name a system that holds this chip"))
        )


def _system(report: Report, file: str, system: SystemRecord, chips: Mapping[str, ChipRecord], dirs: load.Dirs) -> None:
    """Check a system's tiers and power; say what is missing."""
    if isinstance(system.chip, str) and not load.find("chips", system.chip, dirs):
        report.problems.append((file, Problem("chip", f'no chip "{system.chip}"', "wherewithal catalog list chips")))
    chip = system.chip if isinstance(system.chip, ChipRecord) else chips.get(system.chip)
    before: tuple[str, float] = ("", math.inf)
    for name, tier in system.tiers.items():
        bandwidth, latency = tier.bandwidth.figure.value, tier.latency.figure.value
        if bandwidth > before[1] * 1.001:
            what = f"{show(bandwidth, 'bytes_per_s')} is faster than {before[0]} inside it, {show(before[1], 'bytes_per_s')}"
            report.doubts.append((file, Problem(f"tiers.{name}.bandwidth", what, "an outer tier is usually slower")))
        if not 1e-7 <= latency <= 1e-3:
            report.doubts.append((file, Problem(f"tiers.{name}.latency", show(latency, "s"), "usually 0.1 us to 1 ms")))
        before = (name, bandwidth)
    node = system.node.figure.value
    if chip and chip.power and system.power:
        ratio = system.power.figure.value / node / chip.power.figure.value
        if not 0.9 <= ratio <= 4:
            what = f"{ratio:.2f} times the power of its {node:.0f} chips"
            report.doubts.append((file, Problem("power", what, "usually 1 to 4; is it of as many chips as `node`?")))
    if system.power is None:
        known = chip is not None and chip.power is not None
        share = load.default("host_power_share", dirs).value
        fix = f"its chips' power and {share:.0%} stand in" if known else "answers have no power"
        report.missing.append((file, Problem("power", "not known", fix)))


def _aliases(report: Report, dirs: load.Dirs) -> None:
    """Check that every alias of a chip, system or model points to an entry."""
    for kind in ("chips", "systems", "models"):  # engines are named in measurements beyond those with a file
        known = set(load.names(kind, dirs)) | (set(load.names("checkpoints", dirs)) if kind == "models" else set())
        for alias in load.aliases(kind, dirs):
            if alias.name and alias.name not in known:
                what = f'{kind.removesuffix("s")} "{alias.name}" of alias "{alias.alias}" has no entry'
                report.problems.append(
                    ("aliases.csv", Problem(alias.alias, what, "point it to an entry, or leave it empty"))
                )


def check_file(kind: str, path: Path, dirs: load.Dirs = ()) -> tuple[str, list[Problem]]:
    """Return (name, problems) of one file of a kind, before it is added: schema, sources, figures against each other.

    Raises:
        InputError: it cannot be read at all.
    """
    kind = load.plural(kind)
    if kind not in load.KINDS:
        raise InputError(kind, "these stand together in one file", "add a row to the file of that name in your folder")
    ending, schema = load.KINDS[kind]
    name = path.name.removesuffix(ending)
    if not path.name.endswith(ending):
        raise InputError(str(path), f"does not end in {ending}", f"{kind} are {ending} files")
    data = files.read_json(path) if ending == ".json" else files.read_toml(path)
    record = files.validate(schema, data, path.name)
    report = Report()
    if kind in ("chips", "systems"):
        _sources(report, path.name, record, load.table("sources", dirs))
    if isinstance(record, ChipRecord):
        _chip(report, path.name, name, record, dirs)
    if isinstance(record, SystemRecord):
        inside = record.chip
        held = (
            {} if isinstance(inside, ChipRecord) or not load.find("chips", inside, dirs) else _chip_named(inside, dirs)
        )
        _system(report, path.name, record, held, dirs)
    return name, [problem for _, problem in report.problems]


def _chip_named(name: str, dirs: load.Dirs) -> dict[str, ChipRecord]:
    return {name: load.record("chips", name, dirs)}
