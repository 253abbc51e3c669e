"""The machine that this runs on, as a system: what was seen from which tool, what is estimated, what is not known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

from wherewithal.catalog import load as catalog
from wherewithal.catalog.files import read_toml
from wherewithal.errors import InputError
from wherewithal.machine import seen
from wherewithal.machine.seen import Card, Processor, Read, Run
from wherewithal.units import parse, show

Data = dict[str, Any]
Resolve = Callable[[str], str | None]
NAME = "this-machine"
_FIX = "write systems/this-machine.toml in your catalog folder, or give a system file"


@cache
def _knows() -> Data:
    return read_toml(catalog.builtin() / "this_machine.toml", "this_machine.toml")


def _said(name: str, unit: str) -> float:
    return parse(_knows()[name]["is"], unit, f"this_machine.toml: {name}")


def detect(
    run: Run | None = None, read: Read = seen.read, resolve: Resolve | None = None, dirs: catalog.Dirs = ()
) -> Data:
    """Return this machine as a system file's plain data, with the chip's own data in it.

    The kind of card with most memory in all is the chip, the machine's processor and memory are the host; without a
    card that the catalog knows, the processor is the chip.

    Args:
        run: runs a command, returns what it said; tests replay recorded answers.
        read: reads a file of the system.
        resolve: catalog name of a chip by a tool's spelling, None where unknown.
        dirs: the user's catalog folders.

    Returns:
        `label`, `node`, `tiers`, `host` as in a system file; `chip_name` and `chip` (a chip file's data); `notes`.

    Raises:
        InputError: neither a known card nor the processor could be read.
    """
    ask = run or _timed()
    find = resolve or _resolver(dirs)
    cards, notes = _cards(ask)
    cpu = seen.processor(ask, read)
    known, more = _name_cards(cards, find, dirs)
    notes = [*more, *_cpu_notes(cpu), *notes]
    chosen, others = _choose(known)
    if others:
        rest = ", ".join(f"{n} x {name}" for name, n in others.items())
        notes.append(f"not used beside it: {rest}; layouts over unlike cards are not planned")
    if not chosen:
        return _from_processor(cpu, find, dirs, notes)
    return _from_cards(chosen[0], [c for _, c in chosen[1]], cpu, dirs, notes)


def _timed() -> Run:
    limit = _said("limit", "s")
    return lambda command: seen.ask(command, limit)


def _cards(ask: Run) -> tuple[list[Card], list[str]]:
    cards: list[Card] = []
    notes: list[str] = []
    for maker in (seen.nvidia, seen.amd, seen.huawei, seen.apple):
        found, told = maker(ask)
        cards, notes = cards + found, notes + told
    if not cards and not notes:
        notes.append("no card seen: nvidia-smi, rocm-smi, rocminfo and npu-smi are not there")
    return cards, notes


def _resolver(dirs: catalog.Dirs) -> Resolve:
    """Return the look-up of printed names: this machine's list first, then the catalog's exact aliases."""
    listed = _knows()["names"]

    def find(printed: str) -> str | None:
        name = listed.get(printed)
        if name is not None:
            return str(name)
        try:
            found, note = catalog.resolve("chips", printed, dirs)
        except InputError:
            return None
        return None if note else found

    return find


def _name_cards(cards: list[Card], find: Resolve, dirs: catalog.Dirs) -> tuple[list[tuple[str, Card]], list[str]]:
    """Return cards with their catalog names, and notes on what was seen and on those that have none."""
    known: list[tuple[str, Card]] = []
    notes: Counter[str] = Counter()
    for card in cards:
        name, why = _name_of(card, find, dirs)
        size = f", {show(card.memory_bytes, 'bytes')}" if card.memory_bytes else ""
        watts = f", limit {card.power_w:g} W" if card.power_w else ""
        told = f"{name}" if name else f"not used: {why}"
        notes[f"{card.name}{size}{watts} (from {card.tool}): {told}"] += 1
        if name:
            known.append((name, card))
    return known, [f"seen {n} x {text}" for text, n in notes.items()]


def _name_of(card: Card, find: Resolve, dirs: catalog.Dirs) -> tuple[str | None, str]:
    if card.sliced:
        return None, "it is cut into slices (MIG), which are no chips of the catalog"
    name = find(card.name) or (find(card.other) if card.other else None)
    if name is None:
        small = card.memory_bytes is not None and card.memory_bytes <= _said("integrated_most", "bytes")
        if card.tool.startswith("rocm") and small:
            return None, "the processor's own graphics, no second card"
        return None, f"the catalog has no chip of that name; {_FIX}"
    stated = catalog.record("chips", name, dirs).memory
    unified = catalog.record("chips", name, dirs).kind in ("desktop-soc", "edge", "sbc")
    if stated is not None and card.memory_bytes and not unified:
        off = abs(card.memory_bytes / stated.figure.value - 1)
        if off > _said("edition_within", "1"):
            return None, f"{name} has {show(stated.figure.value, 'bytes')}, so this is another edition; {_FIX}"
    return name, ""


def _choose(known: list[tuple[str, Card]]) -> tuple[tuple[str, list[tuple[str, Card]]] | None, dict[str, int]]:
    """Return the kind of card with most memory in all, and the count of the others."""
    groups: dict[str, list[tuple[str, Card]]] = {}
    for name, card in known:
        groups.setdefault(name, []).append((name, card))
    if not groups:
        return None, {}
    best = max(groups, key=lambda n: sum(c.memory_bytes or 0.0 for _, c in groups[n]))
    return (best, groups[best]), {n: len(g) for n, g in groups.items() if n != best}


def _figure(text: str, known: str, source: str, note: str = "") -> Data:
    return {"is": text, "known": known, "from": source, **({"note": note} if note else {})}


def _from_cards(name: str, cards: list[Card], cpu: Processor, dirs: catalog.Dirs, notes: list[str]) -> Data:
    chip = catalog.raw("chips", name, dirs)
    tool = cards[0].tool
    ranks = int(catalog.record("chips", name, dirs).ranks.figure.value)
    if len(cards) % ranks:
        notes.append(f"{len(cards)} devices do not fill whole packages of {ranks}: the last is left out")
    count = max(1, len(cards) // ranks)
    sizes = [c.memory_bytes for c in cards if c.memory_bytes]
    soc = chip["class"] in ("desktop-soc", "edge", "sbc")
    if sizes and not (soc and tool != "sysctl"):
        chip["memory"] = _figure(f"{int(min(sizes)) * ranks} B", "read", tool, "as the driver reports it")
    elif soc and cpu.memory_bytes:
        chip["memory"] = _figure(
            f"{int(cpu.memory_bytes)} B", "read", cpu.source, "unified memory: all of the machine's"
        )
    limits = [c.power_w for c in cards if c.power_w]
    if limits:
        chip["power"] = _figure(f"{min(limits) * ranks:g} W", "read", tool, "limit that is set now")
    data: Data = {
        "label": f"this machine: {count} x {chip['label']}"[:120],
        "chip_name": name, "chip": chip,
        "node": _figure(str(count), "read", tool),
        "tiers": _tiers(chip, count, dirs, notes),
        "notes": notes,
    }  # fmt: skip
    host = None if soc else _host(cpu)
    return data | ({"host": host} if host else {})


def _tiers(chip: Data, count: int, dirs: catalog.Dirs, notes: list[str]) -> Data:
    """Return how cards of one machine reach each other: as in the usual system of that chip, said so."""
    usual = chip.get("usual_system")
    if count < 2:
        return {}
    tiers = (
        catalog.raw("systems", usual, dirs).get("tiers", {}) if usual and catalog.find("systems", usual, dirs) else {}
    )
    wide = next(((k, t) for k, t in tiers.items() if t["chips"] == "any" or t["chips"] >= count), None)
    if wide is not None and wide[1]["chips"] != "any":
        notes.append(f"links between the {count} cards are taken as in {usual}, not read from this machine")
        return {wide[0]: {**wide[1], "chips": count}}
    rate = _pcie(dirs)
    notes.append(f"links between the {count} cards are not known: taken as {rate['is']} over the host's slots")
    return {"pcie": {"chips": count, "bandwidth": rate, "latency": _figure("5 us", "assumed", "through host memory")}}


def _pcie(dirs: catalog.Dirs) -> Data:
    figure = catalog.record("hosts", "desktop", dirs).link
    return {"is": figure.is_, "known": "assumed", "from": figure.from_, "note": figure.note}


def _cpu_notes(cpu: Processor) -> list[str]:
    if not cpu.name and not cpu.memory_bytes:
        return ["processor and memory could not be read"]
    clock = f" at {cpu.hertz / 1e9:.3g} GHz" if cpu.hertz else ""
    sockets = f"{cpu.sockets} sockets, " if cpu.sockets > 1 else ""
    memory = show(cpu.memory_bytes, "bytes") if cpu.memory_bytes else "memory not known"
    return [
        f"seen {cpu.name or 'a processor without a name'}, {sockets}{cpu.cores} cores{clock}, {memory} (from {cpu.source})"
    ]


def _tidy(name: str) -> str:
    """Return a processor's printed name without marks, core counts and clocks."""
    text = re.sub(
        r"\((?:R|TM|C)\)|\d+-Core|Processor|CPU|with .*| w/ .*|@.*|Rev [\d.]+", " ", name, flags=re.IGNORECASE
    )
    return " ".join(text.split())


def _host(cpu: Processor) -> Data | None:
    """Return the machine's processor as host of its cards; None where neither memory nor rate can be said."""
    host: Data = {}
    if cpu.memory_bytes:
        host["memory"] = _figure(f"{int(cpu.memory_bytes)} B", "read", cpu.source)
    compute, bandwidth = _peak(cpu), _bandwidth(cpu)
    if compute:
        host["compute"] = compute[1]
    if bandwidth:
        host["bandwidth"] = bandwidth
    return host or None


def _peak(cpu: Processor) -> tuple[str, Data] | None:
    """Return (format, peak) by cores x clock x operations a cycle of the strongest instruction set; None if not known."""
    if not (cpu.cores and cpu.hertz):
        return None
    for row in _knows()["flops"]:
        if row["flag"] in cpu.flags:
            value = cpu.cores * cpu.hertz * row["per_cycle"]
            note = f"{cpu.cores} cores x {cpu.hertz / 1e9:.3g} GHz x {row['per_cycle']} a cycle ({row['flag']}: {row['note']})"
            return row["format"], _figure(f"{value / 1e9:.6g} GFLOP/s", "estimated", cpu.source, note)
    return None


def _bandwidth(cpu: Processor) -> Data | None:
    if cpu.bandwidth_bytes_per_s:
        note = "channels that hold a module x 8 bytes x the rate set"
        return _figure(f"{cpu.bandwidth_bytes_per_s / 1e9:.6g} GB/s", "derived", cpu.source, note)
    if not cpu.cores:
        return None
    row = next(r for r in _knows()["memory"] if cpu.cores / cpu.sockets <= r["cores"])
    rate = parse(row["bandwidth"], "bytes_per_s", "this_machine.toml: memory") * cpu.sockets
    return _figure(f"{rate / 1e9:.6g} GB/s", "estimated", "this_machine.toml", f"no tool says it: {row['note']}")


def _from_processor(cpu: Processor, find: Resolve, dirs: catalog.Dirs, notes: list[str]) -> Data:
    """Return the machine with its processor as the chip."""
    name = find(_tidy(cpu.name)) or find(cpu.name.strip())
    if name is not None:
        chip = catalog.raw("chips", name, dirs)
        if cpu.memory_bytes:
            chip["memory"] = _figure(f"{int(cpu.memory_bytes / cpu.sockets)} B", "read", cpu.source, "of one socket")
        notes.append(f"the processor is {name} of the catalog")
        _fill(chip, cpu, notes)
    else:
        name, chip = NAME, _unknown_processor(cpu, notes)
    data: Data = {
        "label": f"this machine: {_tidy(cpu.name) or 'processor'}"[:120],
        "chip_name": name, "chip": chip,
        "node": _figure(str(cpu.sockets), "read", cpu.source or "assumed"),
        "notes": notes,
    }  # fmt: skip
    return data | {"tiers": _tiers(chip, cpu.sockets, dirs, notes)}


def _fill(chip: Data, cpu: Processor, notes: list[str]) -> None:
    """Give a catalog chip without a 16-bit peak or a memory rate the estimate of this machine."""
    peak, bandwidth = _peak(cpu), _bandwidth(cpu)
    if peak and not {"bf16", "fp16", "fp8"} & set(chip.get("peak", {})):
        chip.setdefault("peak", {})["bf16"] = _per_socket(peak[1], "flops_per_s", "GFLOP/s", cpu.sockets)
        notes.append("the catalog has no peak of it: estimated from cores, clock and instruction sets")
    if bandwidth and "bandwidth" not in chip:
        chip["bandwidth"] = _per_socket(bandwidth, "bytes_per_s", "GB/s", cpu.sockets)
        notes.append("the catalog has no memory rate of it: estimated")


def _per_socket(figure: Data, unit: str, shown: str, sockets: int) -> Data:
    return {**figure, "is": f"{parse(figure['is'], unit, NAME) / sockets / 1e9:.6g} {shown}"}


def _unknown_processor(cpu: Processor, notes: list[str]) -> Data:
    """Return a processor that the catalog does not know as a chip: sizes read, rates estimated."""
    peak, bandwidth = _peak(cpu), _bandwidth(cpu)
    if not (peak and bandwidth and cpu.memory_bytes):
        lacking = [
            w
            for w, v in (("clock or instruction sets", peak), ("cores", bandwidth), ("memory", cpu.memory_bytes))
            if not v
        ]
        seen_text = "; ".join(notes)[:300]
        raise InputError(NAME, f"{' and '.join(lacking)} of this machine cannot be read ({seen_text})", _FIX)
    maker, country = _knows()["makers"].get(cpu.maker, ["not known", "ZZ"])
    notes.append("the catalog does not know this processor: its peak and memory rate are estimates")
    share = 1.0 / cpu.sockets
    rates = {peak[0], "bf16"}  # without bf16 instructions it is computed in fp32, at that rate
    one = _per_socket(peak[1], "flops_per_s", "GFLOP/s", cpu.sockets)
    each = _per_socket(bandwidth, "bytes_per_s", "GB/s", cpu.sockets)
    return {
        "label": (_tidy(cpu.name) or "processor")[:80], "maker": maker, "country": country, "class": "cpu",
        "ranks": _figure("1", "derived", cpu.source),
        "memory": _figure(f"{int(cpu.memory_bytes * share)} B", "read", cpu.source),
        "bandwidth": each,
        "peak": dict.fromkeys(sorted(rates), one),
    }  # fmt: skip
