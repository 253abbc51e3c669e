"""Parallel axes, one file each; the file's presence is its registration.

A module of this package is an axis when it names itself (`NAME`). It says which named sizes it divides (`DIVIDES`),
which of them never fall below one because ranks hold copies (`COPIES`), and, where it sends anything, what it sends
before and after a block (`before`, `after`). It never mentions a kind of attention, a chip or an engine.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

from wherewithal.model.block import Block
from wherewithal.model.op import Formats, Load, Op


@cache
def axes() -> tuple[ModuleType, ...]:
    """Return the modules of all axes, by name."""
    found = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return tuple(m for m in found if hasattr(m, "NAME"))


Sends = Callable[[Block, Any, Load, Formats], Iterator[Op]]


@cache
def senders(when: str) -> tuple[Sends, ...]:
    """Return the functions of all axes that send something `before` or `after` a block."""
    return tuple(getattr(axis, when) for axis in axes() if hasattr(axis, when))
