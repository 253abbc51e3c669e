"""A process that answers one question after another: frames of JSON in on stdin, out on stdout.

It never sees a path of the asker's; it ends when its stdin does, so none outlives the server.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

HEAD = struct.Struct("!cI")
READY, PROGRESS, ANSWER, WRONG, STOPPED, FAILED = b"r", b"p", b"a", b"w", b"s", b"f"
ASK, CANCEL = b"q", b"c"
EVERY_S = 0.1
ADDRESS_SPACE = 2 * 2**30


class Stopped(BaseException):
    """The asker is gone. No Exception, so that nothing on the way up takes it for a failure."""


class Line:
    """One end of the pipe, and whether the question at hand was called off.

    Args:
        out: where frames go.
        uploads: the server's folder of uploads; never named in what is sent.
    """

    def __init__(self, out: BinaryIO, uploads: Path | None) -> None:
        self.out, self.uploads = out, uploads
        self.off, self.said, self.phase = threading.Event(), 0.0, ""
        # Whether the work may be broken off where it stands: not in the middle of a frame.
        self.breakable = False

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Write one frame."""
        self.out.write(HEAD.pack(kind, len(payload)) + payload)
        self.out.flush()

    def say(self, kind: bytes, **what: Any) -> None:
        """Write one frame of JSON; the uploads' folder is not named."""
        text = json.dumps(what)
        if self.uploads is not None:
            text = text.replace(json.dumps(str(self.uploads) + os.sep)[1:-1], "upload:")
        self.send(kind, text.encode())

    def progress(self, phase: str = "", done: float = 0, total: float = 0, *_: object) -> None:
        """Send how far it is, at most ten times a second.

        Raises:
            Stopped: the question was called off.
        """
        if self.off.is_set():
            raise Stopped
        now = time.monotonic()
        if phase != self.phase or now - self.said >= EVERY_S:
            self.said, self.phase = now, phase
            self.breakable = False
            self.say(PROGRESS, phase=phase, done=int(done), total=int(total))
            self.breakable = True
            # A signal that came while the frame was written was let pass.
            if self.off.is_set():
                raise Stopped

    def interrupted(self, *_: object) -> None:
        """Handle the signal: break the work off if its question was called off; a keyboard's interrupt is nothing.

        Raises:
            Stopped: the question was called off.
        """
        if self.breakable and self.off.is_set():
            self.breakable = False
            raise Stopped


def answer(line: Line, question: dict[str, Any]) -> None:
    """Answer one question with exactly one frame that is no progress."""
    from wherewithal.app import answers
    from wherewithal.app.asked import VERBS
    from wherewithal.errors import InputError, WherewithalError

    try:
        line.breakable = True
        asked = VERBS[question["verb"]].model_validate(question["asked"])
        if question.get("near") is not None:
            quick = getattr(answers, "quick", None)
            found = quick(asked, json.loads(question["near"]), line.uploads, line.progress) if quick else None
        else:
            found = answers.run(asked, line.uploads, line.progress)
        body = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        line.breakable = False
    except Stopped:
        line.send(STOPPED)
    except InputError as error:
        line.breakable = False
        line.say(WRONG, where=error.where, what=error.what, fix=error.fix)
    except WherewithalError as error:
        line.breakable = False
        line.say(WRONG, where=question["verb"], what=str(error), fix="")
    except MemoryError:
        # What is left of the heap is not to be trusted: a fresh process takes the question once more.
        os._exit(3)
    except Exception as error:  # noqa: BLE001  # whatever it is, the asker hears of it and the next one is served
        line.breakable = False
        line.say(FAILED, what=f"{type(error).__name__}: {error}"[:500])
    else:
        line.send(ANSWER, b"" if found is None else body)


def warm() -> None:
    """Do the first question's work before it is asked: imports, catalog, compiled code."""
    from wherewithal.app import answers
    from wherewithal.app.asked import PlanAsked
    from wherewithal.catalog import load
    from wherewithal.errors import WherewithalError

    model, system = load.names("models", ())[0], load.names("systems", ())[0]
    with contextlib.suppress(WherewithalError):
        answers.run(PlanAsked(model=model, on=system))


def _listen(source: BinaryIO, line: Line, questions: list[bytes], some: threading.Semaphore) -> None:
    """Take frames until there are no more, then end the process, whatever it is at."""
    while len(head := source.read(HEAD.size)) == HEAD.size:
        kind, size = HEAD.unpack(head)
        payload = source.read(size)
        if kind == CANCEL:
            line.off.set()
            # As if a signal had come: the work stops at its next step, not only where it tells how far it is.
            _thread.interrupt_main(signal.SIGINT)
        else:
            line.off.clear()
            questions.append(payload)
            some.release()
    os._exit(0)


def _bounded() -> None:
    """Bound the address space where the system can."""
    if sys.platform == "linux":
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        soft = ADDRESS_SPACE if most == resource.RLIM_INFINITY else min(ADDRESS_SPACE, most)
        resource.setrlimit(resource.RLIMIT_AS, (soft, most))


def main(uploads: str = "") -> None:
    """Serve until stdin ends.

    Args:
        uploads: the server's folder of uploads; empty for none.
    """
    _bounded()
    source = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    # What a library prints must not land between frames.
    os.dup2(2, 1)
    line = Line(out, Path(uploads) if uploads else None)
    signal.signal(signal.SIGINT, line.interrupted)
    questions: list[bytes] = []
    some = threading.Semaphore(0)
    threading.Thread(target=_listen, args=(source, line, questions, some), daemon=True).start()
    warm()
    line.send(READY)
    while True:
        some.acquire()
        answer(line, json.loads(questions.pop(0)))


if __name__ == "__main__":
    main(*sys.argv[1:2])
