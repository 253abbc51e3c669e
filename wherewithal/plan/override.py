"""`--set PATH=VALUE` on prices and the site; chips, systems and hosts are the machine room's, models the model room's."""

from __future__ import annotations

from collections.abc import Sequence

from wherewithal import units
from wherewithal.errors import InputError, nearest
from wherewithal.machine.override import ROOTS, pairs

# Path to (unit, name of the term that it sets).
PATHS = {
    "price.rent": ("usd_per_h", "usd_per_hour"),
    "price.purchase": ("usd", "purchase_usd"),
    "price.electricity": ("usd_per_j", "usd_per_j"),
    "price.write_off": ("s", "write_off_s"),
    "site.pue": ("1", "pue"),
}


def site(overrides: Sequence[str], where: str = "--set") -> tuple[dict[str, float], dict[str, tuple[str, str]]]:
    """Return (term to value in SI, path to (old, new) text) of the overrides of prices and the site.

    Raises:
        InputError: for a path that nothing has, with the nearest ones, or a value out of range.
    """
    terms: dict[str, float] = {}
    said: dict[str, tuple[str, str]] = {}
    for path, value in pairs(overrides, where):
        root = path.split(".")[0]
        if root in ROOTS or root == "model":
            continue
        if path not in PATHS:
            roots = [*PATHS, *(f"{r}...." for r in (*ROOTS, "model"))]
            hint = ", ".join(nearest(path, PATHS) or roots)
            raise InputError(where, f"no figure {path[:80]!r}", f"did you mean {hint}?")
        unit, term = PATHS[path]
        number = units.parse(value, unit, f"{where} {path}")
        if number <= 0 or (path == "site.pue" and not 1.0 <= number <= 10.0):
            raise InputError(
                f"{where} {path}", f"{value[:40]!r} is out of range", "PUE is at least 1; prices are above zero"
            )
        terms[term], said[path] = number, ("", value)
    return terms, said
