"""Mixture of experts: a router sends each token to a few of many feed-forward experts; shared ones see all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wherewithal.model.block import Cache, Weight
from wherewithal.model.op import Formats, Load, Num, Op, matmul, stream


class _Group(NamedTuple):
    """What the experts of a rank meet: (token, expert) pairs, experts hit, experts hit of the busiest rank, its skew."""

    pairs: Num
    hit: Num
    most: Num
    skew: Num

    def product(self, name: str, n: Num, k: Num, f: Formats) -> Op:
        """Return the products of all experts hit with their n x k weights; the mean rank's, with the busiest's skew."""
        stored = f.stored("experts")
        read = n * k * (stored.bits / 8)
        each = k * f.input_bytes("experts") + n * f.hidden_bytes
        moved = self.hit * read + self.pairs * each
        busiest = self.most * read + self.pairs * self.skew * each
        sizes = (self.pairs / self.hit, n, k, self.most / self.skew)
        flops = 2.0 * self.pairs * (n * k)
        return Op(
            name, "grouped_matmul", stored.arithmetic, flops, moved, sizes, skew=self.skew, skew_bytes=busiest / moved
        )


@dataclass(frozen=True)
class Moe:
    """Mixture of experts; parameters E 3 w m + H E (router) + 3 H ms (shared) + 2 H w (latent projections).

    Attributes:
        hidden: width of the hidden state.
        experts: routed experts that compute.
        per_token: routed experts that one token meets.
        expert_intermediate: width inside a routed expert.
        shared_intermediate: width inside all shared experts together; 0 without.
        gated: whether an expert has a gate matrix.
        latent: width at which routed experts read and write; 0 for the hidden width.
        router_columns: columns of the router (more than `experts` where some compute nothing); 0 for `experts`.
        router_bias, shared_gate, bias, norm: parameters of these, whole on each rank.
        groups, groups_per_token: groups that experts form and how many of them a token may reach.

    Source: arXiv 1701.06538, 2401.06066 (shared experts), 2412.19437 (grouped routing).
    """

    kind: ClassVar[str] = "moe"
    ROUTED: ClassVar[tuple[str, ...]] = ("expert_up", "expert_down", "expert_act")
    hidden: int
    experts: int
    per_token: float
    expert_intermediate: int
    shared_intermediate: int = 0
    gated: bool = True
    latent: int = 0
    router_columns: int = 0
    router_bias: int = 0
    shared_gate: int = 0
    bias: int = 0
    norm: int = 0
    groups: int = 1
    groups_per_token: int = 1

    @property
    def sizes(self) -> dict[str, float]:
        """Experts, the width inside one, the width inside the shared ones."""
        return {
            "experts": self.experts,
            "expert_intermediate": self.expert_intermediate,
            "shared_intermediate": self.shared_intermediate,
        }

    @property
    def width(self) -> int:
        """Width at which routed experts read and write, which is what travels between ranks."""
        return self.latent or self.hidden

    def weights(self, x: Any) -> list[Weight]:
        """Return routed experts (whole ones on a rank), shared experts, router and small parts."""
        matrices = 3 if self.gated else 2
        one = matrices * self.width * x.expert_intermediate
        shared = matrices * self.hidden * x.shared_intermediate
        router = self.hidden * (self.router_columns or self.experts)
        latent = 2 * self.hidden * self.latent
        small = self.router_bias + self.shared_gate + self.norm
        bias_active = self.bias * self.per_token / self.experts
        return [
            Weight("experts", "experts", np.ceil(x.experts) * one, self.per_token * one),
            Weight("shared", "shared", shared, shared),
            Weight("router", "router", router, router),
            Weight("latent", "mlp", latent, latent),
            Weight("bias", "other", self.bias, bias_active),
            Weight("norms", "other", small, small),
        ]

    def cache(self, x: Any) -> Cache:
        """Return nothing: a feed-forward layer remembers no token."""
        return Cache()

    def ops(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield router, routed experts (up, down), shared experts, element-wise work."""
        yield matmul("router", "router", load.tokens, float(self.router_columns or self.experts), self.hidden, f)
        if self.latent:
            yield matmul("latent", "mlp", load.tokens, 2.0 * self.latent, self.hidden, f)
        yield from self.routed(x, load, f)
        if self.shared_intermediate:
            width = (2 if self.gated else 1) * x.shared_intermediate
            yield matmul("shared_up", "shared", load.tokens, width, self.hidden, f)
            yield matmul("shared_down", "shared", load.tokens, self.hidden, x.shared_intermediate, f)
        yield stream("norm", load.tokens * self.hidden, f, passes=4.0)

    def routed(self, x: Any, load: Load, f: Formats) -> Iterator[Op]:
        """Yield the grouped products of the experts that a rank holds.

        Pairs on a rank = routed tokens x per_token x experts held / experts; an expert is read only if a token comes.
        Popularity differs: taken as exponential over experts, which misses an expert for n further tokens with
        1 / (1 + n l), l = -ln(1 - q), q = per_token / experts (even chance: exp(-n l)). The first token meets per_token
        experts: experts hit = held (1 - (1 - q) / (1 + (tokens - 1) l)). The step waits for the busiest of the ranks, the
        expected maximum of Poisson counts: skew = 1 + sqrt(2 ln(ranks) / pairs) times the mean's pairs, and as many
        more experts, but never more than it holds.
        """
        pairs = load.routed_tokens * (self.per_token * x.experts / self.experts)
        q = min(self.per_token / self.experts, 1 - 1e-12)
        further = np.maximum(load.routed_tokens - 1.0, 0.0)
        missed = (1.0 - q * np.minimum(load.routed_tokens, 1.0)) / (1.0 - math.log1p(-q) * further)
        hit = np.maximum(np.ceil(x.experts) * (1.0 - missed), 1e-9)
        ranks = np.maximum(self.experts / x.experts, 1.0)
        skew = 1.0 + np.sqrt(2.0 * np.log(ranks) / np.maximum(pairs, 1.0))
        skew = np.minimum(skew, ranks)
        most = np.minimum(hit * skew, np.ceil(x.experts))
        group = _Group(pairs, hit, most, skew)
        columns = (2 if self.gated else 1) * x.expert_intermediate
        yield group.product("expert_up", columns, float(self.width), f)
        yield group.product("expert_down", float(self.width), x.expert_intermediate, f)
        yield stream("expert_act", pairs * (1.5 * x.expert_intermediate + 2.0 * self.width), f, passes=2.0)
