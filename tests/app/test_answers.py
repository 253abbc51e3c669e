"""What the faces ask: one record a verb, the same answer as on the command line, nothing that names a path."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wherewithal.app import answers
from wherewithal.app.asked import VERBS, plain
from wherewithal.app.charts import specs
from wherewithal.app.cli import main
from wherewithal.app.serve.answers import shaped
from wherewithal.app.serve.api import _verb_of
from wherewithal.errors import InputError

CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "plan",
        {"model": "qwen3-32b", "on": "h100-8", "slo": "ttft=2s,tpot=30ms", "precision": {"weights": "fp8"}},
        ["qwen3-32b", "--on", "h100-8", "--slo", "ttft=2s,tpot=30ms", "--precision", "weights=fp8"],
    ),
    (
        "predict",
        {"model": "qwen3-32b", "on": "h100-8:2", "layout": "tp2", "concurrency": 8},
        ["qwen3-32b", "--on", "h100-8:2", "--layout", "tp2", "--concurrency", "8"],
    ),
    (
        "compare",
        {"model": "qwen3-32b", "on": ["h100-8:2", "h20-8:2"], "rate_per_s": 0.5},
        ["qwen3-32b", "--on", "h100-8:2", "h20-8:2", "--rate", "0.5rps"],
    ),
    ("fleet", {"scenario": "china-2030", "draws": 64}, ["china-2030", "--draws", "64"]),
    (
        "fleet",
        {"scenario": "china-2030", "draws": 64, "against": "no-h20-ban"},
        ["china-2030", "--draws", "64", "--against", "no-h20-ban"],
    ),
    ("fleet", {"scenario": "china-2030", "draws": 64, "drivers": True}, ["china-2030", "--draws", "64", "--drivers"]),
    ("frontier", {"only_open": True}, ["--open"]),
    ("claims", {"name": "wsj-2025-08", "only": ["C04"]}, ["wsj-2025-08", "--only", "C04"]),
]
PATHS = ["../x", "/etc/passwd", "a/b", "file:///x", "~/x", "a\\b", ".", "..", "", "x\0y", "x\ny", "C:/x", "x" * 300]


def still(document: Any) -> Any:
    """Return a document without what differs from one run to the next, in JSON's own types."""
    if isinstance(document, dict):
        return {k: still(v) for k, v in document.items() if k != "elapsed_s"}
    return [still(v) for v in document] if isinstance(document, list | tuple) else document


@pytest.mark.parametrize(("verb", "asked", "words"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_the_same_answer_as_on_the_command_line(
    verb: str, asked: dict[str, Any], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, *words, "--json"]) in (0, 1)
    typed = json.loads(capsys.readouterr().out)
    ours = still(json.loads(json.dumps(answers.run(VERBS[verb](**asked)), allow_nan=False)))
    assert {k: ours[k] for k in typed if k != "elapsed_s"} == still(typed)
    assert ours["verb"] == verb
    # An answer fetched by its id alone still gets its own charts: the document says what it answers.
    drawn = json.loads(shaped(_verb_of(json.dumps(ours).encode()), json.dumps(ours).encode(), "en", charts=True))
    assert drawn["charts"] == specs(verb, ours)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("field", ["model", "on", "engine", "workload"])
def test_no_name_is_a_path(field: str, name: str) -> None:
    with pytest.raises(ValidationError):
        VERBS["plan"](**({"model": "qwen3-32b", "on": "h100-8"} | {field: name}))


@given(st.text(max_size=60))
def test_whatever_passes_as_a_model_opens_nothing_outside(name: str) -> None:
    try:
        VERBS["plan"](model=name, on="h100-8")
    except ValidationError:
        return
    assert not set(name) & set("/\\\0")
    assert not name.startswith((".", "~"))


@pytest.mark.parametrize(
    "name", ["mine.json", "mine.gguf", "mine.GGUF", "mine.toml", "prefill=mine.toml:8,decode=h100-8:8"]
)
def test_a_file_of_the_working_folder_is_not_a_name(name: str) -> None:
    for field in ("model", "on"):
        with pytest.raises(ValidationError, match=r"names a file|pattern"):
            VERBS["plan"](**({"model": "qwen3-32b", "on": "h100-8"} | {field: name}))
    with pytest.raises(ValidationError):
        VERBS["fleet"](scenario=name)


def test_a_folder_of_the_working_folder_is_not_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no model"):
        answers.run(VERBS["plan"](model="mine", on="h100-8"))


def test_an_upload_is_asked_by_its_hash(tmp_path: Path) -> None:
    config = Path("examples/own-model/config.json").read_bytes()
    digest = hashlib.sha256(config).hexdigest()
    asked = VERBS["plan"](model=f"upload:{digest}", on="h100-8")
    with pytest.raises(InputError, match="no upload"):
        answers.run(asked, tmp_path)
    (tmp_path / f"{digest}.json").write_bytes(config)
    assert answers.run(asked, tmp_path)["best"] is not None


def test_both_loads_are_refused() -> None:
    with pytest.raises(InputError, match="one of the two"):
        answers.run(VERBS["plan"](model="qwen3-32b", on="h100-8", concurrency=4, rate_per_s=1))


def test_the_canonical_form_leaves_out_what_was_not_said() -> None:
    short = {"model": "qwen3-32b", "on": "h100-8"}
    assert plain(VERBS["plan"](**short)) == short == plain(VERBS["plan"](**short, seed=0, slo=""))
