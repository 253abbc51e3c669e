"""Answers kept: memory first, one file behind it, and nothing that breaks there breaks an answer."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from wherewithal.app.serve.store import FILE, Recent, Store

ROOT = Path(__file__).resolve().parents[3]


def test_an_answer_outlives_its_store(tmp_path):
    first = Store(tmp_path)
    first.put("a", "plan", "{}", b"body")
    first.close()
    again = Store(tmp_path)
    assert (again.get("a"), again.get("b"), again.rows) == (b"body", None, 1)
    again.close()


def test_recent_bodies_are_bounded_in_bytes_and_the_one_unused_longest_goes():
    recent = Recent(10)
    recent.put("a", b"1234")
    recent.put("b", b"1234")
    assert recent.get("a") == b"1234"
    recent.put("c", b"1234")
    assert (recent.get("b"), recent.get("a"), recent.bytes) == (None, b"1234", 8)
    recent.put("d", b"x" * 11)
    assert recent.bytes <= 10


def test_the_file_is_bounded_and_the_answer_unused_longest_goes(tmp_path):
    now = [0.0]

    def clock():
        now[0] += 1
        return now[0]

    bodies = {f"n{i}": bytes((i * 7 + k * k) % 251 for k in range(2000)) for i in range(6)}
    each = max(len(zlib.compress(b, 3)) for b in bodies.values())
    store = Store(tmp_path, most_bytes=4 * each, clock=clock)
    for name, body in bodies.items():
        store.put(name, "plan", "{}", body)
        assert store.get("n0") == bodies["n0"]
    store.close()
    after = Store(tmp_path)
    kept = [n for n in bodies if after.get(n)]
    assert "n0" in kept
    assert "n5" in kept
    assert "n1" not in kept
    assert after.bytes <= 4 * each
    after.close()


@pytest.mark.parametrize("what", ["junk", "foreign", "truncated"])
def test_a_file_that_cannot_be_used_is_set_aside_with_one_line(tmp_path, what):
    path = tmp_path / FILE
    if what == "junk":
        path.write_bytes(b"no database at all, only words" * 100)
    elif what == "foreign":
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE mine (x)")
        db.close()
    else:
        whole = Store(tmp_path)
        for i in range(200):
            whole.put(str(i), "plan", "{}", bytes(range(256)) * 8)
        whole.close()
        path.write_bytes(path.read_bytes()[:1500])
    before = path.read_bytes()
    said = []
    store = Store(tmp_path, say=said.append)
    store.put("a", "plan", "{}", b"body")
    store.recent = Recent(10)
    store.put("b", "plan", "{}", b"body")
    assert store.get("b") == b"body"
    store.close()
    assert len(said) == 1
    assert "set aside" in said[0]
    aside = [p for p in tmp_path.iterdir() if ".aside-" in p.name and not p.name.endswith(("-wal", "-shm"))]
    assert [p.read_bytes() for p in aside] == [before]


def test_a_damaged_body_is_no_answer(tmp_path):
    store = Store(tmp_path)
    store.put("a", "plan", "{}", b"body")
    store.close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("UPDATE answers SET body = ?", (b"garbage",))
    db.close()
    said = []
    again = Store(tmp_path, say=said.append)
    assert again.get("a") is None
    assert len(said) == 1
    again.put("a", "plan", "{}", b"body")
    again.close()


def test_a_folder_that_cannot_be_written_means_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    said = []
    store = Store(tmp_path / "file" / "below", say=said.append)
    store.put("a", "plan", "{}", b"body")
    assert store.get("a") == b"body"
    assert len(said) == 1
    assert "not stored" in said[0]
    store.close()


CHILD = """
import sys
from pathlib import Path
from wherewithal.app.serve.store import Store
store, start = Store(Path(sys.argv[1])), int(sys.argv[2])
for i in range(start, start + 10**6):
    store.put(str(i), "plan", "{}", str(i).encode() * 500)
    print(i, flush=True)
"""


def test_a_kill_at_any_instant_loses_no_answer_that_was_acknowledged(tmp_path):
    acknowledged = []
    for kill in range(10):
        command = [sys.executable, "-c", CHILD, str(tmp_path), str(kill * 10**6)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
            acknowledged += [int(child.stdout.readline()) for _ in range(3 + 7 * kill)]
            child.kill()
            # What it had said before the signal counts too.
            acknowledged += [int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    said = []
    store = Store(tmp_path, say=said.append)
    assert not said
    assert len(acknowledged) > 300
    assert [i for i in acknowledged if store.get(str(i)) != str(i).encode() * 500] == []
    store.close()
