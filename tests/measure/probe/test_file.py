"""The probe file: what is written is read again; what is wrong is named with its row and how to mend it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.errors import InputError
from wherewithal.measure.probe import file
from wherewithal.measure.probe.file import SIZES, Device, Operator, Probe

times = st.floats(1e-9, 1e3)


@st.composite
def operators(draw):
    kind = draw(st.sampled_from(sorted(SIZES)))
    needed, more = SIZES[kind]
    sizes = {
        n: draw(st.floats(0.5, 1e9))
        for n in (*needed, *draw(st.lists(st.sampled_from(more or ("x",)), unique=True) if more else st.just([])))
    }
    low, middle, high = sorted(draw(st.tuples(times, times, times)))
    maybe = st.none() | st.floats(1.0, 1e10)
    return Operator(
        kind,
        "fp16",
        sizes,
        middle,
        low,
        high,
        draw(st.integers(1, 99)),
        draw(maybe),
        draw(maybe),
        draw(st.sampled_from(["", "triad", "warm; odd"])),
    )


@given(st.lists(operators(), max_size=6), st.booleans())
def test_what_is_written_is_read(tmp_path_factory, rows, complete):
    path = tmp_path_factory.mktemp("probe") / "p.json"
    probe = Probe(
        "2026-11-25", "torch", Device("cuda", "a card", "m", None, 1, 8e10), {"torch": "2"}, 7, complete, tuple(rows)
    )
    file.write(path, probe)
    assert file.read(path) == probe


def test_one_row_a_line_so_that_git_shows_what_changed(tmp_path, a_probe):
    path = tmp_path / "p.json"
    file.write(path, a_probe)
    text = path.read_text()
    assert sum(line.startswith('  {"kind"') for line in text.splitlines()) == 3
    assert json.loads(text)["format"] == "wherewithal-probe"


def test_writing_replaces_but_not_a_folder(tmp_path, a_probe):
    path = tmp_path / "p.json"
    file.write(path, a_probe)
    file.write(path, replace(a_probe, complete=False))
    assert not file.read(path).complete
    with pytest.raises(InputError, match="folder"):
        file.write(tmp_path, a_probe)


def spoilt(a_probe, change):
    document = a_probe.to_dict()
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(format="else"), "not a probe file"),
        (lambda d: d.update(version=9), "version 9"),
        (lambda d: d.update(date="25.11.2026"), "no day"),
        (lambda d: d.update(date="2026-13-01"), "no day"),
        (lambda d: d.update(backend="abacus"), "ggml, numpy, torch"),
        (lambda d: d["device"].update(kind="toaster"), "kind is one of"),
        (lambda d: d["device"].update(threads=-1), "device.threads"),
        (lambda d: d.update(software=[1]), "software"),
        (lambda d: d.update(seed="a"), "whole number"),
        (lambda d: d.update(operators={}), "not a list"),
        (lambda d: d["operators"][0].update(kind="matmuls"), r"operators\[0\].kind: 'matmuls' is not known"),
        (
            lambda d: d["operators"][0]["sizes"].pop("k"),
            r"operators\[0\] \(matmul q4_1\).sizes: has m, n; needs m, n, k",
        ),
        (lambda d: d["operators"][0]["sizes"].update(k=0), "numbers above zero"),
        (lambda d: d["operators"][0]["sizes"].update(colour=3), "needs m, n, k"),
        (lambda d: d["operators"][0].update(seconds=-1.0), "rise and are above zero"),
        (lambda d: d["operators"][0].update(high=1e-9), "rise and are above zero"),
        (lambda d: d["operators"][1].update(repeats=0), r"operators\[1\] \(stream fp32\).repeats"),
        (lambda d: d["operators"][1].update(clock_hz=-3), "clock_hz"),
        (lambda d: d["operators"][1].update(note="a\nb"), "short text"),
        (lambda d: d["operators"].append(4), r"operators\[3\]: is not a table"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, a_probe, change, said):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(spoilt(a_probe, change)))
    with pytest.raises(InputError, match=said):
        file.read(path)


def test_further_problems_are_counted(tmp_path, a_probe):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(spoilt(a_probe, lambda d: [o.update(repeats=0) for o in d["operators"]])))
    with pytest.raises(InputError, match="2 more"):
        file.read(path)


def test_no_file_and_no_json(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        file.read(tmp_path / "none.json")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        file.read(tmp_path / "x.json")


def test_key_goes_by_the_first_word_of_the_note(a_probe):
    row = a_probe.operators[1]
    assert row.key == replace(row, note="triad").key != replace(row, note="read").key
