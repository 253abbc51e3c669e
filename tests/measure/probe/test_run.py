"""The run of a probe: order, time, resuming, stopping."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.measure.probe.conftest import Made, case
from wherewithal.errors import InputError
from wherewithal.measure.probe import file, run

CASES = [
    case("launch", weight=9.0),
    case("matmul", weight=5.0, m=1, n=64, k=64),
    case("matmul", weight=5.0, m=8, n=64, k=64),
    case("stream", note="triad", weight=3.0, bytes=1e6),
]


def test_all_is_measured_and_written(tmp_path, made):
    path = tmp_path / "p.json"
    found = run.probe(made, CASES, 1.0, 3, path)
    assert found.probe == file.read(path)
    assert found.probe.complete
    assert [o.kind for o in found.probe.operators] == ["launch", "matmul", "matmul", "stream"]
    row = found.probe.operators[1]
    assert row.seconds == pytest.approx(2 * 64 * 64 / 1e9)
    assert (row.sizes, row.clock_hz, row.repeats) == ({"m": 1, "n": 64, "k": 64}, 2.5e9, run.REPEATS)
    assert found.alone == "one device"


def test_the_most_telling_come_first():
    late = case("matmul", weight=0.5, m=2, n=64, k=64)
    assert [c.weight for g in run.groups([late, *CASES]) for c in g] == [9.0, 5.0, 5.0, 3.0, 0.5]


def test_a_second_run_measures_only_what_is_missing(tmp_path, made):
    path = tmp_path / "p.json"
    run.probe(made, CASES[:2], 1.0, 3, path)
    again = Made()
    found = run.probe(again, CASES, 1.0, 3, path)
    assert [c.key for c in again.asked] == [c.key for c in CASES[2:]]
    assert (found.kept, len(found.probe.operators)) == (2, 4)


@pytest.mark.parametrize(
    ("other", "seed", "said"),
    [
        (Made(threads=2), 3, "another device"),
        (Made(), 4, "another seed"),
    ],
)
def test_another_device_or_seed_is_refused(tmp_path, made, other, seed, said):
    path = tmp_path / "p.json"
    run.probe(made, CASES[:1], 1.0, 3, path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=f"{said}.*give another -o"):
        run.probe(other, CASES, 1.0, seed, path)
    assert path.read_bytes() == before


def test_other_software_is_refused(tmp_path, made):
    path = tmp_path / "p.json"
    run.probe(made, CASES[:1], 1.0, 3, path)
    made.software = {"made": "2"}
    with pytest.raises(InputError, match="another software"):
        run.probe(made, CASES, 1.0, 3, path)


def test_interrupted_keeps_what_it_has(tmp_path, made):
    path = tmp_path / "p.json"
    made.stop_at = 2
    found = run.probe(made, CASES, 1.0, 3, path)
    assert found.interrupted
    assert [o.kind for o in file.read(path).operators] == ["launch"]
    assert not file.read(path).complete
    assert made.released


def test_time_up_is_said_and_can_be_gone_on_with(tmp_path, made):
    path = tmp_path / "p.json"
    found = run.probe(made, CASES, 0.0, 3, path)
    assert not found.probe.complete
    assert not found.probe.operators
    assert run.probe(Made(), CASES, 1.0, 3, path).probe.complete


def test_what_the_backend_lacks_or_has_no_memory_for_is_counted(made):
    more = [*CASES, case("sampler", vocabulary=100), case("grouped_matmul", rows=1, n=8, k=8, experts=4)]
    found = run.probe(made, more, 1.0, 0)
    assert (found.absent, len(found.probe.operators)) == (2, 4)


def test_cases_too_long_for_the_time_are_left_out():
    slow = Made(rate=1e6)
    long = case("matmul", m=512, n=64, k=64)
    found = run.probe(slow, [CASES[1], long], 0.01, 0)
    assert found.too_long == 1
    assert [o.sizes["m"] for o in found.probe.operators] == [1]
    assert long not in slow.asked  # the rate of the short one told


def test_a_busy_machine_is_said_in_the_row(made):
    made.prepare = lambda case: lambda loops: run.measure.__globals__["Sample"](2e-3, 0.5)
    row = run.probe(made, CASES[:1], 1.0, 0).probe.operators[0]
    assert row.seconds == pytest.approx(1e-3)
    assert "processor time" in row.note


def test_the_file_is_that_of_the_last_day(tmp_path, made):
    path = tmp_path / "p.json"
    run.probe(made, CASES[:1], 1.0, 3, path)
    file.write(path, replace(file.read(path), date="2020-01-01"))
    run.probe(Made(), CASES, 1.0, 3, path)
    assert file.read(path).date > "2020-01-01"
