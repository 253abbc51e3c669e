"""Streamable HTTP on loopback, mounted in another app: a question, cancel, hostile headers, sizes, clients' names."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from mcp import Client
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.app.mcp.desks import Inline, Slow
from wherewithal.app.mcp.server import MOST_BODY, http_app

ASK = {"model": "qwen3-32b", "on": "h100-8"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@asynccontextmanager
async def serving(desk: Inline) -> AsyncIterator[str]:
    """Serve the app mounted at /mcp of a parent whose lifespan starts the sessions; yield the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inner = http_app(desk, [f"127.0.0.1:{port}"], [f"http://127.0.0.1:{port}"])

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        async with inner.state.sessions.run():
            yield

    parent = Starlette(routes=[Mount("/mcp", inner)], lifespan=life)
    server = uvicorn.Server(uvicorn.Config(parent, host="127.0.0.1", port=port, log_level="error", ws="none"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn offers no event
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/mcp/"
    finally:
        server.should_exit = True
        await task


def served(body: Callable[[str], Awaitable[Any]], desk: Inline | None = None) -> Any:
    async def run() -> Any:
        async with serving(desk or Inline()) as url:
            return await body(url)

    return asyncio.run(run())


def posted(**headers: str) -> httpx.Response:
    async def body(url: str) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.post(url, json=HELLO, headers=ACCEPT | headers)

    return served(body)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_question_over_http(mode: Any) -> None:
    desk = Inline()

    async def body(url: str) -> Any:
        async with Client(url, mode=mode) as client:
            tools = await client.list_tools()
            return tools, await client.call_tool("plan", ASK)

    tools, result = served(body, desk)
    assert len(tools.tools) == 8
    assert result.structured_content["feasible"] is True
    assert desk.clients == ["127.0.0.1"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_cancel_over_http_stops_the_desk(mode: Any) -> None:
    async def run() -> None:
        desk = Slow()
        async with serving(desk) as url, Client(url, mode=mode) as client:
            asking = asyncio.create_task(client.call_tool("plan", ASK))
            await asyncio.wait_for(desk.begun.wait(), 10)
            asking.cancel()
            await asyncio.wait_for(desk.stopped.wait(), 10)

    asyncio.run(run())


def test_a_true_host_and_origin_pass() -> None:
    assert posted().status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "localhost:1", "127.0.0.1", ""])
def test_a_foreign_host_is_refused(host: str, caplog: pytest.LogCaptureFixture) -> None:
    assert posted(host=host).status_code in (400, 421)
    assert "evil" not in caplog.text


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1.evil.example:80"]
)
def test_a_foreign_origin_is_refused(origin: str, caplog: pytest.LogCaptureFixture) -> None:
    assert posted(origin=origin).status_code == 403
    assert "evil" not in caplog.text


def test_a_body_that_is_no_json_or_too_large_is_refused() -> None:
    async def body(url: str) -> list[int]:
        async with httpx.AsyncClient() as client:
            plain = await client.post(url, content="{}", headers=ACCEPT | {"content-type": "text/plain"})
            large = await client.post(url, content=b"1" * (MOST_BODY + 1), headers=ACCEPT)
            return [plain.status_code, large.status_code]

    plain, large = served(body)
    assert plain in (400, 415)
    assert large == 413
