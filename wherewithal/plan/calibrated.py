"""What the asker measured on a chip (`calibrate`): host times of an engine there, and how far predictions were off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wherewithal.figure import Figure
from wherewithal.model.op import Formats, Stored
from wherewithal.plan.engines import Engine
from wherewithal.pricing.curve import Curves
from wherewithal.pricing.intervals import LEVELS, Cell

# Formats of a cache that move the same bytes.
SIXTEEN = ("bf16", "fp16")
HOST = {
    "per_step_s": ("host_s_per_step", "host.per_step"),
    "per_sequence_s": ("host_s_per_seq", "host.per_sequence"),
    "per_request_s": ("host_s_per_request", "host.per_request"),
    "per_prompt_token_s": ("host_s_per_prompt_token", "host.per_prompt_token"),
}


def engine_on(by: Engine, curves: Curves) -> Engine:
    """Return an engine with the host times that were measured with it on a chip, where there are any.

    Args:
        by: the engine as the catalog knows it.
        curves: those of the chip.
    """
    for file in curves.calibrated:
        for host in file.host:
            if host.engine == by.name:
                values = {k: v for k in HOST if (v := getattr(host, k)) is not None}
                shown = {
                    HOST[k][1]: Figure(
                        value=v, unit="s", known="derived", source=host.source, date=file.date, note=host.note
                    )
                    for k, v in values.items()
                }
                changed = {HOST[k][0]: v for k, v in values.items()}
                return replace(by, **changed, figures={**by.figures, **shown})
    return by


def formats_on(f: Formats, held: Mapping[str, str], kv: str, curves: Curves) -> Formats:
    """Return formats with the products of each part priced by its own format where that was measured on the chip.

    The catalog prices weights in blocks by one curve for all of them; a probe measures each.

    Args:
        f: formats as resolved.
        held: part to the format that it is held in.
        kv: format of the cache.
        curves: those of the chip.
    """
    seen = {(c.kind, c.format) for file in curves.calibrated for c in file.curve}
    if not seen:
        return f
    parts = {
        name: Stored(stored.bits, held[name]) if ("matmul", held.get(name, "")) in seen else stored
        for name, stored in f.parts.items()
    }
    caches = (kv, *(w for w in SIXTEEN if kv in SIXTEEN and w != kv))
    both = (c for c in caches if {("attention_decode", c), ("attention_prefill", c)} <= seen)
    core = next(both, f.attention)
    return replace(f, parts=parts, attention=core)


def cells(curves: Curves, by: Engine) -> tuple[tuple[str, Cell], ...]:
    """Return (figure, residuals) of the asker's own runs with an engine on a chip.

    Args:
        curves: those of the chip.
        by: the engine asked with.
    """
    for file in curves.calibrated:
        found = tuple(
            (b.figure, Cell(b.quantiles, b.rows, b.blocks))
            for b in file.band
            if b.engine == by.name and len(b.quantiles) == len(LEVELS)
        )
        if found:
            return found
    return ()
