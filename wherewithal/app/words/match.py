"""A finished English sentence found again among templates with `{holes}`, and said in another language."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

HOLE = re.compile(r"\{(\w+)\}")
# Sentences joined by code: each part is then looked up alone, and joined as the other language joins.
JOINTS = (("; ", "\uff1b"), (". ", "\u3002"), (", ", "\uff0c"), (" and ", "\u548c"))
DEPTH = 4


def holes(template: str) -> list[str]:
    """Return the names of a template's holes, in order."""
    return HOLE.findall(template)


@dataclass(frozen=True)
class Template:
    """A template ready to match: its pattern, the longest piece of fixed text, and what it says in the language."""

    pattern: re.Pattern[str]
    piece: str
    fixed: int
    said: str


def template(text: str, said: str) -> Template:
    """Return a template ready to match; a hole that comes twice must hold the same twice."""
    pieces, seen, pattern = HOLE.split(text), set(), ""
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            pattern += re.escape(piece)
        else:
            pattern += f"(?P={piece})" if piece in seen else f"(?P<{piece}>.+?)"
            seen.add(piece)
    fixed = pieces[::2]
    return Template(re.compile(pattern, re.DOTALL), max(fixed, key=len), sum(map(len, fixed)), said)


def fill(text: str, values: dict[str, str]) -> str:
    """Return a template with its holes filled; a hole without a value stays as it is written."""
    return HOLE.sub(lambda found: values.get(found[1], found[0]), text)


class Matcher:
    """All templates of a language; those with the most fixed text are tried first."""

    def __init__(self, table: dict[str, str]) -> None:
        self.table = table
        made = [template(k, v) for k, v in table.items() if HOLE.search(k) and HOLE.sub("", k).strip()]
        self.templates = sorted(made, key=lambda t: -t.fixed)

    def say(self, text: str, depth: int = 0) -> str:
        """Return a finished sentence in the language, or the sentence itself where no template fits."""
        if text in self.table:
            return self.table[text]
        if depth > DEPTH or " " not in text.strip():
            return text
        for made in self.templates:
            if made.piece in text and (found := made.pattern.fullmatch(text)):
                return fill(made.said, {k: self.say(v, depth + 1) for k, v in found.groupdict().items()})
        return joined(text, lambda part: self.say(part, depth + 1))


def joined(text: str, say: Callable[[str], str]) -> str:
    """Return a sentence whose parts are looked up one by one; the sentence itself where no part is known."""
    for joint, other in JOINTS:
        parts = text.split(joint)
        if len(parts) > 1 and (done := [say(p) for p in parts]) != parts:
            return other.join(done) if joint != ", " or all(map(differs, done, parts)) else mixed(done)
    return text


def differs(done: str, part: str) -> bool:
    """Return whether a part was found or is a mere name or figure."""
    return done != part or " " not in part


def mixed(done: list[str]) -> str:
    """Return parts of which some stay English, with the joints of a list."""
    return ", ".join(done)
