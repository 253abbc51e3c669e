"""A desk that answers in this process, for tests of the MCP server alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass

from wherewithal.app import answers
from wherewithal.app.asked import Asked, plain


@dataclass
class Said:
    id: str
    body: bytes


class Inline:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.clients: list[str] = []

    async def ask(self, asked: Asked, client: str = "", progress=None) -> Said:
        self.clients.append(client)
        document = await asyncio.to_thread(answers.run, asked, None, progress)
        name = hashlib.sha256(json.dumps([type(asked).__name__, plain(asked)]).encode()).hexdigest()
        self.kept[name] = json.dumps(document).encode()
        return Said(name, self.kept[name])

    def stored(self, name: str) -> bytes | None:
        return self.kept.get(name)


class Slow(Inline):
    """A desk whose answers never come; it knows whether it was told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.stopped = asyncio.Event(), asyncio.Event()

    async def ask(self, asked: Asked, client: str = "", progress=None) -> Said:
        if progress:
            progress("search", 1, 4)
        self.begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        raise AssertionError
