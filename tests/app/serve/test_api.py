"""The routes: what they answer, in which form, and what happens when a client hangs up or the desk is full."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.app.serve.calls import HOST, JSON, acall, call, post, scope
from tests.app.serve.near import Near
from wherewithal.app.asked import VERBS
from wherewithal.app.serve import answers, api, schema, static
from wherewithal.app.serve.settings import Settings
from wherewithal.errors import InputError

PLAN = {"model": "deepseek-v3", "on": "h20-8:16", "concurrency": 64}
CONFIG = Path("examples/own-model/config.json")


@pytest.fixture
def desk(tmp_path: Path) -> Near:
    return Near(tmp_path)


@pytest.fixture
def app(desk: Near) -> Any:
    return api.app(desk, Settings())


def test_a_plan_is_the_contracts_json(app: Any) -> None:
    reply = post(app, "/v1/plan", PLAN)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json["best"]["pools"]
    again = call(app, "GET", f"/v1/answers/{reply.headers['x-answer-id']}")
    assert again.body == reply.body


@pytest.mark.parametrize("identity", ["0" * 64, "..", "../../etc/passwd", "A" * 64, "0" * 65])
def test_no_such_answer(app: Any, identity: str) -> None:
    assert call(app, "GET", f"/v1/answers/{identity}").status == 404


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({}, "model"),
        ({**PLAN, "modle": 1}, "modle"),
        ({**PLAN, "concurrency": "64"}, "concurrency"),
        ({**PLAN, "concurrency": True}, "concurrency"),
        ({**PLAN, "concurrency": 0}, "concurrency"),
        ({**PLAN, "seed": 10**39}, "seed"),
        ({**PLAN, "precision": {"weights": "../x"}}, "precision.weights"),
        ({**PLAN, "model": "no-such-model"}, "MODEL"),
        ({**PLAN, "rate_per_s": 1.0}, "rate_per_s"),
        ([], "body"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(app: Any, asked: Any, where: str) -> None:
    reply = post(app, "/v1/plan", asked)
    assert (reply.status, reply.headers["content-type"]) == (422, "application/problem+json")
    assert reply.json["where"] == where
    assert reply.json["what"]
    assert reply.json["detail"].startswith(where)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../secret", "..", ".", "~", "~/x", "file:///etc/passwd", "C:\\x", "\\\\host\\share", "a/b",
        "a\0b", "%2e%2e%2fx", "%252e", "config.json", "x.JSON", "x.gguf", "x.toml", "x.yaml", "a\nb", "a" * 81,
        "upload:../x", "upload:" + "0" * 63, "/proc/self/environ", "/dev/zero", "",
    ],
)  # fmt: skip
def test_no_path_is_taken_for_a_name(app: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where a file of that name lies in the server's current folder."""
    config = CONFIG.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for file in ("config.json", "x.JSON", "x.gguf", "x.toml", "x.yaml"):
        Path(file).write_text(config, encoding="utf-8")
    assert post(app, "/v1/plan", {**PLAN, "model": name}).status == 422
    assert post(app, "/v1/plan", {**PLAN, "on": name}).status == 422
    assert post(app, "/v1/plan", {**PLAN, "on": f"{name}:8"}).status == 422
    assert post(app, "/v1/fleet", {"scenario": name}).status == 422
    assert post(app, "/v1/claims", {"name": name}).status == 422


def test_questions_of_the_form(app: Any) -> None:
    for query in (b"lang=fr", b"charts=yes", b"lang=en&lang=zh", b"charts=1&charts=1"):
        assert post(app, "/v1/plan", PLAN, query=query).status == 422


def test_charts_come_where_asked_for(app: Any) -> None:
    made = post(app, "/v1/plan", PLAN, query=b"charts=1").json["charts"]
    assert isinstance(made, dict)
    if answers.optional("wherewithal.app.charts") is not None:
        assert "tradeoff" in made


def test_a_full_desk_and_a_long_question(app: Any, desk: Near) -> None:
    busy = type("Busy", (Exception,), {"retry_after_s": 3})
    long = type("TooLong", (Exception,), {"deadline_s": 60})
    for error, status in ((busy(), 503), (long(), 504), (RuntimeError("x"), 500), (InputError("a", "b", "c"), 422)):
        desk.fails = error
        reply = post(app, "/v1/plan", PLAN)
        assert (reply.status, reply.json["status"]) == (status, status)
        assert (reply.headers.get("retry-after") == "3") == (status == 503)
        told = post(app, "/v1/plan/events", PLAN)
        assert told.status == 200
        assert f'"status":{status}' in told.body.decode()


def test_an_error_of_ours_is_one_problem_and_says_nothing_of_the_inside(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(api.catalog_rows, "counts", fail)
    reply = call(app, "GET", "/v1/catalog")
    assert reply.status == 500
    assert b"secret" not in reply.body
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/v1/plan", "/v1/plan/events"])
def test_hanging_up_ends_the_work(app: Any, desk: Near, path: str) -> None:
    async def hang_up() -> None:
        desk.gate, begun = asyncio.Event(), asyncio.Event()
        body = json.dumps(PLAN).encode()

        async def receive() -> Any:
            if not begun.is_set():
                begun.set()
                return {"type": "http.request", "body": body, "more_body": False}
            await asyncio.sleep(0.05)
            return {"type": "http.disconnect"}

        async def send(_: Any) -> None:
            return

        await asyncio.wait_for(app(scope("POST", path, (HOST, JSON)), receive, send), 5)

    asyncio.run(hang_up())
    assert desk.cancelled == 1


def test_events_tell_progress_then_the_answer(app: Any) -> None:
    reply = post(app, "/v1/plan/events", {**PLAN, "on": "h20-8:32"})
    assert reply.headers["content-type"].startswith("text/event-stream")
    names = re.findall(r"^event: (\w+)$", reply.body.decode(), re.MULTILINE)
    assert names[-1] == "answer"
    assert set(names[:-1]) == {"progress"}
    said = json.loads(reply.body.decode().rsplit("data: ", 1)[1])
    assert said["best"]["pools"]


def test_a_heart_beats_while_nothing_is_new(app: Any, desk: Near, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "HEARTBEAT_S", 0.02)

    async def waits() -> Any:
        desk.gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, desk.gate.set)
        return await acall(app, "POST", "/v1/plan/events", (HOST, JSON), json.dumps(PLAN).encode())

    reply = asyncio.run(waits())
    assert reply.body.count(b": still at it\n\n") >= 2


def test_a_quick_answer_goes_ahead(app: Any, desk: Near) -> None:
    async def quick(asked: Any, near: str, client: str) -> bytes:
        return b'{"near":"' + near.encode() + b'"}'

    desk.quick = quick  # type: ignore[attr-defined]
    told = post(app, "/v1/plan/events", PLAN, query=b"near=" + b"1" * 64).body.decode()
    assert told.startswith('event: quick\ndata: {"near":"111')
    assert "event: quick" not in post(app, "/v1/plan/events", PLAN).body.decode()
    assert post(app, "/v1/plan/events", PLAN, query=b"near=../x").status == 422


def test_a_config_is_taken_and_planned_with(app: Any) -> None:
    reply = post(app, "/v1/models", CONFIG.read_bytes())
    assert reply.status == 200
    name, model = reply.json["name"], reply.json["model"]
    assert re.fullmatch("upload:[0-9a-f]{64}", name)
    assert model["parameters"] >= model["active_parameters"] > 1e6
    assert model["layers"] > 0
    assert model["kv_bytes_per_token"] > 0
    assert post(app, "/v1/plan", {**PLAN, "model": name}).status == 200


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"model_type":"nothing"}', b'{"model_type":NaN}'])
def test_what_is_no_config_is_not_kept(app: Any, desk: Near, data: bytes) -> None:
    reply = post(app, "/v1/models", data)
    assert reply.status == 422
    assert str(desk.uploads) not in reply.body.decode()
    assert list(desk.uploads.iterdir()) == []


def test_no_such_upload(app: Any) -> None:
    assert post(app, "/v1/plan", {**PLAN, "model": "upload:" + "0" * 64}).status == 422


def gguf() -> bytes:
    """Return the header of a small model."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    def number(key: str, value: int) -> bytes:
        return text(f"llama.{key}") + struct.pack("<II", 4, value)

    sizes = {
        "block_count": 2, "embedding_length": 64, "feed_forward_length": 128, "context_length": 512,
        "attention.head_count": 4, "attention.head_count_kv": 2,
    }  # fmt: skip
    keys = text("general.architecture") + struct.pack("<I", 8) + text("llama")
    keys += b"".join(number(k, v) for k, v in sizes.items())
    shapes = {"token_embd.weight": (64, 1000), "output.weight": (64, 1000)}
    for layer in range(2):
        for name, shape in (
            ("attn_q", (64, 64)), ("attn_k", (64, 32)), ("attn_v", (64, 32)), ("attn_output", (64, 64)),
            ("ffn_gate", (64, 128)), ("ffn_up", (64, 128)), ("ffn_down", (128, 64)),
        ):  # fmt: skip
            shapes[f"blk.{layer}.{name}.weight"] = shape
    tensors = b"".join(text(n) + struct.pack("<IQQIQ", 2, *s, 1, 0) for n, s in shapes.items())
    return b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(sizes) + 1) + keys + tensors


@pytest.mark.parametrize("after", [b"", b"\0" * 31, b"weights" * 1000])
def test_the_header_of_a_gguf_file_is_enough(app: Any, desk: Near, after: bytes) -> None:
    headers = (HOST, (b"content-type", b"application/octet-stream"))
    reply = call(app, "POST", "/v1/models", headers, gguf() + after)
    assert reply.status == 200, reply.body
    assert reply.json["model"]["layers"] == 2
    assert reply.json["model"]["weight_bytes"] == 2 * (2 * 64_000 + 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128))
    assert [p.read_bytes() for p in desk.uploads.iterdir()] == [gguf()]
    assert post(app, "/v1/plan", {**PLAN, "model": reply.json["name"]}).status == 200


@pytest.mark.parametrize("data", [b"", b"GGUF", b"x" * 100, gguf()[:-1], gguf()[:60]])
def test_what_is_no_gguf_header_is_not_kept(app: Any, desk: Near, data: bytes) -> None:
    reply = call(app, "POST", "/v1/models", (HOST, (b"content-type", b"application/octet-stream")), data)
    assert reply.status == 422
    assert list(desk.uploads.iterdir()) == []


def test_the_catalog(app: Any) -> None:
    kinds = call(app, "GET", "/v1/catalog").json
    for row in kinds:
        assert len(call(app, "GET", f"/v1/catalog/{row['kind']}").json) == row["records"] > 0
    shown = call(app, "GET", "/v1/catalog/chips/h20").json
    assert shown["figures"]
    assert shown["sources"]
    for path in ("nothing", "chips/nothing", "chips/..", "chip/h20", "prices/x", "chips/h20/x", "chips/%2e%2e"):
        assert call(app, "GET", f"/v1/catalog/{path}").status == 404, path


def test_meta_words_and_openapi(app: Any) -> None:
    meta = call(app, "GET", "/v1/meta").json
    assert meta["verbs"] == list(VERBS)
    assert call(app, "GET", "/v1/words/en").status == 200
    assert call(app, "GET", "/v1/words/fr").status == 404
    document = call(app, "GET", "/v1/openapi.json").json
    assert document["openapi"].startswith("3.1")


def test_every_route_is_described_and_no_other(app: Any) -> None:
    described = {(path, method.upper()) for path, way in schema.document()["paths"].items() for method in way}
    routes = {(r.path, m) for r in app.routes for m in getattr(r, "methods", None) or () if m != "HEAD"}
    assert described == routes - {("/", "GET"), ("/page/{path:path}", "GET")}


def test_what_touches_this_machine_or_others_is_not_offered(app: Any) -> None:
    document = json.dumps(schema.document())
    for verb in ("measure", "probe", "calibrate", "recipe", "validate"):
        assert verb not in VERBS
        assert f"/v1/{verb}" not in document
        assert post(app, f"/v1/{verb}", {}).status == 404
        assert call(app, "GET", f"/v1/{verb}").status == 404


def test_the_page_comes_from_a_table(tmp_path: Path, desk: Near, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page" / "js").mkdir(parents=True)
    (tmp_path / "page" / "index.html").write_text("<!doctype html>" + "x" * 500, encoding="utf-8")
    (tmp_path / "page" / "js" / "a.js").write_text("1", encoding="utf-8")
    (tmp_path / "page" / "__init__.py").write_text("", encoding="utf-8")
    found = static.table(tmp_path / "page")
    assert set(found) == {"index.html", "js/a.js"}
    monkeypatch.setattr(static, "table", lambda: found)
    app = api.app(desk, Settings())
    plain = call(app, "GET", "/")
    assert (plain.status, plain.headers["content-type"]) == (200, "text/html; charset=utf-8")
    packed = call(app, "GET", "/", (HOST, (b"accept-encoding", b"br, gzip")))
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] != plain.headers["etag"]
    same = call(app, "GET", "/", (HOST, (b"if-none-match", plain.headers["etag"].encode())))
    assert (same.status, same.body) == (304, b"")
    assert plain.headers["cache-control"] == "no-cache"
    version = found["js/a.js"].digest[:8].encode()
    assert "immutable" in call(app, "GET", "/page/js/a.js", query=b"v=" + version).headers["cache-control"]
    for path in ("/page/", "/page/../api.py", "/page/%2e%2e/api.py", "/page//etc/passwd", "/page/__init__.py"):
        assert call(app, "GET", path).status == 404, path


def test_metrics_can_be_read(app: Any) -> None:
    call(app, "GET", "/healthz")
    call(app, "GET", "/no/such/route")
    reply = call(app, "GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    text, found = reply.body.decode(), {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) [a-z_]+ .+", line)
            continue
        match = re.fullmatch(r'([a-z_]+(?:\{(?:[a-z]+="[^"\\]*",?)+\})?) (\S+)', line)
        assert match, line
        found[match[1]] = float(match[2])
    assert found['wherewithal_requests_total{route="/healthz",status="200"}'] == 1
    assert found['wherewithal_requests_total{route="none",status="404"}'] == 1
    assert found['wherewithal_request_seconds_bucket{route="/healthz",le="+Inf"}'] == 1
    assert found["wherewithal_resident_bytes"] > 1e6
    assert "/no/such" not in text


def test_no_connection_goes_out(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole round with every way out nailed up."""

    def refuse(*words: object, **_: object) -> None:
        raise AssertionError(f"a connection to {words[1:]}")

    for way in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, way, refuse)
    for way in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, way, refuse)
    for path in ("/v1/catalog", "/v1/catalog/chips", "/v1/catalog/chips/h20", "/v1/meta", "/v1/words/en", "/healthz"):
        assert call(app, "GET", path).status == 200
    assert call(app, "GET", "/").status in (200, 404)
    assert post(app, "/v1/plan", PLAN).status == 200
    assert post(app, "/v1/models", CONFIG.read_bytes()).status == 200
    scenario = next(iter(_scenarios()))
    assert post(app, "/v1/fleet", {"scenario": scenario, "draws": 16}).status == 200
    assert post(app, "/v1/claims", {"name": _claims()[0]}).status == 200
    assert post(app, "/v1/frontier", {}).status == 200


def _scenarios() -> list[str]:
    from wherewithal.fleet import scenario

    return list(scenario.names(()))


def _claims() -> list[str]:
    from wherewithal.claims import record

    return list(record.names(()))
