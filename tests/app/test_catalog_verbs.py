"""`catalog`: listings, records with their sources, checks, additions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.conftest import Ran
from wherewithal.catalog import load

Run = Callable[..., Ran]
CHIP = """\
label = "Mine"
maker = "Me"
country = "NL"
class = "accelerator"
as_of = "2026-11-24"
ranks = {is = "1", known = "assumed", from = "my own bench"}
memory = {is = "48 GB", known = "read", from = "my own bench"}
bandwidth = {is = "900 GB/s", known = "estimated", from = "my own bench"}
power = {is = "300 W", known = "read", from = "my own bench"}
[peak]
bf16 = {is = "200 TFLOP/s", known = "read", from = "my own bench"}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of additions with one chip; no folder of the user's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "mine"
    (folder / "chips").mkdir(parents=True)
    (folder / "chips" / "my-chip.toml").write_text(CHIP, encoding="utf-8")
    return folder


@pytest.mark.parametrize("kind", ["chips", "systems", "models"])
def test_every_record_is_listed(kind: str, run: Run) -> None:
    ran = run("catalog", "list", kind, "--json")
    assert ran.code == 0
    assert [row["name"] for row in json.loads(ran.out)["rows"]] == load.names(kind)
    text = run("catalog", "list", kind)
    assert max(map(len, text.out.splitlines())) <= 100
    assert len(text.out.splitlines()) == 1 + len(load.names(kind))


@pytest.mark.parametrize("kind", ["chip", "workloads", "defaults", "sources", "engines", "prices", "checkpoints"])
def test_other_kinds_can_be_listed(kind: str, run: Run) -> None:
    ran = run("catalog", "list", kind, "--csv")
    assert ran.code == 0
    assert len(list(csv.DictReader(io.StringIO(ran.out)))) > 2


def test_every_figure_is_shown_with_its_source(run: Run) -> None:
    name = load.names("chips")[20]
    ran = run("catalog", "show", name, "--json")
    document = json.loads(ran.out)
    assert document["name"] == name
    assert document["figures"]
    assert all(f["source"] and f["known"] for f in document["figures"])
    assert {f["source"] for f in document["figures"]} == {s["source"] for s in document["sources"]}
    text = run("catalog", "show", name, "--sources")
    assert "Sources:" in text.out


def test_whole_numbers_are_not_rounded(run: Run) -> None:
    rows = json.loads(run("catalog", "list", "systems", "--json").out)["rows"]
    largest = max(
        (r for r in rows if r["node"].rstrip("?").replace(",", "").isdigit()),
        key=lambda r: int(r["node"].rstrip("?").replace(",", "")),
    )
    held = load.record("systems", largest["name"]).node.figure.value
    assert int(largest["node"].rstrip("?").replace(",", "")) == held


def test_additions_are_listed_shown_and_checked(mine: Path, run: Run) -> None:
    assert "my-chip" in run("catalog", "list", "chips", "--catalog", str(mine)).out
    assert "900 GB/s" in run("catalog", "show", "my-chip", "--catalog", str(mine)).out
    ran = run("catalog", "check", str(mine))
    assert ran.code == 0, ran.out
    assert ran.out.startswith("No problem in 1 file")


def test_all_problems_of_an_addition_are_listed(mine: Path, run: Run) -> None:
    path = mine / "chips" / "my-chip.toml"
    path.write_text(CHIP.replace("900 GB/s", "900 GBs").replace('"200 TFLOP/s"', '"fast"'), encoding="utf-8")
    ran = run("catalog", "check", str(mine))
    assert ran.code == 1
    assert ran.out.startswith("2 problems")
    assert "bandwidth" in ran.out
    assert "peak.bf16" in ran.out


def test_add_copies_a_sound_file_only(mine: Path, tmp_path: Path, run: Run) -> None:
    source = mine / "chips" / "my-chip.toml"
    target = tmp_path / "other"
    words = ("catalog", "add", "chip", str(source), "--to", str(target))
    assert run(*words).code == 0
    copied = target / "chips" / "my-chip.toml"
    assert copied.read_text(encoding="utf-8") == CHIP
    again = run(*words)
    assert again.code == 2
    assert "--force" in again.err
    assert run(*words, "--force").code == 0
    source.write_text(CHIP.replace("48 GB", "48"), encoding="utf-8")
    broken = run(*words, "--force")
    assert broken.code == 2
    assert "memory" in broken.err
    assert copied.read_text(encoding="utf-8") == CHIP


def test_where_says_which_folders_are_searched(mine: Path, run: Run) -> None:
    rows = json.loads(run("catalog", "where", "--catalog", str(mine), "--json").out)["folders"]
    assert rows[0] == {"folder": str(mine), "exists": "yes"}
    assert rows[-1]["exists"] == "yes"


def test_an_alias_is_said_to_be_one(run: Run) -> None:
    own = {*load.names("chips"), *load.names("systems"), *load.names("models"), ""}
    alias = next(a for a in load.aliases("chips") if a.name and a.relation == "exact" and a.alias.lower() not in own)
    document = json.loads(run("catalog", "show", alias.alias, "--json").out)
    assert document["name"] == alias.name
    assert document["note"]
