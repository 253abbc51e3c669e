"""The verb `measure`: a load test of a running server."""

from __future__ import annotations

import datetime as dt
import math
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal.app import completion
from wherewithal.app import face as faces
from wherewithal.app.face import Face
from wherewithal.app.live import Live
from wherewithal.app.options import Number, Quantity, form_options, precision_of, take_face
from wherewithal.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from wherewithal.measure.load.address import Address
    from wherewithal.measure.load.beside import Beside, Deployment
    from wherewithal.measure.load.lengths import Arrivals
    from wherewithal.measure.load.run import Result, Settings
    from wherewithal.measure.load.vocabulary import Vocabulary

_HELP = """\b
Examples:
  wherewithal measure http://127.0.0.1:8000 --concurrency 4 --input-tokens 200 --output-tokens 50
  wherewithal measure http://127.0.0.1:8000 --rate 5rps --ramp --slo ttft=2s,tpot=50ms --duration 10s
"""
# Requests in a second above which --yes is asked for.
_FAST = 1000.0
_WORDS = "wherewithal.measure.words"
_tokens = Quantity("tokens", "N", whole=True)
_count = Quantity("1", "N", whole=True)
_file = click.Path(path_type=Path)


class Remembering(click.Command):
    """A verb that remembers its words as they were typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note the words, then parse them."""
        ctx.meta[_WORDS] = shlex.join(["wherewithal", *ctx.command_path.split()[1:], *args])
        return super().parse_args(ctx, args)


@click.command(cls=Remembering, epilog=_HELP, short_help="load-tests a running OpenAI-compatible server")
@click.argument("url")
@click.option("--endpoint", type=click.Choice(["completions", "chat"]), default="completions", help="/v1/completions (default) or /v1/chat/completions.")  # fmt: skip
@click.option("--served-model", metavar="NAME", help="The model's name on the server. Default: the one of /v1/models.")
@click.option("--concurrency", type=_count, help="Requests kept in flight. Default: 1.")
@click.option("--rate", type=Quantity("per_s", "R"), help="Requests per second that come by themselves (Poisson).")
@click.option("--burst", type=_count, help="So many requests at once; again and again with --rate.")
@click.option("--trace", type=_file, metavar="FILE", help="Arrivals and lengths of a trace (CSV, JSON lines, .gz); --rate scales it.")  # fmt: skip
@click.option("--max-context", type=_tokens, help="Leave out rows of the trace with more tokens.")
@click.option("--requests", type=_count, help="Requests in all. Default: 10 for each in flight, or what fits the duration.")  # fmt: skip
@click.option("--max-requests", type=_count, default="2000", help="Never more than so many. Default: 2,000.")
@click.option("--duration", type=Quantity("s", "T"), default="120s", help="No request is sent later. Default: 120s.")
@click.option("--warm-up", type=Number(0, 1e6, whole=True), metavar="N", help="Requests first that no figure holds. Default: as many as in flight.")  # fmt: skip
@click.option("--timeout", type=Quantity("s", "T"), default="300s", help="One request may take so long. Default: 300s.")
@click.option("--stall", type=Quantity("s", "T"), default="60s", help="So long between two pieces of an answer. Default: 60s.")  # fmt: skip
@click.option("--connections", type=_count, help="At most so many; waiting for one counts as latency.")
@click.option("--slo", default="", metavar="SLO", help="ttft=2s,tpot=50ms; ttft.p95=2s for another statistic than the mean.")  # fmt: skip
@click.option("--ramp", is_flag=True, help="Search the highest load that meets the SLO.")
@click.option("--workload", metavar="NAME", help="A named workload (wherewithal catalog list workloads).")
@click.option("--input-tokens", type=_tokens, help="Prompt length. Default: 4,000.")
@click.option("--output-tokens", type=_tokens, help="Answer length. Default: 1,000.")
@click.option("--length-spread", type=Number(0, 0.99), metavar="X", help="Lengths uniform from 1-X to 1 times those stated.")  # fmt: skip
@click.option("--shared-prefix", type=Number(0, 1e9, whole=True), default="0", metavar="N", help="Tokens that all prompts begin with. Default: 0, no two prompts alike.")  # fmt: skip
@click.option(
    "--vocabulary",
    type=_file,
    metavar="FILE.gguf",
    help="Draw prompts from this model's own tokens; count answers by them where the server does not.",
)
@click.option("--extra-body", default="{}", metavar="JSON", help="""Added to every request, such as '{"cache_prompt": false}'.""")  # fmt: skip
@click.option("--api-key-env", metavar="NAME", help="Environment variable that holds the server's key.")
@click.option("--yes", is_flag=True, help="Go on where the address is not private or the rate above 1,000 a second.")
@click.option("--model", metavar="MODEL", shell_complete=completion.models, help="What it serves, to predict it beside: name, config.json or GGUF.")  # fmt: skip
@click.option("--on", metavar="SYSTEM[:CHIPS]", shell_complete=completion.systems, help="What it runs on, to predict it beside.")  # fmt: skip
@click.option("--engine", metavar="NAME", shell_complete=completion.engines, help="The engine, NAME@VERSION. Default: generic.")  # fmt: skip
@click.option("--layout", default="", metavar="LAYOUT", help='How it is split, such as "tp8 ep8".')
@click.option("--precision", default="", metavar="P", help="weights=fp8,activations=fp8,kv=bf16 (any part).")
@click.option("--measurements", type=_file, metavar="FILE.csv", help="Write the figures for validate and calibrate (needs --model and --on).")  # fmt: skip
@click.option("--append", is_flag=True, help="Let --measurements add to a file.")
@click.option("--force", is_flag=True, help="Let --measurements replace a file.")
@click.option("--catalog", "catalog_dirs", multiple=True, metavar="DIR", help="A folder of your own additions, searched first.")  # fmt: skip
@click.option("--seed", type=Number(0, 2**63 - 1, whole=True), default="0", metavar="N", help="Fixes lengths and arrivals.")  # fmt: skip
@form_options
def measure(url: str, **values: Any) -> int:
    """Load-test the OpenAI-compatible server at URL, and only that.

    Latencies count from when a request was due, not from when it left. A run that the client itself spoiled is not
    graded (exit 1). Ctrl-C keeps what there is (exit 130).
    """
    face = take_face(values)
    settings, deployment = _settings(url, values), _deployment(values)
    file = values["measurements"]
    _checked(settings, deployment, file, values)
    from wherewithal.app import report_measure

    _shown(settings, face)
    live = Live(face)
    try:
        result = _run(settings, live)
    finally:
        live.close()
    beside, why = _beside(deployment, result)
    if file is not None and deployment is not None and result.summary.outcome.whole:
        from wherewithal.measure.load import write

        made = write.rows(result, deployment, dt.datetime.now(dt.UTC))
        write.write(file, made, append=values["append"], force=values["force"])
        faces.note(f"wrote {file} ({len(made)} rows)", face)
    report_measure.put(result, beside, why, face, click.get_current_context().meta[_WORDS])
    return report_measure.exit_code(result)


def _run(settings: Settings, live: Live) -> Result:
    from wherewithal.measure.load import run as load

    return load.run(settings, live)


def _settings(url: str, values: dict[str, Any]) -> Settings:
    """Return what to test."""
    try:
        from wherewithal.measure.load import run as load
    except ModuleNotFoundError as error:
        if error.name in ("aiohttp", "yarl", "multidict"):
            raise MissingExtra("measure needs aiohttp", "measure") from None
        raise
    from wherewithal.measure.load import address
    from wherewithal.plan.workload import parse_slo

    slo = parse_slo(values["slo"])
    if values["ramp"] and not slo.to_dict():
        raise InputError("--ramp", "no service level to keep", "give --slo ttft=2s,tpot=50ms")
    arrivals, lengths = _arrivals(values), _lengths(values)
    if (values["requests"] or 0) > values["max_requests"]:
        what = f"{values['requests']:,}, and --max-requests is {values['max_requests']:,}"
        raise InputError("--requests", what, f"--max-requests {values['requests']}")
    if values["ramp"] and arrivals.kind not in ("closed", "open"):
        raise InputError("--ramp", f"with {arrivals.words()}", "start from --rate or --concurrency")
    found = address.read(url)
    _allowed(found, arrivals, values["yes"])
    return load.Settings(
        address=found,
        arrivals=arrivals,
        lengths=lengths,
        endpoint=values["endpoint"],
        served_model=values["served_model"],
        requests=values["requests"],
        max_requests=values["max_requests"],
        duration_s=values["duration"],
        warm_up=values["warm_up"],
        timeout_s=values["timeout"],
        stall_s=values["stall"],
        connections=values["connections"] or 0,
        slo=slo,
        ramp=values["ramp"],
        shared_prefix=values["shared_prefix"],
        vocabulary=_vocabulary(values["vocabulary"]),
        extra_body=load.body_of(values["extra_body"]),
        key=_key(values["api_key_env"]),
        seed=values["seed"],
        top_rate_per_s=math.inf if values["yes"] else _FAST,
    )


def _arrivals(values: dict[str, Any]) -> Arrivals:
    """Return how requests come."""
    from wherewithal.measure.load import lengths

    concurrency, rate, burst, trace = (values[n] for n in ("concurrency", "rate", "burst", "trace"))
    if concurrency is not None and (rate is not None or burst is not None or trace is not None):
        other = "--rate" if rate is not None else "--burst" if burst is not None else "--trace"
        raise InputError(other, "given together with --concurrency", "give one of the two")
    if burst is not None and trace is not None:
        raise InputError("--burst", "given together with --trace", "give one of the two")
    if trace is not None:
        rows, left = lengths.read_trace(trace, values["max_context"])
        if left:
            faces.note(f"note: {left:,} rows of {trace.name} left out (too long, or without prompt or answer)")
        return lengths.Arrivals("trace", rate_per_s=rate, trace=rows)
    if burst is not None:
        return lengths.Arrivals("burst", rate_per_s=rate, burst=burst)
    if rate is not None:
        return lengths.Arrivals("open", rate_per_s=rate)
    return lengths.Arrivals("closed", concurrency=concurrency or 1)


def _lengths(values: dict[str, Any]) -> tuple[int, int, float]:
    """Return prompt, answer [token] and spread: as given, of the workload, or the defaults."""
    from wherewithal.catalog import load as catalog

    dirs = tuple(Path(d) for d in values["catalog_dirs"])
    names = ("input_tokens", "output_tokens", "length_spread")
    base = {n: catalog.default(n, dirs).value for n in names}
    if values["workload"]:
        named = catalog.workload(values["workload"], dirs)
        base |= {n: v for n in names[:2] if (v := getattr(named, n)) is not None}
        base["length_spread"] = getattr(named, "length_spread", None) or 0.0
    found = base | {n: values[n] for n in names if values[n] is not None}
    return int(found["input_tokens"]), int(found["output_tokens"]), float(found["length_spread"])


def _allowed(address: Address, arrivals: Arrivals, yes: bool) -> None:
    """Refuse what could be an attack by accident."""
    if yes:
        return
    if not address.private:
        what = f"{address.base} is {address.pinned}, not on a private network"
        raise InputError("URL", what, "--yes if it is yours to load")
    rate = arrivals.rate_per_s or (arrivals.own_rate_per_s if arrivals.kind == "trace" else arrivals.burst)
    if rate > _FAST:
        where = "--rate" if arrivals.rate_per_s else f"--{arrivals.kind}"
        raise InputError(where, f"{rate:,.0f} requests a second", "--yes if the server can bear it")


def _key(name: str | None) -> str:
    """Return the key that a variable holds."""
    if name is None:
        return ""
    found = os.environ.get(name, "").strip()
    if not found:
        raise InputError("--api-key-env", f"the environment holds no {name[:60]!r}", f"export {name[:60]}=... first")
    if not found.isascii() or not found.isprintable() or " " in found:
        raise InputError("--api-key-env", f"{name[:60]} holds more than one word", "it should hold the key alone")
    return found


def _vocabulary(path: Path | None) -> Vocabulary | None:
    """Return the tokens of a GGUF file."""
    if path is None:
        return None
    from wherewithal.measure.load import vocabulary

    return vocabulary.read(path)


def _deployment(values: dict[str, Any]) -> Deployment | None:
    """Return what the server runs, where both its model and its system are named."""
    if values["model"] is None and values["on"] is None:
        for name in ("measurements", "layout", "engine", "precision"):
            if values[name]:
                fix = "name what is served and on what: --model MODEL --on SYSTEM[:CHIPS]"
                raise InputError(f"--{name}", "needs --model and --on", fix)
        return None
    for name in ("model", "on"):
        if values[name] is None:
            raise InputError(f"--{name}", "not given, and its pair is", "give both --model and --on, or neither")
    from wherewithal.measure.load.beside import Deployment

    dirs = tuple(Path(d) for d in values["catalog_dirs"])
    precision = precision_of(values["precision"])
    return Deployment(values["model"], values["on"], values["engine"], values["layout"], precision, dirs)


def _checked(settings: Settings, deployment: Deployment | None, file: Path | None, values: dict[str, Any]) -> None:
    """Refuse before the run what would be refused after it."""
    if deployment is None:
        return
    from wherewithal import ask
    from wherewithal.measure.load import beside, write
    from wherewithal.measure.load.lengths import Arrivals

    if file is not None:
        write.check(file, append=values["append"], force=values["force"])
    _ = deployment.chips, deployment.split
    # Arrivals that `predict` does not know are asked about as the simplest of loads: names and layout are what counts.
    simple = Arrivals("closed", concurrency=1)
    arrivals = settings.arrivals if settings.arrivals.kind in ("closed", "open") else simple
    lengths = (float(settings.lengths[0]), float(settings.lengths[1]), settings.lengths[2])
    ask.predict(beside.question(deployment, arrivals, lengths, settings.count(arrivals)))


def _beside(deployment: Deployment | None, result: Result) -> tuple[list[Beside], str]:
    """Return what is predicted beside, and why nothing is."""
    if deployment is None or not result.summary.outcome.whole or result.interrupted:  # who stops it waits for nothing
        return [], ""
    from wherewithal.measure.load import beside

    try:
        return beside.beside(deployment, result), ""
    except InputError as error:
        return [], error.what


def _shown(settings: Settings, face: Face) -> None:
    """Say where the requests will go before the first one does."""
    address = settings.address
    where = f"{address.base} ({address.pinned})" if address.pinned != address.host else address.base
    most = settings.count(settings.arrivals) if not settings.ramp else settings.max_requests
    faces.note(
        f"testing {where}: {settings.arrivals.words()}, at most {most:,} requests in {settings.duration_s:g} s", face
    )
