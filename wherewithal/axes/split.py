"""The degrees of every axis, as floats or columns of rows, and the local sizes that follow."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from wherewithal.axes import axes
from wherewithal.model.block import Block
from wherewithal.model.op import Num


@dataclass(frozen=True)
class Split:
    """How one replica is split; every degree is a float or an array of rows.

    Ranks are numbered tensor first, then data, then context, then pipeline; experts lie over tensor x data.

    Attributes:
        tensor, pipeline, expert, expert_tensor, data, context: degrees [rank].
        microbatches: parts of a step that overlap each other's communication (1 or 2).
        host_layers, host_experts: layers that live on the host whole, and further layers whose routed experts do.
    """

    tensor: Num = 1.0
    pipeline: Num = 1.0
    expert: Num = 1.0
    expert_tensor: Num = 1.0
    data: Num = 1.0
    context: Num = 1.0
    microbatches: Num = 1.0
    host_layers: Num = 0.0
    host_experts: Num = 0.0

    @property
    def ranks(self) -> Num:
        """Ranks of one replica."""
        return self.tensor * self.pipeline * self.data * self.context

    def degree(self, name: str) -> Num:
        """Return the degree of an axis by name."""
        return getattr(self, name)  # type: ignore[no-any-return]

    def stride(self, name: str) -> Num:
        """Return how many ranks lie from one member of an axis' group to the next."""
        return {
            "tensor": 1.0,
            "expert_tensor": 1.0,
            "expert": self.expert_tensor,
            "data": self.tensor,
            "context": self.tensor * self.data,
            "pipeline": self.tensor * self.data * self.context,
        }[name]


def local(block: Block, split: Split) -> SimpleNamespace:
    """Return a block's sizes on one rank: each divided by every axis that divides it."""
    sizes: dict[str, Num] = dict(block.sizes)
    for axis in axes():
        for name in axis.DIVIDES & sizes.keys():
            part = sizes[name] / split.degree(axis.NAME)
            sizes[name] = np.maximum(part, 1.0) if name in axis.COPIES and block.sizes[name] else part
    return SimpleNamespace(**sizes)
