"""The verb `fleet`: each form of its answer, the chart, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from wherewithal.app.cli import main

DRAWS = ["--draws", "64"]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["fleet", *words, *DRAWS])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_screen_carries_the_banner(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "china-2030")
    assert code == 0
    assert "conditional on the scenario, not a forecast" in out.splitlines()[1]
    assert "by tokens" in out
    assert max(len(line) for line in out.splitlines()) <= 100


def test_csv_has_the_iamc_columns(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = said(capsys, "us-2030", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0])[:6] == ["model", "scenario", "region", "variable", "unit", "year"]
    assert {r["region"] for r in rows} == {"US"}
    assert "not a forecast" in err


def test_json_has_inputs_with_sources_and_events(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "no-h20-ban", "--json")
    document = json.loads(out)
    assert document["banner"]
    assert all(i["source"] and i["status"] for i in document["inputs"])
    assert {e["date"] for e in document["events"]} == {"2025-04-09", "2026-05-14"}


@pytest.mark.parametrize("more", [["--against", "hbm-free"], ["--drivers"], ["--backtest", "2025-09"], []])
@pytest.mark.parametrize("form", ["--json", "--csv", "--markdown", "--plain"])
def test_every_form_of_every_question(capsys: pytest.CaptureFixture[str], more: list[str], form: str) -> None:
    code, out, _ = said(capsys, "china-2030", *more, form)
    assert code == 0
    assert len(out) > 200
    if form == "--json":
        json.loads(out)


def test_the_chart_is_whole(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "fleet.svg"
    assert said(capsys, "china-2030", "--plot", str(file))[0] == 0
    root = ET.fromstring(file.read_text(encoding="utf-8"))
    texts = " ".join("".join(e.itertext()) for e in root.iter() if e.tag.endswith("text"))
    assert "H100e" in texts
    assert "2030" in texts
    assert said(capsys, "china-2030", "--plot", str(file))[0] == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["china-2031"], "china-2030"), (["china-2030", "--drivers", "--against", "us-2030"], "one at a time"),
        (["china-2030", "--drivers", "--year", "2050"], "2022 to 2030"), (["us-2030", "--backtest", "2025-06"], "nothing to score"),
        (["china-2030", "--drivers", "--variable", "Stock|Unit"], "did you mean"),
        (["no-h20-ban", "--set", "changes.h20.event=2025-04-10"], "no policy event"),
    ],
)  # fmt: skip
def test_what_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    code, out, err = said(capsys, *words)
    assert code == 2
    assert told in err
    assert not out
    assert len(err.splitlines()) == 1
