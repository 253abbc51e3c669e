"""Brings published measurements into the catalog's own form: one packed file a source.

    python -m tools.import_measured INFERENCE.csv.gz SOURCES.csv

Writes `wherewithal/catalog/data/measured/SOURCE.csv.gz` (the contract's columns, then `input_is`, `weight`, `eligible`)
and the sources' names and licences to `measured/sources.csv`. How many requests a run made, where a source says
it beside its table and not in it, is in `measured_requests.csv`. Facts and conditions only: a note keeps what changes how a
figure is to be read; where in a source it stands, how the source names the model, and names of runs are left out. A
run split over several processes is no layout of the contract and stays out.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import re
from pathlib import Path

from wherewithal.measure.rows import COLUMNS

OUT = Path("wherewithal/catalog/data/measured")
EXTRA = ("input_is", "weight", "eligible")
# Notes that repeat a condition, name a run, or tell where a figure was printed.
DROPPED = re.compile(
    r"^(sample |suite |label |chip as printed|as printed|whole machine as|lengths are actual means$|page )"
)


def kept(notes: str) -> str:
    """Return those notes of a row that change how its figure is to be read."""
    return "; ".join(n for n in (x.strip() for x in notes.split(";")) if n and not DROPPED.match(n))


def told() -> dict[tuple[str, float, float], str]:
    """Return requests of the offline runs of (source, input, output tokens) whose source says it beside its table."""
    with (Path(__file__).parent / "measured_requests.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {(r["source"], float(r["input_tokens"]), float(r["output_tokens"])): r["requests"] for r in rows}


def counted(row: dict[str, str], requests: dict[tuple[str, float, float], str]) -> dict[str, str]:
    """Return a row with the requests of its run, where it does not state them itself."""
    if row["load"] != "offline" or row["requests"] or not (row["input_tokens"] and row["output_tokens"]):
        return row
    return {
        **row,
        "requests": requests.get((row["source"], float(row["input_tokens"]), float(row["output_tokens"])), ""),
    }


def packed(rows: list[dict[str, str]]) -> bytes:
    """Return rows as a gzip file whose bytes depend on the rows alone."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *EXTRA], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**r, "notes": kept(r["notes"])} for r in rows)
    return gzip.compress(text.getvalue().encode("utf-8"), 9, mtime=0)


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("sources", type=Path)
    asked = parser.parse_args()
    by: dict[str, list[dict[str, str]]] = {}
    requests = told()
    with gzip.open(asked.file, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["processes"] or "1") == "1":
                by.setdefault(row["source"], []).append(counted(row, requests))
    OUT.mkdir(parents=True, exist_ok=True)
    total = 0
    for source, rows in sorted(by.items()):
        data = packed(rows)
        total += len(data)
        (OUT / f"{source}.csv.gz").write_bytes(data)
    with asked.sources.open(encoding="utf-8", newline="") as file:
        lines = [r for r in csv.DictReader(file) if r["key"] in by]
    with (OUT / "sources.tsv").open("w", encoding="utf-8", newline="") as file:
        names = ("key", "title", "licence", "date", "trust", "not_stated")
        writer = csv.DictWriter(file, names, delimiter="\t", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: r[k] for k in names} for r in lines)
    print(f"{sum(map(len, by.values()))} rows of {len(by)} sources, {total} bytes")


if __name__ == "__main__":
    main()
