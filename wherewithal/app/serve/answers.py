"""What goes back for a question: its document in a language and with charts, at once or as events."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wherewithal.app.asked import Asked
from wherewithal.app.serve import problems
from wherewithal.app.serve.problems import Refused
from wherewithal.errors import WherewithalError

HEARTBEAT_S = 10.0
T = TypeVar("T")


class Asking(Protocol):
    """The part of a desk that is used here; see `desk.Desk`."""

    async def ask(self, asked: Asked, client: str = "", progress: Any = None) -> Any:
        """Return an answer."""


class HungUp(Exception):
    """The client has gone; nobody reads what comes."""


def optional(name: str) -> Any:
    """Return a module of the package, or None where this installation does not have it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def shaped(verb: str, body: bytes, lang: str, charts: bool) -> bytes:
    """Return a document with its prose in a language, and with charts where asked for.

    Args:
        verb: what was asked.
        body: the document in English.
        lang: `en` or `zh`.
        charts: add specifications of charts.
    """
    if lang == "en" and not charts:
        return body
    document: dict[str, Any] = json.loads(body)
    drawn = optional("wherewithal.app.charts") if charts else None
    specs = drawn.specs(verb, document, lang) if drawn is not None else {}
    words = optional("wherewithal.app.words") if lang != "en" else None
    if words is not None:
        document = words.document(document, lang)
    if charts:
        document["charts"] = specs
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def problem_of(error: BaseException) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the problem document of anything that an answer may end in, and the headers that go with it."""
    kind = type(error).__name__
    if isinstance(error, Refused):
        return problems.document(error.status, error.where, error.what, error.fix), error.headers
    if kind == "Busy":
        wait = max(1, round(float(getattr(error, "retry_after_s", 1))))
        made = problems.document(503, "server", "as many questions wait as it takes", f"come back in {wait} s")
        return made, {"retry-after": str(wait)}
    if kind == "TooLong":
        limit = float(getattr(error, "deadline_s", 0))
        return problems.document(504, "server", f"it took longer than {limit:g} s", "ask for fewer chips"), {}
    if isinstance(error, WherewithalError) and kind != "Broken":
        return problems.of_error(error), {}
    return problems.document(500, "server", f"an error of ours ({kind})", "please report what was asked"), {}


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what work gives; end it as soon as the client hangs up.

    Raises:
        HungUp: the client has gone.
    """
    doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request.receive))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise HungUp
    finally:
        await _end(doing, gone)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def event(name: str, data: bytes) -> bytes:
    """Return one server-sent event; JSON has no bare line break, so that one line of data is enough."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


class Events(Response):
    """The answer as server-sent events; ends its work as soon as the client hangs up.

    Args:
        desk: who answers.
        verb: what is asked.
        asked: the record.
        client: whose turn it is.
        form: language, and whether charts are asked for.
        near: the id of an answer to a question that differs little, for a quick first answer; empty for none.
    """

    media_type = "text/event-stream"

    def __init__(
        self, desk: Asking, verb: str, asked: Asked, client: str, form: tuple[str, bool], near: str = ""
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.desk, self.verb, self.asked, self.client, self.form, self.near = desk, verb, asked, client, form, near

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the answer is there or the client has gone."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        telling = asyncio.ensure_future(self._tell(send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({telling, gone}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
        except OSError:  # the other end closed while we sent
            return
        finally:
            await _end(telling, gone)

    async def _tell(self, send: Send) -> None:
        async for part in self._parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _parts(self) -> AsyncIterator[bytes]:
        """Yield events: what is done so far, heartbeats while nothing is new, then the answer or the problem."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def progress(phase: str, done: int, total: int) -> None:
            said = json.dumps({"phase": phase, "done": done, "total": total}).encode()
            loop.call_soon_threadsafe(queue.put_nowait, event("progress", said))

        async def work() -> None:
            try:
                queue.put_nowait(await self._last(progress, queue))
            finally:
                queue.put_nowait(None)

        task = asyncio.ensure_future(work())
        try:
            while True:
                try:
                    part = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    part = b": still at it\n\n"
                if part is None:
                    return
                yield part
        finally:
            await _end(task)

    async def _last(self, progress: Any, queue: asyncio.Queue[bytes | None]) -> bytes:
        """Return the event that ends it; a quick first answer goes ahead where the desk has one."""
        quick = getattr(self.desk, "quick", None) if self.near else None
        try:
            if quick is not None:
                first = await quick(self.asked, self.near, self.client)
                if first:
                    queue.put_nowait(event("quick", await asyncio.to_thread(shaped, self.verb, first, *self.form)))
            done = await self.desk.ask(self.asked, self.client, progress)
            return event("answer", await asyncio.to_thread(shaped, self.verb, done.body, *self.form))
        except Exception as error:  # noqa: BLE001  whatever it is, the client is told
            return event("problem", problems.encoded(problem_of(error)[0]))
