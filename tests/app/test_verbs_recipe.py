"""The verb `recipe` as its user meets it: what is written, what is said, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from wherewithal.app.cli import VERBS, cli, main

ASKED = ["recipe", "qwen3-32b", "--on", "h100-8:8", "--engine", "sglang", "--layout", "4x tp2", "--concurrency", "32"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "launch"


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_answer_names_files_start_and_measure(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, err = run([*ASKED, "-o", str(out), "--quiet"], capsys)
    assert (code, err) == (0, "")
    assert {p.name for p in out.iterdir()} == {"serve.sh", "launch.sh"}
    assert f"start: MODEL=... bash {out / 'launch.sh'}" in text
    said = " ".join(text.replace("\\\n", " ").split())
    assert "wherewithal measure http://127.0.0.1:30000 --concurrency 8 " in said
    assert "--on h100-8:2" in said
    assert "cannot be expressed: one address for all replicas" in said


def test_all_launchers(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run([*ASKED, "-o", str(out), "--docker", "--kubernetes", "--slurm", "--json"], capsys)
    document = json.loads(text)
    assert code == 0
    assert set(document["files"]) == {"serve.sh", "launch.sh", "compose.yaml", "kubernetes.yaml", "slurm.sbatch"}
    for name, content in document["files"].items():
        assert (out / name).read_text(encoding="utf-8") == content
    assert document["version"] == "0.5.23"
    assert document["next"][0].startswith("wherewithal measure")


@pytest.mark.parametrize("form", ["--csv", "--markdown", "--plain"])
def test_other_forms(form: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run([*ASKED, "-o", str(out), form], capsys)
    assert code == 0
    assert "serve.sh" in text


def test_files_of_a_user_are_kept(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out.mkdir()
    (out / "serve.sh").write_text("mine", encoding="utf-8")
    code, _, err = run([*ASKED, "-o", str(out)], capsys)
    assert code == 2
    assert "--force" in err
    assert (out / "serve.sh").read_text(encoding="utf-8") == "mine"
    assert run([*ASKED, "-o", str(out), "--force"], capsys)[0] == 0
    assert (out / "serve.sh").read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "vllm@0.20.0"], "--engine vllm@0.33.0"),
        (["--engine", "generic"], "name one of"),
        (["--engine", "llama.cpp", "--layout", "tp3"], ""),
        (["--host-chips", "0"], "1 to 10,000"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], said: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run([*ASKED, *words, "-o", str(out), "--quiet"], capsys)
    assert code in ((2,) if said else (1, 2))
    assert said in err
    assert err.count("\n") == (1 if said else err.count("\n"))
    assert not out.exists()


def test_without_an_engine(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(["recipe", "qwen3-32b", "--on", "h100-8:8", "-o", str(out)], capsys)
    assert code == 2
    assert "vllm" in err
    assert "sglang" in err


def test_what_fits_nowhere_is_answered_as_plan_does(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["recipe", "deepseek-v3", "--on", "h100-8:1", "--engine", "vllm", "-o", str(out), "--quiet"]
    code, text, _ = run(words, capsys)
    assert code == 1
    assert text.startswith("Not feasible")
    assert not out.exists()


def test_no_path_of_this_machine_gets_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Path(__file__).parents[2] / "examples" / "own-model" / "config.json"
    words = ["recipe", str(config), "--on", "h100-8:1", "--engine", "vllm", "-o", str(tmp_path / "o"), "--quiet"]
    assert run(words, capsys)[0] == 0
    text = (tmp_path / "o" / "serve.sh").read_text(encoding="utf-8")
    assert str(config.parent) not in text
    assert str(tmp_path) not in text


def test_the_next_command_has_only_options_that_measure_has(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "measure" not in VERBS:
        pytest.skip("no verb measure")
    command = cli.get_command(click.Context(cli), "measure")
    assert command is not None
    known = {o for p in command.params for o in p.opts}
    more = ["--precision", "kv=fp8", "--slo", "tpot=80ms", "--length-spread", "0.2"]
    _, text, _ = run([*ASKED, *more, "-o", str(out), "--json"], capsys)
    words = json.loads(text)["next"][0].split()
    assert {w for w in words if w.startswith("--")} <= known
