"""A model as groups of equal layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from wherewithal.errors import unknown_name
from wherewithal.model.block import Block, Cache, Weight
from wherewithal.model.blocks.embed import Embedding, Head
from wherewithal.model.op import Num


@dataclass(frozen=True)
class Layer:
    """A run of equal layers: how many, and the blocks of each in order."""

    name: str
    count: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Model:
    """A model as the catalog or a file describes it.

    Attributes:
        name: catalog name or file name.
        architecture: the file's own name of its kind.
        hidden: width of the hidden state.
        layers: groups of equal layers (equal blocks are one object, so that they are priced once).
        embedding, head: the ends.
        draft: layers of multi-token prediction heads, not counted in the totals.
        towers: vision or audio encoders.
        vision_tokens: [token] that one image of the file's usual size becomes; 0 where unknown.
        context: [token] longest sequence.
        stored: part to the number format of the checkpoint (`other` is the default).
        activations: number format of the checkpoint's matrix product inputs; empty for the weights' own kind.
        kv: number format of the KV cache that the checkpoint asks for; empty where it does not.
        published: whether the config is a published file.
        notes: what the reader assumed.
        source: where the config comes from.
        weight_bytes: [B] of a file that states the size of every tensor; None where formats give it.
    """

    name: str
    architecture: str
    hidden: int
    layers: tuple[Layer, ...]
    embedding: Embedding
    head: Head
    draft: tuple[Layer, ...] = ()
    towers: tuple[Layer, ...] = ()
    vision_tokens: int = 0
    context: int = 0
    stored: Mapping[str, str] = field(default_factory=lambda: {"other": "bf16"})
    activations: str = ""
    kv: str = ""
    published: bool = True
    notes: tuple[str, ...] = ()
    source: str = ""
    weight_bytes: float | None = None

    def body(self) -> Iterator[tuple[int, Block]]:
        """Yield (times, block) of everything that a token passes, ends included."""
        yield 1, self.embedding
        for layer in self.layers:
            for block in layer.blocks:
                yield layer.count, block
        yield 1, self.head

    @property
    def patches_per_token(self) -> float:
        """Patches that the encoder merges into one token of the language model; 0 without an encoder."""
        merges = [float(getattr(b, "merge", 1)) for layer in self.towers for b in layer.blocks]
        return max(merges, default=0.0)

    @property
    def depth(self) -> int:
        """Layers, without draft heads."""
        return sum(layer.count for layer in self.layers)

    def _sum(self, field_name: str) -> float:
        return float(sum(n * getattr(w, field_name) for n, block in self.body() for w in whole(block)))

    @property
    def parameters(self) -> float:
        """Parameters, draft heads and towers excluded."""
        return self._sum("count")

    @property
    def active_parameters(self) -> float:
        """Parameters that one token meets, embedding table and head once each."""
        return self._sum("active")

    def active_by(self, convention: str) -> float:
        """Return active parameters by the convention of a publisher.

        Args:
            convention: `all` (embedding table and head once each), `no-input-embedding`, or `no-embedding-no-head`.

        Raises:
            InputError: for another convention.
        """
        if convention not in CONVENTIONS:
            raise unknown_name("convention", "convention", convention, CONVENTIONS, ", ".join(CONVENTIONS))
        table = float(self.hidden * self.embedding.vocab)
        ends = 0.0
        if convention == "no-input-embedding":
            ends = 0.0 if self.head.tied else table
        elif convention == "no-embedding-no-head":
            ends = table if self.head.tied else 2.0 * table
        return self.active_parameters - ends

    def parameters_by_part(self, *, draft: bool = False, towers: bool = True) -> dict[str, float]:
        """Return parameters by part of the model, with or without draft layers and towers."""
        counted: dict[str, float] = {}
        extra = (*(self.draft if draft else ()), *(self.towers if towers else ()))
        also = ((layer.count, block) for layer in extra for block in layer.blocks)
        for times, block in (*self.body(), *also):
            for weight in whole(block):
                counted[weight.part] = counted.get(weight.part, 0.0) + float(times * weight.count)
        return {part: count for part, count in counted.items() if count}

    def stored_bytes(self, bits: Mapping[str, float], *, draft: bool = False, towers: bool = True) -> float:
        """Return bytes of the checkpoint's weights [B].

        Args:
            bits: number format to bits per weight, scales included; every format of `stored` must be there.
            draft: whether draft layers are counted.
            towers: whether towers are counted.
        """
        if self.weight_bytes is not None:
            return self.weight_bytes
        other = self.stored["other"]
        parts = self.parameters_by_part(draft=draft, towers=towers)
        return sum(count * bits[self.stored.get(part, other)] / 8 for part, count in parts.items())

    def _caches(self) -> Iterator[tuple[int, Cache]]:
        for times, block in self.body():
            yield times, block.cache(SimpleNamespace(**block.sizes))

    @property
    def kv_elements_per_token(self) -> float:
        """KV elements that one token adds over all layers while no window is full."""
        return float(sum(n * cache.per_token for n, cache in self._caches()))

    def kv_bytes_per_token(self, kv_bits: float = 16.0) -> float:
        """Return bytes that one token adds over all layers while no window is full, index keys included [B]."""
        index = sum(n * cache.index_per_token_bytes for n, cache in self._caches())
        return float(self.kv_elements_per_token * kv_bits / 8 + index)

    def cache_bytes(self, context: Num, kv_bits: float = 16.0) -> Num:
        """Return bytes that one sequence of `context` tokens holds: KV within windows, index keys, states [B]."""
        total: Num = 0.0
        for n, cache in self._caches():
            held = np.minimum(context, cache.window) * (cache.per_token * kv_bits / 8)
            total = total + n * (held + cache.state_bytes + cache.index_per_token_bytes * context)
        return total

    @property
    def state_bytes_per_sequence(self) -> float:
        """Bytes that one sequence holds whatever its length: recurrent states, fixed windows [B]."""
        return float(sum(n * cache.state_bytes for n, cache in self._caches()))


CONVENTIONS = ("all", "no-input-embedding", "no-embedding-no-head")
"""How publishers count active parameters."""


def whole(block: Block) -> list[Weight]:
    """Return the weights of an undivided block."""
    return block.weights(SimpleNamespace(**block.sizes))
