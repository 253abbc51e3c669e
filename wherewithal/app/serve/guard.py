"""One gate in front of everything a server answers (page, API, MCP): who asks, from where, with what and how much.

It is pure ASGI and knows no route, so that no route can be forgotten.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import cookies
from typing import Any
from urllib.parse import parse_qsl, urlencode

from wherewithal.app.serve import json_scan, problems
from wherewithal.app.serve.problems import Refused
from wherewithal.app.serve.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Pairs = list[tuple[bytes, bytes]]

COOKIE = "wherewithal"
HEADER_BYTES = 16 * 1024
ASKED_BYTES = 256 * 1024
CONFIG_BYTES = 1024 * 1024
# A header with a vocabulary of 256 thousand words and their merges takes 6 to 12 MB.
GGUF_BYTES = 16 * 1024 * 1024
BODY_S = 15.0
MODELS, MCP = "/v1/models", "/mcp"
JSON, BYTES = "application/json", "application/octet-stream"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """The gate: refuses, or passes a request on with its body read, counted and measured.

    Args:
        app: what stands behind it.
        settings: names, token.
        body_s: how long a body may take to arrive [s].
    """

    def __init__(self, app: App, settings: Settings, body_s: float = BODY_S) -> None:
        self.app, self.settings, self.body_s = app, settings, body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection; of those that are no HTTP request only the server's own start and end pass."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        send = _headed(send)
        try:
            self._who(scope)
            if await self._entered(scope, send):
                return
            if scope["method"] == "POST":
                receive = await self._body(scope, receive)
        except Refused as error:
            await _refuse(error, send)
            return
        await self.app(scope, receive, send)

    def _who(self, scope: Scope) -> None:
        """Refuse a request by its headers: too long, another name, another site."""
        headers: Pairs = scope["headers"]
        if sum(len(n) + len(v) + 4 for n, v in headers) + len(scope.get("query_string", b"")) > HEADER_BYTES:
            raise Refused(431, f"headers of more than {HEADER_BYTES:,} bytes", "send fewer", "headers")
        if not scope["path"].startswith("/") or scope.get("raw_path", b"/")[:1] != b"/":
            raise Refused(421, "the target is no path", "ask for a path that begins with /", "target")
        hosts = _all(headers, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self.settings.hosts:
            raise Refused(421, "not a name of this server", "use the address that it printed when it started", "Host")
        origins = _all(headers, b"origin")
        if origins and (len(origins) != 1 or origins[0].lower() not in self.settings.origins):
            raise Refused(403, "a request from another origin", "use this server's own page", "Origin")
        sites = _all(headers, b"sec-fetch-site")
        # Another port of localhost is "same-site", and another program: that is not enough.
        if any(site not in ("same-origin", "none") for site in sites) and not _visit(scope):
            raise Refused(403, "a request from another site", "use this server's own page", "Sec-Fetch-Site")

    async def _entered(self, scope: Scope, send: Send) -> bool:
        """Check the token where there is one; turn the one-time address into a cookie (True: answered)."""
        token = self.settings.token
        if not token:
            return False
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if scope["path"] == "/" and scope["method"] == "GET" and given and _same(given[0], token):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
            await _answer(303, b"", {"location": "/" + (f"?{rest}" if rest else ""), "set-cookie": cookie}, send)
            return True
        if not any(_same(seen, token) for seen in _tokens(scope["headers"])):
            raise Refused(
                401, "no token, or a wrong one", "use the address printed at start, or Authorization: Bearer TOKEN",
                "Authorization", {"www-authenticate": "Bearer"},
            )  # fmt: skip
        return False

    async def _body(self, scope: Scope, receive: Receive) -> Receive:
        """Read a whole body within its limits and return what replays it."""
        headers: Pairs = scope["headers"]
        media = _media(scope["path"], headers)
        limit = _limit(scope["path"], media)
        lengths = _all(headers, b"content-length")
        if lengths and not (len(lengths) == 1 and lengths[0].isascii() and lengths[0].isdigit()):
            raise Refused(400, "no length", "give one whole number", "Content-Length")
        if lengths and (len(lengths[0]) > 12 or int(lengths[0]) > limit):
            raise _too_large(limit)
        try:
            data = await asyncio.wait_for(_read(receive, limit), self.body_s)
        except TimeoutError:
            raise Refused(408, f"the body took longer than {self.body_s:g} s", "send it faster", "body") from None
        if data is not None and media == JSON:
            json_scan.read(data, infinite=scope["path"] == MODELS)
        return _replay(data, receive)


def _visit(scope: Scope) -> bool:
    """Return whether this is a person who follows a link to the page, in a tab of its own."""
    said = [_all(scope["headers"], name) for name in (b"sec-fetch-mode", b"sec-fetch-dest")]
    return scope["path"] == "/" and scope["method"] in ("GET", "HEAD") and said == [["navigate"], ["document"]]


def _media(path: str, headers: Pairs) -> str:
    """Return the media type of a body, or refuse it: only JSON, and bytes where a model is uploaded."""
    if any(value.lower() != "identity" for value in _all(headers, b"content-encoding")):
        raise Refused(415, "a packed body", "send it plain", "Content-Encoding")
    kinds = _all(headers, b"content-type")
    media, _, rest = kinds[0].partition(";") if len(kinds) == 1 else ("", "", "")
    media = media.strip().lower()
    charset = rest.replace(" ", "").replace('"', "").lower()
    fits = media == JSON and charset in ("", "charset=utf-8")
    if not fits and not (path == MODELS and media == BYTES and not rest):
        also = f" or {BYTES}" if path == MODELS else ""
        raise Refused(415, "not the media type that is read here", f"send {JSON}{also}", "Content-Type")
    return media


def _limit(path: str, media: str) -> int:
    """Return how many bytes a body may have."""
    if path == MODELS:
        return GGUF_BYTES if media == BYTES else CONFIG_BYTES
    return CONFIG_BYTES if path == MCP or path.startswith(f"{MCP}/") else ASKED_BYTES


def _too_large(limit: int) -> Refused:
    return Refused(413, f"more than {limit:,} bytes", "send less", "body")


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Return a body, counted while it comes; None where its sender hung up."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(data: bytes | None, receive: Receive) -> Receive:
    """Return a receive that gives the whole body once, then what really comes."""
    waiting = [data]

    async def replayed() -> Message:
        if not waiting:
            return await receive()
        body = waiting.pop()
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _all(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in headers if key.lower() == name]


def _tokens(headers: Pairs) -> list[str]:
    """Return the tokens that a request shows."""
    found = [v[7:].strip() for v in _all(headers, b"authorization") if v[:7].lower() == "bearer "]
    for text in _all(headers, b"cookie"):
        try:
            jar = cookies.SimpleCookie(text)
        except cookies.CookieError:
            continue
        found += [jar[COOKIE].value] if COOKIE in jar else []
    return found


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode("utf-8"))


def _headed(send: Send) -> Send:
    """Return a send that adds the headers of safety, and keeps the answers of the API out of caches."""

    async def headed(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", []))
            names = {name.lower() for name, _ in own}
            more = {k: v for k, v in HEADERS.items() if k.encode() not in names}
            if b"cache-control" not in names:
                more["cache-control"] = "no-store"
            message = {**message, "headers": own + [(k.encode(), v.encode()) for k, v in more.items()]}
        await send(message)

    return headed


async def _refuse(error: Refused, send: Send) -> None:
    body = problems.encoded(problems.document(error.status, error.where, error.what, error.fix))
    # What is left of the body is not read: the connection must end.
    more = {"connection": "close"} if error.status in (408, 413, 431) else {}
    await _answer(error.status, body, {"content-type": problems.MEDIA, **error.headers, **more}, send)


async def _answer(status: int, body: bytes, headers: dict[str, str], send: Send) -> None:
    pairs = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
