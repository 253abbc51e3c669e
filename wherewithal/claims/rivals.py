"""Rival figures for one thing: their mixture as a prior, and its score once the outcome is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wherewithal.claims.quantity import DRAWS, Draws, Quantity


def mixture(of: Sequence[Quantity]) -> tuple[float, Draws]:
    """Return the median and draws of the mixture in which each rival has an equal weight.

    Draw i comes from rival i mod n: every rival keeps its own draws, and the mixture is the same in every run.
    """
    which = np.arange(DRAWS) % len(of)
    draws = np.stack([q.draws for q in of])[which, np.arange(DRAWS)]
    return float(np.median(draws)), draws


def crps(draws: Draws, outcome: float) -> float:
    """Return the continuous ranked probability score, E|X - y| - E|X - X'| / 2, in the unit of the draws.

    Source: Gneiting and Raftery, Strictly Proper Scoring Rules (2007), equation 21.
    """
    x = np.sort(draws)
    n = len(x)
    apart = 2 * float(np.sum((2 * np.arange(1, n + 1) - n - 1) * x)) / (n * n)
    return float(np.mean(np.abs(x - outcome))) - apart / 2
