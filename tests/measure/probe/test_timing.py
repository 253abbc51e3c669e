"""Medians of interleaved repeats; a process that was put aside is noticed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.measure.probe.timing import Sample, measure, on_host, summed


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=30))
def test_the_middle_lies_between_the_ends(seconds):
    t = summed([Sample(s) for s in seconds])
    assert min(seconds) <= t.low <= t.seconds <= t.high <= max(seconds)
    assert t.repeats == len(seconds)
    assert not t.disturbed


def test_repeats_that_were_put_aside_are_dropped():
    t = summed([Sample(1.0)] * 4 + [Sample(9.0, 0.5)] * 3)
    assert (t.seconds, t.high, t.repeats, t.disturbed) == (1.0, 1.0, 4, False)


def test_where_most_were_put_aside_the_time_that_the_process_had_counts():
    t = summed([Sample(4.0, 0.5)] * 5 + [Sample(2.0)])
    assert t.seconds == pytest.approx(2.0)
    assert t.disturbed


def test_operators_take_turns():
    order = []

    def runner(name):
        def run(loops):
            order.append(name)
            return Sample(1.0)

        return run

    measure([runner("a"), runner("b")], repeats=3, least_s=0.0)
    assert order[2:] == ["a", "b"] * 3


def test_wide_repeats_are_measured_again_and_the_narrower_kept():
    wide = iter([1.0, 1.0, 5.0, 9.0] + [2.0] * 9)
    t = measure([lambda loops: Sample(next(wide))], repeats=3, least_s=0.0)[0]
    assert (t.seconds, t.spread) == (2.0, 0.0)


def test_wide_repeats_that_stay_wide_keep_their_spread():
    wide = iter([1.0, *[1.0, 5.0, 9.0] * 3])
    assert measure([lambda loops: Sample(next(wide))], repeats=3, least_s=0.0)[0].spread > 1


def test_no_more_repeats_than_needed_after_the_time_is_up():
    counted = []

    def run(loops):
        counted.append(loops)
        return Sample(1.0)

    t = measure([run], repeats=50, least_s=0.0, until=0.0)[0]
    assert t.repeats == 3
    assert len(counted) == 4


def test_short_work_is_looped_until_it_lasts():
    seen = []

    def run(loops):
        seen.append(loops)
        time.sleep(0.0005 * loops)
        return Sample(0.0005)

    measure([run], repeats=3, least_s=0.01)
    assert 3 <= seen[-1] <= 20


def test_on_host_divides_by_loops_and_operators():
    sample = on_host(lambda: time.sleep(0.01), operators=2)(3)
    assert 0.005 <= sample.seconds < 0.02
    assert sample.share < 0.5  # it slept
