"""The record of errors that CI holds predictions to: a seeded subset of the catalog's measured rows, source by source.

    python -m tools.accuracy_record            # compare with the record
    python -m tools.accuracy_record --write [--note "why a source may be worse"]

The record is `tests/measure/record.csv`: source, rows, median error, note. Predictions may not get worse by more than
ALLOWED (one point) for any source; where they do for a good reason, `--write --note` says which.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from wherewithal.measure import rows, validate
from wherewithal.measure.rows import Row

RECORD = Path("tests/measure/record.csv")
EACH, SEED, ALLOWED = 20, 7, 0.01


def subset() -> list[Row]:
    """Return at most EACH eligible rows of every source, drawn with SEED."""
    by: dict[str, list[Row]] = {}
    for row in rows.own():
        if row.eligible and row.metric in rows.SCORED:
            by.setdefault(row.source, []).append(row)
    return [r for part in by.values() for r in (validate.sample(part, EACH, SEED) if len(part) > EACH else part)]


def medians() -> dict[str, tuple[int, float]]:
    """Return source to (rows, median error) of the subset."""
    report = validate.validate(subset(), ("source",))
    groups: dict[str, list[float]] = {}
    for j in report.rows:
        groups.setdefault(j.row.source, []).append(abs(j.scored) if not j.predicted.why else float("inf"))
    return {s: (len(e), sorted(e)[len(e) // 2]) for s, e in sorted(groups.items())}


def recorded() -> dict[str, tuple[float, str]]:
    """Return source to (median error, note) of the record."""
    with RECORD.open(encoding="utf-8", newline="") as file:
        return {r["source"]: (float(r["median_error"]), r["note"]) for r in csv.DictReader(file)}


def worse(now: dict[str, tuple[int, float]], before: dict[str, tuple[float, str]]) -> list[str]:
    """Return a line for each source whose error grew by more than ALLOWED, or that is gone."""
    lines = [f"{s}: {now[s][1]:.1%}, recorded {was:.1%}" for s, (was, _) in before.items()
             if s in now and now[s][1] > was + ALLOWED]  # fmt: skip
    return [*lines, *(f"{s}: no rows any more" for s in before if s not in now)]


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--note", default="")
    asked = parser.parse_args()
    now = medians()
    before = recorded() if RECORD.exists() else {}
    lines = worse(now, before)
    print("\n".join(lines) or "no source is worse")
    if lines and asked.write and not asked.note:
        parser.error("sources are worse: say why with --note")
    if asked.write:
        grown = {line.split(":")[0] for line in lines}
        with RECORD.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(("source", "rows", "median_error", "note"))
            for source, (count, error) in now.items():
                note = asked.note if source in grown else before.get(source, (0.0, ""))[1]
                out.writerow((source, count, f"{error:.4f}", note))
        print(f"wrote {RECORD}")


if __name__ == "__main__":
    main()
