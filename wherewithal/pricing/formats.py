"""Which number formats a deployment runs in: the checkpoint's, what was asked for, and what the chip has."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

from wherewithal.errors import InputError, unknown_name
from wherewithal.machine.system import Chip
from wherewithal.model.model import Model
from wherewithal.model.op import Formats, Stored

# Parts whose products are quantised when `weights=FORMAT` is asked for; ends, router and norms stay as they are.
QUANTISED = ("attention", "mlp", "experts", "shared")
ENDS = ("embedding", "head")


class Format(NamedTuple):
    """A number format: bits per weight with its scales, and the arithmetic that its products run in natively.

    `activations` is the format of its products' inputs, `native` that on chips that compute in the same arithmetic.
    `family` is the name under which answers and engines know it, whatever its scales are; `whole` says that the token
    embedding and the head are held in it too.
    """

    name: str
    bits: float
    arithmetic: str
    activations: str
    family: str
    native: str
    whole: bool = False


class Resolved(NamedTuple):
    """Formats of a deployment, their names as an answer shows them, and what had to be replaced."""

    formats: Formats
    weights: str
    activations: str
    kv: str
    notes: tuple[str, ...]


class Inputs(NamedTuple):
    """What an engine turns products' inputs into, by format of the weights, where it is not the format's own.

    `unpacked` on chips that do not compute in the weights' arithmetic, `native` on those that do.
    """

    unpacked: Mapping[str, str] = {}
    native: Mapping[str, str] = {}


NO_INPUTS = Inputs()


@functools.cache
def _table() -> Mapping[str, Mapping[str, object]]:
    file = resources.files("wherewithal.catalog") / "data" / "formats.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def names() -> list[str]:
    """Return the names of all formats."""
    return sorted(_table()["formats"])


def find(name: str, where: str = "--precision") -> Format:
    """Return a format by name.

    Raises:
        InputError: for an unknown one, with the nearest names.
    """
    row = _table()["formats"].get(name.lower())
    if not isinstance(row, Mapping):
        raise unknown_name(where, "number format", name, names(), "wherewithal help precision")
    arithmetic = str(row["arithmetic"])
    family = str(row.get("family", name.lower()))
    inputs = str(row.get("activations", "bf16"))
    own = str(row.get("native", inputs))
    return Format(name.lower(), float(str(row["bits"])), arithmetic, inputs, family, own, bool(row.get("whole")))


def native(chip: Chip, arithmetic: str) -> str:
    """Return the arithmetic that stands in for one that a chip lacks: the nearest that it has.

    Raises:
        InputError: where the chip has none of them.
    """
    order = [arithmetic, *(str(x) for x in _table()["nearest"].get(arithmetic, ()))]  # type: ignore[attr-defined]
    for name in order:
        if chip.peaks.get(name):
            return name
    raise InputError(chip.name, f"no peak rate for {arithmetic}", f"it knows {', '.join(chip.peaks) or 'none'}")


def resolve(
    model: Model, chip: Chip, asked: Mapping[str, str], by: Inputs = NO_INPUTS, kv_of_quantised: str = ""
) -> Resolved:
    """Return the formats of a deployment.

    Weights: what was asked for in the parts that quantisation touches, else the checkpoint's own; asked for by the name
    that its main part goes by, the checkpoint's own as well, with the parts that it leaves as they were.
    Products run in the arithmetic of their weights where the chip has it and the inputs are quantised too; weights whose arithmetic the
    chip lacks run in the nearest that it has (8-bit for 8-bit), else they are unpacked to 16 bits.

    Args:
        model: whose checkpoint it is.
        chip: whose peaks say what it computes in.
        asked: any of `weights`, `activations`, `kv`, to a format's name.
        by: what the engine turns the products' inputs into.
        kv_of_quantised: format of the KV cache that an engine keeps beside weights quantised for it, in other formats
            than the checkpoint's own and with 8- or 4-bit inputs; empty where it keeps 16 bits unless told.
    """
    stored = dict(model.stored)
    stored.setdefault("other", "bf16")
    form = find(asked["weights"]) if "weights" in asked else None
    other = form is not None and not _same(form, find(stored[_main_part(stored)]))
    if form is not None and other:
        stored.update(dict.fromkeys((*QUANTISED, *(ENDS if form.whole else ())), form.name))
    inputs = find(asked["activations"]).name if "activations" in asked else ""
    notes: list[str] = []
    parts: dict[str, Stored] = {}
    fed: dict[str, str] = {}
    for part, name in stored.items():
        given = inputs or ("" if other else model.activations)
        stored[part], fed[part], parts[part] = _stored(name, given, chip, notes, by)
    main = _main_part(stored)
    weights, activations = stored[main], inputs or fed[main]
    for_engine = kv_of_quantised if other and not parts[main].wide else ""
    kv = find(asked.get("kv") or model.kv or for_engine or "bf16")
    core = native(chip, "bf16")
    core = str(_table()["cache"].get(f"{core} {kv.arithmetic}", core))
    parts, core = _placed(parts, core, chip.kind)
    formats = Formats(parts=parts, activation_bits=find(activations).bits, kv_bits=kv.bits, attention=core)
    return Resolved(formats, find(weights).family, find(activations).family, kv.family, tuple(dict.fromkeys(notes)))


def _main_part(stored: Mapping[str, str]) -> str:
    """Return the part whose format a checkpoint is named after: its experts, else its MLP, else what it has."""
    main = max(QUANTISED, key=lambda p: (p in stored, p == "experts", p == "mlp"))
    return main if main in stored else "other"


def _same(asked: Format, own: Format) -> bool:
    """Return whether a checkpoint is in the format asked for, by its own name or by that of its family."""
    return asked.name in (own.name, own.family)


def _placed(parts: dict[str, Stored], core: str, kind: str) -> tuple[dict[str, Stored], str]:
    """Return parts and the attention core as a kind of chip runs them where weights in blocks are among the parts."""
    places: Mapping[str, Mapping[str, object]] = _table()["places"]  # type: ignore[assignment]
    for place in places.values():
        blocks = {p.arithmetic for p in parts.values()} & set(place)
        if kind in place["kinds"] and blocks:  # type: ignore[operator]
            moved = {n: Stored(p.bits, str(place.get(p.arithmetic, p.arithmetic))) for n, p in parts.items()}
            return moved, str(place.get("attention", core))
    return parts, core


def _exact(model: Model, parts: dict[str, Stored]) -> dict[str, Stored]:
    """Return parts scaled so that they weigh what the file's own tensors do."""
    counts = model.parameters_by_part(towers=True)
    said = sum(count * (parts.get(part) or parts["other"]).bits / 8 for part, count in counts.items())
    scale = (model.weight_bytes or said) / said
    return {name: Stored(stored.bits * scale, stored.arithmetic) for name, stored in parts.items()}


def _stored(name: str, inputs: str, chip: Chip, notes: list[str], by: Inputs = NO_INPUTS) -> tuple[str, str, Stored]:
    """Return the format that a part is held in, that of its products' inputs, and how it is computed with.

    A checkpoint in an 8-bit format that the chip lacks is converted once to the one that it has; what was replaced is
    said.
    """
    form, table = find(name), _table()
    form = form._replace(activations=by.unpacked.get(name, form.activations), native=by.native.get(name, form.native))
    own = bool(chip.peaks.get(form.arithmetic))
    fed = find(inputs or (form.native if own else form.activations))
    blockwise = table["blockwise"].get(form.native if own else form.activations)
    mixed = table["mixed"].get(f"{form.arithmetic} {fed.arithmetic}") if own else None
    if mixed and not blockwise:
        return name, fed.name, Stored(form.bits, str(mixed))
    wanted = form.arithmetic if fed.arithmetic == form.arithmetic else fed.arithmetic
    run = native(chip, wanted)
    if blockwise and not inputs:
        return name, fed.name, Stored(form.bits, str(blockwise))
    if run == "bf16":
        if run != wanted:
            notes.append(f"{chip.name} has no {wanted} arithmetic: {name} weights run in {run} after unpacking")
        return name, run, Stored(form.bits, str(table["unpacked"].get(form.arithmetic, run)))
    if run == wanted:
        return (
            name,
            fed.name,
            Stored(form.bits, str(table["scaled"].get(form.name, run)) if run == form.arithmetic else run),
        )
    notes.append(f"{chip.name} has no {wanted} arithmetic: {name} weights are converted to {run}")
    return run, run, Stored(find(run).bits, run)
