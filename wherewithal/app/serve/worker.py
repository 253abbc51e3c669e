"""The process that computes answers, one at a time; it stops between two pieces of work when it is told to."""

from __future__ import annotations

import json
import signal
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from wherewithal.app import answers
from wherewithal.app.asked import VERBS
from wherewithal.errors import WherewithalError

# Asked once at the start, so that compiled code, curves and catalog are there before the first person asks.
WARM = {"model": "qwen3-32b", "on": "h100-8:2", "slo": "tpot=50ms"}
# Address space [B] of a worker: a monster ends in a MemoryError here, not in a machine without memory.
ADDRESSES = 6 * 2**30


class GivenUpError(Exception):
    """Nobody waits for this answer any more."""


def main(pipe: Connection, stop: Event, uploads: Path) -> None:
    """Answer what comes through the pipe until it closes.

    Args:
        pipe: receives (verb, canonical question); sends (kind, ...) as `_answered` says, and ("progress", ...).
        stop: set when nobody waits for the answer in work.
        uploads: folder of uploaded headers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound()
    _answered(pipe, stop, uploads, "plan", WARM)
    pipe.send(("ready",))
    while True:
        try:
            verb, asked = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_answered(pipe, stop, uploads, verb, asked))


def _answered(pipe: Connection, stop: Event, uploads: Path, verb: str, asked: dict[str, Any]) -> tuple[Any, ...]:
    def progress(phase: str, done: int = 0, total: int = 0, *_: object) -> None:
        if stop.is_set():
            raise GivenUpError
        pipe.send(("progress", phase, int(done), int(total)))

    try:
        document = answers.run(VERBS[verb](**asked), uploads, progress)
        return ("done", json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except GivenUpError:
        return ("given up",)
    except WherewithalError as error:
        said = (getattr(error, name, "") for name in ("where", "what", "fix"))
        return ("bad", *said) if hasattr(error, "what") else ("bad", verb, str(error), "")
    except MemoryError:
        return ("bad", verb, "not enough memory for this question", "ask for fewer chips or one serving mode")
    except RecursionError:
        return ("bad", verb, "something in the question is nested too deeply", "")
    except Exception as error:  # noqa: BLE001  a worker outlives whatever goes wrong in a question
        return ("failed", f"{type(error).__name__}: {error}"[:300])


def _bound() -> None:
    """Bound the memory of this process where the system can."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = ADDRESSES if hard == resource.RLIM_INFINITY else min(ADDRESSES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
