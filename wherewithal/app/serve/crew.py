"""The worker processes as the server sees them: always as many warm ones as work, and one to spare."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wherewithal.app.serve.worker import ANSWER, ASK, CANCEL, FAILED, HEAD, PROGRESS, READY, STOPPED, WRONG
from wherewithal.errors import InputError

Told = Callable[[str, int, int], None]
ROOT = Path(__file__).resolve().parents[3]
# How long a worker has to let go of a question that was called off.
GRACE_S = 0.3
START_S = 60.0


class Died(Exception):
    """The process ended, or does not speak."""


class Failed(Exception):
    """The calculation itself went wrong: a defect, not the asker's."""


class Worker:
    """One process and the two ends of its pipe."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @property
    def alive(self) -> bool:
        """Whether the process has not ended, as far as is known."""
        return self.process.returncode is None

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Put one frame in the pipe; a broken pipe shows at the next read."""
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(HEAD.pack(kind, len(payload)) + payload)

    async def read(self) -> tuple[bytes, bytes]:
        """Return the next frame.

        Raises:
            Died: there is none.
        """
        source = self.process.stdout
        if source is None:
            raise Died
        try:
            kind, size = HEAD.unpack(await source.readexactly(HEAD.size))
            return kind, await source.readexactly(size)
        except (asyncio.IncompleteReadError, OSError):
            raise Died from None

    async def ask(self, question: dict[str, Any], told: Told) -> bytes | None:
        """Return an answer's body; None where the worker was told to stop and did.

        Raises:
            InputError: as the calculation raised it.
            Died: the process ended before it answered.
            Failed: a defect.
        """
        self.send(ASK, json.dumps(question).encode())
        while True:
            kind, payload = await self.read()
            match kind:
                case _ if kind == PROGRESS:
                    said = json.loads(payload)
                    told(said["phase"], said["done"], said["total"])
                case _ if kind == ANSWER:
                    return payload
                case _ if kind == WRONG:
                    raise InputError(**json.loads(payload))
                case _ if kind == FAILED:
                    raise Failed(json.loads(payload)["what"])
                case _ if kind == STOPPED:
                    return None
                case _:
                    raise Died

    def call_off(self) -> None:
        """Tell it to stop what it is at."""
        self.send(CANCEL)

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


async def start(uploads: Path) -> Worker:
    """Return a worker that is warm.

    Raises:
        Died: it did not come up.
    """
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    pipe = asyncio.subprocess.PIPE
    module = "wherewithal.app.serve.worker"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        str(uploads),
        stdin=pipe,
        stdout=pipe,
        env={**os.environ, **one, "PYTHONPATH": path},
    )
    worker = Worker(process)
    try:
        async with asyncio.timeout(START_S):
            if (await worker.read())[0] != READY:
                raise Died
    except BaseException as error:
        worker.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise Died from None
        raise
    return worker


class Crew:
    """Warm workers to take and give back; one that is lost is replaced while the others work.

    Args:
        size: how many there are in all.
        begin: starts one.
    """

    def __init__(self, size: int, begin: Callable[[], Any]) -> None:
        self.size, self.begin = size, begin
        self.idle: asyncio.Queue[Worker] = asyncio.Queue()
        self.all: set[Worker] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.started = self.lost = 0

    async def open(self, first: int) -> None:
        """Start all, and return when `first` are warm.

        Raises:
            Died: none came up.
        """
        for _ in range(self.size):
            self._replace()
        while len(self.all) < first:
            await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
            if not self.all and not self.tasks:
                raise Died

    async def take(self) -> Worker:
        """Return a worker that was alive when last seen."""
        while True:
            if not self.tasks and not self.all:
                self._replace()
            worker = await self.idle.get()
            if worker.alive:
                return worker
            self.drop(worker)

    def give(self, worker: Worker) -> None:
        """Give one back, ready for the next question."""
        self.idle.put_nowait(worker)

    def drop(self, worker: Worker) -> None:
        """End one that cannot be used any more, and start another."""
        worker.kill()
        self.all.discard(worker)
        self.lost += 1
        self._replace()

    async def close(self) -> None:
        """End all."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for worker in self.all:
            worker.kill()
        for worker in self.all:
            await worker.process.wait()

    def _replace(self) -> None:
        task = asyncio.ensure_future(self._start())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _start(self) -> None:
        for pause_s in (0.1, 1.0, 5.0):
            try:
                worker = await self.begin()
            except (Died, OSError):
                await asyncio.sleep(pause_s)
                continue
            self.all.add(worker)
            self.started += 1
            self.idle.put_nowait(worker)
            return
