"""From steps to serving: TTFT, TPOT and throughput of a deployment in steady state, in closed form.

Every function is element-wise over rows of layouts and batches. Symbols: s sequences that decode per attention group
and micro-batch, t prompt tokens of a step there, n new prompt tokens of a request, o decode steps of a request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from wherewithal.axes.split import Split
from wherewithal.engine import Machine, Step, cache_bytes, step, terms
from wherewithal.model.model import Model
from wherewithal.model.op import Formats, Load, Num, some
from wherewithal.plan.engines import Engine
from wherewithal.plan.workload import Workload

# Beyond this share of its capacity an open queue's mean wait says nothing: a small error of the rate multiplies.
BUSIEST = 0.95


class Deployment(NamedTuple):
    """What stays the same over the rows of one question and pool.

    Attributes:
        model, machine, engine, workload: what runs, on what, by what, and what is asked of it.
        open: whether requests arrive by themselves (Poisson) or one follows when another is done (closed).
        offload: what may live on the host: `layers`, `experts`.
        launch_s: [s] host work of launching a step that carries prompts (see `launches`).
        beside: [token] of other requests in the one cache that a prompt is scored against; 0 where each has its own.
    """

    model: Model
    machine: Machine
    engine: Engine
    workload: Workload
    open: bool = False
    offload: tuple[str, ...] = ()
    launch_s: float = 0.0
    beside: float = 0.0

    @property
    def arrival_s(self) -> float:
        """Time from a request's arrival to the scheduler and back [s], its prompt taken in, without any queue."""
        return self.engine.host_s_per_request + self.engine.host_s_per_prompt_token * self.workload.mean_input

    @property
    def arrivals(self) -> float:
        """Squared coefficient of variation of the gaps between arrivals at the prefill.

        1 for Poisson. In a closed load requests of equal length come back in the order in which their prompts were
        computed, evenly spaced; the more their lengths spread, the more this order is lost.
        """
        return 1.0 if self.open else self.workload.length_spread

    @property
    def ahead(self) -> float:
        """Steps that are composed already when a request comes, beside the one that runs."""
        return 1.0 if self.engine.host_overlapped else 0.0

    @property
    def fullest(self) -> float:
        """Largest share of the prefill capacity that a row may use."""
        return BUSIEST if self.open else 1.0


class Serving(NamedTuple):
    """Rows in steady state, of one replica.

    Attributes:
        tpot_s: [s] mean time per output token.
        tpot_sd_s: [s] its standard deviation over requests.
        service_s, wait_s: [s] mean time of a prompt in steps, and before them.
        busy: share of the prefill capacity in use.
        chunk: [token] prompt tokens of a step that carries any, per attention group and micro-batch.
        share: share of steps that carry any.
        requests_per_s: [1/s] of one replica.
        in_flight: requests of one replica, waiting ones included.
        decode, prefill: the step without and with prompt tokens.
    """

    tpot_s: Num
    tpot_sd_s: Num
    service_s: Num
    wait_s: Num
    busy: Num
    chunk: Num
    share: Num
    requests_per_s: Num
    in_flight: Num
    decode: Step
    prefill: Step


def groups(split: Split) -> Num:
    """Return attention groups x micro-batches of one replica: what `s` and `t` count per."""
    return split.data * split.pipeline * split.microbatches


def decode_load(split: Split, w: Workload, s: Num, routed: Num | None = None) -> Load:
    """Return the load of a step in which s sequences per attention group and micro-batch decode."""
    q = w.step_tokens
    return Load(
        decode_seqs=s,
        decode_tokens=q,
        decode_context=w.decode_context / split.context,
        routed_tokens=(s * split.data if routed is None else routed) * q,
    )


def with_prefill(split: Split, w: Workload, base: Load, t: Num) -> Load:
    """Return a load with t prompt tokens per attention group and micro-batch added; a context group shares them."""
    return Load(
        base.decode_seqs,
        base.decode_tokens,
        base.decode_context,
        prefill_tokens=t / split.context,
        prefill_context=w.prefill_context,
        prefill_seqs=np.minimum(t / w.new_input, t),
        routed_tokens=base.routed_tokens + t * split.data / split.context,
        patches=t / split.context * (w.image_patches / w.new_input),
        patches_per_image=w.image_patches,
    )


def decode_step(d: Deployment, split: Split, s: Num, routed: Num | None = None) -> Step:
    """Return the price of a step that decodes only."""
    return step(d.model, split, masked(d, split, decode_load(split, d.workload, s, routed)), d.machine)


def loaded(d: Deployment, split: Split, base: Load, t: Num) -> Step:
    """Return the price of a step of t prompt tokens per attention group and micro-batch beside what `base` decodes."""
    return step(d.model, split, masked(d, split, with_prefill(split, d.workload, base, t)), d.machine)


def masked(d: Deployment, split: Split, load: Load) -> Load:
    """Return a load with the tokens of other sequences that the engine scores and masks, where all share one cache.

    A query of one of s sequences is scored against the cells of all: (s - 1) n more than its own n.
    """
    if not d.engine.one_cache:
        return load
    cells = load.decode_seqs * load.decode_context
    others = np.maximum(cells * groups(split) - load.decode_context, 0.0)
    return replace(load, decode_masked=others, prefill_masked=np.maximum(cells * groups(split), d.beside))


def prefill_step(d: Deployment, split: Split, t: Num) -> Step:
    """Return the price of a step of t prompt tokens per attention group and micro-batch, nothing decoding."""
    return loaded(d, split, Load(), t)


def launches(model: Model, f: Formats, w: Workload) -> float:
    """Return how many operators a step that carries a prompt runs on one rank, collectives aside.

    A step that only decodes is replayed from a graph that was captured once; one with prompts, whose sizes are new each
    time, is launched by the host operator by operator.
    """
    load = Load(
        prefill_tokens=w.new_input, prefill_context=w.prefill_context, prefill_seqs=1.0, routed_tokens=w.new_input
    )
    return float(sum(np.max(t.times * some(t.op.calls)) for t in terms(model, Split(), load, f)))


def host(d: Deployment, split: Split, s: Num, device: Num, *, prompts: bool = False) -> Num:
    """Return what a step takes with the host's work [s]: hidden behind the device where the engine overlaps them.

    Args:
        d: the deployment.
        split: degrees of one replica.
        s: sequences in the step, per attention group and micro-batch.
        device: [s] the step on the device.
        prompts: whether it carries prompts, and so is launched operator by operator.
    """
    work = d.engine.host_s_per_step + d.engine.host_s_per_seq * s * split.microbatches
    launch = d.launch_s * split.microbatches if prompts else 0.0
    if d.engine.host_overlapped:
        return np.maximum(device, work + launch)
    # Operators are launched while the device runs those before them, whether or not the scheduler works meanwhile.
    return (np.maximum(device, launch) if prompts else device) + work


def space(d: Deployment, split: Split, s: Num) -> Num:
    """Return the most prompt tokens that a step takes beside s decoding sequences, per attention group and micro-batch.

    The engine's budget less what decodes, where it mixes both; the whole budget where prompts run first.
    """
    budget = d.engine.token_budget / (split.data if d.engine.budget_per_data_group else 1.0)
    if d.engine.policy != "mixed":
        return budget + 0.0 * s
    return np.maximum(budget - s * d.workload.step_tokens, 1.0)


def together(d: Deployment, s: Num, most: Num) -> Num:
    """Return the prompt tokens of a step that carries any, per attention group and micro-batch.

    What arrived in a step, s n / o, and at least the one prompt that is there: t = min(max(s n / o, n, g), r). In a
    closed load prompts that one step computed end together when their answers are of equal length, so that their
    successors meet again: g = min(s n, r); answers that differ by a share of their o steps spread these over as many
    steps: g / (1 + spread o).
    """
    w = d.workload
    gathered = 0.0 if d.open else np.minimum(s * w.new_input, most) / (1.0 + w.length_spread * w.decode_steps)
    arriving = s * w.new_input / w.decode_steps
    return np.minimum(np.maximum(np.maximum(arriving, w.new_input), gathered), most)


def colocated(d: Deployment, split: Split, s: Num, routed: Num | None = None, decode: Step | None = None) -> Serving:
    """Return continuous batching on one pool that prefills and decodes.

    A request needs n prompt tokens and o decode steps; in steady state s n / o prompt tokens arrive per step and
    group. A step takes the t of them that wait (see `together`), so a share f = s n / (o t) of steps carries a chunk:
    mean step = f T(s, t) + (1 - f) T(s), requests per second = s groups / (o mean step). A prompt takes max(n / t, 1)
    such steps; it waits for the step that runs (in a closed load one of others'), for the next where that is composed
    already (`Deployment.ahead`), and for the prompts before it (G/D/1 after Kingman, at the capacity in use
    b = s n / (o r): Ca b / (2 (1 - b)) of its own time). A row whose b would exceed 1 asks more of prefill than
    there is; `busy` tells.
    """
    w = d.workload
    most = space(d, split, s)
    arriving = s * w.new_input / w.decode_steps
    t = together(d, s, most)
    alone = decode or decode_step(d, split, s, routed)
    base = decode_load(split, w, s, routed)
    if d.engine.policy == "mixed":
        both = loaded(d, split, base, t)
        mixed_s = host(d, split, s, both.seconds, prompts=True)
    else:
        both = prefill_step(d, split, t)
        mixed_s = host(d, split, s, both.seconds, prompts=True) + host(d, split, s, alone.seconds)
    plain_s = host(d, split, s, alone.seconds)
    busy = arriving / most
    share = np.minimum(arriving / t, 1.0)
    mean = share * mixed_s + (1.0 - share) * plain_s
    service = np.maximum(w.new_input / t, 1.0) * mixed_s
    queue = d.arrivals * np.minimum(busy, 1.0) / (2.0 * np.maximum(1.0 - busy, 1.0 - BUSIEST))
    count = (s if routed is None else routed / split.data) * groups(split)
    beside = 1.0 - 1.0 / np.maximum(count, 1.0)
    others = 1.0 if d.open else beside
    wait = mean * (0.5 * others + d.ahead * beside) + service * queue
    rate = count / (w.decode_steps * mean)
    sd = np.abs(mixed_s - plain_s) * np.sqrt(share * (1.0 - share) / w.decode_steps)
    accepted = w.accepted_tokens_per_step
    return Serving(
        mean / accepted,
        sd / accepted,
        service,
        wait,
        busy,
        t,
        share,
        rate,
        count + rate * (wait + service + d.arrival_s),
        alone,
        both,
    )


class Prefill(NamedTuple):
    """Rows of a prefill pool: time of one pass and of one prompt [s], prompts per second of one replica."""

    service_s: Num
    pass_s: Num
    requests_per_s: Num
    step: Step


def prefill_pool(d: Deployment, split: Split, t: Num) -> Prefill:
    """Return a pool that only prefills, t prompt tokens per attention group and micro-batch in a pass.

    Passes follow each other through the pipeline at pass / pp; a prompt takes n / t of them (at least one).
    """
    one = prefill_step(d, split, t)
    seconds = host(d, split, np.maximum(t / d.workload.new_input, 1.0), one.seconds, prompts=True)
    period = seconds / split.pipeline
    passes = np.maximum(d.workload.new_input / t, 1.0)
    service = seconds + (passes - 1.0) * period
    rate = t * split.data * split.microbatches / (period * d.workload.new_input)
    return Prefill(service, seconds, rate, one)


def prefill_wait(d: Deployment, service: Num, one_pass: Num, busy: Num, servers: Num) -> Num:
    """Return the mean wait of a prompt before a prefill pool [s].

    Half a pass for the one that runs, weighted by how often one runs, one more where the next is composed already, and
    G/D/c:
    Ca (S / 2) rho^(sqrt(2 (c + 1)) - 1) / (c (1 - rho)).

    Source: Sakasegawa 1977 for M/G/c, halved for constant service, times the arrivals' variation (Kingman 1961).
    """
    slack = np.maximum(1.0 - busy, 1.0 - BUSIEST)
    queue = service / 2.0 * busy ** (np.sqrt(2.0 * (servers + 1.0)) - 1.0) / (servers * slack)
    return (0.5 + d.ahead) * one_pass * busy + d.arrivals * queue


def wait_at(mean_wait: Num, busy: Num, quantile: float | None) -> Num:
    """Return a quantile of the wait [s]; P(wait > x) = rho exp(-rho x / mean) (M/M/1's form with the mean fitted)."""
    if quantile is None:
        return mean_wait
    rho = np.minimum(np.maximum(busy, 1e-9), BUSIEST)
    return np.maximum(mean_wait / rho * np.log(rho / (1.0 - quantile)), 0.0)


# Quantiles of the standard normal for the statistics that can be asked for.
NORMAL = {None: 0.0, 0.5: 0.0, 0.9: 1.2815515655446004, 0.95: 1.6448536269514722, 0.99: 2.3263478740408408}


def tpot_at(mean: Num, deviation: Num, quantile: float | None) -> Num:
    """Return a statistic of the time per output token over requests [s]: a mean of many steps is near normal."""
    return mean + NORMAL[quantile] * deviation


def transfer_s(d: Deployment, split: Split, bandwidth: float) -> Num:
    """Return how long the cache of one prompt takes to the decode pool [s]; the ranks of a replica's group send at once.

    Args:
        d: the prefill pool's deployment.
        split: degrees of its replica.
        bandwidth: [B/s] of one rank's link between the pools.
    """
    return cache_bytes(d.model, split, d.machine.formats, d.workload.mean_input) / bandwidth
