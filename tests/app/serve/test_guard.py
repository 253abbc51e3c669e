"""The gate: every hostile request is refused on every route, with the right code, and ordinary ones pass."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.app.serve.calls import HOST, JSON, acall, call, scope
from tests.app.serve.near import Near
from wherewithal.app.serve import api, guard
from wherewithal.app.serve.guard import Guard
from wherewithal.app.serve.settings import Settings, is_loopback


def host(text: str) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"host", text.encode()),)


def also(name: str, text: str) -> tuple[tuple[bytes, bytes], ...]:
    return (HOST, (name.encode(), text.encode()))


# Refused whatever the method and the path: name, headers, status.
BY_HEADER: dict[str, tuple[Any, int]] = {
    "evil host": (host("evil.test"), 421),
    "evil host with our port": (host("evil.test:8411"), 421),
    "our address as a label": (host("127.0.0.1.evil.test:8411"), 421),
    "another port": (host("127.0.0.1:8412"), 421),
    "no port": (host("127.0.0.1"), 421),
    "trailing dot": (host("localhost.:8411"), 421),
    "short IPv4": (host("127.1:8411"), 421),
    "decimal IPv4": (host("2130706433:8411"), 421),
    "hex IPv4": (host("0x7f000001:8411"), 421),
    "any address": (host("0.0.0.0:8411"), 421),
    "mapped IPv6": (host("[::ffff:127.0.0.1]:8411"), 421),
    "IPv6 without brackets": (host("::1:8411"), 421),
    "user in host": (host("evil@127.0.0.1:8411"), 421),
    "two names in one": (host("127.0.0.1:8411,evil.test"), 421),
    "space in host": (host("127.0.0.1:8411 evil.test"), 421),
    "empty host": (host(""), 421),
    "no host": ((), 421),
    "two hosts": ((HOST, *host("evil.test")), 421),
    "the same host twice": ((HOST, HOST), 421),
    "non-ASCII host": (((b"host", b"localhost\xff:8411"),), 421),
    "origin null": (also("origin", "null"), 403),
    "evil origin": (also("origin", "http://evil.test"), 403),
    "origin that begins as ours": (also("origin", "http://localhost:8411.evil.test"), 403),
    "origin of another port": (also("origin", "http://localhost:3000"), 403),
    "origin without port": (also("origin", "http://localhost"), 403),
    "origin of https": (also("origin", "https://localhost:8411"), 403),
    "origin with a path": (also("origin", "http://localhost:8411/"), 403),
    "origin of a file": (also("origin", "file://"), 403),
    "empty origin": (also("origin", ""), 403),
    "two origins": ((*also("origin", "http://localhost:8411"), (b"origin", b"http://evil.test")), 403),
    "extension's origin": (also("origin", "chrome-extension://abc"), 403),
    "cross-site": (also("sec-fetch-site", "cross-site"), 403),
    "same-site": (also("sec-fetch-site", "same-site"), 403),
    "unknown site": (also("sec-fetch-site", "whatever"), 403),
    "long header": (also("x-long", "x" * 17_000), 431),
    "many headers": ((HOST, *[(b"x-%d" % n, b"y" * 20) for n in range(900)]), 431),
}
DEEP = b"[" * 65 + b"]" * 65
# Refused wherever something is posted: name, headers, body, status.
BY_BODY: dict[str, tuple[Any, Any, int]] = {
    "text/plain": (also("content-type", "text/plain"), b"{}", 415),
    "form": (also("content-type", "application/x-www-form-urlencoded"), b"{}", 415),
    "multipart": (also("content-type", "multipart/form-data; boundary=x"), b"{}", 415),
    "no media type": ((HOST,), b"{}", 415),
    "two media types": ((HOST, JSON, JSON), b"{}", 415),
    "another character set": (also("content-type", "application/json; charset=utf-7"), b"{}", 415),
    "almost JSON": (also("content-type", "application/jsonp"), b"{}", 415),
    "gzip": ((HOST, JSON, (b"content-encoding", b"gzip")), b"\x1f\x8b", 415),
    "deflate after identity": ((HOST, JSON, (b"content-encoding", b"identity, deflate")), b"", 415),
    "length too large": ((HOST, JSON, (b"content-length", b"99999999")), b"", 413),
    "length of many digits": ((HOST, JSON, (b"content-length", b"9" * 5000)), b"", 413),
    "length no number": ((HOST, JSON, (b"content-length", b"1e3")), b"{}", 400),
    "length below zero": ((HOST, JSON, (b"content-length", b"-1")), b"{}", 400),
    "two lengths": ((HOST, JSON, (b"content-length", b"2"), (b"content-length", b"3")), b"{}", 400),
    "more than said": ((HOST, JSON), [b" " * 70_000] * 20, 413),
    "deep lists": ((HOST, JSON), DEEP, 413),
    "deep objects": ((HOST, JSON), b'{"a":' * 65 + b"1" + b"}" * 65, 413),
    "deep without end": ((HOST, JSON), b"[" * 200_000, 413),
    "many values": ((HOST, JSON), b"[" + b"1," * 50_001 + b"1]", 413),
    "a name twice": ((HOST, JSON), b'{"model":"a","model":"b"}', 422),
    "a name twice, deep": ((HOST, JSON), b'{"x":[{"a":1,"\\u0061":2}]}', 422),
    "a number of 5,000 digits": ((HOST, JSON), b"[" + b"9" * 5000 + b"]", 422),
    "not JSON": ((HOST, JSON), b"{", 422),
    "two documents": ((HOST, JSON), b"{}{}", 422),
    "nothing": ((HOST, JSON), b"", 422),
    "not UTF-8": ((HOST, JSON), b'{"a":"\xff"}', 422),
    "a byte order mark": ((HOST, JSON), b"\xef\xbb\xbf{}", 422),
    "UTF-16": ((HOST, JSON), "{}".encode("utf-16"), 422),
}
# The same, but a published config.json may hold them.
INFINITE = {"NaN": b'{"a":NaN}', "Infinity": b'{"a":-Infinity}', "beyond floats": b'{"a":1e999}'}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return api.app(Near(tmp_path_factory.mktemp("up")), Settings())


@pytest.fixture(scope="module")
def routes(app: Any) -> list[tuple[str, str]]:
    """Every route of the table with something in its holes, and /mcp whether it is mounted or not."""
    found = [("GET", "/mcp"), ("POST", "/mcp"), ("GET", "/nothing/there"), ("POST", "/v1/nothing")]
    for route in app.routes:
        path = route.path.replace("{kind}", "chips").replace("{lang}", "en").replace("{path:path}", "a.js")
        path = path.replace("{id}", "0" * 64).replace("{name}", "x")
        found += [(m, path) for m in sorted(getattr(route, "methods", None) or ("GET", "POST"))]
    return sorted(set(found))


def test_the_table_is_walked(routes: list[tuple[str, str]]) -> None:
    assert len(routes) >= 25
    assert ("POST", "/v1/plan/events") in routes
    assert len(BY_HEADER) + len(BY_BODY) + len(INFINITE) >= 60


@pytest.mark.parametrize("kind", BY_HEADER)
def test_hostile_headers(app: Any, routes: list[tuple[str, str]], kind: str) -> None:
    headers, status = BY_HEADER[kind]

    async def all_of_them() -> list[str]:
        wrong = []
        for method, path in routes:
            more = (JSON,) if method == "POST" else ()
            reply = await acall(app, method, path, (*headers, *more), b"{}")
            good = reply.status == status and reply.headers["content-type"] == "application/problem+json"
            wrong += [] if good and reply.json["status"] == status else [f"{method} {path}: {reply.status}"]
        return wrong

    assert asyncio.run(all_of_them()) == []


@pytest.mark.parametrize("kind", BY_BODY)
def test_hostile_bodies(app: Any, routes: list[tuple[str, str]], kind: str) -> None:
    headers, body, status = BY_BODY[kind]
    for method, path in routes:
        if method == "POST":
            assert call(app, "POST", path, headers, body).status == status, path


@pytest.mark.parametrize("kind", INFINITE)
def test_numbers_that_are_not_finite(app: Any, routes: list[tuple[str, str]], kind: str) -> None:
    for method, path in routes:
        if method == "POST":
            assert call(app, "POST", path, (HOST, JSON), INFINITE[kind]).status == 422, path


@pytest.mark.parametrize(
    ("target", "raw"),
    [("http://evil.test/v1/plan", b"http://evil.test/v1/plan"), ("*", b"*"), ("evil.test:443", b"evil.test:443")],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "CONNECT"])
def test_targets_that_are_no_path(app: Any, target: str, raw: bytes, method: str) -> None:
    assert call(app, method, target, (HOST, JSON), b"{}").status == 421


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods(app: Any, routes: list[tuple[str, str]], method: str) -> None:
    """Also what a browser asks before a request of another site: no word of CORS comes back."""
    for _, path in routes:
        if not path.startswith("/mcp"):
            reply = call(app, method, path, (HOST, (b"access-control-request-method", b"POST")))
            assert reply.status in (404, 405), path
            assert not any(name.startswith("access-control") for name in reply.headers)


@pytest.mark.parametrize("name", ["127.0.0.1:8411", "localhost:8411", "LOCALHOST:8411", "[::1]:8411"])
def test_own_names_pass(app: Any, name: str) -> None:
    reply = call(app, "GET", "/healthz", (*host(name), (b"origin", b"http://" + name.lower().encode())))
    assert (reply.status, reply.json) == (200, {"status": "ok"})


def test_a_link_to_the_page_may_be_followed_but_nothing_else(app: Any) -> None:
    site = (b"sec-fetch-site", b"cross-site")
    visit = ((b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"))
    frame = ((b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"iframe"))
    assert call(app, "GET", "/", (HOST, site, *visit)).status in (200, 404)
    assert call(app, "GET", "/", (HOST, site, *frame)).status == 403
    assert call(app, "GET", "/", (HOST, site)).status == 403
    assert call(app, "GET", "/v1/meta", (HOST, site, *visit)).status == 403
    assert call(app, "POST", "/", (HOST, JSON, site, *visit), b"{}").status == 403


def test_headers_of_safety_on_everything(app: Any, routes: list[tuple[str, str]]) -> None:
    for method, path in routes:
        reply = call(app, method, path, (HOST, JSON), b"{}")
        assert "default-src 'none'" in reply.headers["content-security-policy"], path
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cross-origin-opener-policy"] == "same-origin"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert "cache-control" in reply.headers
        assert "access-control-allow-origin" not in reply.headers


class Behind:
    """An application that says what reached it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def test_a_body_that_dawdles_is_given_up() -> None:
    behind = Behind()
    reply = call(Guard(behind, Settings(), body_s=0.05), "POST", "/v1/plan", (HOST, JSON), [b"{", None, b"}"])
    assert (reply.status, behind.bodies, reply.headers["connection"]) == (408, [], "close")


def test_a_body_in_parts_arrives_whole() -> None:
    behind = Behind()
    assert call(Guard(behind, Settings()), "POST", "/v1/plan", (HOST, JSON), [b"{", b'"a":', b"1}"]).status == 200
    assert behind.bodies == [b'{"a":1}']


@pytest.mark.parametrize(
    ("path", "media", "limit"),
    [
        ("/v1/plan", guard.JSON, guard.ASKED_BYTES),
        ("/v1/models", guard.JSON, guard.CONFIG_BYTES),
        ("/v1/models", guard.BYTES, guard.GGUF_BYTES),
        ("/mcp", guard.JSON, guard.CONFIG_BYTES),
    ],
)
def test_limits_are_exact(path: str, media: str, limit: int) -> None:
    gate, headers = Guard(Behind(), Settings()), (HOST, (b"content-type", media.encode()))
    fits, over = b"1" + b" " * (limit - 1), b"1" + b" " * limit
    assert call(gate, "POST", path, headers, fits).status == 200
    assert call(gate, "POST", path, headers, over).status == 413


def test_bytes_only_where_models_are_sent() -> None:
    headers = (HOST, (b"content-type", b"application/octet-stream"))
    for path in ("/v1/plan", "/mcp", "/v1/modelsx", "/v1/models/"):
        assert call(Guard(Behind(), Settings()), "POST", path, headers, b"x").status == 415, path


def test_websockets_get_no_answer() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    asyncio.run(Guard(Behind(), Settings())({**scope("GET", "/", (HOST,)), "type": "websocket"}, receive, send))
    assert sent == []


TOKEN = "t" * 22
LAN = Settings(host="192.0.2.7", names=("planner.lan",), token=TOKEN)
LAN_HOST = (b"host", b"planner.lan:8411")


@pytest.mark.parametrize(
    "shown",
    [
        None,
        (b"authorization", b"Bearer " + b"u" * 22),
        (b"authorization", b"Bearer "),
        (b"authorization", b"Basic " + TOKEN.encode()),
        (b"authorization", TOKEN.encode()),
        (b"authorization", b"Bearer " + TOKEN.encode() + b"x"),
        (b"authorization", b"Bearer \xff"),
        (b"cookie", b"wherewithal=" + b"u" * 22),
        (b"cookie", b"other=" + TOKEN.encode()),
        (b"cookie", b";;;="),
    ],
)
def test_no_token_no_answer(tmp_path: Path, routes: list[tuple[str, str]], shown: Any) -> None:
    app = api.app(Near(tmp_path), LAN)
    for method, path in routes:
        headers = (LAN_HOST, JSON, *((shown,) if shown else ()))
        reply = call(app, method, path, headers, b"{}")
        assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer"), path
        assert TOKEN.encode() not in reply.body


def test_the_token_in_a_header_or_cookie_lets_in(tmp_path: Path) -> None:
    app = api.app(Near(tmp_path), LAN)
    for shown in ((b"authorization", b"Bearer " + TOKEN.encode()), (b"cookie", b"a=b; wherewithal=" + TOKEN.encode())):
        assert call(app, "GET", "/healthz", (LAN_HOST, shown)).status == 200
    assert call(app, "GET", "/healthz", (LAN_HOST,), query=b"token=" + TOKEN.encode()).status == 401


def test_the_address_with_the_token_becomes_a_cookie(tmp_path: Path) -> None:
    app = api.app(Near(tmp_path), LAN)
    reply = call(app, "GET", "/", (LAN_HOST,), query=b"a=1&token=" + TOKEN.encode())
    assert (reply.status, reply.headers["location"]) == (303, "/?a=1")
    assert reply.headers["set-cookie"] == f"wherewithal={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    assert reply.headers["cache-control"] == "no-store"
    assert call(app, "GET", "/", (LAN_HOST,), query=b"token=wrong").status == 401


def test_names_of_a_server() -> None:
    assert "planner.lan:8411" in LAN.hosts
    assert "192.0.2.7:8411" in LAN.hosts
    assert "0.0.0.0:8411" not in Settings(host="0.0.0.0").hosts
    assert "localhost" in Settings(port=80).hosts
    assert "http://[::1]:8411" in Settings().origins
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "127.evil.test", "0.0.0.0")] == [
        True, True, True, False, False,
    ]  # fmt: skip
