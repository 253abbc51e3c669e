"""A plan made ready for its launchers: servers with checked arguments, what their chips need, the head of every file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from wherewithal import __version__
from wherewithal.catalog import recipe_record as records
from wherewithal.catalog.recipe_record import Device, RecipeRecord
from wherewithal.errors import InputError
from wherewithal.machine.system import Chip
from wherewithal.plan.answer import Answer, Pool
from wherewithal.plan.setup import Setup
from wherewithal.recipe import check, facts, lines
from wherewithal.recipe.lines import Server

# Ports between pools that share a host.
BESIDE = 100


@dataclass(frozen=True)
class Job:
    """All that launchers write files from.

    Attributes:
        answer: the answer with its plan.
        book: how the engine is launched.
        servers: one a pool, in the plan's order.
        devices: one a pool: what its chips need.
        header: lines that stand at the head of every file.
        host_chips: chips of one host.
    """

    answer: Answer
    book: RecipeRecord
    servers: tuple[Server, ...]
    devices: tuple[Device, ...]
    header: tuple[str, ...]
    host_chips: int


def job(answer: Answer, host_chips: int | None = None) -> Job:
    """Return what launchers write files from.

    Args:
        answer: with a plan in it.
        host_chips: chips of one host; None: as the catalog says of the system.

    Raises:
        InputError: the engine has no recipe.
        CannotStart: it does not start with this plan.
    """
    ready: Setup = answer.ready
    plan = answer.best
    if plan is None:
        raise ValueError("no plan")
    engine = ready.pools["decode"].engine
    if engine.generic:
        raise InputError(
            "--engine", "not said", "name one of " + ", ".join(records.recipes(ready.question.catalog_dirs))
        )
    book = records.read_recipe(engine.name, ready.question.catalog_dirs)
    if book.version != engine.version:
        what = f"{engine.title}: arguments are known of version {book.version} only"
        raise InputError("--engine", what, f"--engine {engine.name}@{book.version}")
    known = check.table([records.arguments(n, ready.question.catalog_dirs) for n in book.lists], book.group)
    made, devices, most, used = [], [], 1, 0
    for index, pool in enumerate(plan.pools):
        system = ready.pools[pool.role].machine.system
        hosts = records.hosts(ready.question.catalog_dirs)
        per_host = host_chips or int(hosts.get(system.name, {}).get("chips", system.node_chips))
        most = max(most, per_host)
        told = facts.facts(answer, ready, index, per_host)
        lies = facts.spread(int(told["ranks"]), per_host * system.chip.ranks)
        told["on_host"] = max(min(lies.fit, pool.replicas), 1)
        held = int(told["on_host"]) * int(told["local"])
        beside = (
            len(plan.pools) > 1 and sum(p.replicas * p.layout.ranks for p in plan.pools) <= per_host * system.chip.ranks
        )
        told |= {"shares_host": beside, "first_device": used if beside else 0}
        told["first_port"] = book.port + (BESIDE * index if beside else 0)
        used += held
        made.append(_checked(lines.server(book, told), known, engine.title))
        devices.append(device(book, system.chip))
    header = _header(answer, book, engine.title, engine.checked)
    return Job(answer, book, tuple(made), tuple(devices), header, most)


def _checked(one: Server, known: Any, title: str) -> Server:
    if one.refused:
        raise facts.CannotStart(f"recipe for {title}", one.refused[0], "another --layout or --engine")
    check.refuse(lines.problems(one, known), title)
    return one


def device(book: RecipeRecord, chip: Chip) -> Device:
    """Return what a chip needs beside the engine.

    Raises:
        InputError: the recipe file says nothing of its maker.
    """
    for one in book.devices:
        if (not one.makers or chip.maker in one.makers) and (not one.kinds or chip.kind in one.kinds):
            return one
    raise InputError("--on", f"how {book.engine} is launched on {chip.name} is not known", "another engine")


def _header(answer: Answer, book: RecipeRecord, title: str, checked: str) -> tuple[str, ...]:
    plan = answer.best
    pools = words_of(answer)
    at = f"{facts.whole(plan.concurrency):,} requests in flight" if plan else ""
    return (
        f"{answer.model['name']} on {answer.system['name']}:{answer.system['chips']} with {title}: {pools}, {at}",
        f"arguments checked against the engine's own list of version {book.version} on {checked}; others may differ",
        f"written by wherewithal {__version__}: {_command(answer)}",
    )


def _command(answer: Answer) -> str:
    """Return the command that asks the question, with files of this machine by their names alone."""
    q = answer.ready.question
    text = answer.command
    for path in (q.model, q.on, *(str(d) for d in q.catalog_dirs)):
        if "/" in path or "\\" in path:
            text = text.replace(path, PurePath(path.replace("\\", "/")).name or "FOLDER")
    return text


_AXES = (
    ("tensor", "tp"),
    ("pipeline", "pp"),
    ("expert", "ep"),
    ("expert_tensor", "etp"),
    ("data", "dp"),
    ("context", "cp"),
)


def words_of(answer: Answer) -> str:
    """Return the layout of an answer's plan as `--layout` takes it."""
    if answer.best is None:
        return ""
    return "; ".join(
        ("" if p.role == "all" else f"{p.role}: ") + f"{p.replicas}x " + pool_words(p) for p in answer.best.pools
    )


def pool_words(pool: Pool) -> str:
    """Return the layout of one replica of a pool in words."""
    at = pool.layout
    parts = [f"{short}{getattr(at, axis)}" for axis, short in _AXES if getattr(at, axis) > 1 or short == "tp"]
    if at.expert_tensor * at.expert == at.tensor * at.data or at.expert_tensor == 1:
        parts = [p for p in parts if not p.startswith("etp")]
    return " ".join(parts) + (" two-batch" if at.microbatches > 1 else "")
