"""The Chinese README is what README.md and its table make, and nothing of it is left untranslated."""

from __future__ import annotations

import importlib.util
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
