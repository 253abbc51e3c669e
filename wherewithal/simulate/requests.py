"""The requests of a run: lengths and arrivals, drawn from a seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wherewithal.simulate.state import Floats, Ints


class Requests(NamedTuple):
    """Requests in the order in which they are sent.

    Attributes:
        prompt: [token] to compute, at least one.
        cached: [token] of the input found in the prefix cache.
        answer: [token] at least one.
        arrive: [s] when each is sent, in an open load; zeros otherwise.
    """

    prompt: Ints
    cached: Ints
    answer: Ints
    arrive: Floats


class Lengths(NamedTuple):
    """Stated lengths [token], the share of the input that is cached, and the spread below the stated ones."""

    input_tokens: float
    output_tokens: float
    spread: float = 0.0
    cached_share: float = 0.0


def requests(lengths: Lengths, count: int, seed: int, rate_per_s: float | None = None) -> Requests:
    """Return so many requests; lengths are uniform between 1 - spread and 1 times the stated, arrivals Poisson.

    Args:
        lengths: of what is drawn.
        count: requests in all.
        seed: same seed, same requests.
        rate_per_s: [1/s] of an open load; None where requests follow each other.
    """
    draw = np.random.default_rng(seed)
    low = 1.0 - lengths.spread
    whole, answer = (
        np.maximum(np.rint(stated * draw.uniform(low, 1.0, count)), 1.0)
        for stated in (lengths.input_tokens, lengths.output_tokens)
    )
    cached = np.minimum(np.rint(whole * lengths.cached_share), whole - 1.0)
    gaps = draw.exponential(1.0 / rate_per_s, count) if rate_per_s else np.zeros(count)
    return Requests(
        (whole - cached).astype(np.int64), cached.astype(np.int64), answer.astype(np.int64), np.cumsum(gaps)
    )
