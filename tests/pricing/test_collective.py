"""What collectives send: by hand for flat groups, summed over the levels of nested ones, and never without a group."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import world
from wherewithal.axes.split import Split
from wherewithal.model.op import Op
from wherewithal.pricing.collective import Level, crossed, group, levels, traffic
from wherewithal.pricing.curve import curves_for

NODE = Level("nvlink", 8.0, 4e11, 2e-6)
RACK = Level("infiniband", math.inf, 5e10, 5e-6)
SIZE = 1e6
CURVES = curves_for(world.machine_system("h100-8:16").chip)
kinds = st.sampled_from(("all_reduce", "all_gather", "all_to_all"))


def op(kind: str, over: str = "tensor", size: float = SIZE, calls: float = 1.0) -> Op:
    return Op("x", kind, wire=size, over=over, calls=calls)


def sent(kind: str, n: float, tiers: tuple[Level, ...] = (NODE,), size: float = SIZE):
    return traffic(op(kind, size=size), Split(tensor=n), tiers, CURVES)


@pytest.mark.parametrize(
    ("kind", "wire", "hops"),
    [
        ("all_reduce", lambda n: 2 * SIZE * (n - 1) / n, lambda n: 2 * math.log2(n)),
        ("all_gather", lambda n: SIZE * (n - 1), math.log2),
        ("all_to_all", lambda n: SIZE * (n - 1) / n, math.log2),
    ],
)
@pytest.mark.parametrize("n", [1.0, 2.0, 4.0, 8.0])
def test_a_flat_group_by_hand(kind: str, wire, hops, n: float) -> None:
    found = sent(kind, n)
    assert float(found.wire) == pytest.approx(wire(n))
    assert float(found.hops) == pytest.approx(hops(n))
    if n == 1:
        assert float(found.seconds) == 0.0
        return
    c = CURVES.collective(kind, NODE.name)
    flight = wire(n) / NODE.bandwidth
    each = max(c.latency_s, NODE.latency_s) if c.evidence == "datasheet" else c.latency_s
    expected = c.launch_s + hops(n) * each + (flight + math.sqrt(flight * c.ramp_s)) / c.share_of_bandwidth
    assert float(found.seconds) == pytest.approx(expected, rel=1e-12)


@given(kind=kinds, inner=st.sampled_from((1, 2, 4, 8)), outer=st.sampled_from((1, 2, 4, 16)))
def test_levels_send_together_what_a_flat_group_sends(kind: str, inner: int, outer: int) -> None:
    """A collective over nodes of 8 and between them moves as many bytes as over one level; only where they go differs."""
    n = float(inner * outer)
    flat, nested = sent(kind, n, (RACK,)), sent(kind, n, (NODE, RACK))
    assert float(nested.hops) == pytest.approx(float(flat.hops))
    if kind == "all_reduce":
        # Reduce-scatter before the next level: less crosses it, in all the sum over levels of 2 S / below (r - 1) / r.
        g = min(n, 8.0)
        assert float(nested.wire) == pytest.approx(2 * SIZE * ((g - 1) / g + (1 / g) * (n / g - 1) / (n / g)))
    assert float(nested.wire) == pytest.approx(float(flat.wire))


@settings(max_examples=60)
@given(kind=kinds, n=st.sampled_from((2.0, 4.0, 8.0, 16.0, 64.0)), size=st.floats(1.0, 1e9), more=st.floats(1.0, 100.0))
def test_more_bytes_never_take_less(kind: str, n: float, size: float, more: float) -> None:
    small, large = (float(sent(kind, n, (NODE, RACK), s).seconds) for s in (size, size * more))
    assert large >= small > 0


@settings(max_examples=60)
@given(
    kind=kinds,
    n=st.sampled_from((2.0, 4.0, 8.0, 16.0, 64.0)),
    bandwidth=st.floats(1.0, 50.0),
    latency=st.floats(0.02, 1.0),
)
def test_a_better_link_never_takes_longer(kind: str, n: float, bandwidth: float, latency: float) -> None:
    tiers = (NODE, RACK)
    better = tuple(t._replace(bandwidth=t.bandwidth * bandwidth, latency_s=t.latency_s * latency) for t in tiers)
    assert float(sent(kind, n, better).seconds) <= float(sent(kind, n, tiers).seconds) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("stride", "level"), [(1.0, "nvlink"), (2.0, "nvlink"), (4.0, "nvlink"), (8.0, "infiniband"), (64.0, "infiniband")]
)
def test_a_send_takes_the_innermost_link_that_holds_both(stride: float, level: str) -> None:
    split = Split(tensor=stride, pipeline=2.0)
    found = traffic(op("send", "pipeline"), split, (NODE, RACK), CURVES)
    assert float(found.wire) == SIZE
    assert float(found.hops) == 1.0
    assert [x.name for x in crossed(op("send", "pipeline"), split, (NODE, RACK))] == [level]
    only = NODE if level == "nvlink" else RACK
    c = CURVES.collective("send", level)
    each = max(c.latency_s, only.latency_s) if c.evidence == "datasheet" else c.latency_s
    w = SIZE / only.bandwidth
    assert float(found.seconds) == pytest.approx(
        c.launch_s + each + (w + math.sqrt(w * c.ramp_s)) / c.share_of_bandwidth
    )


def test_groups_and_their_strides() -> None:
    """Ranks are numbered tensor, data, context, pipeline; tokens may go to any rank that holds experts of the stage."""
    split = Split(2.0, 3.0, 4.0, 2.0, 4.0, 5.0)
    assert split.ranks == 2 * 3 * 4 * 5
    for over, n, stride in (("tensor", 2, 1), ("data", 4, 2), ("context", 5, 8), ("pipeline", 3, 40), ("tokens", 8, 1)):
        assert group(op("all_reduce", over), split) == (n, stride)


def test_no_call_no_bytes() -> None:
    found = traffic(op("all_reduce", calls=0.0), Split(tensor=8.0), (NODE, RACK), CURVES)
    assert (float(found.wire), float(found.hops), float(found.seconds)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("tensor", "data", "names"),
    [
        (1.0, 1.0, []),
        (1.0, 8.0, ["nvlink"]),
        (2.0, 8.0, ["nvlink", "infiniband"]),
        (8.0, 8.0, ["infiniband"]),
        (4.0, 2.0, ["nvlink"]),
    ],
)
def test_crossed_levels_are_those_that_send(tensor: float, data: float, names: list[str]) -> None:
    split = Split(tensor=tensor, data=data)
    assert [x.name for x in crossed(op("all_reduce", "data"), split, (NODE, RACK))] == names
    assert (float(traffic(op("all_reduce", "data"), split, (NODE, RACK), CURVES).wire) > 0) == bool(names)


def test_a_chip_of_several_ranks_has_a_level_inside() -> None:
    on = world.machine_system("cloudmatrix-384:64")
    first, second, *_ = levels(on)
    assert (first.name, first.ranks) == ("package", on.chip.ranks)
    assert first.bandwidth == on.chip.on_package_bytes_per_s
    assert second.ranks == on.tiers[0].chips * on.chip.ranks
    assert second.bandwidth == on.tiers[0].bandwidth_bytes_per_s / on.chip.ranks
    assert levels(world.machine_system("rtx-4090-1")) == ()


def test_rows_are_single_groups() -> None:
    n = np.array([[1.0], [2.0], [8.0], [32.0]])
    many = traffic(op("all_reduce"), Split(tensor=n), (NODE, RACK), CURVES)
    for i, one in enumerate(n[:, 0]):
        alone = sent("all_reduce", float(one), (NODE, RACK))
        assert float(many.seconds[i, 0]) == pytest.approx(float(alone.seconds), rel=1e-12)


def test_cards_that_cannot_read_each_other_copy_through_the_host() -> None:
    """Half of the bandwidth and 14 us a hop, on their slots alone; other cards and other tiers keep theirs."""
    gamer, worker = curves_for(world.machine_system("rtx-4090-1").chip), curves_for(world.machine_system("l40s-8").chip)
    slots, net = gamer.collective("all_reduce", "pcie"), gamer.collective("all_reduce", "ethernet")
    assert slots.share_of_bandwidth == pytest.approx(0.48 * worker.collective("all_reduce", "pcie").share_of_bandwidth)
    assert slots.latency_s == pytest.approx(14e-6)
    assert worker.collective("all_reduce", "pcie").latency_s < 14e-6
    assert "copies through the host" in slots.basis
    assert "copies" not in net.basis
