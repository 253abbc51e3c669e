"""A queue in which everybody waits as long: one question of each client after the other, whoever has more."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items by client, taken round robin over the clients that have any."""

    def __init__(self) -> None:
        self.lines: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(line) for line in self.lines.values())

    def put(self, client: str, item: T) -> None:
        """Add an item at the end of a client's line."""
        self.lines.setdefault(client, deque()).append(item)

    def take(self) -> T:
        """Remove and return the first item of the client whose turn it is.

        Raises:
            IndexError: there is none.
        """
        if not self.lines:
            raise IndexError
        client, line = self.lines.popitem(last=False)
        item = line.popleft()
        if line:
            self.lines[client] = line
        return item

    def drop(self, item: T) -> None:
        """Remove an item wherever it stands; nothing happens where it is not."""
        for client, line in list(self.lines.items()):
            if item in line:
                line.remove(item)
                if not line:
                    del self.lines[client]
                return
