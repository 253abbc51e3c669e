"""Scenario files against their schema and the inputs, products and events that they name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wherewithal.catalog import load as catalog
from wherewithal.errors import FileProblems, InputError, Problem
from wherewithal.fleet import model
from wherewithal.fleet.scenario import FOLDER

# Enough to pass through every line of the model.
_DRAWS = 16


def problems(dirs: catalog.Dirs = (), only_user: bool = False) -> Iterator[tuple[str, Problem]]:
    """Yield (file, problem) of every scenario, by running each on a few draws.

    Args:
        dirs: folders of the user's own.
        only_user: whether to leave out those of the catalog.
    """
    folders = [*catalog.folders(dirs)]
    for folder in folders[:-1] if only_user else folders:
        inner = folder / FOLDER
        for path in sorted(inner.iterdir(), key=lambda p: p.name) if inner.is_dir() else []:
            file = f"{FOLDER}/{path.name}"
            if not path.name.endswith(".toml"):
                yield file, Problem("file", "does not end in .toml", "it would not be found")
                continue
            try:
                model.run(Path(str(path)), draws=_DRAWS, dirs=dirs)
            except FileProblems as error:
                yield from ((file, problem) for problem in error.problems)
            except InputError as error:
                yield file, Problem(error.where, error.what, error.fix)
