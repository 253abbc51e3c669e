"""`import wherewithal as w`: the same answers as on the command line, as objects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wherewithal as w
from tests.app import made
from wherewithal.app import notebook
from wherewithal.errors import InputError


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Answers without computing; returns the questions asked."""
    seen: list[Any] = []

    def answer(question: Any, progress: Any = None) -> Any:
        seen.append(question)
        return made.FITS

    def compared(questions: list[Any], progress: Any = None) -> Any:
        seen.extend(questions)
        return made.compared((made.FITS, made.FITS))

    monkeypatch.setattr(notebook.ask, "plan", answer)
    monkeypatch.setattr(notebook.ask, "predict", answer)
    monkeypatch.setattr(notebook.ask, "compare", compared)
    return seen


def test_the_example_of_the_contract(canned: list[Any]) -> None:
    model = w.model("deepseek-v3")
    system = w.system("cloudmatrix-384")
    load = w.workload(input_tokens=4096, output_tokens=1024)
    result = w.plan(model, system, workload=load, slo=w.slo(ttft="2s", tpot="50ms"))
    assert model.parameters > 6e11
    assert system.chips == 384
    assert result.best is made.FITS.best
    assert result.frontier == made.FITS.frontier
    assert json.loads(json.dumps(result.to_dict()))["considered"] == made.FITS.considered
    q = canned[0]
    assert (q.model, q.on, q.input_tokens, q.output_tokens) == ("deepseek-v3", "cloudmatrix-384", 4096, 1024)
    assert q.slo == "ttft=2s,tpot=50ms"


def test_a_result_shows_itself(canned: list[Any]) -> None:
    result = w.plan("m", "s")
    assert str(result).startswith("Fits: ")
    assert repr(result).startswith("<Fits: ")
    assert result._repr_html_().startswith("<pre>Fits: ")
    assert "&gt;" in result._repr_html_()
    assert len(result.table()) == len(made.FITS.frontier)
    assert {"tpot_s", "tpot_s_low", "chosen"} <= set(result.table().columns)


def test_predict_and_compare(canned: list[Any]) -> None:
    assert w.predict("m", "s", "tp8", concurrency=64).best is made.FITS.best
    assert canned[0].layout == "tp8"
    assert canned[0].concurrency == 64
    both = w.compare("m", ["a", "b:8"], rate_per_s="10rps", serving="colocated")
    assert [q.on for q in canned[1:]] == ["a", "b:8"]
    assert canned[1].rate_per_s == 10
    assert canned[1].serving == ("colocated",)
    assert "costs least" in repr(both)
    assert len(both.table()) == len(both.rows)


def test_text_quantities_and_paths(canned: list[Any]) -> None:
    w.plan(
        Path("dir/config.json"), "s", input_tokens="4k", power_limit_w="500kW", catalog_dirs=["mine"], overrides="a=1"
    )
    q = canned[0]
    assert (q.model, q.input_tokens, q.power_limit_w) == (str(Path("dir/config.json")), 4000, 500e3)
    assert q.catalog_dirs == (Path("mine"),)
    assert q.overrides == ("a=1",)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: w.plan("m", "s", sol="ttft=2s"), "did you mean slo"),
        (lambda: w.workload(input_token=3), "no length"),
        (lambda: w.slo(ttft="2"), "2s"),
        (lambda: w.slo("e2e=3s"), "e2e"),
        (lambda: w.model("deepseek-v33"), "deepseek-v3"),
        (lambda: w.system("cloudmatrix-38x"), "cloudmatrix-384"),
        (lambda: w.plan("m", "s", power_limit_w="500"), "kW"),
    ],
)
def test_what_cannot_be_used_says_what_would_be_right(call: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        call()


def test_names_are_lazy_and_folders_stay_importable() -> None:
    code = (
        "import sys, wherewithal as w\n"
        "assert not {'numpy', 'pydantic', 'click'} & set(sys.modules)\n"
        "assert {'plan', 'model', 'slo', '__version__'} <= set(dir(w))\n"
        "import wherewithal.plan.answer, wherewithal.model\n"
        "assert callable(w.plan) and callable(w.model)\n"
        "from wherewithal import plan; assert callable(plan)\n"
        "import wherewithal.plan.answer as a; assert a.Answer\n"
        "try: w.nothing\n"
        "except AttributeError as e: assert 'nothing' in str(e)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
