"""What `probe` prints: while it runs one line, then a table by kind of size, time and rate reached."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from wherewithal import table
from wherewithal.app import face as faces
from wherewithal.app.face import Face
from wherewithal.app.progress import Progress
from wherewithal.app.report_parts import lay
from wherewithal.app.text import Column, number, percent, wrapped
from wherewithal.units import show

if TYPE_CHECKING:
    from wherewithal.measure.probe.file import Operator, Probe
    from wherewithal.measure.probe.run import Outcome

# Rows of one kind that a screen shows; --csv, --json and --markdown have all.
MOST_ROWS = 40


class Live:
    """Called as `live(what, done, total)`: a moving line on a terminal, else nothing."""

    def __init__(self, face: Face) -> None:
        self._line = Progress(face, sys.stderr)

    def __call__(self, what: str, done: float, total: float) -> None:
        """Say what is measured, and how much of the plan is done."""
        self._line(what, done, total)

    def close(self) -> None:
        """Wipe the line."""
        self._line.close()


def rate(o: Operator) -> str:
    """Return the rate that an operator reached: arithmetic where it computes, bytes where it moves."""
    from wherewithal.measure.probe.backend import Case

    flops = Case(o.kind, o.format, tuple(o.sizes.items())).flops
    if flops:
        return show(flops / o.seconds, "flops_per_s")
    return show(o.sizes["bytes"] / o.seconds, "bytes_per_s") if "bytes" in o.sizes else ""


def row(o: Operator) -> dict[str, str]:
    """Return one operator as texts."""
    sizes = " ".join(f"{_short(n)}={v:,g}" for n, v in o.sizes.items())
    name, _, rest = o.note.partition(";")
    return {
        "operator": name or o.kind,
        "format": o.format,
        "size": sizes,
        "time": show(o.seconds, "s"),
        "80% of repeats": f"{show(o.low, 's')} .. {show(o.high, 's')}",
        "rate": rate(o),
        "note": rest.strip(),
    }


def _short(name: str) -> str:
    return {"head_size": "size", "kv_heads": "kv", "sequences": "seqs", "vocabulary": "vocab"}.get(name, name)


def head(outcome: Outcome) -> str:
    """Return the first line: what was measured, with what, how much of it, what is missing."""
    p = outcome.probe
    threads = f", {p.device.threads} thread{'s' if p.device.threads != 1 else ''}" if p.device.threads else ""
    software = ", ".join(f"{n} {v}" for n, v in p.software.items())
    said = [f"{len(p.operators):,} operators of {p.device.name}{threads} ({p.backend}: {software})"]
    if outcome.kept:
        said.append(f"{outcome.kept:,} were there already")
    if not p.complete:
        said.append("stopped early: run it again with the same -o to go on")
    if outcome.too_long:
        said.append(f"{outcome.too_long:,} sizes left out, each longer than a twentieth of --minutes")
    if outcome.absent:
        said.append(f"{outcome.absent:,} that this backend or this memory does not have")
    if outcome.alone:
        said.append(f"no collectives: {outcome.alone}")
    return "; ".join(said)


def out(outcome: Outcome, face: Face) -> None:
    """Print a probe in the form that the face asks for."""
    p = outcome.probe
    if face.form == "json":
        faces.out_json(p.to_dict())
    elif face.form == "csv":
        faces.out(table.to_csv([_flat(o) for o in p.operators]))
    elif face.form == "markdown":
        faces.out(head(outcome) + "\n\n" + table.to_markdown([row(o) for o in p.operators]))
    else:
        faces.out("\n".join(text(outcome, face)))


def _flat(o: Operator) -> dict[str, Any]:
    """Return an operator for a spreadsheet: its sizes in one cell, its figures in SI units."""
    sizes = " ".join(f"{n}={v:g}" for n, v in o.sizes.items())
    times = {"seconds": o.seconds, "low": o.low, "high": o.high, "repeats": o.repeats}
    return {"kind": o.kind, "format": o.format, "sizes": sizes, **times, "clock_hz": o.clock_hz, "power_w": o.power_w, "note": o.note}  # fmt: skip


def text(outcome: Outcome, face: Face) -> list[str]:
    """Return a probe for a terminal, kind by kind."""
    lines = wrapped(head(outcome), face.width)
    for kind in dict.fromkeys(o.kind for o in outcome.probe.operators):
        found = _ordered(outcome.probe, kind)
        lines += ["", face.strong(kind.replace("_", " ")), *_grid([row(o) for o in found[:MOST_ROWS]], face)]
        if len(found) > MOST_ROWS:
            more = f"and {len(found) - MOST_ROWS:,} more (--csv, --json and --markdown have all)"
            lines += wrapped(more, face.width, 2)
    spread = sorted((o.high - o.low) / o.seconds for o in outcome.probe.operators)
    middle = spread[len(spread) // 2]
    lines += ["", *wrapped(f"time is the middle of {_repeats(outcome.probe)} repeats; half of them spread by less than {percent(middle)}", face.width)]  # fmt: skip
    return lines


def _repeats(p: Probe) -> str:
    counts = sorted({o.repeats for o in p.operators})
    return number(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _ordered(p: Probe, kind: str) -> list[Operator]:
    """Return the operators of a kind by name, format and sizes."""
    found = [o for o in p.operators if o.kind == kind]
    return sorted(found, key=lambda o: (o.note.split(";")[0], o.format, *reversed(list(o.sizes.values()))))


def _grid(rows: list[dict[str, str]], face: Face) -> list[str]:
    used = [n for n in rows[0] if any(r[n] for r in rows)]
    drops = {"note": 3, "80% of repeats": 2}
    columns = [Column(n, ">" if n in ("time", "rate", "80% of repeats") else "<", drops.get(n, 0)) for n in used]
    return lay(columns, [[r[n] for n in used] for r in rows], face)
