"""All ways of splitting, which of them are legal, and the batches between which a limit is met."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import world
from tests.oracle import slow
from wherewithal.axes.split import Split
from wherewithal.plan import edge, legal
from wherewithal.plan.lattice import DEGREES, Layouts, batches, distinct, lattice, offloaded, smooth
from wherewithal.plan.pools import table
from wherewithal.pricing.collective import Level

INF = float("inf")


@given(limit=st.integers(1, 600))
def test_smooth_numbers(limit: int) -> None:
    assert smooth(limit) == slow.smooth(limit)


@pytest.mark.parametrize("routed", [True, False])
@pytest.mark.parametrize("ranks", [1, 2, 7, 8, 16, 48])
def test_a_lattice_is_whole_and_without_doubles(ranks: int, routed: bool) -> None:
    every = lattice(ranks, 60, routed=routed)
    rows = np.stack([every.columns[n] for n in DEGREES], axis=1)
    assert len(np.unique(rows, axis=0)) == len(every)
    assert every.ranks.max() <= ranks
    c = every.columns
    assert np.all(c["expert"] * c["expert_tensor"] == (c["tensor"] * c["data"] if routed else c["tensor"]))
    assert routed or np.all(c["data"] == 1)
    assert every.row(0) == Split()


def legal_set(name: str, ranks: int) -> set[tuple[int, ...]]:
    model = world.real(name)
    every = lattice(ranks, model.depth, routed=legal.experts(model) > 0)
    good = every.take(legal.legal(model, every, ()))
    return {tuple(int(good.columns[n][i]) for n in DEGREES) for i in range(len(good))}


@pytest.mark.parametrize(
    ("name", "ranks"), [("qwen3-32b", 16), ("qwen3-30b-a3b", 16), ("deepseek-v3", 16), ("llama-3.1-8b", 12)]
)
def test_legal_layouts_are_those_of_plain_loops(name: str, ranks: int) -> None:
    on = world.machine_system("h100-8:16")
    m = world.machine("h100-8:16", name)
    flat = slow.World(world.real(name), on, m.formats, m.curves, world.deployment(world.real(name), m).engine, None)
    flat.links = []
    plain = {(d.tp, d.pp, d.ep, d.etp, d.dp, d.cp, d.m) for d in slow.layouts(flat, ranks)}
    assert legal_set(name, ranks) == plain


@pytest.mark.parametrize(
    ("split", "why"),
    [
        (Split(3, 1, 1, 3), "do not divide by tensor"), (Split(16, 1, 1, 16), ""), (Split(1, 100), "more stages than layers"),
        (Split(1, 1, 1, 1, 2), "this model has none"), (Split(1, 1, 4, 1), "no experts to spread"),
    ],
)  # fmt: skip
def test_what_a_dense_model_cannot_take(split: Split, why: str) -> None:
    broken = [text for text, bad in legal.reasons(world.real("qwen3-32b"), table(split)).items() if bad[0]]
    assert any(why in text for text in broken) if why else not broken


@pytest.mark.parametrize(
    ("split", "why"),
    [
        (Split(1, 1, 8, 1, 8), ""), (Split(1, 1, 8, 1, 4), "more or fewer ranks"), (Split(1, 1, 256, 1, 256), ""),
        (Split(1, 1, 512, 1, 512), "more than twice"), (Split(1, 1, 1, 5, 5), "do not divide by expert_tensor"),
    ],
)  # fmt: skip
def test_what_a_model_of_128_experts_cannot_take(split: Split, why: str) -> None:
    broken = [text for text, bad in legal.reasons(world.real("qwen3-30b-a3b"), table(split)).items() if bad[0]]
    assert any(why in text for text in broken) if why else not broken


@given(tensor=st.sampled_from((1, 2, 3, 5, 8, 16)), data=st.sampled_from((1, 2, 3, 4, 6)))
def test_no_group_lies_unevenly_across_a_tier(tensor: int, data: int) -> None:
    tiers = (Level("node", 8.0, 1e11, 1e-6), Level("net", INF, 1e10, 1e-6))
    found = legal.straddling(tiers, table(Split(float(tensor), data=float(data))))
    bad = any(rows[0] for rows in found.values())
    assert bad == any(8 % n and n % 8 for n in (tensor, tensor * data))


@given(most=st.lists(st.integers(1, 3000), min_size=1, max_size=5), count=st.integers(2, 64))
def test_batches_are_whole_and_reach_both_ends(most: list[int], count: int) -> None:
    found = batches(np.array(most, dtype=float), count)
    assert np.all(found == np.rint(found))
    assert np.all(found[:, 0] == 1)
    assert np.all(found[:, -1] == most)
    assert np.all(np.diff(found, axis=1) >= 0)
    for row, new in zip(found, distinct(found), strict=True):
        assert list(row[new]) == sorted(set(row))


def test_what_is_put_on_the_host_is_tried_in_every_number() -> None:
    plain = Layouts({n: v[:1] for n, v in lattice(1, 5, routed=True).columns.items()})
    found = offloaded(plain, 5, ("layers", "experts"), routed=True)
    assert sorted(zip(found.columns["host_layers"], found.columns["host_experts"], strict=True)) == sorted(
        [(0, 0), *((n, 0) for n in range(1, 6)), *((0, n) for n in range(1, 6))]
    )
    assert len(offloaded(plain, 5, ("layers", "experts"), routed=False)) == 6


@settings(max_examples=80)
@given(limit=st.floats(1.0, 5000.0), power=st.floats(0.1, 3.0), base=st.floats(0.0, 0.9), count=st.integers(8, 64))
def test_the_edge_of_a_limit_is_met_to_the_last_batch(limit: float, power: float, base: float, count: int) -> None:
    """The largest whole batch whose use of the limit, base + (1 - base) (s / limit)^power, stays at or below 1."""
    s = batches(np.array([2000.0]), count)

    def used(sizes):
        return base + (1 - base) * (sizes / limit) ** power

    found = edge.bracket(np.array([0]), s, used(s), s)
    layouts = table(Split())
    best = float(s[0][used(s)[0] <= 1].max(initial=0.0))
    for own, sizes in edge.closed([found], layouts, lambda b: b.rate > 0, lambda _, x: used(x)):
        assert len(own) == 1
        best = float(sizes[0, 0])
    true = min(np.floor(limit * (1 + 1e-12)), 2000.0)
    assert best <= true
    assert best >= true * 0.99 - 1
