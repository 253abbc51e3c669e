"""What a client reads of a tool: input schemas from the records of `asked`, described and with an example; outputs."""

from __future__ import annotations

import json
from importlib import resources
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wherewithal.app.asked import VERBS, Asked, Name
from wherewithal.app.text import clean
from wherewithal.errors import InputError, nearest

Schema = dict[str, Any]
_NAMES = "names: tool catalog"

# What each field means, in the words of the command line's help; a quantity is a number in SI base units.
FIELDS = {
    "model": f"a model of the catalog, or upload:SHA256 of a header sent to this server ({_NAMES} with kind=models)",
    "on": f"SYSTEM, SYSTEM:CHIPS, or a system for each pool as prefill=SYSTEM:N,decode=SYSTEM:N ({_NAMES})",
    "workload": f"a workload of the catalog; lengths below change it ({_NAMES} with kind=workloads)",
    "input_tokens": "mean prompt length [tokens]",
    "output_tokens": "mean answer length [tokens]",
    "cached_input_tokens": "part of the prompt that is found in a cache [tokens]",
    "accepted_tokens_per_step": "tokens a decode step yields with speculative decoding, 1 without",
    "length_spread": "spread of lengths, 0 (all equal) to 1",
    "image_tokens": "tokens of images in a prompt",
    "max_context": "longest context that must fit [tokens]",
    "concurrency": "requests in flight; or give rate_per_s",
    "rate_per_s": "requests that arrive [1/s]; or give concurrency",
    "slo": "service levels such as ttft=2s,tpot=50ms or ttft.p95=2s; empty: the knee of the frontier",
    "serving": "which ways to serve are considered; empty: both",
    "precision": "format names of weights, activations and kv, such as fp8 or bf16",
    "engine": "an inference engine of the catalog",
    "power_limit_w": "power limit of all chips together with their servers [W]",
    "overrides": "figures to change, PATH=VALUE such as chip.memory=120GB",
    "seed": "seed of random numbers",
    "offload": "also consider layers or experts in host memory",
    "explain": "detail that the full answer should hold",
    "layout": "one exact deployment, such as tp8 or tp8 ep8",
    "requests": "how many requests are simulated",
    "load": "kind of load",
    "scenario": f"a scenario of fleets ({_NAMES} with kind=scenarios)",
    "against": "another scenario to subtract",
    "drivers": "rank what makes the spread of `variable` in `year`",
    "variable": "a series such as Stock|H100e|8-bit|Total",
    "year": "calendar year; absent: the last of the scenario",
    "draws": "random draws",
    "index": "an index of model quality; absent: all",
    "by": "what groups are compared",
    "only_open": "open-weight models only",
    "since": "only from this day on, YYYY-MM-DD",
    "outlook": "carry the lead on as the past went",
    "backtest": "a day to stand at, YYYY-MM-DD, and judge the outlook from",
    "name": f"a list of published claims ({_NAMES} with kind=claims)",
    "only": "ids of claims; empty: all",
}
# Where a tool means something of its own by a field.
OWN_FIELDS = {
    "catalog": {
        "kind": "chips, systems, models, engines, scenarios, claims, ...; absent: the kinds there are",
        "name": "one record: its figures, sources and dates",
        "find": "only rows that hold this text",
    },
    "answer": {
        "id": "the id of an answer",
        "part": "dotted path into the full answer, such as frontier.0.pools; empty: the short answer",
    },
}
# One question a tool, data because it names products.
EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    resources.files("wherewithal.app.mcp").joinpath("examples.json").read_text(encoding="utf-8")
)
TITLES = {
    "plan": "What a system can do with a model: the best deployment under service levels, or why there is none",
    "predict": "One exact deployment under one exact load: latencies, throughput, power, cost",
    "compare": "Systems side by side for one model: every measure, who is best, what turns the order round",
    "fleet": "Chips, power, money and people of a scenario by year, with intervals; or what makes the spread",
    "frontier": "Who leads in model quality, by how many months, with intervals",
    "claims": "Published claims computed again from sourced figures: the verdict of each",
    "catalog": "Chips, systems, models, engines, prices: kinds, then names of a kind, then figures with sources",
    "answer": "An answer given before by its id, or one part of it by a dotted path",
}


class CatalogAsked(Asked):
    """Nothing: the kinds. A kind: its records. A name: its figures with sources and dates."""

    kind: Annotated[str, Field(pattern=r"^[a-z]{1,40}$")] | None = None
    name: Name | None = None
    find: Annotated[str, Field(max_length=80)] = ""


class AnswerAsked(Asked):
    """An answer by the id that a tool gave."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    part: Annotated[str, Field(max_length=120, pattern=r"^[A-Za-z0-9_.]*$")] = ""


RECORDS: dict[str, type[Asked]] = {**VERBS, "catalog": CatalogAsked, "answer": AnswerAsked}


class Out(BaseModel):
    """What every short answer holds; the rest depends on the tool and lies beside it."""

    model_config = ConfigDict(extra="allow")
    verdict: Annotated[str, Field(description="the answer in one sentence")]
    answer: Annotated[str, Field(description="id of the full answer")] = ""
    resource: Annotated[str, Field(description="address of the full answer as a resource")] = ""
    command: Annotated[str, Field(description="command line that gives the same")] = ""
    left_out: Annotated[dict[str, int], Field(description="rows dropped here; the full answer has them")] = {}


class Figure(BaseModel):
    """A figure with its interval, SI units as the name of the field says."""

    value: float
    low: float | None
    high: float | None
    statistic: str = ""


class OutServed(Out):
    """Short answer of plan and predict."""

    feasible: bool
    plan: Annotated[dict[str, Any] | None, Field(description="best deployment, or the closest; 80% intervals")]
    against_slo: Annotated[list[str], Field(description="how each latency stands to its limit")] = []
    why_not: list[dict[str, Any]] = []
    levers: Annotated[list[dict[str, Any]], Field(description="what would change it most; effect on tokens/s")] = []
    assumptions: Annotated[list[str], Field(description="defaults that the answer rests on")] = []
    weak_figures: Annotated[list[str], Field(description="inputs that are not well sourced")] = []


OUTPUTS: dict[str, type[BaseModel]] = {"plan": OutServed, "predict": OutServed}


def input_schema(name: str) -> Schema:
    """Return the JSON Schema of a tool's arguments, every field described, with an example."""
    schema = RECORDS[name].model_json_schema()
    words = FIELDS | OWN_FIELDS.get(name, {})
    for field, about in schema["properties"].items():
        about["description"] = words[field]
        about.pop("title", None)
    return schema | {"title": name, "examples": [EXAMPLES[name]]}


def output_schema(name: str) -> Schema:
    """Return the JSON Schema of a tool's structured answer."""
    return OUTPUTS.get(name, Out).model_json_schema()


def checked(name: str, arguments: dict[str, Any]) -> Asked:
    """Return a tool's arguments as a record.

    Args:
        name: the tool.
        arguments: as the client sent them.

    Raises:
        InputError: the first thing that is wrong, with what would be right.
    """
    record = RECORDS[name]
    try:
        return record.model_validate(arguments)
    except ValidationError as wrong:
        found = wrong.errors(include_url=False, include_context=False)
        # A misspelt name explains the missing one.
        found.sort(key=lambda e: e["type"] != "extra_forbidden")
        raise _refusal(record, found[0], len(found)) from None


def _refusal(record: type[Asked], first: Any, count: int) -> InputError:
    path = [str(p) for p in first["loc"] if not str(p).startswith(("function-", "constrained-"))]
    where = clean(".".join(path), 80) or "arguments"
    more = f" (and {count - 1} more)" if count > 1 else ""
    given = clean(repr(first["input"]), 80)
    if first["type"] == "extra_forbidden":
        close = nearest(path[-1], record.model_fields)
        known = ", ".join(record.model_fields)
        return InputError(
            where, f"no such argument{more}", f"did you mean {', '.join(close)}?" if close else f"one of {known}"
        )
    if first["type"] == "missing":
        return InputError(where, f"missing{more}", FIELDS.get(path[-1], ""))
    if first["type"] == "string_pattern_mismatch":
        return InputError(where, f"{given} cannot be used here{more}", _names_only(path[0]))
    return InputError(where, f"{given}: {clean(first['msg'])}{more}", FIELDS.get(path[0], ""))


def _names_only(field: str) -> str:
    about = FIELDS.get(field, "letters, digits and . _ - only")
    return f"a name, never a path or an address: {about}" if field in ("model", "on", "engine", "name") else about
