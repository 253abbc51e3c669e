"""The MCP server over stdin and stdout, with a desk of its own; nothing but the protocol goes to stdout."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from wherewithal.app.mcp.server import build
from wherewithal.app.serve.desk import Desk


def run() -> int:
    """Serve one client until it closes stdin; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="wherewithal-") as folder:
        try:
            asyncio.run(_serve(Path(folder)))
        except KeyboardInterrupt:
            return 130
    return 0


async def _serve(folder: Path) -> None:
    async with Desk(workers=1, store=None, uploads=folder) as desk:
        await build(desk).run_stdio_async()
