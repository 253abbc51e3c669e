"""`python -m bench [--smoke] [install]`: the table of promises; 1 where one is missed (never with `--smoke`)."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator

from bench import cases
from bench.install import install
from bench.load import load
from bench.promise import Row, table
from bench.steps import steps


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("speed", "install"), default="speed")
    parser.add_argument("--smoke", action="store_true", help="fewer repetitions, and nothing is judged")
    options = parser.parse_args()
    if options.what == "install":
        rows = list(install())
    else:
        measured: tuple[Callable[..., Iterator[Row]], ...] = (cases.start_up, steps, cases.plan, cases.quick, load)
        rows = [row for case in measured for row in case(smoke=options.smoke)]
    print(f"Python {platform.python_version()}, {platform.machine()}; ratio: times better than promised")
    print(table(rows))
    missed = [r for r in rows if r.ratio is not None and r.ratio < 1]
    return 1 if missed and not options.smoke else 0


if __name__ == "__main__":
    sys.exit(main())
