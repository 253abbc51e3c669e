"""The host as a chip, so that the same curves price what runs on it."""

from __future__ import annotations

from wherewithal.machine.system import Chip, System

# Curves are kept by chip; no catalog chip is called this, so the host's are the pool's.
NAME = "host"


def beside(system: System) -> Chip:
    """Return the host of a system as a chip of one rank, its compute in 16-bit arithmetic.

    Raises:
        ValueError: where the system has no host.
    """
    host = system.host
    if host is None:
        raise ValueError(f"{system.name} has no host")
    return Chip(
        name=NAME,
        label=f"host of {system.label}",
        maker="",
        country="",
        kind="cpu",
        ranks=1,
        shared_memory=True,
        peaks={"bf16": host.flops_per_s},
        memory_bytes=host.memory_bytes,
        bandwidth_bytes_per_s=host.bandwidth_bytes_per_s,
        power_w=None,
        on_package_bytes_per_s=None,
        link_bytes_per_s=None,
    )
