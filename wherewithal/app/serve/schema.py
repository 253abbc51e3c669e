"""The OpenAPI 3.1 document, written out: what may be sent and what comes back, by path."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from wherewithal import __version__
from wherewithal.app.asked import NAME, VERBS
from wherewithal.app.catalog_rows import KINDS

Schema = dict[str, Any]
REF = "#/components/schemas/"
LANGS = ("en", "zh")
_WHAT = {
    "plan": "The frontier of layouts of a model on a system, and the best under the service levels",
    "predict": "One exact deployment under one exact load",
    "compare": "Systems side by side",
    "fleet": "A scenario's chips, power, money and people by year",
    "frontier": "Who leads in model quality",
    "claims": "Published claims computed again",
}
_KEYS: dict[str, tuple[str, ...]] = {
    "plan": ("best",),
    "predict": ("best",),
    "compare": ("rows",),
    "fleet": ("banner", "scenario", "title", "rows"),
    "frontier": (),
    "claims": (),
}
_TITLES = {
    400: "a request that is not HTTP as it should be",
    401: "no token, or a wrong one",
    403: "a request from another site",
    404: "nothing there",
    408: "the body came too slowly",
    413: "too large, too deep, too many values",
    415: "another media type than JSON",
    421: "another Host than this server's",
    422: "what was sent cannot be used: where, what, fix",
    431: "headers too long",
    500: "an error of ours",
    503: "the queue is full; Retry-After says when to come back",
    504: "the question took longer than this server allows",
}


def document() -> Schema:
    """Return the whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wherewithal",
            "version": __version__,
            "description": "What AI can you run with the chips, power and money you can get? Numbers are in SI base "
            "units. No path of a client is opened: models are names of the catalog, or uploads.",
        },
        "paths": {**_verbs(), **_rest()},
        "components": {"schemas": _components(), "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _components() -> Schema:
    _, made = models_json_schema([(m, "validation") for m in VERBS.values()], ref_template=REF + "{model}")
    found: Schema = dict(made["$defs"])
    text = {"type": "string"}
    found["Problem"] = {
        "type": "object",
        "properties": {
            **dict.fromkeys(("type", "title", "detail", "where", "what", "fix"), text),
            "status": {"type": "integer"},
        },
        "required": ["type", "title", "status", "detail", "where", "what", "fix"],
    }
    for verb, keys in _KEYS.items():
        found[f"{verb.title()}Answer"] = _object(*keys, description=f"{_WHAT[verb]}; `charts` where asked for.")
    found["Row"] = {"type": "object"}
    return found


def _object(*keys: str, description: str = "") -> Schema:
    made: Schema = {"type": "object", "required": list(keys)}
    return {**made, "description": description} if description else made


def _problems(*codes: int) -> Schema:
    body = {"application/problem+json": {"schema": {"$ref": REF + "Problem"}}}
    made: Schema = {str(code): {"description": _TITLES[code], "content": body} for code in codes}
    for code in (503,):
        if code in codes:
            made[str(code)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return made


_ALWAYS = (400, 401, 403, 421, 431)
_POSTED = (*_ALWAYS, 408, 413, 415, 422, 500, 503, 504)


def _query(name: str, values: tuple[str, ...], what: str) -> Schema:
    schema = {"type": "string", "enum": list(values)}
    return {"name": name, "in": "query", "required": False, "description": what, "schema": schema}


def _path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


_FORM = [_query("lang", LANGS, "language of the prose"), _query("charts", ("0", "1"), "1: charts as Vega-Lite too")]
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_NEAR = {"name": "near", "in": "query", "required": False, "description": "id of an answer to a question that differs "
         "little: a quick first answer is then made from it", "schema": _DIGEST}  # fmt: skip
_ID = {"X-Answer-Id": {"schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}}


def _verbs() -> Schema:
    made: Schema = {}
    for verb, record in VERBS.items():
        body = {"required": True, "content": {"application/json": {"schema": {"$ref": REF + record.__name__}}}}
        answer = {"application/json": {"schema": {"$ref": f"{REF}{verb.title()}Answer"}}}
        asked = {"summary": _WHAT[verb], "parameters": _FORM, "requestBody": body, "tags": ["answers"]}
        said = {"200": {"description": "the answer", "headers": _ID, "content": answer}, **_problems(*_POSTED)}
        made[f"/v1/{verb}"] = {"post": {**asked, "operationId": verb, "responses": said}}
        stream = {"text/event-stream": {"schema": {"type": "string"}}}
        told = {
            "200": {"description": "events: progress, quick, answer, problem", "content": stream},
            **_problems(*_POSTED),
        }
        if verb == "plan":
            asked = {**asked, "parameters": [*_FORM, _NEAR]}
        made[f"/v1/{verb}/events"] = {"post": {**asked, "operationId": f"{verb}_events", "responses": told}}
    return made


def _get(name: str, what: str, schema: Schema, *codes: int, parameters: list[Schema] | None = None) -> Schema:
    good = {"200": {"description": what, "content": {"application/json": {"schema": schema}}}}
    made: Schema = {"operationId": name, "summary": what, "responses": {**good, **_problems(*_ALWAYS, *codes)}}
    return {"get": {**made, "parameters": parameters} if parameters else made}


def _rest() -> Schema:
    rows: Schema = {"type": "array", "items": {"$ref": REF + "Row"}}
    kind = _path("kind", {"type": "string", "enum": list(KINDS)})
    name = _path("name", {"type": "string", "pattern": NAME})
    digest = _path("id", {"type": "string", "pattern": "^[0-9a-f]{64}$"})
    shown = _object("kind", "name", "fields", "figures", "sources")
    plain = {"text/plain": {"schema": {"type": "string"}}}
    metrics = {"200": {"description": "metrics, Prometheus text", "content": plain}, **_problems(*_ALWAYS)}
    return {
        "/v1/models": {"post": _upload()},
        "/v1/answers/{id}": _get(
            "answer", "a stored answer", _object(), 404, 422, 500, parameters=[digest, *_FORM]
        ),
        "/v1/catalog": _get("kinds", "kinds and how many records each has", rows),
        "/v1/catalog/{kind}": _get("rows", "records of a kind", rows, 404, parameters=[kind]),
        "/v1/catalog/{kind}/{name}": _get(
            "record", "a record with its figures and sources", shown, 404, parameters=[kind, name]
        ),
        "/v1/words/{lang}": _get(
            "words", "what the page says, in a language", _object(), 404,
            parameters=[_path("lang", {"type": "string", "enum": list(LANGS)})],
        ),
        "/v1/meta": _get("meta", "versions, verbs, languages", _object("version", "catalog", "verbs", "languages")),
        "/v1/openapi.json": _get("openapi", "this document", _object("openapi", "paths")),
        "/healthz": _get("health", "whether it answers", _object("status")),
        "/metrics": {"get": {"operationId": "metrics", "summary": "metrics", "responses": metrics}},
    }  # fmt: skip


def _upload() -> Schema:
    content = {
        "application/json": {"schema": {"type": "object", "description": "a model's config.json"}},
        "application/octet-stream": {
            "schema": {"type": "string", "format": "binary", "description": "the header of a GGUF file"}
        },
    }
    said = {"application/json": {"schema": _object("name", "model")}}
    return {
        "operationId": "upload",
        "summary": "A model of one's own, by its config.json or the header of its GGUF file",
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "its name here, and what it is", "content": said}, **_problems(*_POSTED)},
    }
