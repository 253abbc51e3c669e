"""`import wherewithal as w`: the same answers as on the command line, as objects."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import wherewithal as w
from tests.app import made
from wherewithal.app import notebook, report, results
from wherewithal.app.charts import files
from wherewithal.app.results import Document
from wherewithal.errors import InputError, MissingExtra


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
    html = result._repr_html_()
    assert html.startswith("<p><strong>Fits: ")
    assert html.count("<tr>") == 1 + report.ROWS
    assert ">chosen<" in html
    assert " to " in html  # bands
    assert "data:image/svg+xml" in html
    assert set(result._repr_mimebundle_()) == {"text/html", "text/plain"}
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
        "import wherewithal.fleet.model, wherewithal.claims.run, wherewithal.frontier.scores\n"
        "assert callable(w.fleet) and callable(w.claims) and callable(w.frontier)\n"
        "from wherewithal import plan; assert callable(plan)\n"
        "import wherewithal.plan.answer as a; assert a.Answer\n"
        "try: w.nothing\n"
        "except AttributeError as e: assert 'nothing' in str(e)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_markup_in_names_stays_text(canned: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    bad = "<script>alert(1)</script><b>"
    evil = replace(made.FITS, model={**made.FITS.model, "name": bad})
    monkeypatch.setattr(notebook.ask, "plan", lambda *_: evil)
    result = w.plan("m", "s")
    chart = result.plot()
    assert bad in chart.spec["title"]
    for html in (result._repr_html_(), chart._repr_html_()):
        assert "<script" not in html
        assert "&lt;script&gt;" in html
    picture = files.drawn(chart.spec, ".svg").decode()
    assert "<script" not in picture
    document = Document("claims", {"title": bad, "claims": []})
    assert "<script" not in document._repr_html_()
    assert "&lt;script" in document._repr_html_()


def test_charts_of_a_result(canned: list[Any], tmp_path: Path) -> None:
    result = w.plan("m", "s")
    bundle = result.plot()._repr_mimebundle_()
    assert bundle["application/vnd.vegalite.v6+json"]["title"] in bundle["text/plain"]
    file = result.plot("memory").save(tmp_path / "m.json")
    assert json.loads(file.read_text(encoding="utf-8")) == result.plot("memory").spec
    with pytest.raises(InputError, match="exists"):
        result.plot("memory").save(file)
    with pytest.raises(InputError, match="tradeoff"):
        result.plot("tornado")


def test_a_table_by_either_library(canned: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    result = w.plan("m", "s")
    assert type(result.table("pandas")).__module__.startswith("pandas")
    with pytest.raises(InputError, match="pandas"):
        result.table("panda")
    monkeypatch.setattr(results.importlib.util, "find_spec", lambda name: None)
    for backend in (None, "polars"):
        with pytest.raises(MissingExtra, match="notebook"):
            result.table(backend)


def test_fleet_frontier_and_claims() -> None:
    fleet = w.fleet("china-2030", draws=16)
    assert "not a forecast" in repr(fleet)
    assert len(fleet.table()) == len(fleet.to_dict()["rows"])
    assert len(fleet.plot("fan").spec["layer"]) == 4
    drivers = w.fleet("china-2030", drivers=True, draws=64)
    assert list(drivers.charts()) == ["drivers"]
    assert "%" in drivers._repr_html_()
    front = w.frontier(index="eci", draws=16)
    assert "leads" in repr(front)
    assert {"index", "group", "model", "value"} <= set(front.table().columns)
    claims = w.claims("wsj-2025-08", only=("C10",))
    assert "C10" in claims._repr_html_()
    assert len(claims.table()) == len(claims.to_dict()["claims"][0]["figures"])
    with pytest.raises(InputError, match="did you mean against"):
        w.fleet("china-2030", againts="us-2030")
    with pytest.raises(InputError, match="draws"):
        w.frontier(draws=1)
