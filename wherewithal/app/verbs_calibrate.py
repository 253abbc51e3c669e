"""The verb `calibrate`: probes and measured runs back into the predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal import table
from wherewithal.app import completion
from wherewithal.app import face as faces
from wherewithal.app.face import Face
from wherewithal.app.options import Quantity, form_options, take_face
from wherewithal.app.text import clean
from wherewithal.errors import FileProblems, InputError

if TYPE_CHECKING:
    from wherewithal.measure.calibrate.fold import Moved, Report
    from wherewithal.measure.probe.file import Probe
    from wherewithal.measure.rows import Row

_HELP = """\b
Examples:
  wherewithal calibrate --help
  (after `wherewithal probe -o probe.json`: wherewithal calibrate probe.json)
  (after `wherewithal measure URL --measurements runs.csv`: wherewithal calibrate probe.json runs.csv)
"""
_LISTED = 20


@click.command(epilog=_HELP, short_help="probes and measurements back into the predictions")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--chip", metavar="NAME", help="Catalog name of the chip. Default: by the probe's device; a new one is made for it.")  # fmt: skip
@click.option("--model", metavar="MODEL", help="What the runs served, where their file does not say it in the catalog's names.")  # fmt: skip
@click.option("--on", "on", metavar="SYSTEM[:N]", help="What they ran on, where their file does not say.")
@click.option("--engine", metavar="NAME", shell_complete=completion.engines, help="What served them, where their file does not say.")  # fmt: skip
@click.option("--layout", default="", metavar="LAYOUT", help='How it was split, such as "tp8", where not said.')
@click.option("--input-tokens", type=Quantity("tokens", "TOKENS"), metavar="N", help="Where a file does not say.")
@click.option("--output-tokens", type=Quantity("tokens", "TOKENS"), metavar="N", help="Where a file does not say.")
@click.option("--to", type=click.Path(path_type=Path), metavar="DIR", help="Catalog folder to write to. Default: your own (catalog where).")  # fmt: skip
@click.option("--catalog", "catalog_dirs", multiple=True, metavar="DIR", help="A folder of your own additions, searched first.")  # fmt: skip
@form_options
def calibrate(files: tuple[Path, ...], to: Path | None, catalog_dirs: tuple[str, ...], **values: Any) -> int:
    """Fold probes and measured runs into your own catalog, and say what moved.

    FILES are what `probe` and `measure` wrote (JSON, CSV), or JSON of other benches (docs/calibrate.md lists them). Curves of
    a probed chip and an engine's constants there are fitted, judged on what was left out, and
    written where they help; what they take the place of is kept under history/.
    """
    face = take_face(values)
    from wherewithal.catalog.load import user_folder
    from wherewithal.measure.calibrate import fold

    try:
        probes, measured = _read(files, values)
        report = fold.calibrate(
            probes, measured, chip=values["chip"], engine=values["engine"], folder=to or user_folder(),
            dirs=tuple(Path(d) for d in catalog_dirs), tell=lambda text: faces.note(f"calibrating {text} ...", face),
        )  # fmt: skip
    except FileProblems as error:
        for problem in error.problems[:_LISTED]:
            faces.fail(f"{error.file}: {problem}")
        if len(error.problems) > _LISTED:
            faces.fail(f"{error.file}: and {len(error.problems) - _LISTED} more")
        return error.exit_code
    _out(report, face)
    return 0


def _read(files: Sequence[Path], values: dict[str, Any]) -> tuple[list[Probe], list[Row]]:
    """Return the probes and the measured rows of files, told apart by what is in them."""
    from wherewithal.machine.load import parse_on
    from wherewithal.measure import rows
    from wherewithal.measure.calibrate import bench
    from wherewithal.measure.probe import file as probes

    system, chips = "", 1.0
    if values["on"]:
        (_, system, said), *more = parse_on(values["on"])
        if more:
            raise InputError("--on", "several systems", "one SYSTEM[:N]")
        chips = float(said or 1)
    told = bench.Told(
        values["model"] or "", system, chips, values["engine"] or "", values["layout"], values["input_tokens"],
        values["output_tokens"],
    )  # fmt: skip
    found: list[Probe] = []
    measured: list[Row] = []
    for path in files:
        if path.name.endswith(rows.ENDINGS):
            measured += rows.read(path)
        elif _is_probe(path):
            found.append(probes.read(path))
        else:
            measured += bench.read(path, told)
    return found, measured


def _is_probe(path: Path) -> bool:
    """Return whether a file says near its start that it is a probe."""
    from wherewithal.catalog import files
    from wherewithal.measure.probe.file import FORMAT

    return f'"{FORMAT}"' in files.read_text(path, files.CSV_LIMIT)[:4096]


def _out(report: Report, face: Face) -> None:
    from wherewithal.measure.calibrate.fold import to_dict

    if face.form == "json":
        faces.out_json(to_dict(report))
    elif face.form in ("csv", "markdown"):
        rows = [_flat(m) for m in report.moved]
        faces.out((table.to_csv if face.form == "csv" else table.to_markdown)(rows))
    else:
        faces.out("\n".join(_text(report)))


def _flat(m: Moved) -> dict[str, Any]:
    return {"what": m.what, "unit": m.unit, "before": m.before, "after": m.after, "ratio": m.ratio}


def _text(report: Report) -> list[str]:
    """Return the answer: what it is now good for, what moved, how far off runs were and are, what was written."""
    where = "a new chip of your own catalog" if report.new else "in the catalog"
    lines = [f"Calibrated: {clean(report.chip)}, {where}; {len(report.moved)} figures moved.", ""]
    for m in report.moved:
        change = f"{m.ratio - 1:+.0%}" if m.ratio is not None else "new"
        lines.append(
            f"  {clean(m.what):58} {_shown(m.before, m.unit):>10} -> {_shown(m.after, m.unit):>10}  {change:>7}"
        )
    j = report.judged
    if j is not None:
        lines += ["", f"  {j.rows} measured figures of {j.runs} runs; median error", f"  {'':32} before  runs left out  all in the fit"]  # fmt: skip
        for name, was in j.before.items():
            lines.append(f"  {name:32} {was:6.1%} {j.left_out[name]:14.1%} {j.after[name]:15.1%}")
    lines += [""] + [f"  note: {clean(n)}" for n in report.notes]
    lines += [f"  wrote {clean(p)}" for p in report.written] or ["  nothing was written"]
    lines.append(f"  next: wherewithal plan MODEL --on {clean(report.chip)}")
    return lines


def _shown(value: float | None, unit: str) -> str:
    from wherewithal.units import number, show

    if value is None:
        return "-"
    return show(value, "s") if unit == "s" else number(value, 3)
