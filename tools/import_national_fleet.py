"""Move the tables that `fleet` needs from the collected data into the catalog: `python tools/import_national_fleet.py DATA`.

`DATA` is the folder of the national tables. Columns are renamed to those that every national table shares, flows get
the date at which their source became known, and a table above 200 kB is packed.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "wherewithal" / "catalog" / "data" / "national"
TABLES = ("flows_quarterly", "parameters", "events", "production", "power", "talent", "domestic_share")
PACK_ABOVE = 200_000
# When the runs behind the quarterly flows were made, and when our own estimates were (README of the data).
RUNS_OF, OURS_OF = "2026-04", "2026-11"


def main() -> None:
    """Import every table of the list."""
    for name in TABLES:
        fleet(Path(sys.argv[1]) / f"{name}.csv")


def fleet(path: Path) -> None:
    """Import one table; a row is kept whole, only the name of the column of sources changes."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [{("source" if k == "source_ref" else k): v for k, v in r.items()} for r in csv.DictReader(file)]
    if path.stem == "flows_quarterly":
        rows = [_dated(r) for r in rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = out.getvalue().encode()
    OUT.mkdir(exist_ok=True)
    if len(data) > PACK_ABOVE:
        (OUT / f"{path.name}.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    else:
        (OUT / path.name).write_bytes(data)


def _dated(row: dict[str, str]) -> dict[str, str]:
    return row | {"vintage": RUNS_OF if "Data on AI Chip Owners" in row["source"][:80] else OURS_OF}


if __name__ == "__main__":
    main()
