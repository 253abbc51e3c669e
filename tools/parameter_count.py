"""Counts the fitted numbers in the catalog: those of operators, of collectives, of engines and of intervals.

    python -m tools.parameter_count

Read from the files alone, so that what is counted is what an answer uses. A number that a source states (`known` = read, derived)
is no fit and is counted apart.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

DATA = Path(__file__).resolve().parent.parent / "wherewithal" / "catalog" / "data"
CONSTANTS = ("compute_share", "memory_share", "launch_s", "depth_pad", "row_pad", "step_s", "pad_bytes")
LINKS = ("share_of_bandwidth", "latency_s", "launch_s", "ramp_s")
# Files of the curves' folder that are not one chip's operators.
OTHERS = ("blockwise", "collectives", "datasheet", "intervals", "relatives")
FITTED = "estimated"


class Count(NamedTuple):
    """Fitted numbers of one sort: what they are, how many, and on what they were fitted."""

    what: str
    numbers: int
    basis: str


def counts(data: Path = DATA) -> list[Count]:
    """Return the numbers by sort.

    Args:
        data: the catalog's folder.
    """
    curves = data / "curves"
    own = [
        (f.stem, c) for f in sorted(curves.glob("*.toml")) if f.stem not in OTHERS for c in _toml(f).get("curve", ())
    ]
    measured = [c for _, c in own if c.get("evidence", "measured") == "measured"]
    chips = len({chip for chip, c in own if c.get("evidence", "measured") == "measured"})
    pool, gguf = (_toml(curves / f"{n}.toml").get("curve", []) for n in ("datasheet", "blockwise"))
    links = [c for c in _toml(curves / "collectives.toml").get("collective", ()) if c["evidence"] == "measured"]
    figures = list(stated(data))
    cells = list(_cells(_toml(curves / "intervals.toml").get("cells", {})))
    engines = sum(f["known"] == FITTED for f in figures)
    shares = sum(n in c for c in gguf for n in ("compute_share",))
    return [
        Count(
            "operators: constants", _constants(measured), f"{len(measured)} curves of {chips} chips, operator tables"
        ),
        Count("operators: table entries", _entries(measured), "the same tables, log of work to a percent"),
        Count("operators: pools of chips", _constants(pool) + _entries(pool), "medians over the chips above"),
        Count("operators of GGUF weights: shares of peak", shares, "prompt rates among the rows scored here"),
        Count("collectives", sum(n in c for c in links for n in LINKS), f"{len(links)} curves, tables of collectives"),
        Count("engines", engines, "rows scored here: shortest steps, times of a sequence and of a request"),
        Count(
            "intervals", sum(len(c["quantiles"]) for c in cells), f"{len(cells)} cells of residuals of rows scored here"
        ),
    ]


def not_fitted(data: Path = DATA) -> dict[str, int]:
    """Return how known the engines' other figures are, with how many: stated by a source, or taken over."""
    out: dict[str, int] = {}
    for figure in stated(data):
        if figure["known"] != FITTED:
            out[figure["known"]] = out.get(figure["known"], 0) + 1
    return dict(sorted(out.items()))


def size(data: Path = DATA) -> int:
    """Return the size of all curves on disk [B]."""
    return sum(f.stat().st_size for f in (data / "curves").glob("*.toml"))


def stated(data: Path) -> Iterator[dict[str, Any]]:
    """Yield every figure of every engine file: a table with `is` and `known`, wherever it stands."""
    for file in sorted((data / "engines").glob("*.toml")):
        yield from _walk(_toml(file))


def _walk(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "is" in part and "known" in part:
            yield part
        for inner in part.values():
            yield from _walk(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _walk(inner)


def _constants(curves: list[dict[str, Any]]) -> int:
    return sum(n in c for c in curves for n in CONSTANTS)


def _entries(curves: list[dict[str, Any]]) -> int:
    return sum(len(c.get("surface", "").split()) for c in curves)


def _cells(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "quantiles" in part:
        yield part
    else:
        for inner in part.values():
            yield from _cells(inner)


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def main() -> None:
    """Print the counts."""
    for one in counts():
        print(f"{one.numbers:9,}  {one.what:45} {one.basis}")
    print("engine figures that are no fit:", ", ".join(f"{n} {known}" for known, n in not_fitted().items()))
    print(f"{size():,} bytes of curves")


if __name__ == "__main__":
    main()
