"""The verb `frontier`: every form, the same bytes for the same seed, refusals in one line, a chart that parses."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from wherewithal.app.cli import main
from wherewithal.catalog.load import builtin

FIGURES = ("gap", "group", "index")


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["frontier", *words]) == code
    return capsys.readouterr().out


def test_text_says_the_gap_first(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--open")
    first = text.split("\n\n")[0]
    assert "leads" in first
    assert "months (90% interval" in first
    assert "data to 2026-02-08" in first
    assert "2024-11-27 CN*" in text
    assert "2025-01-20 CN*" in text
    assert max(map(len, text.splitlines())) <= 100


def test_an_index_without_errors_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--open", "--index", "aa-v4.1")
    assert "publishes no interval" in text
    assert "90% interval" not in text
    assert "probability" not in text


@pytest.mark.parametrize("form", ["--json", "--csv", "--markdown", "--plain"])
@pytest.mark.parametrize("by", ["country", "openness", "maker"])
def test_same_seed_same_bytes(capsys: pytest.CaptureFixture[str], form: str, by: str) -> None:
    words = ("--by", by, form, "--outlook", "--backtest", "2025-03")
    assert said(capsys, *words) == said(capsys, *words) != ""


def test_another_seed_moves_intervals_and_no_figure(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (json.loads(said(capsys, "--json", "--index", "eci", "--seed", s))["indices"][0] for s in ("0", "1"))
    assert one["lead"]["months"]["value"] == other["lead"]["months"]["value"]
    assert one["lead"]["points"]["low"] != other["lead"]["points"]["low"]


def test_csv_has_the_columns_of_iamc(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(said(capsys, "--csv", "--outlook"))))
    assert {"model", "scenario", "region", "variable", "unit", "year"} <= set(rows[0])
    assert {"Record|Score", "Lead|Months", "Outlook|Score"} <= {r["variable"] for r in rows}


def test_json_has_no_interval_where_none_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    found = {i["index"]: i for i in json.loads(said(capsys, "--json", "--open"))["indices"]}
    assert found["aa-v4.1"]["interval_level"] is None
    assert found["aa-v4.1"]["lead"]["months"]["low"] is None
    assert found["lmarena"]["lead"]["months"] is None
    assert found["eci"]["lead"]["ahead_probability"] > 0.9


def test_use_of_open_models_stands_beside_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert "grows by 0.216 a month and passes one half in 2025-11" in " ".join(said(capsys, "--open").split())
    known = json.loads(said(capsys, "--open", "--json"))["adoption"]
    assert len(known["rows"]) == 17
    assert json.loads(said(capsys, "--json"))["adoption"] is None


def test_since_leaves_out_what_was_before(capsys: pytest.CaptureFixture[str]) -> None:
    for row in csv.DictReader(io.StringIO(said(capsys, "--csv", "--index", "eci", "--since", "2025-06-01"))):
        assert row["date"] >= "2025-06-01" or row["variable"].startswith("Lead change")
    assert "Records since" in said(capsys, "--since", "2025-06-01")


def test_on_a_system(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--open", "--on", "rtx-4090-1", "--precision", "weights=int4")
    assert text.startswith("Best model that runs on rtx-4090-1: ")
    assert "Higher scores that do not run there" in text
    document = json.loads(said(capsys, "--runs-on", "rtx-4090-1", "--slo", "tpot=1ms", "--json", code=1))
    assert document["runs"]["best"] is None
    assert all(t["why"] for t in document["runs"]["tried"])


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--by", "colour"), "no grouping"),
        (("--index", "ecl"), "did you mean eci"),
        (("--open", "--by", "openness"), "leave one"),
        (("--since", "soon"), "no date"),
        (("--backtest", "2030-01"), "no full month"),
        (("--index", "lmarena", "--outlook"), "scale of its own"),
        (("--precision", "weights=int4"), "without --on"),
        (("--plot", "x.gif"), ".svg"),
        (("--on", "no-such-system"), "no system"),
    ],
)
def test_refusals(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], what: str) -> None:
    assert main(["frontier", *words]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert what in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("words", [("--index", "eci", "--outlook"), ("--index", "lmarena"), ("--by", "maker")])
def test_plot(capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]) -> None:
    path = tmp_path / "frontier.svg"
    said(capsys, *words, "--plot", str(path))
    text = path.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert text.count("http") == text.count("http://www.w3.org")  # nothing from outside
    assert "nan" not in text.lower().replace("finance", "")
    assert main(["frontier", "--plot", str(path)]) == 2  # not without --force


def test_a_table_of_ones_own_takes_the_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A figure of the input that changes changes the answer."""
    folder = tmp_path / "national"
    folder.mkdir()
    text = (builtin() / "national" / "frontier.csv").read_text(encoding="utf-8")
    assert "gpt-oss-120b" in text
    changed = "\n".join(
        line.replace(",139.6,135.2,143.1,", ",159.6,155.2,163.1,") if "gpt-oss-120b" in line else line
        for line in text.split("\n")
    )
    (folder / "frontier.csv").write_text(changed, encoding="utf-8")
    one = json.loads(said(capsys, "--open", "--index", "eci", "--json"))["indices"][0]["lead"]
    other = json.loads(said(capsys, "--open", "--index", "eci", "--json", "--catalog", str(tmp_path)))["indices"][0][
        "lead"
    ]
    assert (one["a"], other["a"]) == ("CN", "US")
    (folder / "frontier.csv").write_text(changed.replace(",159.6,", ",many,"), encoding="utf-8")
    assert main(["frontier", "--index", "eci", "--catalog", str(tmp_path)]) == 2
    assert "value is 'many'" in capsys.readouterr().err
