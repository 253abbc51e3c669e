"""The grid: what lies between its nodes is close to what the cost model says."""

from __future__ import annotations

import numpy as np
import pytest

from wherewithal.axes.split import Split
from wherewithal.plan.run import price
from wherewithal.plan.setup import Question, setup
from wherewithal.simulate.grid import Reach, Steps, axis, grid
from wherewithal.simulate.loop import between, place, seconds

# Error of the interpolation against exact prices, over random steps: median, and 95 of 100.
MEDIAN, TAIL = 0.01, 0.05


@pytest.mark.parametrize("most", [1.0, 1.5, 2.0, 37.0, 1024.0])
def test_axes_reach_from_nothing_to_the_most(most: float) -> None:
    nodes = axis(most)
    assert nodes[0] == 0.0
    assert max(most, 1.0) <= nodes[-1] <= np.ceil(most)
    assert np.all(np.diff(nodes) > 0)


def test_places_and_what_lies_between() -> None:
    nodes = np.array([0.0, 1.0, 4.0])
    assert place(nodes, 0.5) == (0, 0.5)
    assert place(nodes, 4.0) == (1, 1.0)
    assert place(nodes, 7.0) == (1, 2.0)
    assert place(nodes[:1], 9.0) == (0, 0.0)
    table = np.add.outer(nodes, 10.0 * nodes)
    assert between(table, 1, 0.5, 0, 0.25) == pytest.approx(2.5 + 2.5)


@pytest.mark.parametrize(("model", "on", "split"), [
    ("llama-3.1-8b", "h100-8:1", Split()),
    ("llama-3.1-70b", "h200-8:4", Split(tensor=4.0)),
    ("deepseek-v3", "h200-8:8", Split(tensor=8.0, expert=8.0)),
    ("deepseek-v3", "h200-8:8", Split(data=8.0, expert=8.0)),
    ("gpt-oss-120b", "mi300x-8:2", Split(tensor=2.0)),
    ("qwen3-30b-a3b", "ascend-910b-8:2", Split(tensor=2.0)),
])  # fmt: skip
def test_prices_between_nodes(model: str, on: str, split: Split) -> None:
    d = setup(Question(model=model, on=on, concurrency=1.0)).pools["all"]
    reach = Reach(512.0, 8192.0, (500.0, 9000.0), (250.0, 4000.0))
    groups = int(split.data)
    prices = grid(lambda x: price(d, split, x), reach, groups)
    draw = np.random.default_rng(0)
    n = 400
    s = np.floor(np.exp(draw.uniform(0.0, np.log(512.0), n)))
    t = np.where(draw.random(n) < 0.5, 0.0, np.floor(np.exp(draw.uniform(0.0, np.log(8192.0), n))))
    c, p = draw.uniform(500.0, 9000.0, n), draw.uniform(250.0, 4000.0, n)
    for alone in (False, True)[: min(groups, 2)]:
        exact = price(d, split, Steps(s, c, t, p, np.full(n, alone)))
        found = [seconds(prices, *row, 0.0 if alone else 1.0) for row in zip(s, c, t, p, strict=True)]
        error = np.abs(np.array(found) / exact - 1.0)
        assert np.median(error) < MEDIAN, float(np.median(error))
        assert np.quantile(error, 0.95) < TAIL, float(np.quantile(error, 0.95))
