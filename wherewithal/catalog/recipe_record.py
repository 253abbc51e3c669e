"""The schema of a recipe file: how an engine says what a plan says, which launchers it has, and its argument list."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from wherewithal.catalog import files
from wherewithal.catalog import load as catalog
from wherewithal.catalog.engine_record import Part, Words
from wherewithal.errors import InputError

LIMIT = 1_000_000


class Named(Part):
    """What a line is for: the plan's fields that it comes from, when it stands there, and a remark.

    Attributes:
        when: condition over the facts of a pool (`recipe.formula`); empty: always.
        source: fields of the plan, `pool.` for the pool at hand, as the comment beside the line shows them.
        note: a remark for that comment.
    """

    when: str = ""
    source: str = Field("", alias="from")
    note: str = ""


class FlagRow(Named):
    """One argument of the engine.

    Attributes:
        name: the argument.
        value: formula of its value; empty for one without.
        json_of: key to formula, for one whose value is a JSON object.
        shell: its value as text over shell variables, with formulas in braces; in place of `value`.
        only: `first` or `others` where only the first node of a replica says it, or all but the first.
    """

    name: str
    value: str = ""
    json_of: dict[str, str] = Field(default_factory=dict, alias="json")
    shell: str = ""
    only: Literal["", "first", "others"] = ""


class Export(Named):
    """One environment variable of the server: its name and the formula of its value."""

    name: str
    value: str


class Ask(Named):
    """One variable that the person who launches must set: its name, and in words what to put there.

    `default` stands where it may be left alone, as shell text; `export`: the engine reads it from its environment.
    """

    name: str
    say: str
    default: str = ""
    export: bool = False


class ConfigRow(Named):
    """One entry of the engine's configuration file: dotted key, formula."""

    key: str
    value: str


class Remark(Named):
    """Something that the engine cannot express (`cannot`), or with which it does not start (`refuse`), in words."""

    say: str


class Device(Part):
    """What chips of a maker need beside the engine.

    Attributes:
        makers: names of makers.
        visible: environment variable that chooses devices of a node; empty where none is needed.
        resource: name by which Kubernetes counts the devices; empty for processors.
        image: container image that holds the engine at the stated version, or the nearest that is known.
        image_note: how well that is known.
        mounts: folders of the host that a container needs.
        nodes: device files that a container needs, `{n}` for the number of a device.
        program: words of the command inside the image, where they differ.
        compose: how Compose hands devices over.
    """

    makers: Words = ()
    kinds: Words = ()
    visible: str = ""
    resource: str = ""
    image: str = ""
    image_note: str = ""
    mounts: Words = ()
    nodes: Words = ()
    program: Words = ()
    compose: Literal["", "nvidia", "devices"] = ""


class RouterLine(Part):
    """One line of a router's configuration: a `printf` format, the shell text in it, or once for each server of a pool."""

    text: str
    of: str = ""
    each: Literal["", "prefill", "decode"] = ""


class Router(Part):
    """What stands in front of separate pools.

    Attributes:
        program: words of the command.
        list: name of its argument list.
        port: where it listens.
        head: arguments (`shell` values may use HOST and PORT).
        prefill, decode: arguments of each server; `{url}` is its address, `{bootstrap}` its bootstrap port.
        config: lines of a file with its servers, which the script writes; empty where arguments name them.
        image: container image that holds it; empty where the engine's own does.
        install: words that put it into that image first.
        note: what to know.
    """

    program: Words
    list: str
    package: str
    port: int
    group: str = ""
    head: tuple[FlagRow, ...] = ()
    prefill: str = ""
    decode: str = ""
    config: tuple[RouterLine, ...] = ()
    image: str = ""
    install: str = ""
    note: str = ""


class Dynamo(Part):
    """How the engine runs under a DynamoGraphDeployment, for split pools.

    Attributes:
        module: Python module of the worker; `frontend` that of the router in front.
        version, image: of the package whose worker it is, and the image that holds it.
        list: name of the argument list of the worker's own arguments.
        model: argument for the weights.
        drop: arguments of the engine that the worker does not take.
        head: arguments in their place.
    """

    module: str
    frontend: str
    version: str
    image: str
    list: str
    model: str
    drop: Words = ()
    head: tuple[FlagRow, ...] = ()


class RecipeRecord(Part):
    """How one engine is launched.

    Attributes:
        engine, version, checked: the engine of the catalog, the version whose arguments these are, and when compared.
        lists: names of the argument lists that hold them.
        group: group of the first list that counts, where it holds several commands.
        program: words of the command; `model` is the argument for the weights, empty where they stand alone.
        port: where it listens when told nothing else.
        health: path that answers 200 when it serves.
        bootstrap: port by which pools find each other; 0 where there is none.
        mpi: word in front of the command where one task a rank is started by MPI; empty otherwise.
        words: part (`kv`, `weights`) to format of the plan to the engine's own word.
        reads: axis of a layout to the formula over the arguments that gives it back.
        defaults: arguments of `reads` that may be absent.
    """

    engine: str
    version: str
    checked: str
    label: str = ""
    lists: Words
    group: str = ""
    program: Words
    model: str = ""
    weights: str = "a folder with the weights, or a name that the engine can fetch"
    port: int = Field(ge=1, le=65535)
    health: str = "/health"
    bootstrap: int = 0
    mpi: Words = ()
    config_flag: str = ""
    devices: tuple[Device, ...]
    words: dict[str, dict[str, str]] = Field(default_factory=dict)
    flag: tuple[FlagRow, ...]
    export: tuple[Export, ...] = ()
    ask: tuple[Ask, ...] = ()
    config: tuple[ConfigRow, ...] = ()
    cannot: tuple[Remark, ...] = ()
    refuse: tuple[Remark, ...] = ()
    remark: tuple[Remark, ...] = ()
    router: Router | None = None
    dynamo: Dynamo | None = None
    reads: dict[str, str] = Field(default_factory=dict)
    defaults: dict[str, Any] = Field(default_factory=dict)


class Argument(NamedTuple):
    """One argument of an engine as its own source lists it.

    `choices` is empty where any value will do; `gone_in` is the version that no longer has it, empty where it is there.
    """

    flag: str
    kind: str
    default: str
    choices: tuple[str, ...]
    aliases: tuple[str, ...]
    group: str
    version: str
    gone_in: str
    source: str


def read_recipe(engine: str, dirs: catalog.Dirs = ()) -> RecipeRecord:
    """Return how an engine is launched.

    Args:
        engine: its name in the catalog.
        dirs: user folders, searched first.

    Raises:
        InputError: there is no recipe for it.
        FileProblems: the file says something that it may not.
    """
    for folder in catalog.folders(dirs):
        path = folder / "recipes" / f"{engine}.toml"
        if path.is_file():
            label = f"recipes/{engine}.toml"
            return files.validate(RecipeRecord, files.read_toml(path, label), label)
    known = ", ".join(recipes(dirs))
    raise InputError("--engine", f"no recipe for {engine[:60]!r} in the catalog", f"recipes are known for {known}")


def recipes(dirs: catalog.Dirs = ()) -> list[str]:
    """Return the engines that have a recipe."""
    found: set[str] = set()
    for folder in catalog.folders(dirs):
        inner = folder / "recipes"
        if inner.is_dir():
            found |= {f.name.removesuffix(".toml") for f in inner.iterdir() if f.name.endswith(".toml")}
    return sorted(found)


def hosts(dirs: catalog.Dirs = ()) -> dict[str, Any]:
    """Return system to chips of one host, where what the name sells spans several hosts."""
    for folder in catalog.folders(dirs):
        path = folder / "recipes" / "hosts" / "hosts.toml"
        if path.is_file():
            return files.read_toml(path, "recipes/hosts/hosts.toml")
    return {}


def arguments(name: str, dirs: catalog.Dirs = ()) -> tuple[Argument, ...]:
    """Return the argument list of an engine.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    for folder in catalog.folders(dirs):
        path = folder / "flags" / f"{name}.csv"
        if path.is_file():
            if folder == catalog.builtin():
                return _builtin(name)
            return _arguments(path)
    raise InputError("--engine", f"no argument list {name[:60]!r} in the catalog", "tools/read_flags.py makes one")


@cache
def _builtin(name: str) -> tuple[Argument, ...]:
    return _arguments(catalog.builtin() / "flags" / f"{name}.csv")


def _arguments(path: Path | Traversable) -> tuple[Argument, ...]:
    rows = csv.DictReader(io.StringIO(files.read_text(path, LIMIT, f"flags/{path.name}")))
    try:
        return tuple(
            Argument(
                r["flag"], r["kind"], r["default"], tuple(filter(None, r["choices"].split("|"))),
                tuple(r["aliases"].split()), r["group"], r["version"], r["gone_in"], r["source"],
            )
            for r in rows
        )  # fmt: skip
    except (KeyError, AttributeError) as error:
        raise InputError(f"flags/{path.name}", f"a row lacks {error}", "see docs/recipes.md for the columns") from None
