"""The tokens of a GGUF file: prompts drawn from them, and answers counted by them where the server does not count."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from wherewithal.errors import InputError

# Marks of a blank before a word: that of byte-level vocabularies, that of sentence pieces.
_BYTE, _PIECE = "\u0120", "\u2581"
_NORMAL = 1
# How byte-level vocabularies cut a text before they merge; families differ in details (digits by one or by three).
_CUT = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d{1,3}| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and how texts are put together from them.

    Attributes:
        name: of the file.
        ranks: of pairs that are merged, the first first (byte-level), or empty.
        scores: token to score (sentence pieces), or empty.
        ids: of ordinary tokens.
        words: that are one token each, with the blank before them.
        size: of the whole vocabulary.
    """

    name: str
    ranks: dict[tuple[str, str], int] = field(repr=False)
    scores: dict[str, float] = field(repr=False)
    ids: tuple[int, ...] = field(repr=False)
    words: tuple[str, ...] = field(repr=False)
    size: int = 0

    def count(self, text: str) -> int:
        """Return how many tokens a text comes to."""
        if self.ranks:
            known: dict[str, int] = {}
            total = 0
            for piece in _CUT.findall(text):
                if piece not in known:
                    known[piece] = len(self._merged("".join(_letters()[b] for b in piece.encode())))
                total += known[piece]
            return total
        parts = self._merged(_PIECE + text.replace(" ", _PIECE))
        return sum(1 if p in self.scores else len(p.encode()) for p in parts)

    def _merged(self, piece: str) -> list[str]:
        """Return the tokens of one piece: its letters, merged pair by pair, the best pair first."""
        parts = list(piece)
        while len(parts) > 1:
            best, at = None, -1
            for i in range(len(parts) - 1):
                rank = self._rank(parts[i], parts[i + 1])
                if rank is not None and (best is None or rank < best):
                    best, at = rank, i
            if best is None:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return parts

    def _rank(self, left: str, right: str) -> float | None:
        if self.ranks:
            return self.ranks.get((left, right))
        score = self.scores.get(left + right)
        return None if score is None else -score


@cache
def _letters() -> tuple[str, ...]:
    """Return the letter that stands for each byte in byte-level vocabularies: itself where it can be seen."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = iter(range(0x100, 0x200))
    return tuple(chr(b) if b in seen else chr(next(hidden)) for b in range(256))


def read(path: Path) -> Vocabulary:
    """Return the vocabulary of a GGUF file.

    Raises:
        InputError: it cannot be read, or holds none.
    """
    where = f"--vocabulary {path.name}"
    if not path.is_file():
        raise InputError(where, "no such file", "name a GGUF file")
    try:
        from gguf import GGUFReader

        fields = GGUFReader(path).fields
        tokens = _texts(fields.get("tokenizer.ggml.tokens"))
        kinds = _numbers(fields.get("tokenizer.ggml.token_type")) or [_NORMAL] * len(tokens)
        merges = _texts(fields.get("tokenizer.ggml.merges"))
        scores = _numbers(fields.get("tokenizer.ggml.scores"))
    except (OSError, ValueError, KeyError, IndexError, UnicodeDecodeError, MemoryError) as error:
        raise InputError(where, f"cannot be read ({str(error)[:80]})", "name a GGUF file with a tokenizer") from None
    if not tokens or len(kinds) != len(tokens):
        raise InputError(where, "holds no vocabulary", "name a GGUF file with a tokenizer")
    ids = tuple(i for i, (t, k) in enumerate(zip(tokens, kinds, strict=True)) if k == _NORMAL and _plain(t))
    words = tuple(tokens[i][1:] for i in ids if re.fullmatch(r"[a-z]{3,}", tokens[i][1:]))
    if len(ids) < 8 or len(words) < 8:
        raise InputError(where, f"{len(words)} plain words among {len(tokens):,} tokens", "leave --vocabulary out")
    pairs = (tuple(m.split(" ", 1)) for m in merges)
    ranks = {(p[0], p[1]): i for i, p in enumerate(pairs) if len(p) == 2}
    pieces = dict(zip(tokens, scores, strict=True)) if len(scores) == len(tokens) and not ranks else {}
    return Vocabulary(path.name, ranks, pieces, ids, words, len(tokens))


def _plain(token: str) -> bool:
    """Return whether a token is a blank and letters, which no template or control is."""
    return token[:1] in (_BYTE, _PIECE) and token[1:].isascii() and token[1:].isalpha()


def _texts(found: Any) -> list[str]:
    return [bytes(found.parts[i]).decode("utf-8", "replace") for i in found.data] if found is not None else []


def _numbers(found: Any) -> list[float]:
    return [found.parts[i][0].item() for i in found.data] if found is not None else []
