"""The command line: `main(argv) -> exit code`. Verbs are imported when they are called, and no traceback gets out.

Exit codes: 0 done, 1 the question has no feasible answer, 2 bad input (one line on stderr), 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

import click

from wherewithal import __version__
from wherewithal.app import face as faces
from wherewithal.errors import InputError, WherewithalError, nearest

VERBS: dict[str, tuple[str, str]] = {
    "plan": (
        "wherewithal.app.verbs_serving:plan",
        "the best layout of MODEL on SYSTEM under an SLO, and the trade-off",
    ),
    "predict": ("wherewithal.app.verbs_serving:predict", "what this exact deployment does under this exact load"),
    "compare": ("wherewithal.app.verbs_serving:compare", "systems side by side, and what would flip the order"),
    "recipe": ("wherewithal.app.verbs_recipe:recipe", "the files that launch a plan, for an engine and a launcher"),
    "measure": ("wherewithal.app.verbs_measure:measure", "load-tests a running OpenAI-compatible server"),
    "probe": ("wherewithal.app.verbs_probe:probe", "measures the chip at hand, for calibrate"),
    "calibrate": (
        "wherewithal.app.verbs_calibrate:calibrate",
        "folds probes and measured runs back into the predictions",
    ),
    "validate": ("wherewithal.app.verbs_validate:validate", "predictions against what others measured"),
    "frontier": (
        "wherewithal.app.verbs_frontier:frontier",
        "who leads in model quality, by country and openness, over time",
    ),
    "claims": ("wherewithal.app.verbs_claims:claims", "published claims computed again from the catalog"),
    "fleet": ("wherewithal.app.verbs_fleet:fleet", "a country's or company's chips, power, money and people by year"),
    "catalog": (
        "wherewithal.app.catalog_verbs:catalog",
        "the chips, systems, models and figures it knows, with sources",
    ),
    "serve": ("wherewithal.app.verbs_serve:serve", "the web page, the HTTP API and the MCP server"),
    "help": (
        "wherewithal.app.help_verbs:help_verb",
        "explains a verb or a topic: slo, units, evidence, names, precision",
    ),
    "completion": ("wherewithal.app.help_verbs:completion", "prints the completion script of a shell"),
}
COMPLETE = "_WHEREWITHAL_COMPLETE"
_EPILOG = """\b
Examples:
  wherewithal plan deepseek-v3 --on h20-8:32 --slo ttft=2s,tpot=50ms
  wherewithal predict deepseek-v3 --on h20-8:16 --layout "tp16 ep16" --concurrency 64
  wherewithal compare deepseek-v3 --on h200-8:16 cloudmatrix-384:64 mi300x-8:16
  wherewithal catalog list systems
"""


class Lazy(click.Group):
    """A group that knows its verbs by name and loads the code of the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table above."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one verb."""
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing any of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, about) for name, (_, about) in VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which ones come near what was typed."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None:
            if name.startswith("-"):
                raise click.NoSuchOption(name, ctx=ctx)
            raise unknown("wherewithal", "verb", name, VERBS, "wherewithal --help lists them")
        return name, command, args[1:]


def unknown(where: str, kind: str, name: str, known: Sequence[str] | dict[str, Any], listing: str) -> InputError:
    """Return the error for a word outside a closed list, with the nearest of the list."""
    guesses = nearest(name, known)
    hint = f"did you mean {', '.join(guesses)}? " if guesses else ""
    return InputError(where, f"no {kind} {name[:60]!r}", f"{hint}({listing})")


@click.command(
    cls=Lazy,
    epilog=_EPILOG,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, help="Print the version.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show where an internal error comes from.")
@click.pass_context
def cli(ctx: click.Context, version: bool) -> None:
    """What AI can you run with the chips, power and money you can get?"""
    if version:
        faces.out(f"wherewithal {__version__}")
        ctx.exit(0)
    if ctx.invoked_subcommand is None:
        faces.out(ctx.get_help())


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code; whatever goes wrong becomes one line on stderr.

    Args:
        argv: the words after the program's name; those of the process where None.
    """
    args = sys.argv[1:] if argv is None else list(argv)
    if argv is None and not sys.warnoptions and "--debug" not in args:
        warnings.simplefilter("ignore")  # stderr is for our own words
    try:
        return _run(args)
    except KeyboardInterrupt:
        faces.note("interrupted")
        return 130
    except BrokenPipeError:
        _hush()
        return 0
    except RecursionError as error:
        return _failed("something in the input is nested too deeply", error, args)
    except MemoryError as error:
        return _failed("not enough memory for this question; ask for fewer chips or one serving mode", error, args)
    except Exception as error:  # noqa: BLE001  the last net: no traceback reaches a user
        return _failed(_line(error), error, args)


def _run(args: list[str]) -> int:
    """Parse and call the verb; completion requests of a shell are answered first."""
    if COMPLETE in os.environ:
        complete = importlib.import_module("wherewithal.app.completion").answer
        return int(complete(cli, os.environ[COMPLETE]))
    try:
        with cli.make_context("wherewithal", args) as ctx:
            result = cli.invoke(ctx)
    except click.exceptions.Exit as stop:
        result = stop.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _failed(text: str, error: BaseException, args: Sequence[str]) -> int:
    """Print one line (and the traceback where asked) and return the exit code."""
    if "--debug" in args:
        traceback.print_exception(error, file=sys.stderr)
    faces.fail(text)
    return error.exit_code if isinstance(error, WherewithalError) else 2


def _line(error: Exception) -> str:
    """Return what one error says in one line."""
    if isinstance(error, WherewithalError):
        return str(error)
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or type(error).__name__}"
    said = f"{type(error).__name__}: {error}".strip(": ")
    return f"internal: {said[:200]} (run again with --debug to see where; please report)"


def _usage(error: click.ClickException) -> str:
    """Return a usage error of click as `VERB: what; what would be right (where to read on)`."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "wherewithal"
    where = path.removeprefix("wherewithal").strip() or "wherewithal"
    if isinstance(error, click.NoSuchOption):
        options = (
            {o for p in ctx.command.get_params(ctx) for o in p.opts if o.startswith("--")} if ctx is not None else set()
        )
        return str(unknown(where, "option", error.option_name, sorted(options), f"{path} --help"))
    message = error.format_message().rstrip(".").replace("\n", " ")
    message = message[:1].lower() + message[1:]
    return f"{where}: {message} ({path} --help)"


def _hush() -> None:
    """Point stdout at nothing, so that the interpreter's last flush into a closed pipe stays silent."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return
