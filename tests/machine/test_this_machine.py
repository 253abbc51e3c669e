"""This machine: recorded answers of tools give the right chip or "unknown", never a guess, and never wait."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherewithal.errors import InputError
from wherewithal.machine import load, seen
from wherewithal.machine.seen import Said, ask
from wherewithal.machine.this_machine import detect

_SPEC = importlib.util.spec_from_file_location("recorded", Path(__file__).with_name("recorded.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
recorded = importlib.util.module_from_spec(_SPEC)
sys.modules["recorded"] = recorded
_SPEC.loader.exec_module(recorded)
MACHINES = recorded.MACHINES


def player(says: dict[str, str]) -> Callable[[Sequence[str]], Said]:
    """Return a runner that replays answers by the first word of a command."""

    def run(command: Sequence[str]) -> Said:
        text = says.get(command[0])
        if text is None:
            return Said(why="missing")
        if text == recorded.HANGS:
            return Said(why="hangs")
        return Said(why="failed") if text == recorded.FAILS else Said(text)

    return run


def test_there_are_enough_recordings() -> None:
    assert len(MACHINES) >= 25


@pytest.mark.parametrize("name", MACHINES)
def test_recorded_machine(name: str) -> None:
    m = MACHINES[name]

    def see() -> dict:
        return detect(player(m.says), lambda path: m.files.get(path, ""))

    if not m.chip:
        with pytest.raises(InputError) as error:
            see()
        assert all(word in str(error.value) for word in m.notes)
        return
    data = see()
    told = "\n".join(data["notes"])
    assert data["chip_name"] == m.chip, told
    assert data["node"]["is"] == str(m.count)
    assert [word for word in m.notes if word not in told] == []
    if m.memory is not None:
        assert data["chip"]["memory"]["is"] == f"{int(m.memory)} B"
        assert data["chip"]["memory"]["known"] == "read"


@pytest.mark.parametrize("name", [n for n, m in MACHINES.items() if m.chip])
def test_recorded_machine_becomes_a_system(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    m = MACHINES[name]
    data = detect(player(m.says), lambda path: m.files.get(path, ""))
    monkeypatch.setattr("wherewithal.machine.this_machine.detect", lambda **_: data)
    system = load.system("this-machine")
    assert system.chips == m.count
    assert system.chip.memory_bytes > 0
    assert system.chip.peaks
    assert any("seen" in note for note in system.notes)
    assert all(f.known != "read" or f.value >= 0 for f in system.figures.values())


def test_host_of_a_card_is_this_machines_memory() -> None:
    m = MACHINES["rtx-4090"]
    host = detect(player(m.says), lambda path: m.files.get(path, ""))["host"]
    assert host["memory"]["known"] == "read"
    assert host["memory"]["is"].endswith(" B")
    assert host["compute"]["known"] == "estimated"
    # 16 cores x 4.5 GHz x 128: avx512_bf16 is the strongest set that this processor prints
    assert host["compute"]["is"] == "9216 GFLOP/s"


def test_modules_give_the_memory_rate() -> None:
    cpu = seen.processor(player({"dmidecode": recorded.DMI}), lambda path: recorded.SERVER.get(path, ""))
    assert cpu.bandwidth_bytes_per_s == pytest.approx(12 * 8 * 4800e6)
    assert (cpu.sockets, cpu.cores) == (2, 192)


def test_unified_memory_has_no_host() -> None:
    m = MACHINES["mac-m4-max"]
    assert "host" not in detect(player(m.says), lambda path: m.files.get(path, ""))


def test_a_set_limit_is_the_power() -> None:
    m = MACHINES["two-3090-capped"]
    assert detect(player(m.says), lambda path: m.files.get(path, ""))["chip"]["power"]["is"] == "220 W"


def test_unknown_name_is_not_guessed() -> None:
    says = recorded.smi("NVIDIA GeForce RTX 4091, 24564, 450.00, [N/A]")
    data = detect(player(says), lambda path: recorded.DESKTOP.get(path, ""))
    assert data["chip_name"] == "this-machine"


def test_own_resolver_is_asked() -> None:
    says = recorded.smi("Strange Board, 24564, 450.00, [N/A]")
    find = {"Strange Board": "rtx-4090"}.get
    assert detect(player(says), lambda path: recorded.DESKTOP.get(path, ""), find)["chip_name"] == "rtx-4090"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["nvidia-smi", "rocm-smi", "rocminfo", "npu-smi", "dmidecode"]))
def test_any_text_from_a_tool_is_survived(text: str, tool: str) -> None:
    data = detect(player({tool: text}), lambda path: recorded.DESKTOP.get(path, ""))
    assert data["chip_name"] == "this-machine"


def test_a_hanging_tool_is_stopped_in_time() -> None:
    started = time.monotonic()
    said = ask([sys.executable, "-c", "import time; time.sleep(60)"], limit_s=0.3)
    assert said.why == "hangs"
    assert time.monotonic() - started < 2.0


def test_tools_that_fail_or_are_not_there() -> None:
    assert ask(["no-such-tool-here"]).why == "missing"
    assert ask([sys.executable, "-c", "raise SystemExit(3)"], 10.0).why == "failed"
    assert ask([sys.executable, "-c", "print('hello')"], 10.0).text.strip() == "hello"
