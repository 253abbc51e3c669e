"""The MCP server over a desk: tools, resources, prompts, completion; and its streamable HTTP app."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from wherewithal.app import catalog_rows, help_verbs
from wherewithal.app.asked import NAME
from wherewithal.app.mcp.tools import ANSWERS, LISTS, Desk, counts, full, listed, tools
from wherewithal.catalog import load
from wherewithal.errors import InputError, WherewithalError

JSON = "application/json"
# A question is small; the SDK's own limit is megabytes.
MOST_BODY = 64 * 1024
MOST_SESSIONS, IDLE_S = 256, 600.0
INSTRUCTIONS = (
    "Wherewithal computes what AI can be run with given chips, power and money. Start with `plan` (model, on, slo); "
    "`catalog` has the names. Figures come with intervals (80% for serving, 90% elsewhere) and evidence (measured, "
    "analog, datasheet): quote both. Answers are short; `answer` with a part, or the linked resource, has the rest."
)


def build(desk: Desk) -> MCPServer[Any]:
    """Return the server.

    Args:
        desk: who answers; entered and left by the caller.
    """
    try:
        release = version("wherewithal")
    except PackageNotFoundError:
        release = "0"
    server: MCPServer[Any] = MCPServer(
        "wherewithal",
        title="Wherewithal",
        instructions=INSTRUCTIONS,
        version=release,
        tools=tools(desk),
        log_level="ERROR",
        subscriptions=False,
    )
    _resources(server, desk)
    _prompts(server)
    complete_with: Any = server.completion
    complete_with()(complete)
    return server


def http_app(desk: Desk, hosts: Sequence[str], origins: Sequence[str]) -> Any:
    """Return the streamable HTTP app, whose one route is `/`: mount it at `/mcp`.

    A mounted app's lifespan is not run, so the parent's lifespan must start the session manager:
    `async with app.state.sessions.run(): yield`. The manager can be started once.

    Sessions are kept (not stateless), so that a client of an older protocol can cancel with a second request.

    Args:
        desk: who answers.
        hosts: allowed Host headers, `name:port` or `name:*`.
        origins: allowed Origin headers, `http://name:port` or `http://name:*`; a request without Origin passes.
    """
    server = build(desk)
    # Its warnings print what a stranger sent in a header.
    logging.getLogger("mcp.server.transport_security").setLevel(logging.ERROR)
    app = server.streamable_http_app(
        streamable_http_path="/",
        max_request_body_size=MOST_BODY,
        session_idle_timeout=IDLE_S,
        max_sessions=MOST_SESSIONS,
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=True, allowed_hosts=list(hosts), allowed_origins=list(origins)
        ),
    )
    app.state.sessions = server.session_manager
    return app


def _resources(server: MCPServer[Any], desk: Desk) -> None:
    @server.resource(ANSWERS + "{id}", name="answer", mime_type=JSON, description="a full answer by its id")
    def answer(id: str) -> str:  # noqa: A002 -- the name in the address
        return _found(lambda: full(desk, _safe(id)))

    @server.resource("wherewithal://catalog", name="catalog", mime_type=JSON, description="kinds of records")
    def kinds() -> str:
        return _json(counts())

    @server.resource("wherewithal://catalog/{kind}", name="kind", mime_type=JSON, description="records of a kind")
    def rows(kind: str) -> str:
        return _found(lambda: _json(listed(_safe(kind))[1]))

    @server.resource(
        "wherewithal://catalog/{kind}/{name}", name="record", mime_type=JSON, description="figures with sources, dates"
    )
    def record(kind: str, name: str) -> str:
        return _found(lambda: _json(catalog_rows.shown(_safe(name), _safe(kind), ())))

    @server.resource("wherewithal://help/{topic}", name="help", description=f"one of {', '.join(help_verbs.TOPICS)}")
    def topic(topic: str) -> str:
        if topic not in help_verbs.TOPICS:
            raise ResourceNotFoundError(f"topic: no such page; one of {', '.join(help_verbs.TOPICS)}")
        return help_verbs.page(topic)


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, default=str)


def _safe(name: str) -> str:
    """Return a name that holds no separator."""
    if not re.fullmatch(NAME, name):
        raise InputError("name", "cannot be used here", "a name of the catalog, never a path")
    return name


def _found(read: Any) -> str:
    try:
        return str(read())
    except WherewithalError as wrong:
        raise ResourceNotFoundError(str(wrong)) from None


def _prompts(server: MCPServer[Any]) -> None:
    @server.prompt(name="size_purchase", title="Size a purchase", description="Which chips, how many, for a service")
    def size_purchase(model: str, systems: str, requests_per_s: str = "", slo: str = "ttft=2s,tpot=50ms") -> str:
        rate = f" at rate_per_s={_capped(requests_per_s)}" if requests_per_s else ""
        return (
            f"Which of these systems should be bought to serve {_capped(model)}: {_capped(systems)}? Use the tool "
            f"compare with slo={_capped(slo)}{rate}, then plan on the best two with more and fewer chips "
            "(SYSTEM:CHIPS). Give cost per million tokens and power with their intervals and evidence, name the "
            "assumptions and weak figures, and say what would turn the choice round."
        )

    @server.prompt(name="check_headline", title="Check a headline", description="Is a published claim sound?")
    def check_headline(headline: str) -> str:
        return (
            f'A headline says: "{_capped(headline)}". See with the tool claims whether it was computed already (the '
            "lists: catalog, claims). Else turn it into plan, compare, fleet or frontier questions, and say on which "
            "basis it holds, on which it does not, with intervals and sources, and what cannot be known here."
        )


def _capped(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text[:400]).split())


async def complete(
    _ref: PromptReference | ResourceTemplateReference, argument: CompletionArgument, context: CompletionContext | None
) -> Completion:
    """Return names that begin with what was typed: kinds, records of a kind, models, systems, topics."""
    said = (context.arguments or {}) if context else {}
    known: Sequence[str] = ()
    match argument.name:
        case "kind":
            known = [*catalog_rows.KINDS, *LISTS]
        case "topic":
            known = help_verbs.TOPICS
        case "name" if said.get("kind") in load.KINDS or said.get("kind") in load.TABLES:
            known = load.names(said["kind"])
        case "model":
            known = load.names("models")
        case "systems":
            known = load.names("systems")
    found = [n for n in known if n.startswith(argument.value)]
    return Completion(values=found[:100], total=len(found), has_more=len(found) > 100)
