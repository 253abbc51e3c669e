"""One worker process as the event loop sees it: start, ask, give up, kill."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from wherewithal.app.serve import worker

# A worker that was told to stop and has not within this time [s] is ended.
PATIENCE_S = 0.3
SPAWN = multiprocessing.get_context("spawn")


class Hand:
    """A worker process; everything but the waiting for its words happens in the event loop.

    Args:
        uploads: folder of uploaded headers.
    """

    def __init__(self, uploads: Path) -> None:
        self.uploads = uploads
        self.process: SpawnProcess | None = None
        self.pipe: Connection | None = None
        self.stop = SPAWN.Event()
        self.timer: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self.process is not None and self.process.is_alive()

    async def start(self) -> None:
        """Start a new process and wait until it is warm."""
        self.kill()
        self.stop = SPAWN.Event()
        self.pipe, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=worker.main, args=(theirs, self.stop, self.uploads), daemon=True)
        await asyncio.to_thread(self.process.start)
        theirs.close()
        while (await self._word())[0] not in ("ready", "gone"):
            pass

    async def answer(self, verb: str, asked: dict[str, Any], told: Callable[[str, int, int], None]) -> tuple[Any, ...]:
        """Return a worker's last word on a question: ("done", body), ("bad", ...), ("given up",), ("gone",), ...

        Args:
            verb: the verb.
            asked: what is asked, in canonical form.
            told: called with its progress.
        """
        self.stop.clear()
        try:
            if self.pipe is None:
                return ("gone",)
            self.pipe.send((verb, asked))
        except OSError:
            return ("gone",)
        while True:
            said = await self._word()
            if said[0] != "progress":
                break
            told(*said[1:])
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        return said

    async def _word(self) -> tuple[Any, ...]:
        """Return the next thing that the process says; ("gone",) where it ended."""
        pipe = self.pipe
        if pipe is None:
            return ("gone",)
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(pipe.fileno(), _set, ready)
        try:
            await ready
            word: tuple[Any, ...] = pipe.recv()
        except (EOFError, OSError):
            return ("gone",)
        finally:
            loop.remove_reader(pipe.fileno())
        return word

    def give_up(self) -> None:
        """Tell it to stop, and end it where it does not."""
        self.stop.set()
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(PATIENCE_S, self._end)

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()

    def kill(self) -> None:
        """End the process, if there is one, and close the pipe."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process.close()
        if self.pipe is not None:
            self.pipe.close()
        self.process = self.pipe = None


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
