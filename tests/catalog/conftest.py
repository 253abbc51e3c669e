"""A folder of a user's own additions."""

from __future__ import annotations

from pathlib import Path

import pytest

CHIP = """
label = "Mine"
maker = "Me"
country = "FR"
class = "accelerator"
ranks = {is = "1", known = "read", from = "my own sheet"}
memory = {is = "64 GiB", known = "read", from = "my own sheet"}
bandwidth = {is = "2 TB/s", known = "estimated", from = "my own sheet"}
power = {is = "300 W", known = "read", from = "my own sheet"}

[peak]
bf16 = {is = "200 TFLOP/s", known = "read", from = "my own sheet"}
fp8 = {is = "400 TFLOP/s", known = "read", from = "my own sheet"}
"""
SYSTEM = """
label = "Four of mine"
chip = "mine"
node = {is = "4", known = "read", from = "my own sheet"}
power = {is = "2 kW", known = "read", from = "my own sheet"}

[tiers.ring]
chips = 4
bandwidth = {is = "200 GB/s", known = "read", from = "my own sheet"}
latency = {is = "3 us", known = "assumed", from = "my own sheet"}
"""


@pytest.fixture(autouse=True)
def no_user_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's real additions out of tests; return the folder that stands for them."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setattr("wherewithal.catalog.load.user_folder", lambda: home / "catalog")
    return home / "catalog"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a catalog folder with one chip and one system."""
    for kind, name, text in (("chips", "mine", CHIP), ("systems", "mine-4", SYSTEM)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.toml").write_text(text, encoding="utf-8")
    return tmp_path
