"""Requests to one server over aiohttp: one pinned address, no redirects, no proxies, no cookies; times as bytes come."""

from __future__ import annotations

import asyncio
import json
import math
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from wherewithal import __version__
from wherewithal.errors import InputError
from wherewithal.measure.load.address import Address
from wherewithal.measure.load.sample import CANCELLED, CUT, STALLED, TIMEOUT, Sample
from wherewithal.measure.load.stream import LARGEST_BYTES, Stream

# Bytes that the reader takes before it stops the socket: an answer is read as it comes, however fast.
READ_BYTES = 1 << 20
PATHS = {"completions": "/v1/completions", "chat": "/v1/chat/completions"}
clock = time.perf_counter
# Kept connections found closed after which none is kept any more: this server does not keep them.
_STALE = 3


class Pinned(AbstractResolver):
    """Answers for one host with the one address that was judged, and for no other."""

    def __init__(self, address: Address) -> None:
        self.address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the pinned address."""
        if host != self.address.host:
            raise OSError(f"{host} is not the server under test")
        kind = socket.AF_INET6 if ":" in self.address.pinned else socket.AF_INET
        pinned, flags = self.address.pinned, socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host=pinned, port=port, family=kind, proto=0, flags=flags)]

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class Live:
    """A request in flight: what the watch over time limits looks at."""

    task: asyncio.Task[Any]
    sent: float
    last: float = 0.0
    reason: str = ""


@dataclass
class Client:
    """One server as requests see it; used as `async with`.

    Attributes:
        address: judged and pinned.
        endpoint: `completions` or `chat`.
        key: sent as a bearer token to this address alone; never shown.
        timeout_s: [s] that one request may take.
        stall_s: [s] between two pieces of text of one answer.
        connections: at most so many at once; 0 for no limit.
        keep: whether to keep the text of answers, where tokens must be counted from it.
        opened: connections opened so far.
        stale: kept connections that turned out to be closed by the server.
    """

    address: Address
    endpoint: str = "completions"
    key: str = ""
    timeout_s: float = 300.0
    stall_s: float = 60.0
    connections: int = 0
    keep: bool = False
    opened: int = 0
    stale: int = 0
    live: dict[int, Live] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        """Open the sessions: one that keeps connections, one that opens a new one for each request."""
        self._kept, self._fresh = self._session(keep=True), self._session(keep=False)
        self._free = asyncio.Semaphore(self.connections) if self.connections else None
        self._watch = asyncio.create_task(self._watching())
        return self

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        """Return a session to the pinned address; a literal one in the URL takes no resolver, and is the one judged."""
        life: dict[str, Any] = {"keepalive_timeout": 30.0} if keep else {"force_close": True}
        connector = aiohttp.TCPConnector(resolver=Pinned(self.address), limit=0, use_dns_cache=False, **life)
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._count)
        headers = {
            "User-Agent": f"wherewithal/{__version__} (load test)",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10.0),
            read_bufsize=READ_BYTES,
            trust_env=False,
            auto_decompress=False,
            trace_configs=[trace],
        )

    async def __aexit__(self, *error: object) -> None:
        """Close the session."""
        self._watch.cancel()
        await self._kept.close()
        await self._fresh.close()

    async def _count(self, *_: object) -> None:
        self.opened += 1

    async def _watching(self) -> None:
        """End requests that take too long: cheaper than a timer for each."""
        while True:
            await asyncio.sleep(min(0.25, self.timeout_s / 4, self.stall_s / 4))
            now = clock()
            for one in list(self.live.values()):
                if now - one.sent > self.timeout_s:
                    one.reason = TIMEOUT
                elif one.last and now - one.last > self.stall_s:
                    one.reason = STALLED
                else:
                    continue
                one.task.cancel()

    def url(self, path: str) -> str:
        """Return the address of one path of the server."""
        return self.address.base + path

    async def get(self, path: str, timeout_s: float = 10.0) -> tuple[int, Any]:
        """Return status and JSON (None where it is none) of a path.

        Raises:
            OSError, aiohttp.ClientError, TimeoutError: no answer.
        """
        limit = aiohttp.ClientTimeout(total=timeout_s)
        async with self._fresh.get(self.url(path), allow_redirects=False, timeout=limit) as answer:
            return answer.status, _json(await answer.content.read(LARGEST_BYTES))

    async def send(self, sample: Sample, body: bytes, start: float) -> None:
        """Send one request, read its answer as it comes, and note into `sample` what was seen; never raises but when
        the whole run is cancelled.

        Args:
            sample: its `due` is set; the rest is filled in.
            body: JSON.
            start: clock time of the run's start; the sample's times count from it.
        """
        task = asyncio.current_task()
        if task is None:  # pragma: no cover  a coroutine runs in a task
            return
        sample.woke = clock() - start
        if math.isnan(sample.due):
            sample.due = sample.woke
        if self._free is not None:
            await self._free.acquire()
        live = self.live[id(sample)] = Live(task, clock())
        try:
            sample.sent = live.sent - start
            await self._exchange(sample, body, start, live)
        except asyncio.CancelledError:
            sample.error = live.reason or CANCELLED
            if not live.reason:
                raise
            task.uncancel() if hasattr(task, "uncancel") else None
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
            sample.error, sample.detail = CUT, self.safe(error)
        except OSError as error:
            sample.error, sample.detail = "no connection", self.safe(_reason(error))
        except (aiohttp.ClientError, ValueError, TimeoutError) as error:
            sample.error, sample.detail = "not understood", self.safe(error)
        finally:
            sample.end = clock() - start
            del self.live[id(sample)]
            if self._free is not None:
                self._free.release()

    async def _exchange(self, sample: Sample, body: bytes, start: float, live: Live) -> None:
        """Send and read."""
        stream, events = Stream(self.keep), sample.events
        async with await self._posted(body) as answer:
            if answer.status != 200:
                sample.error = f"http {answer.status}"
                said = _json(await answer.content.read(65536))
                sample.detail = self.safe(_message(said) or answer.reason or "")
                return
            if answer.content_type != "text/event-stream":
                sample.error, sample.detail = "no stream", f"the server answered with {answer.content_type[:60]}"
                return
            content = answer.content
            while data := await content.readany():
                now = clock()
                found = stream.feed(data)
                if found:
                    live.last = now
                    at = now - start
                    for _ in range(found):
                        events.append(at)
            for _ in range(stream.close()):
                events.append(clock() - start)
        self._ended(sample, stream)

    async def _posted(self, body: bytes) -> aiohttp.ClientResponse:
        """Return the head of an answer; where the server has closed a kept connection meanwhile, over a new one."""
        url = self.url(PATHS[self.endpoint])
        if self.stale < _STALE:
            try:
                return await self._kept.post(url, data=body, allow_redirects=False)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                self.stale += 1
        return await self._fresh.post(url, data=body, allow_redirects=False)

    def _ended(self, sample: Sample, stream: Stream) -> None:
        """Note what a stream that ended says."""
        usage: Mapping[str, Any] = stream.usage or {}
        sample.finish = stream.finish[:20]
        sample.tokens_in, sample.tokens_out = (_whole(usage.get(n)) for n in ("prompt_tokens", "completion_tokens"))
        details = usage.get("prompt_tokens_details")
        sample.cached = _whole(details.get("cached_tokens")) if isinstance(details, dict) else None
        if stream.pieces is not None:
            self.texts[id(sample)] = "".join(stream.pieces)
        if stream.error:
            sample.error, sample.detail = "error in the stream", self.safe(stream.error)
        elif not stream.done and not stream.finish:
            sample.error, sample.detail = CUT, "the stream ended before the answer did"
        elif not sample.events:
            sample.error, sample.detail = "empty answer", f"ended with {stream.finish or 'nothing'}"

    def safe(self, said: object) -> str:
        """Return what a server said, short, and without the key."""
        text = " ".join(str(said).split())
        return (text.replace(self.key, "[key]") if self.key else text)[:200]


def _reason(error: BaseException) -> str:
    """Return why there was no connection, in the system's words."""
    inner = getattr(error, "os_error", error)
    number = getattr(inner, "errno", None)
    return os.strerror(number) if isinstance(number, int) else str(inner) or type(inner).__name__


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data[:200].decode("utf-8", "replace") if data else None


def _message(said: Any) -> str:
    """Return the words in a server's refusal."""
    if isinstance(said, dict):
        inner = said.get("error", said)
        said = inner.get("message") or inner.get("detail") or inner if isinstance(inner, dict) else inner
    return str(said or "")


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9 else None


def unreachable(client: Client, error: BaseException) -> InputError:
    """Return the error for a server that does not answer."""
    what = client.safe(_reason(error))
    return InputError(client.address.base, f"no answer ({what})", "start the server, or check host and port")
