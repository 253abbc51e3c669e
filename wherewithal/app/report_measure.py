"""What `measure` prints: the verdict, how the client itself fared, service levels, latencies, rates, errors."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wherewithal import __version__, table
from wherewithal.app import face as faces
from wherewithal.app.face import Face
from wherewithal.app.report_parts import lay
from wherewithal.app.text import Column, clean, count, exact, number, pasteable, percent, scale, wrapped

if TYPE_CHECKING:
    from wherewithal.measure.load.beside import Beside
    from wherewithal.measure.load.run import Result
    from wherewithal.measure.load.summary import Level

NAMES = {
    "ttft_s": "time to first token (TTFT)",
    "tpot_s": "time per output token (TPOT)",
    "itl_s": "gap between pieces of text",
    "e2e_s": "whole request",
    "output_tokens_per_s": "output tokens per second",
    "requests_per_s": "requests per second",
}
STATISTICS = ("mean", "median", "p90", "p95", "p99", "max")


def verdict(result: Result) -> str:
    """Return one word or two: interrupted, not graded, stopped, misses, meets, measured."""
    summary = result.summary
    if result.interrupted:
        return "interrupted"
    if summary.outcome.reason == "errors" or summary.error_share > 0.1 or not summary.outcome.whole:
        return "failed"
    if result.faults:
        return "not graded"
    if result.settings.slo.to_dict():
        return "meets" if summary.met else "misses"
    return "measured"


def exit_code(result: Result) -> int:
    """Return 0 for a run that was measured (and meets what it should), 130 for one that was interrupted, else 1."""
    return {"interrupted": 130, "measured": 0, "meets": 0}.get(verdict(result), 1)


def time(value: float | None) -> str:
    """Return a time [s] in three digits with its unit; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    divisor, unit = scale(value, "s")
    return f"{number(value / divisor)} {unit}"


def first_line(result: Result) -> str:
    """Return the verdict in one sentence."""
    summary, word = result.summary, verdict(result)
    name = clean(result.server.name)
    name = name if len(name) <= 50 else f"...{name[-47:]}"
    what = f"{name} at {result.settings.address.base}, {result.arrivals.words()}"
    if word == "failed":
        kinds = ", ".join(f"{clean(k)} {n:,}" for k, n in summary.errors.items()) or "no answer"
        return f"Failed: {what}: {percent(summary.error_share)} of requests ({kinds})."
    latency, rates = summary.latency, summary.rates
    said = f"{number(rates['output_tokens_per_s'])} tok/s"
    said += "".join(f", {n} {time(latency[m]['mean'])}" for n, m in (("TTFT", "ttft_s"), ("TPOT", "tpot_s")))
    starts = {
        "interrupted": f"Interrupted after {len(summary.outcome.whole):,} answers",
        "not graded": "Not graded, the client itself did not keep up",
        "misses": "Misses the SLO",
        "meets": "Meets the SLO",
        "measured": "Measured",
    }
    if result.steps and word in ("meets", "misses"):
        best = "Highest load that meets the SLO" if word == "meets" else "No load tried meets the SLO; the lowest"
        return f"{best}: {what}: goodput {number(rates['goodput_per_s'])} requests/s, {said}."
    return f"{starts[word]}: {what}: {said}."


def client(result: Result) -> str:
    """Return the line on how the client itself fared."""
    h = result.summary.outcome.health
    late = f"late sends p50 {time(h.late_p50_s)}, p99 {time(h.late_p99_s)}"
    said = [late, f"time stamps late p99 {time(h.lag_p99_s)}", f"CPU {percent(h.cpu)} of a core"]
    said += [f"{h.connections:,} connections opened"]
    said += [f"load average {number(h.load)}"] if math.isfinite(h.load) else []
    state = "kept up" if not h.faults else f"DID NOT KEEP UP ({'; '.join(h.faults)})"
    return f"client {state}: {', '.join(said)}"


def _mark(met: bool) -> str:
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    return ("\u2713 " if met else "\u2717 ") if encoding == "utf8" else ""


def slo_lines(levels: Sequence[Level], face: Face) -> list[str]:
    """Return each service level: a mark, the limit, what was measured, how far off, the share of requests."""
    rows = []
    for one in levels:
        spare = 1 - one.measured / one.bound.limit_s if math.isfinite(one.measured) else math.nan
        stands = (
            "no answer"
            if math.isnan(spare)
            else f"ok, {percent(spare)} to spare"
            if one.met
            else f"MISSED by {percent(-spare)}"
        )
        mark = "" if face.plain else _mark(one.met)
        rows.append([
            f"{mark}{one.name.upper()} {one.bound.statistic}", time(one.measured), f"SLO {exact(one.bound.limit_s, 's')}",
            stands, f"{percent(one.share)} of requests within",
        ])  # fmt: skip
    columns = (
        Column("SLO"),
        Column("measured", ">"),
        Column("limit"),
        Column("stands"),
        Column("each for itself", drop=1),
    )
    return lay(columns, rows, face)


def latency_lines(result: Result, face: Face) -> list[str]:
    """Return the latencies with their statistics."""
    columns = [
        Column("latency"),
        *(Column(s, ">", drop=d) for s, d in zip(STATISTICS, (0, 0, 3, 0, 2, 1), strict=True)),
    ]
    latency = result.summary.latency
    rows = [[NAMES[m], *(time(found[s]) for s in STATISTICS)] for m, found in latency.items() if found["count"]]
    return lay(columns, rows, face)


def rate_lines(result: Result, face: Face) -> list[str]:
    """Return rates, requests, errors and lengths as lines."""
    s = result.summary
    whole, failed = len(s.outcome.whole), len(s.outcome.failed)
    rates = s.rates
    said = [
        f"rates      {number(rates['output_tokens_per_s'])} output tok/s, {number(rates['total_tokens_per_s'])} tok/s with "
        f"prompts, {number(rates['requests_per_s'])} requests/s"
        + (f", goodput {number(rates['goodput_per_s'])} requests/s" if result.settings.slo.to_dict() else ""),
        f"requests   {whole:,} answered, {failed:,} failed"
        + (f", {s.cut_off:,} cut off by the end of the run" if s.cut_off else "")
        + f", in {number(s.wall_s)} s; {result.warmed:,} before that to warm up",
    ]
    if failed:
        first = {f.error: f.detail for f in reversed(s.outcome.failed)}
        parts = [
            f"{clean(k)} {n:,}" + (f" ({clean(first[k], 120)})" if first.get(k) else "") for k, n in s.errors.items()
        ]
        said.append("errors     " + "; ".join(parts))
    said.append("lengths    " + lengths(result))
    return [line for text in said for line in wrapped(text, face.width, 2, 13)]


def lengths(result: Result) -> str:
    """Return how long prompts and answers were, against what was asked, and how that is known."""
    seen, server = result.summary.tokens, result.server
    form = "token ids" if server.prompts.form == "ids" else "words"
    asked_in, got_in = seen["asked_input_tokens"], seen["input_tokens"]
    if got_in is None:
        prompt = f"prompts of about {count(asked_in)} tokens ({form}; the server does not count them)"
    else:
        off = seen["input_off_most"] or 0
        exact_ = "exactly as asked" if not off else f"asked {count(asked_in)}, none off by more than {off:,}"
        prompt = f"prompts of {exact(got_in, '')} tokens ({form}; {exact_})"
    how = "as the server counts them" if server.counts else f"{counted(result)}, for the server sends no usage"
    answer = f"answers of {exact(seen['output_tokens'] or 0.0, '')} tokens ({how})"
    short = seen["shorter_answers"]
    if short:
        answer += f"; {short:,} came shorter than the {count(seen['asked_output_tokens'])} asked"
    cached = seen["cached_input_tokens"]
    return f"{prompt}; {answer}" + (f"; {number(cached)} prompt tokens from the server's cache" if cached else "")


def counted(result: Result) -> str:
    """Return how the tokens of answers were counted."""
    if result.server.counts:
        return "usage"
    own = result.settings.vocabulary
    return "counted in pieces of text" if own is None else f"counted by the vocabulary of {clean(own.name, 60)}"


def beside_lines(beside: Sequence[Beside], why: str, face: Face) -> list[str]:
    """Return what was measured beside what is predicted."""
    if why:
        return wrapped(f"predicted  nothing: {why}", face.width, 2, 13)
    kept = [b for b in beside if b.statistic in ("", "mean", "p95")]
    columns = (
        Column("predicted beside measured"), Column("measured", ">"), Column("predicted", ">"), Column("80% interval", drop=2),
        Column("off", ">"), Column("evidence", drop=1),
    )  # fmt: skip
    return lay(columns, [_beside(b) for b in kept], face)


def _beside(b: Beside) -> list[str]:
    show = time if b.metric.endswith("_s") and not b.metric.endswith("per_s") else number
    inside = "inside" if b.low <= b.measured <= b.high else "OUTSIDE"
    name = f"{NAMES[b.metric]} {b.statistic}".strip()
    band = f"{show(b.low)} to {show(b.high)}, {inside}"
    return [name, show(b.measured), show(b.predicted), band, percent(b.error, signed=True), b.evidence]


def ramp_lines(result: Result, face: Face) -> list[str]:
    """Return the loads that a ramp tried."""
    unit = "in flight" if result.arrivals.kind == "closed" else "requests/s"
    rows = []
    for step in sorted(result.steps, key=lambda s: s.load):
        found, s = step.to_dict(), step.summary
        mark = "> " if step.load == (result.arrivals.concurrency or result.arrivals.rate_per_s) else "  "
        rows.append([
            f"{mark}{exact(step.load, '')}", count(found["requests"]), number(found["goodput_per_s"]),
            *(time(one.measured) for one in s.levels), "holds" if step.held else "void (client)" if step.spoiled else "fails",
        ])  # fmt: skip
    names = [Column(f"{one.name.upper()} {one.bound.statistic}", ">") for one in result.summary.levels]
    columns = [Column(unit, ">"), Column("requests", ">", drop=1), Column("goodput/s", ">"), *names, Column("")]
    return lay(columns, rows, face)


def notes(result: Result) -> list[str]:
    """Return what is to be known about the run."""
    server, settings = result.server, result.settings
    out = list(server.notes)
    refused = [
        t for t in ("stream_options", "ignore_eos", "min_tokens", "prompt as token ids") if t not in server.takes
    ]
    if settings.endpoint == "chat":
        refused = [t for t in refused if t != "prompt as token ids"]
    if refused:
        out.append(f"the server does not take {', '.join(refused)}")
    out += bounds(result)
    per = result.summary.tokens["tokens_per_event"]
    if per is not None and per > 1.1:
        out.append(f"{number(per)} tokens came in each piece of text: gaps are between pieces, TPOT is per token")
    least = result.summary.latency["ttft_s"]["count"] or 0
    if 0 < least < 100:
        out.append(f"{least:.0f} answers: a dash stands where so few do not tell a percentile")
    return out


def bounds(result: Result) -> list[str]:
    """Return what cut a run or a ramp short, and what too few answers do not tell."""
    settings, out = result.settings, list[str]()
    sent = len(result.summary.outcome.samples)
    if result.summary.outcome.reason == "time is over":
        out.append(f"no request was sent after {settings.duration_s:g} s (--duration)")
    elif not result.steps and settings.requests is None and sent >= settings.max_requests:
        out.append(f"no more than {sent:,} requests were sent (--max-requests)")
    answers = result.summary.latency["ttft_s"]["count"] or 0
    for one in result.summary.levels:
        least = {"p90": 10, "p95": 20, "p99": 100}.get(one.bound.statistic, 0)
        if answers < least:
            out.append(f"{one.bound.statistic} of {answers:.0f} answers is hardly more than the slowest of them")
    if result.steps:
        best = max((s.load for s in result.steps if s.held), default=None)
        if best is not None and not any(s.load > best and not s.held and not s.spoiled for s in result.steps):
            out.append("the search ended before any load failed: more may be had (--max-requests, --duration, --yes)")
        out.append("each step of the ramp is short; confirm the load found with a run of its own")
    return out


def text(result: Result, beside: Sequence[Beside], why: str, face: Face, command: str) -> str:
    """Return a run for a terminal."""
    blocks = [[face.strong(line) for line in wrapped(first_line(result), face.width, 0, 2)]]
    blocks.append(wrapped(client(result), face.width, 2, 4))
    summary = result.summary
    if summary.outcome.whole:
        blocks += [slo_lines(summary.levels, face), latency_lines(result, face)]
    blocks.append(rate_lines(result, face))
    if result.steps:
        blocks.append(ramp_lines(result, face))
    if beside or why:
        blocks.append(beside_lines(beside, why, face))
    foot = [line for note in notes(result) for line in wrapped(f"note: {clean(note)}", face.width, 2, 4)]
    blocks.append([*foot, *pasteable(command, face.width, 2)])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def document(result: Result, beside: Sequence[Beside], why: str, command: str) -> dict[str, Any]:
    """Return a run as JSON: SI base units with the unit in the name."""
    settings, summary, arrivals = result.settings, result.summary, result.arrivals
    return {
        "verdict": verdict(result),
        "url": settings.address.base,
        "endpoint": settings.endpoint,
        "served_model": result.server.name,
        "load": {
            "kind": arrivals.kind,
            "concurrency": arrivals.concurrency or None,
            "rate_per_s": arrivals.rate_per_s,
            "burst": arrivals.burst or None,
        },
        "workload": dict(zip(("input_tokens", "output_tokens", "length_spread"), settings.lengths, strict=True)),
        "client": summary.outcome.health.to_dict(),
        "slo": {one.name: one.to_dict() for one in summary.levels},
        "latency": summary.latency,
        **summary.rates,
        "elapsed_s": summary.wall_s,
        "answered": len(summary.outcome.whole),
        "failed": len(summary.outcome.failed),
        "cut_off": summary.cut_off,
        "errors": summary.errors,
        "tokens": summary.tokens,
        "counted": counted(result),
        "stopped_by": summary.outcome.reason or None,
        "predicted": [b.to_dict() for b in beside],
        "why_not_predicted": why or None,
        "ramp": [step.to_dict() for step in result.steps],
        "notes": notes(result),
        "requests": [s.to_dict() for s in summary.outcome.samples],
        "seed": settings.seed,
        "version": __version__,
        "command": command,
    }


def markdown(result: Result, beside: Sequence[Beside], why: str) -> str:
    """Return a run as Markdown: the verdict, the client, the table of latencies, what is predicted."""
    latency = result.summary.latency
    rows = [
        {"latency": NAMES[m], **{s: time(found[s]) for s in STATISTICS}}
        for m, found in latency.items()
        if found["count"]
    ]
    parts = [first_line(result) + "\n", client(result) + "\n", table.to_markdown(rows)]
    heads = ("predicted beside measured", "measured", "predicted", "80% interval", "off", "evidence")
    parts += [table.to_markdown([dict(zip(heads, _beside(b), strict=True)) for b in beside])] if beside else []
    parts += [f"Nothing is predicted: {why}\n"] if why else []
    return "\n".join(parts)


def put(result: Result, beside: Sequence[Beside], why: str, face: Face, command: str) -> None:
    """Write a run in the form that was asked for."""
    if face.form == "json":
        faces.out_json(document(result, beside, why, command))
    elif face.form == "csv":
        from wherewithal.measure.load.write import requests_csv

        faces.out(requests_csv(result))
    elif face.form == "markdown":
        faces.out(markdown(result, beside, why))
    else:
        faces.out(text(result, beside, why, face, command))
