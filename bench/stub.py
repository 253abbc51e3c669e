"""A server that answers like an OpenAI-compatible one and costs next to nothing: for tests and benches of the load test.

`python -m bench.stub --ttft 0.02 --itl 0.02` prints its port and serves on loopback until its stdin is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Script:
    """How the server answers.

    Attributes:
        ttft_s: [s] before the first token.
        itl_s: [s] between tokens, or a function of the streams in flight.
        per_write: tokens that come in one write (bursts), one event each.
        per_event: tokens that one event stands for.
        slots: requests served at once, the others wait; 0 for all.
        usage: whether it counts tokens.
        refuses: fields of a request that it answers with 400.
        ids: whether it takes prompts as token ids.
        extra: [token] that it adds to each prompt, as a template does.
        stops_at: answers end after so many tokens unless `ignore_eos` is set; 0 for never.
        error: what an error in a stream says.
        fault: `hang`, `stall`, `cut`, `close`, `error`, `garbage`, `http`, `json` or `redirect`, at a token `fault_at`, for every
            `fault_every`-th request.
        key: bearer token that it asks for.
        cached: [token] that it says it had cached.
        closes: a connection is closed after its answer, which its client learns when it sends the next request.
        models: names that it serves.
        context: [token] that it says it holds.
        said, heads: requests as they were read, where `keep` is set.
    """

    ttft_s: float = 0.0
    itl_s: float | Callable[[int], float] = 0.0
    per_write: int = 1
    per_event: int = 1
    slots: int = 0
    usage: bool = True
    refuses: tuple[str, ...] = ()
    ids: bool = True
    extra: int = 0
    stops_at: int = 0
    fault: str = ""
    fault_at: int = 2
    fault_every: int = 1
    fault_from: int = 0
    error: str = "out of memory"
    key: str = ""
    cached: int | None = None
    models: tuple[str, ...] = ("stub",)
    context: int | None = None
    closes: bool = False
    said: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    keep: bool = True


def _event(data: str) -> bytes:
    """Return one server-sent event as a chunk of HTTP."""
    body = f"data: {data}\n\n".encode()
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


_TEXT = _event(json.dumps({"id": "x", "object": "text_completion", "model": "stub", "choices": [{"index": 0, "text": " word", "finish_reason": None}]}, separators=(",", ":")))  # fmt: skip
_CHAT = _event(json.dumps({"id": "x", "object": "chat.completion.chunk", "model": "stub", "choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}]}, separators=(",", ":")))  # fmt: skip
_ROLE = _event('{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}')
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_DONE, _END = _event("[DONE]"), b"0\r\n\r\n"


class Stub:
    """The state that all connections share."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.active = 0
        self.count = 0
        self.waiting: deque[Callable[[], None]] = deque()

    def begin(self, start: Callable[[], None]) -> None:
        """Start an answer now, or when a slot is free."""
        if self.script.slots and self.active >= self.script.slots:
            self.waiting.append(start)
            return
        self.active += 1
        start()

    def end(self) -> None:
        """Free a slot."""
        self.active -= 1
        if self.waiting:
            self.active += 1
            self.waiting.popleft()()


class Connection(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self, stub: Stub) -> None:
        self.stub, self.data = stub, b""
        self.timer: asyncio.TimerHandle | None = None
        self.serving = self.answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where to write."""
        self.transport: Any = transport
        self.loop = asyncio.get_running_loop()

    def connection_lost(self, error: Exception | None) -> None:
        """Free what the answer held."""
        if self.timer is not None:
            self.timer.cancel()
        if self.serving:
            self.serving = False
            self.stub.end()

    def data_received(self, data: bytes) -> None:
        """Read requests as they are complete."""
        if self.answered and self.stub.script.closes:
            self.transport.abort()
            return
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.data[:end].decode("latin-1")
        fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head.split("\r\n")[1:])}
        size = int(fields.get("content-length", 0))
        if len(self.data) < end + 4 + size:
            return
        body, self.data = self.data[end + 4 : end + 4 + size], self.data[end + 4 + size :]
        self.request(head.split("\r\n")[0].split(" ")[1], fields, body)
        if self.stub.script.keep:
            self.stub.script.heads.append(head)

    def answer(self, status: int, document: Any, more: str = "") -> None:
        """Answer with JSON."""
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)

    def request(self, path: str, fields: dict[str, str], body: bytes) -> None:
        """Answer one request."""
        script = self.stub.script
        if script.key and fields.get("authorization") != f"Bearer {script.key}":
            self.answer(401, {"error": {"message": f"bad key {fields.get('authorization')}"}})
        elif path == "/v1/models":
            models = [{"id": m, **({"max_model_len": script.context} if script.context else {})} for m in script.models]
            self.answer(200, {"object": "list", "data": models})
        elif path in ("/v1/completions", "/v1/chat/completions"):
            self.completion(path, json.loads(body))
        else:
            self.answer(404, {"error": {"message": "no such path"}})

    def completion(self, path: str, asked: dict[str, Any]) -> None:
        """Begin a completion, or refuse it."""
        script = self.stub.script
        if script.keep:
            script.said.append(asked)
        for name in script.refuses:
            if name in asked:
                self.answer(400, {"error": {"message": f"unknown field {name}"}})
                return
        prompt = asked.get("prompt")
        if isinstance(prompt, list) and not script.ids:
            self.answer(422, {"error": {"message": "prompt should be a string"}})
            return
        self.asked, self.chat = asked, "chat" in path
        if self.chat:
            prompt = asked["messages"][0]["content"]
        self.tokens_in = len(prompt if isinstance(prompt, list) else prompt.split()) + script.extra
        self.number = self.stub.count
        self.stub.count += 1
        self.left = int(asked["max_tokens"])
        if script.stops_at and not asked.get("ignore_eos"):
            self.left = min(self.left, script.stops_at)
        faulty = script.fault and self.number >= script.fault_from and (self.number + 1) % script.fault_every == 0
        self.fault = script.fault if faulty else ""
        if self.fault == "http":
            self.answer(503, {"error": {"message": "overloaded"}})
        elif self.fault == "redirect":
            self.answer(302, {}, "Location: http://169.254.169.254/\r\n")
        elif self.fault == "json":
            self.answer(200, {"choices": [{"text": "all at once"}]})
        elif self.fault != "hang":
            self.serving, self.sent = True, 0
            self.stub.begin(self.start)

    def start(self) -> None:
        """Send the head and wait for the first token."""
        if self.transport.is_closing():
            self.stub.end()
            return
        self.transport.write(_HEAD + (_ROLE if self.chat else b""))
        self.due = self.loop.time() + self.stub.script.ttft_s
        self.timer = self.loop.call_at(self.due, self.token)

    def token(self) -> None:
        """Send one token (or a burst of them) and wait for the next."""
        script = self.stub.script
        if self.fault and self.sent >= script.fault_at and self.broken():
            return
        step = min(script.per_write * script.per_event, self.left - self.sent)
        out = (_CHAT if self.chat else _TEXT) * -(-step // script.per_event)
        self.sent += step
        if self.sent >= self.left:
            self.finish(out)
            return
        self.transport.write(out)
        gap = script.itl_s(self.stub.active) if callable(script.itl_s) else script.itl_s
        self.due += gap * step
        self.timer = self.loop.call_at(self.due, self.token)

    def broken(self) -> bool:
        """Do what the fault says; False to go on."""
        if self.fault == "cut":
            self.transport.abort()
        elif self.fault == "close":  # a clean end without the end of the answer
            self.serving = False
            self.transport.write(_END)
            self.stub.end()
        elif self.fault == "error":
            self.serving = False
            self.transport.write(_event(json.dumps({"error": {"message": self.stub.script.error}})) + _END)
            self.stub.end()
        elif self.fault == "garbage":
            self.serving = False
            self.transport.write(_event("{not json") + _END)
            self.stub.end()
        elif self.fault == "slow":  # a byte at a time, never a whole event
            self.transport.write(b"1\r\n:\r\n")
            self.timer = self.loop.call_later(0.05, self.token)
        return True

    def finish(self, out: bytes) -> None:
        """End the answer."""
        script = self.stub.script
        reason = "length" if self.left == self.asked["max_tokens"] else "stop"
        last = (
            {"index": 0, "delta": {}, "finish_reason": reason}
            if self.chat
            else {"index": 0, "text": "", "finish_reason": reason}
        )
        out += _event(json.dumps({"choices": [last]}, separators=(",", ":")))
        if script.usage and self.asked.get("stream_options"):
            usage: dict[str, Any] = {"prompt_tokens": self.tokens_in, "completion_tokens": self.sent}
            if script.cached is not None:
                usage["prompt_tokens_details"] = {"cached_tokens": script.cached}
            out += _event(json.dumps({"choices": [], "usage": usage}, separators=(",", ":")))
        self.transport.write(out + _DONE + _END)
        self.answered = True
        self.serving = False
        self.stub.end()


async def serve(script: Script) -> tuple[asyncio.Server, int]:
    """Return a server on loopback and its port."""
    stub = Stub(script)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(stub), "127.0.0.1", 0, backlog=1024)
    return server, server.sockets[0].getsockname()[1]


class Serving:
    """A server in a thread of this process; used as `with`, gives its URL."""

    def __init__(self, script: Script) -> None:
        self.script = script

    def __enter__(self) -> str:
        """Start, and return the URL."""
        self.loop = asyncio.new_event_loop()
        started = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(self.loop)
            self.server, self.port = self.loop.run_until_complete(serve(self.script))
            started.set()
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        started.wait(10)
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *error: object) -> None:
        """Stop."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.server.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


def main() -> None:
    """Serve until stdin is closed."""
    parser = argparse.ArgumentParser(prog="python -m bench.stub", description=__doc__)
    parser.add_argument("--ttft", type=float, default=0.02)
    parser.add_argument("--itl", type=float, default=0.02)
    options = parser.parse_args()

    async def run() -> None:
        server, port = await serve(Script(options.ttft, options.itl, keep=False))
        print(port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        server.close()

    asyncio.run(run())


if __name__ == "__main__":
    main()
