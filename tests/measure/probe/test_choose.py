"""Which backend is taken; what is refused, and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wherewithal.errors import InputError
from wherewithal.measure.probe import choose
from wherewithal.measure.probe.choose import Asked


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
    monkeypatch.setattr(choose, "locate", lambda packages: None)
    monkeypatch.setattr(choose.torch_backend, "installed", lambda: None)


def test_without_anything_numpy_is_taken_and_said():
    backend, notes = choose.chosen(Asked())
    assert backend.name == "numpy"
    assert "--library" in notes[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(device="tpu"), "no device named 'tpu'"),
        (Asked(device="cuda:x"), "no number after the colon"),
        (Asked(device="cuda:0"), "PyTorch, which is not installed"),
        (Asked(device="cuda:0", backend="numpy"), "give --backend torch"),
        (Asked(backend="torch"), "not installed"),
        (Asked(backend="nump"), "did you mean numpy"),
        (Asked(backend="ggml"), "name it with --library"),
        (Asked(library=Path("/no/such/library")), "no such file or folder"),
    ],
)
def test_what_is_refused(asked, said):
    with pytest.raises(InputError, match=said):
        choose.chosen(asked)


def test_weights_between_two_uses_are_those_of_the_model_within_bounds():
    for given, kept in ((None, choose.USUAL_REUSE), (1.0, choose.LEAST_REUSE), (1e12, choose.MOST_REUSE), (4e8, 4e8)):
        assert choose.chosen(Asked(reuse_bytes=given))[0].reuse == kept
