"""Finding and reading the catalog's records; only what is asked for is read."""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from wherewithal.catalog import files
from wherewithal.catalog.records import (
    NAME,
    CheckpointRecord,
    ChipRecord,
    DefaultRecord,
    HostDefault,
    ModelRecord,
    SourceRecord,
    SystemRecord,
    WorkloadRecord,
)
from wherewithal.errors import InputError, unknown_name
from wherewithal.figure import Figure

Dirs = Sequence[Path]
# Kinds that have one file a record: folder, ending, schema.
KINDS: dict[str, tuple[str, type[BaseModel]]] = {
    "chips": (".toml", ChipRecord),
    "systems": (".toml", SystemRecord),
    "models": (".json", ModelRecord),
    "checkpoints": (".json", CheckpointRecord),
}
# Kinds that stand together in one file: file name, schema of one table.
TABLES: dict[str, tuple[str, type[BaseModel]]] = {
    "workloads": ("workloads.toml", WorkloadRecord),
    "defaults": ("defaults.toml", DefaultRecord),
    "hosts": ("hosts.toml", HostDefault),
    "sources": ("sources.toml", SourceRecord),
}
OWN_SOURCES = "sources_own.toml"
MOST_CHIPS = 10_000_000  # more than any country holds


def builtin() -> Traversable:
    """Return the folder of the catalog that is installed with the package (also from a zip)."""
    return package_files("wherewithal.catalog") / "data"


def user_folder() -> Path:
    """Return the folder of the user's own additions; it need not exist."""
    from platformdirs import user_config_path

    return user_config_path("wherewithal", appauthor=False) / "catalog"


def where(dirs: Dirs = ()) -> list[tuple[str, bool]]:
    """Return the folders searched, first first, each with whether it exists."""
    user = user_folder()
    return [*((str(d), d.is_dir()) for d in dirs), (str(user), user.is_dir()), (str(builtin()), True)]


def folders(dirs: Dirs = ()) -> Iterator[Path | Traversable]:
    """Yield the folders searched, first first; refuse one of `dirs` that does not exist."""
    for folder in dirs:
        if not Path(folder).is_dir():
            raise InputError(
                "--catalog", f"no folder {str(folder)[:200]!r}", "give a folder with chips/, systems/, models/"
            )
        yield Path(folder)
    try:
        user = user_folder()
        if user.is_dir():
            yield user
    except (OSError, RuntimeError):  # no home folder to be found
        pass
    yield builtin()


def plural(kind: str) -> str:
    """Return a kind's folder name; `chip` and `chips` are the same."""
    name = kind if kind in KINDS or kind in TABLES or kind == "engines" else f"{kind}s"
    if name not in KINDS and name not in TABLES and name != "engines":
        raise InputError("catalog", f"no kind {kind[:40]!r}", f"kinds: {', '.join([*KINDS, *TABLES])}")
    return name


def names(kind: str, dirs: Dirs = ()) -> list[str]:
    """Return all names of a kind, sorted; a listing of folders, nothing is read for kinds with one file a record."""
    kind = plural(kind)
    if kind in TABLES:
        return sorted(table(kind, dirs))
    ending = KINDS[kind][0] if kind in KINDS else ".toml"
    found: set[str] = set()
    for folder in folders(dirs):
        inner = folder / kind
        if inner.is_dir():
            found |= {f.name.removesuffix(ending) for f in inner.iterdir() if f.name.endswith(ending)}
    return sorted(found)


def find(kind: str, name: str, dirs: Dirs = ()) -> Path | Traversable | None:
    """Return the file of a record, the first in the order of search; None where there is none."""
    kind = plural(kind)
    if not re.match(NAME, name):
        return None
    ending = KINDS[kind][0] if kind in KINDS else ".toml"
    for folder in folders(dirs):
        path = folder / kind / f"{name}{ending}"
        if path.is_file():
            return path
    return None


def _read(kind: str, path: Path | Traversable) -> dict[str, Any]:
    label = f"{kind}/{path.name}"
    return files.read_json(path, label) if path.name.endswith(".json") else files.read_toml(path, label)


@functools.lru_cache(maxsize=512)
def _builtin_raw(kind: str, name: str) -> dict[str, Any]:
    return _read(kind, builtin() / kind / f"{name}{KINDS[kind][0]}")


def raw(kind: str, name: str, dirs: Dirs = ()) -> dict[str, Any]:
    """Return a record's file as plain data, a fresh copy.

    Raises:
        InputError: no such record, or its file cannot be read.
    """
    kind = plural(kind)
    path = find(kind, name, dirs)
    if path is None:
        raise missing(kind, name, dirs)
    if path == builtin() / kind / path.name:
        return deepcopy(_builtin_raw(kind, name))
    return _read(kind, path)


def record(kind: str, name: str, dirs: Dirs = ()) -> Any:
    """Return a validated record (see `catalog/records.py`) by its exact name.

    Raises:
        InputError: no such record.
        FileProblems: all that is wrong in its file.
    """
    kind = plural(kind)
    if kind in TABLES:
        rows = table(kind, dirs)
        if name not in rows:
            raise missing(kind, name, dirs)
        return rows[name]
    return files.validate(KINDS[kind][1], raw(kind, name, dirs), f"{kind}/{name}{KINDS[kind][0]}")


def missing(kind: str, name: str, dirs: Dirs = (), where: str = "") -> InputError:
    """Return the error for a name that no folder has, with the nearest names."""
    kind = plural(kind)
    known = names(kind, dirs)
    if kind == "systems":
        known = known + names("chips", dirs)
    if kind == "models":
        known = known + names("checkpoints", dirs)
    return unknown_name(where or kind, kind.removesuffix("s"), _clean(name), known, f"wherewithal catalog list {kind}")


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def stamp() -> str:
    """Return the date of the catalog that is installed with the package."""
    dates: list[str] = [source.date for source in table("sources").values()]
    return max(dates)


# Aliases


@dataclass(frozen=True)
class Alias:
    """Another spelling: `relation` says how far it is the same thing; `precision` is the format it names, if any."""

    alias: str
    name: str
    relation: str
    note: str

    @property
    def precision(self) -> str:
        """The number format that the spelling itself names, such as `nvfp4` or `q4_k_m`; empty where none."""
        match = re.search(r"suffix: (.+)", self.note)
        return match[1] if match and self.relation == "other-precision" else ""

    def words(self) -> str:
        """Say how the spelling relates to the name; empty where it is exactly that."""
        why = f" ({self.note})" if self.note else ""
        said = {
            "exact": "",
            "other-precision": f"{self.alias} is another precision of {self.name}{why}",
            "same-shape": f"{self.alias} has the shape of {self.name}{why}: good for speed, not for quality or licence",
            "assumed": f"{self.alias} is taken as {self.name}{why}",
            "adapter": f"{self.alias} is an adapter on {self.name}{why}; its own weights are left out",
            "cut": f"{self.alias} is {self.name} with layers left out{why}",
        }
        return said.get(self.relation, f"{self.alias}: {self.relation} of {self.name}{why}")


@functools.lru_cache(maxsize=1)
def _builtin_aliases() -> tuple[dict[str, str], ...]:
    return tuple(read_csv(builtin() / "aliases.csv"))


def aliases(kind: str, dirs: Dirs = ()) -> list[Alias]:
    """Return all spellings of a kind, the user's first."""
    single = plural(kind).removesuffix("s")
    rows: list[dict[str, str]] = []
    for folder in [*folders(dirs)][:-1]:
        path = folder / "aliases.csv"
        if path.is_file():
            rows += read_csv(path)
    rows += _builtin_aliases()
    return [Alias(r["alias"], r["name"], r["relation"], r["note"]) for r in rows if r["kind"] == single]


def alias(kind: str, name: str, dirs: Dirs = ()) -> Alias | None:
    """Return the alias of that spelling, case-sensitively first, then lower-cased; None where there is none."""
    known = aliases(kind, dirs)
    exact = next((a for a in known if a.alias == name), None)
    return exact or next((a for a in known if a.alias.lower() == name.lower()), None)


def resolve(kind: str, name: str, dirs: Dirs = (), where: str = "") -> tuple[str, str]:
    """Return (catalog name, note) for a name or an alias; the note is empty where it is exactly that thing.

    Raises:
        InputError: unknown, or known to have no entry; with the nearest three.
    """
    kind = plural(kind)
    for candidate in dict.fromkeys((name, name.lower())):
        if find(kind, candidate, dirs) or (kind == "models" and find("checkpoints", candidate, dirs)):
            return candidate, ""
    other = alias(kind, name, dirs)
    if other is None:
        raise missing(kind, name, dirs, where)
    if not other.name or other.relation in ("none", "cut"):
        raise InputError(where or kind, f"{_clean(name)!r} has no entry of its own ({other.note or other.relation})",
                         f"wherewithal catalog list {kind}")  # fmt: skip
    if not find(kind, other.name, dirs) and not (kind == "models" and find("checkpoints", other.name, dirs)):
        raise InputError(where or kind, f"{_clean(name)!r} is {other.name}, of which the catalog has no file",
                         f"wherewithal catalog list {kind}")  # fmt: skip
    return other.name, other.words()


# Models


def model_record(name: str, dirs: Dirs = (), where: str = "MODEL") -> dict[str, Any]:
    """Return a model's file as plain data: `config` in full, `hf_quant_config` where there is one.

    Condensed lists of layer names are unfolded. A quantised checkpoint of a model with its own record takes that
    model's config and its own `hf_quant_config`; `checkpoint_of` then names the model. `note` says what `resolve` says;
    `named_precision` is the format that an alias of another precision names (`nvfp4`, `q4_k_m`), else empty.

    Raises:
        InputError: unknown name.
        FileProblems: all that is wrong in the file.
    """
    found, note = resolve("models", name, dirs, where)
    if find("models", found, dirs):
        data = raw("models", found, dirs)
        files.validate(ModelRecord, data, f"models/{found}.json")
    else:
        own: CheckpointRecord = record("checkpoints", found, dirs)
        data = raw("models", own.shape, dirs)
        for config in (data["config"], data["config"].get("text_config")):
            if isinstance(config, dict):
                config.pop("quantization_config", None)
        data |= {"name": found, "checkpoint_of": own.shape, "hf_id": "", "hf_quant_config": own.hf_quant_config}
        data["notes"] = "; ".join(
            filter(None, [data.get("notes", ""), f"config of {own.shape}, precision of {own.source}"])
        )
    for place in (data, data["config"], data["config"].get("text_config")):
        for key in ("hf_quant_config", "quantization_config"):
            if isinstance(place, dict) and isinstance(place.get(key), dict):
                place[key] = unfold(place[key])
    spelling = alias("models", name, dirs) if note else None
    return data | {"note": note, "named_precision": spelling.precision if spelling else ""}


def unfold(value: Any) -> Any:
    """Return a quantisation record with `layers.{0-2,5}.x` written out as one name a layer."""
    if isinstance(value, dict):
        return {name: unfold(v) for key, v in value.items() for name in _unfolded(key)}
    if isinstance(value, list):
        return [n for v in value for n in (_unfolded(v) if isinstance(v, str) else [unfold(v)])]
    return value


def _unfolded(text: str) -> list[str]:
    if "{" not in text or text.startswith("re:"):
        return [text]
    parts = re.split(r"\{([\d,-]+)\}", text)
    sets = [[part] if i % 2 == 0 else _numbers(part) for i, part in enumerate(parts)]
    return ["".join(choice) for choice in product(*sets)]


def _numbers(text: str) -> list[str]:
    out: list[str] = []
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        out += [str(n) for n in range(int(first), int(last or first) + 1)]
    return out


# Tables


def read_csv(path: Path | Traversable) -> list[dict[str, str]]:
    """Return the rows of a CSV file of the catalog; an empty cell is an empty string."""
    text = files.read_text(path, files.CSV_LIMIT)
    return [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(io.StringIO(text))]


@functools.lru_cache(maxsize=8)
def _builtin_table(kind: str) -> Mapping[str, BaseModel]:
    name, schema = TABLES[kind]
    data = files.read_toml(builtin() / name, name)
    if kind == "sources":
        data |= files.read_toml(builtin() / OWN_SOURCES, OWN_SOURCES)
    return {key: files.validate(schema, value, f"{name}: {key}") for key, value in data.items()}


def table(kind: str, dirs: Dirs = ()) -> dict[str, Any]:
    """Return all records of a kind that stands in one file; the user's come first and win."""
    kind = plural(kind)
    name, schema = TABLES[kind]
    out: dict[str, BaseModel] = dict(_builtin_table(kind))
    for folder in reversed([*folders(dirs)][:-1]):
        path = folder / name
        if path.is_file():
            data = files.read_toml(path, name)
            out |= {key: files.validate(schema, value, f"{name}: {key}") for key, value in data.items()}
    return out


def default(name: str, dirs: Dirs = ()) -> Figure:
    """Return one default of `defaults.toml` as a figure; those in words are only for people."""
    figure: Figure = record("defaults", name, dirs).figure
    return figure


def source(key: str, dirs: Dirs = ()) -> str:
    """Return the text of a source; words that are no key are returned as they are."""
    found = table("sources", dirs).get(key)
    return found.text if found else key


def conflicts(name: str) -> list[dict[str, str]]:
    """Return the figures of a chip on which sources disagree: which is used, and why."""
    return [row for row in read_csv(builtin() / "conflicts.csv") if row["name"] == name]


def workload(name: str, dirs: Dirs = (), where: str = "--workload") -> WorkloadRecord:
    """Return a named workload; refuse one whose lengths are not numbers."""
    known = table("workloads", dirs)
    if name not in known:
        usable = [n for n, r in known.items() if r.input_tokens is not None and r.output_tokens is not None]
        raise unknown_name(where, "workload", _clean(name), usable, "wherewithal catalog list workloads")
    found: WorkloadRecord = known[name]
    if found.input_tokens is None or found.output_tokens is None:
        raise InputError(where, f"workload {name} has no single length", "give --input-tokens and --output-tokens")
    return found
