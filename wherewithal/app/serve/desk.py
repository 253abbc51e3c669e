"""Where questions wait, are computed once, and are kept: worker processes behind a fair queue."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from wherewithal import __version__
from wherewithal.app.asked import VERBS, Asked, plain
from wherewithal.app.serve.fair import FairQueue
from wherewithal.app.serve.hand import Hand
from wherewithal.app.serve.store import Store
from wherewithal.catalog import load as catalog
from wherewithal.errors import InputError

Progress = Callable[[str, int, int], None] | None
# A question that would wait longer is refused at once: who is told to come back is better served than who waits.
LONGEST_WAIT_S = 3.0
# Weight of the newest question in the running mean of what one takes.
NEWEST = 0.05


class Busy(Exception):
    """The queue is full; `retry_after_s` [s] is when it is worth asking again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many questions at once; ask again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class TooLong(Exception):
    """A question took longer than `deadline_s` [s]."""

    def __init__(self, deadline_s: float) -> None:
        super().__init__(f"not answered within {deadline_s:g} s; ask it on the command line, which has no limit")
        self.deadline_s = deadline_s


class Failed(Exception):
    """A worker failed at a question in a way that is our mistake."""


class Done(NamedTuple):
    """An answer: its id, the JSON of the contract in UTF-8, and whether it had been computed before."""

    id: str
    body: bytes
    cached: bool


@dataclass(eq=False)
class Flight:
    """A question on its way: who waits for it."""

    key: str
    asked: Asked
    verb: str
    done: asyncio.Future[bytes]
    waiting: int = 0
    hand: Hand | None = None
    listeners: list[Callable[[str, int, int], None]] = field(default_factory=list)

    def told(self, phase: str, done: int, total: int) -> None:
        """Pass on how far it is."""
        for listener in self.listeners:
            listener(phase, done, total)


class Desk:
    """Computes answers in worker processes; used as `async with Desk(...) as desk`.

    Args:
        workers: processes that compute.
        store: folder for answers; None keeps them in memory.
        uploads: folder of uploaded headers; None makes one that goes with the desk.
        queue: questions that may wait at the most.
        deadline_s: [s] that a question may take.
    """

    def __init__(
        self, workers: int, store: Path | None, uploads: Path | None = None, queue: int = 64, deadline_s: float = 60
    ) -> None:
        self.store, self.queue, self.deadline_s = Store(store), queue, deadline_s
        self.own = tempfile.TemporaryDirectory(prefix="wherewithal-") if uploads is None else None
        self.uploads = Path(self.own.name) if self.own else Path(uploads or ".")
        self.uploads.mkdir(parents=True, exist_ok=True)
        self.size, self.hands, self.tasks = workers, [Hand(self.uploads) for _ in range(workers)], set[Any]()
        self.line: FairQueue[Flight] = FairQueue()
        self.flights: dict[str, Flight] = {}
        self.more = asyncio.Event()
        self.mean_s, self.busy = 0.3, 0
        self.tally = dict.fromkeys(("cached", "new", "joined", "busy", "given_up", "failed", "killed"), 0)

    async def __aenter__(self) -> Self:
        """Start the workers; questions may be asked at once and wait until the first is warm."""
        self.tasks = {asyncio.create_task(self._work(hand)) for hand in self.hands}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers and close the store."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for hand in self.hands:
            hand.kill()
        for flight in self.flights.values():
            flight.done.cancel()
        self.store.close()
        if self.own is not None:
            self.own.cleanup()

    async def ask(self, asked: Asked, client: str = "", progress: Progress = None) -> Done:
        """Return the answer to a question, computed once however many ask it; cancelling this gives it up.

        Args:
            asked: the question.
            client: whose it is, for fairness.
            progress: called with (phase, done, total).

        Raises:
            Busy: the queue is full.
            TooLong: it took longer than the deadline.
            Failed: our own mistake.
            InputError: something in the question cannot be used.
        """
        verb = next(name for name, kind in VERBS.items() if type(asked) is kind)
        key = self.key(verb, asked)
        kept = self.store.get(key)
        if kept is not None:
            self.tally["cached"] += 1
            return Done(key, kept, cached=True)
        flight = self.flights.get(key)
        self.tally["joined" if flight else "new"] += 1
        if flight is None:
            flight = self._entered(key, verb, asked, client)
        return Done(key, await self._awaited(flight, progress), cached=False)

    def _entered(self, key: str, verb: str, asked: Asked, client: str) -> Flight:
        waiting = len(self.line)
        wait = (waiting + self.busy) * self.mean_s / max(self.size, 1)
        if waiting >= self.queue or wait > LONGEST_WAIT_S + 2 * self.mean_s:
            self.tally["busy"] += 1
            raise Busy(max(1, round(wait)))
        flight = Flight(key, asked, verb, asyncio.get_running_loop().create_future())
        self.flights[key] = flight
        self.line.put(client, flight)
        self.more.set()
        return flight

    async def _awaited(self, flight: Flight, progress: Progress) -> bytes:
        flight.waiting += 1
        if progress is not None:
            flight.listeners.append(progress)
        try:
            return await asyncio.wait_for(asyncio.shield(flight.done), self.deadline_s)
        except TimeoutError:
            raise TooLong(self.deadline_s) from None
        finally:
            flight.waiting -= 1
            if progress is not None:
                flight.listeners.remove(progress)
            if not flight.waiting and not flight.done.done():
                self._left(flight)

    def _left(self, flight: Flight) -> None:
        """Give a question up that nobody waits for any more."""
        self.tally["given_up"] += 1
        self.flights.pop(flight.key, None)
        self.line.drop(flight)
        flight.done.cancel()
        if flight.hand is not None:
            flight.hand.give_up()

    async def _work(self, hand: Hand) -> None:
        """Take one question after the other to a worker; a worker that is gone is replaced."""
        while True:
            if not hand.alive:
                await hand.start()
            while not len(self.line):
                self.more.clear()
                await self.more.wait()
            flight = self.line.take()
            flight.hand, self.busy = hand, self.busy + 1
            try:
                start = asyncio.get_running_loop().time()
                said = await hand.answer(flight.verb, plain(flight.asked), flight.told)
                if said[0] == "gone" and not flight.done.done():
                    self.tally["killed"] += 1
                    await hand.start()
                    said = await hand.answer(flight.verb, plain(flight.asked), flight.told)
                self.mean_s += NEWEST * (asyncio.get_running_loop().time() - start - self.mean_s)
                self._said(flight, said)
            finally:
                flight.hand, self.busy = None, self.busy - 1
                self.flights.pop(flight.key, None)
                if not flight.done.done():
                    flight.done.cancel()

    def _said(self, flight: Flight, said: tuple[Any, ...]) -> None:
        """Hand a worker's word to those who wait."""
        if said[0] == "done":
            self.store.put(flight.key, flight.verb, json.dumps(plain(flight.asked)), said[1])
        if flight.done.done():
            return
        if said[0] == "done":
            flight.done.set_result(said[1])
        elif said[0] == "bad":
            flight.done.set_exception(InputError(*said[1:]))
        elif said[0] != "given up":
            self.tally["failed"] += 1
            why = said[1] if len(said) > 1 else "the process that computed it ended twice"
            flight.done.set_exception(Failed(why))

    def key(self, verb: str, asked: Asked) -> str:
        """Return the id of an answer: the hash of what was asked, the version and the catalog."""
        said = json.dumps([verb, plain(asked), *_edition()], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def stored(self, key: str) -> bytes | None:
        """Return an answer given before, or None."""
        return self.store.get(key)

    def keep_upload(self, data: bytes, kind: str) -> str:
        """Keep an uploaded `json` or `gguf` header under its hash, and return that."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.uploads / f"{digest}.{kind}"
        if not path.exists():
            with tempfile.NamedTemporaryFile(dir=self.uploads, delete=False) as file:
                file.write(data)
            Path(file.name).replace(path)
        return digest

    def drop_upload(self, digest: str) -> None:
        """Forget an upload that turned out to be no model."""
        for kind in ("json", "gguf"):
            with contextlib.suppress(FileNotFoundError):
                (self.uploads / f"{digest}.{kind}").unlink()

    def counts(self) -> dict[str, float]:
        """Return what happened so far, and how full it is now."""
        now = {"waiting": len(self.line), "working": self.busy, "workers": self.size, "stored": self.store.count()}
        return {**self.tally, **now, "mean_s": self.mean_s}


@cache
def _edition() -> tuple[str, str]:
    """Return the version, and a digest of the files of the installed catalog by name, size and time."""
    digest = hashlib.sha256()
    root = Path(str(catalog.builtin()))
    for path in sorted(root.rglob("*")):
        if path.is_file():
            about = path.stat()
            digest.update(f"{path.relative_to(root)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return __version__, digest.hexdigest()
