"""From a name, a path or `prefill=A:N,decode=B:N` to machines in plain numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from wherewithal.catalog import files
from wherewithal.catalog import load as catalog
from wherewithal.catalog.records import ChipRecord, HostDefault, HostRecord, Stated, SystemRecord
from wherewithal.errors import InputError
from wherewithal.figure import Figure, weaker
from wherewithal.machine import this_machine
from wherewithal.machine.override import apply
from wherewithal.machine.system import Chip, Host, System, Tier

ROLES = ("prefill", "decode", "attention", "ffn", "all")
_THIS = "this-machine"
Overrides = Sequence[str | tuple[str, str]]


class Part(NamedTuple):
    """One pool's machine as asked for: `role` is `all` where the question names one system; `chips` None if open."""

    role: str
    name: str
    chips: int | None


def parse_on(text: str, where: str = "--on") -> list[Part]:
    """Return the machines of `SYSTEM[:N]` or `prefill=SYSTEM:N,decode=SYSTEM:N`.

    Raises:
        InputError: nothing named, a role that does not exist or stands twice, a size that is no count.
    """
    pieces = [piece.strip() for piece in text.split(",")] if "=" in text else [text.strip()]
    parts = []
    for piece in pieces:
        role, equals, name = piece.rpartition("=")
        if equals and role not in ROLES:
            raise InputError(where, f"no role {role[:40]!r}", f"roles: {', '.join(ROLES)}")
        parts.append(Part(role or "all", *split_size(name, where)))
    roles = [part.role for part in parts]
    if len(set(roles)) != len(roles):
        raise InputError(where, f"{text[:80]!r} names a role twice", "write each role once")
    return parts


def split_size(text: str, where: str = "--on") -> tuple[str, int | None]:
    """Return (name, chips) of `NAME` or `NAME:N`; a colon of a Windows drive is part of the name."""
    name, colon, size = text.rpartition(":")
    if not colon or (len(name) == 1 and size[:1] in ("\\", "/")):
        name, size = text, ""
        if not name.strip():
            raise InputError(where, "names no system", "wherewithal catalog list systems")
        return name.strip(), None
    digits = size.replace("_", "").replace(",", "").strip()
    if not (digits.isascii() and digits.isdigit() and 0 < len(digits) < 12) or not name.strip():
        raise InputError(
            where, f"{text[:80]!r}: {size[:40]!r} is not a number of chips", "write SYSTEM:N, e.g. NAME:32"
        )
    count_chips(int(digits), where)
    return name.strip(), int(digits)


def count_chips(chips: float, where: str) -> int:
    """Return a number of chips; refuse what is not a whole number between 1 and 10 million."""
    if not 1 <= chips <= catalog.MOST_CHIPS or chips != int(chips):
        raise InputError(where, f"{chips:g} chips", f"must be a whole number between 1 and {catalog.MOST_CHIPS:,}")
    return int(chips)


@dataclass
class _Draft:
    """A system on its way: its plain data, and what is to be said about it."""

    name: str
    system: dict[str, Any]
    chip_name: str
    chip: dict[str, Any]
    file: str
    notes: list[str]


def chip(name: str, dirs: catalog.Dirs = (), overrides: Overrides = (), where: str = "--on") -> Chip:
    """Return a chip by its catalog name or alias.

    Args:
        name: catalog name or alias.
        dirs: the user's folders, searched first.
        overrides: `PATH=VALUE`, e.g. `chip.memory=80GB`.
        where: the option, for errors.

    Raises:
        InputError: unknown; or its memory, bandwidth or every peak is not known.
        FileProblems: its file is wrong.
    """
    found, _ = catalog.resolve("chips", name, dirs, where)
    data = catalog.raw("chips", found, dirs)
    apply(data, {}, overrides)
    return _chip(found, files.validate(ChipRecord, data, f"chips/{found}.toml"), where)[0]


def system(
    name_or_path: str,
    chips: int | None = None,
    where: str = "--on",
    dirs: catalog.Dirs = (),
    overrides: Overrides = (),
    other_chip: str = "",
) -> System:
    """Return a system of `chips` chips.

    Args:
        name_or_path: catalog name, a chip's name (its usual system), or a TOML file; `:N` may follow.
        chips: chips in the question; None for one of what the name sells.
        where: the option, for errors.
        dirs: the user's folders, searched first.
        overrides: `PATH=VALUE` on `chip.`, `system.` and `host.`; other roots are left to others.
        other_chip: name of a chip that stands in the place of the system's own.

    Raises:
        InputError: unknown, a pod of free size without `:N`, a chip that lacks a figure it cannot do without.
        FileProblems: a file is wrong.
    """
    if chips is None:
        name_or_path, chips = split_size(name_or_path, where)
    chips = None if chips is None else count_chips(chips, where)
    if name_or_path == _THIS:
        return _this_machine(chips, where, dirs, overrides)
    draft = _draft(name_or_path, dirs, where)
    if other_chip:
        found, note = catalog.resolve("chips", other_chip, dirs, where)
        draft.chip_name, draft.chip = found, catalog.raw("chips", found, dirs)
        draft.notes += [note] if note else []
        draft.notes.append(f"{found} stands in the place of the chip of {draft.name}")
    changed = apply(draft.chip, draft.system, overrides)
    built = build(draft.name, draft.system, draft.chip_name, draft.chip, where, dirs, draft.file)
    if chips is None and built.free_size:
        raise InputError(
            where, f"{draft.name} is sold in any size", f"write {draft.name}:N, e.g. {draft.name}:{built.node_chips}"
        )
    return _sized(
        replace(built, notes=(*draft.notes, *built.notes), overridden=changed), chips or built.node_chips, dirs
    )


def _this_machine(chips: int | None, where: str, dirs: catalog.Dirs, overrides: Overrides) -> System:
    """Return the machine that this runs on; a user's `systems/this-machine.toml` corrects what was detected."""
    if catalog.find("systems", _THIS, dirs):
        draft = _named(_THIS, dirs, where)
    else:
        data = this_machine.detect(dirs=dirs)
        name, inside, notes = data.pop("chip_name"), data.pop("chip"), data.pop("notes")
        draft = _Draft(_THIS, data | {"chip": name}, name, inside, "this machine", list(notes))
    changed = apply(draft.chip, draft.system, overrides)
    built = build(_THIS, draft.system, draft.chip_name, draft.chip, where, dirs, draft.file)
    return _sized(
        replace(built, notes=(*draft.notes, *built.notes), overridden=changed), chips or built.node_chips, dirs
    )


def _draft(name: str, dirs: catalog.Dirs, where: str) -> _Draft:
    """Return the plain data behind a name or a path."""
    if name.endswith(".toml") or os.sep in name or "/" in name:
        alias = catalog.alias("systems", name, dirs) or catalog.alias("chips", name, dirs)
        if alias is None:
            return _from_file(Path(name), dirs, where)
    return _named(name, dirs, where)


def _from_file(path: Path, dirs: catalog.Dirs, where: str) -> _Draft:
    """Return the plain data of a user's file: a system, or a chip alone."""
    data = files.read_toml(path, f"{where} {path}")
    title = path.stem[:64]
    if "chip" not in data and "peak" in data and "tiers" not in data:
        return _Draft(title, _alone(title, data.get("label", title)), title, data, path.name, [])
    inside = data.get("chip")
    if isinstance(inside, dict):
        return _Draft(title, data | {"chip": _safe_name(title)}, title, inside, path.name, [])
    if not isinstance(inside, str):
        raise InputError(f"{where} {path}", "names no chip", 'write chip = "NAME", or a table [chip]')
    found, note = catalog.resolve("chips", inside, dirs, f"{path.name}: chip")
    return _Draft(
        title, data | {"chip": found}, found, catalog.raw("chips", found, dirs), path.name, [note] if note else []
    )


def _safe_name(text: str) -> str:
    """Return a file's name as a catalog name may be written."""
    tidy = "".join(c if c.isalnum() or c in "._-" else "-" for c in text.lower()).strip("._-")
    return tidy if tidy.isascii() and tidy else "my-system"


def _named(name: str, dirs: catalog.Dirs, where: str) -> _Draft:
    """Return the plain data of a catalog system, or of the usual system of a chip of that name."""
    notes: list[str] = []
    exact = next((n for n in dict.fromkeys((name, name.lower())) if catalog.find("systems", n, dirs)), None)
    if exact is None and not _is_chip(name, dirs):
        exact, note = catalog.resolve("systems", name, dirs, where)
        notes += [note] if note else []
    if exact is not None:
        data = catalog.raw("systems", exact, dirs)
        inside = data.get("chip")
        if isinstance(inside, dict):
            return _Draft(exact, data | {"chip": exact}, exact, inside, f"systems/{exact}.toml", notes)
        found = str(inside)
        return _Draft(exact, data, found, catalog.raw("chips", found, dirs), f"systems/{exact}.toml", notes)
    found, note = catalog.resolve("chips", name, dirs, where)
    notes += [note] if note else []
    data = catalog.raw("chips", found, dirs)
    usual = data.get("usual_system")
    if isinstance(usual, str) and catalog.find("systems", usual, dirs):
        notes.append(f"{found} stands for its usual system, {usual}")
        wiring = catalog.raw("systems", usual, dirs) | {"chip": found}
        return _Draft(usual, wiring, found, data, f"systems/{usual}.toml", notes)
    notes.append(f"no system with {found} is known: taken as one chip in a machine of its own")
    return _Draft(f"{found}-1", _alone(found, data.get("label", found)), found, data, f"chips/{found}.toml", notes)


def _is_chip(name: str, dirs: catalog.Dirs) -> bool:
    """Tell whether a name that is no system's file is a chip, by name or alias, before it is a system's alias."""
    if any(catalog.find("chips", n, dirs) for n in (name, name.lower())):
        return True
    return catalog.alias("systems", name, dirs) is None and catalog.alias("chips", name, dirs) is not None


def _alone(chip_name: str, label: str) -> dict[str, Any]:
    """Return the plain data of a machine with one chip and no tier."""
    node = {"is": "1", "known": "assumed", "from": "one chip in a machine of its own"}
    return {"label": f"one {label}"[:120], "chip": _safe_name(chip_name), "node": node}


def build(
    name: str, data: dict[str, Any], chip_name: str, chip_data: dict[str, Any], where: str = "--on",
    dirs: catalog.Dirs = (), file: str = "",
) -> System:  # fmt: skip
    """Return the system that plain data describe, at the size of one node.

    Args:
        name: of the system.
        data: a system file as plain data, its `chip` a name.
        chip_name: of the chip.
        chip_data: a chip file as plain data.
        where: the option, for errors.
        dirs: the user's folders.
        file: of the system, for errors.
    """
    wiring = files.validate(SystemRecord, data, file or name)
    chip_file = f"chips/{chip_name}.toml" if data.get("chip") == chip_name else f"{file}: chip"
    inside, notes = _chip(chip_name, files.validate(ChipRecord, chip_data, chip_file), where)
    node = count_chips(wiring.node.figure.value, f"{where} {name}: node")
    figures = dict(inside.figures) | dict(_figures("system", wiring, ("node", "power"), wiring.as_of))
    tiers = []
    for tier, row in wiring.tiers.items():
        figures |= dict(_figures(f"system.tiers.{tier}", row, ("bandwidth", "latency"), wiring.as_of))
        tiers.append(Tier(tier, row.size, row.bandwidth.figure.value, row.latency.figure.value))
    host, host_figures = _host(wiring.host, inside, node, dirs)
    power = wiring.power.figure if wiring.power else _guess_power(inside, node, dirs)
    if power is not None:
        figures.setdefault("system.power", power)
        notes += [] if wiring.power else [f"power of {name} is not known: {power.note}"]
    return System(
        name=name, label=wiring.label, chip=inside, node_chips=node, tiers=tuple(tiers),
        node_power_w=power.value if power else None, host=host, chips=node, free_size=wiring.free_size,
        figures=figures | host_figures, notes=tuple(notes),
    )  # fmt: skip


def _figures(prefix: str, record: Any, names: Sequence[str], as_of: str) -> Iterator[tuple[str, Figure]]:
    """Yield (dotted name, figure) of a record's figures; the file's date stands in where a figure has none."""
    for name in names:
        value = getattr(record, name)
        if isinstance(value, Stated):
            yield f"{prefix}.{name}", dated(value.figure, as_of)
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield f"{prefix}.{name}.{key}", dated(inner.figure, as_of)


def dated(figure: Figure, as_of: str) -> Figure:
    """Return the figure with its file's date where it has none."""
    return figure if figure.date or not as_of else replace(figure, date=as_of)


def _chip(name: str, record: ChipRecord, where: str) -> tuple[Chip, list[str]]:
    """Return a chip and what was assumed; refuse one without memory, bandwidth or any peak."""
    for field, text in (("memory", "memory size"), ("bandwidth", "memory bandwidth")):
        if getattr(record, field) is None:
            example = "64GB" if field == "memory" else "1TB/s"
            raise InputError(
                where, f"{name} is not usable yet: its {text} is not known", f"--set chip.{field}={example}"
            )
    wanted = ("ranks", "memory", "memory_nominal", "bandwidth", "power", "link", "on_package", "peak")
    figures = dict(_figures("chip", record, wanted, record.as_of))
    peaks = {key: row.figure.value for key, row in record.peak.items()}
    notes = _half_precision(name, peaks, figures, where)
    ranks = int(figures["chip.ranks"].value)
    if ranks != figures["chip.ranks"].value or ranks > 1024:
        raise InputError(where, f"{name}: {figures['chip.ranks'].value:g} ranks", "must be a whole number up to 1,024")

    def value(field: str) -> float | None:
        found = figures.get(f"chip.{field}")
        return found.value if found else None

    built = Chip(
        name=name, label=record.label, maker=record.maker, country=record.country, kind=record.kind, ranks=ranks,
        shared_memory=record.shared_memory, peaks=peaks, memory_bytes=figures["chip.memory"].value,
        bandwidth_bytes_per_s=figures["chip.bandwidth"].value, power_w=value("power"),
        on_package_bytes_per_s=value("on_package"), link_bytes_per_s=value("link"), figures=figures,
    )  # fmt: skip
    return built, notes


def _half_precision(name: str, peaks: dict[str, float], figures: dict[str, Figure], where: str) -> list[str]:
    """Make sure that a 16-bit peak is there: fp16's own, else half the next format's; return what to say."""
    if "bf16" in peaks:
        return []
    if "fp16" in peaks:
        peaks["bf16"] = peaks["fp16"]
        figures["chip.peak.bf16"] = figures["chip.peak.fp16"].scaled(1.0, "fp16; the chip has no bf16")
        return [f"{name} has fp16 and no bf16: 16-bit work runs at its fp16 peak"]
    if "fp8" in peaks:
        peaks["bf16"] = peaks["fp8"] / 2
        guess = figures["chip.peak.fp8"].scaled(0.5, "half the fp8 peak; the 16-bit peak is not known")
        figures["chip.peak.bf16"] = replace(guess, known=weaker(guess.known, "estimated"))
        return [f"the bf16 peak of {name} is not known: half its fp8 peak is taken"]
    raise InputError(where, f"{name} is not usable yet: its bf16 peak is not known", "--set chip.peak.bf16=100TFLOP/s")


def _host(
    own: HostRecord | None, chip: Chip, node: int, dirs: catalog.Dirs
) -> tuple[Host | None, dict[str, Figure]]:  # fmt: skip
    """Return the host beside the chips and its figures; what the system does not say follows its class of chip."""
    rows: dict[str, HostDefault] = catalog.table("hosts", dirs)
    typical = next((row for row in rows.values() if chip.kind in row.classes), None)
    names = ("memory", "bandwidth", "compute", "link")
    figures: dict[str, Figure] = {}
    for name in names:
        said: Stated | None = getattr(own, name) if own else None
        usual: Stated | None = getattr(typical, name) if typical else None
        if said is None and name == "link" and typical and typical.link_of_chip and "chip.link" in chip.figures:
            figures[f"host.{name}"] = chip.figures["chip.link"]
        elif said is not None:
            figures[f"host.{name}"] = said.figure
        elif usual is not None:
            scale = math.ceil(node / typical.serves) if typical and name != "link" else 1
            figures[f"host.{name}"] = usual.figure if scale == 1 else usual.figure.scaled(scale, f"{scale} hosts")
    if len(figures) < len(names):
        return None, {}
    return Host(*(figures[f"host.{name}"].value for name in names)), figures


def _guess_power(chip: Chip, node: int, dirs: catalog.Dirs) -> Figure | None:
    """Return a node's power [W] from its chips' where only these are known."""
    if chip.power_w is None:
        return None
    share = catalog.default("host_power_share", dirs)
    why = f"{node} x {chip.power_w:g} W and {share.value:.0%} for host, network and fans"
    guess = replace(chip.figures["chip.power"], note="").scaled(node * (1 + share.value), why)
    return replace(guess, known=weaker(guess.known, share.known))


def _sized(built: System, chips: int, dirs: catalog.Dirs) -> System:
    """Return the system with `chips` chips; what its tiers do not reach is joined by an assumed tier, and said so.

    Cards that plug into a host share its slots up to the number that one host serves; beyond that, and for all other
    chips, ordinary Ethernet joins.
    """
    built = replace(built, chips=chips)
    typical = next((row for row in catalog.table("hosts", dirs).values() if built.chip.kind in row.classes), None)
    link = built.figures.get("host.link")
    if not built.tiers and chips > 1 and typical and typical.link_of_chip and link:
        why = f"no machine with several {built.chip.name} is known: up to {typical.serves} cards in one, over their own slots"
        bandwidth = replace(link, known=weaker(link.known, "assumed"), note=why)
        built = _joined(built, "slots", float(typical.serves), bandwidth, catalog.default("slot_latency", dirs))
    reach = built.tiers[-1].chips if built.tiers else 1.0
    if chips > reach:
        figures = [catalog.default(f"joining_{name}", dirs) for name in ("bandwidth", "latency")]
        why = f"nothing is known that joins more than {reach:.0f} of these chips: {figures[0].note}"
        built = _joined(built, "joining", math.inf, replace(figures[0], note=why), figures[1])
    return built


def _joined(built: System, name: str, chips: float, bandwidth: Figure, latency: Figure) -> System:
    """Return the system with one more tier, assumed; the bandwidth's note says why."""
    figures = {**built.figures, f"system.tiers.{name}.bandwidth": bandwidth, f"system.tiers.{name}.latency": latency}
    tier = Tier(name, chips, bandwidth.value, latency.value)
    return replace(built, tiers=(*built.tiers, tier), figures=figures, notes=(*built.notes, bandwidth.note))
