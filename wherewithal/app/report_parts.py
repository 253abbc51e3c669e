"""The blocks of a serving answer as lines of text: latencies against the SLO, pools, memory bars, operators."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wherewithal.app.face import Face
from wherewithal.app.text import Column, clean, count, exact, number, percent, plain, shown, stacked, table, wrapped
from wherewithal.plan.answer import Latency, Memory, OperatorRow, Plan, Pool

LATENCIES = (("ttft", "time to first token", "TTFT"), ("tpot", "time per output token", "TPOT"))
EVIDENCE = {
    "measured": "this chip, fitted to measurements",
    "analog": "fitted on a relative, scaled by the datasheets",
    "datasheet": "peak figures and default efficiencies",
}
_LETTERS = (("weights", "w"), ("kv", "k"), ("activations", "a"), ("free", "."), ("reserved", "r"))


def lay(columns: Sequence[Column], rows: Sequence[Sequence[str]], face: Face, indent: int = 2) -> list[str]:
    """Return a table as this face shows it: columns that fit, paragraphs on a narrow screen, or labelled lines."""
    if not rows:
        return []
    if face.plain:
        return plain(columns, rows, indent)
    return (stacked if face.stack else table)(columns, rows, face.width, indent)


def slo_limit(slo: Mapping[str, Any], name: str) -> float | None:
    """Return the limit [s] that the SLO sets on `ttft` or `tpot`; None where it sets none."""
    limit = (slo.get(name) or {}).get("limit_s")
    return float(limit) if isinstance(limit, int | float) else None


def against(latency: Latency, limit: float | None) -> tuple[str, str]:
    """Return `SLO 50 ms` and how a latency stands to it, the doubt said where the 80% band crosses the limit."""
    if limit is None:
        return "", ""
    said = f"SLO {exact(limit, 's')}"
    spare = 1 - latency.value / limit
    if spare < 0:
        over = f"by {percent(-spare)}" if spare > -1 else f"{number(1 - spare, 2)} times over"
        return said, f"MISSED {over}" + (", may hold" if latency.low <= limit else "")
    return said, f"ok, {percent(spare)} to spare" + (", may miss" if latency.high > limit else "")


def named(name: str, latency: Latency) -> str:
    """Return `TPOT 43 ms` or `TPOT p95 43 ms`; empty where the figure is not known."""
    if not math.isfinite(latency.value):
        return ""
    return " ".join(
        filter(None, (name, latency.statistic if latency.statistic != "mean" else "", shown(latency, "s").value))
    )


def headline(plan: Plan, slo: Mapping[str, Any], face: Face) -> list[str]:
    """Return the block of latencies, tokens, power and cost, each with its 80% band, and the evidence."""
    rows = [
        _latency(plan, name, long, slo)
        for name, long, _ in LATENCIES
        if math.isfinite(getattr(plan, f"{name}_s").value)
    ]
    rate, per_chip = shown(plan.output_tokens_per_s, "tok/s"), shown(plan.output_tokens_per_s_per_chip, "tok/s")
    rows.append(
        [
            "output tokens",
            rate.value,
            rate.band,
            f"{per_chip.value}/chip",
            f"{shown(plan.requests_per_s, '').value} requests/s",
        ]
    )
    if plan.power_w is not None:
        power, joules = shown(plan.power_w, "w"), shown(plan.joules_per_output_token, "J")
        rows.append(["power", power.value, power.band, f"{joules.value}/token", joules.band])
    rows.append(_cost(plan))
    basis = EVIDENCE.get(plan.evidence, "")
    foot = f"evidence: {plan.evidence}" + (f", {basis}" if basis else "") + "; in brackets: 80% intervals"
    return [*_aligned(rows, face), *wrapped(foot, face.width, 2, 4)]


def _latency(plan: Plan, name: str, long: str, slo: Mapping[str, Any]) -> list[str]:
    latency: Latency = getattr(plan, f"{name}_s")
    figure = shown(latency, "s")
    label = long if latency.statistic == "mean" else f"{long}, {latency.statistic}"
    return [label, figure.value, figure.band, *against(latency, slo_limit(slo, name))]


def _cost(plan: Plan) -> list[str]:
    if plan.usd_per_hour is None:
        return ["cost", "unknown", "", "no price in the catalog", ""]
    million = shown(plan.usd_per_million_output_tokens, "USD")
    return ["cost", f"{number(plan.usd_per_hour)} USD/h", "", f"{million.value}/Mtok", million.band]


def _aligned(rows: Sequence[Sequence[str]], face: Face) -> list[str]:
    """Return rows in five columns, in four where five do not fit, or as labelled lines."""
    if not face.stack:
        wide = [[label, value, band, first, second] for label, value, band, first, second in rows]
        close = [[*row[:3], _short(*row[3:])] for row in rows]
        heads = (Column(""), Column("", ">"), Column(""), Column(""), Column(""))
        for cells in (wide, close):
            lines = table(heads[: len(cells[0])], cells, 10**6)[1:]
            if max(map(len, lines)) <= face.width:
                return lines
    out: list[str] = []
    for label, value, band, *rest in rows:
        line = f"{label}: " + ", ".join(c for c in (f"{value} {band}".strip(), *rest) if c).replace(", (", " (")
        out += [f"  {line}"] if face.plain else wrapped(line, face.width, 2, 6)
    return out


def _short(first: str, second: str) -> str:
    """Return the last two cells in one, for narrower screens: `SLO 50 ms, ok by 13%`."""
    if second.startswith(("ok, ", "MISSED")):
        return f"{first}, {second.replace('ok, ', 'ok by ').replace(' to spare', '')}"
    return f"{first} {second}".strip() if second.startswith("(") else first


def pools(plan: Plan, face: Face) -> list[str]:
    """Return the table of pools."""
    columns = (
        Column("pool"),
        Column("chips", ">"),
        Column("replicas", ">", drop=2),
        Column("layout (per replica)"),
        Column("batch", ">"),
        Column("step", ">", drop=5),
        Column("precision w/a/kv", drop=3),
        Column("bound by", drop=1),
        Column("system", drop=4),
    )
    several = len({p.system for p in plan.pools}) > 1
    rows = [
        [
            p.role,
            count(p.chips),
            count(p.replicas),
            clean(str(p.layout)),
            count(p.batch_per_replica),
            shown(p.step_s, "s").value if p.step_s else "",
            f"{p.precision.weights}/{p.precision.activations}/{p.precision.kv}",
            _bound(plan, p.role),
            clean(p.system) if several else "",
        ]
        for p in plan.pools
    ]
    filled = [i for i in range(len(columns)) if any(r[i] for r in rows)]
    return lay([columns[i] for i in filled], [[r[i] for i in filled] for r in rows], face)


def _bound(plan: Plan, role: str) -> str:
    if role in plan.bound_by:
        return clean(plan.bound_by[role])
    return ", ".join(f"{clean(v)} ({k})" for k, v in plan.bound_by.items()) if role == "all" else ""


def memory(all_pools: Sequence[Pool], face: Face) -> list[str]:
    """Return one bar of letters per pool, with the gigabytes (1e9) of each part."""
    if face.stack:
        said = [_memory_label(p) for p in all_pools]
        return [f"  {s}" for s in said] if face.plain else [line for s in said for line in wrapped(s, face.width, 2, 6)]
    top = max(p.memory_bytes_per_chip.capacity for p in all_pools)
    names = max(7, *(len(clean(p.role)) for p in all_pools))
    parts = [_parts(p.memory_bytes_per_chip) for p in all_pools]
    size = min(max(face.width - names - 19 - max(map(len, parts)), 12), 42)
    lines = [_ruler(top, size, names)]
    for p, figures in zip(all_pools, parts, strict=True):
        m = p.memory_bytes_per_chip
        drawn = bar(m, max(round(size * m.capacity / top), 6))
        lines.append(f"  {clean(p.role):<{names}} {_gb(m.capacity - _free(m)):>5} used  {drawn:<{size + 1}}  {figures}")
    return [*lines, "  w weights  k KV cache, state  a activations  r reserved by the engine  . free"]


def _parts(m: Memory) -> str:
    return "  ".join(f"{letter} {_gb(_part(m, part))}" for part, letter in _LETTERS)


def _ruler(top: float, size: int, names: int) -> str:
    """Return the line above the bars: zero, the middle and the capacity, in GB."""
    middle, end = (exact(v, "") for v in (float(_gb(top / 2).replace(",", "")), float(_gb(top).replace(",", ""))))
    ruler = f"0{'':{size // 2 - 1}}{middle}"
    return f"  {'memory per chip (GB)':<{names + 12}} {ruler:<{size}}{end} = capacity"


def _memory_label(pool: Pool) -> str:
    m = pool.memory_bytes_per_chip
    parts = ", ".join(f"{'KV' if name == 'kv' else name} {_gb(_part(m, name))}" for name, _ in _LETTERS)
    role = "" if pool.role == "all" else f"{clean(pool.role)} "
    return f"memory per {role}chip (GB): capacity {_gb(m.capacity)}, {parts}"


def _gb(value: float) -> str:
    return number(value / 1e9, 3) if value >= 1e9 else f"{value / 1e9:.2f}" if value else "0"


def _free(m: Memory) -> float:
    return max(m.capacity - m.weights - m.kv - m.activations - m.reserved, 0.0)


def _part(m: Memory, name: str) -> float:
    return _free(m) if name == "free" else float(getattr(m, name))


def bar(m: Memory, size: int) -> str:
    """Return `size` letters in proportion to the parts of `m`, at least one for a part that is there, and a `|`."""
    shares = [(letter, _part(m, name) / m.capacity * size) for name, letter in _LETTERS]
    cells = {letter: max(int(share), 1) if share > 0 else 0 for letter, share in shares}
    order = sorted(shares, key=lambda s: s[1] - cells[s[0]], reverse=True)
    left = size - sum(cells.values())
    for letter, share in order if left > 0 else ():
        if left and share > 0:
            cells[letter] += 1
            left -= 1
    while sum(cells.values()) > size:
        cells[max(cells, key=lambda k: cells[k])] -= 1
    return "".join(letter * n for letter, n in cells.items()) + "|"


def operators(pool: Pool, face: Face, only_network: bool = False) -> list[str]:
    """Return the operators of one pool's step; the last line is their sum, which is the step."""
    return operator_table(pool.operators, face, only_network)


def operator_table(found: Iterable[OperatorRow], face: Face, only_network: bool = False) -> list[str]:
    """Return the operators of one step; the last line is their sum, which is the step."""
    rows = [o for o in found if o.network_bytes > 0 or not only_network]
    hidden = any(o.hidden_s for o in rows)
    columns = [
        Column("operator"),
        Column("count", ">", drop=3),
        Column("time", ">"),
        Column("share", ">"),
        Column("bound by"),
        Column("compute", ">", drop=4),
        Column("memory", ">", drop=5),
        Column("network", ">", drop=6),
        Column("hidden", ">", drop=7),
        Column("evidence", drop=2),
    ]
    cells = [[clean(o.name), exact(o.count, ""), *_timed(o), _amount(o.hidden_s, "s"), clean(o.evidence)] for o in rows]
    if rows:
        cells.append(_total(rows, "these together" if only_network else "the step"))
    keep = [i for i, c in enumerate(columns) if c.head != "hidden" or hidden]
    return lay([columns[i] for i in keep], [[row[i] for i in keep] for row in cells], face)


def _timed(o: OperatorRow) -> list[str]:
    """Return time, share, bound and amounts of all executions of one operator."""
    amounts = [_amount(o.flops, "flops"), _amount(o.bytes, "bytes"), _amount(o.network_bytes, "bytes")]
    return [shown(o.seconds, "s").value, percent(o.share), clean(o.bound), *amounts]


def _amount(value: float, unit: str) -> str:
    return shown(value, unit).value if value else ""


def _total(rows: Iterable[OperatorRow], label: str) -> list[str]:
    rows = list(rows)
    seconds, share = sum(o.seconds for o in rows), sum(o.share for o in rows)
    amounts = [sum(getattr(o, f) for o in rows) for f in ("flops", "bytes", "network_bytes", "hidden_s")]
    units = ("flops", "bytes", "bytes", "s")
    said = [_amount(a, u) for a, u in zip(amounts, units, strict=True)]
    return [label, "", shown(seconds, "s").value, percent(share), "", *said, ""]
