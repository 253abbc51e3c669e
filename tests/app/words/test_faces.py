"""Every string that a face says through the tables has its Chinese: t("...") of the page, say("...") in Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from wherewithal.app import words

APP = Path(words.__file__).parent.parent
# A call of t with a literal: not the end of a longer name; the literal may hold escaped quotes.
CALL = re.compile(r"""(?<![\w.$])t\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


def page_strings(text: str) -> list[str]:
    """Return the literals that a script passes to t."""
    return [re.sub(r"\\(.)", r"\1", found[1:-1]) for found in CALL.findall(text)]


def python_strings(text: str) -> list[str]:
    """Return the literals that a module passes to say or translated."""
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and n.args]
    named = [n for n in calls if getattr(n.func, "attr", getattr(n.func, "id", "")) in {"say", "translated"}]
    return [n.args[0].value for n in named if isinstance(n.args[0], ast.Constant) and isinstance(n.args[0].value, str)]


def missing(strings: list[str]) -> list[str]:
    """Return the strings that a person would read in English."""
    table = words.table("zh")
    return sorted({s for s in strings if re.search("[A-Za-z]{2}", s) and s not in table})


def test_the_collectors_see_what_is_said() -> None:
    assert page_strings('a(t("No \\"x\\"")); t(\'b\'); fit("c"); o.t("d")') == ['No "x"', "b"]
    assert python_strings('say("a", lang); words.say("b"); translated("c", l); say(d); other("e")') == ["a", "b", "c"]
    assert missing(["tokens that no table knows", "8", "throughput"]) == ["tokens that no table knows"]


def test_every_string_of_the_page_is_in_the_tables() -> None:
    scripts = sorted(p for p in (APP / "page").rglob("*.js") if p.parent.name != "vendor")
    assert scripts
    assert {str(p.relative_to(APP)): m for p in scripts if (m := missing(page_strings(p.read_text("utf-8"))))} == {}


def test_every_string_said_in_python_is_in_the_tables() -> None:
    modules = [p for p in sorted(APP.rglob("*.py")) if p.parent.name != "words"]
    assert {str(p.relative_to(APP)): m for p in modules if (m := missing(python_strings(p.read_text("utf-8"))))} == {}
