"""Constants from a probe's operators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.measure.calibrate.conftest import BANDWIDTH, PEAK, TRUE
from wherewithal.measure.calibrate import fit, operators
from wherewithal.measure.probe.file import Probe

Make = Callable[..., Probe]


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_known_constants_are_found_again(probe: Make, noise: float) -> None:
    for sample in operators.samples(probe(noise).operators):
        if sample.op.kind == operators.MEMORY_KIND:
            continue
        found = fit.fit(sample, PEAK, BANDWIDTH)
        assert found is not None
        true = TRUE[sample.op.kind, sample.op.format]
        asked, told = (fit.seconds(sample.op, c, PEAK, BANDWIDTH) for c in (true, found.curve))
        assert np.median(np.abs(np.log(told / asked))) < 0.01 + noise
        assert found.median_error < 0.01 + 1.5 * noise
        assert 0 < found.curve.compute_share <= 1
        assert 0 < found.curve.memory_share <= 1


def test_shapes_held_out_are_predicted(probe: Make) -> None:
    for sample in operators.samples(probe(0.02).operators):
        if sample.op.kind == operators.MEMORY_KIND:
            continue
        found = fit.fit(sample, PEAK, BANDWIDTH)
        assert found is not None
        if sample.op.kind == "matmul":
            assert found.held_out_error is not None
            assert found.held_out_error < 0.06


def test_one_wild_row_does_not_bend_the_rest(probe: Make) -> None:
    sample = operators.samples(probe().operators)[0]
    wild = sample.seconds.copy()
    wild[3] *= 50
    bent = fit.fit(operators.Sample(sample.op, wild, sample.rows), PEAK, BANDWIDTH)
    assert bent is not None
    told = fit.seconds(sample.op, bent.curve, PEAK, BANDWIDTH)
    assert np.median(np.abs(np.log(told / sample.seconds))) < 0.05


def test_too_few_are_not_fitted(probe: Make) -> None:
    rows = [r for r in probe().operators if r.kind == "matmul"][:3]
    assert fit.fit(operators.samples(rows)[0], PEAK, BANDWIDTH) is None
