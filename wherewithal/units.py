"""Text with units to numbers in SI base units and back; prefixes live here and nowhere else."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping

from wherewithal.errors import InputError

_DECIMAL = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}
_UPPER = {**_DECIMAL, "K": 1e3}


def _table(stems: Mapping[str, float], prefixes: Mapping[str, float]) -> dict[str, float]:
    return {p + stem: scale * factor for stem, scale in stems.items() for p, factor in prefixes.items()}


_BYTES = {**_table({"B": 1.0}, {**_UPPER, **_BINARY}), "byte": 1.0, "bytes": 1.0}
_BITS = _table({"b": 1 / 8, "bit": 1 / 8}, _UPPER)
_SECONDS = {
    "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "min": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0, "y": 31557600.0, "year": 31557600.0, "years": 31557600.0,
}  # fmt: skip
_PER_SECOND = {"/s": 1.0, "ps": 1.0}
_OPS = _table({"FLOP": 1.0, "OP": 1.0, "FLOPS": 1.0, "OPS": 1.0}, _UPPER)
_TOKENS = {
    "tokens": 1.0, "token": 1.0, "tok": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12,
    "ki": 2.0**10, "Ki": 2.0**10, "Mi": 2.0**20,
}  # fmt: skip

# Unit names of the house, each with the spellings that fit it and their size in it.
UNITS: dict[str, dict[str, float]] = {
    "s": _SECONDS,
    "m": {"m": 1.0, "km": 1e3, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9},
    "bytes": _BYTES,
    "flops": _table({"FLOP": 1.0, "OP": 1.0, "FLOPs": 1.0}, _UPPER),
    "flops_per_s": {
        **{u + "/s": f for u, f in _OPS.items() if not u.endswith("S")},
        **{u: f for u, f in _OPS.items() if u.endswith("S")},
    },
    "bytes_per_s": {**{u + "/s": f for u, f in {**_BYTES, **_BITS}.items()}, **_table({"bps": 1 / 8}, _UPPER)},
    "w": _table({"W": 1.0}, {**_UPPER, "m": 1e-3}),
    "j": {**_table({"J": 1.0}, {**_UPPER, "m": 1e-3, "u": 1e-6, "p": 1e-12}), **_table({"Wh": 3600.0}, _UPPER)},
    "usd": {**_table({"USD": 1.0, "$": 1.0}, {"": 1.0, "k": 1e3, "M": 1e6, "million ": 1e6, "billion ": 1e9}), "cent": 0.01},
    "usd_per_h": {"USD/h": 1.0, "$/h": 1.0, "USD/hour": 1.0, "USD/day": 1 / 24, "USD/month": 1 / 730.5,
                  "USD/year": 1 / 8766.0, "kUSD/h": 1e3},
    "usd_per_j": {"USD/kWh": 1 / 3.6e6, "USD/MWh": 1 / 3.6e9, "USD/J": 1.0},
    "tokens": {**_TOKENS, **{f + " tokens": v for f, v in _TOKENS.items() if "tok" not in f}},
    "per_s": {"rps": 1.0, "/s": 1.0, "per s": 1.0, "requests/s": 1.0, "req/s": 1.0, "Hz": 1.0, "krps": 1e3,
              "/min": 1 / 60, "rpm": 1 / 60, "requests/min": 1 / 60, "/h": 1 / 3600, "requests/h": 1 / 3600},
    "tokens_per_s": {"tokens/s": 1.0, "tok/s": 1.0, "token/s": 1.0, "tps": 1.0, "ktokens/s": 1e3, "Mtokens/s": 1e6,
                     "k tokens/s": 1e3, "M tokens/s": 1e6},
    "1": {"": 1.0, "%": 0.01, "percent": 0.01, "x": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12},
}  # fmt: skip

# What to offer when a bare number came: two units that fit, and how `show` scales, largest first.
_OFFER: dict[str, tuple[str, str]] = {
    "s": ("s", "ms"), "m": ("m", "nm"), "bytes": ("GB", "GiB"), "flops": ("TFLOP", "EFLOP"), "flops_per_s": ("TFLOP/s", "PFLOP/s"),
    "bytes_per_s": ("GB/s", "TB/s"), "w": ("W", "kW"), "j": ("J", "kWh"), "usd": ("USD", "kUSD"),
    "usd_per_h": ("USD/h", "USD/day"), "usd_per_j": ("USD/kWh", "USD/MWh"), "tokens": (" tokens", "k"),
    "per_s": ("rps", "rpm"), "tokens_per_s": (" tokens/s", "ktokens/s"), "1": ("", "%"),
}  # fmt: skip
_SHOW: dict[str, tuple[str, ...]] = {
    "s": ("y", "d", "h", "min", "s", "ms", "us", "ns"),
    "m": ("km", "m", "mm", "um", "nm"),
    "bytes": ("PB", "TB", "GB", "MB", "kB", "B"),
    "flops": ("EFLOP", "PFLOP", "TFLOP", "GFLOP", "MFLOP", "kFLOP", "FLOP"),
    "flops_per_s": ("EFLOP/s", "PFLOP/s", "TFLOP/s", "GFLOP/s", "MFLOP/s", "kFLOP/s", "FLOP/s"),
    "bytes_per_s": ("PB/s", "TB/s", "GB/s", "MB/s", "kB/s", "B/s"),
    "w": ("GW", "MW", "kW", "W", "mW"),
    "j": ("PJ", "TJ", "GJ", "MJ", "kJ", "J", "mJ", "uJ", "pJ"),
    "usd": ("billion USD", "million USD", "USD"),
    "usd_per_h": ("USD/h",),
    "usd_per_j": ("USD/kWh",),
    "tokens": ("tokens",),
    "per_s": ("/s",),
    "tokens_per_s": ("tokens/s",),
    "1": ("",),
}
_NUMBER = re.compile(r"([+-]?(?:\d[\d_]*(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)", re.DOTALL)
_LONGEST = 40
# Integers that need no unit to be understood.
_BARE_FITS = {"1", "tokens"}


def _unit(name: str, unit: str, text: str, where: str) -> float:
    """Return the size of spelling `name` in `unit`; refuse an unknown one with the nearest that fit."""
    spellings = UNITS[unit]
    tidy = " ".join(name.split())
    for candidate in (tidy, tidy.replace(" ", ""), tidy.replace("/ ", "/")):
        if candidate in spellings:
            return spellings[candidate]
    lowered = {s.lower(): s for s in spellings}
    close = difflib.get_close_matches(tidy, list(spellings), n=1, cutoff=0.5)
    if tidy.lower() in lowered:
        close = [lowered[tidy.lower()]]
    offer = " or ".join(o.strip() for o in _OFFER[unit] if o.strip())
    hint = f'did you mean "{close[0]}"?' if close else f"units that fit: {offer}"
    raise InputError(where, f'"{text}": unknown unit "{tidy}"', hint)


def parse(text: str, unit: str, where: str, low: float = 0.0, high: float = math.inf) -> float:
    """Return the number that `text` states, in the SI base of `unit`.

    Args:
        text: a quantity such as `"4.8 TB/s"`, `"50ms"`, `"4ki"`; at most 40 characters.
        unit: name of the dimension, a key of `UNITS` (`s`, `bytes`, `flops_per_s`, ...).
        where: the place as the user knows it, for the error.
        low: [unit] the least that makes sense.
        high: [unit] the most that makes sense.

    Raises:
        InputError: no number, no unit or the wrong one, not finite, out of range, too long.
    """
    shown = "".join(c if c.isprintable() else "?" for c in text[:_LONGEST])
    if len(text) > _LONGEST:
        raise InputError(
            where, f'"{shown}...": longer than {_LONGEST} characters', f"write a quantity, e.g. {_example(unit)}"
        )
    match = _NUMBER.fullmatch(shown.strip())
    if match is None:
        raise InputError(where, f'"{shown}": not a number with a unit', f"write for example {_example(unit)}")
    digits, name = match[1].replace(",", "").replace("_", ""), match[2].strip()
    if not name and unit not in _BARE_FITS:
        raise InputError(where, f'"{digits}" has no unit', _suggest(digits, unit))
    value = float(digits) * (_unit(name, unit, shown, where) if name else 1.0)
    if not math.isfinite(value):
        raise InputError(where, f'"{shown}": not a finite number', f"write for example {_example(unit)}")
    if not low <= value <= high:
        bound = f"at least {show(low, unit)}" if value < low else f"at most {show(high, unit)}"
        raise InputError(where, f'"{shown}": out of range', f"must be {bound}")
    return value


def _suggest(digits: str, unit: str) -> str:
    """Return two ways to write a bare number: the same amount twice where the second unit is the smaller one."""
    first, second = _OFFER[unit]
    big, small = UNITS[unit][first.strip()], UNITS[unit][second.strip()]
    other = number(float(digits) * big / small, 6).replace(",", "") if big > small else digits
    return f"write {digits}{first} or {other}{second}"


def _example(unit: str) -> str:
    first, second = _OFFER[unit]
    return f"2{first} or 50{second}" if unit != "1" else "0.5 or 50%"


def number(value: float, digits: int = 3) -> str:
    """Return a number as people write it: `digits` significant digits, thousands separated, no exponent in between."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    size = math.floor(math.log10(abs(value)))
    if not -5 <= size <= 15:
        return f"{value:.{max(digits - 1, 0)}e}"
    rounded = round(value, digits - 1 - size)
    after = max(0, digits - 1 - math.floor(math.log10(abs(rounded)))) if rounded else 0
    text = f"{rounded:,.{after}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show(value: float, unit: str, digits: int = 3) -> str:
    """Return `value` [unit] with the largest prefix that leaves at least 1 in front, to `digits` digits.

    `parse(show(x, unit), unit, ...)` gives x back to the digits shown.
    """
    if unit not in _SHOW:
        return f"{number(value, digits)} {unit}"
    if not math.isfinite(value):
        return "unlimited" if value > 0 else str(value)
    names = _SHOW[unit]
    scale = UNITS[unit]
    # A hair of slack, so that 999.9996 is shown as 1 of the next prefix and never as 1,000 of this one.
    big = abs(value) * (1 + 0.5 * 10.0**-digits)
    name = next((n for n in names if big >= scale[n]), names[-1]) if value else _base(unit)
    exact = unit == "tokens" and value == int(value) and abs(value) < 1e15
    text = f"{int(value):,}" if exact else number(value / scale[name], digits)
    return f"{text} {name}".strip()


def _base(unit: str) -> str:
    return next((n for n in _SHOW[unit] if UNITS[unit][n] == 1.0), _SHOW[unit][0])


def show_gib(value: float, digits: int = 3) -> str:
    """Return bytes as GiB (2**30), for engine flags that count so."""
    return f"{number(value / 2**30, digits)} GiB"
