"""Schema of a claim's file, and finding the files: `claims/LIST/list.toml` and `claims/LIST/ID.toml`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from wherewithal.catalog import files
from wherewithal.catalog import load as catalog
from wherewithal.errors import unknown_name

FOLDER = "claims"
HEAD = "list.toml"
Verdict = Literal["holds", "holds on one basis", "not supported", "contradicted", "cannot be checked"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputRecord(_Strict):
    """One input: a row of a national table, a chip's or system's figure, a plan, or a number with its source."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = ""
    table: str = ""
    where: dict[str, str | list[str]] = Field(default_factory=dict)
    take: Literal["one", "sum", "rows", "date"] = "one"
    together: str = Field("", description="input that holds the correlation between rows of a sum")
    recast: dict[str, str] = Field(default_factory=dict, description="rows whose note has the key take that country")
    chip: str = ""
    system: str = ""
    field: str = ""
    per: float = Field(1.0, description="what a figure in SI units is divided by")
    plan: dict[str, Any] = Field(default_factory=dict)
    of: str = Field("", description="figure of the plan's best")
    number: float | None = None
    low: float | None = None
    high: float | None = None
    shape: str = ""
    unit: str = ""
    known: str = "read"
    source: str = ""
    question: bool = Field(False, description="what is asked, not a fact: a target, a sum to spend")


class FigureRecord(_Strict):
    """One figure: a named computation over inputs and figures before it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str
    does: str
    of: list[str] = Field(default_factory=list)
    by: list[str] = Field(default_factory=list)
    less: list[str] = Field(default_factory=list)
    times: float = 1.0
    unit: str = ""
    show: Literal["number", "percent", "date", "text"] = "number"
    basis: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    main: bool = False
    chart: bool = False


class BasisRecord(_Strict):
    """One basis: what is asked of one of our figures for the claim to be true on it."""

    name: str
    figure: str
    test: Literal["near", "at least", "above", "below", "at most", "inside", "surely above", "surely below"]
    against: str = Field("claimed", description="`claimed`, one of our figures or inputs, or a number of the claim's")
    tolerance: float = Field(0.0, description="relative, for near; days for dates")
    counts: bool = Field(True, description="whether it is part of the verdict, or only shown")
    note: str = ""


class ClaimedRecord(_Strict):
    """What was printed; read by the verdict alone."""

    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    text: str = ""


class ClaimRecord(_Strict):
    """One published claim."""

    id: str = Field(pattern=r"^[A-Z]\d+$")
    claim: str
    who: str
    when: str
    claimed: ClaimedRecord = ClaimedRecord()
    input: list[InputRecord]
    figure: list[FigureRecord]
    basis: list[BasisRecord] = Field(default_factory=list)
    unchecked: str = Field("", description="what cannot be checked, and why")
    note: str = ""


class ListRecord(_Strict):
    """A list of claims: what it is and where it was published."""

    title: str
    published: str
    about: str
    claims: list[str]


def names(dirs: catalog.Dirs = ()) -> list[str]:
    """Return the names of all lists."""
    found: set[str] = set()
    for folder in catalog.folders(dirs):
        inner = folder / FOLDER
        if inner.is_dir():
            found |= {p.name for p in inner.iterdir() if p.is_dir() and (p / HEAD).is_file()}
    return sorted(found)


def read(name: str, dirs: catalog.Dirs = ()) -> tuple[ListRecord, list[ClaimRecord]]:
    """Return a list's head and its claims, in the order of the head.

    Raises:
        InputError: no such list, or a file that cannot be read.
        FileProblems: all that is wrong in a file.
    """
    if name not in names(dirs):
        raise unknown_name("claims", "list of claims", name, names(dirs), "wherewithal claims lists them")
    folder = next(f / FOLDER / name for f in catalog.folders(dirs) if (f / FOLDER / name / HEAD).is_file())
    head = files.validate(ListRecord, files.read_toml(folder / HEAD, f"{name}/{HEAD}"), f"{name}/{HEAD}")
    out = []
    for one in head.claims:
        label = f"{name}/{one.lower()}.toml"
        path = folder / f"{one.lower()}.toml"
        out.append(files.validate(ClaimRecord, files.read_toml(path, label), label))
    return head, out


__all__ = ["BasisRecord", "ClaimRecord", "ClaimedRecord", "FigureRecord", "InputRecord", "ListRecord"]
