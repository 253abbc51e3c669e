"""From a name, a file or `--set` to a machine in plain numbers."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherewithal.catalog import load as catalog
from wherewithal.errors import FileProblems, InputError, WherewithalError
from wherewithal.figure import KNOWN
from wherewithal.machine.load import Part, chip, parse_on, split_size, system
from wherewithal.machine.override import apply, pairs

STATED = 'known = "read", from = "my own sheet"'
OWN = f"""
label = "My box"
node = {{is = "2", {STATED}}}
power = {{is = "1 kW", {STATED}}}

[chip]
label = "Mine"
maker = "Me"
country = "FR"
class = "workstation-gpu"
ranks = {{is = "2", {STATED}}}
memory = {{is = "64 GiB", {STATED}}}
bandwidth = {{is = "2 TB/s", known = "estimated", from = "my own sheet"}}
link = {{is = "31 GB/s", {STATED}}}
peak.fp16 = {{is = "200 TFLOP/s", {STATED}}}

[tiers.bridge]
chips = 2
bandwidth = {{is = "100 GB/s", {STATED}}}
latency = {{is = "2 us", {STATED}}}
"""


@pytest.fixture(autouse=True)
def no_user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's real additions out of tests."""
    monkeypatch.setattr("wherewithal.catalog.load.user_folder", lambda: tmp_path / "none")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a user's own system file."""
    path = tmp_path / "My Box.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def one_with(test: str) -> str:
    """Return a catalog system with something about it, so that tests name none."""
    for name in catalog.names("systems"):
        record = catalog.record("systems", name)
        held = catalog.record("chips", record.chip)
        if not held.memory or not held.bandwidth or not {"bf16", "fp16", "fp8"} & set(held.peak):
            continue
        facts = {
            "free": record.free_size,
            "two tiers": len(record.tiers) >= 2 and not record.free_size,
            "card alone": not record.tiers and held.kind == "consumer-gpu",
            "alone": not record.tiers and held.kind == "accelerator",
            "closed": bool(record.tiers)
            and math.isfinite(list(record.tiers.values())[-1].size)
            and not record.free_size,
            "no power": record.power is None and held.power is not None and not record.free_size,
        }
        if facts[test]:
            return name
    raise AssertionError(test)


def test_every_usable_system_builds_and_says_how_well_it_is_known() -> None:
    built, refused = 0, []
    for name in catalog.names("systems"):
        try:
            found = system(name, chips=16)
        except InputError as error:
            refused.append(str(error))
            continue
        built += 1
        assert found.chips == 16
        assert found.tiers[-1].chips >= 16
        assert [t.chips for t in found.tiers] == sorted(t.chips for t in found.tiers)
        assert {"chip.memory", "chip.bandwidth", "system.node"} <= set(found.figures)
        assert all(f.source and f.known in KNOWN for f in found.figures.values())
        assert found.chip.peaks["bf16"] > 0
        assert found.chip.figures["chip.memory"].value == found.chip.memory_bytes
    assert built > 130
    assert all("is not usable yet" in line for line in refused)


def test_one_of_what_the_name_sells() -> None:
    name = one_with("two tiers")
    one = system(name)
    assert one.chips == one.node_chips
    assert system(f"{name}:3").chips == 3
    assert system(name, 3) == system(f"{name}:3")
    far = system(name, 10_000_000)
    assert far.tiers == one.tiers
    assert math.isinf(far.tiers[-1].chips)


def test_a_pod_of_free_size_needs_a_number() -> None:
    name = one_with("free")
    with pytest.raises(InputError, match=f"{name} is sold in any size; write {name}:N"):
        system(name)
    assert system(f"{name}:8").chips == 8


def test_a_chips_name_is_the_node_of_its_usual_system() -> None:
    for name in catalog.names("chips")[:40]:
        record = catalog.record("chips", name)
        if record.usual_system and record.memory and record.bandwidth and "bf16" in record.peak:
            usual = catalog.record("systems", record.usual_system)
            found = system(name, None if not usual.free_size else 4)
            assert found.name == record.usual_system
            assert found.chip.name == name
            assert f"{name} stands for its usual system, {record.usual_system}" in found.notes


def test_a_chip_without_a_system_is_one_in_a_machine_of_its_own() -> None:
    name = next(
        n for n in catalog.names("chips") if (r := catalog.record("chips", n)).memory and not r.usual_system and r.peak
    )
    found = system(name)
    assert (found.name, found.chips, found.tiers) == (f"{name}-1", 1, ())
    assert any("one chip in a machine of its own" in note for note in found.notes)


def test_what_joins_chips_that_nothing_joins() -> None:
    card = system(one_with("card alone"), 2)
    assert [t.name for t in card.tiers] == ["slots"]
    assert card.tiers[0].bandwidth_bytes_per_s == card.chip.link_bytes_per_s
    many = system(one_with("card alone"), 64)
    assert [t.name for t in many.tiers] == ["slots", "joining"]
    alone = system(one_with("alone"), 2)
    assert [t.name for t in alone.tiers] == ["joining"]
    assert alone.figures["system.tiers.joining.bandwidth"].known == "assumed"
    assert any("nothing is known that joins" in note for note in alone.notes)
    assert system(one_with("alone"), 1).tiers == ()
    closed = system(one_with("closed"), 1000)
    assert closed.tiers[-1].name == "joining"


def test_power_is_guessed_and_said() -> None:
    found = system(one_with("no power"))
    figure = found.figures["system.power"]
    assert figure.known in ("estimated", "unverified")
    assert found.chip.power_w is not None
    assert found.node_power_w == pytest.approx(found.node_chips * found.chip.power_w * 1.25)
    assert any("power of" in note for note in found.notes)


def test_another_chip_in_its_place() -> None:
    name, other = one_with("two tiers"), "mi300x"
    found = system(name, other_chip=other)
    assert (found.name, found.chip.name) == (name, other)
    assert any("stands in the place of" in note for note in found.notes)


def test_a_file_of_ones_own(own: Path) -> None:
    found = system(str(own))
    assert (found.name, found.chip.name, found.chips, found.chip.ranks) == ("My Box", "My Box", 2, 2)
    assert found.chip.peaks == {"fp16": 200e12, "bf16": 200e12}
    assert found.node_power_w == 1000
    assert found.host is not None
    assert found.host.link_bytes_per_s == 31e9
    assert found.figures["chip.bandwidth"].known == "estimated"
    assert system(f"{own}:5").tiers[-1].name == "joining"


def test_a_file_that_names_a_catalog_chip(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    text = OWN[: OWN.index("[chip]")].replace('label = "My box"', 'label = "My box"\nchip = "H100"')
    path.write_text(text, encoding="utf-8")
    found = system(str(path))
    assert found.chip.name.startswith("h100")
    assert any("is taken as" in note for note in found.notes)
    path.write_text(text.replace("H100", "h1000"), encoding="utf-8")
    with pytest.raises(InputError, match=r"x\.toml: chip: no chip named 'h1000'; did you mean"):
        system(str(path))


def test_a_wrong_file_says_where(own: Path) -> None:
    own.write_text(OWN.replace("64 GiB", "64 Gib/s").replace("2 us", "2"), encoding="utf-8")
    with pytest.raises(FileProblems) as error:
        system(str(own))
    assert str(error.value).startswith("My Box.toml: tiers.bridge.latency:")
    with pytest.raises(InputError, match="no such file"):
        system(str(own.with_name("none.toml")))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a-8", [("all", "a-8", None)]),
        ("a-8:32", [("all", "a-8", 32)]),
        ("prefill=a-8:32,decode=b-4:64", [("prefill", "a-8", 32), ("decode", "b-4", 64)]),
        ("prefill=a:1_000, decode=b", [("prefill", "a", 1000), ("decode", "b", None)]),
        ("C:\\boxes\\mine.toml:4", [("all", "C:\\boxes\\mine.toml", 4)]),
        ("C:\\boxes\\mine.toml", [("all", "C:\\boxes\\mine.toml", None)]),
    ],
)
def test_what_on_means(text: str, parts: list[tuple[str, str, int | None]]) -> None:
    assert parse_on(text) == [Part(*part) for part in parts]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "--on: names no system; wherewithal catalog list systems"),
        ("a:0", "--on: 0 chips; must be a whole number between 1 and 10,000,000"),
        ("a:-3", "--on: 'a:-3': '-3' is not a number of chips; write SYSTEM:N, e.g. NAME:32"),
        ("a:1e3", "--on: 'a:1e3': '1e3' is not a number of chips; write SYSTEM:N, e.g. NAME:32"),
        ("a:", "--on: 'a:': '' is not a number of chips; write SYSTEM:N, e.g. NAME:32"),
        (":8", "--on: ':8': '8' is not a number of chips; write SYSTEM:N, e.g. NAME:32"),
        ("a:99999999", "--on: 1e+08 chips; must be a whole number between 1 and 10,000,000"),
        ("train=a:8", "--on: no role 'train'; roles: prefill, decode, attention, ffn, all"),
        ("prefill=a,prefill=b", "--on: 'prefill=a,prefill=b' names a role twice; write each role once"),
        ("prefill=a,b", None),
    ],
)
def test_what_on_refuses(text: str, line: str | None) -> None:
    if line is None:
        assert parse_on(text) == [Part("prefill", "a", None), Part("all", "b", None)]
        return
    with pytest.raises(InputError) as error:
        parse_on(text)
    assert str(error.value) == line


@given(st.text(max_size=30))
@settings(max_examples=200)
def test_no_text_is_a_traceback(text: str) -> None:
    line = ""
    try:
        for part in parse_on(text):
            system(part.name, part.chips)
    except WherewithalError as error:
        line = str(error)
    assert "\n" not in line


def test_an_unusable_chip_names_the_figure() -> None:
    for name in catalog.names("chips"):
        record = catalog.record("chips", name)
        if record.memory is None:
            with pytest.raises(
                InputError, match=f"{name} is not usable yet: its memory size is not known; --set chip.memory="
            ):
                chip(name)
        elif record.bandwidth is None:
            with pytest.raises(InputError, match="its memory bandwidth is not known"):
                chip(name)
        elif not {"bf16", "fp16", "fp8"} & set(record.peak):
            with pytest.raises(InputError, match="its bf16 peak is not known"):
                chip(name)
            assert chip(name, overrides=["chip.peak.bf16=10TFLOP/s"]).peaks["bf16"] == 10e12


def test_a_missing_16_bit_peak_is_half_the_fp8_one_and_said() -> None:
    name = next(
        n for n in catalog.names("chips")
        if (r := catalog.record("chips", n)).memory and r.bandwidth and "fp8" in r.peak and not {"bf16", "fp16"} & set(r.peak)
    )  # fmt: skip
    found = system(name, 4)
    assert found.chip.peaks["bf16"] == found.chip.peaks["fp8"] / 2
    assert found.figures["chip.peak.bf16"].known in ("estimated", "unverified", "assumed")
    assert any("half its fp8 peak" in note for note in found.notes)


def test_setting_figures() -> None:
    name = one_with("two tiers")
    before = system(name)
    tier = before.tiers[0].name
    sets = ["chip.memory=80GB", "chip.peak.fp8=1 PFLOP/s", 'chip.power="123 W"', f"system.tiers.{tier}.bandwidth=1GB/s",
            "host.memory=1TB", "model.layers=3", ("system.power", "9kW"), f"system.tiers.{tier}.chips=4"]  # fmt: skip
    found = system(name, overrides=sets)
    assert (found.chip.memory_bytes, found.chip.peaks["fp8"], found.chip.power_w) == (80e9, 1e15, 123)
    assert found.tiers[0].bandwidth_bytes_per_s == 1e9
    assert found.tiers[0].chips == 4
    assert found.host is not None
    assert (found.host.memory_bytes, found.node_power_w) == (1e12, 9000)
    assert found.figures["chip.memory"].known == "assumed"
    assert len(found.overridden) == 7
    assert found.overridden["chip.memory"][1] == "80GB"
    assert found.overridden["chip.memory"][0] != ""
    assert system(name) == before


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ("chip.memry=8GB", "--set: no figure 'chip.memry'; did you mean chip.memory"),
        ("chip.memory=80", '--set chip.memory: "80" has no unit; write 80GB or 80GiB'),
        ("chip.memory", "--set: 'chip.memory' is not PATH=VALUE; write for example chip.memory=80GB"),
        ("chip.power=-3W", '--set chip.power: "-3W": out of range; must be at least 1 mW'),
        (
            "chip.shared_memory=maybe",
            "--set chip.shared_memory: 'maybe' is neither true nor false; write true or false",
        ),
        (
            "system.tiers.nope.bandwidth=1GB/s",
            "--set: no figure 'system.tiers.nope.bandwidth'; did you mean system.tiers.",
        ),
        ("host.memory=1000000EB", '--set host.memory: "1000000EB": out of range'),
    ],
)
def test_setting_what_cannot_be_set(item: str, line: str) -> None:
    with pytest.raises(InputError) as error:
        system(one_with("two tiers"), overrides=[item])
    assert str(error.value).startswith(line)


def test_pairs_and_paths() -> None:
    assert pairs(["a.b = '1 GB'", ("c", "d=e")]) == [("a.b", "1 GB"), ("c", "d=e")]
    data: dict[str, object] = {}
    assert apply(data, {}, ["chip.shared_memory=yes"]) == {"chip.shared_memory": ("", "yes")}
    assert data == {"shared_memory": True}
    assert split_size("x:8") == ("x", 8)


@given(st.integers(1, 10_000_000))
@settings(max_examples=50)
def test_every_chip_count_is_reached_by_some_tier(chips: int) -> None:
    for kind in ("card alone", "alone", "two tiers"):
        found = system(_NAMES.setdefault(kind, one_with(kind)), chips)
        assert found.chips == chips
        assert chips == 1 or found.tiers[-1].chips >= chips


_NAMES: dict[str, str] = {}


def test_it_is_fast() -> None:
    name = one_with("two tiers")
    system(name)
    start = time.process_time()
    system(name, 32)
    assert time.process_time() - start < 0.03


def test_this_machine_is_built_from_what_was_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = {"is": "2", "known": "read", "from": "a tool"}
    name = catalog.record("systems", one_with("two tiers")).chip
    seen = {
        "label": "this machine",
        "node": known,
        "chip_name": name,
        "chip": catalog.raw("chips", name),
        "notes": ["x seen"],
    }
    monkeypatch.setattr("wherewithal.machine.this_machine.detect", lambda dirs=(): {**seen})
    found = system("this-machine")
    assert (found.name, found.chip.name, found.chips) == ("this-machine", name, 2)
    assert "x seen" in found.notes
    assert system("this-machine:1", overrides=["chip.memory=10GB"]).chip.memory_bytes == 10e9
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "this-machine.toml").write_text(OWN, encoding="utf-8")
    assert system("this-machine", dirs=[tmp_path]).label == "My box"
