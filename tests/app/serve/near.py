"""A desk in this process, for tests: the same calls as the real one, no workers; `python -m tests.app.serve.near PORT`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple, Self

from wherewithal.app import answers
from wherewithal.app.asked import VERBS, plain


class Done(NamedTuple):
    id: str
    body: bytes
    cached: bool


class Near:
    """Answers in a thread; `gate`, where set, is awaited first, and `fails` is raised."""

    def __init__(self, uploads: Path) -> None:
        self.uploads, self.kept = uploads, {}
        self.gate: asyncio.Event | None = None
        self.fails: Exception | None = None
        self.cancelled = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def ask(self, asked: Any, client: str = "", progress: Any = None) -> Done:
        if self.fails is not None:
            raise self.fails
        verb = next(v for v, kind in VERBS.items() if isinstance(asked, kind))
        name = hashlib.sha256(json.dumps([verb, plain(asked)], sort_keys=True).encode()).hexdigest()
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if name not in self.kept:
            found = await asyncio.to_thread(answers.run, asked, self.uploads, progress)
            self.kept[name] = json.dumps(found, allow_nan=False).encode()
        return Done(name, self.kept[name], False)

    def stored(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def counts(self) -> dict[str, float]:
        return {"queue": 0.0, "cached": 0.0}

    def keep_upload(self, data: bytes, kind: str) -> str:
        digest = hashlib.sha256(data).hexdigest()
        (self.uploads / f"{digest}.{kind}").write_bytes(data)
        return digest


if __name__ == "__main__":
    import tempfile

    import uvicorn

    from wherewithal.app.serve import api
    from wherewithal.app.serve.settings import Settings

    port = int(sys.argv[1])
    desk = Near(Path(tempfile.mkdtemp()))
    uvicorn.run(api.app(desk, Settings(port=port)), port=port, http="h11", log_level="warning")
