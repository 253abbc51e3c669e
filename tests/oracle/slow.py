"""A second, plain implementation of the planner for the common blocks: pure Python, one number at a time, no arrays.

Written from the docstrings, for grouped and latent attention, dense and routed feed-forward layers. Constants of curves,
engines and formats are data and are taken as the catalog gives them; everything computed from them is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tests.oracle.effective import LAYER, Table, along

TABLES: dict[tuple[Any, float], Table] = {}
Z90 = 1.2815515655446004
BUSIEST = 0.95


@dataclass(frozen=True)
class Degrees:
    """Ranks of each axis of one replica."""

    tp: int = 1
    pp: int = 1
    ep: int = 1
    etp: int = 1
    dp: int = 1
    cp: int = 1
    m: int = 1

    @property
    def ranks(self) -> int:
        return self.tp * self.pp * self.dp * self.cp


@dataclass(frozen=True)
class Asked:
    """Tokens of one step of one attention group and micro-batch."""

    seqs: float = 0.0
    per_seq: float = 1.0
    context: float = 0.0
    prompt: float = 0.0
    prompt_context: float = 0.0
    prompts: float = 0.0
    routed: float = 0.0

    @property
    def tokens(self) -> float:
        return self.seqs * self.per_seq + self.prompt

    @property
    def logits(self) -> float:
        return self.seqs * self.per_seq + self.prompts


@dataclass
class World:
    """What is asked: a model, a system, formats, curves (for their constants), an engine, requests."""

    model: Any
    system: Any
    formats: Any
    curves: Any
    engine: Any
    work: Any
    open: bool = False
    launch_s: float = 0.0

    def __post_init__(self) -> None:
        self.blocks: list[tuple[float, Any]] = []
        for block, times in [
            (self.model.embedding, 1),
            *((b, g.count) for g in self.model.layers for b in g.blocks),
            (self.model.head, 1),
        ]:
            for i, (n, known) in enumerate(self.blocks):
                if known == block:
                    self.blocks[i] = (n + times, known)
                    break
            else:
                self.blocks.append((times, block))
        self.depth = sum(g.count for g in self.model.layers)
        self.links = list(_links(self.system))


class Link(NamedTuple):
    name: str
    ranks: float
    bandwidth: float
    latency: float


def _links(system: Any) -> Iterator[Link]:
    """Yield the links as one rank sees them: inside a package, then tier by tier, a chip's bandwidth shared by its ranks."""
    chip = system.chip
    if chip.ranks > 1:
        inside = chip.on_package_bytes_per_s or chip.link_bytes_per_s or chip.bandwidth_bytes_per_s / chip.ranks
        yield Link("package", chip.ranks, inside, system.tiers[0].latency_s if system.tiers else 0.0)
    for tier in system.tiers:
        yield Link(tier.name, tier.chips * chip.ranks, tier.bandwidth_bytes_per_s / chip.ranks, tier.latency_s)


# Operators.


def roof(
    w: World,
    kind: str,
    form: str,
    flops: float,
    moved: float,
    sizes: tuple[float, ...],
    skew: tuple[float, float] = (1.0, 1.0),
    calls: float = 1.0,
) -> float:
    """Seconds of one operator: launches + ((skew C)^p + (skew M)^p)^(1/p)."""
    if calls == 0:
        return 0.0
    c = w.curves.curve(kind, form)
    band = w.system.chip.bandwidth_bytes_per_s / w.system.chip.ranks * c.memory_share
    arithmetic = spent(w, kind, form, flops, sizes, skew[0])
    if kind in ("attention_decode", "attention_latent"):
        moved = moved + sizes[0] * sizes[2] * c.pad_bytes
    traffic = skew[1] * moved / band if kind == "grouped_matmul" else moved / band
    if math.isinf(c.power):
        both = max(arithmetic, traffic)
    else:
        both = (arithmetic**c.power + traffic**c.power) ** (1 / c.power)
    return both + c.launch_s * calls


def spent(w: World, kind: str, form: str, flops: float, sizes: tuple[float, ...], skew: float) -> float:
    """Seconds of arithmetic: by the curve's table of effective work where it has one, else by its constants."""
    c, peak = w.curves.curve(kind, form), w.curves.peak(form)
    if not c.surface or kind not in LAYER:
        return smooth_work(c, kind, peak, flops, sizes, skew)
    if (c, peak) not in TABLES:
        TABLES[c, peak] = Table(c, peak, lambda at, asked: smooth_work(c, kind, peak, asked, at, 1.0))
    layer, work = along(kind, sizes)
    if kind == "grouped_matmul":  # of the busiest rank: as many more pairs, over as many more experts as it hits
        each = 2 * sizes[1] * sizes[2]
        return TABLES[c, peak](layer, [flops / each / sizes[3], sizes[3] * skew]) * each / peak
    return TABLES[c, peak](layer, work) * flops / math.prod(work) / peak


def smooth_work(c: Any, kind: str, peak: float, flops: float, sizes: tuple[float, ...], skew: float) -> float:
    """Seconds of arithmetic by a curve's constants."""
    rate = peak * c.compute_share
    if kind in ("matmul", "batched_matmul"):
        return flops * (1 + c.depth_pad / sizes[2]) / rate + c.step_s * sizes[2]
    if kind == "grouped_matmul":
        _, n, k, groups = sizes
        return skew * (flops * (1 + c.depth_pad / k) + c.row_pad * 2 * groups * n * k) / rate + c.step_s * k
    if kind == "attention_prefill":
        queries, context, heads, size = sizes
        return (flops + c.depth_pad * 4 * queries * heads * size) / rate + c.step_s * context
    if kind in ("attention_decode", "attention_latent"):
        return flops * (1 + c.row_pad / sizes[3]) / rate + c.step_s * sizes[1]
    return flops / rate


def product(w: World, part: str, m: float, n: float, k: float) -> float:
    stored = w.formats.stored(part)
    read = input_bytes(w, stored)
    moved = n * k * stored.bits / 8 + m * k * read + m * n * w.formats.hidden_bits / 8
    return roof(w, "matmul", stored.arithmetic, 2 * m * n * k, moved, (m, n, k))


def input_bytes(w: World, stored: Any) -> float:
    """Bytes of one input element: 16 bits for products in 16 bits and for weights alone in fewer (`..._wo`)."""
    wide = stored.arithmetic == "bf16" or stored.arithmetic.endswith("_wo")
    return (w.formats.hidden_bits if wide else w.formats.activation_bits) / 8


def elementwise(w: World, elements: float, passes: float) -> float:
    return roof(w, "stream", "bf16", 0.0, passes * elements * w.formats.hidden_bits / 8, ())


def kernels(w: World, block: Any, d: Degrees, a: Asked) -> float:
    """Seconds of a block's own operators on one rank."""
    return {"Gqa": grouped, "Mla": latent, "Mlp": dense, "Moe": experts, "Embedding": lookup, "Head": head}[
        type(block).__name__
    ](w, block, d, a)


def lookup(w: World, b: Any, d: Degrees, a: Asked) -> float:
    return elementwise(w, a.tokens * b.hidden, 2)


def head(w: World, b: Any, d: Degrees, a: Asked) -> float:
    return product(w, "head", a.logits, b.vocab / d.tp, b.hidden) + elementwise(w, a.logits * b.vocab / d.tp, 6)


def dense(w: World, b: Any, d: Degrees, a: Asked) -> float:
    inside = b.intermediate / d.tp
    up = product(w, "mlp", a.tokens, (2 if b.gated else 1) * inside, b.hidden)
    return up + product(w, "mlp", a.tokens, b.hidden, inside) + elementwise(w, a.tokens * (1.5 * inside + b.hidden), 2)


def core(
    w: World,
    a: Asked,
    heads: float,
    kv_heads: float,
    wide: tuple[float, float],
    held: tuple[float, float],
    window: float,
    kind: str,
) -> float:
    """Attention over the cache and over the prompt: (key, value) widths of all query heads together, per cached token."""
    total = 0.0
    kv, hidden = w.formats.kv_bits / 8, w.formats.hidden_bits / 8
    queries = a.seqs * a.per_seq
    if queries:
        seen = min(a.context, window)
        moved = a.seqs * seen * held[0] * kv + queries * wide[0] * hidden
        total += roof(
            w,
            kind,
            w.formats.attention,
            2 * queries * seen * wide[0],
            moved,
            (a.seqs, seen, kv_heads, a.per_seq * heads / kv_heads),
        )
    if a.prompt:
        near = min(a.prompt_context, window)
        moved = a.prompt * wide[1] * hidden + a.prompts * 2 * near * held[1] * kv
        total += roof(
            w,
            "attention_prefill",
            w.formats.attention,
            2 * a.prompt * near * wide[1],
            moved,
            (a.prompt, near, heads, wide[1] / heads / 2),
        )
    return total


def grouped(w: World, b: Any, d: Degrees, a: Asked) -> float:
    heads, kv = b.heads / d.tp, max(b.kv_heads / d.tp, 1.0)
    columns = heads * b.head_dim + kv * (b.head_dim + b.v_head_dim)
    wide, held = heads * (b.head_dim + b.v_head_dim), kv * (b.head_dim + b.v_head_dim)
    total = product(w, "attention", a.tokens, columns, b.hidden)
    total += core(w, a, heads, kv, (wide, wide), (held, held), b.window, "attention_decode")
    return (
        total
        + product(w, "attention", a.tokens, b.hidden, heads * b.v_head_dim)
        + elementwise(w, a.tokens * b.hidden, 4)
    )


def latent(w: World, b: Any, d: Degrees, a: Asked) -> float:
    """Latent attention: absorbed for tokens that decode, keys and values rebuilt for prompt tokens."""
    heads, down = b.heads / d.tp, b.query_rank + b.kv_rank + b.rope_dim
    key = b.nope_dim + b.rope_dim
    total = product(w, "attention", a.tokens, down, b.hidden)
    total += product(w, "attention", a.tokens, heads * key, b.query_rank or b.hidden)
    decoded = a.seqs * a.per_seq
    if decoded:
        n, k = b.kv_rank, b.nope_dim + b.v_head_dim
        stored = w.formats.stored("attention")
        moved = heads * n * k * stored.bits / 8 + decoded * heads * (n + k) * w.formats.hidden_bits / 8
        total += roof(
            w,
            "batched_matmul",
            w.formats.attention,
            2 * decoded * heads * n * k,
            moved,
            (decoded, n, k, heads),
            calls=2,
        )
    if a.prompt:
        total += product(w, "attention", a.prompt, heads * (b.nope_dim + b.v_head_dim), b.kv_rank)
    cached = b.kv_rank + b.rope_dim
    rebuilt = heads * (b.nope_dim + b.rope_dim + b.v_head_dim)
    absorbed = heads * (cached + b.kv_rank)
    if decoded:
        total += core(
            w, replace(a, prompt=0.0), heads, 1.0, (absorbed, 0.0), (cached, 0.0), math.inf, "attention_latent"
        )
    if a.prompt:
        total += core(w, replace(a, seqs=0.0), heads, 1.0, (0.0, rebuilt), (0.0, rebuilt), math.inf, "")
    total += product(w, "attention", a.tokens, b.hidden, heads * b.v_head_dim)
    return total + elementwise(w, a.tokens * (b.hidden + down), 4)


def experts(w: World, b: Any, d: Degrees, a: Asked) -> float:
    held, inside, shared = b.experts / d.ep, b.expert_intermediate / d.etp, b.shared_intermediate / d.tp
    total = product(w, "router", a.tokens, b.router_columns or b.experts, b.hidden)
    pairs = a.routed * b.per_token * held / b.experts
    # A token misses an expert by chance 1 - q; over an exponential spread of popularity, n more miss it by 1 / (1 + n l).
    q = b.per_token / b.experts
    missed = (1 - q * min(a.routed, 1)) / (1 - max(a.routed - 1, 0) * math.log(1 - q))
    hit = max(math.ceil(held) * (1 - missed), 1e-9)
    ranks = max(b.experts / held, 1.0)
    skew = min(1 + math.sqrt(2 * math.log(ranks) / max(pairs, 1.0)), ranks)
    most = min(hit * skew, math.ceil(held))
    stored = w.formats.stored("experts")
    read = input_bytes(w, stored)
    for n, k in (((2 if b.gated else 1) * inside, b.hidden), (b.hidden, inside)):
        each = k * read + n * w.formats.hidden_bits / 8
        moved, busiest = (
            hit * n * k * stored.bits / 8 + pairs * each,
            most * n * k * stored.bits / 8 + pairs * skew * each,
        )
        total += roof(
            w,
            "grouped_matmul",
            stored.arithmetic,
            2 * pairs * n * k,
            moved,
            (pairs / hit, n, k, most / skew),
            (skew, busiest / moved),
        )
    total += elementwise(w, pairs * (1.5 * inside + 2 * b.hidden), 2)
    if b.shared_intermediate:
        total += product(w, "shared", a.tokens, (2 if b.gated else 1) * shared, b.hidden) + product(
            w, "shared", a.tokens, b.hidden, shared
        )
    return total + elementwise(w, a.tokens * b.hidden, 4)


# What travels.


def collective(w: World, kind: str, n: float, stride: float, size: float) -> float:
    """Seconds of one collective of n ranks at a stride, level by level."""
    total, launch, below, lower, slowest = 0.0, 0.0, 1.0, 1.0, 0.0
    for link in w.links:
        inside = max(min(n, link.ranks / stride), below)
        r = inside / below
        hops = math.log2(r)
        if kind == "all_reduce":
            hops, wire = 2 * hops, 2 * size / below * (r - 1) / r
        elif kind == "all_to_all":
            wire = size * (inside - below) / n
        elif kind == "all_gather":
            wire = size * below * (r - 1)
        else:  # a send crosses the innermost level that holds both neighbours
            hops = 1.0 if lower < 2 * stride <= link.ranks else 0.0
            wire, inside = size * hops, below
        c = w.curves.collective(kind, link.name)
        each = max(c.latency_s, link.latency) if c.evidence == "datasheet" else c.latency_s
        flight = wire / link.bandwidth
        took = hops * each + (flight + math.sqrt(flight * c.ramp_s)) / c.share_of_bandwidth
        total, slowest = total + took, max(slowest, took)
        launch = max(launch, c.launch_s if hops else 0.0)
        below, lower = inside, link.ranks
    return (slowest if kind == "all_to_all" else total) + launch


def network(w: World, block: Any, d: Degrees, a: Asked) -> float:
    """Seconds of what all axes send around a block."""
    name, hidden, total = type(block).__name__, w.formats.hidden_bits / 8, 0.0
    if d.tp > 1:
        size = a.logits * block.vocab / d.tp if name == "Head" else a.tokens * block.hidden
        total += collective(w, "all_gather" if name == "Head" else "all_reduce", d.tp, 1, size * hidden)
    if name == "Embedding" and d.pp > 1:
        total += (d.pp - 1) * collective(w, "send", d.pp, d.tp * d.dp * d.cp, a.tokens * block.hidden * hidden)
    if name in ("Gqa", "Mla") and d.cp > 1:
        stride = d.tp * d.dp
        if a.prompt:
            total += collective(w, "all_gather", d.cp, stride, a.prompt * cached(block, d) * w.formats.kv_bits / 8)
        if a.seqs:
            total += collective(w, "all_reduce", d.cp, stride, a.seqs * a.per_seq * block.hidden / d.tp * hidden)
    if name == "Moe" and d.dp > 1:
        met = d.ep * (1 - (1 - 1 / d.ep) ** block.per_token) * d.etp
        stored = w.formats.stored("experts")
        there = input_bytes(w, stored)
        for element in (there, hidden):
            total += collective(w, "all_to_all", d.ep * d.etp, 1, a.tokens / d.tp * met * block.hidden * element)
    return total


def cached(block: Any, d: Degrees) -> float:
    """Elements that a token leaves on a rank in one block."""
    if type(block).__name__ == "Gqa":
        return max(block.kv_heads / d.tp, 1.0) * (block.head_dim + block.v_head_dim)
    return block.kv_rank + block.rope_dim if type(block).__name__ == "Mla" else 0.0


def uneven(w: World, d: Degrees) -> float:
    return d.pp * math.ceil(w.depth / d.pp) / w.depth


def step(w: World, d: Degrees, a: Asked) -> float:
    """Seconds of one pass through all layers."""
    own = sum(n * kernels(w, b, d, a) for n, b in w.blocks)
    sent = sum(n * network(w, b, d, a) for n, b in w.blocks)
    return (own + sent - (min(own, sent) if d.m > 1 else 0.0)) * d.m * uneven(w, d)


# Memory.


def held_bytes(w: World, d: Degrees) -> float:
    """Weights on the fullest rank."""
    total = 0.0
    for n, b in w.blocks:
        for part, count in parameters(b, d):
            total += n * count * w.formats.stored(part).bits / 8
    return total / d.pp * uneven(w, d)


def parameters(b: Any, d: Degrees) -> Iterator[tuple[str, float]]:
    name = type(b).__name__
    if name == "Embedding":
        yield from (("embedding", b.hidden * b.vocab / d.tp), ("other", b.extra))
    elif name == "Head":
        yield from (("head", 0.0 if b.tied else b.hidden * b.vocab / d.tp), ("other", b.norm + b.bias))
    elif name == "Gqa":
        heads, kv = b.heads / d.tp, max(b.kv_heads / d.tp, 1.0)
        columns = heads * b.head_dim + kv * (b.head_dim + b.v_head_dim)
        yield from (("attention", b.hidden * columns + heads * b.v_head_dim * b.hidden), ("other", b.bias + b.norm))
    elif name == "Mla":
        heads, key = b.heads / d.tp, b.nope_dim + b.rope_dim
        yield "attention", b.hidden * (b.query_rank + b.kv_rank + b.rope_dim)
        yield (
            "attention",
            heads
            * ((b.query_rank or b.hidden) * key + b.kv_rank * (b.nope_dim + b.v_head_dim) + b.v_head_dim * b.hidden),
        )
        yield "other", b.norm
    elif name == "Mlp":
        yield from (("mlp", (3 if b.gated else 2) * b.hidden * b.intermediate / d.tp), ("other", b.bias + b.norm))
    else:
        matrices = 3 if b.gated else 2
        yield "experts", math.ceil(b.experts / d.ep) * matrices * b.hidden * b.expert_intermediate / d.etp
        yield "shared", matrices * b.hidden * b.shared_intermediate / d.tp
        yield "router", b.hidden * (b.router_columns or b.experts)
        yield "other", b.bias + b.router_bias + b.shared_gate + b.norm


def kept(w: World, d: Degrees, context: float) -> float:
    """Bytes of one sequence on a rank."""
    total = sum(
        n * min(context, getattr(b, "window", math.inf)) * cached(b, d) * w.formats.kv_bits / 8 for n, b in w.blocks
    )
    return total / d.cp / d.pp * uneven(w, d)


def working(w: World, d: Degrees, tokens: float, logits: float) -> float:
    widest = 0.0
    for _, b in w.blocks:
        inside = (getattr(b, "intermediate", 0.0) + getattr(b, "shared_intermediate", 0.0)) / d.tp
        spread = getattr(b, "per_token", 0.0) * getattr(b, "expert_intermediate", 0.0) / d.etp
        heads = getattr(b, "heads", 0.0) / d.tp * (getattr(b, "head_dim", 0.0) or getattr(b, "v_head_dim", 0.0))
        widest = max(widest, 2 * (inside + spread) + 3 * heads)
    entries = logits / d.tp * 4 + w.engine.slot_entry_bytes * w.engine.max_seqs
    return tokens * (3 * w.model.hidden + widest) * w.formats.hidden_bits / 8 + entries * w.model.head.vocab


def _deviation(q: Any, held: float) -> float:
    """Of what a sequence holds: uniform lengths, and uniform progress through what is not held from the start."""
    lengths = q.length_spread * math.hypot(q.input_tokens, q.output_tokens * (1 + held) / 2)
    return math.hypot((1 - held) * q.mean_output, lengths) / math.sqrt(12)


def sequences(w: World, d: Degrees, role: str) -> float:
    """How many sequences fit an attention group; 0 where not even the longest request does."""
    e, q = w.engine, w.work
    budget = e.token_budget / (d.dp if e.budget_per_data_group else 1)
    tokens = min(budget, e.max_seqs * q.step_tokens) if role == "decode" else budget
    left = w.system.chip.memory_bytes / w.system.chip.ranks
    own, act = held_bytes(w, d), working(w, d, tokens / d.cp, min(tokens, e.max_seqs))
    free = float(e.kv_room(left, own, act))
    lost = e.kv_block_tokens / 2
    # Where a request is taken in with room for its whole answer, that room counts from the start.
    held = e.reserved_answer
    mean = q.mean_input if role == "prefill" else q.mean_input + q.mean_output * (1 + held) / 2
    longest = kept(w, d, (q.mean_input if role == "prefill" else q.longest) + lost)
    if free < longest or free < 0:
        return 0.0
    c = kept(w, d, mean + lost)
    s = 0.0 if role == "prefill" else kept(w, d, mean + _deviation(q, held) + lost) - c
    # G c + z s sqrt(G) = room, a quadratic in sqrt(G)
    root = (-Z90 * s + math.sqrt((Z90 * s) ** 2 + 4 * c * free)) / (2 * c)
    return max(min(root**2, 1e9), 1.0)


# Layouts.


def smooth(limit: int) -> list[int]:
    found = []
    for n in range(1, limit + 1):
        left = n
        for p in (2, 3, 5):
            while left % p == 0:
                left //= p
        if left == 1:
            found.append(n)
    return found


def layouts(w: World, ranks: int) -> Iterator[Degrees]:
    """Yield every legal layout of one replica on up to so many ranks."""
    moe = [b for _, b in w.blocks if type(b).__name__ == "Moe"]
    for tp in smooth(min(ranks, 128)):
        for pp in smooth(min(ranks // tp, 16, w.depth)):
            for cp in (1, 2, 4, 8, 16):
                if tp * pp * cp > ranks:
                    continue
                for dp in smooth(ranks // (tp * pp * cp)) if moe else [1]:
                    stage = tp * dp
                    slices = sorted({s for s in (1, 2, 4, 8, stage) if stage % s == 0}) if moe else [stage]
                    for etp in slices:
                        for m in (1, 2) if dp > 1 else (1,):
                            d = Degrees(tp, pp, stage // etp if moe else 1, etp, dp, cp, m)
                            if fine(w, d, ranks):
                                yield d


def fine(w: World, d: Degrees, ranks: int) -> bool:
    for _, b in w.blocks:
        for size in ("heads", "intermediate", "shared_intermediate"):
            if getattr(b, size, 0) and getattr(b, size) % d.tp:
                return False
        if getattr(b, "expert_intermediate", 0) and b.expert_intermediate % d.etp:
            return False
        g = getattr(b, "kv_heads", 0)
        if g and g % d.tp and d.tp % g:
            return False
        if getattr(b, "experts", 0) and d.ep > 2 * b.experts:
            return False
    if d.m > 1 and not w.engine.two_batch:
        return False
    for link in w.links:  # up to the first that holds all
        if link.ranks >= ranks:
            break
        for size in (d.tp, d.ranks):
            if link is not w.links[-1] and link.ranks % size and size % link.ranks:
                return False
    return True


# Serving.


def host(w: World, d: Degrees, s: float, device: float, prompts: bool = False) -> float:
    work = w.engine.host_s_per_step + w.engine.host_s_per_seq * s * d.m
    work += w.launch_s * d.m if prompts else 0.0
    return max(device, work) if w.engine.host_overlapped else device + work


def arrival(w: World) -> float:
    return w.engine.host_s_per_request + w.engine.host_s_per_prompt_token * w.work.mean_input


def decoding(w: World, d: Degrees, s: float) -> Asked:
    q = w.work.step_tokens
    return Asked(s, q, w.work.decode_context / d.cp, routed=s * d.dp * q)


def with_prompt(w: World, d: Degrees, a: Asked, t: float) -> Asked:
    return replace(
        a, prompt=t / d.cp, prompt_context=w.work.prefill_context, prompts=min(t / w.work.new_input, t),
        routed=a.routed + t * d.dp / d.cp,
    )  # fmt: skip


class Served(NamedTuple):
    tpot: float
    ttft: float
    rate: float
    flight: float
    busy: float


def colocated(w: World, d: Degrees, s: float) -> Served:
    """Return continuous batching on one pool; one replica."""
    q, e = w.work, w.engine
    n, o = q.new_input, q.decode_steps
    budget = e.token_budget / (d.dp if e.budget_per_data_group else 1)
    mixed = e.policy == "mixed"
    room = max(budget - s * q.step_tokens, 1.0) if mixed else budget
    arriving = s * n / o
    gathered = 0.0 if w.open else min(s * n, room) / (1 + q.length_spread * o)
    t = min(max(arriving, n, gathered), room)
    plain = host(w, d, s, step(w, d, decoding(w, d, s)))
    if mixed:
        both = host(w, d, s, step(w, d, with_prompt(w, d, decoding(w, d, s), t)), True)
    else:
        both = plain + host(w, d, s, step(w, d, with_prompt(w, d, Asked(), t)), True)
    busy, f = arriving / room, min(arriving / t, 1.0)
    mean = f * both + (1 - f) * plain
    service = max(n / t, 1.0) * both
    variation = 1.0 if w.open else q.length_spread
    queue = variation * min(busy, 1.0) / (2 * max(1 - busy, 1 - BUSIEST))
    count = s * d.dp * d.pp * d.m
    wait = 0.5 * mean * (1.0 if w.open else 1 - 1 / max(count, 1.0)) + service * queue
    rate = count / (o * mean)
    ttft = arrival(w) + service + wait
    return Served(mean / q.accepted_tokens_per_step, ttft, rate, count + rate * ttft, busy)


class First(NamedTuple):
    service: float
    one_pass: float
    rate: float
    moved: float


def prefill(w: World, d: Degrees, t: float, chips: int) -> First:
    n = w.work.new_input
    one = host(w, d, max(t / n, 1.0), step(w, d, with_prompt(w, d, Asked(), t)), True)
    period = one / d.pp
    passes = max(n / t, 1.0)
    ranks = chips * w.system.chip.ranks
    wide = next((x.bandwidth for x in w.links if x.ranks >= ranks), w.links[-1].bandwidth if w.links else math.inf)
    return First(one + (passes - 1) * period, one, t * d.dp * d.m / (period * n), kept(w, d, w.work.mean_input) / wide)


def first_token(w: World, p: First, replicas: int, busy: float) -> float:
    """Mean time to first token before a prefill pool at a share of its capacity."""
    slack = max(1 - busy, 1 - BUSIEST)
    queue = p.service / 2 * busy ** (math.sqrt(2 * (replicas + 1)) - 1) / (replicas * slack)
    wait = 0.5 * p.one_pass * busy + (1.0 if w.open else w.work.length_spread) * queue
    return p.service + p.moved + arrival(w) + wait


# Every layout and every batch.


class Best(NamedTuple):
    rate: float = 0.0
    tpot: float = 0.0
    ttft: float = 0.0
    what: str = ""


def most_sequences(w: World, d: Degrees, role: str) -> int:
    e = w.engine
    most = min(sequences(w, d, role) / (d.pp * d.m), e.max_seqs)
    if role != "prefill" and e.policy == "mixed":
        most = min(most, max(e.token_budget / (d.dp if e.budget_per_data_group else 1) / w.work.step_tokens, 1.0))
    return math.floor(most)


def best_colocated(w: World, chips: int, tpot: float, ttft: float) -> Best:
    """Return the most requests per second of all layouts and all whole batches within the limits [s]."""
    ranks, best = chips * w.system.chip.ranks, Best()
    for d in layouts(w, ranks):
        for s in range(1, most_sequences(w, d, "all") + 1):
            one = colocated(w, d, float(s))
            if one.busy > (BUSIEST if w.open else 1.0) or one.ttft > ttft or one.tpot > tpot:
                continue
            rate = one.rate * (ranks // d.ranks)
            if rate > best.rate:
                best = Best(rate, one.tpot, one.ttft, f"{d} x{ranks // d.ranks}, {s} sequences")
    return best


def best_carrying(w: World, chips: int, want: float, ttft: float) -> Best:
    """Return the lowest time per token at which any layout of one pool carries a rate [1/s], batches not only whole."""
    ranks, best = chips * w.system.chip.ranks, Best(0.0, math.inf)
    for d in layouts(w, ranks):
        replicas, high = ranks // d.ranks, float(most_sequences(w, d, "all"))
        if high < 1:
            continue
        low = 1.0
        if colocated(w, d, low).rate * replicas < want:
            if colocated(w, d, high).rate * replicas < want:
                continue
            for _ in range(60):
                middle = math.sqrt(low * high)
                low, high = (low, middle) if colocated(w, d, middle).rate * replicas >= want else (middle, high)
            low = high
        one = colocated(w, d, low)
        if one.ttft <= ttft and one.busy <= (BUSIEST if w.open else 1.0) and one.tpot < best.tpot:
            best = Best(want, one.tpot, one.ttft, f"{d}, {low:.3f} sequences")
    return best


def best_disaggregated(w: World, chips: int, tpot: float, ttft: float) -> Best:
    """Return the most requests per second of all pairs of layouts, batches, passes and whole replicas."""
    ranks, n, e = chips * w.system.chip.ranks, w.work.new_input, w.engine
    firsts, seconds, best = [], [], Best()
    for d in layouts(w, ranks):
        budget = e.token_budget / (d.dp if e.budget_per_data_group else 1)
        room = sequences(w, d, "prefill")
        if min(room / (d.pp * d.m), e.max_seqs) >= 1:
            passes = sorted({min(max(float(round(n * 2.0**k)), 1.0), budget) for k in range(-3, 4)})
            firsts += [(d, t, prefill(w, d, t, chips)) for t in passes if math.ceil(t / n) * d.pp * d.m <= room]
        for s in range(1, most_sequences(w, d, "decode") + 1):
            took = host(w, d, float(s), step(w, d, decoding(w, d, float(s))))
            if took / w.work.accepted_tokens_per_step <= tpot:
                seconds.append(
                    (d, s, took / w.work.accepted_tokens_per_step, s * d.dp * d.pp * d.m / (w.work.decode_steps * took))
                )
    fullest = BUSIEST if w.open else 1.0
    for d2, s, each, work in seconds:
        for d1, t, p in firsts:
            if work * (ranks // d2.ranks) <= best.rate:
                break
            for count in range(1, (ranks - d1.ranks) // d2.ranks + 1):
                before = (ranks - count * d2.ranks) // d1.ranks
                rate = min(count * work, fullest * before * p.rate)
                if rate > best.rate:
                    late = first_token(w, p, before, rate / (before * p.rate))
                    if late <= ttft:
                        best = Best(rate, each, late, f"{before} x {d1} ({t:g} tokens), {count} x {d2}, {s} sequences")
    return best
