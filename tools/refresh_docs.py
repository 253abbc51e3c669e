"""Fill the pasted outputs of README.md and docs/*.md from real runs, or check that they still hold.

A block is `<!-- run: COMMAND -->` to `<!-- end -->`; `run(1)` says that the exit code is 1. COMMAND starts with
`wherewithal` or `python`. `--check` changes nothing: it compares words exactly, numbers to 2%, and leaves out times that
the run itself took.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(?P<head><!-- run(?:\((?P<code>\d)\))?: (?P<command>.+?) -->\n)(?P<body>.*?)(?P<tail><!-- end -->)", re.DOTALL
)
NUMBER = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?")
# What may differ: time taken, bars (their numbers stand beside them), version and catalog date.
MASKS = (
    (re.compile(r"\bin [\d.,]+ (?:ms|s)\b"), "in <time>"),
    (re.compile(r"\b(?:took|elapsed)\b.*"), "<time>"),
    (re.compile(r"[wkar.]{16,}\|"), "<bar>|"),
    (re.compile(r"wherewithal \d+\.\d+\S*"), "wherewithal <version>"),
    (re.compile(r"catalog \d{4}-\d\d-\d\d\S*"), "catalog <date>"),
)
TOLERANCE = 0.02


@dataclass(frozen=True)
class Block:
    """One pasted output: its file, command, expected exit code and present text."""

    file: Path
    command: str
    code: int
    body: str


def blocks(file: Path) -> Iterator[Block]:
    """Yield the blocks of a Markdown file."""
    for found in BLOCK.finditer(file.read_text(encoding="utf-8")):
        yield Block(file, found["command"], int(found["code"] or 0), found["body"])


def run(block: Block) -> str:
    """Return the fenced output of a block's command; end the program where its exit code is another."""
    words = shlex.split(block.command)
    argv = {"wherewithal": [sys.executable, "-m", "wherewithal"], "python": [sys.executable]}[words[0]] + words[1:]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1"}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != block.code:
        last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        sys.exit(f"{block.file.name}: {block.command}: exit code {done.returncode}, expected {block.code}: {last}")
    lines = "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())
    return f"```text\n$ {block.command}\n{lines}\n```\n"


def skeleton(text: str) -> tuple[str, list[float]]:
    """Return a text with run-dependent parts masked and numbers taken out, and those numbers."""
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    numbers = [float(n.replace(",", "")) for n in NUMBER.findall(text)]
    return re.sub(r"\s+", " ", NUMBER.sub("#", text)).strip(), numbers


def difference(old: str, new: str) -> str:
    """Return what is different between two outputs in one line; empty where nothing that counts is."""
    (old_words, old_numbers), (new_words, new_numbers) = skeleton(old), skeleton(new)
    if old_words != new_words:
        at = next((i for i, (a, b) in enumerate(zip(old_words, new_words, strict=False)) if a != b), len(old_words))
        at = min(at, len(new_words))
        return (
            f"words differ: ...{old_words[max(0, at - 30) : at + 40]!r} is now {new_words[max(0, at - 30) : at + 40]!r}"
        )
    for a, b in zip(old_numbers, new_numbers, strict=True):
        if abs(a - b) > TOLERANCE * max(abs(a), abs(b)):
            return f"a number moved: {a:g} is now {b:g}"
    return ""


def refresh(file: Path, *, check: bool) -> list[str]:
    """Fill or check the blocks of one file; return what differs."""
    text, wrong = file.read_text(encoding="utf-8"), []
    for block in blocks(file):
        new = run(block)
        if check:
            if found := difference(block.body, new):
                wrong.append(f"{file.relative_to(ROOT)}: {block.command}: {found}")
        else:
            head = f"<!-- run{'(1)' if block.code else ''}: {block.command} -->\n"
            text = text.replace(head + block.body + "<!-- end -->", head + new + "<!-- end -->")
    if not check:
        file.write_text(text, encoding="utf-8")
    return wrong


def files() -> list[Path]:
    """Return every Markdown file that may hold blocks."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def main() -> int:
    """Run over all files; 1 where `--check` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, report differences")
    options = parser.parse_args()
    wrong = [w for file in files() if file.exists() for w in refresh(file, check=options.check)]
    for line in wrong:
        print(line)
    print(
        f"{'checked' if options.check else 'filled'} {sum(len(list(blocks(f))) for f in files() if f.exists())} blocks"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
