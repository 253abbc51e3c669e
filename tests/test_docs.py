"""What the pages promise is true: commands run, verbs and options are described, links lead somewhere."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from bench.stub import Script, Serving
from wherewithal.app.cli import VERBS, cli, main

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


class Said(NamedTuple):
    """A command that a page shows: where, the line itself, the exit code that it says (0 where it says none)."""

    where: str
    line: str
    code: int


def commands() -> Iterator[Said]:
    """Yield the commands of all `console` blocks and of all pasted outputs."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        where = str(page.relative_to(ROOT))
        for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                command, _, remark = line.partition("  # ")
                code = re.search(r"exit (\d)", remark)
                yield Said(where, command.strip(), int(code[1]) if code else 0)
        for code_text, line in re.findall(r"<!-- run(?:\((\d)\))?: (wherewithal .+?) -->", text):
            yield Said(where, line, int(code_text or 0))


def helps() -> dict[str, click.Command]:
    """Return every verb, and every verb under a verb, by its full name."""
    context, found = click.Context(cli, info_name="wherewithal"), {"": cli}
    for name in VERBS:
        command = cli.get_command(context, name)
        assert command is not None
        found[name] = command
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=name, parent=context)
            found |= {f"{name} {n}": c for n in command.list_commands(inner) if (c := command.get_command(inner, n))}
    return found


# Where examples find a server; here a scripted one stands in for it.
SERVER = "http://127.0.0.1:8000"


def run(words: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        if SERVER in words:
            url = stack.enter_context(Serving(Script(ttft_s=0.01, itl_s=0.001)))
            words = [url if w == SERVER else w for w in words]
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        code = main(words)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def plain_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of the repository, no catalog of the user's own, a terminal of 100 columns."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")


def python_blocks() -> list[tuple[str, str]]:
    """Return (page, code) of every Python block."""
    texts = {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8") for p in PAGES}
    return [
        (where, code) for where, text in texts.items() for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    ]


@pytest.mark.parametrize(("where", "code"), python_blocks(), ids=lambda v: v if v.endswith(".md") else "")
def test_python_of_pages_runs(where: str, code: str) -> None:
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, where, "exec"), names)
    assert {"result", "document"} <= names.keys()
    assert json.loads(json.dumps(names["document"], allow_nan=False))["best"]


def examples_of_help() -> list[str]:
    lines = []
    for name in helps():
        _, out, _ = run([*name.split(), "--help"])
        lines += [line.strip() for line in out.splitlines() if line.strip().startswith("wherewithal ")]
    return list(dict.fromkeys(lines))


@pytest.mark.parametrize("said", list(commands()), ids=lambda s: f"{s.where}: {s.line[:60]}")
def test_commands_of_pages_run(said: Said) -> None:
    words = shlex.split(said.line)
    assert words[0] == "wherewithal", f"{said.where}: a console block holds {said.line!r}"
    code, out, err = run(words[1:])
    assert code == said.code, err
    assert out


def test_examples_of_help_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a reader would try them, in a folder that holds a config.json."""
    lines = examples_of_help()
    assert len(lines) >= 4
    shutil.copy(ROOT / "examples" / "own-model" / "config.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    wrong = []
    for line in lines:
        code, _, err = run(shlex.split(line)[1:])
        if code not in (0, 1):
            wrong.append(f"{line}: {err.strip()}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_has_an_example(verb: str) -> None:
    code, out, _ = run([verb, "--help"])
    assert code == 0
    assert f"wherewithal {verb}" in out.split("Usage:", 1)[-1].split("\n", 1)[-1]


def test_every_verb_and_option_is_described() -> None:
    text = "\n".join(p.read_text(encoding="utf-8") for p in PAGES)
    missing = [f"wherewithal {name}" for name in helps() if name and f"wherewithal {name}" not in text]
    for name, command in helps().items():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                long = [o for o in (*parameter.opts, *parameter.secondary_opts) if o.startswith("--")]
                missing += [f"{name} {o}" for o in long if not re.search(rf"`?{re.escape(o)}(?![\w-])", text)]
    assert not missing, missing


def test_every_field_of_an_answer_is_described() -> None:
    """Every field of a plan, in the glossary."""
    answer = importlib.import_module("wherewithal.plan.answer")
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    missing = [
        f"{record}.{name}"
        for record in ("Plan", "Pool", "Memory")
        for name in getattr(answer, record).__dataclass_fields__
        if not re.search(rf"`{name}`", text)
    ]
    assert not missing, missing


def test_links_lead_somewhere() -> None:
    wrong = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:|#", target) and not (page.parent / target.split("#")[0]).exists()
    ]
    assert not wrong, wrong


def test_files_that_pages_name_exist() -> None:
    """`tools/lock.py` in a page's prose is a file of the repository."""
    named = re.compile(r"`((?:wherewithal|tools|tests|bench|docs|examples|requirements)/[\w./-]+)`")
    wrong = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in named.findall(page.read_text(encoding="utf-8"))
        if "NAME" not in name and not (ROOT / name).exists()
    ]
    assert not wrong, wrong
