"""What the host of an engine takes for a prompt: fitted on whole runs, replayed.

    python -m tools.fit_engines MEASURED.csv.gz [--most N] [--seed S] [--engines A,B] [--folds K]
        [--constants per_launch,...] [--write]

Three constants per engine, each with a physical meaning: `per_request` (latency beside all work), `per_prompt_token`
(taking a prompt in: text, tokens, one request after the other), `per_launch` (launching one operator in a step that no
captured graph holds). Closed loads, read as `validate` reads them, at most N rows of each block (source, model, system,
engine); the mean over blocks of the mean |log(predicted / measured)| is made least, one constant after the other on a
grid. Printed: the loss on the rows and, over whole blocks left out in turn, that of constants fitted on the others.
`--write` puts those that help on blocks left out into catalog/data/engines (tools/import_engines writes these files
anew: run this after it).
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wherewithal.errors import WherewithalError
from wherewithal.measure import asked
from wherewithal.measure.rows import Row, read
from wherewithal.plan import predict, run
from wherewithal.plan.steady import launches

OUT = Path("wherewithal/catalog/data/engines")
NAMES = ("host_s_per_launch", "host_s_per_prompt_token", "host_s_per_request")
VALUES = {
    "host_s_per_launch": (0.0, 1e-5, 2e-5, 3e-5, 5e-5, 7e-5, 1e-4, 1.5e-4, 2e-4, 2.5e-4, 3e-4, 4e-4),
    "host_s_per_prompt_token": (0.0, 1e-6, 2e-6, 4e-6, 6e-6, 8e-6, 1.2e-5, 1.6e-5),
    "host_s_per_request": (5e-4, 2e-3, 5e-3, 1e-2, 1.5e-2, 2e-2, 3e-2, 4.5e-2, 6e-2, 8e-2, 1.1e-1),
}  # fmt: skip


# A row that is further off than this (as a log of the ratio) is so for another reason: it weighs no more.
FAR = 1.0


@dataclass
class Case:
    """A measured run, and what its prediction replays (pools, load, chips) with the prices that this takes."""

    row: Row
    block: str
    replayed: tuple[Any, Any, Any]
    prices: dict[Any, Any]


def chosen(rows: Sequence[Row], most: int, seed: int, engines: Sequence[str]) -> list[tuple[Row, str]]:
    """Return the rows to fit on with the engine of each."""
    kept: dict[str, list[tuple[Row, str]]] = {}
    figures: dict[tuple[str, str], int] = {}
    order = np.random.default_rng(seed).permutation(len(rows))
    for i in order:
        r = rows[i]
        fits = r.load == "closed" and r.metric in ("ttft_s", "tpot_s") and r.statistic in ("", "mean", "median")
        if not fits or r.weight <= 0.5 or r.eligible is False or ":" in r.layout:
            continue
        name = asked.engine_of(r.engine, r.engine_version, r.serving)
        plain = name.partition("@")[0]
        if plain == asked.GENERIC or (engines and plain not in engines):
            continue
        block = f"{r.source}|{r.model}|{r.system}|{r.engine}"
        figures[block, r.metric] = figures.get((block, r.metric), 0) + 1
        if figures[block, r.metric] <= most:
            kept.setdefault(block, []).append((r, name))
    return [one for block in kept.values() for one in block]


def cases(rows: Sequence[tuple[Row, str]]) -> list[Case]:
    """Return what the predictions of rows replay."""
    seen: list[Any] = []
    plain = run.run

    def spy(*args: Any) -> Any:
        seen.append(args)
        return plain(*args)

    predict.run.run = spy  # type: ignore[attr-defined]
    out = []
    for row, name in rows:
        seen.clear()
        try:
            asked.answered(row, name, lambda of, way: asked.predict(asked.question(of, way)))
        except (WherewithalError, asked.Refused):
            continue
        if seen and seen[-1][0][0].deployment.engine.name == name.partition("@")[0]:
            out.append(Case(row, f"{row.source}|{row.model}|{row.system}|{row.engine}", seen[-1], {}))
    predict.run.run = plain  # type: ignore[attr-defined]
    return out


def ratio(case: Case, constants: dict[str, float]) -> float:
    """Return the log of predicted over measured with some constants of the engine replaced."""
    sides, load, chips = case.replayed
    if "launches" not in case.prices:
        d = sides[0].deployment
        case.prices["launches"] = launches(d.model, d.machine.formats, d.workload)
    launch = constants["host_s_per_launch"] * case.prices["launches"]
    changed = [
        s._replace(deployment=s.deployment._replace(engine=replace(s.deployment.engine, **constants), launch_s=launch))
        for s in sides
    ]
    grid = run.grid

    def priced(price: Any, reach: Any, groups: int) -> Any:
        if reach not in case.prices:
            case.prices[reach] = grid(price, reach, groups)
        return case.prices[reach]

    run.grid = priced  # type: ignore[assignment]
    try:
        found = getattr(run.run(changed, load, chips), case.row.metric)
    finally:
        run.grid = grid
    ways = [found[case.row.statistic]] if case.row.statistic else [found["mean"], found["median"]]
    return min((math.log(v / case.row.value) for v in ways), key=abs)


def loss(some: Sequence[Case], ratios: Sequence[float]) -> float:
    """Return the mean over blocks and figures of the mean |log ratio|."""
    frame = pd.DataFrame({"block": [f"{c.block} {c.row.metric}" for c in some], "off": np.minimum(np.abs(ratios), FAR)})
    return float(frame.groupby("block")["off"].mean().mean())


def parts(some: Sequence[Case], ratios: Sequence[float]) -> tuple[float, float]:
    """Return the loss of all rows, and of those of the time per output token alone."""
    of = [i for i, c in enumerate(some) if c.row.metric == "tpot_s"]
    return loss(some, ratios), loss([some[i] for i in of], [ratios[i] for i in of]) if of else 0.0


class Table:
    """Ratios of cases by constants, each computed once."""

    def __init__(self, every: Sequence[Case]) -> None:
        self.every, self.kept = every, {}

    def of(self, constants: dict[str, float]) -> np.ndarray:
        """Return the ratio of every case."""
        key = tuple(constants[n] for n in NAMES)
        if key not in self.kept:
            self.kept[key] = np.array([ratio(c, constants) for c in self.every])
        return self.kept[key]


def fit(table: Table, rows: Sequence[int], start: dict[str, float], names: Sequence[str] = NAMES) -> dict[str, float]:
    """Return the constants with the least loss on some of the rows, those not named as they are."""
    some = [table.every[i] for i in rows]
    # No request can have been quicker than what every request takes.
    ceiling = min((c.row.value for c in some if c.row.metric == "ttft_s"), default=math.inf)
    best, (least, decode) = dict(start), parts(some, table.of(start)[list(rows)])
    for _ in range(2):
        for name in names:
            for value in VALUES[name]:
                if name == "host_s_per_request" and value > ceiling:
                    continue
                tried = {**best, name: value}
                got, tokens = parts(some, table.of(tried)[list(rows)])
                # A constant that makes the time per output token worse is not the cause of a long first one.
                if got < least * 0.995 and tokens <= decode * 1.01:
                    best, least = tried, got
    return best


def report(engine: str, every: list[Case], folds: int, names: Sequence[str] = NAMES) -> dict[str, float]:
    """Fit one engine, print what it gives, and return the constants where they help on blocks left out."""
    now = every[0].replayed[0][0].deployment.engine
    start = {n: float(getattr(now, n)) for n in NAMES}
    table, rows = Table(every), range(len(every))
    blocks = sorted({c.block for c in every})
    best = fit(table, rows, start, names)
    outside = np.zeros(len(every))
    for k in range(min(folds, len(blocks))):
        out = {b for i, b in enumerate(blocks) if i % folds == k}
        inside = [i for i in rows if every[i].block not in out]
        if not inside:
            continue
        fitted = table.of(fit(table, inside, start, names))
        for i in rows:
            if every[i].block in out:
                outside[i] = fitted[i]
    print(f"\n{engine}: {len(every)} rows, {len(blocks)} blocks")
    for label, got in (("before", table.of(start)), ("after", table.of(best)), ("left out", outside)):
        error = np.abs(np.exp(got) - 1)
        print(f"  {label:9} loss {loss(every, got):.3f}")
        for metric in ("ttft_s", "tpot_s"):
            of = np.array([c.row.metric == metric for c in every])
            print(f"    {metric} median {np.median(error[of]):.0%}  p90 {np.quantile(error[of], 0.9):.0%}"
                  f"  bias {math.expm1(float(np.median(got[of]))):+.0%}")  # fmt: skip
    print("  before", {k: f"{v:.3g}" for k, v in start.items()}, "\n  after ", {k: f"{v:.3g}" for k, v in best.items()})
    frame = pd.DataFrame(
        {"block": [f"{c.block} {c.row.metric}" for c in every], "before": table.of(start), "after": table.of(best)}
    )
    print(
        frame.groupby("block")
        .agg(n=("after", "size"), before=("before", "median"), after=("after", "median"))
        .round(2)
        .to_string()
    )
    return best if loss(every, outside) < 0.98 * loss(every, table.of(start)) else {}


def write(engine: str, best: dict[str, float], every: list[Case], file: str) -> None:
    """Put constants into an engine's file, in place of what it says of them."""
    path = OUT / f"{engine}.toml"
    text = path.read_text(encoding="utf-8")
    blocks = len({c.block for c in every})
    note = f"least error of time to first token over {len(every)} rows of {blocks} blocks (source, model, system, engine), replayed"
    now = every[0].replayed[0][0].deployment.engine
    for name in [n for n in NAMES if best[n] != getattr(now, n)]:
        key = name.removeprefix("host_s_")
        line = f'{{is = "{best[name] * 1e6:g} us", known = "estimated", from = "tools-fit-engines", note = "{note}"}}'
        text = re.sub(rf"(?ms)^{key} = \[\n.*?^\]\n", "", text, count=1)
        text = text.replace("\noverlapped = ", f"\n{key} = [\n    {line},\n]\noverlapped = ", 1)
    source = f'tools-fit-engines = "wherewithal: tools/fit_engines.py on {file}"\n'
    text = re.sub(r"(?m)^tools-fit-engines = .*\n", "", text).replace("[sources]\n", f"[sources]\n{source}", 1)
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path}")


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--most", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engines", default="")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--constants", default="")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows = chosen(read(given.file), given.most, given.seed, [e for e in given.engines.split(",") if e])
    every = cases(rows)
    names = [f"host_s_{n}" for n in given.constants.split(",") if n] or NAMES
    for engine in sorted({c.replayed[0][0].deployment.engine.name for c in every}):
        own = [c for c in every if c.replayed[0][0].deployment.engine.name == engine]
        best = report(engine, own, given.folds, names)
        if best and given.write:
            write(engine, best, own, given.file.name)


if __name__ == "__main__":
    main()
