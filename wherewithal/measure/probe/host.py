"""The processor that a probe runs on: its name, its memory, its clock now."""

from __future__ import annotations

import os
from pathlib import Path

from wherewithal.machine import seen
from wherewithal.measure.probe.file import Device

_ASK_S = 10.0


def processor(threads: int) -> Device:
    """Return the processor as a probe file names it.

    Args:
        threads: threads that the probe uses.
    """
    cpu = seen.processor(lambda command: seen.ask(command, _ASK_S), seen.read)
    name = " ".join(cpu.name.split()) or "processor"
    return Device("cpu", name, cpu.maker or None, threads, 1, cpu.memory_bytes or None)


def clock(text: str | None = None) -> float | None:
    """Return the processor's fastest clock as the system says it now [1/s]; None where it does not.

    Args:
        text: what the system's list of processors says; read from it where None.
    """
    if text is None:
        try:
            text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        except OSError:
            return None
    found = [float(line.partition(":")[2]) for line in text.splitlines() if line.startswith("cpu MHz")]
    return max(found) * 1e6 if found else None


def cores() -> int:
    """Return the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
