"""What a serving question is answered with: plain records whose `to_dict` is the JSON of the contract."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any


def plain(value: Any) -> Any:
    """Return a record as JSON-ready data: records to dicts, tuples to lists, infinities and NaN to null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if not f.metadata.get("hidden")
        }
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True)
class Interval:
    """A figure and its 80% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Latency:
    """A latency [s], its 80% interval, and which statistic of it this is (`mean`, `median`, `p95`, ...)."""

    value: float
    low: float
    high: float
    statistic: str = "mean"


@dataclass(frozen=True)
class Layout:
    """How one replica is split, in ranks: degrees of each axis."""

    tensor: int = 1
    pipeline: int = 1
    expert: int = 1
    expert_tensor: int = 1
    data: int = 1
    context: int = 1
    microbatches: int = 1
    host_layers: int = 0
    host_experts: int = 0

    @property
    def ranks(self) -> int:
        """Ranks of one replica."""
        return self.tensor * self.pipeline * self.data * self.context

    def __str__(self) -> str:
        named = (
            ("tp", self.tensor),
            ("pp", self.pipeline),
            ("ep", self.expert),
            ("dp", self.data),
            ("cp", self.context),
        )
        text = " ".join(f"{k}{v}" for k, v in named if v > 1 or k == "tp")
        if self.expert > 1 or self.expert_tensor not in (1, self.tensor * self.data):
            text += f" etp{self.expert_tensor}" if self.expert_tensor > 1 else ""
        text += " two-batch" if self.microbatches > 1 else ""
        text += f", {self.host_layers} layers on the host" if self.host_layers else ""
        return text + (f", experts of {self.host_experts} layers on the host" if self.host_experts else "")


@dataclass(frozen=True)
class Memory:
    """Where the bytes of one chip go [B]; weights + kv + activations + reserved <= capacity."""

    weights: float
    kv: float
    activations: float
    reserved: float
    capacity: float


@dataclass(frozen=True)
class OperatorRow:
    """One line of an explanation; the seconds of all lines add up to the step.

    `network_bytes` [B] are those that the rank sends; `hidden_s` [s] is what overlap hides, not part of `seconds`.
    """

    name: str
    count: float
    flops: float
    bytes: float
    network_bytes: float
    seconds: float
    bound: str
    share: float
    evidence: str
    hidden_s: float = 0.0


@dataclass(frozen=True)
class Precision:
    """Number formats by name."""

    weights: str
    activations: str
    kv: str


@dataclass(frozen=True)
class Pool:
    """Chips doing one role (`all`, `prefill`, `decode`); `chips` counts all replicas.

    `operators` add up to `step_s` [s], the step of the role (the one that only decodes, where one pool does all);
    `mixed_operators` to `mixed_step_s`, the step that carries prompt tokens too.
    """

    role: str
    chips: int
    replicas: int
    layout: Layout
    batch_per_replica: int
    precision: Precision
    memory_bytes_per_chip: Memory
    system: str = ""
    step_s: float = 0.0
    operators: tuple[OperatorRow, ...] = ()
    mixed_step_s: float = 0.0
    mixed_operators: tuple[OperatorRow, ...] = ()


@dataclass(frozen=True)
class Plan:
    """One deployment and what it does under the load of the question."""

    serving: str
    chips: int
    pools: tuple[Pool, ...]
    ttft_s: Latency
    tpot_s: Latency
    output_tokens_per_s: Interval
    output_tokens_per_s_per_chip: Interval
    requests_per_s: Interval
    power_w: Interval | None
    joules_per_output_token: Interval | None
    usd_per_hour: float | None
    usd_per_million_output_tokens: Interval | None
    bound_by: dict[str, str]
    evidence: str
    concurrency: float = 0.0
    input_tokens_per_s_per_chip: float = 0.0
    tokens_per_s_per_user: float = 0.0
    price_basis: str = ""
    feasible: bool = True
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of the contract."""
        return dict(plain(self))


@dataclass(frozen=True)
class Fix:
    """The cheapest change of one kind, the command that asks it, and what one then gets (empty if not known)."""

    change: str
    command: str
    result: str = ""


@dataclass(frozen=True)
class Limit:
    """A limit that stands in the way: needed against available, in `unit`, said in `text`, with fixes."""

    limit: str
    needed: float
    available: float
    unit: str
    text: str
    fix: tuple[Fix, ...] = ()


@dataclass(frozen=True)
class Lever:
    """Something that would change the answer: what, by how much (relative change of tokens/s), the command."""

    change: str
    effect: float | None
    command: str
    text: str = ""


@dataclass(frozen=True)
class Assumption:
    """An input of the answer: name, value in words, whether it is a default."""

    name: str
    value: str
    default: bool = True


@dataclass(frozen=True)
class Answer:
    """The answer of `plan` and `predict`.

    `ready` is the question made ready as it was answered (`plan.setup.Setup`), for who goes on from it; not in the JSON.
    """

    model: dict[str, Any]
    system: dict[str, Any]
    workload: dict[str, Any]
    slo: dict[str, Any]
    considered: int
    legal: int
    fit: int
    feasible: int
    elapsed_s: float
    best: Plan | None
    frontier: tuple[Plan, ...]
    why_not: tuple[Limit, ...]
    overrides: dict[str, Any]
    sources: tuple[str, ...]
    version: str
    catalog: str
    command: str
    levers: tuple[Lever, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()
    weak_figures: tuple[str, ...] = ()
    closest: Plan | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    ready: Any = field(default=None, repr=False, compare=False, metadata={"hidden": True})

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of the contract."""
        return dict(plain(self))


@dataclass(frozen=True)
class Measure:
    """One line of a comparison: a figure of every system, which direction is better, and who wins.

    Attributes:
        name, unit: of the figure.
        better: `high`, `low`, or empty where neither is.
        values: one a system; None where it has no answer.
        winner: number of the best system; None where none can be named.
    """

    name: str
    unit: str
    better: str
    values: tuple[Interval | None, ...]
    winner: int | None = None


@dataclass(frozen=True)
class Flip:
    """Where the order of two systems changes: what would change, at which value, in words."""

    what: str
    first: str
    second: str
    at: float | None
    unit: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """The answer of `compare`: systems as columns (their own answers), measures as rows, and the flip points."""

    systems: tuple[str, ...]
    answers: tuple[Answer, ...]
    rows: tuple[Measure, ...]
    flips: tuple[Flip, ...]
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()
    elapsed_s: float = 0.0
    command: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return dict(plain(self))
