"""The header of a GGUF file: keys, and every tensor's name, shape and type. The weights themselves are never read."""

from __future__ import annotations

import mmap
import os
import stat
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from wherewithal.errors import InputError

MOST_KEYS = 10_000
MOST_TENSORS = 1_000_000
MOST_TEXT = 64 * 1024
MOST_ITEMS = 4_000_000
KEPT_ITEMS = 10_000
_FIXED = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9


class Tensor(NamedTuple):
    """One tensor: its name, shape, type and bytes [B]."""

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: float

    @property
    def elements(self) -> int:
        """Number of elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count


class Length(NamedTuple):
    """A list whose entries were passed over: how many there are."""

    count: int  # type: ignore[assignment]


class Header(NamedTuple):
    """What a GGUF header states: keys to values, tensors, and whether more files belong to it."""

    keys: Mapping[str, Any]
    tensors: tuple[Tensor, ...]


@cache
def types() -> Mapping[int, tuple[str, int, int]]:
    """Return tensor type numbers to name, weights per block and bytes per block."""
    from gguf.constants import GGML_QUANT_SIZES

    return {int(kind): (kind.name.lower(), *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}


def header_bytes(data: bytes) -> int:
    """Return how many of a file's first bytes are its header, the padding before its weights left out.

    Args:
        data: the file's beginning; weights behind the header do no harm.

    Raises:
        InputError: as `read_header`, and where `data` ends within the header.
    """
    reader = _Reader(data, "model")
    reader.parts()
    return reader.at


def read_header(path: Path) -> Header:
    """Return the header of a file; a file that is its header to the byte, and no weight, is taken for a whole one's.

    Raises:
        InputError: for what is not a GGUF file of version 2 or 3, is cut short, or goes beyond the limits above.
    """
    where = str(path)
    try:
        with open(path, "rb", opener=_no_wait) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(where, "not a regular file", "give a GGUF file")
            if os.fstat(file.fileno()).st_size < 24:
                raise InputError(where, "too short for a GGUF file", "give a whole GGUF file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data, where).header()
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise InputError(where, f"cannot be read ({reason})", "check the path") from None


def _no_wait(name: str, flags: int) -> int:
    """Open without waiting for a writer, so that a named pipe does not hang."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


class _Reader:
    """A cursor over a header; every read is checked against the end of the file."""

    def __init__(self, data: mmap.mmap | bytes, where: str) -> None:
        self.data, self.where, self.at, self.items = data, where, 0, 0

    def header(self) -> Header:
        """Return the whole header of a whole file, or of a file that holds nothing else."""
        made = self.parts()
        if self.at != len(self.data):
            self.check_size(made.keys, made.tensors)
        return made

    def parts(self) -> Header:
        """Return the whole header, whatever comes after it."""
        if self.data[:4] != b"GGUF":
            raise self.fail("the first four bytes are not GGUF", "give a GGUF file")
        self.at = 4
        version = self.number("I")
        if version not in (2, 3):
            swapped = int.from_bytes(int(version).to_bytes(4, "little"), "big")
            what = "is big-endian" if swapped in (2, 3) else f"is of version {version}"
            raise self.fail(f"the file {what}", "this reads little-endian files of version 2 and 3")
        tensors, keys = self.number("Q"), self.number("Q")
        if tensors > MOST_TENSORS or keys > MOST_KEYS:
            raise self.fail(f"{tensors} tensors and {keys} keys", f"at most {MOST_TENSORS:,} and {MOST_KEYS:,}")
        found = dict(self.pair() for _ in range(keys))
        made = tuple(self.tensor() for _ in range(tensors))
        return Header(found, made)

    def check_size(self, keys: Mapping[str, Any], tensors: tuple[Tensor, ...]) -> None:
        """Refuse a file that ends before its weights do."""
        align = keys.get("general.alignment", 32)
        align = align if isinstance(align, int) and 1 <= align <= 1 << 20 else 32
        start = -(-self.at // align) * align if tensors else self.at
        needed = start + sum(t.bytes for t in tensors)
        if needed > len(self.data):
            raise self.fail(
                f"cut short: {len(self.data):,} of at least {needed:,.0f} bytes", "get the whole file again"
            )

    def fail(self, what: str, fix: str = "") -> InputError:
        """Return the error of this file."""
        return InputError(self.where, what, fix)

    def number(self, kind: str) -> Any:
        """Return one number of a struct kind."""
        size = struct.calcsize("<" + kind)
        if self.at + size > len(self.data):
            raise self.fail(f"cut short in the header, at byte {self.at:,}", "get the whole file again")
        value = struct.unpack_from("<" + kind, self.data, self.at)[0]
        self.at += size
        return value

    def skip(self, size: int) -> None:
        """Pass over so many bytes."""
        if size > len(self.data) - self.at:
            raise self.fail(f"cut short in the header, at byte {self.at:,}", "get the whole file again")
        self.at += size

    def text(self) -> str:
        """Return a text of at most 64 KB."""
        size, start = self.number("Q"), self.at
        if size > MOST_TEXT:
            raise self.fail(f"a text of {size:,} bytes at byte {start:,}", f"at most {MOST_TEXT:,}")
        self.skip(size)
        try:
            return self.data[start : self.at].decode("utf-8")
        except UnicodeDecodeError:
            raise self.fail(f"a text at byte {start:,} is not UTF-8") from None

    def pair(self) -> tuple[str, Any]:
        """Return one key and its value; long lists are passed over."""
        key, kind = self.text(), self.number("I")
        if kind == _ARRAY:
            return key, self.array()
        return key, self.value(kind)

    def value(self, kind: int) -> Any:
        """Return one value that is no list."""
        if kind == _TEXT:
            return self.text_or_size()
        if kind not in _FIXED:
            raise self.fail(f"unknown value type {kind} at byte {self.at:,}", "types 0 to 12")
        return self.number(_FIXED[kind])

    def text_or_size(self) -> Any:
        """Return a text, or pass over one that is too long to matter (a chat template)."""
        size = self.number("Q")
        self.at -= 8
        if size <= MOST_TEXT:
            return self.text()
        self.at += 8
        if size > 64 * MOST_TEXT:
            raise self.fail(f"a text of {size:,} bytes at byte {self.at:,}", f"at most {64 * MOST_TEXT:,}")
        self.skip(size)
        return Length(size)

    def array(self) -> Any:
        """Return a short list of numbers or flags; of others only the length."""
        kind, count = self.number("I"), self.number("Q")
        self.items += count
        if self.items > MOST_ITEMS:
            raise self.fail(f"lists of more than {MOST_ITEMS:,} entries")
        if kind == _TEXT:
            for _ in range(count):
                self.skip(self.number("Q"))
            return Length(count)
        if kind not in _FIXED:
            raise self.fail(f"a list of value type {kind} at byte {self.at:,}", "lists of numbers, flags or texts")
        if count > KEPT_ITEMS:
            self.skip(count * struct.calcsize("<" + _FIXED[kind]))
            return Length(count)
        return [self.number(_FIXED[kind]) for _ in range(count)]

    def tensor(self) -> Tensor:
        """Return one tensor's description."""
        name, dims = self.text(), self.number("I")
        if not 0 <= dims <= 4:
            raise self.fail(f"tensor {name[:60]!r} has {dims} dimensions", "at most 4")
        shape = tuple(self.number("Q") for _ in range(dims))
        kind, _ = self.number("I"), self.number("Q")
        if kind not in types():
            raise self.fail(f"tensor {name[:60]!r} is of unknown type {kind}", "update the gguf package")
        label, block, size = types()[kind]
        made = Tensor(name, shape, label, 0.0)
        if not 0 < made.elements < 1e15:
            raise self.fail(f"tensor {name[:60]!r} has {made.elements:,} elements", "1 to 1e15")
        return made._replace(bytes=made.elements * size / block)
