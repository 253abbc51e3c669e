"""Patterns in quantised checkpoints that name modules: plain names, globs and simple regular expressions.

They are matched as text fragments in order, never handed to a regular-expression engine, so a hostile one costs
nothing.
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

_LAYER = re.compile(r"(?:^|\.)layers\.(\d{1,5}|\*|\{[0-9,\-]{1,60000}\})")
_GROUP = re.compile(r"\(\??:?([\w|.\\]+)\)")
_PREFIXES = ("model.", "language_model.", "backbone.", "transformer.")


class Pattern(NamedTuple):
    """A pattern, ready to match.

    Attributes:
        layers: layers that it is about; None for all.
        fragments: alternatives, each a list of texts that a name must hold in this order.
        plain: whether it is a plain name, whose parts must be whole parts of the name.
        open_start, open_end: whether more may stand before the first and after the last text.
    """

    layers: frozenset[int] | None
    fragments: tuple[tuple[str, ...], ...]
    plain: bool
    open_start: bool
    open_end: bool


def parse(text: str) -> Pattern | None:
    """Return a pattern; None where its syntax is beyond plain names, `*`, `.*` and `(a|b)`."""
    if len(text) > 60_000:
        return None
    if text.startswith("re:"):
        return _regular(text[3:])
    layers, rest = _layers(text)
    if "*" not in rest:
        return Pattern(layers, ((rest,),), True, True, True)
    pieces = tuple(p for p in rest.split("*") if p)
    return Pattern(layers, (pieces,), False, rest.startswith("*"), rest.endswith("*"))


def _layers(text: str) -> tuple[frozenset[int] | None, str]:
    """Return the layers that a pattern names, and the pattern with one sign for the layer and without prefixes."""
    found = _LAYER.search(text)
    if found is None:
        for _ in range(3):
            text = next((text.removeprefix(p) for p in _PREFIXES if text.startswith(p)), text)
        return None, text
    number, rest = found.group(1), "layers.#" + text[found.end() :]
    if rest == "layers.#" and number != "*":
        rest = "layers.#.*"
    if "vision" in text[: found.start()] or text.startswith(("mtp", "visual")):
        rest = "elsewhere." + rest
    return (None if number == "*" else frozenset(ranges(number))), rest.replace("#*", "#.*")


def ranges(text: str) -> list[int]:
    """Return the numbers of `3` or `{0-2,5}`, at most 10,000."""
    numbers: list[int] = []
    for part in text.strip("{}").split(","):
        ends = [int(p) for p in part.split("-")[:2] if p.isdecimal() and len(p) <= 5]
        if ends:
            numbers += range(ends[0], min(ends[-1], ends[0] + 10_000) + 1)
        if len(numbers) > 10_000:
            break
    return numbers[:10_000]


def _regular(text: str) -> Pattern | None:
    """Return a regular expression made of names, `.*` and `(a|b)` as fragments."""
    groups = [g.split("|") for g in _GROUP.findall(text)][:4]
    if len(text) > 400 or sum(len(g) for g in groups) > 32:
        return None
    skeleton = _GROUP.sub("\0", text).replace(r"\d+", ".*").replace("[0-9]+", ".*")
    start, end = skeleton.startswith(".*"), skeleton.endswith(".*")
    pieces = [p for p in skeleton.strip("^$").split(".*") if p]
    if any(set(p.replace("\\.", "")) & set("\\[]()*+?{}^$|") for p in pieces):
        return None
    choices = list(itertools.islice(itertools.product(*groups), 64))
    made = [tuple(_filled(pieces, choice)) for choice in choices]
    return Pattern(None, tuple(made), False, start or True, end)


def _filled(pieces: list[str], choice: tuple[str, ...]) -> list[str]:
    left = list(choice)
    filled = []
    for piece in pieces:
        while "\0" in piece and left:
            piece = piece.replace("\0", left.pop(0), 1)
        filled.append(piece.replace("\\.", "."))
    return filled


def matches(pattern: Pattern, name: str) -> bool:
    """Return whether a pattern (its layers aside) is about the module `name`, such as `layers.#.self_attn.q_proj`."""
    if pattern.plain:
        return f".{pattern.fragments[0][0]}." in f".{name}."
    return any(_in_order(fragments, name, pattern) for fragments in pattern.fragments)


def _in_order(fragments: tuple[str, ...], name: str, pattern: Pattern) -> bool:
    at = 0
    for n, fragment in enumerate(fragments):
        found = name.find(fragment, at)
        if found < 0 or (n == 0 and found > 0 and not pattern.open_start):
            return False
        at = found + len(fragment)
    return pattern.open_end or at == len(name)
