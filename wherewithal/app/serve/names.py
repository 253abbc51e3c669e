"""The name of an answer: what was asked, and by which code and catalog it is answered."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

from wherewithal import __version__
from wherewithal.app.asked import VERBS, Asked, plain

PACKAGE = Path(__file__).resolve().parents[2]


@functools.cache
def catalog() -> str:
    """Return the SHA-256 of everything in the catalog, in hex."""
    return _digest(PACKAGE / "catalog" / "data", "*")


@functools.cache
def code() -> str:
    """Return the version and the SHA-256 of the code: a change of either makes new answers."""
    return f"{__version__}+{_digest(PACKAGE, '*.py')}"


def _digest(folder: Path, which: str) -> str:
    whole = hashlib.sha256()
    for path in sorted(p for p in folder.rglob(which) if p.is_file() and "__pycache__" not in p.parts):
        whole.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def verb(asked: Asked) -> str:
    """Return the verb whose record this is."""
    return next(name for name, kind in VERBS.items() if type(asked) is kind)


def canonical(asked: Asked) -> str:
    """Return what was asked as text that is the same for the same question."""
    return json.dumps(plain(asked), sort_keys=True, separators=(",", ":"))


def name(asked: Asked) -> str:
    """Return the id of the answer to it, in hex."""
    return hashlib.sha256("\n".join((verb(asked), canonical(asked), code(), catalog())).encode()).hexdigest()
