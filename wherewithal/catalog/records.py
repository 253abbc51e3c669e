"""The schema of the catalog's files. A field's description here is its documentation."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wherewithal.errors import InputError
from wherewithal.figure import Figure, Known
from wherewithal.units import parse

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
_MOST = 1e24  # beyond any figure that a chip, a site or a country can have


class Record(BaseModel):
    """Base of all records: frozen, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Stated(Record):
    """A figure as files write it: `{is = "4.8 TB/s", known = "read", from = "source-key"}`."""

    is_: str = Field(alias="is", min_length=1, max_length=40, description="the quantity with its unit")
    known: Known = Field(description="read, derived, estimated, unverified or assumed")
    from_: str = Field(alias="from", min_length=1, max_length=300, description="key in sources.toml, or words")
    date: str = Field("", max_length=40, description="when the source says so; else the file's `as_of`")
    note: str = Field("", max_length=2000, description="what a reader must know to use it")
    low: str | None = Field(None, max_length=40, description="lower end where the source prints a range")
    high: str | None = Field(None, max_length=40, description="upper end where the source prints a range")
    _figure: Figure | None = PrivateAttr(None)

    @property
    def figure(self) -> Figure:
        """The figure in SI base units."""
        if self._figure is None:
            raise ValueError("a figure outside a record has no unit")
        return self._figure

    def read_as(self, unit: str, low: float, high: float) -> Stated:
        """Return itself after reading its text in `unit`; refuse what lies outside `low` to `high` [unit]."""
        try:
            value = parse(self.is_, unit, "", low, high)
            ends = [None if text is None else parse(text, unit, "", low, high) for text in (self.low, self.high)]
            made = Figure(value, unit, self.known, self.from_, self.date, self.note, ends[0], ends[1])
        except InputError as error:
            raise PydanticCustomError("figure", "{what}\x1f{fix}", {"what": error.what, "fix": error.fix}) from None
        except ValueError as error:
            raise PydanticCustomError("figure", "{what}\x1f{fix}", {"what": str(error), "fix": ""}) from None
        object.__setattr__(self, "_figure", made)
        return self


# What makes sense for a figure of one chip, tier, host or node, by unit: (least, most).
RANGES = {
    "bytes": (1.0, 1e18),
    "bytes_per_s": (1.0, 1e18),
    "flops_per_s": (1.0, 1e21),
    "w": (1e-3, 1e12),
    "s": (0.0, 10.0),
    "1": (1.0, 1e7),
    "m": (1e-10, 1e-6),
}
# Unit of each figure of a chip, tier, host or system by the name of its field; peaks are in `flops_per_s`.
UNIT_OF = {
    "ranks": "1", "node": "1", "memory": "bytes", "memory_nominal": "bytes", "bandwidth": "bytes_per_s",
    "link": "bytes_per_s", "on_package": "bytes_per_s", "power": "w", "latency": "s", "compute": "flops_per_s",
    "process": "m",
}  # fmt: skip


def _read(unit: str) -> Any:
    """Return the check that reads a figure in `unit`, within its range."""
    return AfterValidator(lambda figure: figure.read_as(unit, *RANGES[unit]))


_Bytes = Annotated[Stated, _read("bytes")]
_Rate = Annotated[Stated, _read("bytes_per_s")]
_Peak = Annotated[Stated, _read("flops_per_s")]
_Watts = Annotated[Stated, _read("w")]
_Latency = Annotated[Stated, _read("s")]
_Count = Annotated[Stated, _read("1")]
_Length = Annotated[Stated, _read("m")]
_Text = Annotated[str, Field(max_length=4000)]
_Name = Annotated[str, Field(pattern=NAME)]
_Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")]


class ChipRecord(Record):
    """One chip: `chips/NAME.toml`. A figure that is not known is left out, never zero."""

    label: str = Field(min_length=1, max_length=80, description="as the maker calls it")
    maker: str = Field(min_length=1, max_length=60)
    country: str = Field(pattern=r"^[A-Z]{2}$", description="of the maker, two letters")
    kind: Literal[
        "accelerator", "superchip", "consumer-gpu", "workstation-gpu", "desktop-soc", "edge", "cpu", "sbc"
    ] = Field(alias="class")  # fmt: skip
    release: str = Field("", max_length=60, description="date, or as announced")
    usual_system: _Name | None = Field(None, description="system that the chip's name stands for")
    process: _Length | None = Field(None, description="process node")
    memory_type: str = Field("", max_length=60)
    ranks: _Count = Field(description="devices that software sees in it")
    shared_memory: bool = Field(False, description="whether its ranks share one memory")
    memory: _Bytes | None = Field(None, description="what software can use")
    memory_printed: str = Field("", max_length=40, description="as makers print it; their GB are 2**30 bytes")
    memory_nominal: _Bytes | None = Field(None, description="size of the stacks where it is more")
    bandwidth: _Rate | None = Field(None, description="of that memory")
    power: _Watts | None = Field(None, description="board or package limit")
    link: _Rate | None = Field(None, description="scale-up, all ports of one chip, one direction")
    on_package: _Rate | None = Field(None, description="between its ranks, one direction")
    peak: dict[_Key, _Peak] = Field(default_factory=dict, description="dense peak by number format")
    unverified: list[str] = Field(default_factory=list, description="fields without `known` that were recalled")
    price_note: _Text = ""
    note: _Text = ""
    as_of: str = Field("", max_length=40, description="date of every figure that has none of its own")


class TierRecord(Record):
    """Chips that reach each other at one speed."""

    chips: int | Literal["any"] = Field(description='chips within one group, or "any" for the last tier')
    bandwidth: _Rate = Field(description="per chip, one direction")
    latency: _Latency = Field(description="one message")
    note: _Text = ""

    @field_validator("chips")
    @classmethod
    def _positive(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 10_000_000:
            raise ValueError(f"{value} chips; must be between 1 and 10,000,000")
        return value

    @property
    def size(self) -> float:
        """Chips within one group; infinite for "any"."""
        return math.inf if self.chips == "any" else float(self.chips)


class HostRecord(Record):
    """The processor and memory beside the chips of one node; what is left out follows `hosts.toml`."""

    memory: _Bytes | None = Field(None, description="of the node")
    bandwidth: _Rate | None = Field(None, description="of that memory, all sockets")
    compute: _Peak | None = Field(None, description="in the format that it computes best, all sockets")
    link: _Rate | None = Field(None, description="between host and one chip, one direction")
    note: _Text = ""


class HostDefault(HostRecord):
    """A typical host: one table of `hosts.toml`."""

    classes: list[str] = Field(description="classes of chips that it stands beside")
    serves: int = Field(ge=1, le=1024, description="chips beside one such host")
    link_of_chip: bool = Field(False, description="whether the chip's own link is the link to the host")


class EvidenceRecord(Record):
    """A figure that was measured or printed about a system; nothing is built from it."""

    of: str = Field("", max_length=200, description="part or operation that it is about")
    what: str = Field(min_length=1, max_length=120)
    is_: str = Field(alias="is", max_length=400)
    known: Literal["read", "derived", "estimated", "unverified", "assumed", "unknown"]
    from_: str = Field(alias="from", min_length=1, max_length=300)
    note: _Text = ""


class SystemRecord(Record):
    """A way of wiring chips: `systems/NAME.toml`, or a user's own file (which may hold the chip as a table)."""

    label: str = Field(min_length=1, max_length=120)
    chip: _Name | ChipRecord = Field(description="name of the chip in it, or the chip itself as a table")
    node: _Count = Field(description="chips of what the name sells: one node, one supernode")
    free_size: bool = Field(False, description="whether it is sold in any size and needs :N")
    power: _Watts | None = Field(None, description="of `node` chips with all around them, at their limit")
    power_note: _Text = ""
    tiers: dict[_Key, TierRecord] = Field(default_factory=dict, description="smallest first")
    host: HostRecord | None = None
    evidence: list[EvidenceRecord] = Field(default_factory=list)
    note: _Text = ""
    as_of: str = Field("", max_length=40)

    @model_validator(mode="after")
    def _ordered(self) -> SystemRecord:
        sizes = [tier.size for tier in self.tiers.values()]
        if sizes != sorted(set(sizes)):
            names = ", ".join(f"{n} ({t.chips})" for n, t in self.tiers.items())
            raise PydanticCustomError(
                "tiers",
                "{what}\x1f{fix}",
                {
                    "what": f"tiers {names} do not grow",
                    "fix": "write the smallest first, each larger than the one before",
                },
            )
        return self  # fmt: skip


class ModelRecord(Record):
    """One model: `models/NAME.json`."""

    name: _Name
    hf_id: str = Field("", max_length=200)
    organization: str = Field("", max_length=120)
    country: str = Field("", max_length=40)
    license: str = Field("", max_length=120)
    open: str = Field("", max_length=80, description="weights, or what else is published")
    release: str = Field("", max_length=40)
    context: float | str | None = Field(None, description="[token]")
    modality: str = Field("", max_length=80)
    published: bool = Field(description="false for a config built from facts")
    known: Known
    source: str = Field(min_length=1, max_length=400)
    as_of: str = Field("", max_length=40)
    notes: _Text = ""
    parameters: dict[str, Any] = Field(default_factory=dict, description="published sizes, how exact, by what rule")
    config: dict[str, Any] = Field(description="config.json without keys that change no cost")
    hf_quant_config: dict[str, Any] | None = None


class CheckpointRecord(Record):
    """A quantised checkpoint of a model that has its own record: `checkpoints/NAME.json`."""

    name: _Name
    shape: _Name = Field(description="model whose config it shares")
    known: Known
    source: str = Field(min_length=1, max_length=400)
    as_of: str = ""
    notes: _Text = ""
    hf_quant_config: dict[str, Any]


class WorkloadRecord(Record):
    """Lengths and arrivals of a named use: one table of `workloads.toml`."""

    input_tokens: float | None = Field(None, ge=0, le=1e9, description="[token] mean")
    output_tokens: float | None = Field(None, ge=0, le=1e9, description="[token] mean")
    input_tokens_printed: str = Field("", max_length=200)
    output_tokens_printed: str = Field("", max_length=200)
    spread: _Text = Field("", description="how lengths vary, as printed")
    arrivals: _Text = Field("", description="how requests come, as printed")
    turns: str = Field("", max_length=40)
    prefix_share: float | None = Field(None, ge=0, le=1, description="share of the input that a cache may hold")
    prefix_share_printed: str = Field("", max_length=300)
    known: Known
    from_: str = Field(alias="from", min_length=1, max_length=300)


class DefaultRecord(Stated):
    """What an answer takes where the question does not say: one line of `defaults.toml`; a figure, or a word or two."""

    unit: str = Field(max_length=20, description='dimension of the figure, or "text"')

    @model_validator(mode="after")
    def _read(self) -> DefaultRecord:
        if self.unit != "text":
            self.read_as(self.unit, 0.0, _MOST)
        return self


class SourceRecord(Record):
    """Where figures come from: one table of `sources.toml`."""

    text: str = Field(min_length=1, max_length=2000)
    date: str = Field(min_length=4, max_length=40)
    licence: str = Field(min_length=2, max_length=200)
