"""The verb `validate`: predictions against measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal import table
from wherewithal.app import completion, report_validate
from wherewithal.app import face as faces
from wherewithal.app.face import Face
from wherewithal.app.options import Number, form_options, take_face
from wherewithal.app.progress import Progress
from wherewithal.errors import FileProblems, InputError, unknown_name

if TYPE_CHECKING:
    from wherewithal.measure.judged import Judged
    from wherewithal.measure.validate import Report

_HELP = """\b
Examples:
  wherewithal validate --rows 60 --by source
  wherewithal validate --rows 40 --engine generic --by chip --markdown
"""
# Problems of a file that are said; the rest is counted.
_LISTED = 50


@click.command(epilog=_HELP, short_help="predictions against measurements")
@click.option(
    "--measurements",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Measured rows (.csv or .csv.gz, columns as in docs/accuracy.md). Default: those of the catalog.",
)
@click.option("--by", default="source", metavar="COLUMNS", help="What the summary is split by, with commas: source, chip, model, engine, system, load, serving, evidence. Default: source.")  # fmt: skip
@click.option("--rows", type=Number(1, 1e9, whole=True), metavar="N", help="Draw so many rows at random (--seed).")
@click.option(
    "--engine",
    metavar="NAME",
    shell_complete=completion.engines,
    help="Ask with this engine instead of each row's own.",
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.svg", help="Write predicted against measured.")
@click.option("--force", is_flag=True, help="Let --plot overwrite a file.")
@click.option(
    "--seed", type=Number(0, 2**63 - 1, whole=True), default="0", metavar="N", help="Fixes the draw of --rows."
)
@form_options
def validate(plot: Path | None, force: bool, measurements: Path | None, **values: Any) -> int:
    """Predict what others measured and say how far off the predictions are.

    error = predicted / measured - 1. Where a source does not say which statistic it printed, the mean is predicted,
    the median beside it, and the nearer of the two is scored.
    """
    face = take_face(values)
    from wherewithal.app import plot_scatter
    from wherewithal.measure import rows as measured
    from wherewithal.measure import validate as judging

    if plot is not None:
        plot_scatter.check(plot, force)
    by = _by(values["by"])
    engine = _engine(values["engine"])
    try:
        rows = measured.own() if measurements is None else measured.read(measurements)
    except FileProblems as error:
        return _bad_file(error)
    progress = Progress(face)
    try:
        report = judging.validate(rows, by, most=values["rows"], seed=values["seed"], engine=engine, progress=progress)
    finally:
        progress.close()
    _out(report, face, measurements is not None)
    if plot is not None and report.rows:
        plot_scatter.write(report, plot, force)
        faces.note(f"wrote {plot}", face)
    return 0 if any(not j.predicted.why for j in report.rows) else 1


def _by(text: str) -> tuple[str, ...]:
    """Return the columns of a summary."""
    from wherewithal.measure.score import COLUMNS, MORE

    found = tuple(dict.fromkeys(c.strip() for c in text.split(",") if c.strip()))
    for one in found:
        if one not in (*COLUMNS, *MORE):
            raise unknown_name("--by", "column", one, (*COLUMNS, *MORE), "columns: " + ", ".join((*COLUMNS, *MORE)))
    return found


def _engine(name: str | None) -> str | None:
    """Return an engine's name once it is known to be one, so that a misspelt one is refused before the work."""
    if name is not None:
        from wherewithal.catalog.engine_record import read_engine

        read_engine(name)
    return name


def _bad_file(error: FileProblems) -> int:
    """Say every problem of a measurement file, one a line."""
    for problem in error.problems[:_LISTED]:
        faces.fail(f"{error.file}: {problem}")
    more = len(error.problems) - _LISTED
    if more > 0:
        faces.fail(f"{error.file}: and {more} more")
    return error.exit_code


def _out(report: Report, face: Face, numbered: bool) -> None:
    if not report.rows:
        dropped = "; ".join(f"{n:,} left out: {why}" for why, n in report.left_out.items())
        what = "no row that can be scored" + (f" ({dropped})" if dropped else "")
        raise InputError("--measurements", what, "see docs/accuracy.md for the metrics")
    if face.form == "json":
        document = report.to_dict()
        if numbered:
            left = [{"id": r.id, "row": r.line, "metric": r.metric, "why": why} for r, why in report.skipped]
            document["summary"]["skipped"] = left
        faces.out_json(document)
    elif face.form == "csv":
        faces.out(table.to_csv([_flat(j) for j in report.rows]))
    elif face.form == "markdown":
        faces.out(report_validate.markdown(report, numbered))
    else:
        faces.out(report_validate.text(report, face, numbered))


def _flat(judged: Judged) -> dict[str, Any]:
    """Return a judged row with what it was measured on, for a spreadsheet."""
    r, answer = judged.row, judged.to_dict()
    answer["read_as"] = "; ".join(answer["read_as"])
    names = ("source", "engine", "engine_version", "model", "system", "chip", "chips", "serving", "layout", "load")
    return {"id": answer.pop("id"), **{n: getattr(r, n) for n in names}, "statistic": r.statistic, **answer}
