"""A model as groups of equal layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

from wherewithal.model.block import Block, Weight
from wherewithal.model.blocks.embed import Embedding, Head


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
        towers: vision or audio encoders; `vision_tokens` says what one image costs.
        context: [token] longest sequence.
        stored: part to the number format of the checkpoint (`other` is the default).
        activations: number format of the checkpoint's matrix product inputs; empty for the weights' own kind.
        kv: number format of the KV cache that the checkpoint asks for; empty where it does not.
        published: whether the config is a published file.
        notes: what the reader assumed.
        source: where the config comes from.
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

    @property
    def kv_elements_per_token(self) -> float:
        """KV elements that one token adds over all layers while no window is full."""
        return float(sum(n * block.cache(SimpleNamespace(**block.sizes)).per_token for n, block in self.body()))


def whole(block: Block) -> list[Weight]:
    """Return the weights of an undivided block."""
    return block.weights(SimpleNamespace(**block.sizes))
