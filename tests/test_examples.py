"""The examples run, print what is recorded beside them, and are all listed."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
_NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:[eE][+-]?\d+)?")


def compared(old: str, new: str) -> str:
    """Return where two outputs differ: words at all, numbers by more than the last digit shown."""
    if [*_NUMBER.split(old)] != [*_NUMBER.split(new)]:
        return f"words differ:\n{new}"
    for a, b in zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True):
        if abs(float(a.replace(",", "")) - float(b.replace(",", ""))) > 1e-3 * abs(float(a.replace(",", ""))):
            return f"{a} is now {b}"
    return ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_an_example_prints_what_is_recorded(
    script: Path, capsys: pytest.CaptureFixture[str], update_golden: bool
) -> None:
    runpy.run_path(str(script), run_name="__main__")
    found = capsys.readouterr().out
    file = EXAMPLES / "output" / f"{script.stem}.txt"
    if update_golden:
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
        return
    assert file.is_file(), "no recorded output: pytest --update-golden tests/test_examples.py"
    wrong = compared(file.read_text(encoding="utf-8"), found)
    assert not wrong, wrong


def test_every_example_is_listed_and_nothing_is_left_over() -> None:
    assert 4 <= len(SCRIPTS) <= 8
    for page in (EXAMPLES / "README.md", EXAMPLES.parent / "docs" / "notebook.md"):
        text = page.read_text(encoding="utf-8")
        assert not [s.name for s in SCRIPTS if s.name not in text], page
    assert {f.stem for f in (EXAMPLES / "output").glob("*.txt")} == {s.stem for s in SCRIPTS}


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [("a 1.00", "a 1.0001", True), ("a 1.00", "a 1.01", False), ("a 1", "b 1", False), ("1,000", "1,002", False)],
)
def test_what_counts_as_a_difference(old: str, new: str, same: bool) -> None:
    assert (not compared(old, new)) == same
