"""Watts at the wall and joules per token: what chips draw under load, what stands around them, what cooling adds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wherewithal.catalog import load as catalog
from wherewithal.catalog.files import read_toml
from wherewithal.figure import Figure
from wherewithal.units import parse

Num = Any  # a float or an array; all arguments of one call broadcast
_UNITS = {"floor_j_per_byte": "j"}


class Watts(NamedTuple):
    """Power [W] with its 80% interval; floats or arrays."""

    low: Num
    value: Num
    high: Num

    def times(self, factor: Num) -> Watts:
        """Return all three times a factor (chips of a pool, share of an hour)."""
        return Watts(self.low * factor, self.value * factor, self.high * factor)

    def plus(self, other: Watts) -> Watts:
        """Return the sum; ends are added, as if both erred the same way."""
        return Watts(self.low + other.low, self.value + other.value, self.high + other.high)


@cache
def figures() -> Mapping[str, Figure]:
    """Return the constants of `catalog/data/power.toml` (written by tools/fit_power.py) by name."""
    raw = read_toml(catalog.builtin() / "power.toml", "power.toml")
    return {name: _figure(name, said) for name, said in raw.items()}


def _figure(name: str, said: Mapping[str, str]) -> Figure:
    unit = _UNITS.get(name, "1")
    ends = [parse(said[end], unit, f"power.toml: {name}") if end in said else None for end in ("low", "high")]
    value = parse(said["is"], unit, f"power.toml: {name}")
    known: Any = said["known"]
    return Figure(value, unit, known, said["from"], "", said.get("note", ""), ends[0], ends[1])


def power(
    chip_power_w: float | None,
    node_power_w: float | None,
    chips_per_node: int,
    compute_use: Num,
    memory_use: Num,
    pue: float,
    busy: Num = 1.0,
    bytes_per_s: Num = 0.0,
) -> Watts | None:
    """Return what one chip and its share of the node draw at the meter [W]; element-wise.

    board = limit x min(1, awake + compute x use ** bend + memory x use) while a step runs, limit x idle while none does;
    host = (node / chips - limit) x drawn; wall = (board + host) x pue. The network's power is in board and host: the
    runs behind the constants used their links. Source: `power.toml`, fitted to board power measured under load.

    Args:
        chip_power_w: [W] limit of the chip; where None, the node's share stands for chip and host together.
        node_power_w: [W] of a whole node at its limit; where None, the usual share of a host.
        chips_per_node: chips of that node.
        compute_use: share of peak FLOP/s in a running step, 0 to 1.
        memory_use: share of memory bandwidth in a running step, 0 to 1.
        pue: power at the meter over power of the machines, at least 1.
        busy: share of time in which a step runs, 0 to 1.
        bytes_per_s: [B/s] memory traffic of one chip, for the floor; 0 leaves the idle floor alone.

    Returns:
        None where neither limit is known.
    """
    if chip_power_w is None and node_power_w is None:
        return None
    know = figures()
    limit = chip_power_w if chip_power_w is not None else float(node_power_w or 0.0) / chips_per_node
    rest = _host(chip_power_w, node_power_w, chips_per_node)
    compute = np.clip(np.nan_to_num(compute_use), 0.0, 1.0) ** know["bend"].value
    memory = np.clip(np.nan_to_num(memory_use), 0.0, 1.0)
    loaded = know["awake"].value + know["compute"].value * compute + know["memory"].value * memory
    least = floor(limit, bytes_per_s)
    spread, busy = know["spread"], np.clip(busy, 0.0, 1.0)
    ends = []
    for factor, host in zip((spread.low, spread.value, spread.high), rest, strict=True):
        running = np.minimum(loaded * factor, 1.0) * limit
        board = np.maximum(busy * running + (1.0 - busy) * know["idle"].value * limit, least)
        ends.append(_plain((board + host) * max(1.0, pue)))
    return Watts(*ends)


def _host(chip_w: float | None, node_w: float | None, chips: int) -> tuple[float, float, float]:
    """Return [W] that stands beside one chip in its node: low, usual and high of what the nameplate's share draws."""
    if chip_w is None:
        return 0.0, 0.0, 0.0
    drawn, host = figures()["host_drawn"], figures()["host"]
    beside = [chip_w * (host.low or 0.0), chip_w * host.value, chip_w * (host.high or 1.0)]
    if node_w is not None:
        beside = [max(0.0, node_w / chips - chip_w)] * 3
    return beside[0] * (drawn.low or 0.0), beside[1] * drawn.value, beside[2] * (drawn.high or 1.0)


def floor(chip_power_w: float, bytes_per_s: Num = 0.0) -> Num:
    """Return the least that a switched-on chip can draw [W]: idle + bytes/s x least energy a byte, at most its limit.

    Source: idle draw read in one driver's report; 1 pJ a bit is below any published DRAM access energy (`power.toml`).
    """
    know = figures()
    return np.minimum(know["idle"].value * chip_power_w + know["floor_j_per_byte"].value * bytes_per_s, chip_power_w)


def joules_per_token(watts: Watts | None, tokens_per_s: Num) -> Watts | None:
    """Return [J] a token: power over rate, element-wise; None where the power is not known, infinite at rate 0."""
    if watts is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return Watts(*(_plain(np.divide(w, tokens_per_s)) for w in watts))


def limited_chips(limit_w: float, per_chip: Watts) -> int:
    """Return how many chips run under a limit at the meter [W] when each draws `per_chip`'s value."""
    return int(limit_w // float(np.max(per_chip.value))) if float(np.max(per_chip.value)) > 0 else 0


def _plain(value: Any) -> Any:
    """Return a float for a single number, the array for rows."""
    array: NDArray[np.float64] = np.asarray(value, dtype=float)
    return float(array) if array.ndim == 0 else array
