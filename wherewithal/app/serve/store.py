"""Answers kept on disk: one SQLite file in WAL mode, so that a killed server loses none that it gave."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections import OrderedDict
from pathlib import Path

SCHEMA = "CREATE TABLE IF NOT EXISTS answers (id TEXT PRIMARY KEY, verb TEXT, asked TEXT, body BLOB, used REAL)"
FILE = "answers.sqlite3"
# Answers on disk at the most, and bytes of bodies held in memory: a body has some 100 KB, a tenth of it on disk.
KEPT, IN_MEMORY = 20_000, 64 * 2**20
# Every so many new answers the oldest beyond KEPT are dropped.
SWEEP = 500


class Store:
    """Bodies by id; `folder` None keeps them in memory alone.

    Args:
        folder: where the file lies; made if absent.
        kept: answers on disk at the most.

    Attributes:
        problem: why nothing is kept on disk, or "".
    """

    def __init__(self, folder: Path | None, kept: int = KEPT) -> None:
        self.kept, self.problem, self.fresh = kept, "", 0
        self.near: OrderedDict[str, bytes] = OrderedDict()
        self.bytes = 0
        self.lock = threading.Lock()
        self.db = self._open(folder) if folder is not None else None

    def _open(self, folder: Path) -> sqlite3.Connection | None:
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return _connected(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                self.problem = f"{path}: {error}; answers are kept in memory alone"
                return None
        except OSError as error:
            self.problem = f"{folder}: {error.strerror}; answers are kept in memory alone"
            return None
        aside = path.with_name(f"{FILE}.broken-{time.time_ns()}")
        try:
            path.rename(aside)
            self.problem = f"{path} was no database of answers; it is now {aside.name}, and a new one was begun"
            return _connected(path)
        except (OSError, sqlite3.Error) as error:
            self.problem = f"{path}: {error}; answers are kept in memory alone"
            return None

    def get(self, key: str) -> bytes | None:
        """Return a body, or None."""
        with self.lock:
            if key in self.near:
                self.near.move_to_end(key)
                return self.near[key]
            if self.db is None:
                return None
            row = self.db.execute("SELECT body FROM answers WHERE id = ?", (key,)).fetchone()
            if row is None:
                return None
            body = zlib.decompress(row[0])
            self._remember(key, body)
            return body

    def put(self, key: str, verb: str, asked: str, body: bytes) -> None:
        """Keep a body; when this returns, a killed process does not lose it. A full disk is borne, and said."""
        with self.lock:
            self._remember(key, body)
            if self.db is None:
                return
            row = (key, verb, asked, zlib.compress(body, 3), time.time())
            try:
                self.db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)
                self.fresh += 1
                if self.fresh % SWEEP == 0:
                    last = "SELECT id FROM answers ORDER BY used DESC LIMIT -1 OFFSET ?"
                    self.db.execute(f"DELETE FROM answers WHERE id IN ({last})", (self.kept,))  # noqa: S608  no text of a user's
            except sqlite3.OperationalError as error:
                self.problem = f"answers are no longer kept on disk: {error}"

    def count(self) -> int:
        """Return how many answers are on disk."""
        with self.lock:
            return int(self.db.execute("SELECT count(*) FROM answers").fetchone()[0]) if self.db is not None else 0

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            if self.db is not None:
                self.db.close()
                self.db = None

    def _remember(self, key: str, body: bytes) -> None:
        self.bytes += len(body) - len(self.near.pop(key, b""))
        self.near[key] = body
        while self.bytes > IN_MEMORY and len(self.near) > 1:
            self.bytes -= len(self.near.popitem(last=False)[1])


def _connected(path: Path) -> sqlite3.Connection:
    """Return a connection in which every statement is a transaction of its own."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(SCHEMA)
        db.execute("SELECT body, used FROM answers LIMIT 1").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    return db
