"""What the laws of engine and plan are tried on: models of every block, real models, machines, layouts, loads.

A model of a block is one small layer of it between an embedding and a head. Machines are catalog systems and
variants of them whose figures are scaled. Nothing here prices anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from tests.strategies import ALL_BLOCKS
from wherewithal.axes.split import Split
from wherewithal.engine import Machine
from wherewithal.machine.load import system
from wherewithal.machine.system import System
from wherewithal.model.block import Block
from wherewithal.model.blocks.embed import Embedding, Head
from wherewithal.model.blocks.mlp import Mlp
from wherewithal.model.blocks.moe import Moe
from wherewithal.model.load import load_model
from wherewithal.model.model import Layer, Model
from wherewithal.model.op import Formats, Load, Op
from wherewithal.plan.engines import engine
from wherewithal.plan.steady import Deployment
from wherewithal.plan.workload import Workload
from wherewithal.pricing.curve import curves_for
from wherewithal.pricing.formats import resolve

SYSTEMS = (
    "h100-8:16", "h20-8:32", "cloudmatrix-384:64", "mi300x-8:8", "gb200-nvl72", "gaudi3-8:16", "trn2-16:16",
    "ascend-910b-8:16", "l4-8:8", "rtx-4090-8:8", "mac-studio-m3-ultra-4:4", "dgx-spark-2:2", "rtx-4090-1", "epyc-9654-2",
)  # fmt: skip
"""Machines of ten makers: one tier and three, one rank a chip and two, measured, analog and datasheet curves."""

MODELS = (
    "deepseek-v3", "deepseek-v3.2", "deepseek-v4-flash", "qwen3-32b", "qwen3-30b-a3b", "qwen3-next-80b-a3b", "gemma-3-27b",
    "gpt-oss-120b", "llama-3.1-8b", "mamba-codestral-7b", "kimi-linear-48b-a3b", "minimax-m3", "step-3", "jamba-v0.1",
)  # fmt: skip
"""Real models: latent, sparse, compressed, grouped, windowed, linear, recurrent attention; dense and experts."""

AXES = ("tensor", "pipeline", "expert", "expert_tensor", "data", "context", "microbatches")


@cache
def machine_system(name: str) -> System:
    """Return a catalog system in the size that its name says."""
    return system(name)


@cache
def real(name: str) -> Model:
    """Return a model of the catalog."""
    return load_model(name)[0]


@cache
def of_block(block: Block) -> Model:
    """Return a model of four equal layers of a block; a layer of experts has an attention beside it and so on."""
    hidden = int(getattr(block, "hidden", 64))
    return Model(
        name=type(block).__name__, architecture="law", hidden=hidden, layers=(Layer("one", 4, (block,)),),
        embedding=Embedding(hidden, 1000), head=Head(hidden, 1000),
    )  # fmt: skip


@cache
def machine(name: str, model: str | Block, precision: tuple[tuple[str, str], ...] = ()) -> Machine:
    """Return a machine whose formats are those of a model."""
    on = machine_system(name)
    known = real(model) if isinstance(model, str) else of_block(model)
    return Machine(on, curves_for(on.chip), resolve(known, on.chip, dict(precision)).formats)


def scaled(on: System, what: str, factor: float) -> System:
    """Return a system with one kind of figure times a factor: bandwidth, compute, memory, link, power."""
    chip = on.chip
    if what == "bandwidth":
        chip = dataclasses.replace(chip, bandwidth_bytes_per_s=chip.bandwidth_bytes_per_s * factor)
    elif what == "compute":
        chip = dataclasses.replace(chip, peaks={k: v * factor for k, v in chip.peaks.items()})
    elif what == "memory":
        chip = dataclasses.replace(chip, memory_bytes=chip.memory_bytes * factor)
    elif what == "link":
        tiers = tuple(dataclasses.replace(t, bandwidth_bytes_per_s=t.bandwidth_bytes_per_s * factor) for t in on.tiers)
        inside = chip.on_package_bytes_per_s
        inside = inside or chip.link_bytes_per_s or chip.bandwidth_bytes_per_s / chip.ranks
        chip = dataclasses.replace(chip, on_package_bytes_per_s=inside * factor)
        return dataclasses.replace(on, chip=chip, tiers=tiers)
    elif what == "latency":
        tiers = tuple(dataclasses.replace(t, latency_s=t.latency_s / factor) for t in on.tiers)
        return dataclasses.replace(on, tiers=tiers)
    else:
        raise ValueError(what)
    return dataclasses.replace(on, chip=chip)


def better(m: Machine, what: str, factor: float) -> Machine:
    """Return a machine with one kind of figure times a factor."""
    on = scaled(m.system, what, factor)
    return Machine(on, curves_for(on.chip), m.formats, m.host)


def deployment(model: Model, m: Machine, workload: Workload | None = None, by: str | None = None) -> Deployment:
    """Return a deployment by an engine (the median one where none is named)."""
    return Deployment(model, m, engine(by, (), m.system.chip), workload or Workload())


POWERS = (1.0, 2.0, 4.0, 8.0)


@st.composite
def splits(draw: st.DrawFn, routed: bool = True, most: float = 64.0) -> Split:
    """Draw a split in powers of two; experts lie over tensor x data, two micro-batches only with data."""
    tensor, pipeline = draw(st.sampled_from(POWERS)), draw(st.sampled_from((1.0, 2.0, 4.0)))
    context = draw(st.sampled_from((1.0, 1.0, 2.0, 4.0)))
    data = draw(st.sampled_from(POWERS)) if routed else 1.0
    while tensor * pipeline * context * data > most:
        pipeline, context = 1.0, 1.0
        if tensor * data > most:
            data = max(1.0, data / 2)
            tensor = max(1.0, tensor / 2)
    stage = tensor * data
    sliced = draw(st.sampled_from(sorted({1.0, min(2.0, stage), stage}))) if routed else stage
    micro = draw(st.sampled_from((1.0, 2.0))) if data > 1 else 1.0
    return Split(tensor, pipeline, stage / sliced if routed else 1.0, sliced, data, context, micro)


@st.composite
def steps(draw: st.DrawFn) -> Load:
    """Draw what a step asks of one attention group whose experts serve it alone: decode, prefill or both."""
    kind = draw(st.sampled_from(("decode", "prefill", "both")))
    seqs = float(draw(st.integers(1, 400))) if kind != "prefill" else 0.0
    tokens = float(draw(st.integers(1, 8000))) if kind != "decode" else 0.0
    per_step = float(draw(st.integers(1, 3)))
    return Load(
        seqs, per_step, float(draw(st.integers(1, 100_000))) if seqs else 0.0, tokens,
        float(draw(st.integers(1, 50_000))) if tokens else 0.0, 1.0 if tokens else 0.0, seqs * per_step + tokens,
    )  # fmt: skip


def grown(load: Load, data: float) -> Load:
    """Return a load whose experts serve so many equal attention groups."""
    return dataclasses.replace(load, routed_tokens=load.routed_tokens * data)


def one_of_each_kind() -> Iterator[Block]:
    """Yield one block of each kind."""
    seen: set[type] = set()
    for block in ALL_BLOCKS:
        if type(block) not in seen:
            seen.add(type(block))
            yield block


def is_routed(block: Any) -> bool:
    """Tell whether a block has routed experts."""
    return isinstance(block, Moe)


def beside(block: Block) -> Model:
    """Return a model of a block with a feed-forward part beside it, for layouts that need one."""
    hidden = int(getattr(block, "hidden", 64))
    layer = Layer("one", 4, (block, Mlp(hidden, 96)))
    return Model(
        name=type(block).__name__, architecture="law", hidden=hidden, layers=(layer,), embedding=Embedding(hidden, 1000),
        head=Head(hidden, 1000),
    )  # fmt: skip


def sent(axis: ModuleType, block: Block, split: Split, load: Load, f: Formats) -> Iterator[Op]:
    """Yield what an axis puts before and after a block."""
    for side in ("before", "after"):
        yield from getattr(axis, side, lambda *_: ())(block, split, load, f)


FIGURES: tuple[str, ...] = ("seconds", "kernels", "network", "hidden", "compute", "memory")
"""Fields of a step."""
