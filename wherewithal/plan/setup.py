"""From names and words to what a search needs: model, systems, engine, formats, workload, goals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from wherewithal.catalog import load as catalog
from wherewithal.engine import Machine
from wherewithal.errors import InputError
from wherewithal.machine.host import beside
from wherewithal.machine.load import parse_on, system
from wherewithal.machine.system import System
from wherewithal.model.load import load_model
from wherewithal.model.model import Model
from wherewithal.model.op import Formats
from wherewithal.plan.answer import Precision
from wherewithal.plan.engines import Engine, engine, formats_ok, runs_on
from wherewithal.plan.legal import kv_heads
from wherewithal.plan.override import site
from wherewithal.plan.search import LARGEST, Goal
from wherewithal.plan.steady import Deployment, launches
from wherewithal.plan.workload import Workload, offered, parse_slo
from wherewithal.pricing.curve import Curves, curves_for
from wherewithal.pricing.formats import resolve
from wherewithal.units import number

MODES = ("colocated", "disaggregated")
INPUTS = (
    "input_tokens", "output_tokens", "cached_input_tokens", "accepted_tokens_per_step", "length_spread", "max_context",
    "image_tokens",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A serving question as its asker words it; quantities in SI base units, None where not said.

    Attributes:
        model: catalog name, path of a config.json (or its folder), or of a GGUF file.
        on: `SYSTEM[:CHIPS]`, or `prefill=SYSTEM:N,decode=SYSTEM:N`.
        workload: name of a catalog workload.
        input_tokens, output_tokens, cached_input_tokens, max_context: [token].
        accepted_tokens_per_step: tokens a step yields per sequence, the sure one included.
        length_spread: lengths are uniform between 1 - spread and 1 times the stated ones.
        image_tokens: [token] of the input that come from one image.
        concurrency, rate_per_s: offered load, one of both at most; [1/s].
        requests: in all, for `predict` of a run from a standing start; None for steady state.
        load: how they come: `closed`, `open`, `offline` or `static`; None for what concurrency or rate imply.
        slo: `ttft=2s,tpot=50ms`.
        serving: modes to search; empty for all that the engine serves in.
        precision: part (`weights`, `activations`, `kv`) to format.
        engine: catalog name, with `@VERSION` where wanted.
        power_limit_w: [W] at the wall.
        overrides: `PATH=VALUE` each.
        catalog_dirs: folders of the user's own additions.
        explain: topic, or None.
        seed: fixes all randomness.
        layout: for `predict`, the layout in words.
        offload: whether layers or experts may live on the host.
    """

    model: str
    on: str
    workload: str | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    cached_input_tokens: float | None = None
    accepted_tokens_per_step: float | None = None
    length_spread: float | None = None
    image_tokens: float | None = None
    max_context: float | None = None
    concurrency: float | None = None
    rate_per_s: float | None = None
    requests: float | None = None
    load: str | None = None
    slo: str = ""
    serving: tuple[str, ...] = ()
    precision: dict[str, str] = field(default_factory=dict)
    engine: str | None = None
    power_limit_w: float | None = None
    overrides: tuple[str, ...] = ()
    catalog_dirs: tuple[Path, ...] = ()
    explain: str | None = None
    seed: int = 0
    layout: str | None = None
    offload: bool = False


class Setup(NamedTuple):
    """A question made ready for the search.

    Attributes:
        question: as asked.
        model: the model, and how its name was read.
        pools: role to deployment: `all`, `prefill` and `decode` (equal unless pools have systems of their own).
        precisions: role to names of formats.
        chips: chips in all, or (prefill, decode).
        goal: service levels and offered load.
        modes: serving modes to search.
        defaults: names of inputs that were not said.
        overrides: path to (old, new) of every overridden figure.
        notes: what was replaced or read in another way.
        terms: prices and site figures that the question sets.
    """

    question: Question
    model: Model
    pools: dict[str, Deployment]
    precisions: dict[str, Precision]
    chips: int | tuple[int, int]
    goal: Goal
    modes: tuple[str, ...]
    defaults: tuple[str, ...]
    overrides: dict[str, tuple[str, str]]
    notes: tuple[str, ...]
    terms: dict[str, float]

    @property
    def total(self) -> int:
        """Chips in all."""
        return self.chips if isinstance(self.chips, int) else sum(self.chips)


def setup(q: Question) -> Setup:
    """Return a question made ready.

    Raises:
        InputError: for anything in it that cannot be used.
        FileProblems: for a file of the user's that is wrong.
    """
    dirs = q.catalog_dirs
    notes: list[str] = []
    terms, changed = site(q.overrides)
    model, said = load_model(q.model, dirs, q.overrides, changed)
    notes.extend(said)
    workload, defaults = _workload(q, dirs)
    if workload.image_tokens and not model.towers:
        raise InputError("--image-tokens", f"{model.name} has no encoder in its config", "leave it out")
    workload = replace(workload, image_patches=workload.image_tokens * model.patches_per_token)
    pools: dict[str, Deployment] = {}
    precisions: dict[str, Precision] = {}
    systems = _systems(q, dirs, changed, notes)
    for role, one in systems.items():
        pools[role], precisions[role] = _deployment(q, model, one, workload, notes)
    single = pools.get("all")
    chips: int | tuple[int, int]
    if single:
        pools.update(prefill=single, decode=single)
        precisions.update(prefill=precisions["all"], decode=precisions["all"])
        chips = single.machine.system.chips
    else:
        chips = (pools["prefill"].machine.system.chips, pools["decode"].machine.system.chips)
    if max(d.machine.system.chips * d.machine.system.chip.ranks for d in pools.values()) > LARGEST:
        notes.append(f"replicas of up to {LARGEST} ranks are searched; the rest of the chips holds more of them")
    return Setup(
        q, model, pools, precisions, chips, Goal(parse_slo(q.slo), offered(q.load, q.concurrency, q.rate_per_s, q.requests)),
        _modes(q, pools, notes), defaults, changed, tuple(dict.fromkeys(notes)), terms,
    )  # fmt: skip


def _systems(
    q: Question, dirs: tuple[Path, ...], changed: dict[str, tuple[str, str]], notes: list[str]
) -> dict[str, System]:
    """Return role to system."""
    asked = parse_on(q.on)
    roles = sorted(role or "all" for role, _, _ in asked)
    if roles not in (["all"], ["decode", "prefill"]):
        raise InputError("--on", f"pools {', '.join(roles)}", "one SYSTEM[:N], or prefill=SYSTEM:N,decode=SYSTEM:N")
    found: dict[str, System] = {}
    for role, name, chips in asked:
        built = system(name, chips, dirs=dirs, overrides=q.overrides)
        found[role or "all"] = built
        changed.update(built.overridden)
        notes.extend(built.notes)
    return found


def _deployment(
    q: Question, model: Model, one: System, workload: Workload, notes: list[str]
) -> tuple[Deployment, Precision]:
    """Return the deployment of one system, after asking the engine whether it runs there."""
    by = engine(q.engine, q.catalog_dirs, one.chip, mla=not kv_heads(model))
    reason = runs_on(by, one.chip)
    if reason:
        raise InputError("--engine", reason, "another engine, or none for the median engine")
    resolved = resolve(model, one.chip, q.precision, by.inputs, by.kv_of_quantised)
    names = Precision(resolved.weights, resolved.activations, resolved.kv)
    reason = formats_ok(by, one.chip, names)
    if reason:
        raise InputError("--precision", reason, "another format, or another engine")
    notes.extend(resolved.notes)
    offload = _offload(q, by, one)
    curves = curves_for(one.chip, "" if by.generic else by.name)
    notes.extend(_pooled_from_few(curves, one, resolved.formats))
    machine = Machine(one, curves, resolved.formats, curves_for(beside(one)) if offload else None)
    launch = by.host_s_per_launch * launches(model, machine.formats, workload) if by.host_s_per_launch else 0.0
    # Prompts of a run that starts empty meet on average half of the others' in the cache, and what follows in their step.
    own = 0.5 * min(by.token_budget, workload.mean_input)
    others = 0.5 * max((q.concurrency or 1.0) - 1.0, 0.0) * workload.mean_input
    cells = own + others if by.one_cache else 0.0
    return Deployment(model, machine, by, workload, q.rate_per_s is not None, offload, launch, cells), names


def _pooled_from_few(curves: Curves, one: System, f: Formats) -> Iterator[str]:
    """Yield what is priced by the median of a few machines that this one is not among, and how far these lie apart."""
    for arithmetic in sorted({part.arithmetic for part in f.parts.values()}):
        c = curves.curve("matmul", arithmetic)
        if c.systems and one.name not in c.systems:
            slow, quick = math.exp(-c.residual.q90), math.exp(-c.residual.q10)
            yield (
                f"matrix products of {arithmetic} weights on {one.chip.name} were not measured: they are priced by the "
                f"{c.basis}, whose prompts take {number(slow, 2)} to {number(quick, 2)} times the median's; "
                f"doubt the time to first token"
            )


def _offload(q: Question, by: Engine, one: System) -> tuple[str, ...]:
    """Return what may live on the host: what the engine can put there, where asked for or its own way of working."""
    if q.offload and not by.offload:
        raise InputError("--offload", f"{by.title} keeps nothing on the host", "another engine, or none")
    wanted = q.offload or (bool(by.offload) and not by.generic)
    if q.offload and one.host is None:
        raise InputError(
            "--offload", f"{one.name} has no host in the catalog", "--set host.memory=64GB and its siblings"
        )
    return by.offload if wanted and one.host is not None else ()


def _workload(q: Question, dirs: tuple[Path, ...]) -> tuple[Workload, tuple[str, ...]]:
    """Return the requests asked for and the names of what was left to the defaults."""
    said = {n: value for n in INPUTS if (value := getattr(q, n)) is not None}
    left = tuple(n for n in INPUTS[:5] if n not in said)
    base = {n: catalog.default(n, dirs).value for n in INPUTS[:5]}
    if q.workload:
        named = catalog.workload(q.workload, dirs)
        base.update({n: float(v) for n in ("input_tokens", "output_tokens") if (v := getattr(named, n)) is not None})
        base["length_spread"] = float(getattr(named, "length_spread", None) or 0.0)
        left = tuple(n for n in left if n not in ("input_tokens", "output_tokens", "length_spread"))
    return Workload(name=q.workload or ("custom" if said else "default"), **{**base, **said}), left


def _modes(q: Question, pools: dict[str, Deployment], notes: list[str]) -> tuple[str, ...]:
    """Return the serving modes to search; what the engine does not serve in is left out and said."""
    split = "all" not in pools or pools["prefill"] is not pools["decode"]
    wanted = q.serving or MODES
    for mode in wanted:
        if mode not in MODES:
            raise InputError("--serving", f"mode {mode[:30]!r}", f"one or both of {', '.join(MODES)}")
    able = pools["decode"].engine.serving
    found = tuple(m for m in wanted if m in able and not (split and m == "colocated"))
    if not found:
        raise InputError(
            "--serving",
            f"{', '.join(wanted)} is not served by {pools['decode'].engine.title}",
            f"one of {', '.join(able)}",
        )
    title = pools["decode"].engine.title
    notes.extend(f"{title} does not serve {m}: not searched" for m in wanted if m not in found and m not in able)
    return found
