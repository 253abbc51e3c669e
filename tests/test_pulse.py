"""The pulse: what the callback raises comes out unchanged, past handlers of errors, through blocks inside blocks."""

from __future__ import annotations

import pytest

from wherewithal import pulse
from wherewithal.errors import InputError


def stop(*_: object) -> None:
    raise InputError("there", "enough", "")


def test_an_error_passes_handlers_on_the_way() -> None:
    def work() -> None:
        with pulse.heard(stop):
            try:
                pulse.phase("one")
            except Exception:  # noqa: BLE001 - such a handler must not hear it
                pytest.fail("swallowed")

    with pytest.raises(InputError, match="enough"):
        work()


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_any_class_comes_out(kind: type[BaseException]) -> None:
    mine = kind("mine")

    def end(*_: object) -> None:
        raise mine

    with pytest.raises(kind) as found, pulse.heard(end):
        pulse.phase("one")
    assert found.value is mine


def test_inner_blocks_beat_for_the_outer() -> None:
    heard: list[str] = []
    with pulse.heard(lambda phase, *_: heard.append(phase)) as told:
        with pulse.heard(None):
            pulse.phase("silent inside")
        with pulse.heard(told):
            pulse.phase("told on")
    pulse.phase("after")
    assert heard == ["silent inside", "told on"]


def test_the_outer_error_leaves_the_outer_block() -> None:
    left: list[str] = []

    def work() -> None:
        with pulse.heard(stop) as told:
            try:
                with pulse.heard(told):
                    pulse.phase("one")
            except Exception:  # noqa: BLE001 - not unwrapped before the block that it belongs to
                left.append("inner")

    with pytest.raises(InputError):
        work()
    assert not left


def test_beats_close_together_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    with pulse.heard(lambda phase, *_: heard.append(phase)):
        pulse.phase("one")
        monkeypatch.setattr(pulse, "EVERY_S", 1e9)
        pulse.beat()
        assert heard == ["one"]
        monkeypatch.setattr(pulse, "EVERY_S", 0.0)
        pulse.beat()
    assert heard == ["one", "one"]
