"""Ask one real question through the MCP server's stdio transport and print what went over the wire, as Markdown.

Usage:
    python tools/mcp_transcript.py [--write]     --write: renew the transcript in docs/mcp.md
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "mcp.md"
BEGIN, END = "<!-- transcript -->", "<!-- end of transcript -->"
START = ["-c", "from wherewithal.app.mcp.stdio import run; raise SystemExit(run())"]
QUESTION = {"model": "deepseek-v3", "on": "h20-8:32", "slo": "ttft=2s,tpot=50ms"}


async def transcript() -> str:
    """Return the exchange: the call, progress, the text, the structured answer, one part of the full answer."""
    out: list[str] = []
    heard: list[dict[str, Any]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 -- the signature is the SDK's
        heard.append({"progress": round(progress, 2), "message": message})

    async with Client(StdioServerParameters(command=sys.executable, args=START, cwd=ROOT)) as client:
        tools = (await client.list_tools()).tools
        out.append(f"Tools: {', '.join(f'`{t.name}`' for t in tools)}.")
        out += _block("Client calls `plan`", "json", json.dumps(QUESTION))
        result = await client.call_tool("plan", QUESTION, progress_callback=hear)
        out.append(f"{len(heard)} progress notifications came, the last: `{json.dumps(heard[-1])}`." if heard else "")
        out += _block("Text of the result", "text", result.content[0].text)  # type: ignore[union-attr]
        short = result.structured_content or {}
        said = json.dumps(short, ensure_ascii=False)
        out += _block(f"Structured content ({len(said.encode())} bytes)", "json", json.dumps(short, indent=1))
        full = (await client.read_resource(short["resource"])).contents[0].text  # type: ignore[union-attr]
        out.append(f"The linked resource has {len(full.encode()):,} bytes of JSON. One part of it:")
        part = {"id": short["answer"], "part": "best.pools.0.memory_bytes_per_chip"}
        out += _block("Client calls `answer`", "json", json.dumps(part))
        answer = await client.call_tool("answer", part)
        out += _block("Text of the result", "json", answer.content[0].text)  # type: ignore[union-attr]
        wrong = QUESTION | {"model": "deepseek-v33"}
        out += _block("A misspelt name", "json", json.dumps(wrong))
        out += _block("Result, `isError`", "text", (await client.call_tool("plan", wrong)).content[0].text)  # type: ignore[union-attr]
    return "\n\n".join(filter(None, out))


def _block(title: str, language: str, text: str) -> list[str]:
    return [f"**{title}**", f"```{language}\n{text}\n```"]


def main() -> None:
    """Print the transcript, or write it into the page."""
    text = asyncio.run(transcript())
    if "--write" not in sys.argv[1:]:
        print(text)
        return
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
