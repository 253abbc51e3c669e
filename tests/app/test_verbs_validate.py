"""The verb `validate`: forms, bad files, the chart."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from wherewithal.app.cli import main

HEAD = "id,source,model,system,chips,layout,load,input_tokens,output_tokens,concurrency,metric,statistic,value\n"
ROWS = (
    "1,mine,llama-3.1-8b,h100-8,1,tp1,closed,1000,200,8,tpot_s,mean,0.008\n"
    "2,mine,llama-3.1-8b,h100-8,1,tp1,closed,1000,200,8,ttft_s,,0.05\n"
    "3,mine,no-such-model,h100-8,1,tp1,closed,1000,200,8,tpot_s,mean,0.008\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.csv"
    path.write_text(HEAD + ROWS, encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["validate", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_json(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, err = run(capsys, "--measurements", file, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert [r["id"] for r in document["rows"]] == ["1", "2", "3"]
    assert document["rows"][2]["why"]
    assert document["summary"]["answered"] == 2


def test_csv_has_every_row(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    _, out, _ = run(capsys, "--measurements", file, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [r["id"] for r in rows] == ["1", "2", "3"]
    assert rows[0]["model"] == "llama-3.1-8b"


@pytest.mark.parametrize("form", ["--markdown", "--plain", "--quiet"])
def test_text_says_what_matters(capsys: pytest.CaptureFixture[str], file: Path, form: str) -> None:
    code, out, _ = run(capsys, "--measurements", file, "--by", "source,engine", form)
    assert code == 0
    for word in ("2 of 3 rows predicted", "median error", "bias", "in 80%", "mine", "Furthest off", "Not predicted"):
        assert word in out


def test_bad_cells_one_line_each(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_text(HEAD + ROWS.replace("0.008", "quick"), encoding="utf-8")
    code, out, err = run(capsys, "--measurements", file)
    assert (code, out) == (2, "")
    assert [line.split(";")[0] for line in err.splitlines()] == [
        "error: m.csv: row 2, column value: 'quick' is not a number",
        "error: m.csv: row 4, column value: 'quick' is not a number",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--by", "colour"), "no column named 'colour'"),
        (("--engine", "vlm"), "did you mean"),
        (("--rows", "0"), "--rows"),
        (("--measurements", "no/such.csv"), "cannot be read"),
        (("--plot", "a.png"), "--plot"),
    ],
)
def test_bad_options(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_no_row_can_be_predicted(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_text(HEAD + ROWS.splitlines()[2] + "\n", encoding="utf-8")
    code, out, _ = run(capsys, "--measurements", file)
    assert code == 1
    assert "no-such-model" in out


def test_plot(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path) -> None:
    chart = tmp_path / "c.svg"
    code, _, err = run(capsys, "--measurements", file, "--plot", chart)
    assert code == 0
    assert "wrote" in err
    text = chart.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert "time per output token" in text
    assert len([e for e in root.iter() if e.tag.endswith("title")]) >= 3
    assert run(capsys, "--measurements", file, "--plot", chart)[0] == 2
