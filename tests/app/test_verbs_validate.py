"""The verb `validate`: forms, bad files, the chart."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from wherewithal.app import report_validate
from wherewithal.app.cli import main

HEAD = "id,source,model,system,chips,layout,load,input_tokens,output_tokens,concurrency,metric,statistic,value\n"
ROWS = (
    "1,mine,llama-3.1-8b,h100-8,1,tp1,closed,1000,200,8,tpot_s,mean,0.008\n"
    "2,mine,llama-3.1-8b,h100-8,1,tp1,closed,1000,200,8,ttft_s,,0.05\n"
    "3,mine,no-such-model,h100-8,1,tp1,closed,1000,200,8,tpot_s,mean,0.008\n"
)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The designed width, whatever the terminal (or xdist) says."""
    monkeypatch.setenv("COLUMNS", "100")


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


MANY = ROWS + (
    "4,mine,llama-3.1-8b,h100-8,2,tp2,closed,1000,200,8,tpot_s,mean,0.004\n"
    "5,mine,llama-3.1-8b,h100-8,1,tp1,closed,1000,200,8,tpot_s,mean,0.009\n"
    "6,mine,no-such-model,h100-8,1,tp1,closed,1000,200,4,tpot_s,mean,0.008\n"
    "7,mine,no-such-model,h100-8,1,tp1,closed,1000,200,2,tpot_s,mean,0.008\n"
    "8,mine,llama-3.1-8b,h100-8,1,tp1,closed,,200,8,tpot_s,mean,0.008\n"
    "9,mine,llama-3.1-8b,h100-8,1,tp1,closed,1000,200,8,itl_s,mean,0.008\n"
)


def test_rows_of_the_users_file_are_named(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    """Every row that has no prediction, by the number that a spreadsheet shows, and why."""
    file.write_text(HEAD + MANY, encoding="utf-8")
    _, out, _ = run(capsys, "--measurements", file)
    said = [" ".join(line.split()) for line in out.split("Not predicted")[1].splitlines()]
    assert any(line.startswith("3 4, 7-8 MODEL: no model named 'no-such-model'") for line in said)
    assert any(line.startswith("1 9 input_tokens: not stated") for line in said)
    assert "1 10 metric is not scored: itl_s" in said


def test_json_numbers_rows(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_text(HEAD + MANY, encoding="utf-8")
    document = json.loads(run(capsys, "--measurements", file, "--json")[1])
    assert [r["row"] for r in document["rows"]] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert document["summary"]["skipped"] == [{"id": "9", "row": 10, "metric": "itl_s", "why": "metric is not scored"}]


def test_choosing_reruns_and_the_bar(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_text(HEAD + MANY, encoding="utf-8")
    summary = json.loads(run(capsys, "--measurements", file, "--json")[1])["summary"]
    assert [(c["aim"], c["groups"], c["random_first"]) for c in summary["choosing"]] == [("tpot_s", 1, 0.5)]
    assert next((n["metric"], n["engine"], n["groups"]) for n in summary["noise"]) == ("tpot_s", "same version", 1)
    assert {(m["figure"], m["rows"]) for m in summary["bar"]} == {("TPOT", 3), ("TTFT", 1)}
    _, out, _ = run(capsys, "--measurements", file)
    said = " ".join(out.split())
    assert "choosing: 1 group of measured layouts more than 20% apart" in said
    assert "reruns of one configuration differ by, in the median (configurations): tpot_s 12% (1)" in said
    _, page, _ = run(capsys, "--measurements", file, "--markdown")
    assert page.count("Against the bar") == page.count("Choosing:") == page.count("Reruns:") == 1


def test_lines_fit_a_screen(capsys: pytest.CaptureFixture[str], file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    file.write_text(HEAD + MANY, encoding="utf-8")
    _, out, _ = run(capsys, "--measurements", file, "--by", "source,chip,model")
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([4], "4"), ([9, 7, 8, 4], "4, 7-9"), (list(range(2, 40, 2)), "2, 4, 6, 8, 10, 12, 14, 16 and 11 more")],
)
def test_row_numbers_in_short(numbers: list[int], said: str) -> None:
    assert report_validate.lines(numbers) == said


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
    assert "Predicted against measured, 2 rows" in text
    assert "1 row, median error" in text
    assert "on a relative of it" in text
    assert ">0.0100<" not in text
    assert run(capsys, "--measurements", file, "--plot", chart)[0] == 2
