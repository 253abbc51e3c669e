"""Brings records of model quality and the adoption of open models into the catalog's own form.

    python -m tools.import_national_frontier NATIONAL_FOLDER QUALITY_CATALOG.csv

Writes `national/frontier.csv`, `national/indices.csv`, `national/adoption.csv` and `national/quality.csv` under
`wherewithal/catalog/data`. Every row of the sources is kept; those that belong to no series (events, scores without a
date, scores that a note says to leave out) have an empty `scale`. Levels of intervals are as the source says; where it
names none, as the row of `indices.csv` says and why.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

OUT = Path("wherewithal/catalog/data/national")
Cells = dict[str, str]

# Index of the source to scale; the others belong to no series.
SCALES = {
    "ECI record open": "eci",
    "ECI record any": "eci",
    "LMArena text best open": "lmarena",
    "LMArena text best any": "lmarena",
    "AA Intelligence Index v2": "aa-v2",
    "AA Intelligence Index v4.0": "aa-v4.0",
    "AA Intelligence Index record open": "aa-v4.1-july",
    "AA Intelligence Index record any": "aa-v4.1-july",
    "AA Intelligence Index record open (Sep 2026)": "aa-v4.1",
    "AA Intelligence Index record any (Sep 2026)": "aa-v4.1",
}
# name, title, kind, vintage, until, level, top, least and most (between which a score can be right), note; the first is the one that a reader gets who names none.
INDICES = (
    ("eci", "Epoch Capabilities Index", "releases", "2026-02-08", "2026-02-08", "0.9", "", "50", "250",
     "the copy read does not say the level of its intervals: taken as 90%; dates are releases, scores those of the table"),
    ("aa-v4.1", "Artificial Analysis Intelligence Index v4.1", "releases", "2026-09-03", "2026-09-03", "", "100", "1", "100",
     "publishes no interval; dates are releases, scores those of the table"),
    ("lmarena", "LMArena text", "boards", "each board its own", "2025-12-11", "0.95", "", "800", "1700",
     "each board is a scale of its own: compared within a board, no lead in months; no intervals before July 2024"),
    ("aa-v2", "Artificial Analysis Intelligence Index v2", "releases", "2025-04-13", "2025-04-13", "0.95", "100", "15", "100",
     "the index says that its 95% interval is under 1%, taken as 1 point; dates are releases"),
    ("aa-v4.0", "Artificial Analysis Intelligence Index v4.0", "releases", "2026-04-10", "2025-01-31", "", "100", "5", "100",
     "publishes no interval; few rows, and none of one country after January 2025: later rows of others are left out"),
    ("aa-v4.1-july", "Artificial Analysis Intelligence Index v4.1, table of July 2026", "releases", "2026-07-10",
     "2026-07-10", "", "100", "1", "100",
     "publishes no interval; the ranges of the source are of republished values and not of error"),
)  # fmt: skip
# Scales of which each date is a board of its own; the intervals of one board can come from captures of other days.
BOARDS = {name for name, _, kind, *_ in INDICES if kind == "boards"}
# First words of a model's name to its maker (who published it): longest first wins.
MAKERS = {
    "athene": "Nexusflow", "baichuan": "Baichuan", "chatgpt": "OpenAI", "gpt": "OpenAI", "o1": "OpenAI", "o3": "OpenAI",
    "chocolate": "xAI", "claude": "Anthropic", "deepseek": "DeepSeek", "devstral": "Mistral", "magistral": "Mistral",
    "mistral": "Mistral", "mixtral": "Mistral", "exaone": "LG AI Research", "k-exaone": "LG AI Research",
    "gemini": "Google", "gemma": "Google", "glm": "Z.ai", "grok": "xAI", "hyperclova": "Naver",
    "inkling": "Thinking Machines", "kat-": "Kuaishou", "kimi": "Moonshot AI", "llama": "Meta", "meta-llama": "Meta",
    "llama-3.1-nemotron": "NVIDIA", "llama 3.3 nemotron": "NVIDIA", "nvidia": "NVIDIA", "nemotron": "NVIDIA",
    "mi:dm": "KT", "mimo": "Xiaomi", "minimax": "MiniMax", "motif": "Motif", "phi": "Microsoft",
    "wizardlm": "Microsoft", "qwen": "Alibaba", "qwq": "Alibaba", "solar": "Upstage", "vicuna": "LMSYS", "yi-": "01.AI",
}  # fmt: skip
# First letters of a scale's name to whom its figures are owed.
CREDITS = {
    "eci": "Epoch AI, Epoch Capabilities Index (CC BY 4.0)",
    "aa": "Artificial Analysis, artificialanalysis.ai (figures with attribution)",
    "lmarena": "LMArena (figures with attribution); captures of nakasyou (MIT) and fboulnois (MPL-2.0)",
}
# First words of a tuned model's name to the country of its base, where that is another than its own.
BASES = {"athene-v2": "CN"}


def maker(model: str) -> str:
    """Return who published a model, by the first words of its name; empty where that is not known."""
    found = [prefix for prefix in MAKERS if model.lower().startswith(prefix)]
    return MAKERS[max(found, key=len)] if found else ""


def _scale(row: Cells) -> str:
    left_out = "leave out of record series" in row["note"] or len(row["date"]) != len("2025-01-31") or not row["value"]
    return "" if left_out else SCALES.get(row["index"], "")


def _level(row: Cells) -> str:
    """Return the level of a row's interval: stated or as the index says; empty where low and high are no such interval."""
    if not row["low"] or "not a confidence interval" in row["interval"]:
        return ""
    return next((level for name, *_, level, _, _, _, _ in INDICES if name == _scale(row)), "")


def frontier(rows: Iterable[Cells]) -> list[Cells]:
    """Return the rows of `frontier.csv`."""
    out = []
    for row in rows:
        scale = _scale(row)
        anchor = "anchor of the scale" in row["interval"]
        out.append({
            "scale": scale,
            "board": f"{row['vintage']} {row['source'].split(';')[0]}" if scale in BOARDS else "",
            "scope": "any" if " any" in row["index"] else "open" if " open" in row["index"] else "",
            "date": row["date"],
            "model": row["model"],
            "country": row["country"],
            "maker": maker(row["model"]) if scale else "",
            "base": next((c for p, c in BASES.items() if row["model"].lower().startswith(p)), row["country"]),
            "open": "yes" if row["access"].lower().startswith("open") else "no",
            "access": row["access"],
            "value": row["value"],
            "low": row["value"] if anchor else row["low"],
            "high": row["value"] if anchor else row["high"],
            "unit": "points",
            "level": "1" if anchor else _level(row),
            "interval": row["interval"],
            "index": row["index"],
            "vintage": row["vintage"],
            "status": row["status"],
            "source": row["source"],
            "note": row["note"],
        })  # fmt: skip
    return out


def indices() -> list[Cells]:
    """Return the rows of `indices.csv`."""
    names = ("name", "title", "kind", "vintage", "until", "level", "top", "least", "most", "note")
    rows = [dict(zip(names, row, strict=True)) for row in INDICES]
    return [row | {"source": next(c for p, c in CREDITS.items() if row["name"].startswith(p))} for row in rows]


def adoption(rows: Iterable[Cells]) -> list[Cells]:
    """Return the rows of `adoption.csv`; what the source calls source_ref is `source`."""
    return [{("source" if k == "source_ref" else k): v for k, v in row.items()} for row in rows]


def quality(rows: Iterable[Cells]) -> list[Cells]:
    """Return the rows of `quality.csv`: one a catalog model and variant."""
    return [
        {
            "name": row["name"],
            "variant": row["name_in_source"],
            "index": row["index"],
            "value": row["value"],
            "unit": "points",
            "vintage": row["date"],
            "status": "estimated" if row["note"].startswith("estimated") else "read",
            "source": f"Artificial Analysis snapshot {row['date']}",
            "note": row["note"],
        }
        for row in rows
    ]


def _rows(path: Path) -> list[Cells]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _write(name: str, rows: Sequence[Mapping[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.csv").write_text(text.getvalue(), encoding="utf-8")


def main() -> None:
    """Read the sources and write the catalog's tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("national", type=Path, help="folder with frontier.csv and adoption.csv")
    parser.add_argument("quality", type=Path, help="quality_catalog.csv")
    given = parser.parse_args()
    _write("indices", indices())
    tables: tuple[tuple[str, Callable[[Iterable[Cells]], list[Cells]], Path], ...] = (
        ("frontier", frontier, given.national / "frontier.csv"),
        ("adoption", adoption, given.national / "adoption.csv"),
        ("quality", quality, given.quality),
    )
    for name, made, path in tables:
        _write(name, made(_rows(path)))


if __name__ == "__main__":
    main()
