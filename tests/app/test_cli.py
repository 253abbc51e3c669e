"""The command line's promises: exit codes, one line for bad input, nothing but JSON on stdout, no traceback."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.app import made
from tests.app.conftest import Asked, Ran
from wherewithal.app import cli
from wherewithal.app.cli import VERBS, main
from wherewithal.errors import InputError, MissingExtra

Run = Callable[..., Ran]
PLAN = ("plan", "some-model", "--on", "some-system:64")
BAD = [
    (("pln",), "did you mean plan?"),
    (("plan",), "missing argument 'MODEL'"),
    (("plan", "m"), "missing option '--on'"),
    ((*PLAN, "--sol", "ttft=2s"), "did you mean --slo"),
    (("--jsn",), "no option"),
    ((*PLAN, "extra"), "unexpected extra argument"),
    ((*PLAN, "--rate", "10"), "10rps or 600rpm"),
    ((*PLAN, "--rate", "ten"), "--rate"),
    ((*PLAN, "--rate", "10rpz"), "did you mean"),
    ((*PLAN, "--power-limit", "500"), "500W or 500kW"),
    ((*PLAN, "--input-tokens", "0"), "not above zero"),
    ((*PLAN, "--input-tokens", "-5"), "--input-tokens"),
    ((*PLAN, "--input-tokens", "1.5"), "not a whole number"),
    ((*PLAN, "--input-tokens", "9" * 5000), "longer than"),
    ((*PLAN, "--concurrency", "1e400"), "--concurrency"),
    ((*PLAN, "--concurrency", "8", "--rate", "1rps"), "given together"),
    ((*PLAN, "--length-spread", "nan"), "out of range"),
    ((*PLAN, "--length-spread", "2"), "from 0 to 1"),
    ((*PLAN, "--accepted-tokens-per-step", "0.5"), "from 1"),
    ((*PLAN, "--cached-input-tokens", "x"), "not a whole number"),
    ((*PLAN, "--seed", "1" * 5000), "--seed"),
    ((*PLAN, "--precision", "fp8"), "PART=FORMAT"),
    ((*PLAN, "--precision", "wieghts=fp8"), "no part"),
    ((*PLAN, "--precision", "kv=fp8,kv=bf16"), "given twice"),
    ((*PLAN, "--json", "--csv"), "two forms"),
    ((*PLAN, "--explain", "netwrok"), "did you mean network?"),
    ((*PLAN, "--plot", "chart.gif"), "ends in .svg, .png, .pdf, .json"),
    ((*PLAN, "--plot", "/nonexistent/chart.svg"), "no folder"),
    ((*PLAN, "--slo"), "requires an argument"),
    (("predict", "m", "--on", "s"), "missing option '--layout'"),
    (("compare", "m", "--on"), "requires an argument"),
    (("help", "slos"), "did you mean slo"),
    (("completion", "tcsh"), "one of bash"),
    (("catalog", "lst"), "did you mean list?"),
    (("catalog", "list", "chps"), "did you mean chips"),
    (("catalog", "show", "no-such-thing"), "no record"),
    (("catalog", "check", "/nonexistent"), "no folder"),
    (("catalog", "add", "chip", "/nonexistent.toml"), "no such file"),
    ((*PLAN, "--\x1b[31mred", "x"), "no option"),
]


@pytest.mark.parametrize(
    ("words", "says"),
    BAD,
    ids=lambda v: " ".join(v)[:50].encode("ascii", "replace").decode() if isinstance(v, tuple) else "",
)
def test_bad_input_is_one_line_and_exit_2(words: tuple[str, ...], says: str, run: Run, asked: Asked) -> None:
    ran = run(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert says in ran.err
    assert "\x1b" not in ran.err
    assert len(ran.err) < 700
    assert not asked.questions


@pytest.mark.parametrize(
    "error", [InputError("--on", "no such\x1b[2J system", "did you mean x?"), MissingExtra("charts", "plots")]
)
def test_errors_of_the_rooms_below_are_one_line(error: Exception, run: Run, asked: Asked) -> None:
    asked.answer = error
    ran = run(*PLAN)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: {str(error).replace(chr(27), '')}\n"


@pytest.mark.parametrize(
    "error", [ValueError("bad\nnews"), RecursionError(), MemoryError(), ZeroDivisionError(), KeyError("x" * 5000)]
)
def test_an_internal_error_shows_no_traceback_without_debug(error: Exception, run: Run, asked: Asked) -> None:
    asked.answer = error
    ran = run(*PLAN)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: ")
    debugged = run(*PLAN, "--debug")
    assert "Traceback" in debugged.err
    assert debugged.code == 2


def test_a_file_that_cannot_be_read_is_named(run: Run, asked: Asked) -> None:
    asked.answer = PermissionError(13, "Permission denied", "/secret/config.json")
    assert run(*PLAN).err == "error: /secret/config.json: Permission denied\n"


def test_interrupted_is_130(run: Run, asked: Asked) -> None:
    asked.answer = KeyboardInterrupt()
    ran = run(*PLAN)
    assert (ran.code, ran.out) == (130, "")


@pytest.mark.parametrize("verb", ["plan", "predict", "compare"])
@pytest.mark.parametrize("answer", [made.FITS, made.NOT_FEASIBLE], ids=["fits", "not"])
def test_json_is_one_document_and_nothing_else(verb: str, answer: Any, run: Run, asked: Asked) -> None:
    asked.answer = answer
    words = [
        verb,
        "m",
        "--on",
        "a",
        *(["b"] if verb == "compare" else []),
        *(["--layout", "tp8"] if verb == "predict" else []),
    ]
    asked.answer = made.compared((answer, answer)) if verb == "compare" else answer
    ran = run(*words, "--json")
    assert ran.code == (0 if answer is made.FITS else 1)
    assert ran.err == ""
    assert ran.out.isascii()
    document = json.loads(ran.out, parse_constant=pytest.fail)
    assert document["version" if verb != "compare" else "systems"]


def test_json_holds_the_contract(run: Run, asked: Asked) -> None:
    document = json.loads(run(*PLAN, "--json").out)
    names = "model system workload slo considered legal fit feasible elapsed_s best frontier why_not overrides sources version catalog command"
    assert set(names.split()) <= set(document)
    plan = document["best"]
    assert plan["ttft_s"]["statistic"] == "mean"
    assert set(plan["tpot_s"]) >= {"value", "low", "high", "statistic"}
    assert set(plan["pools"][0]["layout"]) >= {"tensor", "pipeline", "expert", "expert_tensor", "data", "context"}


def test_infinities_become_null(run: Run, asked: Asked) -> None:
    asked.answer = replace(made.FITS, elapsed_s=float("inf"))
    assert json.loads(run(*PLAN, "--json").out)["elapsed_s"] is None


def test_no_answer_is_exit_1_with_a_full_answer(run: Run, asked: Asked) -> None:
    asked.answer = made.NOT_FEASIBLE
    ran = run(*PLAN)
    assert ran.code == 1
    assert ran.out.startswith("Not feasible: ")
    assert ran.err == ""


def test_options_become_a_question(run: Run, asked: Asked) -> None:
    ran = run(
        *PLAN, "--input-tokens", "4ki", "--output-tokens", "1k", "--rate", "600rpm", "--slo", "ttft.p95=2s,tpot=50ms",
        "--serving", "colocated, disaggregated", "--precision", "weights=fp8, kv=bf16", "--engine", "generic",
        "--power-limit", "500kW", "--cached-input-tokens", "100", "--accepted-tokens-per-step", "1.7", "--length-spread",
        "0.2", "--max-context", "32k", "--set", "chip.memory=96GB", "--set", "site.pue=1.1", "--catalog", "mine",
        "--seed", "7", "--explain", "memory", "--offload",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    q = asked.questions[0]
    assert (q.model, q.on, q.input_tokens, q.output_tokens) == ("some-model", "some-system:64", 4096, 1000)
    assert q.rate_per_s == pytest.approx(10)
    assert q.concurrency is None
    assert q.slo == "ttft.p95=2s,tpot=50ms"
    assert q.serving == ("colocated", "disaggregated")
    assert q.precision == {"weights": "fp8", "kv": "bf16"}
    assert q.power_limit_w == 500e3
    assert (q.cached_input_tokens, q.accepted_tokens_per_step, q.length_spread, q.max_context) == (100, 1.7, 0.2, 32000)
    assert q.overrides == ("chip.memory=96GB", "site.pue=1.1")
    assert q.catalog_dirs == (Path("mine"),)
    assert (q.seed, q.explain, q.offload, q.engine) == (7, "memory", True, "generic")


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        (("plan", "m", "--on", "s", "--explain"), "operators"),
        (("plan", "--explain", "m", "--on", "s"), "operators"),
        (("plan", "m", "--explain", "--on", "s"), "operators"),
        (("plan", "m", "--explain", "search", "--on", "s"), "search"),
        (("plan", "m", "--on", "s", "--explain=network"), "network"),
        (("plan", "m", "--on", "s"), None),
    ],
)
def test_explain_may_stand_alone(words: tuple[str, ...], topic: str | None, run: Run, asked: Asked) -> None:
    assert run(*words).code == 0
    assert asked.questions[0].explain == topic
    assert asked.questions[0].model == "m"


@pytest.mark.parametrize(
    "words",
    [
        ("compare", "m", "--on", "a:8", "b", "c"),
        ("compare", "m", "--on", "a:8", "--on", "b", "--on", "c"),
        ("compare", "--json", "m", "--on", "a:8", "b", "--on", "c"),
        ("compare", "m", "--on", "a:8", "b", "c", "--slo", "tpot=30ms"),
    ],
)
def test_compare_takes_systems_in_a_row(words: tuple[str, ...], run: Run, asked: Asked) -> None:
    asked.answer = made.compared((made.FITS, made.FITS))
    assert run(*words).code == 0
    assert [q.on for q in asked.questions] == ["a:8", "b", "c"]
    assert {q.model for q in asked.questions} == {"m"}


@pytest.mark.parametrize("form", ["--csv", "--markdown"])
@pytest.mark.parametrize("verb", ["plan", "predict", "compare"])
def test_tables_in_other_forms(verb: str, form: str, run: Run, asked: Asked) -> None:
    asked.answer = made.compared((made.FITS, made.NOT_FEASIBLE)) if verb == "compare" else made.FITS
    words = [
        verb,
        "m",
        "--on",
        "a",
        *(["b"] if verb == "compare" else []),
        *(["--layout", "tp8"] if verb == "predict" else []),
    ]
    ran = run(*words, form)
    assert ran.code == 0
    assert ran.err == ""
    assert ("|---" in ran.out) == (form == "--markdown")
    assert len(ran.out.splitlines()) >= 2


@pytest.mark.parametrize(
    "words",
    [(), ("--help",), ("help",), *((v, "--help") for v in VERBS), ("help", "slo"), ("help", "plan"), ("--version",)],
)
def test_help_is_exit_0_and_fits(words: tuple[str, ...], run: Run) -> None:
    ran = run(*words)
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out
    assert max(map(len, ran.out.splitlines())) <= 120


@pytest.mark.parametrize("topic", ["slo", "units", "evidence", "names", "precision"])
def test_topics(topic: str, run: Run) -> None:
    ran = run("help", topic)
    assert ran.code == 0
    assert ran.out.upper().startswith(topic.upper())
    assert max(map(len, ran.out.splitlines())) <= 110


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_scripts(shell: str, run: Run) -> None:
    ran = run("completion", shell)
    assert ran.code == 0
    assert "_WHEREWITHAL_COMPLETE" in ran.out


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("wherewithal pl", "plan"),
        ("wherewithal plan --s", "--slo"),
        ("wherewithal plan deepseek-v", "deepseek-v3"),
        ("wherewithal plan m --on h20-", "h20-8"),
        ("wherewithal plan m --on this", "this-machine"),
    ],
)
def test_completion_answers(line: str, has: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = line.split()
    monkeypatch.setenv("_WHEREWITHAL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    ran = run()
    assert ran.code == 0
    assert any(one.endswith(f",{has}") for one in ran.out.splitlines()), ran.out


def test_completion_of_nonsense_is_quiet(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_WHEREWITHAL_COMPLETE", "tcsh_complete")
    assert run() == Ran(1, "", "")


def _process(code: str, **more: Any) -> subprocess.Popen[bytes]:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONIOENCODING"} | more.pop("env", {})
    hears = _hears_interrupts
    return subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.PIPE, preexec_fn=hears, **more)  # noqa: PLW1509


def _hears_interrupts() -> None:
    """Undo what a runner in the background hands down: its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_closed_pipe_is_quiet() -> None:
    code = "import sys; from wherewithal.app.cli import main; sys.exit(main(['help', 'units']))"
    read, write = os.pipe()
    os.close(read)
    process = _process(code, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")


def test_an_encoding_without_the_letters_is_no_error() -> None:
    code = "from wherewithal.app import face; face.out('caf\\u00e9 \\u4e2d'); face.note('\\u4e2d')"
    process = _process(code, stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii:strict"})
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, b"caf? ?\n", b"?\n")


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="no signals here")
def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    code = (
        "import sys, time, os; from wherewithal.app import cli\n"
        "def slow(args): sys.stdout.write('ready\\n'); sys.stdout.flush(); time.sleep(30)\n"
        "cli._run = slow; sys.exit(cli.main(['plan']))"
    )
    process = _process(code, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_main_takes_the_words_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["wherewithal", "--version"])
    monkeypatch.setattr(cli.warnings, "simplefilter", lambda *a: None)
    assert main() == 0
    assert capsys.readouterr().out.startswith("wherewithal ")


def test_csv_marks_the_chosen_plan_though_it_carries_an_explanation(run: Run, asked: Asked) -> None:
    best = made.FRONTIER[2]
    pools = tuple(replace(p, operators=(), step_s=1.0) for p in best.pools)
    asked.answer = replace(made.FITS, best=replace(best, pools=pools))
    rows = list(csv.DictReader(io.StringIO(run(*PLAN, "--csv").out)))
    assert [r["chosen"] for r in rows].count("yes") == 1
    assert float(rows[2]["tpot_s"]) == best.tpot_s.value
    assert rows[2]["chosen"] == "yes"
