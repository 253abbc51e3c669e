"""A stage for the panels: the page's files, and the verbs and the catalog answered in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from wherewithal.app import answers, asked, catalog_rows
from wherewithal.errors import InputError

APP = Path(answers.__file__).parent
PAGE = APP / "page"
CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json"}


class Stage(BaseHTTPRequestHandler):
    """Answers as the API does, without its guards."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def reply(self, status: int, data: Any, media: str = "application/json") -> None:
        """Send one answer."""
        body = data if isinstance(data, bytes) else json.dumps(data, default=str).encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", media),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", CSP),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def problem(self, status: int, where: str, what: str, fix: str = "") -> None:
        """Send a refusal."""
        self.reply(status, {"where": where, "what": what, "fix": fix}, "application/problem+json")

    def do_GET(self) -> None:
        """Serve the page's files, the words and the catalog."""
        path = urlsplit(self.path).path
        try:
            if path.startswith("/v1/"):
                self.reply(200, _read(path))
            else:
                file = PAGE / (path.removeprefix("/page/").lstrip("/") or "index.html")
                self.reply(200, file.read_bytes(), TYPES.get(file.suffix, "text/plain"))
        except InputError as error:
            self.problem(404, error.where, error.what, error.fix)
        except (OSError, KeyError) as error:
            self.problem(404, "path", f"nothing at {path}", type(error).__name__)

    def do_POST(self) -> None:
        """Answer a verb."""
        verb = urlsplit(self.path).path.removeprefix("/v1/").removesuffix("/events")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.reply(200, answers.run(asked.VERBS[verb](**json.loads(body))))
        except InputError as error:
            self.problem(422, error.where, error.what, error.fix)
        except ValidationError as error:
            first = error.errors()[0]
            self.problem(422, ".".join(map(str, first["loc"])), first["msg"])


def _read(path: str) -> Any:
    parts = path.removeprefix("/v1/").split("/")
    if parts[0] == "words":
        found: dict[str, str] = {}
        for file in sorted((APP / "words" / parts[1]).glob("*.json")) if parts[1] != "en" else ():
            found |= json.loads(file.read_text(encoding="utf-8"))
        return found
    if parts[0] == "meta":
        return {"version": "0", "catalog": "2026-01-01", "verbs": list(asked.VERBS), "languages": ["en", "zh"]}
    if len(parts) == 1:
        return catalog_rows.counts(())
    return catalog_rows.listed(parts[1], ()) if len(parts) == 2 else catalog_rows.shown(parts[2], parts[1], ())


@contextmanager
def stage() -> Iterator[str]:
    """Yield the address of a running stage."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stage)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
