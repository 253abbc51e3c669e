"""The import loses nothing: the catalog against the collected tables beside the repository."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import import_models
from tools.import_catalog import binary, kebab
from wherewithal.catalog import load
from wherewithal.units import parse


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1), st.sets(st.integers(0, 99), min_size=1))
def test_condensing_is_lossless(pairs: set[tuple[int, int]], singles: set[int]) -> None:
    names = [f"layers.{a}.mlp.{b}.w" for a, b in pairs] + [f"blocks.{n}.attn*" for n in singles] + ["lm_head", "re:.*x"]
    folded = import_models.condense(names, 0)
    assert sorted(load.unfold(folded)) == sorted(names)
    assert len(folded) <= len(names)


def test_all_experts_become_one_star() -> None:
    names = [f"layers.{a}.experts.{b}.w" for a in range(3) for b in range(4)]
    assert import_models.condense(names, 4) == ["layers.{0-2}.experts.*.w"]
    assert import_models.condense(names, 5) == ["layers.{0-2}.experts.{0-3}.w"]


def test_bytes_are_written_exactly() -> None:
    for count in (80 * 2**30, 97871 * 2**20, 230_000_000, 153_008_209_920, 123_456_789_123):
        assert parse(binary(count), "bytes", "x") == count


def test_infinities_are_refused_where_they_matter() -> None:
    assert import_models.trim({"time_step_limit": [0.0, float("inf")], "hidden_size": 4, "rope_scaling": None}) == {
        "hidden_size": 4, "rope_scaling": None}  # fmt: skip
    with pytest.raises(ValueError, match="infinity"):
        import_models.trim({"hidden_size": float("inf")})


@pytest.mark.shared
def test_every_chip_keeps_every_figure(shared_data: Path) -> None:
    fields = {"bandwidth": "bytes_per_s", "power": "w", "link": "bytes_per_s"}
    table = rows(shared_data / "chips.csv")
    assert {r["name"] for r in table} == set(load.names("chips"))
    for row in table:
        chip = load.record("chips", row["name"])
        weak = set(row["unverified_fields"].split())
        for field, unit in fields.items():
            stated = getattr(chip, field)
            assert bool(row[field]) == (stated is not None), (row["name"], field)
            if stated:
                assert stated.figure.value == parse(row[field], unit, "x")
                assert (stated.known == "unverified") == (field in weak or row["status"] == "unverified")
        assert (chip.memory.figure.value if chip.memory else None) == (
            float(row["memory_bytes"]) if row["memory_bytes"] else None
        )
        if chip.memory and ("memory" in weak or row["memory_bytes_status"] == "unverified"):
            assert chip.memory.known == "unverified"
        assert bool(chip.memory_nominal) == bool(row["memory_nominal"])
        assert chip.ranks.figure.value == int(row["ranks"])
        for field in ("bf16", "fp8", "fp4", "int8", "int4"):
            stated = chip.peak.get(field) or (chip.peak.get("fp16") if field == "bf16" else None)
            assert bool(stated) == bool(row[field]), (row["name"], field)
            if stated:
                assert stated.figure.value == parse(row[field], "flops_per_s", "x")
                assert (stated.known == "unverified") == (field in weak or row["status"] == "unverified")


@pytest.mark.shared
def test_every_system_keeps_every_row(shared_data: Path) -> None:
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows(shared_data / "systems.csv"):
        groups.setdefault(row["name"], []).append(row)
    groups.pop("generic")
    assert set(groups) == set(load.names("systems"))
    for name, table in groups.items():
        system = load.record("systems", name)
        built = [r for r in table if r["what"] in ("bandwidth", "latency") and r["tier"] != "none"]
        assert len(built) == 2 * len(system.tiers)
        for row in built:
            tier = system.tiers[kebab(row["tier"]).replace(".", "-")]
            stated = getattr(tier, row["what"])
            assert stated.figure.value == parse(row["value"], stated.figure.unit, "x")
            assert stated.known == row["status"]
            assert str(tier.chips) == row["tier_size"]
        rest = [r for r in table if r["what"] not in ("node_size", "power", "bandwidth", "latency")]
        assert len(rest) == len(system.evidence)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{path}.{key}").items()} or {path: {}}
    return {path: value}


@pytest.mark.shared
def test_every_config_keeps_all_but_irrelevant_keys(shared_data: Path) -> None:
    table = rows(shared_data / "models.csv")
    assert {r["name"] for r in table} == set(load.names("models"))
    dropped: set[str] = set()
    for row in table:
        folder = "models_derived" if row["config_kind"] == "derived" else "models"
        given = _flat(json.loads((shared_data / folder / f"{row['name']}.json").read_text(encoding="utf-8")))
        kept = load.model_record(row["name"])
        assert kept["published"] == (row["config_kind"] != "derived")
        mine = _flat(kept["config"])
        for path, value in given.items():
            if path in mine:
                if isinstance(value, list) and "quantization_config" in path and value and isinstance(value[0], str):
                    assert set(value) == set(mine[path]) or any("*" in v for v in mine[path]), (row["name"], path)
                else:
                    assert value == mine[path], (row["name"], path)
            elif "quantization_config" not in path:
                dropped.add(path.rsplit(".", 1)[-1])
    risky = (
        "hidden",
        "head",
        "layer",
        "expert",
        "intermediate",
        "vocab",
        "rank",
        "window",
        "state",
        "conv",
        "expand",
        "quant",
    )
    allowed = {"cross_attention_hidden_size", "output_hidden_states", "pruned_heads"}  # no text model has these
    assert {d for d in dropped if any(w in d for w in risky) and "dropout" not in d} <= allowed


@pytest.mark.shared
def test_every_price_is_there(shared_data: Path) -> None:
    folder = load.builtin() / "prices"
    count = sum(len(load.read_csv(p)) for p in folder.iterdir() if p.name != "exchange.csv")
    assert count == len(rows(shared_data / "prices.csv"))


@pytest.mark.shared
def test_every_quantised_file_is_there(shared_data: Path) -> None:
    count = len(load.names("checkpoints")) + sum(
        "hf_quant_config" in load.raw("models", n) for n in load.names("models")
    )
    assert count == len(list((shared_data / "models_quant").glob("*.json")))
