"""Errors over HTTP: problem documents (RFC 9457) with where, what and fix, as the command line says them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from wherewithal.app.text import clean
from wherewithal.errors import FileProblems, InputError, WherewithalError

MEDIA = "application/problem+json"
_LONGEST = 400


class Refused(Exception):
    """A request that is refused: status, and the same three words as every other error.

    Args:
        status: of HTTP.
        what: what is wrong.
        fix: what would be right.
        where: the place in the request.
        headers: further headers of the answer.
    """

    def __init__(
        self, status: int, what: str, fix: str = "", where: str = "request", headers: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.what, self.fix, self.where = status, what, fix, where
        self.headers = dict(headers or {})
        super().__init__(f"{where}: {what}; {fix}")


def document(status: int, where: str, what: str, fix: str = "") -> dict[str, Any]:
    """Return a problem document; control characters of what a client sent are taken out."""
    where, what, fix = (clean(text, _LONGEST) for text in (where, what, fix))
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": f"{where}: {what}" + (f"; {fix}" if fix else ""),
        "where": where,
        "what": what,
        "fix": fix,
    }


def encoded(problem: Mapping[str, Any]) -> bytes:
    """Return a document as bytes; all beyond ASCII is escaped, so that a lone surrogate does no harm."""
    return json.dumps(problem, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def of_error(error: WherewithalError, status: int = 422) -> dict[str, Any]:
    """Return the problem that an error of the user's making is."""
    if isinstance(error, InputError):
        return document(status, error.where, error.what, error.fix)
    if isinstance(error, FileProblems) and error.problems:
        first = error.problems[0]
        return document(status, first.path, first.what, first.fix)
    return document(status, "request", str(error))


def of_fields(error: ValidationError) -> dict[str, Any]:
    """Return the problem of the first field that is wrong, with its dotted path and how many more are wrong."""
    first = error.errors(include_url=False, include_input=False, include_context=True)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    kind, more = first["type"], error.error_count() - 1
    what = "no such field" if kind == "extra_forbidden" else str(first["msg"])
    what = what[:1].lower() + what[1:] + (f" (and {more} more)" if more else "")
    fix = {
        "extra_forbidden": "leave it out; /v1/openapi.json lists the fields",
        "missing": "add it",
    }.get(kind, "/v1/openapi.json says what fits")
    return document(422, where, what, fix)
