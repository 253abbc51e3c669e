"""What may be asked over HTTP, MCP and the page: one record a verb, the same names as the Question's; no path in any.

Free text that becomes a name (model, system, engine) holds no separator, so that nothing a stranger sends is opened.
Quantities are numbers in SI base units; service levels and precision are written as on the command line.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from wherewithal.frontier.records import DRAWS as FRONTIER_DRAWS

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
# SYSTEM[:CHIPS], or a system for each pool.
ON = r"^[A-Za-z0-9][A-Za-z0-9._:=,-]{0,199}$"
UPLOAD = r"^upload:[0-9a-f]{64}$"
# Elsewhere a name with such an ending is a file of the current folder.
FILE = re.compile(r"\.(json|gguf|toml|ya?ml|csv)(?![A-Za-z0-9._-])", re.IGNORECASE)


def _no_file(text: str) -> str:
    if FILE.search(text):
        raise ValueError("names a file; only names of the catalog are taken")
    return text


NoFile = AfterValidator(_no_file)
Name = Annotated[str, Field(pattern=NAME), NoFile]
On = Annotated[str, Field(pattern=ON), NoFile]
ModelName = Annotated[str, Field(pattern=f"{NAME}|{UPLOAD}", description="catalog name, or `upload:SHA256`"), NoFile]
Tokens = Annotated[int, Field(ge=1, le=10**9)]
Override = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,120}=[A-Za-z0-9 ._+%/-]{1,60}$")]


class Asked(BaseModel):
    """Base of all: unknown fields are refused, numbers are finite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Serving(Asked):
    """What plan, predict and compare share; an absent field is a default that the answer names."""

    model: ModelName
    workload: Name | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_input_tokens: Annotated[int, Field(ge=0, le=10**9)] | None = None
    accepted_tokens_per_step: Annotated[float, Field(ge=1, le=100)] | None = None
    length_spread: Annotated[float, Field(ge=0, le=1)] | None = None
    image_tokens: Annotated[int, Field(ge=0, le=10**9)] | None = None
    max_context: Tokens | None = None
    concurrency: Annotated[int, Field(ge=1, le=10**7)] | None = None
    rate_per_s: Annotated[float, Field(gt=0, le=10**9)] | None = None
    slo: Annotated[str, Field(max_length=120, pattern=r"^[A-Za-z0-9=.,:]*$")] = ""
    serving: Annotated[tuple[Literal["colocated", "disaggregated"], ...], Field(max_length=2)] = ()
    precision: dict[Literal["weights", "activations", "kv"], Name] = Field(default_factory=dict)
    engine: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}$"), NoFile] | None = None
    power_limit_w: Annotated[float, Field(gt=0, le=1e12)] | None = None
    overrides: Annotated[tuple[Override, ...], Field(max_length=32)] = ()
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    offload: bool = False


class PlanAsked(Serving):
    """The frontier of layouts of a model on a system, and the best under the service levels."""

    on: On
    explain: Literal["operators", "memory", "network", "search"] | None = None


class PredictAsked(Serving):
    """One exact deployment under one exact load."""

    on: On
    layout: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9 :;,_-]+$")]
    requests: Annotated[int, Field(ge=1, le=10**7)] | None = None
    load: Literal["closed", "open", "offline", "static"] | None = None
    explain: Literal["operators", "memory", "network", "search"] | None = None


class CompareAsked(Serving):
    """Systems side by side."""

    on: Annotated[tuple[On, ...], Field(min_length=1, max_length=8)]


class FleetAsked(Asked):
    """A scenario's chips, power, money and people by year; against another one where given."""

    scenario: Name
    against: Name | None = None
    drivers: bool = False
    variable: Annotated[str, Field(max_length=120)] = "Stock|H100e|8-bit|Total"
    year: Annotated[int, Field(ge=1990, le=2100)] | None = None
    draws: Annotated[int, Field(ge=16, le=16384)] = 4096
    overrides: Annotated[tuple[Override, ...], Field(max_length=32)] = ()
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class FrontierAsked(Asked):
    """Who leads in model quality."""

    index: Name | None = None
    by: Literal["country", "base", "openness", "maker"] = "country"
    only_open: bool = False
    since: Annotated[str, Field(pattern=r"^[0-9-]{4,10}$")] | None = None
    outlook: bool = False
    backtest: Annotated[str, Field(pattern=r"^[0-9-]{4,10}$")] | None = None
    on: On | None = None
    slo: Annotated[str, Field(max_length=120, pattern=r"^[A-Za-z0-9=.,:]*$")] = ""
    precision: dict[Literal["weights", "activations", "kv"], Name] = Field(default_factory=dict)
    draws: Annotated[int, Field(ge=16, le=16384)] = FRONTIER_DRAWS
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class ClaimsAsked(Asked):
    """Published claims computed again."""

    name: Name
    only: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    overrides: Annotated[dict[str, float], Field(max_length=32)] = Field(default_factory=dict)


VERBS: dict[str, type[Asked]] = {
    "plan": PlanAsked,
    "predict": PredictAsked,
    "compare": CompareAsked,
    "fleet": FleetAsked,
    "frontier": FrontierAsked,
    "claims": ClaimsAsked,
}


def plain(asked: Asked) -> dict[str, Any]:
    """Return what was asked without what was not said: the canonical form that names an answer."""
    return asked.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
