"""The options that serving verbs share, and how they become one Question."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wherewithal.app import completion
from wherewithal.app.face import Face, face_of
from wherewithal.errors import InputError, nearest

if TYPE_CHECKING:
    from wherewithal.ask import Question

    AnyType = click.ParamType[Any]
else:
    AnyType = click.ParamType  # generic only in newer releases

F = TypeVar("F", bound=Callable[..., Any])
TOPICS = ("operators", "memory", "network", "search")
PARTS = ("weights", "activations", "kv")
FLAGS = ("json", "csv", "markdown", "quiet", "plain", "debug")


class Quantity(AnyType):
    """A number with a unit, read by `wherewithal.units` into SI base units (`50ms`, `500kW`, `10rps`, `4k`)."""

    def __init__(self, unit: str, name: str, whole: bool = False) -> None:
        self.unit, self.name, self.whole = unit, name, whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return `value` in base units; an InputError names the option and the units that fit."""
        if not isinstance(value, str):
            return value
        from wherewithal import units

        where = _where(param)
        found = units.parse(value, self.unit, where)
        if found <= 0:
            raise InputError(where, f"{value!r} is not above zero", "give a positive number")
        if self.whole and found != round(found):
            raise InputError(where, f"{value!r} is not a whole number", "give a whole number such as 4000 or 4k")
        return round(found) if self.whole else found


class Number(AnyType):
    """A plain number between two bounds."""

    name = "X"

    def __init__(self, low: float, high: float, whole: bool = False) -> None:
        self.low, self.high, self.whole = low, high, whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return `value` as a float (or int); an InputError names the bounds."""
        if not isinstance(value, str):
            return value
        kind = "a whole number" if self.whole else "a number"
        try:
            found = int(value) if self.whole else float(value)
        except (ValueError, OverflowError):
            raise InputError(_where(param), f"{value[:40]!r} is not {kind}", self._bounds()) from None
        if not math.isfinite(found) or not self.low <= found <= self.high:
            raise InputError(_where(param), f"{value[:40]!r} is out of range", self._bounds())
        return found

    def _bounds(self) -> str:
        return f"give a number from {self.low:,g} to {self.high:,g}"


def _where(param: click.Parameter | None) -> str:
    return param.opts[0] if param is not None else "value"


class Serving(click.Command):
    """A verb whose `--explain` may stand without a topic, and whose `--on` may take several systems."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the words into the form that click reads, then parse them."""
        several = any(p.name == "on" and p.multiple for p in self.params if isinstance(p, click.Option))
        words = spread_explain(args)
        return super().parse_args(ctx, spread_on(words) if several else words)


def spread_explain(args: Sequence[str]) -> list[str]:
    """Return the words with every bare `--explain` as `--explain=operators` and `--explain TOPIC` joined by `=`."""
    out: list[str] = []
    words = list(args)
    while words:
        word = words.pop(0)
        if word == "--":
            return [*out, word, *words]
        if word != "--explain":
            out.append(word)
            continue
        following = words[0] if words else "-"
        if following in TOPICS:
            out.append(f"--explain={words.pop(0)}")
            continue
        close = [t for t in nearest(following, TOPICS) if abs(len(t) - len(following)) <= 2]
        if close and not following.startswith("-"):
            raise InputError("--explain", f"no topic {following!r}", f"did you mean {close[0]}? ({', '.join(TOPICS)})")
        out.append("--explain=operators")
    return out


def spread_on(args: Sequence[str]) -> list[str]:
    """Return the words with `--on A B C` as `--on A --on B --on C`."""
    out: list[str] = []
    listing = False
    for word in args:
        if word == "--on":
            listing = True
        elif word.startswith("-") and len(word) > 1:
            listing = False
            out.append(word)
        else:
            out += ["--on", word] if listing else [word]
    return out + (["--on"] if args and args[-1] == "--on" else [])


_FORMS = (
    click.option("--json", "json", is_flag=True, help="One JSON document on stdout and nothing else."),
    click.option("--csv", "csv", is_flag=True, help="The table as CSV."),
    click.option("--markdown", "markdown", is_flag=True, help="The table as Markdown."),
    click.option("--quiet", "-q", is_flag=True, help="No progress and no hints on stderr."),
    click.option("--plain", is_flag=True, help="label: value lines, for screen readers and grep."),
    click.option("--debug", is_flag=True, help="Show where an internal error comes from."),
)
_LOAD = (
    click.option("--workload", metavar="NAME", help="A named workload (wherewithal catalog list workloads)."),
    click.option("--input-tokens", type=Quantity("tokens", "N", whole=True), help="Prompt length. Default: 4,000."),
    click.option("--output-tokens", type=Quantity("tokens", "N", whole=True), help="Answer length. Default: 1,000."),
    click.option(
        "--cached-input-tokens",
        type=Number(0, 1e9, whole=True),
        metavar="N",
        help="Prompt tokens found in the prefix cache.",
    ),
    click.option(
        "--accepted-tokens-per-step",
        type=Number(1, 100),
        metavar="X",
        help="Tokens a step with speculation, bonus token included.",
    ),
    click.option(
        "--length-spread", type=Number(0, 1), metavar="X", help="Lengths uniform from 1-X to 1 times those stated."
    ),
    click.option(
        "--image-tokens", type=Number(0, 1e9, whole=True), metavar="N", help="Prompt tokens that come from one image."
    ),
    click.option(
        "--max-context", type=Quantity("tokens", "N", whole=True), help="Longest request that memory must hold."
    ),
    click.option(
        "--concurrency",
        type=Quantity("1", "N", whole=True),
        help="Requests in flight. Default: the most that meet the SLO.",
    ),
    click.option(
        "--rate", type=Quantity("per_s", "R"), help="Requests per second, such as 10rps (instead of --concurrency)."
    ),
    click.option(
        "--slo", default="", metavar="SLO", help="ttft=2s,tpot=50ms; ttft.p95=2s for another statistic than the mean."
    ),
)
_HOW = (
    click.option("--serving", default="", metavar="MODES", help="colocated, disaggregated, or both with a comma."),
    click.option("--precision", default="", metavar="P", help="weights=fp8,activations=fp8,kv=bf16 (any part)."),
    click.option(
        "--engine",
        metavar="NAME",
        shell_complete=completion.engines,
        help="A serving engine of the catalog. Default: generic.",
    ),
    click.option("--power-limit", type=Quantity("w", "W"), help="Most power at the wall, such as 500kW."),
    click.option("--offload", is_flag=True, help="Let layers or experts live in the host's memory."),
    click.option(
        "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override a figure, such as chip.memory=96GB."
    ),
    click.option(
        "--catalog",
        "catalog_dirs",
        multiple=True,
        metavar="DIR",
        help="A folder of your own additions, searched first.",
    ),
    click.option(
        "--seed", type=Number(0, 2**63 - 1, whole=True), default="0", metavar="N", help="Fixes all randomness."
    ),
)


def _apply(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


form_options = _apply(_FORMS)
serving_options = _apply((*_LOAD, *_HOW, *_FORMS))


def take_face(values: dict[str, Any]) -> Face:
    """Take the flags of form out of a verb's values and return the face that they ask for."""
    flags = {name: bool(values.pop(name, False)) for name in FLAGS}
    forms = [f for f in ("json", "csv", "markdown") if flags[f]]
    if len(forms) > 1:
        raise InputError(f"--{forms[0]} --{forms[1]}", "two forms for one answer", "choose one of them")
    return face_of(flags)


def precision_of(text: str) -> dict[str, str]:
    """Return `weights=fp8,kv=bf16` as a dict; an unknown part or an empty format is an InputError."""
    out: dict[str, str] = {}
    for piece in filter(None, (p.strip() for p in text.split(","))):
        part, equals, name = (x.strip() for x in piece.partition("="))
        if not equals or not name:
            raise InputError(
                "--precision", f"{piece[:40]!r} is not PART=FORMAT", "write weights=fp8,activations=fp8,kv=bf16"
            )
        if part not in PARTS:
            raise InputError("--precision", f"no part {part[:40]!r}", f"the parts are {', '.join(PARTS)}")
        if part in out:
            raise InputError("--precision", f"{part} is given twice", "give each part once")
        out[part] = name
    return out


def question(values: Mapping[str, Any], model: str, on: str, **more: Any) -> Question:
    """Return the question that a serving verb's options ask.

    Args:
        values: the options as click read them, in SI base units.
        model: MODEL as given.
        on: SYSTEM[:CHIPS] as given.
        more: `layout`, `explain` where the verb has them.
    """
    from wherewithal.ask import Question

    if values["concurrency"] is not None and values["rate"] is not None:
        raise InputError("--rate", "given together with --concurrency", "give one of the two")
    return Question(
        model=model,
        on=on,
        workload=values["workload"],
        input_tokens=values["input_tokens"],
        output_tokens=values["output_tokens"],
        cached_input_tokens=values["cached_input_tokens"],
        accepted_tokens_per_step=values["accepted_tokens_per_step"],
        length_spread=values["length_spread"],
        max_context=values["max_context"],
        image_tokens=values["image_tokens"],
        concurrency=values["concurrency"],
        rate_per_s=values["rate"],
        slo=values["slo"],
        serving=tuple(filter(None, (s.strip() for s in values["serving"].split(",")))),
        precision=precision_of(values["precision"]),
        engine=values["engine"],
        power_limit_w=values["power_limit"],
        overrides=tuple(values["overrides"]),
        catalog_dirs=tuple(Path(d) for d in values["catalog_dirs"]),
        seed=values["seed"],
        offload=values["offload"],
        **more,
    )
