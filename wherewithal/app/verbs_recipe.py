"""The verb `recipe`: the plan as files that launch it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal import table
from wherewithal.app import completion, report
from wherewithal.app import face as faces
from wherewithal.app.face import Face
from wherewithal.app.options import Number, Serving, question, serving_options, take_face
from wherewithal.app.progress import Progress
from wherewithal.app.text import pasteable, wrapped
from wherewithal.errors import InputError

if TYPE_CHECKING:
    from wherewithal.recipe.make import Recipe

_HELP = """\b
Examples:
  wherewithal recipe qwen3-32b --on h100-8:2 --engine vllm --slo tpot=30ms -o launch
  wherewithal recipe deepseek-v3 --on h20-8:16 --engine sglang --layout tp16 --concurrency 64 --slurm -o out16
"""


@click.command(cls=Serving, epilog=_HELP, short_help="the files that launch a plan")
@click.argument("model", shell_complete=completion.models)
@click.option(
    "--on",
    required=True,
    metavar="SYSTEM[:CHIPS]",
    shell_complete=completion.systems,
    help="What it runs on (wherewithal catalog list systems).",
)
@click.option(
    "--layout", metavar="LAYOUT", help='Launch this layout, such as "tp8 ep8". Default: that of the best plan.'
)
@click.option("--docker", is_flag=True, help="Docker Compose too.")
@click.option("--kubernetes", is_flag=True, help="Kubernetes too (LeaderWorkerSet for replicas over several nodes).")
@click.option("--slurm", is_flag=True, help="Slurm batch scripts too.")
@click.option(
    "--host-chips",
    type=Number(1, 10_000, whole=True),
    metavar="N",
    help="Chips of one host. Default: as the catalog says of the system.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder to write into.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@serving_options
def recipe(model: str, on: str, layout: str | None, folder: Path, force: bool, **values: Any) -> int:
    """Write the files that launch the best plan of MODEL on SYSTEM, or a given layout, with --engine.

    Every argument stands under a comment that names the plan's field it comes from, and was checked against the
    engine's own list of arguments. What the engine cannot express is said, in the answer and in the files.
    """
    face = take_face(values)
    from wherewithal.recipe import make

    wanted = tuple(name for name in make.LAUNCHERS if values.pop(name))
    chips = values.pop("host_chips")
    if values["engine"] is None:
        from wherewithal.catalog.recipe_record import recipes

        raise InputError("--engine", "not given", f"one of {', '.join(recipes())}")
    progress = Progress(face)
    try:
        answer = make.answered(question(values, model, on, layout=layout, explain=None), progress)
    finally:
        progress.close()
    if answer.best is None:
        if face.form == "json":
            faces.out_json(answer.to_dict())
        else:
            faces.out(report.plan_text(answer, face, ""))
        return 1
    made = make.recipe(answer, wanted, chips)
    make.write(made, folder, force)
    _out(made, folder, face)
    return 0


def _out(made: Recipe, folder: Path, face: Face) -> None:
    rows = [{"file": n, "lines": t.count("\n"), "what": _about(n)} for n, t in made.files.items()]
    if face.form == "json":
        faces.out_json(made.to_dict())
    elif face.form == "csv":
        faces.out(table.to_csv(rows))
    elif face.form == "markdown":
        faces.out(table.to_markdown(rows))
    else:
        faces.out(_text(made, folder, face))


_KINDS = {
    "serve": "starts one server; every argument under the plan's field that it comes from",
    "launch": "starts all servers of one host",
    "config": "what has no argument: the engine's configuration file",
    "route": "the router in front of the pools",
    "compose": "Docker Compose: the servers of one host",
    "kubernetes": "all Kubernetes objects",
    "slurm": "batch script",
}


def _about(name: str) -> str:
    return next((about for stem, about in _KINDS.items() if name.startswith(stem)), "")


def _starts(made: Recipe) -> list[str]:
    """Return the scripts to start, in their order: of each pool the one for all of a host, where there is one."""
    names = list(made.files)
    serve = [n for n in names if n.startswith("serve")]
    first = [n.replace("serve", "launch") if n.replace("serve", "launch") in names else n for n in serve]
    return [*first, *(n for n in names if n.startswith("route"))]


def _plain(made: Recipe, folder: Path) -> str:
    """Return the same as `label: value` lines."""
    pairs = [("engine", f"{made.engine} {made.version}"), ("checked", made.checked), ("layout", made.layout)]
    pairs += [("file", f"{folder / name}, {_about(name)}") for name in made.files]
    pairs += [("cannot be expressed", text) for text in made.cannot] + [("note", text) for text in made.notes]
    pairs += [("start", f"MODEL=... bash {folder / name}") for name in _starts(made)]
    return "\n".join(f"{label}: {value}" for label, value in [*pairs, *(("then", c) for c in made.next)])


def _text(made: Recipe, folder: Path, face: Face) -> str:
    """Return what was written, what cannot be expressed, and what to run next."""
    if face.plain:
        return _plain(made, folder)
    best = made.answer.best
    load = f", for {math.ceil(round(best.concurrency, 2)):,} requests in flight" if best else ""
    title = f"{made.engine} {made.version} (arguments checked {made.checked})"
    lines = [face.strong(f"Wrote {len(made.files)} files into {folder}: {title}, {made.layout}{load}."), ""]
    wide = max(len(n) for n in made.files)
    lines += [f"  {n:<{wide}}  {_about(n)}" for n in made.files]
    for head, texts in (("cannot be expressed", made.cannot), ("note", made.notes)):
        for text in texts:
            lines += ["", *(f"  {line}" for line in wrapped(f"{head}: {text}", face.width - 2))]
    lines.append("")
    lines += [f"  start: MODEL=... bash {folder / name}" for name in _starts(made)]
    for command in made.next:
        lines += ["  then:", *(f"    {line}" for line in pasteable(command, face.width - 4, 4))]
    return "\n".join(lines)
