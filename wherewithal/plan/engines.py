"""What a serving engine allows: layouts, chips, formats, memory, scheduling and host time, all from its data file."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wherewithal.catalog import load as catalog
from wherewithal.catalog.engine_record import EngineRecord, Rule, RunsOn, Stated, read_engine
from wherewithal.errors import FileProblems, InputError, Problem
from wherewithal.figure import Figure
from wherewithal.machine.system import Chip
from wherewithal.plan import rule
from wherewithal.plan.answer import Precision
from wherewithal.pricing.formats import NO_INPUTS, Inputs
from wherewithal.units import parse

LAYOUT = ("tensor", "pipeline", "expert", "expert_tensor", "data", "context", "microbatches")
FACTS = ("experts", "layers", "heads", "kv_heads", "mla")
NAMES = frozenset((*LAYOUT, *FACTS, "world"))
ROLES = ("prefill", "decode")
PAIR_NAMES = frozenset((*FACTS, *(f"{role}_{name}" for role in ROLES for name in (*LAYOUT, "world"))))
MEDIAN = "generic"


@dataclass(frozen=True)
class LayoutRule:
    """What a layout must satisfy: the parsed rule, and in words why a row falls."""

    need: ast.expr
    say: str


@dataclass(frozen=True)
class Engine:
    """One engine in one version as plain numbers, for one chip.

    Attributes:
        name, version, label, checked: as in the catalog; `checked` is the date on which the file was compared.
        generic: whether it stands for the median of engines, which no flag file can be written for.
        policy: `mixed` (prefill chunks join decode steps) or `prefill-first` (waiting prompts run alone, first).
        token_budget: [token] most tokens of one step.
        budget_per_data_group: whether the budget is shared out over data (attention) groups.
        max_seqs: [request] most requests in flight of one scheduler.
        reserved_answer: share of an answer yet to come for which cache must be free when a request is taken in.
        graph_batch: [request] largest decode batch with a captured graph; infinite where not limited.
        memory_share, share_of: share of memory and of what (see `kv_room`).
        reserved_bytes: [B] held by the runtime on each rank (context, communication buffers, graphs).
        slot_entry_bytes: [B] held by sampling on each rank, of an entry of the vocabulary and one of `max_seqs`.
        kv_block_tokens: [token] granularity of the KV cache.
        kv_of_quantised: format of the KV cache beside weights quantised for it; empty where 16 bits unless told.
        host_s_per_step, host_s_per_seq: [s] host work of a step, and of each sequence in it.
        host_s_per_request: [s] from arrival to the first step and back, without queue and model.
        host_s_per_launch: [s] host work of launching one operator, in a step with prompts, which no captured graph holds.
        host_s_per_prompt_token: [s] host work on each token of a prompt that arrives, one request after the other.
        host_overlapped: whether a step hides host work (then a step lasts the longer of both).
        two_batch: whether two half batches can hide each other's communication.
        serving: modes it can serve in.
        speculation: whether it can speculate.
        offload: what may live on the host (`layers`, `experts`).
        accepted: (model, method, draft tokens, thinking or None, tokens per step) as measured.
        one_cache: whether all sequences lie in one cache, each scored against the cells of all.
        inputs: what it turns products' inputs into.
        runs: where it is known to run.
        rules, pair_rules: what layouts need, and what a prefill and a decode layout need of each other.
        figures: every figure by dotted name.
    """

    name: str
    version: str
    label: str
    checked: str
    generic: bool
    policy: str
    token_budget: float
    budget_per_data_group: bool
    max_seqs: float
    graph_batch: float
    memory_share: float
    share_of: str
    reserved_bytes: float
    kv_block_tokens: float
    host_s_per_step: float
    host_s_per_seq: float
    host_s_per_request: float
    host_overlapped: bool
    two_batch: bool
    serving: tuple[str, ...]
    speculation: bool
    offload: tuple[str, ...]
    accepted: tuple[tuple[str, str, int, bool | None, float], ...]
    runs: tuple[RunsOn, ...] = ()
    rules: tuple[LayoutRule, ...] = ()
    pair_rules: tuple[LayoutRule, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    note: str = ""
    host_s_per_launch: float = 0.0
    host_s_per_prompt_token: float = 0.0
    reserved_answer: float = 0.0
    slot_entry_bytes: float = 0.0
    kv_of_quantised: str = ""
    one_cache: bool = False
    inputs: Inputs = NO_INPUTS

    @property
    def title(self) -> str:
        """Name and version as an answer shows them."""
        return self.label if self.generic else f"{self.label} {self.version}"

    def kv_room(self, capacity: Any, weights: Any, activations: Any) -> Any:
        """Return [B] left for KV on one rank of memory `capacity` [B] with `weights` and `activations` [B].

        total: share x capacity - reserved - weights - activations. static: the share holds weights, reserve and KV, and
        activations must fit outside. free: share x (capacity - reserved - weights - activations).
        Element-wise; below 0 where it does not fit. Source: the engines' own memory planning (see the file's keys).
        """
        left = capacity - self.reserved_bytes - weights - activations
        if self.share_of == "free":
            return np.where(left > 0, self.memory_share * left, left)
        held = self.memory_share * capacity - self.reserved_bytes - weights
        return np.minimum(held, left) if self.share_of == "static" else held - activations


def names(dirs: catalog.Dirs = ()) -> list[str]:
    """Return the names of all engines, those of user folders (each with a folder `engines`) included."""
    return catalog.names("engines", dirs)


def engine(name: str | None, dirs: catalog.Dirs = (), chip: Chip | None = None, mla: bool = False) -> Engine:
    """Return an engine as plain numbers.

    Args:
        name: `NAME` or `NAME@VERSION`; None is the median engine.
        dirs: user folders, searched first.
        chip: figures that differ by chip are those for this one; without, those for any chip.
        mla: whether the model has latent attention only (some engines keep more memory free then).

    Raises:
        InputError: no such engine or version.
        FileProblems: the file is wrong.
    """
    record, file = read_engine(name or MEDIAN, dirs)
    return _engine(record, file, chip, mla)


def legal_rows(
    it: Engine, columns: Mapping[str, Any], facts: Mapping[str, Any]
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Return which layouts the engine can express, and how many rows each rule turned away first.

    Args:
        it: the engine.
        columns: numbers or arrays that broadcast, in ranks: those of `LAYOUT`; an absent one is 1.
        facts: of the model: those of `FACTS` (`experts` 0 for a dense model, `mla` 0 or 1).

    Raises:
        InputError: a column or fact has no such name, or a fact that a rule needs is missing.
    """
    return _hold(it, it.rules, {**_table(columns), **_facts(facts)})


def legal_pairs(
    it: Engine, prefill: Mapping[str, Any], decode: Mapping[str, Any], facts: Mapping[str, Any]
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Return which pairs of prefill and decode layouts the engine can hand KV between; arguments as `legal_rows`."""
    both = {f"{role}_{k}": v for role, c in zip(ROLES, (prefill, decode), strict=True) for k, v in _table(c).items()}
    return _hold(it, it.pair_rules, {**both, **_facts(facts)})


def _table(columns: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return all columns of a layout as arrays, `world` (ranks that share a stage) among them."""
    _refuse(set(columns) - set(LAYOUT), "column", LAYOUT)
    table = {k: np.asarray(v) for k, v in {**dict.fromkeys(LAYOUT, 1), **columns}.items()}
    return {**table, "world": table["tensor"] * table["data"] * table["context"]}


def _facts(facts: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    _refuse(set(facts) - set(FACTS), "fact", FACTS)
    return {k: np.asarray(v) for k, v in facts.items()}


def _refuse(extra: set[str], kind: str, known: Sequence[str]) -> None:
    if extra:
        raise InputError("layout", f"no {kind} {min(extra)!r}", f"{kind}s are " + ", ".join(known))


def _hold(
    it: Engine, rules: Iterable[LayoutRule], table: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    legal = np.ones(np.broadcast_shapes(*(v.shape for v in table.values())), dtype=bool)
    reasons: dict[str, int] = {}
    for one in rules:
        missing = {n.id for n in ast.walk(one.need) if isinstance(n, ast.Name)} - set(table)
        if missing:
            raise InputError("model", f"{it.title} asks for {min(missing)!r}", "give it in `facts`")
        good = rule.holds(one.need, table)
        fallen = int(np.count_nonzero(legal & ~good))
        if fallen:
            reasons[f"{it.title}: {one.say}"] = fallen
            legal &= good
    return legal, reasons


def runs_on(it: Engine, chip: Chip) -> str | None:
    """Return why the engine is not offered on a chip, or None where it is known to run."""
    if any(_matches(r, chip) for r in it.runs):
        return None
    makers = ", ".join(dict.fromkeys(m for r in it.runs for m in r.makers))
    return f"{it.title} is not known to run on {chip.name} ({chip.maker} {chip.kind}); it runs on chips of {makers}"


def formats_ok(it: Engine, chip: Chip, precision: Precision) -> str | None:
    """Return which number format is not known to run in this engine on this chip, or None where all do."""
    here = [r for r in it.runs if _matches(r, chip)]
    if not here:
        return runs_on(it, chip)
    for part in ("weights", "activations", "kv"):
        wanted = getattr(precision, part)
        known = list(dict.fromkeys(f for r in here for f in getattr(r, part)))
        if wanted and "*" not in known and _same(wanted) not in {_same(k) for k in known}:
            return f"{it.title} is not known to run {part} in {wanted} on {chip.name}; known are {', '.join(known)}"
    return None


def _same(name: str) -> str:
    """Return a format name in one spelling: GGUF says f16 for fp16; mxfp8 is fp8 with scales of its own."""
    return {"f16": "fp16", "f32": "fp32", "mxfp8": "fp8"}.get(name.lower(), name.lower())


def _matches(one: RunsOn | Stated, chip: Chip) -> bool:
    maker = not one.makers or chip.maker.lower() in {m.lower() for m in one.makers}
    kind = not one.kinds or chip.kind in one.kinds
    return maker and kind and (not one.chips or any(fnmatch.fnmatchcase(chip.name, p) for p in one.chips))


class _Figures:
    """Picks the figure that holds for a chip and keeps it with its source."""

    def __init__(self, record: EngineRecord, path: str, chip: Chip | None, mla: bool) -> None:
        self.record, self.path, self.chip, self.mla = record, path, chip, mla
        self.kept: dict[str, Figure] = {}

    def pick(self, name: str, stated: Iterable[Stated], unit: str, none: float | None = None) -> float:
        """Return the first figure of a list that holds, in SI base units."""
        for one in stated:
            if self._holds(one):
                value = parse(one.text, unit, f"{self.path}: {name}")
                self.kept[name] = self._figure(one, value, unit)
                return value
        if none is None:
            raise FileProblems(
                self.path, [Problem(name, "no value for this chip", "end the list with one that holds for any")]
            )
        return none

    def _holds(self, one: Stated) -> bool:
        if one.mla is not None and one.mla != self.mla:
            return False
        if self.chip is None:
            return not (one.memory_from or one.makers or one.kinds or one.chips)
        per_rank = self.chip.memory_bytes / max(1, self.chip.ranks)
        floor = parse(one.memory_from, "bytes", f"{self.path}: memory_from") if one.memory_from else 0.0
        return _matches(one, self.chip) and per_rank >= floor

    def _figure(self, one: Stated, value: float, unit: str) -> Figure:
        source = self.record.sources.get(one.source)
        if source is None:
            raise FileProblems(self.path, [Problem("sources", f"no source {one.source!r}", "name it under [sources]")])
        return Figure(value=value, unit=unit, known=one.known, source=source, date=self.record.checked, note=one.note)


def _rules(stated: Iterable[Rule], known: frozenset[str], where: str) -> tuple[LayoutRule, ...]:
    return tuple(LayoutRule(rule.read(r.need, known, where), r.say) for r in stated)


def _engine(record: EngineRecord, path: str, chip: Chip | None, mla: bool) -> Engine:
    figures = _Figures(record, path, chip, mla)
    schedule, memory, host = record.scheduler, record.memory, record.host
    share = figures.pick("memory.share", memory.share, "1", none=1.0)
    outside = figures.pick("memory.outside", memory.outside, "bytes", none=0.0)
    if chip is not None and outside:
        share = max(0.0, 1.0 - outside * max(1, chip.ranks) / chip.memory_bytes)
    return Engine(
        name=record.name,
        version=record.version,
        label=record.label,
        checked=record.checked,
        generic=record.generic,
        policy=schedule.policy,
        token_budget=figures.pick("scheduler.token_budget", schedule.token_budget, "tokens"),
        budget_per_data_group=schedule.budget_per_data_group,
        max_seqs=figures.pick("scheduler.max_sequences", schedule.max_sequences, "1"),
        reserved_answer=figures.pick("scheduler.reserved_answer", schedule.reserved_answer, "1", none=0.0),
        graph_batch=figures.pick("scheduler.graph_batch", schedule.graph_batch, "1", none=float("inf")),
        memory_share=share,
        share_of=memory.share_of,
        reserved_bytes=figures.pick("memory.reserved", memory.reserved, "bytes"),
        slot_entry_bytes=figures.pick("memory.per_slot_entry", memory.per_slot_entry, "bytes", none=0.0),
        kv_block_tokens=figures.pick("memory.kv_block", memory.kv_block, "tokens", none=1.0),
        host_s_per_step=figures.pick("host.per_step", host.per_step, "s"),
        host_s_per_seq=figures.pick("host.per_sequence", host.per_sequence, "s"),
        host_s_per_request=figures.pick("host.per_request", host.per_request, "s"),
        host_overlapped=host.overlapped,
        kv_of_quantised=memory.kv_of_quantised.name if memory.kv_of_quantised else "",
        host_s_per_launch=figures.pick("host.per_launch", host.per_launch, "s", none=0.0),
        host_s_per_prompt_token=figures.pick("host.per_prompt_token", host.per_prompt_token, "s", none=0.0),
        two_batch=schedule.two_batch,
        serving=record.serving.modes,
        speculation=record.serving.speculation,
        offload=record.serving.offload,
        one_cache=record.serving.one_cache,
        inputs=Inputs(record.inputs.unpacked, record.inputs.native) if record.inputs else NO_INPUTS,
        accepted=tuple((a.model, a.method, a.draft_tokens, a.thinking, a.tokens_per_step) for a in record.accepted),
        runs=record.runs_on,
        rules=_rules(record.rule, NAMES, f"{path}: rule"),
        pair_rules=_rules(record.pair_rule, PAIR_NAMES, f"{path}: pair_rule"),
        figures=figures.kept,
        note=record.note,
    )
