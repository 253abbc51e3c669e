"""The tools: a checked record goes to the desk, a short answer with a link to the full one comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ContentBlock, ResourceLink, TextContent, ToolAnnotations

from wherewithal.app import catalog_rows
from wherewithal.app.asked import VERBS, Asked
from wherewithal.app.mcp import schemas
from wherewithal.app.mcp.short import MOST_BYTES, SHORT, fitted, size
from wherewithal.app.mcp.text import spoken
from wherewithal.app.text import clean
from wherewithal.claims import record as claims
from wherewithal.errors import InputError, WherewithalError
from wherewithal.fleet import scenario

Short = dict[str, Any]
Progress = Callable[[str, int, int], None]
ANSWERS = "wherewithal://answers/"
# One part of an answer may be larger than a short answer: it was asked for.
MOST_PART = 16_000
_STEP = 0.01
LISTS = {"scenarios": scenario.names, "claims": claims.names}


class Answered(Protocol):
    """What a desk hands back."""

    @property
    def id(self) -> str:
        """Return the name of the answer."""

    @property
    def body(self) -> bytes:
        """Return its JSON."""


class Desk(Protocol):
    """What the server needs of `wherewithal.app.serve.desk.Desk`."""

    async def ask(self, asked: Asked, client: str = "", progress: Progress | None = None) -> Answered:
        """Return the answer; cancelling frees the worker."""

    def stored(self, name: str) -> bytes | None:
        """Return the JSON of an answer given before."""


Handler = Callable[[dict[str, Any], Context[Any, Any]], Awaitable[CallToolResult]]


class Direct(Tool):
    """A tool that checks its arguments itself, so that what is wrong is one line and nothing unknown is ignored."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Return the result; anything a user can mend is an error result with one line."""
        try:
            return await cast("Handler", self.fn)(arguments, context)
        except WherewithalError as wrong:
            line = " ".join(clean(str(wrong), 600).split())
            return CallToolResult(content=[TextContent(text=line)], is_error=True)
        except MCPError:
            raise
        except Exception as defect:
            # The SDK logs it; the client reads this sentence alone.
            raise UnexpectedToolError(f"{self.name}: a defect of this program, not of the question") from defect


def tools(desk: Desk) -> list[Tool]:
    """Return all tools."""
    made = [_tool(verb, partial(_ask, desk, verb)) for verb in VERBS]
    return [*made, _tool("catalog", _catalog), _tool("answer", partial(_answer, desk))]


def _tool(name: str, handler: Handler) -> Tool:
    return Direct(
        fn=handler,
        name=name,
        title=schemas.TITLES[name].partition(":")[0],
        description=f"{schemas.TITLES[name]}. Example: {json.dumps(schemas.EXAMPLES[name])}",
        parameters=schemas.input_schema(name),
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=schemas.output_schema(name)),
        context_kwarg=None,
        is_async=True,
        annotations=ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


async def _ask(desk: Desk, verb: str, arguments: dict[str, Any], context: Context[Any, Any]) -> CallToolResult:
    asked = schemas.checked(verb, arguments)
    news: asyncio.Queue[tuple[str, int, int]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def progress(phase: str, done: int, total: int) -> None:
        loop.call_soon_threadsafe(news.put_nowait, (phase, done, total))

    teller = asyncio.create_task(_tell(news, context))
    try:
        # A cancelled request cancels this await, which frees the desk's worker.
        done = await desk.ask(asked, client=_client(context), progress=progress)
    finally:
        teller.cancel()
    return _result(verb, done.id, json.loads(done.body))


async def _tell(news: asyncio.Queue[tuple[str, int, int]], context: Context[Any, Any]) -> None:
    """Send what the desk reports: one whole number a phase, its part done as the fraction, always rising."""
    phases: list[str] = []
    last = -1.0
    while True:
        phase, done, total = await news.get()
        if phase not in phases:
            phases.append(phase)
        at = phases.index(phase) + (min(done / total, 1.0) if total > 0 else 0.0)
        if at >= last + _STEP:
            last = at
            await context.report_progress(at, None, f"{clean(phase)} {done}/{total}" if total else clean(phase))


def _client(context: Context[Any, Any]) -> str:
    """Return who asks, for fair queueing: the address, or nothing over stdio."""
    address = getattr(context.request_context.request, "client", None)
    return str(address.host) if address else ""


def _result(verb: str, name: str, document: dict[str, Any]) -> CallToolResult:
    uri = f"{ANSWERS}{name}"
    short = {**SHORT[verb](document, verb), "answer": name, "resource": uri}
    link = ResourceLink(
        uri=uri, name=f"{verb} {name[:12]}", mime_type="application/json", description="the full answer as JSON"
    )
    return _said(fitted(short), [link])


def _said(short: Short, links: list[ResourceLink] | None = None, text: str = "") -> CallToolResult:
    content: list[ContentBlock] = [TextContent(text=text or spoken(short)), *(links or [])]
    return CallToolResult(content=content, structured_content=short)


async def _catalog(arguments: dict[str, Any], _context: Context[Any, Any]) -> CallToolResult:
    asked = schemas.CatalogAsked.model_validate(schemas.checked("catalog", arguments))
    return await asyncio.to_thread(_looked_up, asked)


def _looked_up(asked: schemas.CatalogAsked) -> CallToolResult:
    base = "wherewithal://catalog"
    if asked.name:
        record = catalog_rows.shown(asked.name, asked.kind, ())
        about = f"{record['kind']}/{record['name']}"
        short = {"verdict": f"{about}: {len(record['figures'])} figures.", **record, "resource": f"{base}/{about}"}
        return _said(fitted(short), text=_listing(short, "figures"))
    if asked.kind:
        kind, found = listed(asked.kind)
        rows = [r for r in found if asked.find.lower() in json.dumps(r, default=str).lower()]
        short = {"verdict": f"{kind}: {len(rows)} records.", "rows": _text_only(rows), "resource": f"{base}/{kind}"}
        return _said(fitted(short), text=_listing(fitted(short), "rows"))
    kinds = counts()
    short = {"verdict": f"The catalog has {len(kinds)} kinds of records.", "rows": kinds, "resource": base}
    return _said(fitted(short), text=_listing(short, "rows"))


def counts() -> list[dict[str, Any]]:
    """Return the kinds of records with their counts, and the named lists that fleet and claims are asked by."""
    return [*catalog_rows.counts(()), *({"kind": k, "records": len(names())} for k, names in LISTS.items())]


def listed(kind: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a kind's own name and its rows.

    Raises:
        InputError: no such kind.
    """
    for own, names in LISTS.items():
        if kind in (own, own.removesuffix("s")):
            return own, [{"name": n} for n in names()]
    own = catalog_rows.plural(kind)
    return own, catalog_rows.listed(own, ())


def _text_only(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {k: v if isinstance(v, int | float) else clean(v, 160) for k, v in r.items() if v not in ("", None)}
        for r in rows
    ]


def _listing(short: Short, key: str) -> str:
    rows = [", ".join(f"{k} {clean(v, 120)}" for k, v in r.items() if v not in ("", None)) for r in short[key][:30]]
    more = f"\n({sum(short['left_out'].values())} more: {short['resource']})" if short.get("left_out") else ""
    return "\n".join([short["verdict"], *rows]) + more


async def _answer(desk: Desk, arguments: dict[str, Any], _context: Context[Any, Any]) -> CallToolResult:
    asked = schemas.AnswerAsked.model_validate(schemas.checked("answer", arguments))
    document = json.loads(full(desk, asked.id))
    if not asked.part:
        return _result(verb_of(document), asked.id, document)
    value = part(document, asked.part)
    bytes_ = size(value)
    if bytes_ > MOST_PART:
        keys = list(value) if isinstance(value, dict) else f"0 to {len(value) - 1}"
        raise InputError("part", f"{asked.part} has {bytes_} bytes, more than {MOST_PART}", f"ask for one of {keys}")
    short = {
        "verdict": f"{asked.part} of {asked.id[:12]}: {bytes_} bytes.",
        "answer": asked.id,
        "resource": ANSWERS + asked.id,
        "value": value,
    }
    return _said(short, text=json.dumps(value, ensure_ascii=False))


def full(desk: Desk, name: str) -> str:
    """Return the JSON of an answer given before.

    Raises:
        InputError: no such answer is kept.
    """
    body = desk.stored(name)
    if body is None:
        raise InputError(
            "id", f"no answer {clean(name)[:12]}... is kept here", "ask again: the same question has the same id"
        )
    return body.decode()


def part(document: Any, path: str) -> Any:
    """Return what a dotted path leads to.

    Raises:
        InputError: it leads nowhere; with what there is.
    """
    here = document
    for step in path.split("."):
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        else:
            known = (
                ", ".join(list(here)[:30])
                if isinstance(here, dict)
                else f"0 to {len(here) - 1}"
                if isinstance(here, list)
                else "nothing"
            )
            raise InputError("part", f"no {step!r} in {path!r}", f"there is {known}")
    return here


def verb_of(document: dict[str, Any]) -> str:
    """Return which verb made an answer, by the fields that only it has."""
    marks = {"systems": "compare", "scenario": "fleet", "indices": "frontier", "claims": "claims"}
    found = next((verb for mark, verb in marks.items() if mark in document), "")
    return found or ("predict" if str(document.get("command", "")).startswith("wherewithal predict") else "plan")


__all__ = ["ANSWERS", "MOST_BYTES", "Desk", "Direct", "full", "part", "tools", "verb_of"]
