"""Write `national_ranges.csv.gz`: for each quantity of the national tables, what its values and intervals may be.

A quantity whose rows lie within a factor of three shares one range, half its least to twice its most; a row of a wider one
has its own, a third to three times its value. New rows of a quantity that is there are judged by what was known before them.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path

from wherewithal.catalog import check_national, load, national

OUT = Path(__file__).resolve().parent.parent / "wherewithal" / "catalog" / "data" / check_national.FILE
SHARED, OWN, NEAR = 2.0, 3.0, 3.0


def main() -> None:
    """Write ranges of the tables named, or of all."""
    folder = Path(str(load.builtin() / national.FOLDER))
    tables = sys.argv[1:] or sorted(p.name.split(".", 1)[0] for p in folder.iterdir())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "key", "least", "most", "widest"))
    for table in tables:
        writer.writerows(sorted(_rows(table)))
    OUT.write_bytes(gzip.compress(out.getvalue().encode(), 9, mtime=0))


def _rows(table: str) -> list[tuple[str, str, str, str, str]]:
    groups: dict[str, list[national.Row]] = {}
    for row in national.rows(table):
        if row.value:
            groups.setdefault(check_national.key(row, False), []).append(row)
    out = []
    for name, rows in groups.items():
        sizes = [abs(r.value or 0) for r in rows]
        if max(sizes) <= NEAR * min(sizes):
            out.append(_range(table, name, rows, SHARED))
            continue
        fine: dict[str, list[national.Row]] = {}
        for row in rows:
            fine.setdefault(check_national.key(row, True), []).append(row)
        out += [_range(table, key, same, OWN) for key, same in fine.items()]
    return out


def _range(table: str, name: str, rows: list[national.Row], room: float) -> tuple[str, str, str, str, str]:
    values = [r.value or 0.0 for r in rows]
    ends = [v / room if v > 0 else v * room for v in values], [v * room if v > 0 else v / room for v in values]
    widths = [r.high / r.low for r in rows if r.low and r.high and r.low > 0]
    return table, name, f"{min(ends[0]):.4g}", f"{max(ends[1]):.4g}", f"{3 * max(widths, default=1.0):.4g}"


if __name__ == "__main__":
    main()
