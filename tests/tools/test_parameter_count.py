"""Fitted numbers are counted from the catalog's files."""

from __future__ import annotations

from pathlib import Path

from tools import parameter_count as count

CHIP = """
[[curve]]
kind = "matmul"
compute_share = 0.9
launch_s = 1e-6
power = 4.0
balance = 3.0
residual = {sd = 0.1}
rows = 7
evidence = "measured"
surface = "1 2 3 4"
[[curve]]
kind = "stream"
compute_share = 0.9
evidence = "analog"
"""
LINKS = """
[[collective]]
share_of_bandwidth = 0.9
latency_s = 1e-6
launch_s = 1e-6
ramp_s = 1e-6
evidence = "measured"
[[collective]]
share_of_bandwidth = 0.9
evidence = "datasheet"
"""
ENGINE = """
[host]
per_step = [{is = "1 ms", known = "estimated", from = "x"}, {is = "2 ms", known = "read", from = "x"}]
[versions."2".host]
per_step = [{is = "3 ms", known = "estimated", from = "x"}]
"""


def catalog(path: Path) -> Path:
    for name, text in {
        "curves/chip": CHIP, "curves/datasheet": CHIP, "curves/blockwise": "", "curves/collectives": LINKS,
        "curves/relatives": "", "engines/one": ENGINE,
        "curves/intervals": '[cells.a.b."c"]\nquantiles = [1, 2, 3]\n[cells.a.chip."d"]\nquantiles = [1]\n',
    }.items():  # fmt: skip
        file = path / f"{name}.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return path


def test_what_is_counted(tmp_path: Path) -> None:
    """Constants and entries of what was measured; no residual, no row count, no exponent; what a source states is no fit."""
    data = catalog(tmp_path)
    assert {c.what: c.numbers for c in count.counts(data)} == {
        "operators: constants": 2,
        "operators: table entries": 4,
        "operators: pools of chips": 7,
        "operators of GGUF weights: shares of peak": 0,
        "collectives": 4,
        "engines": 2,
        "intervals": 4,
    }
    assert count.not_fitted(data) == {"read": 1}
    assert count.size(data) == sum(f.stat().st_size for f in (data / "curves").iterdir())


def test_the_catalogs_own() -> None:
    """All curves stay under the 5 MB promised, and engines hold few fitted numbers beside those of operators."""
    numbers = {c.what: c.numbers for c in count.counts()}
    assert count.size() < 5_000_000
    assert 0 < numbers["engines"] < numbers["operators: constants"]
    assert all(n > 0 for n in numbers.values())
