"""It runs anywhere: from a zip, without a home, with a closed pipe, offline, and gives the same answer each time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
QUESTION = ["predict", "llama-3.1-8b", "--on", "h200-8:1", "--layout", "tp1", "--concurrency", "8", "--json"]
SEARCH = ["plan", "qwen3-32b", "--on", "h200-8:8", "--slo", "tpot=30ms", "--json"]


def run(
    argv: list[str], environment: dict[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wherewithal", *argv]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def bare(**more: str) -> dict[str, str]:
    """An environment with nothing in it but what is given."""
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), **more}


def settled(text: str) -> str:
    """A JSON answer without the time that it took."""
    document = json.loads(text)
    document.pop("elapsed_s")
    return json.dumps(document)


def test_runs_from_a_zip(tmp_path: Path) -> None:
    archive = tmp_path / "wherewithal.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted((ROOT / "wherewithal").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                out.write(path, path.relative_to(ROOT))
    # -P keeps the working folder and an editable install of the same package from answering instead.
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); from wherewithal.app.cli import main; sys.exit(main({QUESTION!r}))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["best"]["evidence"]


@pytest.mark.parametrize(
    "environment",
    [
        bare(),
        bare(HOME="/nonexistent"),
        bare(LANG="C", LC_ALL="C", PYTHONUTF8="0"),
        bare(TERM="dumb", COLUMNS="1"),
        bare(TZ="Asia/Tokyo"),
    ],
    ids=["empty", "no home", "C locale", "narrow", "far east"],
)
def test_runs_in_a_poor_environment(environment: dict[str, str]) -> None:
    done = run(["predict", *QUESTION[1:-1]], environment)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip()


def test_a_closed_pipe_is_no_error() -> None:
    reader = ["-c", "import sys; sys.stdin.read(1)"]
    with subprocess.Popen([sys.executable, *reader], stdin=subprocess.PIPE) as head:
        done = subprocess.run(
            [sys.executable, "-m", "wherewithal", "catalog", "list", "chips"],
            cwd=ROOT, stdout=head.stdin, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert head.stdin is not None
        head.stdin.close()
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode in (0, 130)


def test_nothing_phones_home() -> None:
    """Every verb works where opening a socket is an error."""
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise RuntimeError('a socket was opened')\n"
        "socket.socket = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from wherewithal.app.cli import main\n"
        f"sys.exit(max(main(a) for a in ({QUESTION!r}, ['catalog', 'show', 'h20'], ['catalog', 'check'], ['--version'])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert "socket was opened" not in done.stderr
    assert done.returncode in (0, 1), done.stderr


def test_the_same_question_gets_the_same_answer() -> None:
    """Byte for byte, whatever the hash seed, the number of threads, the locale and the time zone."""
    ways = [
        {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
        {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "2", "TZ": "Asia/Tokyo"},
        {"PYTHONHASHSEED": "4711", "LC_ALL": "C"},
    ]
    answers = [run(SEARCH, {**os.environ, **way}) for way in ways]
    assert {a.returncode for a in answers} <= {0, 1}
    assert len({settled(a.stdout) for a in answers}) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX")
def hears_interrupts() -> None:
    """Undo what a runner in the background hands down: its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.8])
def test_an_interrupt_is_clean(after_s: float) -> None:
    code = (
        "import sys; from wherewithal.app.cli import main; print('ready', file=sys.stderr, flush=True)\n"
        "sys.exit(main(['plan', 'deepseek-v3', '--on', 'cloudmatrix-384']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears_interrupts,  # noqa: PLW1509 (no threads here)
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    # Either it was interrupted, or it had finished before.
    assert process.returncode in (0, 130), err
    assert "Traceback" not in err
