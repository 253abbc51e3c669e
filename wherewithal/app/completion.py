"""Completion of verbs, options and catalog names in a shell; reads file names only, so it answers at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import resources
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from wherewithal.app import face as faces

SHELLS = ("bash", "zsh", "fish", "powershell")
VARIABLE = "_WHEREWITHAL_COMPLETE"
_KINDS = {"models": ".json", "systems": ".toml", "chips": ".toml", "engines": ".toml"}

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName wherewithal -ScriptBlock {
    param($word, $ast, $cursor)
    $env:_WHEREWITHAL_COMPLETE = 'powershell_complete'
    $env:COMP_WORDS = $ast.ToString()
    $env:COMP_WORD = $word
    try { wherewithal | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) } }
    finally { Remove-Item Env:_WHEREWITHAL_COMPLETE, Env:COMP_WORDS, Env:COMP_WORD }
}
"""


class PowerShell(ShellComplete):
    """Completion for PowerShell, which click leaves out."""

    name = "powershell"
    source_template = _POWERSHELL

    def source(self) -> str:
        """Return the script; it holds no place to fill in."""
        return _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the complete words before the cursor and the one that is being written."""
        words = click.shell_completion.split_arg_string(os.environ.get("COMP_WORDS", ""))[1:]
        current = os.environ.get("COMP_WORD", "")
        return (words[:-1] if current and words and words[-1] == current else words), current

    def format_completion(self, item: CompletionItem) -> str:
        """Return one completion as one line."""
        return str(item.value)


def script(shell: str) -> str:
    """Return the script that teaches `shell` (one of SHELLS) to complete the command line."""
    return _class(shell)(click.Command("wherewithal"), {}, "wherewithal", VARIABLE).source()


def _class(shell: str) -> type[ShellComplete]:
    found = PowerShell if shell == "powershell" else get_completion_class(shell)
    return ShellComplete if found is None else found


def answer(cli: click.Command, instruction: str) -> int:
    """Answer a request of a shell (`bash_complete`, `zsh_source`, ...) and return an exit code."""
    shell, _, what = instruction.partition("_")
    if shell not in SHELLS or what not in ("complete", "source"):
        return 1
    asked = _class(shell)(cli, {}, "wherewithal", VARIABLE)
    faces.out(asked.source() if what == "source" else asked.complete())
    return 0


def names(*kinds: str) -> list[str]:
    """Return the names that the built-in catalog has of these kinds, from file names alone."""
    found: list[str] = []
    for kind in kinds:
        folder = resources.files("wherewithal.catalog").joinpath("data", kind)
        ending = _KINDS[kind]
        if folder.is_dir():
            found += [f.name.removesuffix(ending) for f in folder.iterdir() if f.name.endswith(ending)]
    return sorted(found)


def _starting(options: Iterable[str], text: str) -> list[str]:
    return [o for o in options if o.startswith(text)]


def models(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    """Complete a model's name; a path is left to the shell."""
    found: list[Any] = _starting(names("models"), incomplete)
    return found or [CompletionItem(incomplete, type="file")]


def systems(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    """Complete a system's or chip's name, `this-machine` too."""
    return list(_starting([*names("systems", "chips"), "this-machine"], incomplete))


def engines(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    """Complete an engine's name."""
    return list(_starting(names("engines"), incomplete))
