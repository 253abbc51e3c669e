"""Prints counted against published parameters of every model in the catalog, worst first.

Run as `python -m tools.parameter_table`; a path to a folder of records reads those instead.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wherewithal.model.model import CONVENTIONS, Model
from wherewithal.model.read import read_config

RECORDS = Path(__file__).resolve().parent.parent / "wherewithal" / "catalog" / "data" / "models"


class Row(NamedTuple):
    """One model: counted and published parameters, the errors, and why they differ where they do.

    Attributes:
        name: catalog name.
        counted, published: parameters in all; with towers or draft layers where that is what was published.
        error: counted / published - 1.
        exact: whether the published total is exact.
        active, active_published: parameters that a token meets, by the publisher's convention.
        active_error: active / active_published - 1.
        active_exact: whether the published active count is exact.
        kv, kv_published: KV bytes per token.
        why: reason of a difference of more than 0.5% (total) or 2% (active).
    """

    name: str
    counted: float
    published: float | None
    error: float | None
    exact: bool
    active: float
    active_published: float | None
    active_error: float | None
    active_exact: bool
    kv: float
    kv_published: float | None
    why: str


def records(folder: Path = RECORDS) -> Iterator[dict[str, Any]]:
    """Yield the records of all models, by name."""
    for path in sorted(folder.glob("*.json")):
        yield json.loads(path.read_text("utf-8"))


def model_of(record: dict[str, Any]) -> Model:
    """Return the model of a record."""
    return read_config(
        record["config"], record["name"], record.get("hf_quant_config"), record["name"], published=record["published"]
    )


def row(record: dict[str, Any]) -> Row:
    """Return the row of one record."""
    facts, model = record.get("parameters", {}), model_of(record)
    published = facts.get("total_params") or facts.get("listed_total")
    counted, scope = closest(model, published)
    stated = facts.get("active_params") or facts.get("listed_active")
    if stated == published and facts.get("active_exactness") != "exact":
        stated = None  # a dense model: the total says it already
    active, convention = _active(model, facts.get("active_convention", ""), stated)
    kv_bits = 8.0 if facts.get("kv_dtype_published") == "fp8" else 16.0
    error = counted / published - 1 if published else None
    active_error = active / stated - 1 if stated else None
    return Row(
        record["name"], counted, published, error, facts.get("total_exactness") == "exact", active, stated, active_error,
        facts.get("active_exactness") == "exact", model.kv_bytes_per_token(kv_bits),
        facts.get("kv_bytes_per_token_published"), _why(record, error, active_error, f"{scope} {convention}".strip()),
    )  # fmt: skip


def closest(model: Model, published: float | None) -> tuple[float, str]:
    """Return the count nearest to the published one: the language model alone, with towers, with draft layers."""
    counts = {
        "": model.parameters,
        "with towers": sum(model.parameters_by_part().values()),
        "with draft layers": sum(model.parameters_by_part(draft=True, towers=False).values()),
        "with towers and draft layers": sum(model.parameters_by_part(draft=True).values()),
        "head stored apart": model.parameters + model.hidden * model.head.vocab * model.head.tied,
    }
    if not published:
        return counts[""], ""
    best = min(counts, key=lambda scope: (round(abs(counts[scope] / published - 1), 4), len(scope)))
    return counts[best], best


def _active(model: Model, convention: str, stated: float | None) -> tuple[float, str]:
    if convention in CONVENTIONS:
        return model.active_by(convention), convention if convention != "all" else ""
    counts = {c: model.active_by(c) for c in CONVENTIONS}
    if not stated:
        return counts["all"], ""
    best = min(counts, key=lambda c: abs(counts[c] / stated - 1))
    return counts[best], best if best != "all" else ""


REASONS = {
    "recurrentgemma-2b": "derived from class defaults (width 7,680 is halved by the class, 10 KV heads); the checkpoint has 15,360 and 1",
    "zamba2-2.7b": "derived from class defaults: one shared block; the checkpoint alternates two",
    "openpangu-embedded-7b": "the 7B of its name leaves out embedding and head",
    "falcon-h1-7b": "published figure is its name",
    "falcon-h1-0.5b": "published figure is its name",
    "olmo-hybrid-7b": "published figure is its name",
    "nemotron-3.5-lightning-30b-a3b-nvfp4": "published figure is its name",
    "gemma-4-e2b": "audio tower's convolutions are not counted",
    "ministral-3-8b": "the file has no vision part",
    "mistral-small-3.2-24b": "the file has no vision part",
    "molmo-7b-d": "the file has no vision part",
    "llama-4-scout": "the file has no vision part",
    "llama-4-scout-fp8": "the file has no vision part",
    "step-3.7-flash": "the file misses the head count of its sliding layers and the vision part",
    "step-3.7-flash-fp8": "the file misses the head count of its sliding layers and the vision part",
}
"""Why a publisher's figure differs by more than 0.5% from the count, where the record alone does not say."""


def _why(record: dict[str, Any], error: float | None, active_error: float | None, scope: str) -> str:
    big = (error is not None and abs(error) > 0.005) or (active_error is not None and abs(active_error) > 0.02)
    facts = record.get("parameters", {})
    rounded = facts.get("total_exactness", "rounded") != "exact"
    own = REASONS.get(record["name"], "")
    parts = [scope, own if big else "", "published figure is rounded" if big and rounded and not own else ""]
    return "; ".join(p for p in parts if p)


def worst_first(rows: list[Row]) -> list[Row]:
    """Return rows by error of the total, exact ones first."""
    return sorted(rows, key=lambda r: (-r.exact, -abs(r.error or 0.0), -abs(r.active_error or 0.0), r.name))


def line(r: Row) -> str:
    """Return one row as text."""
    return (
        f"{r.name:38s} {r.counted:20,.0f} {_show(r.published):>20s} {_percent(r.error):>8s} {'exact' if r.exact else '':5s} "
        f"{r.active / 1e9:9.3f} {_show((r.active_published or 0) / 1e9 or None, 3):>9s} {_percent(r.active_error):>8s} "
        f"{r.kv:9,.0f} {_show(r.kv_published):>8s}  {r.why}"
    )


def _show(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:+.2f}%"


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    print(
        f"{'model':38s} {'counted':>20s} {'published':>20s} {'error':>8s} {'':5s} {'active G':>9s} {'published':>9s} {'error':>8s} {'KV B/tok':>9s} {'publ.':>8s}  why"
    )
    for r in worst_first([row(record) for record in records(folder)]):
        print(line(r))


if __name__ == "__main__":
    main()
