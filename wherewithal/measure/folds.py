"""Blocks of measurements and their folds: what is held out together so that nothing is judged by what it was fitted on.

A block is source x model x chip x engine. Its fold is drawn by hashing its name with SEED: fold = SHA-256(SEED, block)
mod FOLDS. So a block keeps its fold whatever else is measured, on every machine, and the folds need no file. What is
fitted for a fold uses the rows of all other folds; what is shipped uses all rows.
"""

from __future__ import annotations

import hashlib
from functools import cache

from wherewithal.catalog import load as catalog
from wherewithal.errors import WherewithalError
from wherewithal.measure.rows import Row

FOLDS = 5
SEED = 4


def block(row: Row) -> str:
    """Return a row's block: source, model, chip and engine, joined by `|`."""
    return "|".join((row.source, row.model, chip_of(row.system, row.chip), row.engine))


def fold(of: str) -> int:
    """Return the fold of a block, 0 to FOLDS - 1."""
    return int.from_bytes(hashlib.sha256(f"{SEED}|{of}".encode()).digest()[:8], "big") % FOLDS


@cache
def chip_of(system: str, other: str) -> str:
    """Return the chip that a row ran on: the one in the system's place, else the system's own, else as written."""
    if other:
        return other
    try:
        name, _ = catalog.resolve("systems", system)
        return str(catalog.raw("systems", name)["chip"])
    except (WherewithalError, KeyError):
        return system
