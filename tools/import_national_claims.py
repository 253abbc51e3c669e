"""Published figures that results are compared with (`evidence`), from a folder of collected rows into the catalog's form.

    python tools/import_national_claims.py FOLDER

`source_ref` becomes `source`; all other columns and cells stay as they are. Tables above PACK_ABOVE bytes are packed.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "wherewithal" / "catalog" / "data" / "national"
# Table of the catalog to file of the folder; the other tables that `claims` reads have importers of their own.
TABLES = {"evidence": "evidence.csv"}
PACK_ABOVE = 200_000


def convert(text: str) -> str:
    """Return a table with its column of sources named `source`, cells stripped, lines ended by a newline."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    head = ["source" if name == "source_ref" else name for name in rows[0]]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for row in rows[1:]:
        if any(cell.strip() for cell in row):
            writer.writerow([cell.strip() for cell in row])
    return out.getvalue()


def claims(folder: Path, target: Path = TARGET) -> list[Path]:
    """Write the tables of published figures and return the files written.

    Args:
        folder: with the collected rows.
        target: folder of the catalog's national tables.
    """
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name, file in TABLES.items():
        data = convert((folder / file).read_text(encoding="utf-8-sig")).encode()
        packed = len(data) > PACK_ABOVE
        path = target / f"{name}.csv{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
        written.append(path)
    return written


if __name__ == "__main__":
    for path in claims(Path(sys.argv[1])):
        print(path.name)
