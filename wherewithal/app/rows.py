"""Answers as flat rows: full figures for CSV, people's figures for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wherewithal import table
from wherewithal.app.report import feasible, plan_verdict, predict_verdict, same, short_layout, trade_off_cells
from wherewithal.app.report_parts import LATENCIES, against, slo_limit
from wherewithal.app.text import Column, Shown, clean, shown
from wherewithal.plan.answer import Answer, Interval, Latency, Plan

_INTERVALS = (
    "ttft_s",
    "tpot_s",
    "output_tokens_per_s",
    "output_tokens_per_s_per_chip",
    "requests_per_s",
    "power_w",
    "joules_per_output_token",
    "usd_per_million_output_tokens",
)


def plan_rows(answer: Answer) -> list[dict[str, Any]]:
    """Return one flat row per plan of the frontier, every figure in SI units and in full."""
    plans = answer.frontier or ((answer.best,) if answer.best else ())
    return [flat(answer, p) for p in plans]


def flat(answer: Answer, plan: Plan) -> dict[str, Any]:
    """Return one plan as a flat row; intervals become three columns."""
    row: dict[str, Any] = {
        "model": answer.model.get("name"),
        "system": answer.system.get("name"),
        "chips": plan.chips,
        "serving": plan.serving,
        "layout": short_layout(plan),
        "batch_per_replica": " / ".join(str(p.batch_per_replica) for p in plan.pools),
        "chosen": answer.best is not None and same(plan, answer.best),
        "meets_slo": plan.feasible,
        "concurrency": plan.concurrency,
        "tokens_per_s_per_user": plan.tokens_per_s_per_user,
    }
    for name in _INTERVALS:
        figure: Interval | Latency | None = getattr(plan, name)
        for end in ("value", "low", "high"):
            row[name if end == "value" else f"{name}_{end}"] = None if figure is None else getattr(figure, end)
    row["ttft_statistic"], row["tpot_statistic"] = plan.ttft_s.statistic, plan.tpot_s.statistic
    row["usd_per_hour"] = plan.usd_per_hour
    row["bound_by"] = ", ".join(f"{k} {v}" for k, v in plan.bound_by.items())
    row["evidence"] = plan.evidence
    return row


def markdown_cells(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> str:
    """Return cells of text as a Markdown table."""
    heads = [c.head or " " for c in columns]
    return table.to_markdown([dict(zip(heads, row, strict=True)) for row in cells])


def plan_markdown(answer: Answer) -> str:
    """Return the verdict, the trade-off table and the command, ready to paste into an issue."""
    plans = sorted(answer.frontier, key=lambda p: -p.tokens_per_s_per_user)
    body = markdown_cells(*trade_off_cells(answer, plans)) if plans else _why_markdown(answer)
    return f"**{plan_verdict(answer)}**\n\n{body}\n{_foot(answer)}"


def predict_markdown(answer: Answer) -> str:
    """Return the verdict, one row per measure and the command."""
    plan = answer.best
    if plan is None:
        return f"**{predict_verdict(answer)}**\n\n{_why_markdown(answer)}\n{_foot(answer)}"
    figures: list[tuple[str, Shown, str]] = []
    for name, long, _ in LATENCIES:
        latency: Latency = getattr(plan, f"{name}_s")
        figures.append(
            (
                f"{long} ({latency.statistic})",
                shown(latency, "s"),
                ", ".join(filter(None, against(latency, slo_limit(answer.slo, name)))),
            )
        )
    figures += [
        ("output tokens", shown(plan.output_tokens_per_s, "tok/s"), ""),
        ("output tokens per chip", shown(plan.output_tokens_per_s_per_chip, "tok/s"), ""),
        ("requests", shown(plan.requests_per_s, "per s"), ""),
        ("power", shown(plan.power_w, "w"), ""),
        ("energy per output token", shown(plan.joules_per_output_token, "J"), ""),
        ("cost per million output tokens", shown(plan.usd_per_million_output_tokens, "USD"), clean(plan.price_basis)),
    ]
    rows = [{"measure": m, "value": s.value, "80% interval": s.band.strip("()"), "note": n} for m, s, n in figures]
    return f"**{predict_verdict(answer)}**\n\n{table.to_markdown(rows)}\nEvidence: {plan.evidence}. {_foot(answer)}"


def _why_markdown(answer: Answer) -> str:
    rows = [
        {"limit": w.limit, "why": w.text, "cheapest change": f.change, "then": f.result, "command": f"`{f.command}`"}
        for w in answer.why_not
        for f in w.fix
    ]
    return table.to_markdown(rows or [{"limit": w.limit, "why": w.text} for w in answer.why_not])


def _foot(answer: Answer) -> str:
    return f"wherewithal {clean(answer.version)}, catalog {clean(answer.catalog)}: `{clean(answer.command, 2000)}`\n"


def exit_code(answer: Answer) -> int:
    """Return 0 where the question has a feasible answer, 1 where it has none."""
    return 0 if feasible(answer) else 1
