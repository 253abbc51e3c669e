"""The run of a probe: cases by what they teach, group by group, until all are done, time is up or the user stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from wherewithal.errors import InputError
from wherewithal.measure.probe import collectives, file
from wherewithal.measure.probe.backend import Backend, Case
from wherewithal.measure.probe.file import Operator, Probe
from wherewithal.measure.probe.timing import SPREAD, Runner, Timed, measure

REPEATS = 7
# Share of the time that one case may take, all repeats together.
MOST_SHARE = 0.05
# Cases of one group that are timed in turn.
AT_ONCE = 6
_LEAST_CASE_S = 0.5
_COLLECTIVES_SHARE = 0.25
_SAVE_EVERY_S = 5.0

Progress = Callable[[str, float, float], None]


@dataclass(frozen=True)
class Outcome:
    """What a run leaves.

    Attributes:
        probe: what was measured, of earlier runs too.
        absent: cases that the backend lacks.
        too_long: cases that take too large a share of the time.
        kept: operators that were there already.
        interrupted: whether the user stopped it.
        alone: why there are no collectives; empty where there are.
    """

    probe: Probe
    absent: int = 0
    too_long: int = 0
    kept: int = 0
    interrupted: bool = False
    alone: str = ""


@dataclass
class Clock:
    """How much time a run has [s], and how fast the device has been seen to compute in each kind and format [FLOP/s]."""

    limit_s: float
    start: float
    rates: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.limit_s - (time.monotonic() - self.start)

    def fits(self, case: Case, seconds: float | None = None) -> bool:
        """Whether a case, all repeats together, takes no more than its share of the time.

        Args:
            case: the case.
            seconds: [s] of one pass over its operands; None to go by the rate seen.
        """
        rate = self.rates.get((case.kind, case.format)) or max(self.rates.values(), default=0.0)
        one = seconds if seconds is not None else case.flops / rate if rate else 0.0
        return one * (REPEATS + 2) <= max(MOST_SHARE * self.limit_s, _LEAST_CASE_S)

    def learn(self, case: Case, seconds: float) -> None:
        """Note the rate of a case, done once in so many seconds [s]."""
        name = (case.kind, case.format)
        if case.flops and seconds > 0:
            self.rates[name] = max(self.rates.get(name, 0.0), case.flops / seconds)


def begun(path: Path | None, backend: Backend, seed: int) -> Probe:
    """Return the probe to go on with: that of the file, or an empty one.

    Raises:
        InputError: the file is of another device, other software, another seed or another backend.
    """
    fresh = Probe(_today(), backend.name, backend.device, dict(backend.software), seed, complete=False)
    if path is None or not path.exists():
        return fresh
    old = file.read(path)
    for name in ("backend", "device", "software", "seed"):
        was, now = getattr(old, name), getattr(fresh, name)
        if was != now:
            raise InputError(
                str(path),
                f"was measured with another {name} ({_short(was)}; now {_short(now)})",
                "give another -o FILE",
            )
    return replace(old, complete=False)


def _short(value: object) -> str:
    return str(value)[:120]


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def probe(
    backend: Backend, cases: Sequence[Case], minutes: float, seed: int, path: Path | None = None, progress: Progress | None = None
) -> Outcome:  # fmt: skip
    """Measure cases on a backend, writing what is there every few seconds.

    Args:
        backend: runs them.
        cases: what to measure.
        minutes: [min] time that it may take.
        seed: of the operands.
        path: the file to write and to go on with; None for none.
        progress: called with what is measured, how many cases are done, and how many there are.

    Raises:
        InputError: the file is of something else, or cannot be written.
    """
    found = begun(path, backend, seed)
    done = {o.key for o in found.operators}
    kept = len(done)
    clock = Clock(minutes * 60, time.monotonic())
    rows, saved = list(found.operators), time.monotonic()
    absent = too_long = seen = 0
    stopped = interrupted = False
    todo = [c for c in cases if c.key not in done]
    alone = ""
    try:
        if not any(o.kind in collectives.KINDS for o in rows):
            told, alone = collectives.measured(backend.device.kind, backend.peers, clock.left * _COLLECTIVES_SHARE)
            rows += told
        for group in groups(todo):
            if clock.left <= 0:
                stopped = True
                break
            if progress is not None:
                progress(f"{group[0].kind} {group[0].format}", seen, len(todo))
            new, lacking, long = _group(backend, group, clock)
            rows, seen = rows + new, seen + len(group)
            absent, too_long = absent + lacking, too_long + long
            if path is not None and time.monotonic() - saved > _SAVE_EVERY_S:
                file.write(path, replace(found, operators=tuple(rows)))
                saved = time.monotonic()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        backend.release()
    whole = not (stopped or interrupted)
    result = replace(found, date=_today(), complete=whole, operators=tuple(rows))
    if path is not None:
        file.write(path, result)
    return Outcome(result, absent, too_long, kept, interrupted, alone)


def groups(cases: Sequence[Case]) -> list[list[Case]]:
    """Return cases in groups that share operands, the most telling first; each small enough to be timed in turn."""
    order = sorted(cases, key=lambda c: -c.weight)
    found: dict[tuple[object, ...], list[Case]] = {}
    for case in order:
        found.setdefault((case.group, case.weight), []).append(case)
    return [g[i : i + AT_ONCE] for g in found.values() for i in range(0, len(g), AT_ONCE)]


def _group(backend: Backend, cases: Sequence[Case], clock: Clock) -> tuple[list[Operator], int, int]:
    """Measure one group, small ones first; return its rows, and how many cases the backend lacks and are too long."""
    ready: list[tuple[Case, Runner]] = []
    absent = too_long = 0
    try:
        for case in sorted(cases, key=lambda c: c.flops):
            if not clock.fits(case):
                too_long += 1
                continue
            runner = _prepared(backend, case)
            if runner is None:
                absent += 1
                continue
            start = time.perf_counter()
            clock.learn(case, runner(1).seconds)
            if clock.fits(case, time.perf_counter() - start):
                ready.append((case, runner))
            else:
                too_long += 1
        timed = measure([r for _, r in ready], REPEATS, until=clock.start + clock.limit_s) if ready else []
        hertz, watts = backend.readings()
        rows = [_row(case, t, hertz, watts) for (case, _), t in zip(ready, timed, strict=True)]
        return rows, absent, too_long
    finally:
        backend.release()


def _prepared(backend: Backend, case: Case) -> Runner | None:
    try:
        return backend.prepare(case)
    except MemoryError:
        return None


def _row(case: Case, t: Timed, hertz: float | None, watts: float | None) -> Operator:
    said = [case.note]
    if t.disturbed:
        said.append("processor time: the machine was busy")
    if t.spread > SPREAD:
        said.append(f"repeats spread by {t.spread:.0%}")
    note = "; ".join(said) if len(said) > 1 else case.note
    return Operator(case.kind, case.format, dict(case.sizes), t.seconds, t.low, t.high, t.repeats, hertz, watts, note)
