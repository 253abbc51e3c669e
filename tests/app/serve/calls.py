"""Requests straight into the ASGI application, with headers exactly as written (no client's own)."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

HOST = (b"host", b"127.0.0.1:8411")
JSON = (b"content-type", b"application/json")


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def scope(method: str, path: str, headers: Any, query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http",
        "method": method, "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query,
        "headers": list(headers), "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 8411), "state": {},
    }  # fmt: skip


async def acall(
    app: Any, method: str, path: str, headers: Any = (HOST,), body: Any = b"", query: bytes = b"", wait: float = 60
) -> Reply:
    """`body`: bytes, or a list of parts; a None in it never comes."""
    waiting = list(body) if isinstance(body, list) else [body]
    sent: list[dict[str, Any]] = []
    done = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not waiting:
            await done.wait()
            return {"type": "http.disconnect"}
        part = waiting.pop(0)
        if part is None:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope(method, path, headers, query), receive, send), wait)
    start = next(m for m in sent if m["type"] == "http.response.start")
    text = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return Reply(start["status"], {k.decode().lower(): v.decode() for k, v in start["headers"]}, text)


def call(*args: Any, **more: Any) -> Reply:
    return asyncio.run(acall(*args, **more))


def post(app: Any, path: str, asked: Any, headers: Any = (), query: bytes = b"") -> Reply:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return call(app, "POST", path, (HOST, JSON, *headers), body, query)
