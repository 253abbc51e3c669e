"""`--set PATH=VALUE` on a chip, a system or a host: applied to the record's plain data before it is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wherewithal.catalog import load as catalog
from wherewithal.catalog.records import RANGES, UNIT_OF, HostRecord, TierRecord
from wherewithal.errors import InputError, nearest
from wherewithal.units import parse

# First words of paths that belong to a machine; others are for other rooms.
ROOTS = ("chip", "system", "host")
_FIGURES = {
    "chip": ("ranks", "memory", "memory_nominal", "bandwidth", "power", "link", "on_package", "process"),
    "system": ("node", "power"),
    "host": tuple(name for name in HostRecord.model_fields if name != "note"),
    "tier": tuple(name for name in TierRecord.model_fields if name not in ("chips", "note")),
}
_PLAIN = {"chip": ("shared_memory", "label", "class"), "system": ("free_size", "label"), "tier": ("chips",)}
_FORMATS = ("bf16", "fp16", "fp32", "fp8", "fp4", "int8", "int4")


def pairs(overrides: Iterable[str | tuple[str, str]], where: str = "--set") -> list[tuple[str, str]]:
    """Return overrides as (path, value); refuse a text without `=`."""
    out = []
    for item in overrides:
        path, equals, value = item.partition("=") if isinstance(item, str) else (item[0], "=", item[1])
        if not equals or not path.strip() or not value.strip():
            shown = "".join(c if c.isprintable() else "?" for c in str(item)[:80])
            raise InputError(where, f"{shown!r} is not PATH=VALUE", "write for example chip.memory=80GB")
        out.append((path.strip(), value.strip().strip("\"'")))
    return out


def _known(chip: dict[str, Any], system: dict[str, Any]) -> list[str]:
    """Return every path that can be set on this chip and system."""
    tiers = list(system.get("tiers", {}))
    formats = dict.fromkeys([*chip.get("peak", {}), *_FORMATS])
    return [
        *(f"chip.{name}" for name in (*_FIGURES["chip"], *_PLAIN["chip"])),
        *(f"chip.peak.{name}" for name in formats),
        *(f"system.{name}" for name in (*_FIGURES["system"], *_PLAIN["system"])),
        *(f"system.tiers.{tier}.{name}" for tier in tiers for name in (*_FIGURES["tier"], *_PLAIN["tier"])),
        *(f"host.{name}" for name in _FIGURES["host"]),
    ]


def apply(
    chip: dict[str, Any], system: dict[str, Any], overrides: Sequence[str | tuple[str, str]], where: str = "--set"
) -> dict[str, tuple[str, str]]:
    """Set figures of a chip's and a system's plain data in place.

    Args:
        chip: a chip file as plain data.
        system: a system file as plain data; `host.` paths go to its host.
        overrides: `PATH=VALUE` texts or pairs; those whose first word is not in ROOTS are left to others.
        where: the option, for errors.

    Returns:
        Path to (old text, new text).

    Raises:
        InputError: a path that does not exist, with the nearest.
    """
    done: dict[str, tuple[str, str]] = {}
    known = _known(chip, system)
    for path, value in pairs(overrides, where):
        if path.split(".")[0] not in ROOTS:
            continue
        tidy = path.replace("chip.peaks.", "chip.peak.").replace("system.host.", "host.")
        if tidy not in known:
            close = nearest(tidy, known) or [k for k in known if k.startswith(tidy.split(".")[0])][:3]
            raise InputError(where, f"no figure {path[:80]!r}", f"did you mean {', '.join(close)}?")
        done[tidy] = (_set(chip, system, tidy, value, where), value)
    return done


def _set(chip: dict[str, Any], system: dict[str, Any], path: str, value: str, where: str) -> str:
    """Set one figure and return its old text."""
    root, *inner, last = path.split(".")
    place = chip if root == "chip" else system if root == "system" else system.setdefault("host", {})
    for part in inner:
        place = place.setdefault(part, {})
    old = place.get(last)
    if last in ("shared_memory", "free_size", "label", "class", "chips"):
        place[last] = _plain(last, value, f"{where} {path}")
    else:
        unit = "flops_per_s" if inner == ["peak"] else UNIT_OF[last]
        parse(value, unit, f"{where} {path}", *RANGES[unit])
        place[last] = {"is": value, "known": "assumed", "from": where}
    return str(old.get("is", "")) if isinstance(old, dict) else "" if old is None else str(old)


def _plain(name: str, value: str, where: str) -> Any:
    """Return a value that is not a figure: yes or no, a count, a text."""
    if name in ("shared_memory", "free_size"):
        if value.lower() not in ("true", "false", "yes", "no"):
            raise InputError(where, f"{value[:40]!r} is neither true nor false", "write true or false")
        return value.lower() in ("true", "yes")
    if name == "chips":
        if value != "any" and not (value.isdigit() and 0 < int(value) <= catalog.MOST_CHIPS):
            raise InputError(where, f"{value[:40]!r} is not a number of chips", "write a whole number, or any")
        return value if value == "any" else int(value)
    return value
