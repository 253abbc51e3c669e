"""Hand-made answers for the tests of the faces; figures are chosen to show edges, not to be true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wherewithal.plan.answer import (
    Answer,
    Assumption,
    Comparison,
    Fix,
    Flip,
    Interval,
    Latency,
    Layout,
    Lever,
    Limit,
    Measure,
    Memory,
    OperatorRow,
    Plan,
    Pool,
    Precision,
)

COMMAND = "wherewithal plan deepseek-v3 --on cloudmatrix-384 --slo ttft=2s,tpot=50ms"
INT8 = Precision("int8", "int8", "bf16")


def about(value: float, spread: float = 0.15) -> Interval:
    return Interval(value, value * (1 - spread), value * (1 + spread))


def latency(value: float, spread: float = 0.15, statistic: str = "mean") -> Latency:
    return Latency(value, value * (1 - spread), value * (1 + spread), statistic)


def operators(step: float) -> tuple[OperatorRow, ...]:
    parts = (
        ("attention.q_down", 61.0, 0.10, "memory", 0.0, "analog"),
        ("attention.core", 61.0, 0.35, "memory", 0.0, "measured"),
        ("moe.experts", 58.0, 0.40, "memory", 0.0, "analog"),
        ("moe.dispatch", 58.0, 0.125, "network", 4.2e8, "datasheet"),
        ("head", 1.0, 0.025, "compute", 0.0, "analog"),
    )
    return tuple(
        OperatorRow(name, count, 1e12 * share, 3e10 * share, wire, step * share, bound, share, evidence)
        for name, count, share, bound, wire, evidence in parts
    )


PREFILL = Pool(
    "prefill",
    64,
    4,
    Layout(tensor=1, data=32, expert=32),
    8,
    INT8,
    Memory(22.6e9, 8.1e9, 6.2e9, 4.0e9, 128e9),
    "cloudmatrix-384",
)
DECODE = Pool(
    "decode",
    320,
    1,
    Layout(tensor=1, data=640, expert=640),
    30720,
    INT8,
    Memory(14.1e9, 83.9e9, 2.2e9, 4.0e9, 128e9),
    "cloudmatrix-384",
    0.0412,
    operators(0.0412),
)


def plan(user: float, chip: float, **more: object) -> Plan:
    base = Plan(
        serving="disaggregated",
        chips=384,
        pools=(PREFILL, DECODE),
        ttft_s=latency(1.34),
        tpot_s=latency(1 / user),
        output_tokens_per_s=about(chip * 384),
        output_tokens_per_s_per_chip=about(chip),
        requests_per_s=about(chip * 384 / 1000),
        power_w=about(612e3, 0.2),
        joules_per_output_token=about(612e3 / (chip * 384), 0.25),
        usd_per_hour=690.0,
        usd_per_million_output_tokens=about(690 / (chip * 384 * 3600) * 1e6, 0.16),
        bound_by={"prefill": "compute 81%", "decode": "memory 75%"},
        evidence="analog",
        concurrency=30720,
        input_tokens_per_s_per_chip=chip * 4,
        tokens_per_s_per_user=user,
        price_basis="rent",
        feasible=user >= 20,
    )
    return replace(base, **more)


def colocated(user: float, chip: float) -> Plan:
    pool = replace(DECODE, role="all", chips=384, replicas=48, layout=Layout(tensor=16, expert=16), batch_per_replica=8)
    bound = {"prefill": "compute", "decode": "network"}
    return plan(user, chip, serving="colocated", pools=(pool,), ttft_s=latency(0.41), bound_by=bound)


FRONTIER = (
    plan(8.1, 2210.0),
    plan(14.9, 1990.0),
    plan(23.0, 1712.0),
    plan(31.2, 1204.0),
    plan(38.7, 777.0),
    plan(44.0, 402.0),
    colocated(52.0, 151.0),
    colocated(61.0, 88.0),
    colocated(77.0, 31.0),
)

FITS = Answer(
    model={"name": "deepseek-v3", "parameters": 671026419200, "active_parameters": 37.5e9, "kv_bytes_per_token": 70272},
    system={"name": "cloudmatrix-384", "chips": 384, "chip": "ascend-910c"},
    workload={"name": "default", "input_tokens": 4000, "output_tokens": 1000},
    slo={"ttft": {"limit_s": 2.0, "statistic": "mean"}, "tpot": {"limit_s": 0.05, "statistic": "mean"}},
    considered=1_204_311,
    legal=402_118,
    fit=96_540,
    feasible=7_204,
    elapsed_s=1.42,
    best=FRONTIER[2],
    frontier=FRONTIER,
    why_not=(),
    overrides={},
    sources=("arxiv-2506.12708", "huawei-910c-sheet"),
    version="0.1.0",
    catalog="2026-11-24",
    command=COMMAND,
    levers=(
        Lever("int8 KV cache", 0.31, COMMAND + " --precision kv=int8"),
        Lever(
            "TPOT 30 ms instead of 50 ms",
            -0.42,
            "wherewithal plan deepseek-v3 --on cloudmatrix-384 --slo ttft=2s,tpot=30ms",
        ),
        Lever("biggest doubt: all-to-all over 320 chips", None, "", "analog of another supernode, 14% on TPOT"),
    ),
    assumptions=(
        Assumption("workload", "4,000 in + 1,000 out, exact lengths"),
        Assumption("load", "as many in flight as meet the SLO"),
        Assumption("engine", "generic"),
        Assumption("precision", "int8/int8/bf16 (no fp8 on this chip)"),
        Assumption("SLO statistic", "mean"),
        Assumption("PUE", "1.3"),
        Assumption("price", "rent, 1.80 USD/h per chip, range 1.2 to 2.6"),
    ),
    notes=("the checkpoint is fp8; ascend-910c has no fp8, so int8 stands in",),
    weak_figures=("ascend-910c tdp (unverified)", "cloudmatrix-384 tier 2 latency (estimated)"),
)

NOT_FEASIBLE = replace(
    FITS,
    system={"name": "h20-8", "chips": 8, "chip": "h20"},
    considered=3_120,
    legal=610,
    fit=0,
    feasible=0,
    elapsed_s=0.21,
    best=None,
    frontier=(),
    levers=(),
    notes=(),
    command="wherewithal plan deepseek-v3 --on h20-8 --slo ttft=2s,tpot=50ms",
    why_not=(
        Limit(
            "memory",
            839.2e9,
            824.6e9,
            "bytes",
            "weights 671 GB + KV 104 GB + engine 64 GB per replica do not fit in the 8 chips of one node",
            (
                Fix(
                    "2 nodes",
                    "wherewithal plan deepseek-v3 --on h20-8:16 --slo ttft=2s,tpot=50ms",
                    "1,240 tok/s at TPOT 44 ms",
                ),
                Fix(
                    "int4 weights",
                    "wherewithal plan deepseek-v3 --on h20-8 --slo ttft=2s,tpot=50ms --precision weights=int4",
                    "610 tok/s at TPOT 46 ms",
                ),
            ),
        ),
        Limit(
            "TTFT",
            3.4,
            2.0,
            "s",
            "a prompt of 4,000 tokens needs 3.4 s even alone",
            (Fix("a looser SLO", "wherewithal plan deepseek-v3 --on h20-8 --slo ttft=4s,tpot=50ms"),),
        ),
    ),
)

MISSES = replace(
    FITS,
    best=None,
    closest=plan(17.2, 90.0, tpot_s=latency(0.058)),
    frontier=(),
    feasible=0,
    levers=(),
    why_not=(
        Limit(
            "TPOT",
            0.058,
            0.05,
            "s",
            "one step takes 58 ms even at the smallest batch",
            (
                Fix(
                    "TPOT 60 ms",
                    "wherewithal plan deepseek-v3 --on cloudmatrix-384 --slo ttft=2s,tpot=60ms",
                    "34,000 tok/s",
                ),
            ),
        ),
    ),
)

PREDICTED = replace(
    FITS,
    considered=1,
    legal=1,
    fit=1,
    feasible=1,
    frontier=(),
    levers=(),
    slo={},
    command='wherewithal predict deepseek-v3 --on cloudmatrix-384 --layout "prefill: 4x dp32 ep32; decode: 1x dp640 ep640"',
)


def compared(answers: tuple[Answer, ...]) -> Comparison:
    """Return a comparison of the given answers under made-up names."""
    systems = tuple(f"system-{chr(97 + i)}:8" for i in range(len(answers)))

    def row(name: str, unit: str, better: str, get: Callable[[Plan], Interval | None], winner: int | None) -> Measure:
        return Measure(name, unit, better, tuple(a.best and get(a.best) for a in answers), winner)

    rows = (
        row("output tokens per s per chip", "tokens_per_s", "high", lambda p: p.output_tokens_per_s_per_chip, 0),
        row("time per output token", "s", "low", lambda p: Interval(p.tpot_s.value, p.tpot_s.low, p.tpot_s.high), 1),
        row("power", "w", "low", lambda p: p.power_w, 0),
        row("cost per million output tokens", "usd", "low", lambda p: p.usd_per_million_output_tokens, 0),
    )
    flips = (
        Flip(
            "chip price",
            systems[0],
            systems[-1],
            2.1,
            "usd_per_h",
            f"{systems[-1]} costs what {systems[0]} does at 2.1 USD/h per chip (now 2.5 USD/h)",
        ),
    )
    command = f"wherewithal compare deepseek-v3 --on {' '.join(systems)}"
    return Comparison(systems, answers, rows, flips, answers[0].assumptions, ("a note",), 1.0, command)
