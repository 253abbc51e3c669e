"""The list of claims, computed once."""

from __future__ import annotations

import pytest

from wherewithal.claims.run import Report, run


@pytest.fixture(scope="session")
def report() -> Report:
    """Return all claims of the one list in the catalog."""
    return run("wsj-2025-08")
