"""The desk: questions of many, answered by a few warm processes; alike ones once, all in turn, none for ever."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Literal, Self

from wherewithal.app import answers
from wherewithal.app.asked import Asked, plain
from wherewithal.app.serve import names
from wherewithal.app.serve.crew import GRACE_S, Crew, Died, Failed, Told, Worker, start
from wherewithal.app.serve.lines import Lines
from wherewithal.app.serve.store import Store
from wherewithal.errors import InputError, WherewithalError

# What a question is taken to cost before any of its kind was seen, and the weight of the newest one after that.
FIRST_S, NEWEST = 0.5, 0.1
# A question that would wait longer than this is not accepted: what is answered at all is answered soon.
PATIENCE_S = 3.0


class Busy(WherewithalError):
    """There is more to do than can be done soon; worth another try after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"busy: try again in {retry_after_s:.0f} s")


class TooLong(WherewithalError):
    """A question that takes longer than `deadline_s` seconds."""

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        super().__init__(f"not answered within {deadline_s:g} s; ask it on the command line")


class Broken(WherewithalError):
    """A question that no process could answer: it ended twice, or the calculation has a defect."""


@dataclass(frozen=True)
class Done:
    """An answer: its id, its JSON as UTF-8, and whether it was there already."""

    id: str
    body: bytes
    cached: bool


@dataclass(eq=False)
class Job:
    """One question, and all who wait for its answer."""

    id: str
    verb: str
    text: str
    question: dict[str, Any]
    client: str
    seconds: float
    quick: bool = False
    answer: asyncio.Future[bytes | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    off: asyncio.Event = field(default_factory=asyncio.Event)
    waiters: int = 0
    told: list[Told] = field(default_factory=list)

    def tell(self, phase: str, done: int, total: int) -> None:
        """Pass progress on; one listener that fails does not harm the others."""
        for one in tuple(self.told):
            try:
                one(phase, done, total)
            except Exception:  # noqa: BLE001  # the listener's own trouble
                self.told.remove(one)

    def end(self, error: Exception | None = None, body: bytes | None = None) -> None:
        """Tell all who wait."""
        if not self.answer.done():
            if error is None:
                self.answer.set_result(body)
            else:
                self.answer.set_exception(error)
                self.answer.exception()


class Desk:
    """Answers questions in worker processes; use as `async with Desk(...) as desk`.

    Args:
        workers: processes that answer at the same time; one more is kept warm beside them.
        store: folder of answers that outlive the server; None for none.
        uploads: the server's own folder of uploaded headers.
        queue: questions that may wait.
        deadline_s: seconds a question may take once begun.
        patience_s: a question that would wait longer, by what recent ones took, is refused with Busy.
    """

    def __init__(
        self,
        workers: int,
        store: Path | None,
        uploads: Path,
        queue: int = 64,
        deadline_s: float = 60,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.workers, self.uploads, self.queue = max(1, workers), uploads, queue
        self.deadline_s, self.patience_s, self.folder = deadline_s, patience_s, store
        self.lines: Lines[Job] = Lines()
        self.flight: dict[str, Job] = {}
        self.running: dict[Job, float] = {}
        self.seconds: dict[str, float] = {}
        self.seen: Counter[str] = Counter()
        self.work = asyncio.Condition()
        self.crew = Crew(self.workers + 1, lambda: start(uploads))
        self.store = Store(None)
        self.disk = ThreadPoolExecutor(1, "answers")
        self.slots: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Open the store, and start the workers; one of them is warm when this returns."""
        loop = asyncio.get_running_loop()
        self.store = await loop.run_in_executor(self.disk, Store, self.folder)
        await loop.run_in_executor(self.disk, names.code)
        await loop.run_in_executor(self.disk, names.catalog)
        try:
            await self.crew.open(1)
        except Died:
            raise Broken("no worker process could be started") from None
        self.slots = [asyncio.ensure_future(self._slot()) for _ in range(self.workers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the workers; whoever waits still is told so."""
        for task in self.slots:
            task.cancel()
        await asyncio.gather(*self.slots, return_exceptions=True)
        for job in (*self.flight.values(), *self.running):
            job.end(Broken("the server stops"))
        await self.crew.close()
        self.disk.shutdown()
        self.store.close()

    async def ask(self, asked: Asked, client: str = "", progress: Told | None = None) -> Done:
        """Return the answer, computed unless it is known; cancelling the wait frees the worker.

        Args:
            asked: a checked question.
            client: who asks; clients are served in turn.
            progress: called with (phase, done, total) in the event loop.

        Raises:
            InputError: the question cannot be answered as it stands.
            Busy: too much is waiting.
            TooLong: it took longer than the deadline.
            Broken: a defect.
        """
        name = names.name(asked)
        body = self.store.held(name)
        if body is None and name not in self.flight and self.store.db is not None:
            body = await asyncio.get_running_loop().run_in_executor(self.disk, self.store.get, name)
        if body is not None:
            self.seen["cached"] += 1
            return Done(name, body, cached=True)
        job = self.flight.get(name)
        if job is None:
            verb = names.verb(asked)
            question = {"verb": verb, "asked": plain(asked)}
            job = Job(name, verb, names.canonical(asked), question, client, self._expected(verb))
            await self._enter(job)
        else:
            self.seen["shared"] += 1
        return Done(name, await self._wait(job, progress) or b"", cached=False)

    async def quick(self, asked: Asked, near_id: str, client: str = "") -> bytes | None:
        """Return a first answer made from that to a near question, or None where there is none; it is not kept.

        Args:
            asked: a plan's question.
            near_id: the id of an answer to a question that differs little.
            client: who asks.

        Raises:
            InputError: the question cannot be answered as it stands.
            Busy: too much is waiting.
            TooLong: it took longer than the deadline.
            Broken: a defect.
        """
        near = self.stored(near_id) if hasattr(answers, "quick") else None
        if near is None:
            return None
        question = {"verb": names.verb(asked), "asked": plain(asked), "near": near.decode()}
        job = Job(
            f"quick {near_id} {names.name(asked)}", "quick", "", question, client, self._expected("quick"), quick=True
        )
        await self._enter(job)
        return await self._wait(job, None)

    def stored(self, name: str) -> bytes | None:
        """Return the body of an answer by its id."""
        return self.store.get(name)

    def counts(self) -> dict[str, float]:
        """Return how many questions were asked, answered, refused, and what is at work now."""
        kinds = ("computed", "cached", "shared", "busy", "too_long", "wrong", "broken", "left", "retried")
        return {
            **{kind: self.seen[kind] for kind in kinds},
            "waiting": len(self.lines),
            "running": len(self.running),
            "workers": len(self.crew.all),
            "workers_lost": self.crew.lost,
            "stored": self.store.rows,
            "stored_bytes": self.store.bytes,
            "expected_wait_s": self._delay("", quick=False),
        }

    def keep_upload(self, data: bytes, kind: Literal["json", "gguf"]) -> str:
        """Keep an uploaded header under its SHA-256, which is returned in hex; whole, or not at all."""
        digest = hashlib.sha256(data).hexdigest()
        self.uploads.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self.uploads / f"{digest}.{kind}"
        if not target.is_file():
            handle, draft = tempfile.mkstemp(dir=self.uploads, prefix=".draft-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(draft).replace(target)
            finally:
                Path(draft).unlink(missing_ok=True)
        return digest

    def _expected(self, verb: str) -> float:
        return self.seconds.get(verb, FIRST_S)

    def _delay(self, client: str, *, quick: bool) -> float:
        """Return the seconds until a new question of this client would begin."""
        now = monotonic()
        rest = sum(max(job.seconds - (now - since), 0.0) for job, since in self.running.items())
        if len(self.running) + len(self.lines) < self.workers:
            return 0.0
        return (rest + self.lines.ahead(client, quick=quick)) / self.workers

    async def _enter(self, job: Job) -> None:
        """Stand in line, or be told to come again."""
        delay = self._delay(job.client, quick=job.quick)
        room = len(self.lines) < self.queue
        if room is False and delay <= self.patience_s and (last := self.lines.longest(job.client)) is not None:
            # Whoever sent most gives way, so that a flood from one does not close the door to the others.
            self._leave(last, Busy(self._again(delay)))
            room = True
        if delay > self.patience_s or not room:
            self.seen["busy"] += 1
            raise Busy(self._again(delay))
        self.flight[job.id] = job
        self.lines.add(job)
        async with self.work:
            self.work.notify()

    def _again(self, delay: float) -> float:
        """Return when another try makes sense: half of what waits is then done."""
        return max(1.0, round(delay / 2 + 0.5))

    async def _wait(self, job: Job, progress: Told | None) -> bytes | None:
        job.waiters += 1
        if progress is not None:
            job.told.append(progress)
        try:
            return await asyncio.shield(job.answer)
        finally:
            job.waiters -= 1
            if progress in job.told and progress is not None:
                job.told.remove(progress)
            if job.waiters == 0 and not job.answer.done():
                self.seen["left"] += 1
                self._leave(job, asyncio.CancelledError())

    def _leave(self, job: Job, why: BaseException) -> None:
        """Take a question away, wherever it stands."""
        if self.flight.get(job.id) is job:
            del self.flight[job.id]
        self.lines.remove(job)
        job.off.set()
        if isinstance(why, Busy):
            self.seen["busy"] += 1
            job.end(why)

    async def _slot(self) -> None:
        """Answer one question after another."""
        while True:
            async with self.work:
                while (job := self.lines.take()) is None:
                    await self.work.wait()
            self.running[job] = begun = monotonic()
            try:
                await self._serve(job, begun)
            except asyncio.CancelledError:
                job.end(Broken("the server stops"))
                raise
            except Exception as error:  # noqa: BLE001  # a slot that ends would leave all others waiting
                job.end(Broken(f"{type(error).__name__}: {error}"[:300]))
            finally:
                self.running.pop(job, None)
                if self.flight.get(job.id) is job:
                    del self.flight[job.id]

    async def _serve(self, job: Job, begun: float) -> None:
        """Give one question to a worker; to a second one if the first ends under it."""
        try:
            for _ in range(2):
                try:
                    body = await self._converse(job, begun)
                    break
                except Died:
                    self.seen["retried"] += 1
            else:
                self.seen["broken"] += 1
                job.end(Broken("the process that worked on it ended, twice"))
                return
        except InputError as error:
            self.seen["wrong"] += 1
            job.end(error)
        except TooLong as error:
            self.seen["too_long"] += 1
            job.end(error)
        except Failed as error:
            self.seen["broken"] += 1
            job.end(Broken(str(error)))
        else:
            if body is not None or job.quick:
                await self._keep(job, body, monotonic() - begun)

    async def _keep(self, job: Job, body: bytes | None, took_s: float) -> None:
        """Store an answer before anyone hears of it."""
        self.seen["computed"] += 1
        before = self.seconds.get(job.verb)
        self.seconds[job.verb] = took_s if before is None else before + NEWEST * (took_s - before)
        if body is not None and not job.quick:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.disk, self.store.put, job.id, job.verb, job.text, body)
        job.end(body=body)

    async def _converse(self, job: Job, begun: float) -> bytes | None:
        """Return a worker's answer; None where all who waited have left.

        Raises:
            TooLong: past the deadline.
            Died: the worker ended.
            InputError: from the calculation.
            Failed: a defect.
        """
        left = max(0.0, begun + self.deadline_s - monotonic())
        off = asyncio.ensure_future(job.off.wait())
        taking = asyncio.ensure_future(self.crew.take())
        worker: Worker | None = None
        talk: asyncio.Future[bytes | None] | None = None
        try:
            await asyncio.wait({taking, off}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                worker = taking.result()
                talk = asyncio.ensure_future(worker.ask(job.question, job.tell))
                left = max(0.0, begun + self.deadline_s - monotonic())
                await asyncio.wait({talk, off}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if talk.done():
                    return talk.result()
            if job.off.is_set():
                return None
            raise TooLong(self.deadline_s)
        finally:
            off.cancel()
            taking.cancel()
            if worker is not None and talk is not None:
                await self._release(worker, talk)

    async def _release(self, worker: Worker, talk: asyncio.Future[bytes | None]) -> None:
        """Give a worker back; one that does not let go in time, or has ended, is replaced."""
        try:
            if not talk.done():
                worker.call_off()
                await asyncio.wait({talk}, timeout=GRACE_S)
        finally:
            fit = talk.done() and not talk.cancelled() and not isinstance(talk.exception(), Died)
            if fit:
                self.crew.give(worker)
            else:
                talk.cancel()
                with contextlib.suppress(RuntimeError):
                    self.crew.drop(worker)
