"""The page's files: read once at start into a table, so that no path of a client is ever opened."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}


class File(NamedTuple):
    """A file as it goes out: plain, and packed where that is smaller (else empty)."""

    media: str
    plain: bytes
    packed: bytes
    digest: str


def table(folder: Traversable | None = None) -> dict[str, File]:
    """Return the page's files by their path below `/page/`; the start page is `index.html`.

    Args:
        folder: where they lie; that of the package where None.
    """
    folder = folder if folder is not None else resources.files("wherewithal.app") / "page"
    return {name: _file(name, data) for name, data in _walk(folder, "")} if folder.is_dir() else {}


def _walk(folder: Traversable, at: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda i: i.name):
        if item.is_dir() and not item.name.startswith(("_", ".")):
            yield from _walk(item, f"{at}{item.name}/")
        elif item.is_file() and item.name.rpartition(".")[2] in _TYPES:
            yield at + item.name, item.read_bytes()


def _file(name: str, data: bytes) -> File:
    packed = gzip.compress(data, 9, mtime=0)
    media = _TYPES[name.rpartition(".")[2]]
    return File(media, data, packed if len(packed) < len(data) else b"", hashlib.sha256(data).hexdigest()[:32])
