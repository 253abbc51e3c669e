"""How good the basis of a prediction is, and what follows when several are combined."""

from __future__ import annotations

from collections.abc import Iterable

MEASURED, ANALOG, DATASHEET = "measured", "analog", "datasheet"
ORDER = (MEASURED, ANALOG, DATASHEET)


def weakest(evidences: Iterable[str]) -> str:
    """Return the weakest of some evidences; `measured` where there are none.

    Args:
        evidences: any of `measured` (this chip, this kind of operator, fitted), `analog` (a relative, scaled by the
            datasheets), `datasheet` (peak figures and default efficiencies).

    Raises:
        ValueError: where a name is none of these.
    """
    return ORDER[max((ORDER.index(e) for e in evidences), default=0)]
