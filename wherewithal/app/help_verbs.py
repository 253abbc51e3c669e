"""`help` explains a verb or a topic; `completion` prints what a shell needs to complete verbs, options and names."""

from __future__ import annotations

from importlib import resources
from typing import cast

import click

from wherewithal.app import completion as shells
from wherewithal.app import face as faces
from wherewithal.app.cli import VERBS, unknown

TOPICS = ("slo", "units", "evidence", "names", "precision")


@click.command("help", short_help="explains a verb or a topic", epilog="\b\nExample:\n  wherewithal help slo\n")
@click.argument("topic", required=False)
@click.pass_context
def help_verb(ctx: click.Context, topic: str | None) -> int:
    """Explain a verb, or one of the topics slo, units, evidence, names, precision."""
    root = ctx.find_root()
    if topic is None:
        faces.out(root.get_help())
        faces.out("\nTopics (wherewithal help TOPIC): " + ", ".join(TOPICS))
    elif topic in TOPICS:
        faces.out(page(topic))
    elif topic in VERBS:
        group = cast("click.Group", root.command)
        command = group.get_command(root, topic)
        if command is not None:
            faces.out(command.get_help(click.Context(command, info_name=topic, parent=root)))
    else:
        raise unknown("help", "topic", topic, [*TOPICS, *VERBS], f"topics: {', '.join(TOPICS)}; or a verb")
    return 0


def page(topic: str) -> str:
    """Return the text of one topic."""
    return resources.files("wherewithal.app").joinpath("topics", f"{topic}.txt").read_text(encoding="utf-8")


@click.command(
    short_help="prints the completion script of a shell",
    epilog='\b\nExamples:\n  wherewithal completion bash\n  eval "$(wherewithal completion zsh)"\n',
)
@click.argument("shell")
def completion(shell: str) -> int:
    """Print the completion script of SHELL: bash, zsh, fish or powershell. It completes verbs, options and names."""
    if shell not in shells.SHELLS:
        raise unknown("completion", "shell", shell, shells.SHELLS, f"one of {', '.join(shells.SHELLS)}")
    faces.out(shells.script(shell))
    return 0
