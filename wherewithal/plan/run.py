"""A run of so many requests from a standing start: the first ones all arrive at once, the others one by one."""

from __future__ import annotations

import numpy as np

from wherewithal.axes.split import Split
from wherewithal.model.op import Num
from wherewithal.plan import steady
from wherewithal.plan.steady import Deployment


def first_wave(d: Deployment, split: Split, s: Num, prompts: Num) -> tuple[Num, Num]:
    """Return when the first and the last of prompts that arrive together have their first token [s].

    Steps as full as they may be compute them one after the other, while half of the s sequences decode on average.

    Args:
        d: the deployment of a pool that prefills and decodes.
        split: degrees of one replica.
        s: sequences that decode per attention group and micro-batch once all run.
        prompts: that arrive together, per attention group and micro-batch.
    """
    half = 0.5 * s
    mixed = d.engine.policy == "mixed"
    all_tokens = prompts * d.workload.new_input
    t = np.minimum(steady.space(d, split, half), all_tokens)
    base = steady.decode_load(split, d.workload, half if mixed else 0.0 * half)
    one = steady.host(d, split, half, steady.loaded(d, split, base, t).seconds)
    return one, one * np.maximum(all_tokens / t, 1.0)


def over_run(later: Num, first: Num, last: Num, share: float, quantile: float | None) -> Num:
    """Return a statistic of the time to first token over a run [s].

    A share b of the requests waits between `first` and `last`, evenly spread; the others `later`:
    mean = b (first + last) / 2 + (1 - b) later; a quantile q up to 1 - b is that of the others.

    Args:
        later: [s] that statistic of requests in steady state.
        first: [s] the shortest wait of the requests that arrive at once.
        last: [s] the longest.
        share: b, requests that arrive at once over all.
        quantile: q; None for the mean.
    """
    if quantile is None:
        return share * 0.5 * (first + last) + (1.0 - share) * later
    if quantile <= 1.0 - share:
        return later
    place = (quantile - (1.0 - share)) / share
    return np.maximum(first + place * (last - first), later * (share < 1.0))
