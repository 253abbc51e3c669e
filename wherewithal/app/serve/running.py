"""A desk and a web server around the application, until somebody ends it."""

from __future__ import annotations

import asyncio
import socket
import webbrowser
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from wherewithal.app.serve import api
from wherewithal.app.serve.desk import Desk
from wherewithal.app.serve.settings import Settings

_MOST_OPEN = 512
_IDLE_S = 5
_LAST_S = 3


def config(application: FastAPI) -> uvicorn.Config:
    """Return how the server is set up: no access log (it would hold tokens), no word about itself, no proxies."""
    return uvicorn.Config(
        application,
        http="h11",  # keeps absolute targets visible to the gate
        ws="none",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_OPEN,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_LAST_S,
        h11_max_incomplete_event_size=32 * 1024,
    )


def run(
    settings: Settings, listening: socket.socket, workers: int, store: Path | None, uploads: Path, shown: str
) -> int:
    """Serve on a socket until interrupted; return the exit code.

    Args:
        settings: names, token.
        listening: the socket.
        workers: processes that compute.
        store: where answers are kept; None keeps none.
        uploads: where uploaded models are kept.
        shown: an address to open in a browser; empty for none.
    """
    asyncio.run(_serve(settings, listening, Desk(workers, store, uploads), shown))
    return 0


async def _serve(settings: Settings, listening: socket.socket, desk: Desk, shown: str) -> None:
    async with desk:
        server = uvicorn.Server(config(api.app(desk, settings)))
        if shown:
            asyncio.get_running_loop().call_later(0.3, webbrowser.open, shown)
        await server.serve(sockets=[listening])
