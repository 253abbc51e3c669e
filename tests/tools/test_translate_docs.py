"""The Chinese README is what README.md and its table make, and nothing of it is left untranslated."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("translate_docs", ROOT / "tools" / "translate_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_is_all_in_chinese_and_written_anew(tool: ModuleType) -> None:
    have = tool.said(tool.table("README"))
    assert tool.problems("README", tool.readme_sentences(ENGLISH), have) == []
    assert (ROOT / "README.zh-CN.md").read_text(encoding="utf-8") == tool.chinese(ENGLISH, have)


def test_a_new_sentence_is_missing_and_an_old_one_stale(tool: ModuleType) -> None:
    found = tool.problems("README", ["# A", "new"], {"# A": "# 甲", "old": "旧"})
    assert found == ["README: not translated: 'new'", "README: no longer on the page: 'old'"]


def test_code_and_comments_stay(tool: ModuleType) -> None:
    text = "# A\n\n<!-- run: x -->\n```sh\n# A\n\nB\n```\n\nB\n"
    assert tool.chinese(text, {"# A": "# 甲", "B": "乙"}) == "# 甲\n\n<!-- run: x -->\n```sh\n# A\n\nB\n```\n\n乙\n"


def test_readmes_link_to_each_other() -> None:
    assert "](README.zh-CN.md)" in ENGLISH
    assert "](README.md)" in (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")


PAGES = tomllib.loads((ROOT / "docs/locale/pages.toml").read_text(encoding="utf-8"))["chinese"]


@pytest.mark.parametrize("page", PAGES)
def test_a_promised_page_has_a_table_without_gaps(tool: ModuleType, page: str) -> None:
    po = tool.table(page)
    assert len(po)
    assert [e.msgid for e in po if not e.obsolete and (not e.msgstr.strip() or "fuzzy" in e.flags)] == []


def plain(text: str) -> str:
    """Return a text without marks, spaces and line ends: what is left of a sentence in its page and in its table."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("page", [p for p in PAGES if p not in ("README", "index")])
def test_every_paragraph_of_a_promised_page_is_in_its_table(tool: ModuleType, page: str) -> None:
    known = {plain(t) for t in tool.said(tool.table(page))}
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    paragraphs = [b.strip().lstrip("# ") for b in tool.blocks(text) if tool.is_prose(b) and "|" not in b]
    assert [p for p in paragraphs if plain(p) not in known] == []
