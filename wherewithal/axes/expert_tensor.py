"""Tensor parallelism within an expert: ranks hold slices of the same expert."""

from __future__ import annotations

NAME = "expert_tensor"
DIVIDES = frozenset({"expert_intermediate"})
COPIES: frozenset[str] = frozenset()
