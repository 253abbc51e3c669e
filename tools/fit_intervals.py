"""Fits the intervals of answers on all measured rows of the catalog, and writes docs/accuracy.md.

    python -m tools.fit_intervals [--write] [--page docs/accuracy.md] [--without-engines N] [--keep FILE | --from FILE]

Predicts every eligible row of `wherewithal/catalog/data/measured` (as `wherewithal validate` does), prints errors and
the coverage of blocks held out, and with `--write` stores the cells in `wherewithal/catalog/data/curves/intervals.toml`.
`--keep` and `--from` keep the judged rows between two calls (a pickle of our own, for one's own use only; the rows asked
without their engines' own constants, N drawn with SEED, lie beside it in FILE.generic).
"""

from __future__ import annotations

import argparse
import pickle
import sys
from pathlib import Path

from tools import accuracy_page
from wherewithal.measure import bands, rows, validate
from wherewithal.measure.asked import GENERIC
from wherewithal.measure.judged import Judged
from wherewithal.measure.score import Line, table
from wherewithal.pricing.intervals import LEVELS, Cell

OUT = Path("wherewithal/catalog/data/curves/intervals.toml")
# Rows asked a second time without their engines' own constants.
DRAWN, SEED = 3000, 4


def judged(keep: Path | None, kept: Path | None) -> validate.Report:
    """Return all rows judged, from a file of an earlier call where one is given."""
    if kept is not None:
        report: validate.Report = pickle.loads(kept.read_bytes())
        return report
    report = validate.validate(rows.own(), progress=_progress)
    print(file=sys.stderr)
    if keep is not None:
        keep.write_bytes(pickle.dumps(report))
    return report


def without_engines(report: validate.Report, most: int, keep: Path | None, kept: Path | None) -> list[Judged]:
    """Return some of the rows asked with the median engine: drawn with SEED, or those of an earlier call.

    Args:
        report: all rows judged.
        most: rows to draw; 0 for none.
        keep: file to keep them beside.
        kept: file of an earlier call.
    """
    beside = kept and kept.with_name(kept.name + ".generic")
    if beside and beside.exists():
        found: list[Judged] = pickle.loads(beside.read_bytes())
        return found
    if not most:
        return []
    rows = [j.row for j in report.rows]
    bare = validate.validate(rows, most=most, seed=SEED, engine=GENERIC, progress=_progress)
    print(file=sys.stderr)
    base = keep or kept
    if base is not None:
        base.with_name(base.name + ".generic").write_bytes(pickle.dumps(list(bare.rows)))
    return list(bare.rows)


def _progress(_: str, done: int, of: int) -> None:
    if done % 500 < 4:
        print(f"\r{done} of {of}", end="", file=sys.stderr)


def stored(cells: dict[tuple[str, str, str], Cell], about: str) -> str:
    """Return cells as the text of `intervals.toml`."""
    lines = [
        "# Residuals ln(measured / predicted) of published measurements, as quantiles by cell: see pricing/intervals.py.",
        "# Written by tools/fit_intervals.py.",
        f'source = "{about}"',
        f"levels = {list(LEVELS)}",
    ]
    for (figure, kind, value), cell in cells.items():
        quantiles = ", ".join(f"{q:.3f}" for q in cell.quantiles)
        lines += [
            f'\n[cells.{figure}.{kind}."{value}"]', f"quantiles = [{quantiles}]",
            f"rows = {cell.rows}", f"blocks = {cell.blocks}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def show(title: str, lines: list[Line]) -> None:
    """Print a table of coverage and width."""
    print(f"\n{title}")
    for x in lines:
        name = " ".join(x.group.values())
        print(f"  {name:45} n {x.answered:6,} error {x.median:6.1%} p90 {x.p90:6.1%} bias {x.bias:+6.1%}"
              f" inside {x.inside:5.1%} width {x.width:.2f}")  # fmt: skip


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--page", type=Path)
    parser.add_argument("--without-engines", type=int, default=DRAWN, metavar="N", help=f"0 for none; {DRAWN}")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--from", dest="kept", type=Path)
    asked = parser.parse_args()
    report = judged(asked.keep, asked.kept)
    good = [j for j in report.rows if not j.predicted.why]
    out, alone = bands.held_out(good), bands.held_out(good, by_chip=True)
    print(f"{len(good)} of {len(report.rows)} rows predicted in {report.elapsed_s:.0f} s")
    show("held out by block, by metric", table(out, ()))
    for by in ("source", "chip"):
        show(f"held out by block, by {by}", accuracy_page.merged(out, by))
    show("held out by whole chip, by chip", accuracy_page.merged(alone, "chip"))
    print(f"\nall: inside {accuracy_page.share(out):.1%}; by whole chip {accuracy_page.share(alone):.1%}")
    of = [bands.residual(j) for j in good]
    if asked.write:
        blocks, sources = {r.block for r in of}, {j.row.source for j in good}
        about = f"catalog/data/measured: {len(of)} rows, {len(blocks)} blocks, {len(sources)} sources"
        OUT.write_text(stored(bands.fit(of), about), encoding="utf-8")
        print(f"wrote {OUT}")
    if asked.page:
        bare = without_engines(report, asked.without_engines, asked.keep, asked.kept)
        asked.page.write_text(accuracy_page.page(report, out, alone, bare), encoding="utf-8")


if __name__ == "__main__":
    main()
