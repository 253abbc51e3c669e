"""The shapes of a model's layers: of a GGUF file tensor by tensor, else as the plan's operators have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from wherewithal.axes.split import Split
from wherewithal.engine import program
from wherewithal.measure.probe.sizes import Like, Shape
from wherewithal.model.gguf_header import Tensor, read_header
from wherewithal.model.load import load_model
from wherewithal.model.model import Model
from wherewithal.model.op import Formats, Load, Stored

# ggml's names of formats that the catalog spells otherwise.
_CATALOG = {"f32": "fp32", "f16": "fp16"}
_ENDS = ("token_embd.weight", "output.weight")


def like(text: str, dirs: Sequence[Path] = ()) -> Like:
    """Return the shapes of a model by catalog name or path.

    Args:
        text: as `wherewithal.model.load.load_model` takes it.
        dirs: the user's catalog folders.

    Raises:
        InputError: nothing is known by that name, or the file is no model.
    """
    model, _ = load_model(text, dirs)
    if Path(text).suffix.lower() == ".gguf":
        shapes = tuple(_tensors(Path(text), model))
    else:
        shapes = tuple(_operators(model))
    weight_bytes = model.weight_bytes or 2.0 * sum(s.n * s.k * s.count * max(1, s.experts) for s in shapes)
    return Like(shapes, tuple(_heads(model)), model.hidden, model.head.vocab, weight_bytes)


def _tensors(path: Path, model: Model) -> Iterator[Shape]:
    """Yield the matrices of a file in the formats that they are stored in, the most frequent first."""
    header = read_header(path)
    used = max((int(getattr(b, "per_token", 0)) for _, b in model.body()), default=0)
    tied = not any(t.name == "output.weight" for t in header.tensors)
    counts: Counter[tuple[int, int, str, int]] = Counter()
    for t in header.tensors:
        if _multiplies(t, tied):
            k, n, *rest = t.shape
            counts[n, k, _CATALOG.get(t.type, t.type), rest[0] if rest else 0] += 1
    for (n, k, form, experts), count in counts.most_common():
        yield Shape(n, k, form, count, experts, used if experts else 0)


def _multiplies(t: Tensor, tied: bool) -> bool:
    """Whether a tensor is a matrix that rows are multiplied with: the token table only where it is the head too."""
    if not 2 <= len(t.shape) <= 3 or min(t.shape) < 8 or not t.name.endswith(".weight"):
        return False
    return t.name not in _ENDS or t.name == "output.weight" or tied


def _operators(model: Model) -> Iterator[Shape]:
    """Yield the matrices of a plan's operators for one token on one rank; their format is left open."""
    form = Formats({"other": Stored(16.0, "bf16")})
    load = Load(1.0, 1.0, 128.0, 1.0, 1.0, 1.0, 1.0)
    counts: Counter[tuple[int, int, int]] = Counter()
    used = max((int(getattr(b, "per_token", 0)) for _, b in model.body()), default=0)
    whole = max((int(getattr(b, "experts", 0)) for _, b in model.body()), default=0)
    for term in program(model, Split(), load, form):
        if term.op.kind in ("matmul", "grouped_matmul"):
            experts = whole if term.op.kind == "grouped_matmul" else 0
            n, k = (int(float(x)) for x in term.op.sizes[1:3])
            counts[n, k, experts] += int(float(term.times))
    for (n, k, experts), count in counts.most_common():
        yield Shape(n, k, "", count, experts, used if experts else 0)


def _heads(model: Model) -> Iterator[tuple[int, int, int]]:
    """Yield (query heads, KV heads, head size) of the attention layers, each once."""
    seen: set[tuple[int, int, int]] = set()
    for _, block in model.body():
        found = tuple(int(getattr(block, n, 0)) for n in ("heads", "kv_heads", "head_dim"))
        if len(found) == 3 and all(found) and found not in seen:
            seen.add(found)
            yield found
