"""Plan the fleets' products for one model and SLO and write `fleet_serving.csv`: `python tools/fleet_serving.py MODEL SLO`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from wherewithal.fleet import products, tokens

OUT = Path(__file__).resolve().parent.parent / "wherewithal" / "catalog" / "data" / tokens.FILE
COLUMNS = ("product", "model", "slo", "value", "low", "high", "on", "why")


def main() -> None:
    """Plan every product and write all rows; rows of other models and SLOs are kept."""
    model, slo = sys.argv[1:3]
    old = list(csv.DictReader(OUT.open(encoding="utf-8", newline=""))) if OUT.is_file() else []
    rows = [r for r in old if (r["model"], r["slo"]) != (model, slo)]
    for name in products.names():
        found = tokens.planned(name, model, slo)
        shown = {k: "" if (v := getattr(found, k)) is None else f"{v:.6g}" for k in ("value", "low", "high")}
        rows.append({"product": name, "model": model, "slo": slo, **shown, "on": found.on, "why": found.why})
        print(rows[-1])
    with OUT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
