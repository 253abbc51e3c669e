"""Constants of an engine on a chip from whole runs: how long its operators and its host take there.

Six constants per chip and engine, each with a physical meaning: a factor on arithmetic, one on memory traffic, and the
host's time per step, per sequence in it, per request and per token of a prompt. They minimise the soft L1 of
ln(predicted / measured) over the runs, held near what is known by a Gaussian prior (ridge), and are kept only where
they predict runs that were left out better than before.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wherewithal.errors import WherewithalError
from wherewithal.measure import asked
from wherewithal.measure.calibrate import write
from wherewithal.measure.rows import Row
from wherewithal.plan.answer import Answer
from wherewithal.plan.calibrated import HOST
from wherewithal.plan.setup import Question, setup
from wherewithal.pricing.curve import Curve
from wherewithal.pricing.curve_files import ChipCurves, CurveRecord, HostRecord, Spread

Floats = NDArray[np.float64]
METRICS = ("ttft_s", "tpot_s", "input_tokens_per_s_per_chip")
SCALE = 0.05  # of the soft L1 loss, in log time
FACTORS = ("arithmetic", "memory")
FACTOR_SPREAD = 0.3  # standard deviation of the prior on the log of a factor
HOST_SPREAD = 0.25  # that on a host time, as a share of the shortest latency it is part of
FOLDS = 4
WORTH = 0.98  # constants are kept where the error on runs left out falls below this share of what it was


@dataclass(frozen=True)
class Constants:
    """What whole runs say of an engine on a chip: factors on operators' times, host times [s]."""

    arithmetic: float = 1.0
    memory: float = 1.0
    per_step_s: float = 0.0
    per_sequence_s: float = 0.0
    per_request_s: float = 0.0
    per_prompt_token_s: float = 0.0


@dataclass(frozen=True)
class Judged:
    """How far predictions of runs are off: before, on runs left out of the fit, and with all in it.

    Attributes:
        rows, runs: figures and runs compared.
        before, left_out, after: metric to median of |predicted / measured - 1|.
        kept: whether the constants are better than before on runs left out.
    """

    rows: int
    runs: int
    before: Mapping[str, float]
    left_out: Mapping[str, float]
    after: Mapping[str, float]
    kept: bool


class Bench:
    """Operator rows of one chip and engine, predicted with constants on trial."""

    def __init__(self, rows: Sequence[Row], engine: str, curves: Sequence[CurveRecord], dirs: tuple[Path, ...]) -> None:
        """Keep the rows that can be predicted.

        Args:
            rows: measured; of other metrics than METRICS, or not predictable, are left out.
            engine: catalog name.
            curves: of the chip, as fitted on a probe just now; empty for what the catalog knows.
            dirs: catalog folders of the user's.
        """
        self.engine, self.dirs, self._curves = engine, dirs, tuple(curves)
        wanted = [r for r in rows if r.metric in METRICS and r.statistic in ("", "mean", "median") and r.value > 0]
        self.rows: list[Row] = wanted
        self._question = self._first()
        self.chip, self.start = self._known()
        first = self.predict(self.start)
        self.rows = [r for r, p in zip(wanted, first, strict=True) if math.isfinite(p)]
        self.skipped = len(wanted) - len(self.rows)
        self.measured = np.array([r.value for r in self.rows])

    def _first(self) -> Question | None:
        for row in self.rows:
            for way in asked.ways(row, self.engine):
                try:
                    return replace(asked.question(row, way), catalog_dirs=self.dirs)
                except WherewithalError:  # the next way, or row, may be one that can be asked
                    continue
        return None

    def _known(self) -> tuple[str, Constants]:
        """Return the chip's name, and the constants as they are known now."""
        if self._question is None:
            return "", Constants()
        one = next(iter(setup(replace(self._question, layout=None, load=None, requests=None)).pools.values()))
        host = {name: float(getattr(one.engine, field)) for name, (field, _) in HOST.items()}
        if not self._curves:
            self._curves = tuple(_records(one))
        return one.machine.system.chip.name, Constants(**host)

    def file(self, c: Constants, source: str = "trial", date: str = "2000-01-01", rows: int = 0) -> ChipCurves:
        """Return constants as a curve file of the chip."""
        name = self.engine.partition("@")[0]
        host = HostRecord(
            engine=name, source=source, rows=rows, **{k: v for k, v in asdict(c).items() if k not in FACTORS}
        )
        # Under the engine's own name, else an older calibration of that engine would go before what is tried here.
        own = "" if name == asked.GENERIC else name
        curves = tuple(_scaled(r, c).model_copy(update={"engine": own}) for r in self._curves)
        return ChipCurves(chip=self.chip, date=date, curve=curves, host=(host,))

    def predict(self, c: Constants, some: Sequence[int] | None = None) -> Floats:
        """Return the prediction of each row [unit of its metric]; NaN where there is none.

        Args:
            c: constants to try.
            some: places of the rows; None for all.
        """
        rows = self.rows if some is None else [self.rows[i] for i in some]
        with tempfile.TemporaryDirectory() as folder:
            write.curves(Path(folder), self.file(c))
            dirs = (Path(folder), *self.dirs)
            return np.array([_value(r, self.engine, dirs) for r in rows], dtype=np.float64)


def _records(one: Any) -> list[CurveRecord]:
    """Return the curves that price a deployment, from wherever the catalog takes them."""
    f, curves = one.machine.formats, one.machine.curves
    products = sorted({p.arithmetic for p in f.parts.values()})
    wanted = [(k, form) for k in ("matmul", "batched_matmul", "grouped_matmul") for form in products]
    wanted += [(k, f.attention) for k in ("attention_prefill", "attention_decode")] + [("stream", "bf16")]
    return [record(curves.curve(kind, form), form) for kind, form in wanted]


def record(c: Curve, form: str, **more: Any) -> CurveRecord:
    """Return a curve as a row of a curve file."""
    r = c.residual
    data = {k: getattr(c, k) for k in CurveRecord.model_fields if hasattr(c, k) and k not in ("residual", "engine")}
    data |= {"format": form, "residual": Spread(sd=r.sd, q10=r.q10, q50=r.q50, q90=r.q90), "note": c.basis}
    return CurveRecord(**{**data, **more})


def _scaled(r: CurveRecord, c: Constants) -> CurveRecord:
    """Return a curve whose arithmetic and memory traffic take so many times as long; no share exceeds 1."""
    return r.model_copy(
        update={
            "compute_share": min(1.0, r.compute_share / c.arithmetic),
            "memory_share": min(1.0, r.memory_share / c.memory),
            "launch_s": r.launch_s * c.arithmetic,
            "step_s": r.step_s * c.arithmetic,
        }
    )


def _value(row: Row, engine: str, dirs: tuple[Path, ...]) -> float:
    """Return the prediction of one measured figure; NaN where there is none."""
    statistic = row.statistic or "mean"
    alone = "prefill" if row.metric.startswith("input") else "decode" if _tokens_only(row) else ""

    def figure(of: Row, way: asked.Way) -> Answer:
        return asked.predict(replace(asked.question(of, way, statistic, alone), catalog_dirs=dirs))

    try:
        answer, _ = asked.answered(row, engine, figure)
    except (WherewithalError, asked.Refused):
        return math.nan
    if answer.best is None:
        return math.nan
    if alone == "prefill":
        return answer.best.requests_per_s.value * (row.input_tokens or 0.0) / row.chips
    seen = answer.extra.get("run")
    if seen is not None:
        return float(seen[row.metric].get(statistic, math.nan))
    return float(getattr(answer.best, row.metric).value)


def _tokens_only(row: Row) -> bool:
    return row.load == "static" and row.metric == "tpot_s"


def _unpack(x: Floats, unit: Floats) -> Constants:
    return Constants(math.exp(x[0]), math.exp(x[1]), *(float(v) for v in x[2:] * unit))


def fit(bench: Bench, some: Sequence[int]) -> Constants:
    """Return the constants that predict some of a bench's rows best.

    Args:
        bench: the rows.
        some: places of those to fit on.
    """
    from scipy.optimize import least_squares

    measured = bench.measured[list(some)]
    tpot = min((bench.measured[i] for i in some if bench.rows[i].metric == "tpot_s"), default=float(np.min(measured)))
    ttft = min((bench.measured[i] for i in some if bench.rows[i].metric == "ttft_s"), default=tpot)
    longest = max((bench.rows[i].input_tokens or 1.0 for i in some), default=1.0)
    unit = HOST_SPREAD * np.array([tpot, tpot / 4.0, ttft, ttft / longest])
    known = np.array([getattr(bench.start, n) for n in HOST]) / unit
    spread = np.array([FACTOR_SPREAD, FACTOR_SPREAD, 1.0, 1.0, 1.0, 1.0])
    start = np.concatenate([[0.0, 0.0], known])

    def error(x: Floats) -> Floats:
        predicted = bench.predict(_unpack(x, unit), some)
        off = np.log(np.where(np.isfinite(predicted), predicted, measured) / measured) / SCALE
        soft = np.sign(off) * np.sqrt(2.0 * (np.sqrt(1.0 + off**2) - 1.0))
        return np.concatenate([soft, (x - start) / spread])

    low = np.concatenate([[-2.0, -2.0], np.zeros(4)])
    high = np.concatenate([[2.0, 2.0], np.maximum(known * 4.0, 20.0)])
    found = least_squares(error, np.clip(start, low + 1e-6, high), bounds=(low, high), diff_step=0.02, max_nfev=12)
    return _unpack(found.x, unit)


def judge(bench: Bench) -> tuple[Constants, Judged, Floats]:
    """Return constants fitted on all rows of a bench, whether they help on runs left out, and predictions of these."""
    every = list(range(len(bench.rows)))
    runs = list(dict.fromkeys(r.run for r in bench.rows))
    folds = min(FOLDS, len(runs))
    before = bench.predict(bench.start)
    found = fit(bench, every)
    outside = before.copy()
    if folds > 1:
        for k in range(folds):
            out = [i for i in every if runs.index(bench.rows[i].run) % folds == k]
            outside[out] = bench.predict(fit(bench, [i for i in every if i not in set(out)]), out)
    now, then = _loss(bench, outside), _loss(bench, before)
    before_it, left_out, after = (_errors(bench, p) for p in (before, outside, bench.predict(found)))
    kept = folds > 1 and now < WORTH * then
    return found, Judged(len(every), len(runs), before_it, left_out, after, kept), outside


def _errors(bench: Bench, predicted: Floats) -> dict[str, float]:
    off = np.abs(predicted / bench.measured - 1.0)
    of = np.array([r.metric for r in bench.rows])
    return {m: float(np.median(off[of == m])) for m in METRICS if (of == m).any()}


def _loss(bench: Bench, predicted: Floats) -> float:
    return float(np.mean(np.abs(np.log(predicted / bench.measured))))
