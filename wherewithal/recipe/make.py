"""A question answered, and the answer as launch files: checked, named, with what could not be said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wherewithal import ask
from wherewithal.catalog.add import write_whole
from wherewithal.errors import InputError
from wherewithal.plan.answer import Answer, plain
from wherewithal.plan.setup import Question
from wherewithal.recipe import compose, config, dynamo, kubernetes, router, shell, slurm
from wherewithal.recipe.facts import CannotStart
from wherewithal.recipe.job import Job, job, words_of
from wherewithal.recipe.next_step import measure_command

LAUNCHERS = ("docker", "kubernetes", "slurm")


@dataclass(frozen=True)
class Recipe:
    """What was written: files by name with their content, what the engine cannot express, remarks, the next command."""

    engine: str
    version: str
    checked: str
    layout: str
    files: dict[str, str]
    cannot: tuple[str, ...]
    notes: tuple[str, ...]
    next: tuple[str, ...]
    command: str
    answer: Answer

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data; the plan stands in it whole."""
        out = {k: getattr(self, k) for k in ("engine", "version", "checked", "layout", "cannot", "notes", "next")}
        return dict(plain({**out, "files": self.files, "command": self.command, "plan": self.answer.best}))


def answered(q: Question, progress: Callable[[str, int, int], None] | None = None) -> Answer:
    """Return the answer that a recipe is written for: the best plan, or the layout that the question gives."""
    return ask.predict(q) if q.layout else ask.plan(q, progress)


def started(answer: Answer, host_chips: int | None = None) -> tuple[Job, tuple[str, ...]]:
    """Return the best plan made ready, or, where it was searched for and does not start, the best that does.

    Returns:
        What launchers write files from, and what was said about another plan being taken.

    Raises:
        CannotStart: no plan of the frontier starts that meets the service levels as well.
    """
    try:
        return job(answer, host_chips), ()
    except CannotStart as reason:
        best = answer.best
        others = sorted(answer.frontier, key=lambda p: -p.output_tokens_per_s.value)
        for other in others if best and not answer.ready.question.layout else ():
            if other.feasible or not (best and best.feasible):
                with suppress(CannotStart):
                    work = job(replace(answer, best=other), host_chips)
                    was, now = best.output_tokens_per_s.value if best else 0.0, other.output_tokens_per_s.value
                    note = (
                        f"the best plan ({words_of(answer)}, {was:,.0f} tokens/s) does not start: {reason.what}; this is the"
                        f" best of the trade-off that does, {now:,.0f} tokens/s"
                    )
                    return work, (note,)
        raise


def recipe(answer: Answer, wanted: tuple[str, ...], host_chips: int | None = None) -> Recipe:
    """Return the launch files of an answer's plan.

    Args:
        answer: with a plan in it.
        wanted: launchers beside plain commands, out of LAUNCHERS.
        host_chips: chips of one host; None: as the catalog says.

    Raises:
        InputError: the engine has no recipe, does not start with this plan, or a launcher cannot express it.
    """
    work, said = started(answer, host_chips)
    answer = work.answer
    files = scripts(work)
    notes: list[str] = [*said, *(r for s in work.servers for r in s.remarks)]
    cannot = [f"pools[{s.index}] ({s.role}): {text}" for s in work.servers for text in s.cannot]
    files.update(router.files(work, cannot))
    makers = {"docker": compose.files, "kubernetes": kubernetes.files, "slurm": slurm.files}
    for launcher in wanted:
        files.update(makers[launcher](work, files, cannot))
    if "kubernetes" in wanted:
        files.update(dynamo.files(work, cannot))
    last = shell.comment(work.header[-1]).strip()
    files = {name: _told(text, last, _of(name, work, cannot, set(files))) for name, text in files.items()}
    book = work.book
    return Recipe(
        book.engine, book.version, answer.ready.pools["decode"].engine.checked, words_of(answer), files,
        tuple(dict.fromkeys(cannot)), tuple(dict.fromkeys(notes)), measure_command(work), answer.command, answer,
    )  # fmt: skip


def scripts(work: Job) -> dict[str, str]:
    """Return the plain commands: a script a pool, one that starts all of a host where there are several, configurations."""
    files: dict[str, str] = {}
    for one, device_ in zip(work.servers, work.devices, strict=True):
        files[shell.name(one)] = shell.serve(work.book, one, work.header)
        if one.config:
            files[shell.name(one, "config", ".yaml")] = config.text(one, work.header)
        if one.number("nodes") == 1 and (one.number("on_host") > 1 or one.facts["shares_host"]):
            files[shell.name(one, "launch")] = shell.launch(one, device_, work.header)
    return files


def _of(name: str, work: Job, cannot: list[str], names: set[str]) -> list[str]:
    """Return what is said in one file: in that of a pool nothing of the others, of Kubernetes in its own where there is one."""
    own = names & {kubernetes.NAME, dynamo.NAME}
    if own and name not in own:
        cannot = [t for t in cannot if "Kubernetes" not in t and "DynamoGraph" not in t]
    others = [f"pools[{s.index}] " for s in work.servers if s.role != "all" and f"-{s.role}" not in name]
    split = any(s.role != "all" and f"-{s.role}" in name for s in work.servers)
    return [t for t in dict.fromkeys(cannot) if not (split and t.startswith(tuple(others)))]


def _told(text: str, last: str, cannot: list[str]) -> str:
    """Return a file with what the engine cannot express under its head, wherever that stands (scripts lie in YAML too)."""
    out = []
    for line in text.splitlines(keepends=True):
        out.append(line)
        if line.strip() == last:
            indent = line[: len(line) - len(line.lstrip())]
            out += [shell.comment(f"cannot: {t}", indent) for t in cannot]
    return "".join(out)


def write(made: Recipe, folder: Path, force: bool = False) -> list[Path]:
    """Write all files into a folder; nothing is written where one of them may not be.

    Raises:
        InputError: one exists and `force` is not set, or the folder is a link or cannot be written.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError("-o", f"{folder} is a link or a file", "give a folder")
    paths = [folder / n for n in made.files]
    for path in paths:
        if path.is_symlink() or path.is_dir():
            raise InputError(str(path), "is a link or a folder", "give another folder")
        if path.exists() and not force:
            raise InputError(str(path), "exists", "--force replaces it")
    for path, text in zip(paths, made.files.values(), strict=True):
        write_whole(path, text.encode(), force)
    return paths
