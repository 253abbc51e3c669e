"""What was seen of one request."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import Any

# How a request can end that gave no whole answer; other kinds are `http NNN`.
CUT, TIMEOUT, STALLED, CANCELLED = "cut off", "timeout", "stalled", "cancelled"


@dataclass(slots=True)
class Sample:
    """One request; times in [s] after the start of the run, NaN where they did not come about.

    Attributes:
        index: number within the run.
        due: when it should have been sent.
        woke: when the client came to it: what is later than `due` is the client's own fault.
        sent: when it was sent; later than `woke` where a connection had to be waited for.
        events: when each piece of text came.
        end: when the answer was complete, or failed.
        asked_in, asked_out: [token] asked for.
        tokens_in, tokens_out, cached: [token] as the server counts them; None where it does not.
        error: kind of failure, empty for a whole answer.
        detail: what is known about the failure.
        finish: why the answer ended, in the server's word.
    """

    index: int
    due: float
    asked_in: int
    asked_out: int
    woke: float = math.nan
    sent: float = math.nan
    end: float = math.nan
    events: array[float] = field(default_factory=lambda: array("d"))
    tokens_in: int | None = None
    tokens_out: int | None = None
    cached: int | None = None
    error: str = ""
    detail: str = ""
    finish: str = ""

    @property
    def late(self) -> float:
        """[s] by which the client itself came too late to it."""
        return self.woke - self.due

    @property
    def ttft(self) -> float:
        """[s] from when it was due to the first piece of text."""
        return self.events[0] - self.due if self.events else math.nan

    @property
    def tokens(self) -> int:
        """[token] of the answer: as the server counts them, else the pieces that came."""
        return len(self.events) if self.tokens_out is None else self.tokens_out

    @property
    def tpot(self) -> float:
        """[s] per token after the first; NaN for an answer of one."""
        return (self.events[-1] - self.events[0]) / (self.tokens - 1) if self.events and self.tokens > 1 else math.nan

    @property
    def e2e(self) -> float:
        """[s] from when it was due to the last piece of text."""
        return self.events[-1] - self.due if self.events else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return what is written of a request: times after the start, in [s]."""
        times = {"due_s": self.due, "woke_s": self.woke, "sent_s": self.sent, "end_s": self.end}
        derived = {"ttft_s": self.ttft, "tpot_s": self.tpot, "e2e_s": self.e2e}
        return {
            "request": self.index,
            **{k: round(v, 6) if math.isfinite(v) else None for k, v in (times | derived).items()},
            "asked_input_tokens": self.asked_in,
            "asked_output_tokens": self.asked_out,
            "input_tokens": self.tokens_in,
            "output_tokens": self.tokens if self.events else None,
            "cached_input_tokens": self.cached,
            "events": len(self.events),
            "finish": self.finish or None,
            "error": self.error or None,
            "detail": self.detail or None,
        }
