"""Parallel axes, one file each; the file's presence is its registration.

A module of this package is an axis when it names itself (`NAME`). It says which named sizes it divides (`DIVIDES`),
which of them never fall below one because ranks hold copies (`COPIES`), and what it sends before and after a block
(`before`, `after`). It never mentions a kind of attention, a chip or an engine.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType


@cache
def axes() -> tuple[ModuleType, ...]:
    """Return the modules of all axes, by name."""
    found = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return tuple(m for m in found if hasattr(m, "NAME"))
