"""Make the Chinese README from README.md and its table, and say what of the promised pages is missing or stale.

    python tools/translate_docs.py           write README.zh-CN.md; put new sentences into the tables, to be filled in
    python tools/translate_docs.py --check   write nothing; exit 1 and say what is missing, stale or not written anew

A table is a .po file in docs/locale/zh_CN/LC_MESSAGES; docs/locale/pages.toml lists the pages promised in Chinese.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "docs" / "locale" / "zh_CN" / "LC_MESSAGES"
CHINESE = ROOT / "README.zh-CN.md"


def blocks(text: str) -> list[str]:
    """Return a Markdown text cut at blank lines; a fenced block is one piece with its fences."""
    found: list[list[str]] = [[]]
    fenced = False
    for line in text.splitlines():
        fence = line.startswith("```")
        if not fenced and (fence or not line.strip() or line.startswith("<!--")):
            found.append([])
        found[-1].append(line)
        fenced ^= fence
        if (fence and not fenced) or line.startswith("<!--"):
            found.append([])
    return ["\n".join(lines) for lines in found if lines]


def is_prose(block: str) -> bool:
    """Return whether a block is read as text: neither code nor a comment nor nothing."""
    return bool(block.strip()) and not block.strip().startswith(("```", "<!--"))


def readme_sentences(text: str) -> list[str]:
    """Return the blocks of a README that are to be translated."""
    return [b.strip("\n") for b in blocks(text) if is_prose(b)]


def chinese(text: str, table: dict[str, str]) -> str:
    """Return a README in Chinese: prose from the table, all else as it is."""
    out = []
    for block in blocks(text):
        bare = block.strip("\n")
        out.append(block.replace(bare, table.get(bare) or bare) if is_prose(block) else block)
    return "\n".join(out) + "\n"


def page_sentences(pages: list[str]) -> dict[str, list[str]]:
    """Return what Sphinx asks to be translated on each page."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "gettext", str(ROOT / "docs"), folder]
        subprocess.run(command, check=True, capture_output=True)
        return {p: [e.msgid for e in polib.pofile(str(Path(folder) / f"{p}.pot"))] for p in pages}


def table(name: str) -> polib.POFile:
    """Return a page's table; an empty one where there is none yet."""
    path = TABLES / f"{name}.po"
    if path.is_file():
        return polib.pofile(str(path))
    made = polib.POFile()
    made.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Language": "zh_CN"}
    return made


def said(po: polib.POFile) -> dict[str, str]:
    return {e.msgid: e.msgstr for e in po if not e.obsolete and "fuzzy" not in e.flags}


def problems(name: str, wanted: list[str], have: dict[str, str]) -> list[str]:
    """Return what is wrong with a page's table, one line each."""
    missing = [f"{name}: not translated: {t[:70]!r}" for t in wanted if not have.get(t)]
    return missing + [f"{name}: no longer on the page: {t[:70]!r}" for t in have if t not in wanted]


def main(check: bool) -> int:
    pages = tomllib.loads((ROOT / "docs/locale/pages.toml").read_text(encoding="utf-8"))["chinese"]
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    wanted = {"README": readme_sentences(english), **page_sentences([p for p in pages if p != "README"])}
    found: list[str] = []
    for name, sentences in wanted.items():
        po = table(name)
        found += problems(name, sentences, said(po))
        if not check:
            have = said(po)
            for text in dict.fromkeys(s for s in sentences if s not in have):
                po.append(polib.POEntry(msgid=text, msgstr=""))
            po.save(str(TABLES / f"{name}.po"))
    made = chinese(english, said(table("README")))
    if not check:
        CHINESE.write_text(made, encoding="utf-8")
    elif not CHINESE.is_file() or CHINESE.read_text(encoding="utf-8") != made:
        found.append("README.zh-CN.md is not what README.md and its table make: python tools/translate_docs.py")
    print("\n".join(found) or "all promised pages are in Chinese")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
