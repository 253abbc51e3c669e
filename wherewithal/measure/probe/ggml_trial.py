"""Whether a library multiplies rightly with repacked weights of a format, tried in a process of its own.

A library built for another processor, or by a compiler that gets its tile instructions wrong, ends the process that calls
it. The trial runs as `python -m wherewithal.measure.probe.ggml_trial LIBRARY KIND INDEX TYPE`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wherewithal.measure.probe.ggml_api import Library
from wherewithal.measure.probe.ggml_memory import Arena, Place, Weights, encoded, place

LIMIT_S = 60.0
_ROW, _COLUMNS = 512, 128
# Rows that choose different kernels: one, few, a tile's worth.
_ROWS = (1, 4, 64)
# Largest difference of two kernels that round inputs to 8 bits, over the largest product.
_AGREE = 0.03


def holds(path: Path, kind: str, index: int, number: int) -> bool:
    """Return whether the products of a type ran to their end in a child process.

    Args:
        path: the library.
        kind: device kind, as in `ggml_memory.place`.
        index: which of that kind.
        number: of the type.
    """
    words = [sys.executable, "-m", __name__, str(path), kind, str(index), str(number)]
    folders = [str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "GGML_NO_BACKTRACE": "1"}
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(words, stdout=quiet, stderr=quiet, timeout=LIMIT_S, env=environment, check=False)  # noqa: S603  our own module
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def products(where: Place, number: int, rows: int) -> NDArray[np.float32]:
    """Return random rows multiplied with random weights of one type, flat.

    Args:
        where: the device; weights are laid where it wants them.
        number: of the type.
        rows: how many rows.
    """
    lib = where.lib
    weights = Weights(where, number, (_ROW, _COLUMNS), 1, encoded(lib, number, _ROW, 0))
    arena = Arena(where, rows * (_ROW + _COLUMNS) * 4 + 4096, 16)
    given = np.random.default_rng(1).standard_normal((rows, _ROW), dtype=np.float32)
    x = arena.fill(arena.put(arena.tensor(0, _ROW, rows)), given)
    node = arena.put(lib.call("mul_mat", arena.context, weights.tensors[0], x))
    arena.work([arena.graph([node])])()
    found = arena.values(node)
    arena.free()
    weights.free()
    return found


def main(words: list[str]) -> int:
    """Run a trial: library, device kind, its number, number of the type."""
    path, kind, index, number = words
    packed = place(Library(Path(path)), kind, int(index), threads=1, packed=True)
    plain = packed._replace(packed=())
    for rows in _ROWS:
        found, right = products(packed, int(number), rows), products(plain, int(number), rows)
        if not np.abs(found - right).max() <= _AGREE * np.abs(right).max():
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
