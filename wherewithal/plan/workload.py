"""What is asked of a deployment: request lengths, load, service levels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wherewithal import units
from wherewithal.errors import InputError


@dataclass(frozen=True)
class Workload:
    """Requests of one kind.

    Attributes:
        name: catalog name, or `custom`.
        input_tokens, output_tokens: [token] stated lengths.
        length_spread: lengths are uniform between 1 - spread and 1 times the stated ones.
        cached_input_tokens: [token] of the input that a prefix cache already holds.
        accepted_tokens_per_step: tokens that a decode step yields per sequence, the sure one included.
        max_context: [token] longest request that memory must hold; 0 for input + output.
        image_tokens: [token] of the input that come from one image (or sound), which an encoder makes.
        image_patches: [patch] that the encoder reads for them.
    """

    name: str = "default"
    input_tokens: float = 4000.0
    output_tokens: float = 1000.0
    length_spread: float = 0.0
    cached_input_tokens: float = 0.0
    accepted_tokens_per_step: float = 1.0
    max_context: float = 0.0
    image_tokens: float = 0.0
    image_patches: float = 0.0

    def __post_init__(self) -> None:
        _range("--input-tokens", self.input_tokens, 0, 1e9)
        _range("--output-tokens", self.output_tokens, 1, 1e9)
        _range("--length-spread", self.length_spread, 0, 0.99)
        _range("--accepted-tokens-per-step", self.accepted_tokens_per_step, 1, 64)
        _range("--max-context", self.max_context, 0, 1e9)
        _range("--image-tokens", self.image_tokens, 0, self.input_tokens)
        if not 0 <= self.cached_input_tokens < max(self.input_tokens, 1.0):
            text = f"{self.cached_input_tokens:g} of {self.input_tokens:g} input tokens"
            raise InputError("--cached-input-tokens", text, "it must be at least 0 and below the input tokens")

    @property
    def mean_input(self) -> float:
        """Mean input length [token]: the uniform spread's middle."""
        return self.input_tokens * (1 - self.length_spread / 2)

    @property
    def mean_output(self) -> float:
        """Mean output length [token]."""
        return self.output_tokens * (1 - self.length_spread / 2)

    @property
    def new_input(self) -> float:
        """Mean input tokens that prefill computes [token]; at least one, which starts the answer."""
        return max(self.mean_input * (1 - self.cached_input_tokens / max(self.input_tokens, 1.0)), 1.0)

    @property
    def decode_context(self) -> float:
        """Mean context of a sequence that decodes [token]: the input and half of the output."""
        return self.mean_input + self.mean_output / 2

    @property
    def prefill_context(self) -> float:
        """Mean context that a computed input token attends to [token]: what is cached and half of the rest."""
        return max(self.mean_input - self.new_input, 0.0) + (self.new_input + 1) / 2

    @property
    def decode_steps(self) -> float:
        """Mean decode steps of a request after its first token."""
        return max((self.mean_output - 1) / self.accepted_tokens_per_step, 1e-9)

    @property
    def step_tokens(self) -> float:
        """Tokens verified per sequence and step: the sure one and the drafts that the acceptance needs."""
        return 1.0 + math.ceil(self.accepted_tokens_per_step - 1.0)

    @property
    def longest(self) -> float:
        """Longest request that memory must hold [token]."""
        return self.max_context or self.input_tokens + self.output_tokens

    def kept(self, reserved: float) -> float:
        """Return the mean context for which a sequence that decodes holds cache [token].

        Args:
            reserved: share of the answer yet to come that is held with it.
        """
        return self.decode_context + reserved * self.mean_output / 2

    def kept_sd(self, reserved: float) -> float:
        """Return the standard deviation of `kept` [token]: progress and lengths are uniform."""
        answer = self.output_tokens * (1 + reserved) / 2
        lengths = self.length_spread * math.hypot(self.input_tokens, answer) / math.sqrt(12)
        return math.hypot((1 - reserved) * self.mean_output / math.sqrt(12), lengths)


def _range(where: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(where, f"{value:g} is out of range", f"between {low:g} and {high:g}")


@dataclass(frozen=True)
class Bound:
    """One service level: the statistic and its limit [s]."""

    limit_s: float
    statistic: str = "mean"

    @property
    def quantile(self) -> float | None:
        """The quantile that the statistic names; None for the mean."""
        return quantile(self.statistic)


STATISTICS = {"mean": None, "median": 0.5, "p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def quantile(statistic: str) -> float | None:
    """Return the quantile that a statistic's name means; None for the mean."""
    return STATISTICS[statistic]


@dataclass(frozen=True)
class Slo:
    """Service levels on time to first token and time per output token; absent ones bind nothing."""

    ttft: Bound | None = None
    tpot: Bound | None = None

    def to_dict(self) -> dict[str, object]:
        """Return {"ttft": {"limit_s", "statistic"}, ...} of those that are set."""
        named = (("ttft", self.ttft), ("tpot", self.tpot))
        return {k: {"limit_s": b.limit_s, "statistic": b.statistic} for k, b in named if b}


def parse_slo(text: str, where: str = "--slo") -> Slo:
    """Return the service levels of `ttft=2s,tpot.p95=50ms`.

    Raises:
        InputError: for an unknown latency, statistic, quantity, or one given twice.
    """
    found: dict[str, Bound] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, eq, value = part.partition("=")
        name, _, statistic = key.strip().lower().partition(".")
        if not eq or name not in ("ttft", "tpot"):
            raise InputError(where, f"{part[:60]!r}", "write ttft=2s, tpot=50ms, or with a statistic ttft.p95=2s")
        if (statistic or "mean") not in STATISTICS:
            raise InputError(where, f"statistic {statistic[:20]!r} of {name}", f"one of {', '.join(STATISTICS)}")
        if name in found:
            raise InputError(where, f"{name} is given twice", "one limit each")
        limit = units.parse(value.strip(), "s", f"{where} {name}")
        if not limit > 0:
            raise InputError(where, f"{name} of {value.strip()[:20]}", "a time above zero")
        found[name] = Bound(limit, statistic or "mean")
    return Slo(found.get("ttft"), found.get("tpot"))


# How requests come: a fixed number in flight, by themselves, all at once, one batch that is not refilled.
LOADS = ("closed", "open", "offline", "static")
# In flight where all requests are queued at once and their number is not said.
EVERYTHING = 100_000.0


def offered(load: str | None, concurrency: float | None, rate_per_s: float | None, requests: float | None) -> Offered:
    """Return the load that a question offers; where all come at once, as many as there are are in flight."""
    if load == "offline":
        concurrency = concurrency or requests or EVERYTHING
    return Offered(concurrency, rate_per_s, requests, load or "")


@dataclass(frozen=True)
class Offered:
    """How many requests are kept in flight, or arrive per second; neither means as many as the service levels allow.

    `requests` is their number in all where a run from a standing start is asked about; without it the figures are those
    of steady state. `load` says how they come (one of LOADS); empty for what concurrency or rate imply.
    """

    concurrency: float | None = None
    rate_per_s: float | None = None
    requests: float | None = None
    load: str = ""

    def __post_init__(self) -> None:
        if self.load and self.load not in LOADS:
            raise InputError("--load", f"{self.load[:20]!r}", f"one of {', '.join(LOADS)}")
        if self.concurrency is not None:
            _range("--concurrency", self.concurrency, 1, 1e9)
        if self.rate_per_s is not None:
            _range("--rate", self.rate_per_s, 1e-9, 1e9)
        if self.requests is not None:
            _range("requests", self.requests, 1, 1e9)
        if self.concurrency is not None and self.rate_per_s is not None:
            raise InputError("--rate", "given together with --concurrency", "one of the two")
        if self.load == "open" and self.rate_per_s is None:
            raise InputError("--load open", "no rate", "give --rate R")
        if self.load in ("closed", "static") and self.concurrency is None:
            raise InputError(f"--load {self.load}", "no number of requests in flight", "give --concurrency N")

    @property
    def kind(self) -> str:
        """How requests come: `load`, or what concurrency or rate imply."""
        return self.load or ("open" if self.rate_per_s is not None else "closed")

    @property
    def run(self) -> bool:
        """Whether a run from a standing start is asked about."""
        return self.given and (self.requests is not None or self.load == "static")

    @property
    def given(self) -> bool:
        """Whether a load is offered at all."""
        return self.concurrency is not None or self.rate_per_s is not None
