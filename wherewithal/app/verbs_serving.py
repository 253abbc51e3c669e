"""The verbs `plan`, `predict` and `compare`: options to a Question, the call, the answer in the form asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal import table
from wherewithal.app import completion, report, report_compare, rows
from wherewithal.app import face as faces
from wherewithal.app.charts import files, specs
from wherewithal.app.face import Face
from wherewithal.app.options import Quantity, Serving, question, serving_options, take_face
from wherewithal.app.progress import Progress

if TYPE_CHECKING:
    from wherewithal.ask import Question
    from wherewithal.plan.answer import Answer

_PLAN_HELP = """\b
Examples:
  wherewithal plan deepseek-v3 --on h20-8:32 --slo ttft=2s,tpot=50ms
  wherewithal plan ./config.json --on this-machine --input-tokens 8k --output-tokens 500
  wherewithal plan qwen3-32b --on rtx-4090-1 --precision weights=int4 --explain memory
"""
_PREDICT_HELP = """\b
Examples:
  wherewithal predict deepseek-v3 --on h20-8:16 --layout "tp16 ep16" --concurrency 64
  wherewithal predict qwen3-32b --on h100-8:2 --layout tp2 --concurrency 32 --explain
"""
_COMPARE_HELP = """\b
Examples:
  wherewithal compare deepseek-v3 --on h200-8:16 cloudmatrix-384:64 mi300x-8:16
  wherewithal compare qwen3-32b --on h100-8 h20-8 --slo tpot=30ms --markdown
"""
_explain = click.option(
    "--explain",
    metavar="[TOPIC]",
    default="",
    help="Where the time goes: operators (default), memory, network or search.",
)


@click.command(cls=Serving, epilog=_PLAN_HELP, short_help="the best layout under an SLO, and the trade-off")
@click.argument("model", shell_complete=completion.models)
@click.option(
    "--on",
    required=True,
    metavar="SYSTEM[:CHIPS]",
    shell_complete=completion.systems,
    help="What it runs on (wherewithal catalog list systems).",
)
@_explain
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the trade-off as a chart: .svg, .png, .pdf or .json.",
)
@click.option("--force", is_flag=True, help="Let --plot overwrite a file.")
@serving_options
def plan(model: str, on: str, explain: str, plot: Path | None, force: bool, **values: Any) -> int:
    """Find the layouts of MODEL on SYSTEM that nothing beats, and the best one under the SLO.

    MODEL is a catalog name, a config.json (or its folder), or a GGUF file.
    """
    face = take_face(values)
    if plot is not None:
        files.check(plot, force)
    answer = _asked("plan", question(values, model, on, layout=None, explain=explain or None), face)
    if face.form == "markdown":
        faces.out(rows.plan_markdown(answer))
    else:
        _out(answer, face, report.plan_text, explain)
    if plot is not None and answer.frontier:
        files.write(specs("plan", answer.to_dict())["tradeoff"], plot, force)
        faces.note(f"wrote {plot}", face)
    return rows.exit_code(answer)


@click.command(cls=Serving, epilog=_PREDICT_HELP, short_help="what this exact deployment does under this load")
@click.argument("model", shell_complete=completion.models)
@click.option(
    "--on",
    required=True,
    metavar="SYSTEM[:CHIPS]",
    shell_complete=completion.systems,
    help="What it runs on (wherewithal catalog list systems).",
)
@click.option(
    "--layout", required=True, metavar="LAYOUT", help='"tp8 ep8", or "prefill: 4x tp8 ep8; decode: 1x dp32 ep32".'
)
@click.option(
    "--requests",
    type=Quantity("1", "N", whole=True),
    help="Requests in all of a run from a standing start. Default: steady state.",
)
@click.option(
    "--load",
    metavar="KIND",
    help="closed (--concurrency at once), open (--rate), offline (all at once), static (one batch).",
)
@_explain
@serving_options
def predict(model: str, on: str, layout: str, explain: str, **values: Any) -> int:
    """Say what one exact deployment of MODEL does under one exact load; nothing is searched."""
    face = take_face(values)
    asked = {name: values.pop(name) for name in ("requests", "load")}
    answer = _asked("predict", question(values, model, on, layout=layout, explain=explain or None, **asked), face)
    if face.form == "markdown":
        faces.out(rows.predict_markdown(answer))
    else:
        _out(answer, face, report.predict_text, explain)
    return rows.exit_code(answer)


@click.command(cls=Serving, epilog=_COMPARE_HELP, short_help="systems side by side, and what would flip the order")
@click.argument("model", shell_complete=completion.models)
@click.option(
    "--on",
    required=True,
    multiple=True,
    metavar="SYSTEM[:CHIPS]...",
    shell_complete=completion.systems,
    help="Two or more systems.",
)
@serving_options
def compare(model: str, on: tuple[str, ...], **values: Any) -> int:
    """Put the best plan of MODEL on each system side by side, and say what would change the order."""
    face = take_face(values)
    from wherewithal import ask

    asked = [question(values, model, system, layout=None, explain=None) for system in on]
    progress = Progress(face)
    try:
        answer = ask.compare(asked, progress=progress)
    finally:
        progress.close()
    if face.form == "json":
        faces.out_json(answer.to_dict())
    elif face.form == "csv":
        faces.out(table.to_csv(report_compare.compare_rows(answer)))
    elif face.form == "markdown":
        faces.out(report_compare.compare_markdown(answer))
    else:
        faces.out(report_compare.compare_text(answer, face))
    return report_compare.exit_code(answer)


def _asked(verb: str, asked: Question, face: Face) -> Answer:
    """Call `ask` with one line of progress beside it."""
    from wherewithal import ask

    progress = Progress(face)
    try:
        return ask.predict(asked) if verb == "predict" else ask.plan(asked, progress=progress)
    finally:
        progress.close()


def _out(answer: Answer, face: Face, text: Callable[[Answer, Face, str], str], topic: str) -> None:
    """Write an answer as JSON, CSV or text."""
    if face.form == "json":
        faces.out_json(answer.to_dict())
    elif face.form == "csv":
        faces.out(table.to_csv(rows.plan_rows(answer)))
    else:
        faces.out(text(answer, face, topic))
