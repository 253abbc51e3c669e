"""What AI can you run with the chips, power and money you can get? The public names, nothing else.

Nothing is imported before it is used: `model`, `system`, `workload`, `slo`, `plan`, `predict`, `compare`, `fleet`,
`frontier` and `claims` come from `wherewithal.app.notebook` at their first use.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__version__ = "0.1.0"
__all__ = ["claims", "compare", "fleet", "frontier", "model", "plan", "predict", "slo", "system", "workload"]
# Public names that are folders too.
_FOLDERS = ("claims", "fleet", "frontier", "model", "plan")


class _Callable(ModuleType):
    """A folder of the package whose name is a verb of the public names too: `wherewithal.plan(...)`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the public function of that name."""
        name = self.__name__.rpartition(".")[2]
        return getattr(importlib.import_module("wherewithal.app.notebook"), name)(*args, **kwargs)


class _Package(ModuleType):
    """The package: the import system sets names such as `plan` to their folders, which stay callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in __all__ and type(value) is ModuleType:
            value.__class__ = _Callable
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    """Return one of the public names, imported at its first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _FOLDERS:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(importlib.import_module(f"{__name__}.app.notebook"), name)


def __dir__() -> list[str]:
    """Return what completion should offer."""
    return sorted([*__all__, "__version__"])


sys.modules[__name__].__class__ = _Package
