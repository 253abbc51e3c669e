"""The verb `fleet`: a country's or a company's chips by year, with bands, differences, drivers and a backtest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal import table
from wherewithal.app import face as faces
from wherewithal.app.charts import files, specs
from wherewithal.app.face import Face
from wherewithal.app.options import Number, form_options, take_face
from wherewithal.errors import InputError

if TYPE_CHECKING:
    from wherewithal.fleet.model import Fleet

_HELP = """\b
Examples:
  wherewithal fleet china-2030
  wherewithal fleet china-2030 --against no-h20-ban
  wherewithal fleet china-2030 --drivers --variable "Stock|H100e|8-bit|Total" --year 2030
  wherewithal fleet china-2030 --set power.pue=1.2 --csv
  wherewithal fleet china-2030 --backtest 2025-06
"""
_DRAWN = "Stock|H100e|8-bit|Total"


@click.command(epilog=_HELP, short_help="a country's or company's chips, power and money by year")
@click.argument("scenario", metavar="SCENARIO")
@click.option("--against", metavar="SCENARIO", help="Print SCENARIO less this one, on the same random numbers.")
@click.option("--drivers", is_flag=True, help="Rank the inputs by their share of the spread of --variable.")
@click.option("--variable", metavar="NAME", default=_DRAWN, help=f"What --drivers and --plot are about. Default: {_DRAWN}.")  # fmt: skip
@click.option("--year", type=Number(2000, 2100, whole=True), metavar="YEAR", help="What --drivers is about. Default: the last year.")  # fmt: skip
@click.option("--backtest", metavar="YYYY-MM", help="Freeze the inputs at this date and score what happened.")
@click.option("--draws", type=Number(16, 65536, whole=True), default="4096", metavar="N", help="Draws of the inputs. Default: 4096.")  # fmt: skip
@click.option("--seed", type=Number(0, 2**63 - 1, whole=True), default="0", metavar="N", help="Fixes all randomness.")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change the scenario, such as last_year=2028 or power.pue=1.2.")  # fmt: skip
@click.option("--catalog", "catalog_dirs", multiple=True, metavar="DIR", help="A folder of your own additions, searched first.")  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Write --variable by year as a chart: .svg, .png, .pdf or .json.")  # fmt: skip
@click.option("--force", is_flag=True, help="Let --plot overwrite a file.")
@form_options
def fleet(scenario: str, plot: Path | None, force: bool, **values: Any) -> int:
    """How many chips a country or company makes, imports and has, what they are worth, and what they need.

    SCENARIO is one of the catalog (china-2030, us-2030, no-h20-ban, hbm-free, self-sufficiency-70, company-example and
    others) or a .toml file of your own. All figures are conditional on the scenario: they are no forecast.
    """
    face = take_face(values)
    from wherewithal.fleet import model

    if sum(bool(values[k]) for k in ("against", "drivers", "backtest")) > 1:
        raise InputError("fleet", "more than one of --against, --drivers, --backtest", "ask one at a time")
    if plot is not None:
        files.check(plot, force)
    dirs = tuple(Path(d) for d in values["catalog_dirs"])
    if values["backtest"]:
        return _backtest(scenario, values, dirs, face)

    def run(name: str) -> Fleet:
        return model.run(name, values["draws"], values["seed"], dirs, values["overrides"])

    one = run(scenario)
    found: list[dict[str, Any]]
    other = None
    if values["drivers"]:
        found = _drivers(one, values["variable"], values["year"] or one.years[-1], face)
    elif values["against"]:
        from wherewithal.fleet import against

        other = run(values["against"])
        title = f"{one.name} less {other.name}: difference on the same random numbers"
        found = against.table(one, other)
        _out(one, found, face, title)
    else:
        found = one.table()
        _out(one, found, face)
    if plot is not None:
        about = {"scenario": one.name, "title": one.scenario.title, "against": other and other.name, "rows": found}
        _plot(about, values["variable"], plot, force, face)
    return 0


def _plot(document: dict[str, Any], variable: str, path: Path, force: bool, face: Face) -> None:
    """Write the fan of a variable, or the drivers where these were asked."""
    spec = next(iter(specs("fleet", document, variable=variable).values()), None)
    if spec is None:
        raise InputError("--variable", f"{variable!r} has no chart", "name a variable of the table")
    files.write(spec, path, force)
    faces.note(f"wrote {path}", face)


def _out(one: Fleet, rows: list[dict[str, Any]], face: Face, title: str = "") -> None:
    """Print an IAMC table in the form that is asked for."""
    from wherewithal.app import report_fleet
    from wherewithal.fleet import events
    from wherewithal.fleet.draw import sources
    from wherewithal.fleet.model import BANNER

    if face.form == "json":
        about = {"banner": BANNER, "scenario": one.name, "title": title or one.scenario.title}
        given = {
            "draws": one.draws.count,
            "seed": one.draws.seed,
            "inputs": sources(one.draws.used),
            "events": events.known(one.scenario),
        }
        faces.out_json({**about, **given, "left_out": one.left_out, "rows": rows})
    elif face.form == "csv":
        faces.out(table.to_csv(rows))
        faces.note(BANNER, face)
    elif face.form == "markdown":
        faces.out(f"{BANNER}\n\n{table.to_markdown(rows)}")
    else:
        faces.out(report_fleet.text(one, rows, face, BANNER, title))


def _drivers(one: Fleet, variable: str, year: int, face: Face) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from wherewithal.app import report_fleet
    from wherewithal.fleet import drivers
    from wherewithal.fleet.model import BANNER

    found, rest = drivers.rank(one, variable, year)
    rows = [{"variable": variable, "year": year, **asdict(d)} for d in found]
    if face.form == "json":
        faces.out_json({"banner": BANNER, "scenario": one.name, "rows": rows, "interaction": rest})
    elif face.form == "csv":
        faces.out(table.to_csv(rows))
    elif face.form == "markdown":
        faces.out(table.to_markdown(rows))
    else:
        faces.out(report_fleet.drivers(found, rest, face, f"{variable} in {year} ({one.name})"))
    return rows


def _backtest(scenario: str, values: dict[str, Any], dirs: tuple[Path, ...], face: Face) -> int:
    from dataclasses import asdict

    from wherewithal.app import report_fleet
    from wherewithal.fleet import backtest

    found = backtest.run(scenario, values["backtest"], values["draws"], values["seed"], dirs)
    rows = [asdict(s) for s in found]
    if face.form == "json":
        faces.out_json({"rule": backtest.RULE, "date": values["backtest"], "rows": rows})
    elif face.form == "csv":
        faces.out(table.to_csv(rows))
    elif face.form == "markdown":
        faces.out(f"{backtest.RULE}\n\n{table.to_markdown(rows)}")
    else:
        faces.out(report_fleet.backtest(found, values["backtest"], backtest.RULE, face))
    return 0 if found else 1
