"""Whether the client itself kept up: late sends, lag of its loop, its share of a core, connections."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

# Beyond these the run says more of the client than of the server.
MOST_LATE_S, MOST_CPU = 0.010, 0.90
_TICK_S = 0.01


@dataclass(frozen=True)
class Health:
    """How the client fared.

    Attributes:
        late_p50_s, late_p99_s: [s] by which requests were sent later than they were due, by the client's own fault.
        lag_p99_s: [s] by which its loop woke later than asked: how far off its time stamps may be.
        cpu: share of one core that it used.
        connections: opened in all.
        load: how many processes wanted a processor (one-minute mean), NaN where not known.
    """

    late_p50_s: float
    late_p99_s: float
    lag_p99_s: float
    cpu: float
    connections: int
    load: float

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the run cannot be graded; empty where the client kept up."""
        found = []
        if self.late_p99_s > MOST_LATE_S:
            found.append(f"requests left {self.late_p99_s * 1e3:.0f} ms late at p99 (limit {MOST_LATE_S * 1e3:.0f} ms)")
        if self.lag_p99_s > MOST_LATE_S:
            found.append(
                f"time stamps are {self.lag_p99_s * 1e3:.0f} ms late at p99 (limit {MOST_LATE_S * 1e3:.0f} ms)"
            )
        if self.cpu > MOST_CPU:
            found.append(f"the client used {self.cpu:.0%} of a core (limit {MOST_CPU:.0%})")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        return {
            "late_sends_p50_s": self.late_p50_s,
            "late_sends_p99_s": self.late_p99_s,
            "loop_lag_p99_s": self.lag_p99_s,
            "cpu_share": self.cpu,
            "connections_opened": self.connections,
            "load_average": self.load if math.isfinite(self.load) else None,
            "kept_up": not self.faults,
            "faults": list(self.faults),
        }


@dataclass
class Watch:
    """Measures the client while a run goes on; used as `async with`."""

    lags: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    wall_s: float = 0.0

    async def __aenter__(self) -> Self:
        """Start; the collector of garbage waits until the run is over."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._start = time.perf_counter(), time.process_time()
        self._ticking = asyncio.create_task(self._ticks())
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop."""
        wall, cpu = self._start
        self.wall_s, self.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        self._ticking.cancel()
        gc.enable()
        gc.unfreeze()

    async def _ticks(self) -> None:
        """Ask to be woken again and again, and note how late that was."""
        clock = time.perf_counter
        while True:
            due = clock() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self.lags.append(max(clock() - due, 0.0))

    def health(self, late: Iterable[float], connections: int) -> Health:
        """Return how the client fared, with the lateness [s] of every request."""
        import numpy as np

        sends = np.asarray([x for x in late if math.isfinite(x)] or [0.0])
        lags = np.asarray(self.lags or [0.0])
        load = float("nan")
        with contextlib.suppress(OSError, AttributeError):
            load = os.getloadavg()[0]
        share = self.cpu_s / self.wall_s if self.wall_s > 0 else 0.0
        p50, p99 = (float(np.quantile(sends, q)) for q in (0.5, 0.99))
        return Health(p50, p99, float(np.quantile(lags, 0.99)), share, connections, load)
