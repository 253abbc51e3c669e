"""Attention data parallelism: attention groups hold copies of the attention and different sequences."""

from __future__ import annotations

NAME = "data"
DIVIDES: frozenset[str] = frozenset()
COPIES: frozenset[str] = frozenset()
