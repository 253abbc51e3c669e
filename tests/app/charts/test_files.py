"""Charts as files: a whole file or none, refused before the work, links not followed."""

from __future__ import annotations

import importlib.util
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app import made
from tests.app.conftest import Asked, Ran
from wherewithal.app.charts import files, specs
from wherewithal.errors import InputError

SPEC = specs("plan", made.FITS.to_dict())["tradeoff"]


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


@pytest.mark.parametrize("name", ["chart.gif", "chart", "chart.svg.gz", ".svg"])
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
        files.write(SPEC, link, force=True)
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "starts"), [("c.png", b"\x89PNG"), ("c.pdf", b"%PDF"), ("c.svg", b"<svg"), ("c.json", b"{")]
)
def test_every_ending_is_what_it_says_and_the_same_twice(name: str, starts: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    files.write(SPEC, path)
    assert path.read_bytes().startswith(starts)
    if path.suffix != ".pdf":
        assert files.drawn(SPEC, path.suffix) == path.read_bytes()


def test_without_the_extra_only_the_specification_is_written(
    tmp_path: Path, run: Callable[..., Ran], asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ran = run("plan", "m", "--on", "s", "--plot", str(tmp_path / "a.png"))
    assert ran.code == 2
    assert "plots" in ran.err
    assert ran.err.count("\n") == 1
    assert not asked.questions
    assert run("plan", "m", "--on", "s", "--plot", str(tmp_path / "a.json")).code == 0
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == SPEC
