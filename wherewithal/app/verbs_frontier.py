"""The verb `frontier`: who leads in model quality, by how much and since when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal import table
from wherewithal.app import completion
from wherewithal.app import face as faces
from wherewithal.app.charts import files, specs
from wherewithal.app.options import Number, form_options, precision_of, take_face
from wherewithal.app.progress import Progress
from wherewithal.errors import InputError

if TYPE_CHECKING:
    from wherewithal.app.face import Face
    from wherewithal.frontier.frontier import Ask, Frontier

_HELP = """\b
Examples:
  wherewithal frontier --by country --open
  wherewithal frontier --by openness --index eci --outlook --backtest 2025-03-31
  wherewithal frontier --open --on h20-8
  wherewithal frontier --open --on rtx-4090-1 --precision weights=int4
"""


@click.command(epilog=_HELP, short_help="who leads in model quality, by how much and since when")
@click.option("--index", metavar="NAME", help="One index in detail. Default: all, the first in detail.")
@click.option(
    "--by",
    default="country",
    metavar="WHAT",
    help="What is set side by side: country, base (of tuned models), openness, maker. Default: country.",
)
@click.option("--open", "only_open", is_flag=True, help="Only models whose weights can be had.")
@click.option(
    "--on",
    "--runs-on",
    "on",
    metavar="SYSTEM[:CHIPS]",
    shell_complete=completion.systems,
    help="The best model of the catalog that runs there, through plan.",
)
@click.option("--slo", default="", metavar="SLO", help="For --on: what it must meet, such as ttft=2s,tpot=50ms.")
@click.option("--precision", default="", metavar="P", help="For --on: weights=int4 and such. Default: the model's own.")
@click.option("--since", metavar="DATE", help="Leave out of lists what was before, such as 2025-01.")
@click.option("--outlook", is_flag=True, help="Twelve months ahead by the trend, in bands.")
@click.option("--backtest", metavar="DATE", help="Freeze the outlook at a day and score it against no change.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write records over time: .svg, .png, .pdf or .json.",
)
@click.option("--force", is_flag=True, help="Let --plot overwrite a file.")
@click.option(
    "--catalog", "catalog_dirs", multiple=True, metavar="DIR", help="A folder of your own additions, searched first."
)
@click.option("--seed", type=Number(0, 2**63 - 1, whole=True), default="0", metavar="N", help="Fixes all randomness.")
@form_options
def frontier(plot: Path | None, force: bool, **values: Any) -> int:
    """Who leads in model quality: gaps in months and points, leaders, days on which the lead changed.

    Each index is read on its own scale and vintage. Intervals come from the scores' published errors; an index that
    publishes none gets none.
    """
    face = take_face(values)
    from wherewithal.frontier import frontier as front

    if plot is not None:
        files.check(plot, force)
    asked = _asked(values)
    progress = Progress(face)
    try:
        answer = front.run(asked, progress)
    finally:
        progress.close()
    _out(answer, face)
    if plot is not None:
        found = specs("frontier", answer.to_dict())
        if "records" not in found:
            raise InputError("--plot", "no record to draw", "leave out --since or choose another --index")
        files.write(found["records"], plot, force)
        faces.note(f"wrote {plot}", face)
    return 1 if answer.runs is not None and answer.runs.best is None else 0


def _asked(values: dict[str, Any]) -> Ask:
    """Return the question that the options ask."""
    from wherewithal.ask import Question
    from wherewithal.frontier.frontier import Ask
    from wherewithal.frontier.scores import index, ordinal

    dirs = tuple(Path(d) for d in values["catalog_dirs"])
    if values["on"] is None:
        for name in ("slo", "precision"):
            if values[name]:
                raise InputError(f"--{name}", "given without --on", "add --on SYSTEM, or leave it out")
    if (values["outlook"] or values["backtest"]) and values["index"] is not None:
        which = index(values["index"], dirs)
        if which.boards:
            option = "--outlook" if values["outlook"] else "--backtest"
            raise InputError(option, f"{which.name}: each board is a scale of its own", "choose another --index")
    days = {n: ordinal(values[n], f"--{n}") if values[n] is not None else None for n in ("since", "backtest")}
    question = None
    if values["on"] is not None:
        question = replace(
            Question("", values["on"]),
            slo=values["slo"],
            precision=precision_of(values["precision"]),
            catalog_dirs=dirs,
            seed=values["seed"],
        )
    return Ask(
        index=values["index"],
        by=values["by"],
        only_open=values["only_open"],
        since=days["since"],
        outlook=values["outlook"],
        backtest=days["backtest"],
        question=question,
        seed=values["seed"],
        dirs=dirs,
    )


def _out(answer: Frontier, face: Face) -> None:
    from wherewithal.app import report_frontier

    if face.form == "json":
        faces.out_json(answer.to_dict())
    elif face.form == "csv":
        faces.out(table.to_csv(answer.table()))
    elif face.form == "markdown":
        faces.out(report_frontier.markdown(answer))
    else:
        faces.out(report_frontier.text(answer, face))
