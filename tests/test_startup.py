"""A cold start is cheap: nothing heavy is imported before the verb that needs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# None of these may be loaded by `import wherewithal`, nor by `--help`: each costs more than the whole promise leaves.
NEVER = {
    "scipy",
    "numba",
    "pandas",
    "pyarrow",
    "pydantic",
    "gguf",
    "requests",
    "aiohttp",
    "yaml",
    "llvmlite",
    "fastapi",
    "ray",
    "numpy",
}
# Promise: 0.3 s of CPU each. Six times that passes here, since test machines are shared and slow; `python -m bench`
# measures the promise itself, against bare Python in the same run.
CPU_LIMIT_S = 1.8

PROBE = """
import json, resource, sys
before = resource.getrusage(resource.RUSAGE_SELF)
code = 0
try:
    {statement}
except SystemExit as end:
    code = end.code or 0
after = resource.getrusage(resource.RUSAGE_SELF)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({{"cpu_s": cpu, "code": code, "modules": sorted(sys.modules)}}), file=sys.stderr)
"""

# The date of the catalog is read through its schema.
ALSO = {"version": {"pydantic"}}
STARTS = {
    "import": "import wherewithal",
    "help": "from wherewithal.app.cli import main; code = main(['--help'])",
    "version": "from wherewithal.app.cli import main; code = main(['--version'])",
    "verb help": "from wherewithal.app.cli import main; code = main(['plan', '--help'])",
}


def start(statement: str) -> dict[str, object]:
    probe = PROBE.format(statement=statement)
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return dict(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("name", STARTS)
def test_start_is_light(name: str) -> None:
    seen = start(STARTS[name])
    assert seen["code"] == 0
    loaded = {str(m).split(".")[0] for m in seen["modules"]}  # type: ignore[attr-defined]
    assert loaded & NEVER - ALSO.get(name, set()) == set()
    assert float(str(seen["cpu_s"])) < CPU_LIMIT_S


def test_the_probe_sees() -> None:
    """A heavy import would be noticed."""
    assert "numpy" in start("import numpy")["modules"]  # type: ignore[operator]
