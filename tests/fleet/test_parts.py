"""Talent, tokens, the backtest and scenarios by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wherewithal.errors import FileProblems, InputError
from wherewithal.fleet import backtest, check, model, talent, tokens
from wherewithal.fleet.scenario import read


def test_wilson_is_the_printed_interval() -> None:
    low, high = talent.wilson(111, 201)
    assert (round(low, 3), round(high, 3)) == (0.483, 0.619)


def test_graduates_come_four_years_after_approval() -> None:
    fleet = model.run("china-2030", draws=256)
    assert fleet.band("Talent|Colleges", 2023)["median"] == 499
    assert fleet.band("Talent|Graduates", 2022)["p95"] == 0
    assert fleet.band("Talent|Graduates", 2025)["median"] == pytest.approx(26_000, rel=0.1)


def test_shipped_plans_are_what_plan_says() -> None:
    """One row planned again; another planner must write the file again (tools/fleet_serving.py)."""
    shipped = tokens.served("h20", "deepseek-v3", "tpot=50ms")
    again = tokens.planned("h20", "deepseek-v3", "tpot=50ms")
    assert shipped.value == pytest.approx(again.value, rel=1e-4)
    assert shipped.on == again.on


def test_the_backtest_gives_what_happened_a_chance() -> None:
    june, september = (backtest.run("china-2030", d)[0] for d in ("2025-06", "2025-09"))
    assert june.outturn == 812_000
    assert june.at_least >= 0.05
    assert june.naive == 200_000
    assert september.crps < june.crps < (june.naive_crps or 0)
    assert june.in_90
    assert september.in_90


@pytest.mark.parametrize(("date", "said"), [("2026-06", "known by then"), ("June", "is not YYYY-MM")])
def test_a_backtest_cannot_be_asked_later(date: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        backtest.run("china-2030", date)


def test_crps_of_a_point_is_its_distance() -> None:
    assert backtest.crps(np.full(10, 3.0), 5.0) == pytest.approx(2.0)
    normal = np.random.default_rng(0).standard_normal(20_000)
    assert backtest.crps(normal, 0.0) == pytest.approx(0.2337, abs=0.01)


def test_own_supply_and_demand_give_their_ratio() -> None:
    fleet = model.run("china-bernstein-2025-12", draws=64)
    assert fleet.band("Share|Domestic|Value|Flow|Legal", 2027)["median"] == pytest.approx(0.565, abs=0.005)


def test_a_scenario_is_ten_lines(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'inherits = "company-example"\ntitle = "Ours"\n[inputs]\n'
        'buys = {value = 100, low = 90, high = 110, unit = "units/year", reason = "our plan"}\n'
    )
    fleet = model.run(mine, draws=64)
    assert fleet.name == "mine"
    assert fleet.band("Flow|Units|Imported", 2026)["median"] == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('inherits = "china-2030"\nlast_yaer = 2028\n', "last_yaer"),
        ('inherits = "china-2030"\nlifetime = "lifetime_econmic | all"\n', "no input"),
        (
            'inherits = "china-2030"\n[flows.x]\nproduct = "nothing"\norigin = "imported"\nunits_per_year = "loss"\n',
            "nothing",
        ),
    ],
)
def test_what_is_wrong_in_a_scenario_is_named(tmp_path: Path, text: str, said: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    with pytest.raises((InputError, FileProblems), match=said):
        model.run(mine, draws=64)


def test_a_ring_of_scenarios_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "ring.toml").write_text('inherits = "ring"\n')
    with pytest.raises(InputError, match="inherits from itself"):
        read("ring", (tmp_path,))


def test_the_catalog_s_scenarios_are_sound() -> None:
    assert list(check.problems()) == []


def test_catalog_check_finds_a_bad_scenario(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "bad.toml").write_text('inherits = "china-2030"\nlast_yaer = 2028\n')
    (folder / "lost.toml").write_text('inherits = "china-2030"\nlifetime = "nothing | at all"\n')
    found = {file: str(problem) for file, problem in check.problems((tmp_path,), only_user=True)}
    assert "last_yaer" in found["scenarios/bad.toml"]
    assert "no input" in found["scenarios/lost.toml"]
