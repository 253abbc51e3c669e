"""What a person reads, in the languages of the faces: English is the key, `{holes}` are filled after.

Each file of `zh/` is a flat object {English: Chinese}; a room of the program keeps its own file.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from wherewithal.app.words.match import Matcher, fill
from wherewithal.app.words.prose import walk

LANGS = ("en", "zh")


@cache
def table(lang: str) -> dict[str, str]:
    """Return every English string or template with what it says in `lang`; empty for English."""
    if lang not in LANGS or lang == "en":
        return {}
    merged: dict[str, str] = {}
    folder = files("wherewithal.app.words") / lang
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".json"):
            merged |= json.loads(file.read_text(encoding="utf-8"))
    return merged


def say(text: str, lang: str = "en", **holes: object) -> str:
    """Return a string of a face in `lang` with its `{holes}` filled; in English where `lang` does not have it."""
    return fill(table(lang).get(text, text), {k: str(v) for k, v in holes.items()})


@cache
def _matcher(lang: str) -> Matcher:
    return Matcher(table(lang))


@lru_cache(maxsize=4096)
def translated(text: str, lang: str) -> str:
    """Return a finished English sentence in `lang`: as it stands in the table, else by the template that made it."""
    return text if lang not in LANGS or lang == "en" else _matcher(lang).say(text)


def document(doc: dict[str, Any], lang: str) -> dict[str, Any]:
    """Return an answer with its prose in `lang`; names, figures and commands stay as they are."""
    if lang not in LANGS or lang == "en":
        return doc
    translated_doc: dict[str, Any] = walk(doc, lambda text: translated(text, lang))
    return translated_doc
