"""Fixtures that every room may use."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that rewrites golden files."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files of whole answers")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of tests that read the shared data."""
    config.addinivalue_line("markers", "shared: reads ../shared/data; skipped where that is absent")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of shared facts, or skip with the reason."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"shared data not found beside the repository ({folder.parent.name}/data)")
    return folder


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Return whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))
