"""What an installation costs: `python -m bench install` makes a fresh environment and measures it (network needed)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path

from bench.process import ROOT
from bench.promise import Row


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def install() -> Iterator[Row]:
    """Time and size of the core in a fresh environment, with the pinned set and a built wheel; then `pip check`."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "env"
        venv.create(folder, with_pip=True)
        python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
        before, start = _size(folder), time.perf_counter()
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "run.txt")], check=True)
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", str(ROOT)], check=True)
        took = time.perf_counter() - start
        subprocess.run([python, "-m", "pip", "check"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([python, "-m", "wherewithal", "--help"], check=True, stdout=subprocess.DEVNULL, cwd=place)
        yield Row("install: time", took, "s", 30)
        yield Row("install: size", (_size(folder) - before) / 1e6, "MB", 450)
