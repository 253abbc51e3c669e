"""What can go wrong because of what the user gave, each as one line: where, what, what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class WherewithalError(Exception):
    """Base of every error that a user can cause and mend; a face prints it as one line and ends with code 2."""

    exit_code = 2


class InputError(WherewithalError):
    """A value that cannot be used: where it stands, what is wrong with it, what would be right.

    Args:
        where: the place as the user knows it (option, file, dotted path in a file).
        what: what is wrong, with the offending value in it.
        fix: what would be right; empty where nothing can be said.
    """

    def __init__(self, where: str, what: str, fix: str = "") -> None:
        self.where, self.what, self.fix = where, what, fix
        super().__init__(f"{where}: {what}" + (f"; {fix}" if fix else ""))


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: its dotted path, what is wrong, what would be right."""

    path: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" + (f"; {self.fix}" if self.fix else "")


class FileProblems(WherewithalError):
    """All problems of one file at once; its text is one line that shows the first and counts the rest."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file, self.problems = file, tuple(problems)
        more = len(self.problems) - 1
        tail = f" (and {more} more; wherewithal catalog check lists them)" if more > 0 else ""
        super().__init__(f"{file}: {self.problems[0]}{tail}")


class MissingExtra(WherewithalError):
    """A command whose optional libraries are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what}: not installed; pip install 'wherewithal[{extra}]'")


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return up to `most` known names that a misspelt `name` may have meant, best first."""
    names = sorted(set(known))
    lowered = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=most, cutoff=0.5)
    want = set(name.lower().replace("_", "-").split("-"))
    shared = sorted(names, key=lambda n: (-len(want & set(n.lower().split("-"))), len(n), n))
    extra = [n for n in shared if want & set(n.lower().split("-"))]
    picked = list(dict.fromkeys([lowered[c] for c in close] + extra))
    return picked[:most]


def unknown_name(where: str, kind: str, name: str, known: Iterable[str], listing: str) -> InputError:
    """Return the error for a name that the catalog does not know, with the nearest names and where all are listed."""
    guesses = nearest(name, known)
    hint = f"did you mean {', '.join(guesses)}? " if guesses else ""
    return InputError(where, f"no {kind} named {name[:80]!r}", f"{hint}({listing})")
