"""Prompts of stated lengths that differ from their first token on, so that no cache answers for the server."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Short words that nearly every vocabulary holds as one token each (with the blank before them).
WORDS = (  # noqa: SIM905  a page of words reads better
    "time year people way day man thing woman life child world school state family student group country problem hand "
    "part place case week company system program question work government number night point home water room mother "
    "area money story fact month lot right study book eye job word business issue side kind head house service friend "
    "father power hour game line end member law car city community name president team minute idea body information "
    "back parent face others level office door health person art war history party result change morning reason "
    "research girl guy moment air teacher force education"
).split()
# Ids that are ordinary tokens in nearly every vocabulary: above the bytes and controls, below what is added at the end.
LOW_ID, HIGH_ID = 1000, 30000


@dataclass(frozen=True)
class Prompts:
    """How prompts are made.

    Attributes:
        form: `ids` (arrays of token ids) or `text`.
        salt: differs from run to run, so that a cache of an earlier run answers nothing.
        shared: [token] at the start that all prompts have in common.
        extra: [token] that the server adds to each prompt (a template, a start token).
        per_word: tokens that a word comes to, for text.
        ids: token ids to draw from; empty for LOW_ID to HIGH_ID.
        words: words to draw from.
        top: ids are below this, the size of the vocabulary where it is known.
    """

    form: str
    salt: str
    shared: int = 0
    extra: float = 0.0
    per_word: float = 1.0
    ids: tuple[int, ...] = ()
    words: tuple[str, ...] = tuple(WORDS)
    top: int = HIGH_ID

    def make(self, name: str, tokens: int) -> str | list[int]:
        """Return one prompt of so many tokens, as far as its form can hold to that.

        Args:
            name: of the request; each name gives another prompt.
            tokens: [token] that the server should count.
        """
        count = max(round((tokens - self.extra) / (self.per_word if self.form == "text" else 1.0)), 1)
        shared = min(self.shared, max(count - 1, 0))
        same, own = random.Random(f"{self.salt} shared"), random.Random(f"{self.salt} {name}")  # noqa: S311
        if self.form == "ids":
            return self._ids(same, shared) + self._ids(own, count - shared)
        return " ".join(same.choices(self.words, k=shared) + own.choices(self.words, k=count - shared))

    def _ids(self, draw: random.Random, count: int) -> list[int]:
        if self.ids:
            return draw.choices(self.ids, k=count)
        low = LOW_ID if self.top > 2 * LOW_ID else self.top // 4
        return draw.choices(range(low, max(min(self.top, HIGH_ID), low + 1)), k=count)
