"""The HTTP API and the page: thin routes over the desk and the catalog; `Guard` stands in front of all of it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import ValidationError

from wherewithal import __version__
from wherewithal.app import catalog_rows
from wherewithal.app.asked import NAME, VERBS, Asked
from wherewithal.app.serve import answers, problems, schema, static, uploads
from wherewithal.app.serve.guard import App, Guard, Receive, Scope, Send
from wherewithal.app.serve.metrics import MEDIA, Metrics
from wherewithal.app.serve.problems import Refused
from wherewithal.app.serve.settings import Settings, is_loopback
from wherewithal.catalog.load import stamp
from wherewithal.claims import record
from wherewithal.errors import InputError, WherewithalError
from wherewithal.fleet import scenario

ID = re.compile(r"[0-9a-f]{64}\Z")
_LOG = logging.getLogger("wherewithal.serve")
Endpoint = Callable[[Request], Awaitable[Response]]
# Kinds of which the catalog of figures has names alone.
NAMED = {"scenarios": scenario.names, "claims": record.names}


def app(desk: Any, settings: Settings) -> FastAPI:
    """Return the application, its gate in front.

    Args:
        desk: who answers; see `desk.Desk`.
        settings: names, token.
    """
    mcp = _mcp(desk, settings)
    made = FastAPI(
        title="Wherewithal",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan(mcp),
    )
    made.router.redirect_slashes = False
    room = _Room(desk, settings)
    for verb in VERBS:
        made.add_api_route(f"/v1/{verb}", room.answering(verb), methods=["POST"])
        made.add_api_route(f"/v1/{verb}/events", room.telling(verb), methods=["POST"])
    made.add_api_route("/v1/models", room.models, methods=["POST"])
    for path, endpoint in (
        ("/v1/answers/{id}", room.stored),
        ("/v1/catalog", room.kinds),
        ("/v1/catalog/{kind}", room.rows),
        ("/v1/catalog/{kind}/{name}", room.record),
        ("/v1/words/{lang}", room.words),
        ("/v1/meta", room.meta),
        ("/v1/openapi.json", room.openapi),
        ("/healthz", room.health),
        ("/metrics", room.counts),
        ("/", room.page),
        ("/page/{path:path}", room.page),
    ):
        made.add_api_route(path, endpoint, methods=["GET"])
    if mcp is not None:
        made.mount("/mcp", mcp)
    for kind in (WherewithalError, Refused, answers.HungUp, 404, 405):
        made.add_exception_handler(kind, _problem)
    made.add_middleware(_Counted, metrics=room.metrics)
    posts = frozenset(r.path for r in made.routes if isinstance(r, APIRoute) and "POST" in (r.methods or ()))
    made.add_middleware(Guard, settings=settings, posts=posts)
    return made


def _mcp(desk: Any, settings: Settings) -> Any:
    """Return the MCP server as an application, or None where its extra is not installed."""
    if importlib.util.find_spec("mcp") is None:
        return None
    found = answers.optional("wherewithal.app.mcp.server")
    return found.http_app(desk, sorted(settings.hosts), sorted(settings.origins)) if found is not None else None


def _lifespan(mcp: Any) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return what runs around the application: the sessions of the MCP server, which a mounted one does not start."""

    @asynccontextmanager
    async def around(_: FastAPI) -> AsyncIterator[None]:
        if mcp is None:
            yield
        else:
            async with mcp.state.sessions.run():
                yield

    return around


async def _problem(request: Request, error: Exception) -> Response:
    """Return any error as a problem document."""
    if isinstance(error, answers.HungUp):
        return Response(status_code=499)
    status = getattr(error, "status_code", 0)  # of the router's own errors
    headers: dict[str, str] = {}
    if status in (404, 405):
        what = "nothing there" if status == 404 else "not that way"
        made = problems.document(status, "path", what, "/v1/openapi.json lists what there is")
        headers |= getattr(error, "headers", None) or {}
    else:
        made, headers = answers.problem_of(error)
    made = answers.spoken(made, request.query_params.get("lang", "en"))
    return Response(problems.encoded(made), made["status"], headers, problems.MEDIA)


class _Counted:
    """Counts and times every answer by its route; what no route has is counted as one."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] == "/mcp":  # the mounted server's own path is /mcp/
            scope = {**scope, "path": "/mcp/", "raw_path": b"/mcp/"}
        began, status = time.perf_counter(), [0]

        async def seen(message: Any) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, seen)
        except Exception as error:
            _LOG.exception("an error of ours")
            if status[0]:
                raise
            await (await _problem(Request(scope), error))(scope, receive, seen)
        finally:
            route = getattr(scope.get("route"), "path", None) or (
                "/mcp" if scope["path"].startswith("/mcp") else "none"
            )
            self.metrics.saw(str(route), status[0], time.perf_counter() - began)


class _Room:
    """What the routes share."""

    def __init__(self, desk: Any, settings: Settings) -> None:
        self.desk, self.settings, self.metrics, self.files = desk, settings, Metrics(), static.table()

    def answering(self, verb: str) -> Endpoint:
        """Return the endpoint that answers a verb at once."""

        async def answer(request: Request) -> Response:
            form, asked = _form(request), await _asked(request, verb)
            done = await answers.unless_gone(request, self.desk.ask(asked, self._client(request)))
            body = await asyncio.to_thread(answers.shaped, verb, done.body, *form)
            return Response(body, media_type="application/json", headers={"x-answer-id": done.id})

        return answer

    def telling(self, verb: str) -> Endpoint:
        """Return the endpoint that answers a verb in events."""

        async def tell(request: Request) -> Response:
            form, asked, near = _form(request), await _asked(request, verb), request.query_params.get("near")
            if near is not None and not (verb == "plan" and ID.match(near)):
                raise Refused(422, "no id of a plan", "give the X-Answer-Id of a plan, or leave it out", "near")
            return answers.Events(self.desk, verb, asked, self._client(request), form, near or "")

        return tell

    def _client(self, request: Request) -> str:
        """Return whose turn a question takes: an address; on loopback, where all share one, a connection."""
        if request.client is None:
            return ""
        host, port = request.client
        return f"{host}:{port}" if is_loopback(host) else host

    async def models(self, request: Request) -> Response:
        """Keep and read a model that was uploaded."""
        media = request.headers["content-type"].partition(";")[0].strip().lower()
        kind = "json" if media == "application/json" else "gguf"
        return JSONResponse(await asyncio.to_thread(uploads.taken, self.desk, await request.body(), kind))

    async def stored(self, request: Request) -> Response:
        """Return an answer by its id."""
        form, digest = _form(request), request.path_params["id"]
        body = self.desk.stored(digest) if ID.match(digest) else None
        if body is None:
            raise Refused(404, "no such answer", "ask the question again", "id")
        verb = await asyncio.to_thread(_verb_of, body)
        made = await asyncio.to_thread(answers.shaped, verb, body, *form)
        return Response(made, media_type="application/json", headers={"x-answer-id": digest})

    async def kinds(self, request: Request) -> Response:
        """Return the kinds of the catalog."""
        return JSONResponse(await asyncio.to_thread(catalog_rows.counts, ()))

    async def rows(self, request: Request) -> Response:
        """Return the records of a kind."""
        if request.path_params["kind"] in NAMED:
            return JSONResponse([{"name": name} for name in NAMED[request.path_params["kind"]]()])
        kind = _kind(request)
        return JSONResponse(await asyncio.to_thread(catalog_rows.listed, kind, ()))

    async def record(self, request: Request) -> Response:
        """Return one record."""
        kind, name = _kind(request), request.path_params["name"]
        try:
            if kind in catalog_rows.LISTED_ONLY or not re.match(NAME, name):
                raise Refused(404, "no record of that name", f"/v1/catalog/{kind} lists them", "name")
            return JSONResponse(await asyncio.to_thread(catalog_rows.shown, name, kind, ()))
        except InputError as error:
            raise Refused(404, error.what, error.fix, "name") from None

    async def words(self, request: Request) -> Response:
        """Return what the page says, in a language."""
        lang = request.path_params["lang"]
        if lang not in schema.LANGS:
            raise Refused(404, "no such language", ", ".join(schema.LANGS), "lang")
        words = answers.optional("wherewithal.app.words")
        return JSONResponse(words.table(lang) if words is not None else {})

    async def meta(self, request: Request) -> Response:
        """Return versions, verbs and languages, and the names that the catalog's own lists do not have."""
        rows = await asyncio.to_thread(catalog_rows.counts, ())
        return JSONResponse(
            {
                "version": __version__,
                "catalog": {row["kind"]: row["records"] for row in rows},
                "verbs": list(VERBS),
                "languages": list(schema.LANGS),
                "edition": stamp(),
                "scenarios": scenario.names(),
                "claims": record.names(),
            }
        )

    async def openapi(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        return JSONResponse(schema.document())

    async def health(self, request: Request) -> Response:
        """Say that the server answers."""
        return JSONResponse({"status": "ok"})

    async def counts(self, request: Request) -> Response:
        """Return the metrics."""
        return Response(self.metrics.text(self.desk.counts()), headers={"content-type": MEDIA})

    async def page(self, request: Request) -> Response:
        """Return a file of the page, out of the table that was read at start."""
        file = self.files.get(request.path_params.get("path", "index.html"))
        if file is None:
            raise Refused(404, "nothing there", "the page is at /", "path")
        packed = bool(file.packed) and "gzip" in request.headers.get("accept-encoding", "")
        tag = f'"{file.digest}{"-gz" if packed else ""}"'
        fixed = request.query_params.get("v", "-") == file.digest[:8]
        headers = {"etag": tag, "vary": "Accept-Encoding", "content-type": file.media}
        headers["cache-control"] = "public, max-age=31536000, immutable" if fixed else "no-cache"
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={k: v for k, v in headers.items() if k != "content-type"})
        if packed:
            headers["content-encoding"] = "gzip"
        return Response(file.packed if packed else file.plain, headers=headers)


def _kind(request: Request) -> str:
    kind = str(request.path_params["kind"])
    if kind not in catalog_rows.KINDS:
        raise Refused(404, "no such kind", f"kinds: {', '.join(catalog_rows.KINDS)}", "kind")
    return kind


def _form(request: Request) -> tuple[str, bool]:
    """Return language and whether charts are asked for."""
    query = request.query_params
    lang, charts = query.get("lang", "en"), query.get("charts", "0")
    if len(query.getlist("lang")) > 1 or lang not in schema.LANGS:
        raise Refused(422, "no such language", ", ".join(schema.LANGS), "lang")
    if len(query.getlist("charts")) > 1 or charts not in ("0", "1"):
        raise Refused(422, "neither 0 nor 1", "charts=1, or leave it out", "charts")
    return lang, charts == "1"


async def _asked(request: Request, verb: str) -> Asked:
    """Return what a body asks; the gate has measured it and read it strictly before."""
    try:
        return VERBS[verb].model_validate_json(await request.body(), strict=True)
    except ValidationError as error:
        made = problems.of_fields(error)
        raise Refused(422, made["what"], made["fix"], made["where"]) from None


def _verb_of(body: bytes) -> str:
    """Return which verb an answer is of, as it says itself."""
    return str(json.loads(body)["verb"])
