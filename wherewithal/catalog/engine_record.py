"""The schema of an engine file: what a serving engine can express, where it runs, what it costs the host."""

from __future__ import annotations

from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from wherewithal.catalog import files
from wherewithal.catalog import load as catalog
from wherewithal.errors import FileProblems, InputError, Problem, unknown_name

Known = Literal["read", "derived", "estimated", "unverified", "assumed"]
Words = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


class Part(BaseModel):
    """Base of every table of an engine file: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Said(Part):
    """How something is known: `known`, the key of its source under `[sources]`, and a remark."""

    known: Known
    source: str = Field(alias="from", min_length=1)
    note: str = ""


class Stated(Said):
    """One figure: its text with unit, how it is known, and for which chips and models it holds (empty: all).

    Attributes:
        text: the value with its unit, `"8192 tokens"`, `"0.92"`, `"1 GiB"`.
        memory_from: least memory of one rank's chip for which it holds, as `"70 GiB"`.
        makers, kinds, chips: makers, kinds and chip names (with `*`) for which it holds.
        mla: whether it holds for models with latent attention only (true) or for others only (false).
    """

    text: str = Field(alias="is")
    memory_from: str = ""
    makers: Words = ()
    kinds: Words = ()
    chips: Words = ()
    mla: bool | None = None


class Format(Said):
    """The name of a number format, and how it is known."""

    name: str = Field(alias="is")


class RunsOn(Said):
    """Chips on which the engine is known to run, and the number formats that run there.

    Attributes:
        makers, kinds, chips: makers, kinds and names (with `*`); empty means any.
        weights, activations, kv: number formats; `*` means any that the chip can be given.
    """

    makers: Words = ()
    kinds: Words = ()
    chips: Words = ()
    weights: Words
    activations: Words
    kv: Words


class Rule(Said):
    """What a layout needs so that the engine starts: `need` in the language of `plan.rule`, `say` in words."""

    need: str
    say: str


class Accepted(Said):
    """Tokens that a decode step emits per sequence with speculation, the sure token included."""

    model: str
    method: str
    draft_tokens: int = Field(ge=1)
    tokens_per_step: float = Field(ge=1)
    thinking: bool | None = None


class Scheduler(Part):
    """How steps are filled: policy, tokens a step may compute, requests in flight.

    `reserved_answer`: share of the answer yet to come for which cache must be free when a request is taken in: 1 where
    none is ever sent back, 0 where one is when the cache is full.
    """

    policy: Literal["mixed", "prefill-first"]
    policy_from: Said
    token_budget: tuple[Stated, ...]
    max_sequences: tuple[Stated, ...]
    reserved_answer: tuple[Stated, ...] = ()
    budget_per_data_group: bool = False
    graph_batch: tuple[Stated, ...] = ()
    two_batch: bool = False


class Memory(Part):
    """What of a device the engine takes.

    Attributes:
        share: share of memory, in the meaning of `share_of`.
        share_of: `total` (weights, activations and KV inside it), `static` (weights and KV inside it, activations
            outside), `free` (KV alone, of what weights and activations leave).
        outside: bytes kept out of the share, in place of `share`.
        reserved: bytes that the runtime itself holds inside.
        per_slot_entry: bytes that sampling holds on each rank for every entry of the vocabulary, for as many sequences as
            the engine was built for.
        kv_of_quantised: format of the KV cache that the checkpoints name which its own tools quantise to 8 or 4 bits,
            inputs included; the engine follows them. None: it takes 16 bits unless told.
    """

    share: tuple[Stated, ...] = ()
    share_of: Literal["total", "static", "free"]
    outside: tuple[Stated, ...] = ()
    reserved: tuple[Stated, ...]
    per_slot_entry: tuple[Stated, ...] = ()
    kv_block: tuple[Stated, ...] = ()
    kv_of_quantised: Format | None = None


class HostTime(Part):
    """Time that the host needs: a step, a sequence in it, a request; and whether a step hides it.

    `per_launch`: of an operator, in a step with prompts, which no captured graph holds. `per_prompt_token`: of taking a prompt in.
    """

    per_step: tuple[Stated, ...]
    per_sequence: tuple[Stated, ...]
    per_request: tuple[Stated, ...]
    per_launch: tuple[Stated, ...] = ()
    per_prompt_token: tuple[Stated, ...] = ()
    overlapped: bool
    overlapped_from: Said


class Serving(Part):
    """Serving modes, speculation and work on the host processor.

    `one_cache`: whether all sequences lie in one cache, so that attention scores each against the cells of all and
    masks what is not its own.
    """

    modes: Words
    speculation: bool
    offload: tuple[Literal["layers", "experts"], ...] = ()
    one_cache: bool = False
    one_cache_from: Said | None = None


class Inputs(Said):
    """Format of weights to that which their products' inputs are turned into, where it is not the format's own.

    `unpacked` on chips that do not compute in the weights' arithmetic, `native` on those that do.
    """

    unpacked: dict[str, str] = Field(default_factory=dict)
    native: dict[str, str] = Field(default_factory=dict)


class EngineRecord(Part):
    """One engine in one version, after the version's own tables were laid over the common ones.

    `splits`: how it spreads a model over several chips when told nothing else. `builds`: names under which builds of
    this version are known besides its own.
    """

    name: str
    label: str
    version: str
    checked: str
    generic: bool = False
    splits: Literal["tensor", "layers"] = "tensor"
    builds: Words = ()
    inputs: Inputs | None = None
    note: str = ""
    sources: dict[str, str]
    runs_on: tuple[RunsOn, ...]
    rule: tuple[Rule, ...] = ()
    pair_rule: tuple[Rule, ...] = ()
    scheduler: Scheduler
    memory: Memory
    host: HostTime
    serving: Serving
    accepted: tuple[Accepted, ...] = ()


def read_engine(name: str, dirs: catalog.Dirs = ()) -> tuple[EngineRecord, str]:
    """Return an engine's record and the file it is from, as errors name it.

    Args:
        name: `NAME` or `NAME@VERSION`; an exact alias of the catalog will do.
        dirs: user folders, searched first.

    Raises:
        InputError: no such engine or version, or a file that cannot be read.
        FileProblems: the file says something that it may not.
    """
    wanted, at, version = name.partition("@")
    if at and not version:
        raise InputError("--engine", f"{name[:40]!r} names no version", "write NAME, or NAME@VERSION")
    path, file = _find(wanted, dirs)
    if path == catalog.builtin() / "engines" / path.name:
        return _builtin(path.name, wanted, version), file
    return _at(path, file, wanted, version), file


@cache
def _builtin(file: str, wanted: str, version: str) -> EngineRecord:
    """Return an engine of the installed catalog, which does not change while a process lives."""
    return _at(catalog.builtin() / "engines" / file, f"engines/{file}", wanted, version)


def _at(path: Path | Traversable, file: str, wanted: str, version: str) -> EngineRecord:
    raw = files.read_toml(path, file)
    versions = raw.get("versions")
    if not isinstance(versions, dict) or not versions or not isinstance(raw.get("default"), str):
        fix = 'write default = "1.0" and [versions."1.0"]'
        raise FileProblems(file, [Problem("versions", "no versions, or no default among them", fix)])
    chosen = version or raw["default"]
    if chosen not in versions:
        what = f"{wanted[:64]} has no version {chosen[:40]!r} in the catalog"
        raise InputError("--engine", what, "known are " + ", ".join(versions))
    return files.validate(EngineRecord, at_version(raw, chosen), file)


def _find(wanted: str, dirs: catalog.Dirs) -> tuple[Path | Traversable, str]:
    """Return an engine's file by name, lower-cased name or exact alias."""
    other = catalog.alias("engines", wanted, dirs)
    tried = [wanted, wanted.lower(), *([other.name] if other and other.relation == "exact" else [])]
    for name in tried:
        path = catalog.find("engines", name, dirs)
        if path is not None:
            return path, f"engines/{name}.toml"
    raise unknown_name("--engine", "engine", wanted, catalog.names("engines", dirs), "wherewithal catalog list engines")


def at_version(raw: dict[str, Any], version: str) -> dict[str, Any]:
    """Return an engine file's table with the tables of one of its versions laid over it."""
    base = {k: v for k, v in raw.items() if k not in ("versions", "default")}
    own = raw["versions"][version]
    laid = _over(base, own if isinstance(own, dict) else {})
    return {**laid, "version": version}


def _over(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _over(base[key], value) if both else value
    return merged
