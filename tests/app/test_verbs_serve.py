"""The verb `serve`: what it says, what it refuses, and that it really answers and really ends."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wherewithal.app import verbs_serve
from wherewithal.app.cli import main


def test_check_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", "--check"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^page http://127\.0\.0\.1:\d+/$", out, re.MULTILINE)
    assert "token none" in out


def test_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port), "--no-store"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"port {port}" in err
    assert "--port 0" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "--port"),
        (["--workers", "0"], "--workers"),
        (["--host", "no.such.host.invalid"], "--host"),
        (["--name", "http://x"], "--name"),
        (["--token-file", "/no/such/file"], "--token-file"),
        (["--measure"], "--measure"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", "--check", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(("words", "library", "extra"), [([], "uvicorn", "web"), (["--stdio"], "mcp", "mcp")])
def test_without_its_extra(
    words: list[str], library: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == library else real(name, *a))
    assert main(["serve", "--check", "--port", "0", *words]) == 2
    err = capsys.readouterr().err
    assert f"wherewithal[{extra}]" in err
    assert err.count("\n") == 1


def test_tokens(tmp_path: Path) -> None:
    assert verbs_serve._token(None, loopback=True) == ""
    made = {verbs_serve._token(None, loopback=False) for _ in range(20)}
    assert len(made) == 20
    assert all(len(token) >= 22 for token in made)
    file = tmp_path / "token"
    file.write_text("a" * 22 + "\n", encoding="ascii")
    file.chmod(0o600)
    assert verbs_serve._token(file, loopback=True) == "a" * 22
    file.chmod(0o644)
    with pytest.raises(verbs_serve.InputError, match="read by others"):
        verbs_serve._token(file, loopback=True)
    file.write_text("short", encoding="ascii")
    with pytest.raises(verbs_serve.InputError, match="no token"):
        verbs_serve._token(file, loopback=True)


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """Yield a running server, its address, and what it has said so far."""
    command = [sys.executable, "-m", "wherewithal", "serve", "--port", "0", "--workers", "1", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    said: list[str] = []
    assert process.stderr is not None
    try:
        while True:
            line = process.stderr.readline()
            assert line, said
            said.append(line)
            found = re.search(r"http://\S+", line)
            if found:
                break
        reading = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
        reading.start()
        yield process, found[0], said
        reading.join(30)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(address: str, path: str, data: object = None, **headers: str) -> tuple[int, bytes]:
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(
        address + path, body, {"Content-Type": "application/json", **{k.title(): v for k, v in headers.items()}}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_answers_and_ends(tmp_path: Path) -> None:
    with serving("--store", str(tmp_path / "kept")) as (process, address, said):
        status, body = ask(address, "v1/plan", {"model": "deepseek-v3", "on": "h20-8:16", "concurrency": 64})
        assert status == 200
        assert json.loads(body)["best"]
        assert ask(address, "healthz", host="evil.test")[0] == 421
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", int(address.rsplit(":", 1)[1].strip("/"))), 5)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert "Traceback" not in "".join(said)
    assert list((tmp_path / "kept").iterdir())


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_with_a_token_only_who_has_it_gets_in(tmp_path: Path) -> None:
    with serving("--no-store", "--host", "0.0.0.0") as (process, shown, said):
        address, _, token = shown.partition("?token=")
        assert len(token) >= 22
        assert ask(address, "healthz")[0] == 401
        assert ask(address, "healthz", authorization=f"Bearer {token}")[0] == 200
        assert ask(address, f"healthz?token={token}")[0] == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, 130, 143, -15)
    assert "".join(said).count(token) == 1
