"""The planner against a plain second implementation: step by step, and whole searches of small systems by brute force.

The search tries at most 64 batch sizes of each layout, evenly spaced in the logarithm, the brute force all of them; so
the search may be behind by what lies between two sizes: at most `GRID` of the rate. It may never be ahead.
"""

from __future__ import annotations

import dataclasses
import math
import random

import pytest

from tests.laws import world
from tests.oracle import slow
from wherewithal import engine
from wherewithal.axes.split import Split
from wherewithal.engine import Machine
from wherewithal.machine.system import System, Tier
from wherewithal.model.blocks.embed import Embedding, Head
from wherewithal.model.blocks.gqa import Gqa
from wherewithal.model.blocks.mla import Mla
from wherewithal.model.blocks.mlp import Mlp
from wherewithal.model.blocks.moe import Moe
from wherewithal.model.model import Layer, Model
from wherewithal.plan import steady
from wherewithal.plan.engines import engine as engine_named
from wherewithal.plan.memory import room
from wherewithal.plan.pools import disaggregated
from wherewithal.plan.search import Counts, Goal, colocated
from wherewithal.plan.steady import Deployment
from wherewithal.plan.workload import Offered, Workload, parse_slo
from wherewithal.pricing.curve import curves_for
from wherewithal.pricing.formats import resolve

GRID = 0.02
EXACT = 1e-9
CHIPS = (
    "h100-8:16",
    "h20-8:32",
    "cloudmatrix-384:64",
    "mi300x-8:8",
    "gaudi3-8:16",
    "l4-8:8",
    "rtx-4090-8:8",
    "ascend-910b-8:16",
)


def a_model(r: random.Random, *, routed: bool) -> Model:
    """Return a random model of two to six layers."""
    hidden, heads = r.choice((512, 1024, 4096)), r.choice((4, 8, 12, 16))
    norm = 2 * hidden
    if r.random() < 0.35:
        attention: object = Mla(hidden, heads, r.choice((0, 384)), 256, 64, 32, 64, norm)
    else:
        size = r.choice((64, 128))
        attention = Gqa(
            hidden,
            heads,
            r.choice([g for g in (1, 2, 4, heads) if heads % g == 0]),
            size,
            size,
            r.choice((math.inf, 128.0)),
            7,
            norm,
        )
    width = r.choice((1, 2, 3)) * hidden
    first, count = Mlp(hidden, width, r.random() < 0.8, 0, norm), r.randint(2, 6)
    layers = [Layer("dense", r.randint(1, 2) if routed else count, (attention, first))]  # type: ignore[arg-type]
    if routed:
        each = r.choice((256, 512, 768))
        moe = Moe(
            hidden, r.choice((8, 16, 32)), r.choice((1, 2, 4)), each, r.choice((0, each)), r.random() < 0.8, norm=norm
        )
        layers.append(Layer("routed", count, (attention, moe)))  # type: ignore[arg-type]
    vocab = r.choice((1000, 32_000))
    return Model(
        "random",
        "law",
        hidden,
        tuple(layers),
        Embedding(hidden, vocab),
        Head(hidden, vocab, r.random() < 0.5, hidden),
        stored={"other": r.choice(("bf16", "fp8"))},
    )


def a_system(r: random.Random, chips: int, *, tight: bool) -> System:
    """Return a system of a real chip, wired at random, with little memory where `tight`."""
    base = world.machine_system(r.choice(CHIPS))
    chip = base.chip
    if tight:
        chip = dataclasses.replace(chip, memory_bytes=r.uniform(2.2e9, 6e9) * chip.ranks)
    inner = r.choice([c for c in (1, 2, 4, 8) if c <= chips])
    tiers = [Tier("scale-up", float(inner), r.uniform(2e10, 5e11), r.uniform(1e-6, 1e-5))] if inner > 1 else []
    tiers.append(Tier("rdma", math.inf, r.uniform(5e9, 5e10), r.uniform(2e-6, 2e-5)))
    return dataclasses.replace(base, chip=chip, tiers=tuple(tiers), chips=chips, node_chips=chips)


def a_case(seed: int, *, routed: bool, chips: int, most: int, open_: bool = False) -> Deployment:
    """Return a random small deployment."""
    r = random.Random(seed)
    model, on = a_model(r, routed=routed), a_system(r, chips, tight=r.random() < 0.5)
    by = dataclasses.replace(
        engine_named(None, (), on.chip), max_seqs=float(r.randint(2, most)), policy=r.choice(("mixed", "mixed", "prefill-first")),
        token_budget=float(r.choice((256, 2048, 8192))), budget_per_data_group=r.random() < 0.3, host_overlapped=r.random() < 0.7,
        host_s_per_step=r.choice((0.0, 2e-4)), host_s_per_seq=r.choice((0.0, 2e-6)),
        host_s_per_prompt_token=r.choice((0.0, 5e-6)), two_batch=r.random() < 0.7, reserved_bytes=2e8,
        share_of=r.choice(("total", "static", "free")), rules=(), pair_rules=(),
    )  # fmt: skip
    inputs = float(r.choice((16, 100, 500, 2000)))
    work = Workload(
        input_tokens=inputs, output_tokens=float(r.choice((2, 20, 200))), length_spread=r.choice((0.0, 0.2)),
        cached_input_tokens=r.choice((0.0, inputs // 2)), accepted_tokens_per_step=r.choice((1.0, 1.0, 1.7)),
    )  # fmt: skip
    m = Machine(on, curves_for(on.chip), resolve(model, on.chip, {"kv": r.choice(("bf16", "fp8"))}).formats)
    return Deployment(model, m, by, work, open_, launch_s=r.choice((0.0, 1e-3)))


def other(d: Deployment) -> slow.World:
    return slow.World(
        d.model, d.machine.system, d.machine.formats, d.machine.curves, d.engine, d.workload, d.open, d.launch_s
    )


def split_of(d: slow.Degrees) -> Split:
    return Split(float(d.tp), float(d.pp), float(d.ep), float(d.etp), float(d.dp), float(d.cp), float(d.m))


def sampled(r: random.Random, w: slow.World, ranks: int, count: int) -> list[slow.Degrees]:
    every = list(slow.layouts(w, ranks))
    return r.sample(every, min(count, len(every)))


@pytest.mark.parametrize("seed", range(40))
def test_steps_and_memory_agree(seed: int) -> None:
    """Decode, prefill and mixed steps, weights, cache and sequences of random layouts, to 1e-9."""
    d = a_case(seed, routed=seed % 2 == 0, chips=16, most=200)
    w, r = other(d), random.Random(seed)
    for at in sampled(r, w, 16 * d.machine.system.chip.ranks, 6):
        split, s, t = split_of(at), float(r.randint(1, 200)), float(r.randint(1, 2000))
        decode, prefill = slow.decoding(w, at, s), slow.with_prompt(w, at, slow.Asked(), t)
        assert float(steady.decode_step(d, split, s).seconds) == pytest.approx(slow.step(w, at, decode), rel=EXACT)
        assert float(steady.prefill_step(d, split, t).seconds) == pytest.approx(slow.step(w, at, prefill), rel=EXACT)
        mixed = steady.loaded(d, split, steady.decode_load(split, d.workload, s), t)
        assert float(mixed.seconds) == pytest.approx(slow.step(w, at, slow.with_prompt(w, at, decode, t)), rel=EXACT)
        assert float(engine.weights(d.model, split, d.machine.formats)) == pytest.approx(
            slow.held_bytes(w, at), rel=EXACT
        )
        served, plain = steady.colocated(d, split, s), slow.colocated(w, at, s)
        pairs = (
            (served.tpot_s, plain.tpot),
            (served.requests_per_s, plain.rate),
            (served.in_flight, plain.flight),
            (served.busy, plain.busy),
        )
        for ours, theirs in pairs:
            assert float(ours) == pytest.approx(theirs, rel=EXACT)
        first, alone = steady.prefill_pool(d, split, t), slow.prefill(w, at, t, 16)
        assert float(first.service_s) == pytest.approx(alone.service, rel=EXACT)
        assert float(first.requests_per_s) == pytest.approx(alone.rate, rel=EXACT)
        for role in ("all", "prefill", "decode"):
            budget = d.engine.token_budget / (at.dp if d.engine.budget_per_data_group else 1)
            tokens = min(budget, d.engine.max_seqs * d.workload.step_tokens) if role == "decode" else budget
            held = room(d.model, split, d.machine, d.engine, d.workload, tokens=tokens, role=role)
            assert float(held.sequences) == pytest.approx(slow.sequences(w, at, role), rel=1e-7)


def limits(seed: int) -> tuple[float, float]:
    """Return random limits on time per token and to the first token [s]; loose, tight or none."""
    r = random.Random(seed * 7 + 1)
    return r.choice((math.inf, 0.05, 0.01, 0.004)), r.choice((math.inf, 1.0, 0.2))


def goal_of(tpot: float, ttft: float, offered: Offered | None = None) -> Goal:
    words = [f"{name}={limit * 1e3:.10g}ms" for name, limit in (("tpot", tpot), ("ttft", ttft)) if math.isfinite(limit)]
    return Goal(parse_slo(",".join(words)), offered or Offered())


def best_rate(found, tpot: float) -> float:
    """Return requests per second of the best row within a limit; 0 without one."""
    good = (
        []
        if found is None
        else [rate for rate, each in zip(found.requests_per_s, found.tpot_s, strict=True) if each <= tpot]
    )
    return max(good, default=0.0)


def judged(ours: float, best: slow.Best, seed: int) -> None:
    assert ours <= best.rate * (1 + EXACT), f"case {seed}: {ours} beats the brute force's {best}"
    assert ours >= best.rate * (1 - GRID), f"case {seed}: {ours} is behind {best}"


@pytest.mark.parametrize("block", range(10))
def test_no_better_plan_on_one_pool(block: int) -> None:
    """150 cases: all layouts and all whole batches, on one pool."""
    for seed in range(1000 + 15 * block, 1015 + 15 * block):
        routed = seed % 3 == 0
        d = a_case(
            seed,
            routed=routed,
            chips=(4 if seed % 5 else 8) if routed else (8 if seed % 5 else 16),
            most=12 if routed else 24,
            open_=seed % 4 == 0,
        )
        tpot, ttft = limits(seed)
        chips = d.machine.system.chips
        found, _ = colocated(d, chips, goal_of(tpot, ttft), Counts())
        judged(best_rate(found, tpot), slow.best_colocated(other(d), chips, tpot, ttft), seed)


@pytest.mark.parametrize("block", range(10))
def test_no_better_plan_on_two_pools(block: int) -> None:
    """100 cases: all pairs of layouts, batches, passes and whole numbers of replicas, on two pools."""
    for seed in range(2000 + 10 * block, 2010 + 10 * block):
        routed = seed % 3 == 0
        d = a_case(
            seed,
            routed=routed,
            chips=3 if routed else (4 if seed % 5 else 8),
            most=6 if routed else 16,
            open_=seed % 4 == 0,
        )
        tpot, ttft = limits(seed)
        chips = d.machine.system.chips
        found, _ = disaggregated(d, d, chips, goal_of(tpot, ttft), Counts())
        judged(best_rate(found, tpot), slow.best_disaggregated(other(d), chips, tpot, ttft), seed)


@pytest.mark.parametrize("block", range(5))
def test_no_quicker_plan_under_a_load(block: int) -> None:
    """50 cases: the lowest time per token at which any layout of one pool carries a rate.

    The batch is interpolated twice between two of the grid, which leaves some thousandths where a curve bends.
    """
    for seed in range(3000 + 10 * block, 3010 + 10 * block):
        d = a_case(seed, routed=seed % 3 == 0, chips=2, most=16, open_=True)
        w, chips = other(d), d.machine.system.chips
        top = slow.best_colocated(w, chips, math.inf, math.inf).rate
        if not top:
            continue
        want = top * random.Random(seed).choice((0.02, 0.3, 0.8))
        found, _ = colocated(d, chips, goal_of(math.inf, math.inf, Offered(rate_per_s=want)), Counts())
        best = slow.best_carrying(w, chips, want, math.inf)
        ours = math.inf if found is None else float(found.tpot_s[0])
        assert ours == pytest.approx(best.tpot, rel=5e-3), f"case {seed}: {best}"
        assert found is None or list(found.requests_per_s) == [pytest.approx(want, rel=1e-9)]
