"""Who is next: clients in turn, each with a line of its own; quick questions before full ones."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """What stands in a line."""

    client: str
    quick: bool
    seconds: float


T = TypeVar("T", bound=Waiting)


class Lines(Generic[T]):
    """Round robin over clients. A client's first question waits for one of each other client at most, however
    many those have sent, and nobody who comes later gets before it.
    """

    def __init__(self) -> None:
        self.lanes: tuple[OrderedDict[str, deque[T]], ...] = (OrderedDict(), OrderedDict())

    def __len__(self) -> int:
        return sum(len(line) for lane in self.lanes for line in lane.values())

    def add(self, item: T) -> None:
        """Stand at the end of the client's own line."""
        self.lanes[not item.quick].setdefault(item.client, deque()).append(item)

    def take(self) -> T | None:
        """Return who is next; that client's turn then comes after all others'."""
        for lane in self.lanes:
            for client in lane:
                line = lane.pop(client)
                item = line.popleft()
                if line:
                    lane[client] = line
                return item
        return None

    def remove(self, item: T) -> None:
        """Leave the line, from wherever in it."""
        lane = self.lanes[not item.quick]
        line = lane.get(item.client)
        if line is not None and item in line:
            line.remove(item)
            if not line:
                del lane[item.client]

    def ahead(self, client: str, *, quick: bool) -> float:
        """Return the work, in seconds, that is done before a question which this client would add now."""
        own = len(self.lanes[not quick].get(client, ()))
        first = 0.0 if quick else sum(i.seconds for line in self.lanes[0].values() for i in line)
        lines = self.lanes[not quick].values()
        return first + sum(item.seconds for line in lines for _, item in zip(range(own + 1), line, strict=False))

    def longest(self, client: str) -> T | None:
        """Return the last of the longest line, if `client` is clearly the more modest; it may have to give way."""
        own = len(self.lanes[1].get(client, ()))
        line = max(self.lanes[1].values(), key=len, default=None)
        return line[-1] if line and len(line) > own + 1 else None
