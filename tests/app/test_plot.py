"""The chart: a whole file or none, readable by machines and people, nothing from outside."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.app import made
from tests.app.conftest import Asked, Ran
from wherewithal.app import plot
from wherewithal.errors import InputError

SVG = "{http://www.w3.org/2000/svg}"


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r'(?:cx|cy|x|y|x1|x2|y1|y2)="(-?[\d.]+)"', text)]


@pytest.mark.parametrize(
    "answer",
    [
        made.FITS,
        replace(made.FITS, slo={}),
        replace(made.FITS, frontier=made.FRONTIER[2:3]),
        replace(made.FITS, frontier=(), best=None),
        replace(made.FITS, best=None),
    ],
)
def test_the_chart_is_sound_and_inside_its_frame(answer: object) -> None:
    text = plot.svg(answer)  # type: ignore[arg-type]
    root = ET.fromstring(text)
    assert root.find(f"{SVG}title") is not None
    assert root.find(f"{SVG}desc") is not None
    assert "nan" not in text
    assert "inf" not in text.replace("information", "")
    assert all(0 <= n <= 860 for n in numbers(text))
    assert not re.search(r"href|url\(|<script|<image|@import", text)


def test_every_plan_is_a_mark_and_the_chosen_one_is_another() -> None:
    best = replace(made.FRONTIER[2], pools=tuple(replace(p, operators=(), step_s=1.0) for p in made.FRONTIER[2].pools))
    root = ET.fromstring(plot.svg(replace(made.FITS, best=best)))  # the chosen one carries an explanation
    circles = root.findall(f"{SVG}circle")
    assert len(circles) == len(made.FRONTIER) - 1
    hollow = [c for c in circles if c.get("fill") == "#fff"]
    assert len(hollow) == sum(not p.feasible for p in made.FRONTIER)
    assert "TPOT 50 ms or better" in plot.svg(made.FITS)


def test_names_are_escaped() -> None:
    answer = replace(made.FITS, model={"name": '<script>"&\x1b'}, command='x <b> & "y"')
    text = plot.svg(answer)
    ET.fromstring(text)
    assert "<script" not in text


def test_the_same_answer_is_the_same_file(golden: Callable[[str, str], None]) -> None:
    golden("plan.svg", plot.svg(made.FITS))


def test_a_file_is_written_once(tmp_path: Path, run: Callable[..., Ran], asked: Asked) -> None:
    path = tmp_path / "chart.svg"
    words = ("plan", "m", "--on", "s", "--plot", str(path))
    ran = run(*words)
    assert ran.code == 0
    assert "wrote" in ran.err
    assert ET.fromstring(path.read_text(encoding="utf-8")) is not None
    assert list(tmp_path.iterdir()) == [path]
    before = path.read_bytes()
    refused = run(*words)
    assert refused.code == 2
    assert "--force" in refused.err
    assert path.read_bytes() == before
    assert run(*words, "--force", "--quiet").err == ""


@pytest.mark.parametrize("name", ["chart.png", "chart", "chart.svg.gz", ".svg"])
def test_other_formats_are_refused_before_the_work(
    name: str, tmp_path: Path, run: Callable[..., Ran], asked: Asked
) -> None:
    ran = run("plan", "m", "--on", "s", "--plot", str(tmp_path / name))
    assert ran.code == 2
    assert ".svg" in ran.err
    assert not asked.questions
    assert not list(tmp_path.iterdir())


def test_links_are_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious.txt"
    target.write_text("mine")
    link = tmp_path / "chart.svg"
    link.symlink_to(target)
    with pytest.raises(InputError, match="link"):
        plot.write(made.FITS, link, force=True)
    assert target.read_text() == "mine"
