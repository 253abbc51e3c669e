"""`python -m bench.serve [--seconds 60] [--clients 200]`: the desk under load, and how soon a hang-up frees its worker.

Every client asks, waits and asks again: half of the questions are of a popular few, the others new; one in fifty of the
new ones hangs up. Who is told to come again later does so.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from wherewithal.app.asked import PlanAsked
from wherewithal.app.serve.desk import Busy, Desk
from wherewithal.catalog import load
from wherewithal.errors import WherewithalError

SLO = ("", "tpot=50ms", "ttft=2s,tpot=100ms", "tpot=20ms")
# A hang-up frees its worker within this.
FREE_S = 0.5


@dataclass
class Seen:
    """What came of the questions."""

    times: dict[str, list[float]] = field(default_factory=lambda: {"cached": [], "new": []})
    counts: Counter[str] = field(default_factory=Counter)


def question(dice: random.Random) -> PlanAsked:
    """Return a question about any model on any system."""
    return PlanAsked(
        model=dice.choice(load.names("models", ())),
        on=dice.choice(load.names("systems", ())),
        input_tokens=dice.randrange(100, 20000),
        output_tokens=dice.randrange(50, 2000),
        slo=dice.choice(SLO),
    )


def memory_mib(pids: Sequence[int]) -> tuple[float, float]:
    """Return the resident and the proportional memory of processes, in MiB; zeros where it cannot be read."""
    sums = Counter[str]()
    for pid in pids:
        path = Path(f"/proc/{pid}/smaps_rollup")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            name, value, *_ = line.split()
            sums[name] += int(value)
    return sums["Rss:"] / 1024, sums["Pss:"] / 1024


async def client(desk: Desk, number: int, popular: list[PlanAsked], until: float, seen: Seen) -> None:
    """Ask until the time is over."""
    dice = random.Random(number)
    while monotonic() < until:
        asked = dice.choice(popular) if dice.random() < 0.5 else question(dice)
        start = monotonic()
        try:
            patience = dice.random() if dice.random() < 0.02 else None
            done = await asyncio.wait_for(desk.ask(asked, f"client {number}"), patience)
        except Busy as busy:
            seen.counts["busy"] += 1
            await asyncio.sleep(busy.retry_after_s * (1 + dice.random()))
        except TimeoutError:
            seen.counts["hung up"] += 1
        except WherewithalError:
            seen.counts["wrong"] += 1
        else:
            seen.times["cached" if done.cached else "new"].append(monotonic() - start)
        await asyncio.sleep(dice.random())


async def hang_ups(desk: Desk, times: int) -> list[float]:
    """Return how long the desk was short of a worker after each of some hang-ups at random instants."""
    found, dice = [], random.Random(1)
    while len(found) < times:
        ask = asyncio.ensure_future(desk.ask(question(dice)))
        await asyncio.sleep(dice.uniform(0.01, 0.5))
        if ask.done() or not desk.running:
            ask.cancel()
            await asyncio.gather(ask, return_exceptions=True)
            continue
        ask.cancel()
        start = monotonic()
        while desk.running or desk.crew.idle.empty():  # noqa: ASYNC110  # the desk has no event for a bench
            await asyncio.sleep(0.002)
        found.append(monotonic() - start)
    return found


def shown(times: list[float]) -> str:
    """Return count, median, 99th percentile and the longest."""
    ranked = sorted(times) or [float("nan")]
    p50, p99 = ranked[len(ranked) // 2], ranked[int(len(ranked) * 0.99)]
    return f"{len(times):7d} {p50:9.3f} {p99:9.3f} {ranked[-1]:9.3f}"


async def measure(seconds: float, clients: int, workers: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        start = monotonic()
        async with Desk(workers, Path(folder) / "store", Path(folder) / "uploads") as desk:
            print(f"first worker warm after {monotonic() - start:.2f} s")
            while len(desk.crew.all) < desk.crew.size:  # noqa: ASYNC110  # nor for this
                await asyncio.sleep(0.05)
            print(f"all {desk.crew.size} warm after {monotonic() - start:.2f} s; load average {os.getloadavg()[0]:.1f}")
            freed = await hang_ups(desk, 20)
            print(
                f"hang-ups: worker free after {max(freed):.3f} s at most (asked: {FREE_S}), median {sorted(freed)[10]:.3f}"
            )
            seen, popular = Seen(), [question(random.Random(-i)) for i in range(1, 31)]
            until, late = monotonic() + seconds, monotonic()
            tasks = [asyncio.ensure_future(client(desk, i, popular, until, seen)) for i in range(clients)]
            worst = 0.0
            while monotonic() < until:
                late = monotonic()
                await asyncio.sleep(0.05)
                worst = max(worst, monotonic() - late - 0.05)
            rss, pss = memory_mib([os.getpid(), *(w.process.pid for w in desk.crew.all)])
            await asyncio.gather(*tasks)
            print(f"{'':10s} {'count':>7s} {'p50 s':>9s} {'p99 s':>9s} {'max s':>9s}")
            for name, times in seen.times.items():
                print(f"{name:10s} {shown(times)}")
            print(f"clients: {dict(seen.counts)}")
            print(f"desk: { {k: round(v, 2) for k, v in desk.counts().items()} }")
            print(f"loop late by {worst:.3f} s at most; memory of all: RSS {rss:.0f} MiB, PSS {pss:.0f} MiB")
            print(f"load average {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    asyncio.run(measure(options.seconds, options.clients, options.workers))


if __name__ == "__main__":
    main()
