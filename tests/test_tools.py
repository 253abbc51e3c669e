"""The tools beside the package: pasted outputs are compared as promised, the bench judges the right way round."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.process import cost
from bench.promise import Row, table

ROOT = Path(__file__).resolve().parent.parent


def tool(name: str) -> ModuleType:
    """Load one file of tools/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


refresh_docs = tool("refresh_docs")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("TPOT 48.2 ms", "TPOT 48.3 ms", True),
        ("TPOT 48.2 ms", "TPOT 58.2 ms", False),
        ("TPOT 48.2 ms", "TTFT 48.2 ms", False),
        ("1,234,567 considered, in 1.2 s", "1,234,567 considered, in 9.8 s", True),
        ("wherewithal 0.1.0, catalog 2026-11-24", "wherewithal 0.2.0, catalog 2026-12-01", True),
        ("a  b", "a b\n", True),
        ("decode wwwwkkkk............rrrr|", "decode wwwkkkkk...........rrrrr|", True),
        ("one line", "one line and more", False),
        ("h20-8 holds 8 chips", "h20-9 holds 8 chips", False),
    ],
)
def test_pasted_outputs_are_compared_loosely(old: str, new: str, same: bool) -> None:
    assert (refresh_docs.difference(old, new) == "") == same


def test_blocks_are_found_and_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text('before\n<!-- run: python -c "print(41 + 1)" -->\nold\n<!-- end -->\nafter\n', encoding="utf-8")
    monkeypatch.setattr(refresh_docs, "ROOT", tmp_path)
    assert len(refresh_docs.refresh(page, check=True)) == 1
    refresh_docs.refresh(page, check=False)
    assert "\n42\n" in page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").startswith("before\n")
    assert refresh_docs.refresh(page, check=True) == []


def test_another_exit_code_is_told(tmp_path: Path) -> None:
    block = refresh_docs.Block(tmp_path / "x.md", 'python -c "raise SystemExit(1)"', 0, "")
    with pytest.raises(SystemExit, match="exit code 1, expected 0"):
        refresh_docs.run(block)


def test_ratio_is_at_least_one_where_a_promise_is_kept() -> None:
    assert Row("time", 1.0, "s", 2.0).ratio == 2.0
    assert Row("rows", 2e6, "rows", 1e6, more=True).ratio == 2.0
    assert Row("time", 4.0, "s", 2.0).ratio == 0.5
    text = table([Row("time", 4.0, "s", 2.0), Row("rows", 2e6, "rows", 1e6, more=True), Row("other", 1.0, "s")])
    assert [line.split()[-1] for line in text.splitlines()[1:]] == ["MISSED", "kept", "s"]


def test_a_process_is_measured_alone() -> None:
    small, big = cost(["-c", "pass"]), cost(["-c", "x = bytes(200_000_000); x = x + b'1'"])
    assert big.peak_bytes > small.peak_bytes + 150e6
    assert cost(["-c", "print(7); raise SystemExit(3)"]).code == 3
    assert 0 < small.cpu_s < 5
