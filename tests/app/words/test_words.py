"""Tables are whole, sentences are found again by their templates, and answers leave no known prose in English."""

from __future__ import annotations

import ast
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from wherewithal.app import words
from wherewithal.app.answers import run
from wherewithal.app.asked import Asked, FrontierAsked, PlanAsked
from wherewithal.app.words.match import holes
from wherewithal.app.words.prose import walk

FILES = sorted(f.name for f in (files("wherewithal.app.words") / "zh").iterdir() if f.name.endswith(".json"))
CJK = re.compile("[\u4e00-\u9fff\uff00-\uffef]")
# Questions whose answers hold each kind of prose: levers, defaults, prices, what stands in the way, boards.
QUESTIONS: dict[str, Asked] = {
    "fits": PlanAsked(model="qwen3-32b", on="h200-8", slo="tpot=30ms"),
    "knee": PlanAsked(model="qwen3-32b", on="h200-8"),
    "memory": PlanAsked(model="qwen3-32b", on="rtx-4090-1", precision={"weights": "bf16"}),
    "misses": PlanAsked(model="qwen3-32b", on="h200-8", slo="ttft=1ms,tpot=1ms"),
    "frontier": FrontierAsked(),
}
# A name, a figure, a code: nothing in it to say in another language.
NAMES = re.compile(r"[\w./:+-]*|--slo \S+|.* (Index|text)\b.*|[\d.,]+ \S+|[\d.]+ (chips?|tok\S*)")


@pytest.mark.parametrize("name", FILES)
def test_table_has_no_empty_entry_and_the_same_holes(name: str) -> None:
    table = json.loads((files("wherewithal.app.words") / "zh" / name).read_text(encoding="utf-8"))
    wrong = [k for k, v in table.items() if not v.strip() or set(holes(k)) != set(holes(v))]
    assert not wrong


def test_say_fills_holes_in_both_languages() -> None:
    assert words.say("{chips} chips", "en", chips=8) == "8 chips"
    assert words.say("{chips} chips", "zh", chips=8) == "8 块芯片"


def test_a_finished_sentence_is_found_by_its_template_and_its_holes_are_translated() -> None:
    said = words.translated("mla.core, 19% of a prefill step, rests on datasheet curves", "zh")
    assert said == "mla.core（占预填充步的 19%）依据规格书曲线"


def test_unknown_sentences_and_languages_stay_english() -> None:
    assert words.translated("nothing like this is known", "zh") == "nothing like this is known"
    assert words.translated("{chips} chips", "xx") == "{chips} chips"


def test_names_and_commands_stay() -> None:
    doc = {
        "command": "wherewithal plan a --on b",
        "name": "decode",
        "notes": ["none"],
        "bound": {"decode": "memory 75%"},
    }
    said = words.document(doc, "zh")
    assert said == {**doc, "notes": ["无"], "bound": {"decode": "内存 75%"}}
    assert doc["notes"] == ["none"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_leaves_no_prose_in_english(name: str) -> None:
    left: list[str] = []

    def see(text: str) -> str:
        if not NAMES.fullmatch(text) and not CJK.search(words.translated(text, "zh")):
            left.append(text)
        return text

    document: dict[str, Any] = run(QUESTIONS[name])
    walk(document, see)
    assert not left


# Where finished sentences are made, and by which calls and names.
MAKERS = ("plan/why.py", "plan/levers.py", "plan/assumed.py", "plan/compare.py", "pricing/money.py")
CALLS = {"Limit", "Fix", "Lever", "Assumption", "Flip", "Money"}
# A hole that is not one word: what it may hold.
SAMPLES = {"spread": " (7 to 7)"}
NAMED = {"text", "note", "basis"}


def hole(node: ast.AST) -> str:
    return ast.unparse(node.value) if isinstance(node, ast.FormattedValue) else ""


def sentence(node: ast.AST) -> str:
    """Return what a literal would say with 7 in each hole; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else SAMPLES.get(hole(v), "7") for v in node.values)
    return ""


def made(path: Path) -> list[str]:
    """Return every sentence that a file passes to a maker or keeps under a name that is passed on."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CALLS:
            found += [sentence(a) for a in (*node.args, *(k.value for k in node.keywords))]
        elif (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in NAMED) or (
            isinstance(node, ast.Yield) and isinstance(node.value, ast.JoinedStr)
        ):
            found.append(sentence(node.value))
    return [t for t in found if " " in t.strip() and not t.startswith("--")]


@pytest.mark.parametrize("name", MAKERS)
def test_every_sentence_that_is_made_has_a_template(name: str) -> None:
    sentences = made(Path(str(files("wherewithal"))) / name)
    assert sentences
    assert [t for t in sentences if not CJK.search(words.translated(t, "zh"))] == []
