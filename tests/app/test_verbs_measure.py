"""The verb `measure`: forms, exit codes, what it refuses, what it writes, and what it never says."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.stub import Script, Serving
from wherewithal.app.cli import main
from wherewithal.app.face import Face
from wherewithal.app.live import Live
from wherewithal.measure.load import health
from wherewithal.measure.load.drive import State
from wherewithal.measure.rows import COLUMNS, read

ROOT = Path(__file__).resolve().parent.parent.parent
SHORT = ("--input-tokens", "20", "--output-tokens", "6", "--requests", "12", "--concurrency", "2")
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about words and files: a busy machine does not void their runs."""
    monkeypatch.setattr(health, "MOST_LATE_S", 5.0)


@pytest.fixture
def url() -> Iterator[str]:
    with Serving(Script(ttft_s=0.01, itl_s=0.002)) as found:
        yield found


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["measure", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def document(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    _, out, err = run(capsys, *words, "--json")
    assert out, err
    return dict(json.loads(out))


def test_text(capsys: pytest.CaptureFixture[str], url: str) -> None:
    code, out, err = run(capsys, url, *SHORT)
    assert code == 0
    assert out.startswith("Measured: stub at http://127.0.0.1")
    assert err.startswith(f"testing {url}: 2 in flight, at most 12 requests")
    # How the client fared stands before the figures.
    assert out.index("client kept up: late sends p50") < out.index("time to first token (TTFT)")
    for said in ("12 answered, 0 failed", "token ids; exactly as asked", "as the server counts them", "output tok/s"):
        assert said in " ".join(out.split())
    assert f"wherewithal measure {url} --input-tokens 20" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(("slo", "code", "word"), [("ttft=1s,tpot=1s", 0, "Meets"), ("ttft=1s,tpot=1us", 1, "Misses")])
def test_slo(slo: str, code: int, word: str, capsys: pytest.CaptureFixture[str], url: str) -> None:
    found, out, _ = run(capsys, url, *SHORT, "--slo", slo)
    assert found == code
    assert out.startswith(f"{word} the SLO")
    assert "TTFT mean" in out
    assert ("MISSED" in out) == (code == 1)
    assert "% of requests within" in out


def test_json(capsys: pytest.CaptureFixture[str], url: str) -> None:
    found = document(capsys, url, *SHORT, "--slo", "ttft=1s")
    assert found["verdict"] == "meets"
    assert found["client"]["kept_up"]
    assert len(found["requests"]) == 12
    assert found["slo"]["ttft"]["met"]
    assert found["output_tokens_per_s"] > 0
    assert found["latency"]["ttft_s"]["p99"] is None  # twelve answers tell no p99
    assert found["latency"]["ttft_s"]["median"] == pytest.approx(0.01, abs=0.02)


def test_csv_and_markdown(capsys: pytest.CaptureFixture[str], url: str) -> None:
    _, out, _ = run(capsys, url, *SHORT, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 12
    assert all(float(r["ttft_s"]) > 0 and r["output_tokens"] == "6" for r in rows)
    _, out, _ = run(capsys, url, *SHORT, "--markdown")
    assert "| time to first token (TTFT) |" in out
    _, out, err = run(capsys, url, *SHORT, "--plain", "--quiet")
    assert err == ""
    assert "mean: " in out


def test_a_measurement_file_is_read_back(capsys: pytest.CaptureFixture[str], url: str, tmp_path: Path) -> None:
    """What is written is what was measured, in the contract's columns, and `validate` predicts it."""
    path = tmp_path / "m.csv"
    what = ("--model", "llama-3.1-8b", "--on", "h100-8:1", "--layout", "tp1", "--precision", "weights=fp8")
    found = document(capsys, url, *SHORT, *what, "--measurements", path)
    rows = read(path)
    with path.open(encoding="utf-8") as file:
        assert next(csv.reader(file))[: len(COLUMNS)] == list(COLUMNS)
    by = {(r.metric, r.statistic): r for r in rows}
    assert len({r.run for r in rows}) == 1
    assert by["ttft_s", "mean"].value == found["latency"]["ttft_s"]["mean"]
    assert by["tpot_s", "median"].value == found["latency"]["tpot_s"]["median"]
    assert by["output_tokens_per_s", ""].value == found["output_tokens_per_s"]
    one = rows[0]
    assert (one.system, one.chips, one.layout, one.load) == ("h100-8", 1, "tp1", "closed")
    assert (one.concurrency, one.requests, one.input_tokens, one.output_tokens) == (2, 12, 20, 6)
    assert one.precision == {"weights": "fp8"}
    assert main(["validate", "--measurements", str(path), "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)["rows"]
    # Predicted beside measured is what validate says of the file.
    beside = {(b["metric"], b["statistic"] or ""): b["predicted"] for b in found["predicted"]}
    named = {r.id: (r.metric, r.statistic) for r in rows}
    same = [(beside[named[j["id"]]], j["predicted"]) for j in judged if named[j["id"]] in beside]
    assert len(same) >= 8
    assert all(a == pytest.approx(b, rel=0.02) for a, b in same)


def test_measurement_files_grow_and_are_not_overwritten(
    capsys: pytest.CaptureFixture[str], url: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.csv"
    what = (url, *SHORT, "--model", "llama-3.1-8b", "--on", "h100-8:1", "--measurements", path)
    assert run(capsys, *what)[0] == 0
    first = len(read(path))
    code, _, err = run(capsys, *what)
    assert (code, "--append adds to it" in err) == (2, True)
    assert run(capsys, *what[:-4], "--on", "h100-8:1", "--measurements", path, "--append", "--rate", "50rps")[0] == 2
    open_load = [w for w in what if w not in ("--concurrency", "2")]
    assert run(capsys, *open_load, "--append", "--rate", "50rps")[0] == 0
    rows = read(path)
    assert len(rows) > first
    assert {r.load for r in rows} == {"closed", "open"}
    assert {r.request_rate_per_s for r in rows if r.load == "open"} == {50.0}


def test_predicted_beside_measured(capsys: pytest.CaptureFixture[str], url: str) -> None:
    code, out, _ = run(capsys, url, *SHORT, "--model", "llama-3.1-8b", "--on", "h100-8:1")
    assert code == 0
    assert "predicted beside measured" in out
    assert "evidence" in out
    code, out, _ = run(capsys, url, "--burst", "4", "--rate", "40rps", "--model", "llama-3.1-8b", "--on", "h100-8:1",
                       "--input-tokens", "9", "--output-tokens", "3", "--requests", "8")  # fmt: skip
    assert "not predicted" in " ".join(out.split())


def test_the_key_is_never_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the server says it back."""
    monkeypatch.setenv("SERVER_KEY", KEY)
    path = tmp_path / "m.csv"
    with Serving(
        Script(key=KEY, fault="error", fault_every=15, fault_from=6, error=f"quota of {KEY} is used up")
    ) as url:
        what = (url, "--api-key-env", "SERVER_KEY", "--requests", "60", *SHORT[:4], "--concurrency", "2")
        more = ("--model", "llama-3.1-8b", "--on", "h100-8:1", "--measurements", path, "--force")
        for form in ("--plain", "--json", "--csv", "--markdown"):
            _, out, err = run(capsys, *what, *more, form, "--debug")
            assert out
            assert KEY not in out + err
            assert form != "--json" or "quota of [key]" in out
    assert KEY not in path.read_text()
    with Serving(Script(key="another")) as url:
        _, out, err = run(capsys, url, "--api-key-env", "SERVER_KEY", "--served-model", "stub", *SHORT)
    assert "http 401" in err
    assert KEY not in out + err


def interrupted(url: str, *words: str, after_s: float = 4.0) -> tuple[int, str, str]:
    """Run the verb as its own process and press Ctrl-C."""

    def hears() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = [
        sys.executable,
        "-c",
        "import sys; from wherewithal.app.cli import main; sys.exit(main())",
        "measure",
        url,
        *words,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hears  # noqa: PLW1509  the child only resets a signal
    ) as process:  # fmt: skip
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX")
@pytest.mark.parametrize(
    "load", [("--concurrency", "3"), ("--rate", "30rps"), ("--rate", "5rps", "--ramp", "--slo", "ttft=1s")]
)
def test_an_interrupted_run_keeps_what_it_has(load: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    words = ("--requests", "5000", "--max-requests", "5000", "--input-tokens", "20", "--output-tokens", "6", "--json",
             "--model", "llama-3.1-8b", "--on", "h100-8:1", "--measurements", str(path))  # fmt: skip
    with Serving(Script(ttft_s=0.02, itl_s=0.01)) as url:
        for after_s in (6.0, 15.0):  # a busy machine starts slowly
            path.unlink(missing_ok=True)
            code, out, err = interrupted(url, *load, *words, after_s=after_s)
            if out:
                break
    assert code == 130, err
    assert "Traceback" not in err
    found = json.loads(out)
    assert found["verdict"] == "interrupted"
    assert found["answered"] > 3
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert rows
    assert {r["eligible"] for r in rows} == {"no"}


def test_bounds_are_said(capsys: pytest.CaptureFixture[str], url: str) -> None:
    short = ("--input-tokens", "20", "--output-tokens", "3")
    found = document(capsys, url, *short, "--rate", "100rps", "--max-requests", "15", "--slo", "ttft.p99=1s")
    assert any("--max-requests" in n for n in found["notes"])
    assert any("p99 of 15 answers" in n for n in found["notes"])
    found = document(capsys, url, *short, "--rate", "100rps", "--duration", "300ms")
    assert any("--duration" in n for n in found["notes"])
    found = document(capsys, url, *short, "--concurrency", "1", "--ramp", "--slo", "ttft=9s", "--max-requests", "40")
    assert found["verdict"] == "meets"
    assert any("before any load failed" in n for n in found["notes"])
    assert [s["load"] for s in found["ramp"]] == [1, 2, 4, 8]
    assert found["load"]["concurrency"] == 8


def test_a_spoiled_run_is_not_graded(
    capsys: pytest.CaptureFixture[str], url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(health, "MOST_CPU", 1e-6)
    path = tmp_path / "m.csv"
    code, out, _ = run(
        capsys, url, *SHORT, "--slo", "ttft=1s", "--model", "llama-3.1-8b", "--on", "h100-8:1", "--measurements", path
    )
    assert code == 1
    assert out.startswith("Not graded")
    assert "DID NOT KEEP UP (the client used" in " ".join(out.split())
    assert all(r.eligible is False for r in read(path))
    assert main(["validate", "--measurements", str(path)]) == 2
    assert "eligible = no" in capsys.readouterr().err


def test_failures(capsys: pytest.CaptureFixture[str]) -> None:
    with Serving(Script(fault="http", fault_every=2, fault_from=8)) as url:
        code, out, _ = run(capsys, url, "--requests", "200", *SHORT[:4], "--concurrency", "4")
    assert code == 1
    assert out.startswith("Failed: stub")
    assert "http 503" in out
    assert "overloaded" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("http://169.254.169.254",), "for machines to ask about themselves"),
        (("http://8.8.8.8",), "not on a private network; --yes"),
        (("http://127.0.0.1:9", "--rate", "1500rps"), "1,500 requests a second; --yes"),
        (("http://127.0.0.1:9", "--requests", "5k"), "--max-requests 5000"),
        (("http://127.0.0.1:9", "--burst", "1500"), "--burst: 1,500 requests a second; --yes"),
        (("http://127.0.0.1:9", "--rate", "5rps", "--concurrency", "3"), "given together with --concurrency"),
        (("http://127.0.0.1:9", "--burst", "5", "--trace", "x"), "given together with --trace"),
        (("http://127.0.0.1:9", "--ramp"), "no service level to keep"),
        (("http://127.0.0.1:9", "--ramp", "--burst", "4", "--slo", "ttft=2s"), "start from --rate or --concurrency"),
        (("http://127.0.0.1:9", "--api-key-env", "NO_SUCH_KEY"), "the environment holds no 'NO_SUCH_KEY'"),
        (("http://127.0.0.1:9", "--extra-body", "[1]"), "no JSON object"),
        (("http://127.0.0.1:9", "--extra-body", '{"stream": false}'), "which the test itself sets"),
        (("http://127.0.0.1:9", "--measurements", "x.csv"), "needs --model and --on"),
        (("http://127.0.0.1:9", "--engine", "vllm"), "needs --model and --on"),
        (("http://127.0.0.1:9", "--model", "llama-3.1-8b"), "give both --model and --on"),
        (("http://127.0.0.1:9", "--model", "llama-3.1-8b", "--on", "h100-8:2"), "--layout: not given"),
        (("http://127.0.0.1:9", "--model", "lama-3.1-8b", "--on", "h100-8:1"), "did you mean"),
        (("http://127.0.0.1:9", "--trace", "none.csv"), "cannot be read"),
        (("http://127.0.0.1:9", "--vocabulary", "none.gguf"), "no such file"),
        (("http://127.0.0.1:9", "--workload", "none"), "none"),
        (("http://127.0.0.1:9", "--endpoint", "embed"), "--endpoint"),
        (("http://127.0.0.1:9",), "Connection refused"),
        (("ftp://127.0.0.1:9",), "only http and https"),
        ((), "Missing argument"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("error: ")
    assert said.lower() in last.lower()


def test_without_its_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [m for m in sys.modules if m.startswith("wherewithal.measure.load")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    code, _, err = run(capsys, "http://127.0.0.1:9")
    assert code == 2
    assert err == "error: measure needs aiohttp: not installed; pip install 'wherewithal[measure]'\n"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_live_line() -> None:
    screen = Screen()
    live = Live(Face(), screen)
    live("2 in flight", State(3.2, 10, 7, 2, 1, 700, 0.05, float("nan")))
    assert (
        "2 in flight | 3 s, 7 of 10 sent answered, 2 in flight, TTFT 50.0 ms, 218.8 tok/s, 1 FAILED"
        in screen.getvalue()
    )
    live.close()
    assert screen.getvalue().endswith("\r")
    quiet = Screen()
    Live(Face(quiet=True), quiet)("x", None)
    Live(Face(), io.StringIO())("x", None)
    assert quiet.getvalue() == ""
