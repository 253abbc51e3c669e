"""Answers of `plan` and `predict` as text for people; the verdict is the first line, detail follows."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

from wherewithal.app import report_parts as parts
from wherewithal.app.face import Face
from wherewithal.app.text import (
    Column,
    clean,
    count,
    digits,
    exact,
    labelled,
    number,
    pasteable,
    percent,
    shown,
    table,
    wrapped,
)
from wherewithal.plan.answer import Answer, Assumption, Lever, Limit, Plan, Pool

ROWS = 6
MOST_WEAK = 4
MARKS = {">*": "chosen, meets the SLO", ">": "chosen", "*": "meets the SLO"}
SERVING_SHORT = {"disaggregated": "disagg", "colocated": "coloc"}


def plan_text(answer: Answer, face: Face, topic: str = "") -> str:
    """Return the answer of `plan` as text; `topic` is the one that `--explain` asks for, or empty."""
    best = answer.best
    blocks = [_verdict_lines(plan_verdict(answer), face)]
    if best is None or not best.feasible:
        blocks += _not_feasible(answer, face)
    if best is not None:
        blocks += _body(answer, best, face, topic)
    blocks += [_funnel(answer, face) + _ground(answer, face) + _foot(answer, best is not None, face)]
    return _joined(blocks)


def predict_text(answer: Answer, face: Face, topic: str = "") -> str:
    """Return the answer of `predict` as text: one deployment, no trade-off table."""
    best = answer.best
    blocks = [_verdict_lines(predict_verdict(answer), face)]
    if best is None:
        blocks += _not_feasible(answer, face)
    else:
        blocks += [parts.headline(best, answer.slo, face), parts.pools(best, face), parts.memory(best.pools, face)]
        blocks += [*_explained(answer, best, face, topic), _levers(answer, face)]
    blocks += [_ground(answer, face) + _foot(answer, best is not None, face)]
    return _joined(blocks)


def feasible(answer: Answer) -> bool:
    """Return whether the answer holds a plan that meets everything that was asked."""
    return answer.best is not None and answer.best.feasible


def _joined(blocks: Sequence[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _verdict_lines(text: str, face: Face) -> list[str]:
    return [face.strong(line) for line in wrapped(text, face.width, 0, 2)]


def subject(answer: Answer) -> str:
    """Return model, system and chips: `deepseek-v3 on h20-8:32`."""
    chips = answer.system.get("chips")
    name = clean(answer.system.get("name", "this system"))
    return f"{clean(answer.model.get('name', 'the model'))} on {name}" + (
        f":{chips:.0f}" if chips and "=" not in name else ""
    )


def plan_verdict(answer: Answer) -> str:
    """Return the first line of `plan`: fits or not, how it is served, the speed against the SLO."""
    best = answer.best
    if best is None or not best.feasible:
        return _no(answer, _stage(answer))
    rate, tpot = shown(best.output_tokens_per_s, "tok/s").value, parts.named("TPOT", best.tpot_s)
    limit = parts.slo_limit(answer.slo, "tpot")
    asked = f" (SLO {exact(limit, 's')})" if limit else "" if answer.slo else ", at the knee (no SLO)"
    return f"Fits: {subject(answer)}, {best.serving}: {rate}, {tpot}{asked}."


def _stage(answer: Answer) -> str:
    """Return at which stage of the search the last row fell, where no limit was named."""
    if not answer.legal:
        return "no layout is legal here"
    return "layouts fit, but none carries this load" if answer.fit else "no layout fits in memory"


def _no(answer: Answer, otherwise: str) -> str:
    """Return the first line of a "no": the limit that binds first, in words."""
    reason = clean(answer.why_not[0].text).rstrip(".") if answer.why_not else otherwise
    model = clean(answer.model.get("name", ""))
    named = bool(model) and reason.startswith(model)
    return f"Not feasible{subject(answer).removeprefix(model) if named else ': ' + subject(answer)}: {reason}."


def predict_verdict(answer: Answer) -> str:
    """Return the first line of `predict`: what the deployment does, or why it cannot stand."""
    best = answer.best
    if best is None:
        return _no(answer, "this layout cannot run here")
    named = [parts.named(short, getattr(best, f"{n}_s")) for n, _, short in reversed(parts.LATENCIES)]
    said = ", ".join([shown(best.output_tokens_per_s, "tok/s").value, *filter(None, named)])
    start = "Predicted" if best.feasible else "Misses the SLO"
    flight = f" with {count(best.concurrency)} in flight" if best.concurrency else ""
    return f"{start}: {subject(answer)}{flight}: {said}."


def _body(answer: Answer, best: Plan, face: Face, topic: str) -> list[list[str]]:
    """Return the blocks that describe the chosen plan."""
    title = [] if best.feasible else ["The closest layout found:"]
    return [
        title + parts.headline(best, answer.slo, face),
        parts.pools(best, face),
        parts.memory(best.pools, face),
        *_explained(answer, best, face, topic),
        trade_off(answer, face),
        _levers(answer, face),
    ]


def _not_feasible(answer: Answer, face: Face) -> list[list[str]]:
    """Return why not, limit by limit, each with its cheapest changes as commands to paste."""
    lines = ["Why, and the cheapest change of each kind:"] if answer.why_not else []
    for limit in answer.why_not:
        lines += _limit(limit, face, said=limit is answer.why_not[0])
    names = ", ".join(clean(w.limit) for w in answer.why_not)
    first = f"; {clean(answer.why_not[0].limit)} binds first" if len(answer.why_not) > 1 else ""
    lines += (
        wrapped(f"limits that bind: {names}{first}. Nothing was rounded in your favour.", face.width, 2, 4)
        if names
        else []
    )
    blocks = [lines]
    if answer.best is None and answer.closest is not None:
        blocks.append(["The closest layout found:", *parts.headline(answer.closest, answer.slo, face)])
        blocks.append(parts.pools(answer.closest, face))
    return blocks


def _limit(limit: Limit, face: Face, said: bool) -> list[str]:
    """Return one limit and its fixes; `said` where the verdict has its text already."""
    needed = _need(limit)
    text = needed if said and needed else clean(limit.text) + (f" ({needed})" if needed else "")
    lines = wrapped(f"{clean(limit.limit):<8}  {text}", face.width, 2, 12)
    for fix in limit.fix:
        then = f": {clean(fix.result)}" if fix.result else ""
        lines += wrapped(f"- {clean(fix.change)}{then}", face.width, 4, 6)
        lines += pasteable(fix.command, face.width, 8) if fix.command else []
    return lines


def _need(limit: Limit) -> str:
    """Return needed against available in words; empty where they are not both known."""
    if limit.needed == limit.available or not (math.isfinite(limit.needed) and math.isfinite(limit.available)):
        return ""
    needed, available = (shown(v, limit.unit).value for v in (limit.needed, limit.available))
    if needed == available:  # three digits cannot tell them apart
        return f"needed {limit.needed:,.6g}, available {limit.available:,.6g} {limit.unit}"
    return f"needed {needed}, available {available}"


def trade_off(answer: Answer, face: Face) -> list[str]:
    """Return 5 to 9 rows of the frontier, fastest per user first; `*` meets the SLO, `>` is the chosen one."""
    if len(answer.frontier) < 2:
        return []
    rows = picked(answer)
    title = "Trade-off, fastest per user first (> chosen" + (", * meets the SLO)" if answer.slo else ")")
    columns, cells = trade_off_cells(answer, rows)
    if not face.stack and max(map(len, table(_kept(columns), cells, 10**6))) > max(face.width, 92):
        shorter = trade_off_cells(answer, rows, brief=True)
        if len({row[-1] for row in shorter[1]}) > 1:  # else the numbers of chips tell nothing
            columns, cells = shorter
    if face.plain:
        columns[0] = Column("mark")
        cells = [[MARKS.get(c[0].strip(), ""), *c[1:]] for c in cells]
    return [*wrapped(title, face.width, 0, 2), *parts.lay(columns, cells, face)]


def _kept(columns: Sequence[Column]) -> list[Column]:
    """Return columns that all stay, to see how wide they are together."""
    return [Column(c.head, c.side) for c in columns]


def trade_off_cells(answer: Answer, rows: Sequence[Plan], brief: bool = False) -> tuple[list[Column], list[list[str]]]:
    """Return the columns and the cells of the trade-off table for some plans; `brief` counts the chips of long layouts."""
    columns = [
        Column(""),
        Column("tok/s/user", ">"),
        Column("tok/s/chip", ">"),
        Column("TTFT", ">", drop=2),
        Column("TPOT", ">"),
        Column("J/token", ">", drop=4),
        Column("USD/Mtok", ">", drop=3),
        Column("serving", drop=5),
        Column("chips of each pool" if brief else "layout"),
    ]
    many = brief or len({p.serving for p in answer.frontier}) > 1
    cells = [
        [
            _mark(answer, p),
            *_figures(p),
            SERVING_SHORT.get(p.serving, p.serving) if many else "",
            short_layout(p, brief),
        ]
        for p in rows
    ]
    keep = [i for i in range(len(columns)) if columns[i].head == "" or any(c[i].strip("- ") for c in cells)]
    return [columns[i] for i in keep], [[c[i] for i in keep] for c in cells]


def _mark(answer: Answer, plan: Plan) -> str:
    chosen = ">" if answer.best is not None and same(plan, answer.best) else " "
    return chosen + ("*" if answer.slo and plan.feasible else " ")


def _figures(plan: Plan) -> list[str]:
    return [
        number(plan.tokens_per_s_per_user, digits(plan.tpot_s.value, plan.tpot_s.low, plan.tpot_s.high)),
        shown(plan.output_tokens_per_s_per_chip, "").bare,
        shown(plan.ttft_s, "s").value,
        shown(plan.tpot_s, "s").value,
        shown(plan.joules_per_output_token, "").bare,
        shown(plan.usd_per_million_output_tokens, "").bare,
    ]


def short_layout(plan: Plan, brief: bool = False) -> str:
    """Return all pools of a plan in one cell: `4x tp8 ep8`, or `P 2x tp8 ep8 / D 1x dp32 ep32`; brief, `P 16 / D 32`."""
    said = []
    for pool in plan.pools:
        role = "" if pool.role == "all" else f"{pool.role[:1].upper()} "
        if brief and role:
            said.append(f"{role}{pool.chips}")
            continue
        layout = str(pool.layout).removeprefix("tp1 ") if pool.layout.ranks > 1 else str(pool.layout)
        said.append(f"{role}{pool.replicas}x {clean(layout)}")
    return " / ".join(said)


def picked(answer: Answer, most: int = ROWS) -> list[Plan]:
    """Return at most `most` plans spread evenly over the frontier, fastest per user first, the chosen one among them."""
    ordered = sorted(answer.frontier, key=lambda p: -p.tokens_per_s_per_user)
    chosen = next((i for i, p in enumerate(ordered) if answer.best is not None and same(p, answer.best)), None)
    if len(ordered) <= most:
        return ordered
    steps = [round(i * (len(ordered) - 1) / (most - 1)) for i in range(most)]
    if chosen is not None and chosen not in steps:
        inner = steps[1:-1]
        steps[steps.index(min(inner, key=lambda s: abs(s - chosen)))] = chosen
    return [ordered[i] for i in sorted(set(steps))]


def same(one: Plan, other: Plan) -> bool:
    """Return whether two records are the same deployment under the same load."""
    shape = [
        [(p.role, p.replicas, p.layout, p.batch_per_replica, p.precision) for p in plan.pools] for plan in (one, other)
    ]
    return shape[0] == shape[1] and one.serving == other.serving and one.tpot_s.value == other.tpot_s.value


def _levers(answer: Answer, face: Face) -> list[str]:
    """Return what would change the answer most, largest first."""
    if not answer.levers:
        return []
    longest = max((len(clean(v.change)) for v in answer.levers if v.effect is not None), default=0)
    lines = ["What would change it"]
    for v in answer.levers:
        change, option = clean(v.change), _option(v, answer.command)
        rest = ", ".join(filter(None, (clean(v.text), option)))
        if v.effect is None:
            line = f"=  {change}: {rest}"
        elif face.stack:
            line = f"{_sign(v)} {change}: {percent(v.effect, signed=True)} tok/s" + (f" ({rest})" if rest else "")
        else:
            line = f"{_sign(v)}  {change:<{longest}}  {percent(v.effect, signed=True):>5} tok/s  {rest}"
        fits = len(line) + 4 <= face.width or face.plain
        if not fits and rest and len(line) - len(rest) + 4 <= face.width and not face.stack:
            lines += [f"    {line.removesuffix(rest).rstrip()}", *wrapped(rest, face.width, 8)]
            continue
        lines += [f"    {line.rstrip()}"] if fits else wrapped(line, face.width, 4, 8)
    return lines


def _sign(lever: Lever) -> str:
    return "=" if lever.effect is None else "+" if lever.effect >= 0 else "-"


def _option(lever: Lever, command: str) -> str:
    """Return the words of a lever's command that differ from the answer's own command."""
    if not lever.command:
        return ""
    try:
        asked, base = shlex.split(lever.command), shlex.split(command)
    except ValueError:
        return clean(lever.command)
    out: list[str] = []
    for before, word in zip(["", *asked], asked, strict=False):
        if word not in base:
            out += [before] if before.startswith("--") and before not in out and not word.startswith("--") else []
            out.append(word)
    return clean(shlex.join(out))


def _explained(answer: Answer, best: Plan, face: Face, topic: str) -> list[list[str]]:
    """Return the blocks of `--explain TOPIC`."""
    if topic in ("operators", "network"):
        only = topic == "network"
        kind = "network operators" if only else "operators"
        steps = [(_step_title(p), p.operators) for p in best.pools]
        steps += [("Where a step that carries prompt tokens too goes", p.mixed_operators) for p in best.pools]
        tables = [(title, parts.operator_table(rows, face, only)) for title, rows in steps]
        said = [[*wrapped(f"{title} ({kind}, all layers):", face.width), *t] for title, t in tables if t]
        return said or [["  no operator sends anything over the network" if only else "  no operators recorded"]]
    if topic == "memory":
        return [_memory_table(best, face)]
    if topic == "search":
        return [_search(answer, face)]
    return []


def _step_title(pool: Pool) -> str:
    """Return what step a pool's operators explain."""
    if pool.role == "all":
        return "Where a step that only decodes goes"
    return f"Where one step of the {clean(pool.role)} pool goes"


def _memory_table(best: Plan, face: Face) -> list[str]:
    names = ("weights", "kv", "activations", "reserved", "capacity")
    heads = ("weights", "KV and state", "activations", "reserved", "capacity")
    columns = [Column("pool"), *(Column(h, ">") for h in heads), Column("free", ">")]
    rows = []
    for p in best.pools:
        values = [getattr(p.memory_bytes_per_chip, n) for n in names]
        free = values[-1] - sum(values[:-1])
        rows.append([clean(p.role), *(shown(v, "bytes").value for v in (*values, free))])
    return ["Memory per chip (GB = 1e9 bytes):", *parts.lay(columns, rows, face)]


def _search(answer: Answer, face: Face) -> list[str]:
    """Return what the search looked at, stage by stage."""
    stages = (
        ("considered", answer.considered),
        ("legal", answer.legal),
        ("fit in memory", answer.fit),
        ("meet the SLO", answer.feasible),
    )
    rows = [[name, count(n), percent(n / answer.considered) if answer.considered else ""] for name, n in stages]
    lines = ["The search:", *parts.lay((Column("stage"), Column("rows", ">"), Column("of all", ">")), rows, face)]
    reasons = answer.extra.get("reasons")
    if isinstance(reasons, dict) and reasons:
        out = [[clean(k), count(v)] for k, v in sorted(reasons.items(), key=lambda kv: -kv[1])]
        lines += [
            "Why rows fell (a row may fall for several reasons):",
            *parts.lay((Column("reason"), Column("rows", ">")), out, face),
        ]
    return lines


def _funnel(answer: Answer, face: Face) -> list[str]:
    meet = f"{count(answer.feasible)} meet the SLO" if answer.slo else f"{count(len(answer.frontier))} on the frontier"
    text = (
        f"{count(answer.considered)} layouts considered, {count(answer.legal)} legal, "
        f"{count(answer.fit)} fit in memory, {meet}, in {shown(answer.elapsed_s, 's').value}"
    )
    return wrapped(text, face.width, 2, 4)


def _ground(answer: Answer, face: Face) -> list[str]:
    """Return what the answer rests on: assumptions, overrides, weak figures, notes."""
    lines = default_lines(answer.assumptions, face)
    basis = answer.best.price_basis if answer.best is not None else ""
    lines += labelled("price", [clean(basis)] if basis else [], face.width)
    lines += labelled("overrides", [_override(k, v) for k, v in answer.overrides.items()], face.width)
    # The same figure of a chip and of the system that holds it is one figure.
    different = list({w.partition(" ")[2] or w: clean(w) for w in reversed(answer.weak_figures)}.values())[::-1]
    weak = different[:MOST_WEAK]
    more = len(different) - len(weak)
    weak += [f"and {more} more (--json lists them)"] if more > 0 else []
    lines += labelled("weak", weak, face.width)
    for text in answer.notes:
        lines += labelled("note", [clean(text)], face.width)
    return lines


def default_lines(assumptions: Sequence[Assumption], face: Face) -> list[str]:
    """Return the inputs that were defaults, then those that were given."""
    lines = labelled("default", [_assumed(a) for a in assumptions if a.default], face.width)
    return lines + labelled("given", [_assumed(a) for a in assumptions if not a.default], face.width)


def _override(path: str, value: object) -> str:
    """Return one overridden figure: `chip.memory 96 GB -> 120 GB` where the old one is known."""
    if isinstance(value, dict) and {"was", "is"} <= set(value):
        return f"{clean(path)} {clean(value['was'])} -> {clean(value['is'])}"
    return f"{clean(path)} = {clean(value)}"


def _assumed(assumption: Assumption) -> str:
    return f"{clean(assumption.name)} {clean(assumption.value)}"


def _foot(answer: Answer, has_plan: bool, face: Face) -> list[str]:
    """Return the line that reproduces the answer, and where to go on."""
    lines = [f"  wherewithal {clean(answer.version)}, catalog {clean(answer.catalog)}; the same again:"]
    lines += pasteable(answer.command, face.width, 4)
    return lines + (["  next: --explain | --explain memory | --json"] if has_plan and not face.quiet else [])
