"""Counts of a server in the text format of Prometheus 0.0.4."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

BUCKETS = (0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
MEDIA = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Requests by route and status, and how long they took."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.buckets: Counter[tuple[str, float]] = Counter()
        self.seconds: Counter[str] = Counter()

    def saw(self, route: str, status: int, seconds: float) -> None:
        """Count one request.

        Args:
            route: the route's pattern, never the path itself, so that nobody can make the table grow.
            status: of the answer.
            seconds: from its headers to the end of its answer [s].
        """
        self.requests[route, status] += 1
        self.seconds[route] += seconds  # type: ignore[assignment]
        for edge in (*BUCKETS, float("inf")):
            if seconds <= edge:
                self.buckets[route, edge] += 1

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return everything as text.

        Args:
            gauges: figures of the desk by name.
        """
        lines = [
            "# HELP wherewithal_requests_total Requests by route and status.",
            "# TYPE wherewithal_requests_total counter",
        ]
        lines += [
            f'wherewithal_requests_total{{route="{route}",status="{status}"}} {count}'
            for (route, status), count in sorted(self.requests.items())
        ]
        name = "wherewithal_request_seconds"
        lines += [f"# HELP {name} Time to the end of an answer.", f"# TYPE {name} histogram"]
        for route in sorted(self.seconds):
            for edge in (*BUCKETS, float("inf")):
                label = "+Inf" if edge == float("inf") else f"{edge:g}"
                lines.append(f'{name}_bucket{{route="{route}",le="{label}"}} {self.buckets[route, edge]}')
            lines.append(f'{name}_sum{{route="{route}"}} {float(self.seconds[route])!r}')
            lines.append(f'{name}_count{{route="{route}"}} {self.buckets[route, float("inf")]}')
        for key, value in sorted({**gauges, "resident_bytes": resident_bytes()}.items()):
            full = f"wherewithal_{key}"
            lines += [f"# TYPE {full} gauge", f"{full} {float(value)!r}"]
        return "\n".join(lines) + "\n"


def resident_bytes() -> float:
    """Return the memory of this process [B]; 0 where the system does not say."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmRSS:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    return 0.0
