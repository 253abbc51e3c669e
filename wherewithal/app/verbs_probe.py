"""The verb `probe`: measures the chip at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal.app import completion
from wherewithal.app import face as faces
from wherewithal.app.face import Face
from wherewithal.app.options import Number, form_options, take_face
from wherewithal.errors import InputError

if TYPE_CHECKING:
    from wherewithal.measure.probe.run import Outcome
    from wherewithal.measure.probe.sizes import Like

_HELP = """\b
Examples:
  wherewithal probe --minutes 0.1 --backend numpy
  wherewithal probe --device cpu --minutes 0.1 --like qwen3-8b -o chip.json
"""


@click.command(epilog=_HELP, short_help="measures the chip at hand")
@click.option("--device", default="cpu", metavar="DEVICE", help="cpu, cuda:0, npu:0, xpu:0 or mps. Default: cpu.")
@click.option("--minutes", type=Number(0.01, 1440), default="5", metavar="M", help="Stop after so long. Default: 5.")
@click.option("--threads", type=Number(1, 4096, whole=True), metavar="N", help="Threads on a processor. Default: all.")
@click.option("--backend", metavar="NAME", help="ggml, numpy or torch. Default: the first that is there.")
@click.option(
    "--library", type=click.Path(path_type=Path), metavar="PATH", help="ggml's shared library, or its folder."
)
@click.option(
    "--formats", default="", metavar="LIST", help="Number formats of weights, with commas. Default: the usual ones."
)
@click.option("--like", "like_model", metavar="MODEL", shell_complete=completion.models, help="Measure this model's shapes first: a catalog name, a GGUF file or a config.json.")  # fmt: skip
@click.option("--no-repack", is_flag=True, help="Keep weights as the file has them (engines have a flag for it too).")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the probe file, or go on with it."
)
@click.option("--seed", type=Number(0, 2**63 - 1, whole=True), default="0", metavar="N", help="Fixes the operands.")
@form_options
def probe(output: Path | None, like_model: str | None, **values: Any) -> int:
    """Measure memory, matrix products, attention and launches of a device, and write them to a file for `calibrate`.

    The most telling sizes come first, so a probe that is stopped early is still of use. Run again with the same file, it
    goes on where it stopped.
    """
    face = take_face(values)
    _bind_threads(values["threads"])
    from wherewithal.app import report_probe
    from wherewithal.measure.probe import choose, host, run, sizes
    from wherewithal.measure.probe.like import like

    shapes = like(like_model) if like_model else None
    threads = values["threads"] or host.cores()
    asked = choose.Asked(
        values["device"], values["backend"], values["library"], threads, values["seed"],
        shapes.weight_bytes if shapes else None, not values["no_repack"],
    )  # fmt: skip
    backend, notes = choose.chosen(asked)
    for text in notes:
        faces.note(text, face)
    cases = sizes.cases(_formats(values["formats"], backend.formats, shapes), backend.cache_format, shapes)
    show = report_probe.Live(face)
    try:
        outcome = run.probe(backend, cases, values["minutes"], values["seed"], output, show)
    finally:
        show.close()
        for text in backend.notes:
            faces.note(text, face)
    _out(outcome, face, output)
    return 130 if outcome.interrupted else 0


def _bind_threads(count: int | None) -> None:
    """Tell the libraries of linear algebra how many threads to use; they read it once, when they are loaded."""
    if count is not None:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
            os.environ[name] = str(count)


def _formats(text: str, known: tuple[str, ...], shapes: Like | None) -> tuple[str, ...]:
    """Return the formats asked for; where none is, those of the model, else the backend's."""
    asked = tuple(dict.fromkeys(f.strip().lower() for f in text.split(",") if f.strip()))
    if asked:
        from wherewithal.pricing import formats

        for name in asked:
            formats.find(name, "--formats")
        return asked
    own = tuple(dict.fromkeys(s.format for s in shapes.shapes if s.format)) if shapes else ()
    return own or known


def _out(outcome: Outcome, face: Face, output: Path | None) -> None:
    from wherewithal.app import report_probe

    found = outcome.probe
    if not found.operators:
        raise InputError("--minutes", "nothing was measured in this time", "give more minutes")
    report_probe.out(outcome, face)
    if output is not None:
        faces.note(f"wrote {output}", face)
