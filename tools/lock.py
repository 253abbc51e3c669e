"""Resolve the pinned sets in requirements/ from pyproject.toml: every platform, Python 3.11 and newer, with hashes.

No index address goes into the files: whoever installs uses the index that their own pip is set to.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETS = {"run": "build", "dev": "dev"}


def compile_set(name: str, group: str) -> None:
    """Write requirements/NAME.txt: the core's dependencies and one group of pyproject.toml."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--group", f"pyproject.toml:{group}"]
    command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade", "--quiet"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"]
    out = ROOT / "requirements" / f"{name}.txt"
    subprocess.run([*command, "-o", str(out.relative_to(ROOT))], cwd=ROOT, check=True)
    out.write_text("# Made by `make lock` from pyproject.toml; do not edit.\n" + out.read_text())


if __name__ == "__main__":
    for set_name, group_name in SETS.items():
        compile_set(set_name, group_name)
