"""The one address that a load test may call: read, resolved once, judged, and pinned."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from wherewithal.errors import InputError

WHERE = "URL"
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Link-local (cloud metadata among it), multicast and "any", and the fixed addresses at which hosts answer questions
# about themselves; a server that people ask is at none of them.
_REFUSED = tuple(
    ipaddress.ip_network(n)
    for n in (
        "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "fd20:ce::/32", "100.100.100.200/32", "192.0.0.0/24",
        "168.63.129.16/32", "0.0.0.0/8", "224.0.0.0/3", "::/128", "ff00::/8",
    )
)  # fmt: skip
# One's own machine and one's own network.
_PRIVATE = tuple(
    ipaddress.ip_network(n)
    for n in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
_PORTS = {"http": 80, "https": 443}
_ENDINGS = ("/v1/chat/completions", "/v1/completions", "/v1/models", "/v1")


@dataclass(frozen=True)
class Address:
    """Where requests go.

    Attributes:
        scheme: http or https.
        host: as given, for the Host header and the certificate.
        port: of the server.
        path: before `/v1`, without a slash at its end.
        pinned: the IP address that every connection goes to.
        private: whether that is one's own machine or network.
    """

    scheme: str
    host: str
    port: int
    path: str
    pinned: str
    private: bool

    @property
    def base(self) -> str:
        """The address up to `/v1`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


Resolve = Callable[[str, int], Iterable[str]]


def system_resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, as the system knows them (its spellings of numbers included)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(f[4][0]) for f in found))


def read(url: str, resolve: Resolve = system_resolve) -> Address:
    """Return the address in a URL, resolved once.

    Args:
        url: `http://host:port`, with or without `/v1` or an endpoint behind it.
        resolve: (host, port) to IP addresses.

    Raises:
        InputError: not http or https, with a user, a query or a fragment, not to be resolved, or an address that no
            load test may call.
    """
    scheme, host, port, path = _parts(url)
    try:
        found = list(resolve(host, port))
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(WHERE, f"{host[:80]!r} cannot be resolved ({said})", "check the name") from None
    if not found:
        raise InputError(WHERE, f"{host[:80]!r} has no address", "check the name")
    # All of them: a name that leads to one forbidden address is not to be trusted with another.
    inner = [_judged(host, text) for text in found]
    return Address(scheme, host, port, path, found[0], any(inner[0] in n for n in _PRIVATE))


def _parts(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and path before `/v1`."""
    example = "write http://127.0.0.1:8000"
    if any(c.isspace() or ord(c) < 32 or c == "\\" for c in url) or len(url) > 2000:
        raise InputError(WHERE, "holds blanks, backslashes or control characters", example)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(WHERE, f"cannot be read ({error})", example) from None
    if parts.scheme not in _PORTS:
        raise InputError(WHERE, f"scheme {parts.scheme[:20]!r}", f"only http and https; {example}")
    if "@" in parts.netloc:
        raise InputError(WHERE, "holds a user or a password", "name the variable that holds a key: --api-key-env NAME")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise InputError(WHERE, "holds a query or a fragment", "give the address up to /v1")
    host = _host(parts.hostname or "")
    path = parts.path.rstrip("/")
    path = next((path.removesuffix(e) for e in _ENDINGS if path.endswith(e)), path).rstrip("/")
    if not all(c.isalnum() or c in "/-._~" for c in path) or ".." in path:
        raise InputError(WHERE, f"path {path[:60]!r}", "letters, digits and /-._~ only")
    return parts.scheme, host, _PORTS[parts.scheme] if port is None else port, path


def _host(host: str) -> str:
    """Return a host in plain ASCII, full-width digits and the like as what they stand for."""
    try:
        plain = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        plain = ""
    plain = plain.rstrip(".").lower()
    if not plain or not all(c.isalnum() or c in "-._:" for c in plain):
        raise InputError(WHERE, f"host {host[:80]!r}", "write http://127.0.0.1:8000")
    return plain


def _judged(host: str, text: str) -> _Address:
    """Return an IP address, the one within it where it wraps another, or refuse it."""
    try:
        outer = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise InputError(WHERE, f"{host[:80]!r} leads to {text[:60]!r}, which is no IP address", "check it") from None
    for one in (outer, _wrapped(outer)):
        if one is not None and any(one in n for n in _REFUSED):
            what = (
                f"{host[:80]} leads to {one}, an address for machines to ask about themselves or for groups of machines"
            )
            raise InputError(WHERE, what, "name the server's own address, such as 127.0.0.1")
    return _wrapped(outer) or outer


def _wrapped(one: _Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one carries (mapped, compatible, 6to4, NAT64), if it does."""
    if isinstance(one, ipaddress.IPv4Address):
        return None
    if one.ipv4_mapped is not None:
        return one.ipv4_mapped
    if one.sixtofour is not None:
        return one.sixtofour
    low = ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)
    carries = one in ipaddress.ip_network("64:ff9b::/96") or one in ipaddress.ip_network("64:ff9b:1::/48")
    compatible = one in ipaddress.ip_network("::/96") and int(one) > 1
    return low if carries or compatible else None
