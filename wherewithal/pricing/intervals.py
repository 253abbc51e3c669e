"""How wide an answer's interval is: quantiles of measured over predicted on blocks like it, from `intervals.toml`.

Residuals r = ln(measured / predicted) of published measurements are kept as the quantiles of four kinds of cell, from
coarse to fine (LADDER): all of a figure; its load; its evidence; its chip. A cell that rests on b blocks (source x model
x chip x engine) counts b / (b + FEW), and what is coarser the rest:

    F = F_figure; for each finer cell that exists: F = F x FEW / (b + FEW) + F_cell x b / (b + FEW)

The 80% interval runs from the 10% to the 90% quantile of F. So a chip that many models were measured on gets the width
that new models had there, and one that nobody measured that of its evidence. Nothing of it is chosen by hand but FEW.
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FIGURES = ("tpot_s", "ttft_s", "e2e_s", "output_tokens_per_s", "input_tokens_per_s", "power_w")
LADDER = ("figure", "load", "evidence", "chip")
# Quantiles that a cell keeps; the first and the last are the furthest residuals seen.
LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
# Blocks that a cell needs to count as much as all that is coarser.
FEW = 3.0
COVER = 0.8


@dataclass(frozen=True)
class Cell:
    """Residuals of some rows: their quantiles at LEVELS, and on how many rows and blocks they rest."""

    quantiles: tuple[float, ...]
    rows: int
    blocks: int


@dataclass(frozen=True)
class Case:
    """What is known of a figure before it is measured: how requests come, and the chip; empty where not known.

    `own`: residuals of figures that the asker measured on this chip (`calibrate`): the finest cell there is.
    """

    load: str = ""
    chip: str = ""
    own: tuple[tuple[str, Cell], ...] = ()


Cells = Mapping[tuple[str, str, str], Cell]


def keys(figure: str, evidence: str, case: Case) -> tuple[tuple[str, str, str], ...]:
    """Return the names (figure, kind of cell, value) of the cells of a case, coarse to fine."""
    of = {"figure": "all", "load": case.load, "evidence": evidence, "chip": case.chip}
    return tuple((figure, kind, of[kind]) for kind in LADDER if of[kind])


def ends(cells: Cells, figure: str, evidence: str, case: Case) -> tuple[float, float]:
    """Return the 10% and 90% quantiles of measured over predicted in a case.

    Args:
        cells: by name (`keys`); that of the figure alone must be there.
        figure: one of FIGURES.
        evidence: `measured`, `analog` or `datasheet`.
        case: what is known besides.
    """
    found = [cells[k] for k in keys(figure, evidence, case) if k in cells]
    found += [cell for name, cell in case.own if name == figure]
    weights: list[float] = []
    for cell in found:
        share = cell.blocks / (cell.blocks + FEW) if weights else 1.0
        weights = [*(w * (1 - share) for w in weights), share]
    low, high = quantiles([c.quantiles for c in found], weights, ((1 - COVER) / 2, (1 + COVER) / 2))
    return math.exp(low), math.exp(high)


def quantiles(parts: Sequence[Sequence[float]], weights: Sequence[float], at: Sequence[float]) -> list[float]:
    """Return quantiles of a mixture of distributions that are given by their quantiles at LEVELS, linear between."""
    knots = np.unique(np.concatenate([np.asarray(p, dtype=np.float64) for p in parts]))
    reached = sum((w * _reached(p, knots) for p, w in zip(parts, weights, strict=True)), np.zeros(len(knots)))
    return [float(np.interp(q, reached, knots)) for q in at]


def _reached(part: Sequence[float], knots: Floats) -> Floats:
    """Return which share of a distribution lies at or below each knot; equal quantiles are one step."""
    places = np.asarray(part, dtype=np.float64)
    share = np.interp(knots, places + np.arange(len(places)) * 1e-12, LEVELS, left=0.0, right=1.0)
    return np.asarray(share, dtype=np.float64)


def read(table: Mapping[str, Any]) -> dict[tuple[str, str, str], Cell]:
    """Return the cells of a file like `intervals.toml`: figure, kind, value, then quantiles, rows, blocks."""
    return {
        (figure, kind, value): Cell(tuple(float(q) for q in row["quantiles"]), int(row["rows"]), int(row["blocks"]))
        for figure, kinds in table["cells"].items()
        for kind, values in kinds.items()
        for value, row in values.items()
    }


@functools.cache
def _installed() -> dict[tuple[str, str, str], Cell]:
    file = resources.files("wherewithal.catalog") / "data" / "curves" / "intervals.toml"
    return read(tomllib.loads(file.read_text(encoding="utf-8")))


@functools.lru_cache(maxsize=4096)
def band(figure: str, evidence: str, case: Case = Case()) -> tuple[float, float]:
    """Return the factors (low, high) by which a prediction becomes an 80% interval; the prediction lies inside.

    Args:
        figure: one of FIGURES.
        evidence: `measured`, `analog` or `datasheet`.
        case: what is known besides.
    """
    low, high = ends(_installed(), figure, evidence, case)
    return min(low, 1.0), max(high, 1.0)


def basis(figure: str, evidence: str, case: Case = Case()) -> str:
    """Return in words what a band rests on: the finest cell that there is."""
    cells = _installed()
    name = next(k for k in reversed(keys(figure, evidence, case)) if k in cells)
    cell = cells[name]
    return f"{cell.rows} published measurements of {cell.blocks} blocks ({name[1]}: {name[2]})"
