"""What the panels say goes through `t`, and all of it is said in Chinese with the same holes."""

from __future__ import annotations

import json
import re

import pytest

from tests.app.page.panels_stage import APP, PAGE

# What these say stands in page.json; tests/app/words looks after it.
ELSEWHERE = {"plan.js", "drop.js", "serving.js"}
FILES = sorted(f for f in (PAGE / "panels").glob("*.js") if f.name not in ELSEWHERE)
SAID = re.compile(r'\bt\("((?:[^"\\]|\\.)*)"')
HOLES = re.compile(r"\{\w+\}")
WORDS: dict[str, str] = json.loads((APP / "words" / "zh" / "panels.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_every_sentence_of_a_panel_has_a_translation(file):
    said = set(SAID.findall(file.read_text(encoding="utf-8")))
    assert said - set(WORDS) == set()


@pytest.mark.parametrize("text", sorted(WORDS))
def test_a_translation_keeps_the_holes(text):
    assert sorted(set(HOLES.findall(WORDS[text]))) == sorted(set(HOLES.findall(text)))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_a_panel_needs_nothing_that_the_policy_forbids(file):
    text = file.read_text(encoding="utf-8")
    for bad in ("style=", "eval(", "innerHTML", "dangerouslySetInnerHTML", "new Function"):
        assert bad not in text
    assert not re.search(r"""from ["']https?:""", text)
