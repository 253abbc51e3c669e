"""Bring the argument lists of serving engines into the catalog: one CSV an engine, checked, sorted, with its source.

`python tools/import_flags.py ../shared/data/engines/flags` writes `wherewithal/catalog/data/flags/ENGINE.csv`. Rows of a
list that a newer version no longer has (`ENGINE_removed.csv`) are kept with `gone_in`, so that a recipe that still says
one of them is refused with the reason. `tools/read_flags.py` writes the same form straight from an engine's package.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "wherewithal" / "catalog" / "data" / "flags"
COLUMNS = ("flag", "kind", "default", "choices", "aliases", "group", "first_seen", "version", "gone_in", "source")
# Names of the lists to names of the catalog's engines.
ENGINES = {"llama-server": "llama.cpp", "mlx-lm-server": "mlx-lm", "trtllm-serve": "trtllm"}


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of one list in the catalog's columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_row(row, removed=path.stem.endswith("_removed")) for row in csv.DictReader(file)]


def _row(row: dict[str, str], *, removed: bool) -> dict[str, str]:
    if removed:
        return {
            "flag": row["flag"], "kind": row["kind"], "default": row["default"], "version": row["last_version_seen"],
            "gone_in": row["gone_in"], "source": f"in {row['last_version_seen']}, not in {row['gone_in']}",
        }  # fmt: skip
    names = [n for n in row["aliases"].replace(",", " ").split() if n.startswith("-")]
    return {
        "flag": row["flag"], "kind": row["kind"], "default": row["default"].strip("'"), "choices": row["choices"],
        "aliases": " ".join(names), "group": row["group"], "first_seen": row["first_version_seen"],
        "version": row["version_of_list"], "source": row["source"],
    }  # fmt: skip


def write(engine: str, rows: list[dict[str, str]], folder: Path = TARGET) -> Path:
    """Write one engine's list, sorted; a flag that is listed twice (in two sub-commands) stands once a group."""
    unique = {(r["flag"], r.get("group", ""), r.get("gone_in", "")): r for r in rows}
    path = folder / f"{engine}.csv"
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(unique[key] for key in sorted(unique))
    return path


def main() -> None:
    """Read a folder of lists and write the catalog's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--to", type=Path, default=TARGET)
    args = parser.parse_args()
    for path in sorted(args.folder.glob("*.csv")):
        if path.stem.endswith("_removed"):
            continue
        rows = rows_of(path)
        gone = path.with_name(f"{path.stem}_removed.csv")
        rows += rows_of(gone) if gone.exists() else []
        made = write(ENGINES.get(path.stem, path.stem), rows, args.to)
        print(f"{made.name}: {len(rows)} rows")


if __name__ == "__main__":
    main()
