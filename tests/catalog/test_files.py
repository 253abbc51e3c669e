"""Files that may be wrong or hostile give one line, and every problem of a record comes with its path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from wherewithal.catalog import files
from wherewithal.catalog.records import ChipRecord, SystemRecord
from wherewithal.errors import FileProblems, InputError

BYTES = {"is": "80 GB", "known": "read", "from": "a sheet"}
RATE = {"is": "2 TB/s", "known": "read", "from": "a sheet"}
PEAK = {"is": "300 TFLOP/s", "known": "read", "from": "a sheet"}


def chip(**more: Any) -> dict[str, Any]:
    one = {"is": "1", "known": "read", "from": "a sheet"}
    base = {"label": "X", "maker": "Y", "country": "US", "class": "accelerator", "ranks": one}
    return base | {"memory": BYTES, "bandwidth": RATE, "peak": {"bf16": PEAK}} | more


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"bandwidth": RATE | {"is": "4.8 TBs"}}, 'bandwidth: "4.8 TBs": unknown unit "TBs"; did you mean "TB/s"?'),
        ({"memory": "80 GB"}, "memory: '80 GB' has no source; write " + '{is = "80 GB", known = "read", from = "where it says so"}'),
        ({"memory": 80}, 'memory: 80 has no source; write {is = "80", known = "read", from = "where it says so"}'),
        ({"memory": BYTES | {"from": ""}}, "memory.from: '': string should have at least 1 character"),
        ({"memory": BYTES | {"known": "guessed"}}, "memory.known: 'guessed': should be 'read', 'derived', 'estimated', 'unverified' or 'assumed'"),
        ({"memory": BYTES | {"is": "80"}}, 'memory: "80" has no unit; write 80GB or 80GiB'),
        ({"memory": BYTES | {"is": "-1 GB"}}, 'memory: "-1 GB": out of range; must be at least 1 B'),
        ({"memory": BYTES | {"low": "90 GB"}}, "memory: 80000000000.0 bytes is not between 90000000000.0 and 80000000000.0"),
        ({"memry": BYTES}, "memry: unknown field; did you mean memory?"),
        ({"peak": {"bf16": PEAK | {"nots": "x"}}}, "peak.bf16.nots: unknown field; did you mean note?"),
        ({"country": "usa"}, "country: 'usa': string should match pattern '^[A-Z]{2}$'"),
        ({"usual_system": "No Such"}, "usual_system: 'No Such' is not a name; names are lower case: a-z 0-9 . _ -"),
    ],
)  # fmt: skip
def test_one_problem_one_line(change: dict[str, Any], line: str) -> None:
    with pytest.raises(FileProblems) as error:
        files.validate(ChipRecord, chip(**change), "chips/x.toml")
    assert str(error.value) == f"chips/x.toml: {line}"


def test_all_problems_at_once() -> None:
    data = chip(bandwidth=RATE | {"is": "4.8 TBs"}, memry=BYTES, country="?")
    del data["label"]
    with pytest.raises(FileProblems) as error:
        files.validate(ChipRecord, data, "chips/x.toml")
    assert {p.path for p in error.value.problems} == {"bandwidth", "memry", "country", "label"}
    assert "(and 3 more; wherewithal catalog check lists them)" in str(error.value)


def test_a_chip_inside_a_system_has_its_own_paths() -> None:
    node = {"is": "1", "known": "assumed", "from": "me"}
    data = {"label": "mine", "chip": chip(memory=BYTES | {"is": "many"}), "node": node}
    with pytest.raises(FileProblems) as error:
        files.validate(SystemRecord, data, "my.toml")
    assert [p.path for p in error.value.problems] == ["chip.memory"]


def test_tiers_must_grow() -> None:
    latency = {"is": "2 us", "known": "assumed", "from": "me"}
    tiers = {
        "a": {"chips": 8, "bandwidth": RATE, "latency": latency},
        "b": {"chips": 4, "bandwidth": RATE, "latency": latency},
    }
    node = {"is": "8", "known": "assumed", "from": "me"}
    with pytest.raises(FileProblems, match="tiers a \\(8\\), b \\(4\\) do not grow; write the smallest first"):
        files.validate(SystemRecord, {"label": "x", "chip": "y", "node": node, "tiers": tiers}, "my.toml")
    tiers["b"]["chips"] = "some"
    with pytest.raises(FileProblems) as error:
        files.validate(SystemRecord, {"label": "x", "chip": "y", "node": node, "tiers": tiers}, "my.toml")
    assert [p.path for p in error.value.problems] == ["tiers.b.chips"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"a": 1, "a": 2}', "key 'a' stands twice in one object"),
        ('{"a": NaN}', "a is nan"),
        ('{"x": {"y": [1, Infinity]}}', "x.y[1] is inf"),
        ("[1]", "holds a list at the top"),
        ("", "not JSON: Expecting value at line 1 column 1"),
        ('{"a": ' + "9" * 41 + "}", "integer of 41 digits"),
        ('{"a": ' + "9" * 5000 + "}", "integer of 5000 digits"),
        ('{"a": 1e999}', "a is inf"),
        ('{"a":' * 65 + "1" + "}" * 65, "nested deeper than 64 levels"),
        ("[" * 100_000, "nested deeper than 64 levels"),
    ],
)
def test_json_that_is_refused(text: str, what: str) -> None:
    with pytest.raises(InputError) as error:
        files.parse_json(text, "config.json")
    assert error.value.what == what
    assert "\n" not in str(error.value)


def test_an_infinity_that_says_nothing_about_cost_is_taken_out() -> None:
    assert files.parse_json('{"time_step_limit": [0.0, Infinity], "n": 1}', "x") == {"time_step_limit": None, "n": 1}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"a = ", "not TOML"),
        (b"a = nan", "a is nan"),
        (b"a = 1\na = 2", "not TOML"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"a = " + b"[" * 5000, "nested deeper than 64 levels"),
        (b"a = " + b"[" * 70 + b"]" * 70, "nested deeper than 64 levels"),
        (b"# " + b"x" * files.TOML_LIMIT, "larger than 256 KiB"),
        (b"a = \x00", "not TOML"),
    ],
)
def test_toml_that_is_refused(tmp_path: Path, data: bytes, what: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        files.read_toml(path)
    assert error.value.what.startswith(what)
    assert "\n" not in str(error.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, what in (
        (tmp_path / "none.toml", "no such file"),
        (tmp_path, "is a folder"),
        (Path("/dev/zero"), "not a regular file"),
    ):
        with pytest.raises(InputError, match=what):
            files.read_bytes(path, 10)
    with pytest.raises(InputError):
        files.read_bytes(Path("a\0b"), 10)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        files.read_bytes(tmp_path / "pipe", 10)
