"""Answers kept: a few in memory, the rest in one SQLite file; what breaks there never breaks an answer."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

FILE = "answers.sqlite"
# "Wher": a file that says anything else was made by someone else.
APPLICATION, FORM = 0x57686572, 1
_TABLE = """CREATE TABLE IF NOT EXISTS answers (
  id TEXT PRIMARY KEY, verb TEXT NOT NULL, asked TEXT NOT NULL, body BLOB NOT NULL, created REAL NOT NULL,
  used REAL NOT NULL) WITHOUT ROWID"""


def _say(line: str) -> None:
    print(f"wherewithal serve: {line}", file=sys.stderr, flush=True)


class Recent:
    """The bodies used last, up to so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self.bodies: OrderedDict[str, bytes] = OrderedDict()

    def get(self, name: str) -> bytes | None:
        """Return a body, now the one used last."""
        if name in self.bodies:
            self.bodies.move_to_end(name)
        return self.bodies.get(name)

    def put(self, name: str, body: bytes) -> None:
        """Keep a body; one that is larger than all the room is not kept."""
        self.bytes += len(body) - len(self.bodies.pop(name, b""))
        self.bodies[name] = body
        while self.bytes > self.most_bytes:
            self.bytes -= len(self.bodies.popitem(last=False)[1])


class Store:
    """Bodies by id; safe to use from several threads.

    Args:
        folder: where the file lies; None keeps answers in memory only.
        most_bytes: compressed bodies in the file; beyond it those unused longest go.
        recent_bytes: bodies in memory.
        clock: seconds since 1970.
        say: takes one line for whoever runs the server.
    """

    def __init__(
        self,
        folder: Path | None,
        most_bytes: int = 2**30,
        recent_bytes: int = 32 * 2**20,
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] = _say,
    ) -> None:
        self.folder, self.most_bytes, self.clock, self.say = folder, most_bytes, clock, say
        self.recent, self.lock = Recent(recent_bytes), threading.RLock()
        self.touched: dict[str, float] = {}
        self.bytes = self.rows = self.failures = 0
        self.db: sqlite3.Connection | None = None
        if folder is not None:
            self._open_or_set_aside(folder)

    def get(self, name: str) -> bytes | None:
        """Return the body of an answer, or None."""
        with self.lock:
            body = self.recent.get(name)
            if body is None:
                body = self._read(name)
            if body is not None:
                self.touched[name] = self.clock()
            return body

    def held(self, name: str) -> bytes | None:
        """Return a body that lies in memory, without a look at the file."""
        with self.lock:
            body = self.recent.get(name)
            if body is not None:
                self.touched[name] = self.clock()
            return body

    def put(self, name: str, verb: str, asked: str, body: bytes) -> None:
        """Keep an answer; when this returns, it outlives the process."""
        packed = zlib.compress(body, 3)
        now = self.clock()
        with self.lock:
            self.recent.put(name, body)
            with self._guarded() as db:
                if db is not None:
                    with db:
                        row = (name, verb, asked, packed, now, now)
                        made = db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?)", row).rowcount
                        self.bytes, self.rows = self.bytes + made * len(packed), self.rows + made
                        if self.bytes > self.most_bytes:
                            self._prune(db)

    def close(self) -> None:
        """Close the file; what was put stays."""
        with self.lock, contextlib.suppress(sqlite3.Error):
            if self.db is not None:
                self.db.close()
            self.db = None

    def _read(self, name: str) -> bytes | None:
        with self._guarded() as db:
            found = db and db.execute("SELECT body FROM answers WHERE id = ?", (name,)).fetchone()
            if not found:
                return None
            try:
                body = zlib.decompress(found[0])
            except zlib.error as error:
                raise sqlite3.DatabaseError(str(error)) from None
            self.recent.put(name, body)
            return body
        return None

    def _prune(self, db: sqlite3.Connection) -> None:
        """Drop what was unused longest, a tenth more than need be, so that it is not done at every answer."""
        db.executemany("UPDATE answers SET used = ? WHERE id = ?", [(at, n) for n, at in self.touched.items()])
        self.touched.clear()
        for name, size in db.execute("SELECT id, length(body) FROM answers ORDER BY used, created").fetchall():
            if self.bytes <= 0.9 * self.most_bytes:
                break
            db.execute("DELETE FROM answers WHERE id = ?", (name,))
            self.bytes, self.rows = self.bytes - size, self.rows - 1

    @contextlib.contextmanager
    def _guarded(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """Give the database or None; a damaged one is set aside, a full or locked one is passed over."""
        try:
            yield self.db
        except sqlite3.OperationalError as error:
            self.failures += 1
            if self.failures == 1:
                self.say(f"an answer was not stored: {error}")
        except sqlite3.DatabaseError as error:
            self.failures += 1
            if self.folder is not None:
                self._set_aside(self.folder, error)

    def _open_or_set_aside(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._open(folder / FILE)
        except (OSError, sqlite3.OperationalError) as error:
            self.close()
            self.say(f"answers are not stored: {folder}: {error}")
        except sqlite3.DatabaseError as error:
            self._set_aside(folder, error)

    def _set_aside(self, folder: Path, error: Exception) -> None:
        """Rename the file that cannot be used, and begin a new one; without one where even that fails."""
        self.close()
        aside = f"{FILE}.aside-{int(self.clock() * 1e3)}"
        try:
            for tail in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    (folder / f"{FILE}{tail}").rename(folder / f"{aside}{tail}")
            self._open(folder / FILE)
        except (OSError, sqlite3.Error) as second:
            self.close()
            self.say(f"answers are not stored: {folder}: {second}")
        else:
            self.say(f"{folder / FILE} cannot be used ({error}); set aside as {aside}")

    def _open(self, path: Path) -> None:
        db = sqlite3.connect(path, timeout=2, check_same_thread=False)
        self.db = db
        (whose,) = db.execute("PRAGMA application_id").fetchone()
        (form,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (whose, form) != (APPLICATION, FORM) and (whose, form, tables) != (0, 0, 0):
            raise sqlite3.DatabaseError("not made by this version")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        # One transaction: a process killed here leaves an empty file, never one without its mark.
        db.executescript(
            f"BEGIN; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORM}; {_TABLE}; COMMIT;"
        )
        self.bytes, self.rows = db.execute("SELECT coalesce(sum(length(body)), 0), count(*) FROM answers").fetchone()
