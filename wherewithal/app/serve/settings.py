"""What a server is told when it starts: its names, its token, its limits."""

from __future__ import annotations

from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Settings:
    """What a server goes by.

    Args:
        host: the address that it listens on.
        port: its port.
        names: further names that a browser may call it by, without port.
        token: what every request must show; empty on loopback, where none is asked for.
    """

    host: str = "127.0.0.1"
    port: int = 8411
    names: tuple[str, ...] = ()
    token: str = ""

    @property
    def hosts(self) -> frozenset[str]:
        """The values of Host that are answered, in lower case; the port may be left out only where it is 80."""
        own = (f"[{self.host}]" if ":" in self.host else self.host,)
        wild = ("0.0.0.0", "[::]")  # noqa: S104  listened on, never a name to be called by
        names = {n.lower() for n in (*LOOPBACK, *own, *self.names) if n not in wild}
        return frozenset(f"{n}:{self.port}" for n in names) | (frozenset(names) if self.port == 80 else frozenset())

    @property
    def origins(self) -> frozenset[str]:
        """The values of Origin that are answered."""
        return frozenset(f"http://{host}" for host in self.hosts)


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())
