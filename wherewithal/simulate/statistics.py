"""What a benchmark client reports of a run: statistics over requests, rates over the whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wherewithal.simulate.replay import Times
from wherewithal.simulate.state import Floats

QUANTILES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class Served(NamedTuple):
    """A run as its client saw it.

    Attributes:
        ttft_s, tpot_s, e2e_s: [s] statistic (`mean`, `median`, `p90`, `p95`, `p99`) to value; NaN where no request has it.
        output_tokens_per_s, requests_per_s: over the whole run.
        in_flight: requests on average (their times in all over the run's).
        span_s: [s] from the first request to the last token.
    """

    ttft_s: dict[str, float]
    tpot_s: dict[str, float]
    e2e_s: dict[str, float]
    output_tokens_per_s: float
    requests_per_s: float
    in_flight: float
    span_s: float


def statistics(values: Floats, weight: Floats) -> dict[str, float]:
    """Return the mean and the quantiles of values [any], each counted `weight` times."""
    if not values.size:
        return dict.fromkeys(("mean", *QUANTILES), float("nan"))
    order = np.argsort(values)
    sorted_values, w = values[order], weight[order]
    # Each value stands in the middle of its weight: with equal weights this is the usual quantile but for its ends.
    reached = (np.cumsum(w) - 0.5 * w) / w.sum()
    found = {"mean": float(np.average(values, weights=weight))}
    return found | {name: float(np.interp(q, reached, sorted_values)) for name, q in QUANTILES.items()}


def served(times: Times, requests: float, in_flight: float | None = None, alike: float = 1.0) -> Served:
    """Return what the client saw of a run of so many requests.

    A run longer than what was replayed has the same beginning and end; what its middle third does goes on longer. So
    each request of that third stands for several: weight 1 + (requests - replayed) / third.

    Args:
        times: of the requests that were replayed.
        requests: of the run, as many or more.
        in_flight: requests of a closed load, which by Little's law say how long the rest takes; None otherwise.
        alike: servers of which one was replayed.
    """
    n = len(times.arrive)
    weight = np.ones(n)
    low, high = n // 3, max(2 * n // 3, n // 3 + 1)
    weight[low:high] += max(requests - n, 0.0) / (high - low)
    more, e2e = times.answer > 1, times.e2e
    ended = np.sort(times.done)
    third = e2e[low:high].sum() / in_flight if in_flight else ended[min(high, n - 1)] - ended[low]
    span = times.span + float(third) * (weight[low] - 1.0)
    return Served(
        statistics(times.ttft, weight), statistics(times.tpot, weight[more]), statistics(e2e, weight),
        alike * float((times.answer * weight).sum()) / span, alike * float(weight.sum()) / span,
        alike * float((e2e * weight).sum()) / span, span,
    )  # fmt: skip
