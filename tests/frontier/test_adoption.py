"""The logistic of adoption: through its points, and refused where one point is all there is."""

from __future__ import annotations

import pytest

from wherewithal.errors import InputError
from wherewithal.frontier.adoption import fit, shares
from wherewithal.frontier.scores import ordinal


def test_through_its_points() -> None:
    held = fit([("2024-01", 0.1), ("2025-01", 0.5), ("2026-01", 0.9)])
    assert held.share("2025-01") == pytest.approx(0.5)
    assert held.half_month == "2025-01"


def test_shares_read_give_the_figures_of_the_claim() -> None:
    """0.216 a month, half in November 2025, 0.43 in September and 0.28 in June 2025 (claims.csv, C14)."""
    held = fit(shares("Qwen"))
    assert held.rate_per_month == pytest.approx(0.216, abs=5e-4)
    assert held.half_month == "2025-11"
    assert held.share("2025-09") == pytest.approx(0.43, abs=5e-3)
    assert held.share("2025-06") == pytest.approx(0.28, abs=5e-3)


def test_one_point_is_refused() -> None:
    with pytest.raises(InputError, match="one point: cannot be fitted"):
        fit(shares("Qwen"), before=ordinal("2025-09", "test"))
