"""The verb `claims`: published claims, each computed again from the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wherewithal import table
from wherewithal.app import face as faces
from wherewithal.app import report_claims
from wherewithal.app.options import form_options, take_face
from wherewithal.app.progress import Progress
from wherewithal.errors import InputError

_HELP = """\b
Examples:
  wherewithal claims
  wherewithal claims wsj-2025-08 --only C10
  wherewithal claims wsj-2025-08 --only C05,C10 --set C10.never=95
"""


@click.command(epilog=_HELP, short_help="published claims computed again from the catalog")
@click.argument("name", required=False)
@click.option("--only", metavar="IDS", default="", help="Only these claims, with commas: all their figures are shown.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page that stands alone.")
@click.option("--force", is_flag=True, help="Let --html overwrite a file.")
@click.option("--set", "overrides", multiple=True, metavar="ID.INPUT=VALUE", help="Give an input another value.")
@click.option(
    "--catalog",
    "catalog_dirs",
    multiple=True,
    metavar="DIR",
    help="A folder of your own additions, searched first.",
)
@form_options
def claims(name: str | None, html: Path | None, force: bool, **values: Any) -> int:
    """Compute each claim of the list NAME again: our figure and interval, on which basis it is true, the verdict.

    Without NAME: which lists there are. What a claim printed is read by its verdict alone, never by our figure.
    """
    face = take_face(values)
    from wherewithal.claims import record, run

    dirs = [Path(d) for d in values["catalog_dirs"]]
    if name is None:
        return _lists(face, dirs)
    if html is not None:
        check(html, force)
    only = [one.strip() for one in values["only"].split(",") if one.strip()]
    overrides = dict(_override(text) for text in values["overrides"])
    record.read(name, dirs)
    progress = Progress(face)
    try:
        report = run.run(name, only, overrides, dirs, progress)
    finally:
        progress.close()
    if face.form == "json":
        faces.out_json(report.to_dict())
    elif face.form == "csv":
        faces.out(table.to_csv(report_claims.rows(report)))
    elif face.form == "markdown":
        faces.out(report_claims.markdown(report))
    else:
        faces.out(report_claims.text(report, face, bool(only)))
    if html is not None:
        from wherewithal.app import page_claims

        page_claims.write(report, html)
        faces.note(f"wrote {html}", face)
    return 0


def _lists(face: faces.Face, dirs: list[Path]) -> int:
    from wherewithal.claims import record

    found = []
    for one in record.names(dirs):
        head, claims_of = record.read(one, dirs)
        found.append({"list": one, "claims": len(claims_of), "title": head.title, "published": head.published})
    if face.form == "json":
        faces.out_json(found)
    elif face.form == "csv":
        faces.out(table.to_csv(found))
    elif face.form == "markdown":
        faces.out(table.to_markdown(found))
    else:
        faces.out("\n".join(report_claims.lists(found, face)))
    return 0


def _override(text: str) -> tuple[str, float]:
    key, equals, value = text.partition("=")
    try:
        return key.strip(), float(value.replace(",", ""))
    except ValueError:
        what = f"{text[:60]!r} {'has no number' if equals else 'has no ='}"
        raise InputError("--set", what, "ID.INPUT=VALUE, such as C10.never=95") from None


def check(path: Path, force: bool) -> None:
    """Refuse, before the work is done, a page that could not be written.

    Raises:
        InputError: another ending than .html; a file that is there without --force; a folder that is not.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError("--html", f"cannot write {path.suffix or 'a file without an ending'}", "name a .html file")
    if not path.parent.is_dir():
        raise InputError("--html", f"{path.parent} is no folder", "create it first or choose another")
    if path.is_symlink() or path.is_dir():
        raise InputError("--html", f"{path} is a link or a folder", "name a plain file")
    if path.exists() and not force:
        raise InputError("--html", f"{path} exists", "choose another name or add --force")
