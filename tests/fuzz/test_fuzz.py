"""Wrong input of every kind ends with code 2 and one line, within 5 s and 1 GiB, and never with a traceback.

2,200 seeded cases run through the command line's own entry; a sample of them runs as real processes.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import mutate
from tests.fuzz.mutate import Case
from wherewithal.app.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
COUNTS = {"config": 700, "system": 350, "gguf": 350, "line": 600, "addition": 200}
PIECES = 10
SAMPLE = 40
CPU_LIMIT_S = 5
MEMORY_LIMIT_BYTES = 2**30
# The least share that must be refused: the rest are mutations that happen to leave a sensible question.
REFUSED = {"config": 0.8, "system": 0.8, "gguf": 0.8, "line": 0.85, "addition": 0.5}


class TooLong(BaseException):
    """A case has used up its CPU time; no handler for ordinary errors can swallow this."""


@dataclass
class Seen:
    """What a case did: exit code, streams, and what was wrong with it (empty where nothing)."""

    code: int
    out: str
    err: str
    wrong: list[str] = field(default_factory=list)


@contextlib.contextmanager
def limits() -> Iterator[None]:
    """Allow `CPU_LIMIT_S` of CPU time and `MEMORY_LIMIT_BYTES` of further address space."""

    def stop(signum: int, frame: Any) -> None:
        raise TooLong

    used = (
        next(int(s.split()[1]) for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmSize"))
        * 1024
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGPROF, stop)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_LIMIT_BYTES, hard))
    signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def judge(seen: Seen) -> Seen:
    """Say what a case did that it must not."""
    lines = seen.err.splitlines()
    if "Traceback" in seen.err + seen.out:
        seen.wrong.append("a traceback")
    if seen.code not in (0, 1, 2):
        seen.wrong.append(f"exit code {seen.code}")
    if seen.code == 2:
        errors = [line for line in lines if line.startswith("error: ")]
        if len(errors) != 1 or len(lines) != 1:
            seen.wrong.append(f"{len(lines)} lines on stderr, {len(errors)} of them errors")
        if seen.out:
            seen.wrong.append("something on stdout beside an error")
    if "error: internal" in seen.err:
        seen.wrong.append("an internal error: " + seen.err.strip())
    if "not enough memory" in seen.err:
        seen.wrong.append("more than 1 GiB asked for")
    if len(seen.err) > 2000:
        seen.wrong.append(f"{len(seen.err)} characters of error")
    if any(ord(c) < 32 and c not in "\n\t" for c in seen.err):
        seen.wrong.append("control characters on stderr")
    return seen


def run_here(case: Case, folder: Path) -> Seen:
    """Run one case in this process."""
    argv = [w.replace("{file}", write(case, folder)) for w in case.argv]
    out, err = io.StringIO(), io.StringIO()
    try:
        with limits(), warnings.catch_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            warnings.simplefilter("ignore")  # as the installed command does
            code = main(argv)
    except TooLong:
        return Seen(-1, out.getvalue(), err.getvalue(), [f"more than {CPU_LIMIT_S} s of CPU"])
    except BaseException as error:  # noqa: BLE001  whatever gets out of the entry is a traceback for a user
        return Seen(-1, out.getvalue(), err.getvalue(), [f"{type(error).__name__} got out: {error}"])
    return judge(Seen(code, out.getvalue(), err.getvalue()))


def write(case: Case, folder: Path) -> str:
    if case.data is None:
        return ""
    if case.inside:
        shutil.rmtree(folder / "additions", ignore_errors=True)
        path = folder / "additions" / case.inside
        path.parent.mkdir(parents=True)
        path.write_bytes(case.data)
        return str(folder / "additions")
    path = folder / f"case{case.suffix}"
    path.write_bytes(case.data)
    return str(path)


@cache
def system_text() -> str:
    return (ROOT / "examples" / "own-system.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def gguf_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return mutate.gguf_seed(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def cases(kind: str, gguf_bytes: bytes) -> list[Case]:
    """Return all cases of a kind."""
    count = COUNTS[kind]
    if kind == "config":
        return list(mutate.config_cases(count))
    if kind == "system":
        return list(mutate.system_cases(count, system_text()))
    if kind == "gguf":
        return list(mutate.gguf_cases(count, gguf_bytes))
    if kind == "addition":
        return list(
            mutate.addition_cases(count, (ROOT / "examples/catalog/chips/own-card.toml").read_text(encoding="utf-8"))
        )
    return list(mutate.line_cases(count))


def shown(case: Case, seen: Seen) -> str:
    words = " ".join(w if len(w) < 60 else w[:40] + "..." for w in case.argv)
    return f"{case.kind} | {case.what} | {words!r} | code {seen.code} | {'; '.join(seen.wrong)} | {seen.err[:200]!r}"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with no user's catalog and a plain terminal."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_two_thousand() -> None:
    assert sum(COUNTS.values()) >= 2000


@pytest.mark.parametrize("name", [*sorted(p.stem for p in mutate.SEEDS.glob("*.json")), "system", "gguf"])
def test_the_seeds_are_right(name: str, elsewhere: Path, gguf_bytes: bytes) -> None:
    """Unmutated, each is answered: otherwise the mutations would prove nothing."""
    if name == "system":
        case = Case(name, name, tuple(mutate.SYSTEM_QUESTION), system_text().encode(), ".toml")
    elif name == "gguf":
        case = Case(name, name, tuple(mutate.MODEL_QUESTION), gguf_bytes, ".gguf")
    else:
        case = Case(name, name, tuple(mutate.MODEL_QUESTION), (mutate.SEEDS / f"{name}.json").read_bytes(), ".json")
    seen = run_here(case, elsewhere)
    assert (seen.code, seen.wrong) == (0, []), seen.err


def test_the_same_seed_gives_the_same_cases(gguf_bytes: bytes) -> None:
    for kind in COUNTS:
        assert cases(kind, gguf_bytes)[:50] == cases(kind, gguf_bytes)[:50]


@pytest.mark.parametrize("piece", range(PIECES))
@pytest.mark.parametrize("kind", COUNTS)
def test_wrong_input_is_one_line(kind: str, piece: int, elsewhere: Path, gguf_bytes: bytes) -> None:
    mine = cases(kind, gguf_bytes)[piece::PIECES]
    bad, refused = [], 0
    for case in mine:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        seen = run_here(case, elsewhere)
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if now > max(peak, MEMORY_LIMIT_BYTES):
            seen.wrong.append(f"{now / 2**20:.0f} MiB at peak")
        # `catalog check` tells what is wrong as its answer: code 1, on stdout.
        refused += seen.code == 2 or (seen.code == 1 and case.argv[:2] == ("catalog", "check"))
        if seen.wrong:
            bad.append(shown(case, seen))
    assert not bad, f"{len(bad)} of {len(mine)}:\n" + "\n".join(bad)
    assert refused >= REFUSED[kind] * len(mine), f"only {refused} of {len(mine)} were refused"


@pytest.mark.parametrize("piece", range(4))
def test_real_processes_agree(piece: int, elsewhere: Path, gguf_bytes: bytes) -> None:
    """A sample as a user runs it: a process of its own, with a real limit on memory and time."""
    every = [c for kind in COUNTS for c in cases(kind, gguf_bytes)]
    mine = [c for c in every[:: len(every) // SAMPLE][:SAMPLE] if not any("\0" in w or "\ud800" in w for w in c.argv)][
        piece::4
    ]
    assert mine
    bad = []
    for case in mine:
        argv = [w.replace("{file}", write(case, elsewhere)) for w in case.argv]
        done = subprocess.run(
            [sys.executable, "-m", "wherewithal", *argv],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S + 1, CPU_LIMIT_S + 1)),
        )
        seen = judge(Seen(done.returncode, done.stdout, done.stderr))
        if seen.wrong:
            bad.append(shown(case, seen))
    assert not bad, "\n".join(bad)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert peak < MEMORY_LIMIT_BYTES, f"{peak / 2**20:.0f} MiB at peak"
