"""`catalog`: what the program knows, where it looks, and whether a folder of additions is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from wherewithal import table
from wherewithal.app import face as faces
from wherewithal.app.cli import unknown
from wherewithal.app.face import Face
from wherewithal.app.options import form_options, take_face
from wherewithal.app.report_parts import lay
from wherewithal.app.text import Column, clean, wrapped
from wherewithal.errors import InputError

_folders = click.option(
    "--catalog", "catalog_dirs", multiple=True, metavar="DIR", help="A folder of your own additions."
)
# In which order the columns of a listing go when space lacks: the last first.
_KEEP = (
    "name",
    "kind",
    "records",
    "figure",
    "value",
    "known",
    "chip",
    "memory",
    "parameters",
    "maker",
    "node",
    "power",
)


class Actions(click.Group):
    """The group of `catalog`, which says what is near a misspelt action."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the action."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise unknown("catalog", "action", args[0], list(self.commands), f"one of {', '.join(self.commands)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Actions,
    no_args_is_help=False,
    invoke_without_command=True,
    short_help="the chips, systems, models and figures it knows",
    epilog="\b\nExamples:\n  wherewithal catalog list systems\n  wherewithal catalog show h20 --sources\n  wherewithal catalog check\n",
)
@click.pass_context
def catalog(ctx: click.Context) -> None:
    """List, show, check and add the chips, systems, models and figures that answers rest on."""
    if ctx.invoked_subcommand is None:
        faces.out(ctx.get_help())


@catalog.command("list", epilog="\b\nExamples:\n  wherewithal catalog list\n  wherewithal catalog list chips --csv\n")
@click.argument("kind", required=False)
@_folders
@form_options
def list_verb(kind: str | None, catalog_dirs: tuple[str, ...], **values: Any) -> int:
    """List the records of KIND (chips, systems, models, ...), or count all kinds. `?` marks a figure not yet verified."""
    from wherewithal.app import catalog_rows

    face = take_face(values)
    dirs = _paths(catalog_dirs)
    rows = catalog_rows.listed(kind, dirs) if kind else catalog_rows.counts(dirs)
    if face.form == "json":
        faces.out_json({"kind": kind, "rows": rows})
    else:
        _out(rows, face)
    return 0


@catalog.command(
    "show", epilog="\b\nExamples:\n  wherewithal catalog show h20 --sources\n  wherewithal catalog show defaults\n"
)
@click.argument("name")
@click.option("--kind", metavar="KIND", help="Where several kinds have the name.")
@click.option("--sources", is_flag=True, help="Print the text of every source.")
@_folders
@form_options
def show_verb(name: str, kind: str | None, sources: bool, catalog_dirs: tuple[str, ...], **values: Any) -> int:
    """Show every figure of a record with its source, its date and how it is known."""
    from wherewithal.app import catalog_rows
    from wherewithal.catalog import load

    face = take_face(values)
    dirs = _paths(catalog_dirs)
    if kind is None and name in (*load.TABLES, *catalog_rows.LISTED_ONLY):
        rows = catalog_rows.listed(name, dirs)
        faces.out_json({"kind": name, "rows": rows}) if face.form == "json" else _out(rows, face)
        return 0
    document = catalog_rows.shown(name, kind, dirs)
    if face.form == "json":
        faces.out_json(document)
    elif face.form == "text":
        faces.out("\n".join(_record(document, face, sources)))
    else:
        _out(document["figures"] or document["fields"], face)
    return 0


def _record(document: dict[str, Any], face: Face, sources: bool) -> list[str]:
    """Return a record as text: its words, its figures, what is disputed, its prices, its sources where asked."""
    note = f" ({clean(document['note'])})" if document["note"] else ""
    lines = wrapped(f"{document['kind'].removesuffix('s')} {document['name']}{note}", face.width, 0, 2)
    for row in document["fields"]:
        lines += wrapped(f"{row['field']}: {clean(row['value'], 4000)}", face.width, 2, 6)
    if document["figures"]:
        lines += ["", *_table(document["figures"], face)]
    for row in document["conflicts"]:
        said = "; ".join(f"{k} {v}" for k, v in row.items() if v and k != "name")
        lines += ["", *wrapped(f"conflict: {clean(said, 1000)}", face.width, 2, 6)]
    if document["prices"]:
        prices = [
            {k: row.get(k, "") for k in ("what", "value", "unit", "place", "date", "known")}
            for row in document["prices"]
        ]
        lines += ["", "Prices:", *_table(prices, face)]
    if sources and document["sources"]:
        lines += ["", "Sources:"]
        for t in document["sources"]:
            lines += wrapped(f"{clean(t['source'])}: {clean(t['text'], 1000)}", face.width, 2, 6)
    return lines


@catalog.command(
    "check", epilog="\b\nExamples:\n  wherewithal catalog check\n  wherewithal catalog check --all --csv\n"
)
@click.argument("folder", required=False, metavar="[DIR]")
@click.option("--all", "every", is_flag=True, help="List every missing figure too, not only their number.")
@_folders
@form_options
def check_verb(folder: str | None, every: bool, catalog_dirs: tuple[str, ...], **values: Any) -> int:
    """Check the catalog, or the additions in DIR alone: schema, sources, figures against each other, what is missing.

    Exit code 1 where something must be mended.
    """
    from wherewithal.catalog.check import check
    from wherewithal.fleet import check as scenarios

    face = take_face(values)
    dirs = _paths((folder,) if folder else catalog_dirs)
    report = check(dirs, only_user=folder is not None)
    report.problems += scenarios.problems(dirs, only_user=folder is not None)
    if folder is not None and not report.files and not any((dirs[0] / d).is_dir() for d in ("scenarios", "national")):
        raise InputError(
            "catalog check", f"nothing to check in {clean(folder)}", "put files in its chips/, systems/ or models/"
        )
    rows = report.rows()
    code = 1 if report.problems else 0
    if face.form == "json":
        faces.out_json({"files": report.files, "figures": report.figures, "rows": rows})
        return code
    if face.form != "text":
        _out(rows, face)
        return code
    number = len(report.problems)
    verdict = "No problem" if not number else f"{number} problem{'s' if number > 1 else ''}"
    more = f"{len(report.doubts)} figures look odd, {len(report.missing)} are missing (a default stands in, or says so)"
    lines = wrapped(f"{verdict} in {report.files:,} files with {report.figures:,} figures; {more}.", face.width, 0, 2)
    for row in rows:
        if every or row["kind"] != "missing" or folder is not None:
            fix = f"; {clean(row['fix'])}" if row["fix"] else ""
            lines += wrapped(
                f"{row['kind']}: {clean(row['file'])}: {clean(row['path'])}: {clean(row['what'])}{fix}",
                face.width,
                2,
                6,
            )
    if report.missing and not every and folder is None:
        lines.append("  next: wherewithal catalog check --all")
    faces.out("\n".join(lines))
    return code


@catalog.command(
    "add",
    epilog="\b\nExample:\n  wherewithal catalog add --help\n  (then: wherewithal catalog add chip ./my-chip.toml)\n",
)
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of additions. Default: your own (catalog where).",
)
@click.option("--force", is_flag=True, help="Replace a file of that name.")
@_folders
@form_options
def add_verb(kind: str, file: Path, to: Path | None, force: bool, catalog_dirs: tuple[str, ...], **values: Any) -> int:
    """Check FILE and copy it among your own additions; KIND is chip, system, model, checkpoint or measurement."""
    face = take_face(values)
    target, said = _added(kind, file, to, force, _paths(catalog_dirs))
    if face.form == "json":
        faces.out_json({"kind": kind, "file": str(target)})
    else:
        faces.out(f"Added {clean(target)}{said}.")
    return 0


def _added(kind: str, file: Path, to: Path | None, force: bool, dirs: tuple[Path, ...]) -> tuple[Path, str]:
    """Add one file; return where it lies, and what to say of it."""
    if kind in ("measurement", "measurements"):
        from wherewithal.measure import contribute

        target, rows = contribute.add(file, to, force, dirs)
        return target, f" ({rows} rows; wherewithal validate scores them with the catalog's)"
    from wherewithal.catalog.add import add

    return add(kind, file, to, force, dirs), ""


@catalog.command("where", epilog="\b\nExample:\n  wherewithal catalog where\n")
@_folders
@form_options
def where_verb(catalog_dirs: tuple[str, ...], **values: Any) -> int:
    """Print the folders that are searched, the first first."""
    from wherewithal.catalog import load

    face = take_face(values)
    rows = [
        {"folder": folder, "exists": "yes" if there else "no"} for folder, there in load.where(_paths(catalog_dirs))
    ]
    if face.form == "json":
        faces.out_json({"folders": rows})
    else:
        _out(rows, face)
    return 0


def _paths(dirs: Sequence[str]) -> tuple[Path, ...]:
    return tuple(Path(d) for d in dirs)


def _out(rows: Sequence[dict[str, Any]], face: Face) -> None:
    if face.form == "csv":
        faces.out(table.to_csv(rows))
    elif face.form == "markdown":
        faces.out(table.to_markdown(rows))
    else:
        faces.out("\n".join(_table(rows, face)) or "nothing there")


def _table(rows: Sequence[dict[str, Any]], face: Face) -> list[str]:
    """Return rows as a table; long cells are cut, columns without any text left out."""
    heads = [h for h in table.columns(rows) if any(row.get(h) not in ("", None) for row in rows)]
    columns = [Column(h, "<", 0 if h in _KEEP[:5] else 1 + at) for at, h in enumerate(heads)]
    most = max(face.width // 2, 24)
    cells = [[clean(row.get(h, ""), most) for h in heads] for row in rows]
    return lay(columns, cells, face, 0)
