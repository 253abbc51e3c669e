"""The verb `probe`: forms, the file, what is refused, what a screen shows."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest

from tests.measure.probe.conftest import Made
from wherewithal.app import report_probe
from wherewithal.app.cli import main
from wherewithal.app.face import Face
from wherewithal.measure.probe import choose, file, run


@pytest.fixture(autouse=True)
def backend(monkeypatch):
    made = Made()
    monkeypatch.setattr(choose, "chosen", lambda asked: (made, ["made up"]))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        monkeypatch.setenv(name, "1")
    return made


def ran(capsys, *words):
    code = main(["probe", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_without_a_file_the_table_is_printed(capsys):
    code, out, err = ran(capsys)
    assert code == 0
    assert "made up" in err
    assert "matmul" in out
    assert "1 GFLOP/s" in out
    assert "no collectives: one device" in out
    assert "wrote" not in err


def test_json_is_the_probe_file(capsys, tmp_path):
    code, out, err = ran(capsys, "--json", "--quiet", "-o", tmp_path / "p.json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "p.json").read_text())
    assert file.read(tmp_path / "p.json").complete


def test_csv_and_markdown_have_every_row(capsys):
    _, out, _ = ran(capsys, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {r["kind"] for r in rows} >= {"matmul", "launch", "stream"}
    assert all(float(r["seconds"]) > 0 for r in rows)
    _, out, _ = ran(capsys, "--markdown")
    assert sum(line.startswith("|") for line in out.splitlines()) == len(rows) + 2


def test_a_file_is_gone_on_with(capsys, tmp_path, backend):
    path = tmp_path / "p.json"
    ran(capsys, "-o", path)
    before = len(backend.asked)
    _, out, _ = ran(capsys, "-o", path)
    assert "were there already" in out
    assert len(backend.asked) - before < before / 3  # only those that it has not got


def test_another_seed_is_refused(capsys, tmp_path):
    ran(capsys, "-o", tmp_path / "p.json")
    code, _, err = ran(capsys, "-o", tmp_path / "p.json", "--seed", 5)
    assert code == 2
    assert "another seed" in err
    assert len(err.strip().splitlines()) == 2  # the note on the backend, and the one line


def test_a_model_puts_its_shapes_first(capsys, backend):
    ran(capsys, "--like", "qwen3-8b")
    first = next(c for c in backend.asked if c.kind == "matmul")
    assert {first.size["n"], first.size["k"]} & {4096, 12288}


def test_formats_asked_for(capsys, backend):
    ran(capsys, "--formats", "bf16, fp8")
    assert {c.format for c in backend.asked if c.kind == "matmul"} == {"bf16", "fp8"}
    code, _, err = ran(capsys, "--formats", "bf17")
    assert code == 2
    assert "did you mean bf16" in err


@pytest.mark.parametrize(
    "words", [("--minutes", "0"), ("--minutes", "x"), ("--threads", "0"), ("--like", "no-such-model")]
)
def test_bad_words(capsys, words):
    code, _, err = ran(capsys, *words)
    assert code == 2
    assert words[0] in err or "no-such-model" in err


def test_interrupted(capsys, tmp_path, backend):
    backend.stop_at = 12
    code, out, _ = ran(capsys, "-o", tmp_path / "p.json")
    assert code == 130
    assert "stopped early" in out
    assert not file.read(tmp_path / "p.json").complete


def test_interrupted_before_anything(capsys, backend):
    backend.stop_at = 0
    assert ran(capsys)[0] in (2, 130)


def test_threads_are_told_to_the_libraries(capsys):
    ran(capsys, "--threads", 3)
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_screen_holds_it(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = ran(capsys)
    assert max(len(line) for line in out.splitlines()) <= width


def test_rates():
    a_row = file.Operator
    assert (
        report_probe.rate(a_row("matmul", "fp32", {"m": 1, "n": 1000, "k": 1000}, 1e-3, 1e-3, 1e-3, 1)) == "2 GFLOP/s"
    )
    assert report_probe.rate(a_row("stream", "fp32", {"bytes": 1e6}, 1e-3, 1e-3, 1e-3, 1)) == "1 GB/s"
    assert report_probe.rate(a_row("launch", "fp32", {}, 1e-3, 1e-3, 1e-3, 1)) == ""


def test_what_was_left_out_is_said():
    probe = file.Probe(
        "2026-11-25",
        "ggml",
        file.Device("cpu", "a", None, 2),
        {"x": "1"},
        0,
        False,
        (file.Operator("launch", "fp32", {}, 1e-6, 1e-6, 1e-6, 7),),
    )
    said = report_probe.head(run.Outcome(probe, absent=3, too_long=2, kept=1, alone="one device"))
    for piece in ("2 threads", "1 were there already", "2 sizes left out", "3 that", "stopped early"):
        assert piece in said
    assert report_probe.text(run.Outcome(probe), Face(width=80))
