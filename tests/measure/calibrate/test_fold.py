"""Probes and runs folded into a catalog folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from wherewithal import ask
from wherewithal.catalog import load
from wherewithal.errors import FileProblems, InputError
from wherewithal.measure import validate
from wherewithal.measure.calibrate import fold, runs, write
from wherewithal.measure.probe.file import Operator, Probe
from wherewithal.measure.rows import Row
from wherewithal.pricing import curve_files
from wherewithal.pricing.intervals import LEVELS

CHIP = "made-9000-1t"
Make = Callable[..., Probe]


def plan(folder: Path | None, on: str) -> ask.Answer:
    dirs = (folder,) if folder else ()
    return ask.predict(
        ask.Question("llama-3.2-1b", on, layout="tp1", concurrency=2, catalog_dirs=dirs, precision={"weights": "q8_0"})
    )


def test_a_chip_that_no_table_knows_can_be_planned_for(probe: Make, folder: Path) -> None:
    report = fold.calibrate([probe(0.03)], [], chip=None, engine=None, folder=folder)
    assert (report.chip, report.new) == (CHIP, True)
    best = plan(folder, CHIP).best
    assert best is not None
    assert best.tpot_s.value > 0


def test_a_probe_narrows_the_intervals_of_its_chip(probe: Make, folder: Path) -> None:
    """The same figures as a chip file alone, then with the curves of the probe."""
    fold.calibrate([probe()], [], chip=None, engine=None, folder=folder)
    after = plan(folder, CHIP).best
    (folder / "curves" / f"{CHIP}.toml").unlink()
    before = plan(folder, CHIP).best
    assert before is not None
    assert after is not None
    assert before.evidence == "datasheet"
    for name in ("tpot_s", "ttft_s"):
        wide, narrow = getattr(before, name), getattr(after, name)
        assert narrow.high / narrow.low < wide.high / wide.low


def test_what_is_replaced_is_kept(probe: Make, folder: Path) -> None:
    fold.calibrate([probe()], [], chip=None, engine=None, folder=folder)
    old = (folder / "curves" / f"{CHIP}.toml").read_text()
    fold.calibrate([probe(0.1)], [], chip=None, engine=None, folder=folder)
    (kept,) = (folder / "history" / "curves").iterdir()
    assert kept.read_text() == old != (folder / "curves" / f"{CHIP}.toml").read_text()


def test_what_is_impossible_is_refused_by_its_row_and_nothing_written(probe: Make, folder: Path) -> None:
    def spoil(rows: list[Operator]) -> None:
        rows[4] = dataclasses.replace(rows[4], seconds=rows[4].seconds / 1000)  # ms read as s

    with pytest.raises(FileProblems) as caught:
        fold.calibrate([probe(0, spoil)], [], chip=None, engine=None, folder=folder)
    assert any(p.path != "operator 5" and "operator 5" in p.what for p in caught.value.problems)
    assert not any(folder.iterdir())


def test_faster_than_a_known_chip_is_another_chip(probe: Make, folder: Path) -> None:
    with pytest.raises(FileProblems, match="the chip's peak"):
        fold.calibrate([_quick(probe())], [], chip="rtx-3060", engine=None, folder=folder)


def _quick(probe: Probe) -> Probe:
    rows = tuple(
        dataclasses.replace(r, seconds=r.seconds / 1e4, format="bf16") for r in probe.operators if r.kind == "matmul"
    )
    return dataclasses.replace(probe, operators=rows)


def test_nothing_to_go_by(folder: Path) -> None:
    with pytest.raises(InputError, match="no probe and no measured run"):
        fold.calibrate([], [], chip=None, engine=None, folder=folder)


def test_constants_of_older_curves_go_when_the_chip_is_probed_anew(probe: Make, folder: Path) -> None:
    """Else an engine would still be priced by them, and the new probe would change nothing for it."""
    fold.calibrate([probe()], [], chip=None, engine=None, folder=folder)
    path = folder / "curves" / f"{CHIP}.toml"
    old = curve_files.checked(path)
    host = curve_files.HostRecord(engine="made", per_step_s=1e-3, source="runs")
    slow = tuple(c.model_copy(update={"engine": "made", "launch_s": 1.0}) for c in old.curve)
    write.curves(folder, old.model_copy(update={"host": (host,), "curve": (*slow, *old.curve)}))
    report = fold.calibrate([probe(0.02)], [], chip=None, engine=None, folder=folder)
    new = curve_files.checked(path)
    assert new.host == ()
    assert {c.engine for c in new.curve} == {""}
    assert any("made rested on older curves" in note for note in report.notes)


def test_what_is_tried_goes_before_an_older_calibration_of_the_engine(
    probe: Make, folder: Path, made: Callable[..., Row]
) -> None:
    fold.calibrate([probe()], [], chip=None, engine=None, folder=folder)
    rows = [made(model="llama-3.2-1b", system=f"{CHIP}-1", precision={"weights": "q8_0"}, engine="llama.cpp", requests=8.0, concurrency=1.0)]  # fmt: skip
    first = runs.Bench(rows, "llama.cpp", (), (folder,))
    slow = first.file(runs.Constants(arithmetic=3.0, memory=3.0))
    named = tuple(c.model_copy(update={"engine": "llama.cpp"}) for c in slow.curve)
    write.curves(folder, slow.model_copy(update={"curve": named}))
    again = runs.Bench(rows, "llama.cpp", (), (folder,))
    one, two = again.predict(runs.Constants()), again.predict(runs.Constants(arithmetic=2.0, memory=2.0))
    assert two[0] > 1.5 * one[0]


def test_validate_judges_by_the_intervals_that_a_plan_shows(
    probe: Make, made: Callable[..., Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Residuals of the asker's own runs are the finest cell of both."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = load.user_folder()
    fold.calibrate([probe()], [], chip=None, engine=None, folder=folder)
    row = made(model="llama-3.2-1b", system=f"{CHIP}-1", precision={"weights": "q8_0"}, engine="llama.cpp", requests=8.0, concurrency=1.0)  # fmt: skip
    (before,) = validate.validate([row], workers=1).rows
    old = curve_files.checked(folder / "curves" / f"{CHIP}.toml")
    exact = tuple(0.01 * (level - 0.5) for level in LEVELS)
    band = curve_files.BandRecord(figure="tpot_s", engine="llama.cpp", quantiles=exact, rows=900, blocks=300, source="runs")  # fmt: skip
    write.curves(folder, old.model_copy(update={"band": (band,)}))
    (after,) = validate.validate([row], workers=1).rows
    assert after.predicted.value == before.predicted.value
    assert after.high / after.low < 1.2 < before.high / before.low
