"""The verb `claims`: forms, the page, bad words."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from wherewithal.app.cli import main
from wherewithal.app.report_claims import one, plain_number

LIST = "wsj-2025-08"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The designed width, whatever the terminal (or xdist) says."""
    monkeypatch.setenv("COLUMNS", "100")


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["claims", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert LIST in out


def test_one_claim_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, LIST, "--only", "c10", "-q")
    assert code == 0
    assert "55.2%" in out
    assert "48.3% to 61.9%" in out
    assert "verdict: holds on one basis" in out
    assert "hoover.org" in out
    assert max(map(len, out.splitlines())) <= 100


def test_set_changes_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, LIST, "--only", "C10", "--set", "C10.never=120", "-q")
    assert "59.7%" in out
    assert "verdict: holds\n" in out
    assert "set by the user" in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, LIST, "--only", "C05,C11", "--json", "-q")
    document = json.loads(out)
    assert (code, err) == (0, "")
    five, eleven = document["claims"]
    assert five["verdict"] == "holds on one basis"
    assert five["true_on"]
    assert five["not_true_on"]
    assert eleven["figure"]["value"] == "2024-11-27"
    assert {"name", "value", "low", "high", "unit", "known"} <= set(eleven["figures"][0])


def test_csv_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, LIST, "--only", "C02", "--csv", "-q")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {r["name"] for r in rows} >= {"bf16", "bf16_analyst"}
    assert list(rows[0])[:6] == ["model", "scenario", "region", "variable", "unit", "year"]
    _, out, _ = run(capsys, LIST, "--only", "C02", "--markdown", "-q")
    assert "Verdict: **holds**" in out


class Seen(HTMLParser):
    """Collects tags, and addresses in their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count a tag, and keep what it points to."""
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "data", "action")]
        if tag not in ("meta", "path", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        if tag not in ("meta", "path", "circle"):
            assert self.open.pop() == tag


def test_page_stands_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    code, _, _ = run(capsys, LIST, "--only", "C02,C04,C10,C11", "--html", path, "-q")
    text = path.read_text(encoding="utf-8")
    seen = Seen()
    seen.feed(text)
    assert code == 0
    assert seen.open == []
    assert seen.tags.count("svg") == 4
    assert seen.tags.count("section") == 4
    assert not {"script", "link", "img", "iframe", "object"} & set(seen.tags)
    assert all(link.startswith("#") for link in seen.links)
    assert not re.search(r"https?://|url\(|@import", text)
    assert "55.2%" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["wsj"], "no list of claims"),
        ([LIST, "--only", "C99"], "no claim named"),
        ([LIST, "--set", "C10.never"], "has no ="),
        ([LIST, "--set", "C10.never=many"], "has no number"),
        ([LIST, "--set", "C10.nobody=1"], "no input named"),
        ([LIST, "--html", "page.pdf"], "cannot write .pdf"),
        ([LIST, "--html", "no-such-folder/page.html"], "is no folder"),
    ],
)
def test_bad_words(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_page_is_not_overwritten(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("mine", encoding="utf-8")
    code, _, err = run(capsys, LIST, "--only", "C10", "--html", path)
    assert code == 2
    assert "--force" in err
    assert path.read_text(encoding="utf-8") == "mine"


def test_numbers() -> None:
    shown = [plain_number(v) for v in (0, 0.00271, 2.5769, 55.22, 626, 34_819, 1_100_000)]
    assert shown == ["0", "0.00271", "2.58", "55.2", "626", "34,820", "1,100,000"]
    assert one(0.5522, "percent") == "55.2%"
