"""The MCP server as a process of its own: the SDK's client drives it, and nothing but the protocol is on stdout."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parents[3]
RUN = ["-c", "from wherewithal.app.mcp.stdio import run; raise SystemExit(run())"]
ASK = {"model": "qwen3-32b", "on": "h100-8"}


def test_a_client_starts_it_and_asks() -> None:
    async def body() -> None:
        server = StdioServerParameters(command=sys.executable, args=RUN, cwd=ROOT)
        async with Client(server) as client:
            first = await client.call_tool("plan", ASK)
            assert not first.is_error, first.content
            short = first.structured_content
            assert short["feasible"] is True
            full = await client.read_resource(short["resource"])
            assert json.loads(full.contents[0].text)["command"] == short["command"]
            wrong = await client.call_tool("plan", {**ASK, "model": "qwen3-33b"})
            assert wrong.is_error
            assert "did you mean" in wrong.content[0].text

    asyncio.run(asyncio.wait_for(body(), 90))


def test_nothing_but_the_protocol_is_on_stdout() -> None:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    said = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "plan", "arguments": ASK}},
        {"id": 3, "method": "tools/call", "params": {"name": "plan", "arguments": {**ASK, "model": "../x"}}},
    ]
    with subprocess.Popen(
        [sys.executable, *RUN], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        for message in said:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        process.stdin.write(b"this is no message\n")
        process.stdin.flush()
        lines = []
        while {1, 2, 3} - {m.get("id") for m in lines}:
            line = process.stdout.readline()
            assert line, "it ended early"
            lines.append(json.loads(line))
        process.stdin.close()
        rest = process.stdout.read()
        errors = process.stderr.read().decode() if process.stderr else ""
        assert process.wait(30) == 0
    lines += [json.loads(line) for line in rest.splitlines()]
    assert all(m["jsonrpc"] == "2.0" for m in lines)
    assert "Traceback" not in errors
