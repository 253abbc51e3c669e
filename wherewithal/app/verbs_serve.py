"""The verb `serve`: the web page, the HTTP API and the MCP server, on this machine unless told otherwise."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import secrets
import socket
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherewithal.app import face as faces
from wherewithal.app.options import Number
from wherewithal.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from wherewithal.app.serve.settings import Settings

_HELP = """\b
Examples:
  wherewithal serve --help
  wherewithal serve --port 0 --check
"""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,128}\Z")


@click.command(epilog=_HELP, short_help="the web page, the HTTP API and the MCP server")
@click.option(
    "--host", default="127.0.0.1", metavar="ADDR", help="Where to listen. Another than loopback asks for a token."
)
@click.option(
    "--port", type=Number(0, 65535, whole=True), default="8411", metavar="N", help="0: any free one. Default: 8411."
)
@click.option("--name", "names", multiple=True, metavar="NAME", help="A further name that browsers may call it by.")
@click.option(
    "--workers", type=Number(1, 256, whole=True), metavar="N", help="Processes that compute. Default: one a core."
)
@click.option(
    "--store", type=click.Path(path_type=Path), metavar="DIR", help="Where answers are kept. Default: the user's cache."
)
@click.option("--no-store", is_flag=True, help="Keep no answers beyond this run.")
@click.option("--token-file", type=click.Path(path_type=Path), metavar="FILE", help="Take the token from a file.")
@click.option("--stdio", is_flag=True, help="Speak MCP on stdin and stdout, and nothing else.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@click.option("--check", is_flag=True, help="Say what would be served where, and end.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show where an internal error comes from.")
def serve(open_page: bool, check: bool, stdio: bool, **values: Any) -> int:
    """Serve the page, the HTTP API and the MCP server; Ctrl-C ends it.

    It answers this machine only unless --host says otherwise, and then only who shows the token that it prints once.
    It opens no connection of its own. It is no public service: it is for you and people you know.
    """
    if stdio:
        if importlib.util.find_spec("mcp") is None:
            raise MissingExtra("serve --stdio", "mcp")
        return int(importlib.import_module("wherewithal.app.mcp.stdio").run())
    for library in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(library) is None:
            raise MissingExtra("serve", "web")
    from wherewithal.app.serve.settings import Settings, is_loopback

    listening = _listen(values["host"], values["port"])
    port = int(listening.getsockname()[1])
    token = _token(values["token_file"], is_loopback(values["host"]))
    settings = Settings(values["host"], port, tuple(_name(n) for n in values["names"]), token)
    address = _address(settings)
    if check:
        listening.close()
        faces.out(f"page {address}\nAPI  {address}v1/openapi.json\ntoken {'asked for' if token else 'none'}")
        return 0
    return _run(settings, listening, address, {**values, "open": open_page})


def _run(settings: Settings, listening: socket.socket, address: str, values: dict[str, Any]) -> int:
    """Serve until interrupted."""
    from wherewithal.app.serve import running

    store = None if values["no_store"] else values["store"] or _cache()
    shown = f"{address}?token={settings.token}" if settings.token else address
    faces.note(f"serving {shown} (Ctrl-C ends it)")
    with tempfile.TemporaryDirectory(prefix="wherewithal-") as own:
        uploads = _folder(store / "uploads") if store is not None else Path(own)
        return running.run(
            settings,
            listening,
            values["workers"] or os.cpu_count() or 1,
            store,
            uploads,
            shown if values["open"] else "",
        )


def _cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("wherewithal")) / "answers"


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(
            "--store", f"{path}: {error.strerror}", "give a folder that can be written, or --no-store"
        ) from None
    return path


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, or say in one line why there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0]
    except OSError:
        raise InputError(
            "--host", f"no address {host[:80]!r}", "give 127.0.0.1, or an address of this machine"
        ) from None
    listening = socket.socket(found[0], socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(found[4])
        listening.listen(128)
    except OSError as error:
        listening.close()
        taken = f"port {port} of {host} is not free ({error.strerror})"
        raise InputError("--port", taken, "end what uses it, or give another, or --port 0") from None
    return listening


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name):
        raise InputError("--name", f"{name[:80]!r} is no host name", "give a name such as planner.lan, without port")
    return name


def _token(file: Path | None, loopback: bool) -> str:
    """Return the token that is asked for: from a file, or made anew; none on loopback without a file."""
    if file is None:
        return "" if loopback else secrets.token_urlsafe(16)
    from wherewithal.catalog.files import read_bytes

    text = read_bytes(file, 4096, "--token-file").decode("ascii", "replace").strip()
    if not _TOKEN.match(text):
        raise InputError("--token-file", "holds no token", "22 to 128 letters, digits, - or _")
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise InputError("--token-file", "can be read by others", f"chmod 600 {file.name}")
    return text


def _address(settings: Settings) -> str:
    wild = settings.host in ("0.0.0.0", "::")  # noqa: S104  compared, not bound
    host = "127.0.0.1" if wild else f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}/"
