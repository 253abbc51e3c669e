"""Reading the catalog's curves: the package's own, and those that `calibrate` wrote into folders of the user's."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from wherewithal.catalog import files
from wherewithal.catalog import load as catalog

FOLDER = "curves"
Share = Annotated[float, Field(gt=0, le=1)]
Some = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Spread(_Part):
    """Standard deviation and quantiles of ln(predicted / measured)."""

    sd: Some
    q10: float
    q50: float
    q90: float


class CurveRecord(_Part):
    """Constants of one kind of operator in one format (see `wherewithal.pricing.curve`), and what they were fitted on."""

    kind: str = Field(min_length=1)
    format: str = Field(min_length=1)
    engine: str = ""
    compute_share: Share = 1.0
    memory_share: Share = 1.0
    launch_s: Some = 0.0
    depth_pad: Some = 0.0
    row_pad: Some = 0.0
    step_s: Some = 0.0
    pad_bytes: Some = 0.0
    power: float = Field(default=4.0, gt=0)
    balance: Some = 0.0
    surface: str = ""
    evidence: Literal["measured", "analog", "datasheet"] = "measured"
    residual: Spread
    rows: int = Field(default=0, ge=0)
    shapes: int = Field(default=0, ge=0)
    median_error: float | None = None
    held_out_error: float | None = None
    source: str = ""
    note: str = ""


class HostRecord(_Part):
    """Host times of one engine on this chip that take the place of the engine's own."""

    engine: str = Field(min_length=1)
    per_step_s: Some | None = None
    per_sequence_s: Some | None = None
    per_request_s: Some | None = None
    per_prompt_token_s: Some | None = None
    source: str = Field(min_length=1)
    rows: int = Field(default=0, ge=0)
    note: str = ""


class BandRecord(_Part):
    """Residuals ln(measured / predicted) of one figure on this chip: quantiles at the levels of `pricing.intervals`."""

    figure: str = Field(min_length=1)
    engine: str = ""
    quantiles: tuple[float, ...] = Field(min_length=2)
    rows: int = Field(ge=1)
    blocks: int = Field(ge=1)
    source: str = Field(min_length=1)


class ChipCurves(_Part):
    """A file `curves/CHIP.toml` in a folder of the user's."""

    chip: str = Field(min_length=1)
    date: str = Field(min_length=1)
    note: str = ""
    curve: tuple[CurveRecord, ...] = ()
    host: tuple[HostRecord, ...] = ()
    band: tuple[BandRecord, ...] = ()


Key = tuple[tuple[str, int], ...]


def own(name: str) -> dict[str, Any] | None:
    """Return a curve file of the package as plain data; None where there is none."""
    file = catalog.builtin() / FOLDER / f"{name}.toml"
    if not file.is_file():
        return None
    return tomllib.loads(file.read_text(encoding="utf-8"))


def added(dirs: catalog.Dirs = ()) -> Key:
    """Return the curve files in folders of the user's, each with when it changed, so that a cache knows.

    Args:
        dirs: folders named in the question, searched before the user's own.
    """
    found: list[tuple[str, int]] = []
    for folder in catalog.folders(dirs):
        inner = folder / FOLDER
        if isinstance(inner, Path) and inner != catalog.builtin() / FOLDER and inner.is_dir():
            found += [(str(f), f.stat().st_mtime_ns) for f in sorted(inner.glob("*.toml"))]
    return tuple(found)


def checked(path: Path) -> ChipCurves:
    """Return a curve file of the user's.

    Raises:
        InputError: it cannot be read.
        FileProblems: all that is wrong in it.
    """
    label = f"{FOLDER}/{path.name}"
    return files.validate(ChipCurves, files.read_toml(path, label, files.JSON_LIMIT), label)
