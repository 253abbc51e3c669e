"""The parts of `claims`: draws, computations, verdicts, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.claims import record
from wherewithal.claims.compute import VOCABULARY, Given, interval
from wherewithal.claims.growth import fit
from wherewithal.claims.inputs import matches
from wherewithal.claims.quantity import Z90, Quantity, exact, normals, spread, weakest
from wherewithal.claims.record import BasisRecord, ClaimedRecord
from wherewithal.claims.rivals import crps, mixture
from wherewithal.claims.run import Report, compute, run
from wherewithal.claims.verdict import Basis, judge, overall
from wherewithal.errors import FileProblems, InputError

RECORDS = {r.id: r for r in record.read("wsj-2025-08")[1]}


@given(st.floats(0.1, 1e6), st.floats(1.01, 5), st.floats(1.01, 5))
def test_draws_keep_the_printed_interval(value: float, down: float, up: float) -> None:
    draws = spread(value, value / down, value * up, "lognormal", "p5-p95", normals("a key"))
    assert np.percentile(draws, [5, 50, 95]) == pytest.approx([value / down, value, value * up], rel=0.15)


@given(st.floats(0.05, 0.95), st.floats(0.01, 0.04))
def test_shares_stay_inside(value: float, half: float) -> None:
    draws = spread(value, value - half, value + half, "beta", "p5-p95", normals("a share"))
    assert draws.min() >= 0
    assert draws.max() <= 1


def test_draws_are_the_same_in_every_run() -> None:
    assert np.array_equal(normals("k"), normals("k"))
    assert not np.array_equal(normals("k"), normals("l"))


def test_nothing_printed_does_not_spread() -> None:
    assert exact(3.0).band is None
    assert set(spread(3.0, None, None, "", "", normals("k"))) == {3.0}


def test_weakest() -> None:
    assert weakest(["read", "estimated", "derived"]) == "estimated"
    assert weakest(["read", "a word of no list"]) == "unverified"


@given(st.integers(1, 400), st.floats(0, 1))
def test_wilson_holds_the_share(n: int, part: float) -> None:
    count = round(n * part)
    low, high = interval(count, n)
    assert low - 1e-9 <= count / n <= high + 1e-9
    assert -1e-9 <= low < high <= 1 + 1e-9


def test_wilson_by_hand() -> None:
    """111 of 201 (statsmodels 0.14, proportion_confint with method wilson: 0.48317, 0.61934)."""
    assert interval(111, 201) == pytest.approx((0.48317, 0.61934), abs=1e-4)


def test_shares_of_parts_add_up_to_one() -> None:
    parts = [exact(v) for v in (3.0, 5.0, 9.0)]
    total = sum(VOCABULARY["share"](Given([p], [q for q in parts if q is not p])).value for p in parts)
    assert total == pytest.approx(1.0)


def test_least_is_the_least_in_every_draw() -> None:
    a = Quantity(5.0, spread(5.0, 3.0, 8.0, "lognormal", "p5-p95", normals("a")))
    b = Quantity(6.0, spread(6.0, 4.0, 9.0, "lognormal", "p5-p95", normals("b")))
    found = VOCABULARY["least"](Given([a, b]))
    assert found.value == 5.0
    assert np.array_equal(found.draws, np.minimum(a.draws, b.draws))


def test_mixing_share_solves_for_the_ratio() -> None:
    s = VOCABULARY["mixing share"](Given([exact(0.3), exact(2.2)], [exact(1.4)])).value
    assert s * 0.3 + (1 - s) * 2.2 == pytest.approx(1.4)


def test_logistic_through_two_points() -> None:
    rows = [Quantity(v, np.full(4, v), cells={"date": d}) for d, v in (("2024-01", 0.1), ("2025-01", 0.9))]
    found = fit(rows)
    assert found is not None
    rate, half = found
    assert rate == pytest.approx(2 * np.log(9) / 12)
    assert half == pytest.approx(2024 * 12 + 6)
    assert fit(rows[:1]) is None


def test_crps_of_a_point_is_its_error() -> None:
    assert crps(np.full(10, 3.0), 5.0) == pytest.approx(2.0)
    assert crps(np.array([0.0, 2.0]), 1.0) == pytest.approx(0.5)


def test_mixture_gives_equal_weights() -> None:
    _, draws = mixture([exact(1.0), exact(2.0), exact(3.0), exact(4.0)])
    assert [float(np.mean(draws == v)) for v in (1, 2, 3, 4)] == [0.25] * 4


@pytest.mark.parametrize(
    ("holds", "wanted"),
    [
        ([True, True], "holds"),
        ([True, False], "holds on one basis"),
        ([False, False], "contradicted"),
        ([None, None], "cannot be checked"),
        ([], "cannot be checked"),
        ([None, True], "holds"),
    ],
)
def test_verdict(holds: list[bool | None], wanted: str) -> None:
    assert overall([Basis("b", "f", h, True, "") for h in holds]) == wanted


def test_an_interval_leaves_room() -> None:
    wide = Quantity(1.0, 1.0 + normals("w") / Z90)
    basis = BasisRecord(name="b", figure="f", test="above")
    judged = judge(basis, ClaimedRecord(value=1.5), {"f": wide})
    assert (judged.holds, judged.sure) == (False, False)
    assert overall([judged]) == "not supported"
    assert overall([judge(basis, ClaimedRecord(value=9.0), {"f": wide})]) == "contradicted"


@pytest.mark.parametrize(
    ("cells", "wanted", "found"),
    [
        ({"quarter": "2025Q1"}, {"quarter": "2025*"}, True),
        ({"quarter": "2024Q1"}, {"quarter": "2025*"}, False),
        ({"quarter": "2024Q1"}, {"quarter": ["2025*", "2024Q1"]}, True),
        ({"quarter": "2024Q1"}, {"chip": "x"}, False),
    ],
)
def test_matches(cells: dict[str, str], wanted: dict[str, str | list[str]], found: bool) -> None:
    assert matches(cells, wanted) is found


def test_all_verdicts_of_the_words_come_up_somewhere(report: Report) -> None:
    assert {o.verdict for o in report.outcomes} >= {"holds", "holds on one basis", "contradicted"}


def test_figures_reproduce() -> None:
    one, two = compute(RECORDS["C16"]), compute(RECORDS["C16"])
    assert all(
        np.array_equal(a.quantity.draws, b.quantity.draws) for a, b in zip(one.figures, two.figures, strict=True)
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"table": "no-such-table"}, "no national table"),
        ({"where": {"topic": "nothing"}}, "no row of talent"),
        ({"where": {"topic": "DeepSeek authors"}}, "8 rows of talent"),
    ],
)
def test_bad_inputs_are_named(change: dict[str, object], says: str) -> None:
    first = RECORDS["C10"].input[0].model_copy(update=change)
    with pytest.raises(InputError, match=says):
        compute(RECORDS["C10"].model_copy(update={"input": [first, *RECORDS["C10"].input[1:]]}))


def test_bad_names_are_named() -> None:
    with pytest.raises(InputError, match="did you mean C10"):
        run("wsj-2025-08", ["C100"])
    with pytest.raises(InputError, match="no input named"):
        run("wsj-2025-08", ["C10"], {"C10.nobody": 1.0})
    with pytest.raises(InputError, match="no list of claims"):
        run("wsj")
    wrong = RECORDS["C10"].figure[0].model_copy(update={"does": "magic"})
    with pytest.raises(InputError, match="no computation named"):
        compute(RECORDS["C10"].model_copy(update={"figure": [wrong]}))


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    """Ten lines are a claim."""
    folder = tmp_path / "claims" / "mine"
    folder.mkdir(parents=True)
    head = 'title = "Mine"\npublished = "2026-01"\nabout = "One."\nclaims = ["M1"]\n'
    (folder / "list.toml").write_text(head, encoding="utf-8")
    text = """
id = "M1"
claim = "Two is more than one"
who = "me"
when = "2026-01"
claimed = {value = 1}
input = [{name = "two", number = 2, source = "counting"}]
figure = [{name = "double", label = "twice two", does = "sum", of = ["two", "two"]}]
basis = [{name = "as a sum", figure = "double", test = "above"}]
"""
    (folder / "m1.toml").write_text(text, encoding="utf-8")
    found = run("mine", dirs=[tmp_path]).outcomes[0]
    assert (found.figure("double").value, found.verdict) == (4.0, "holds")
    (folder / "m1.toml").write_text(text.replace("who", "whom"), encoding="utf-8")
    with pytest.raises(FileProblems, match="who: is missing"):
        run("mine", dirs=[tmp_path])
