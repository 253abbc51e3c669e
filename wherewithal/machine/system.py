"""Chips, tiers and systems as plain numbers in SI base units, with how well each is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wherewithal.figure import Figure


@dataclass(frozen=True)
class Chip:
    """One package that is bought, powered and cooled.

    Attributes:
        name, label, maker, country, kind: as in the catalog (`kind`: accelerator, consumer-gpu, cpu, ...).
        ranks: devices that software sees in it.
        shared_memory: whether its ranks share one memory (each may use all of it).
        peaks: [FLOP/s] dense peak by number format; a format that is missing cannot be run natively.
        memory_bytes: [B] what software can use.
        bandwidth_bytes_per_s: [B/s] of that memory.
        power_w: [W] board or package limit; None where not known.
        on_package_bytes_per_s: [B/s] between its ranks, one direction; None where not known.
        link_bytes_per_s: [B/s] scale-up, one direction; None where not known.
        figures: every catalog figure by dotted name, for evidence.
    """

    name: str
    label: str
    maker: str
    country: str
    kind: str
    ranks: int
    shared_memory: bool
    peaks: Mapping[str, float]
    memory_bytes: float
    bandwidth_bytes_per_s: float
    power_w: float | None
    on_package_bytes_per_s: float | None
    link_bytes_per_s: float | None
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Tier:
    """Chips that reach each other at one speed.

    Attributes:
        name: as makers call it.
        chips: chips within one such group; infinite for the last.
        bandwidth_bytes_per_s: [B/s] per chip, one direction.
        latency_s: [s] of one message.
    """

    name: str
    chips: float
    bandwidth_bytes_per_s: float
    latency_s: float


@dataclass(frozen=True)
class Host:
    """The processor beside the chips of one node, where layers or experts may live.

    Attributes:
        memory_bytes, bandwidth_bytes_per_s: [B], [B/s] of host memory.
        flops_per_s: [FLOP/s] in the format that it computes best.
        link_bytes_per_s: [B/s] between host and one chip, one direction.
    """

    memory_bytes: float
    bandwidth_bytes_per_s: float
    flops_per_s: float
    link_bytes_per_s: float


@dataclass(frozen=True)
class System:
    """A named way of wiring chips.

    Attributes:
        name, label: as in the catalog.
        chip: the chip in it.
        node_chips: chips of what the name sells (one node, one supernode).
        tiers: smallest first, within a package excluded; empty for a single chip.
        node_power_w: [W] whole node or rack at its limit; None where not known.
        host: processor and memory beside the chips; None where not known.
        chips: chips in this question.
        free_size: whether it is sold in any size and needs `:N`.
        figures: every catalog figure by dotted name, for evidence.
        notes: what was assumed when it was built.
        overridden: path to (old text, new text) of every figure that the question set; old is empty where there was none.
    """

    name: str
    label: str
    chip: Chip
    node_chips: int
    tiers: tuple[Tier, ...]
    node_power_w: float | None
    host: Host | None
    chips: int
    free_size: bool = False
    figures: Mapping[str, Figure] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    overridden: Mapping[str, tuple[str, str]] = field(default_factory=dict)
