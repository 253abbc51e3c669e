"""Lengths and arrivals of a run, drawn or read."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from wherewithal.errors import InputError
from wherewithal.measure.load.lengths import Arrivals, Ask, asks, read_trace

LENGTHS = (1000, 100, 0.2)


def test_closed() -> None:
    found = asks(Arrivals("closed", concurrency=4), LENGTHS, 2000, 1)
    assert all(math.isnan(a.at_s) for a in found)
    assert min(a.input_tokens for a in found) >= 800
    assert max(a.input_tokens for a in found) <= 1000
    assert np.mean([a.output_tokens for a in found]) == pytest.approx(90, rel=0.02)
    assert str(found) == str(asks(Arrivals("closed", concurrency=4), LENGTHS, 2000, 1))
    assert str(found) != str(asks(Arrivals("closed", concurrency=4), LENGTHS, 2000, 2))


def test_exact_lengths() -> None:
    assert {a[1:] for a in asks(Arrivals("closed", concurrency=4), (128, 16, 0.0), 50, 0)} == {(128, 16)}


def test_poisson() -> None:
    when = np.array([a.at_s for a in asks(Arrivals("open", rate_per_s=20.0), LENGTHS, 8000, 3)])
    gaps = np.diff(when)
    assert when[0] == pytest.approx(0.0, abs=1e-9)
    assert gaps.mean() == pytest.approx(1 / 20, rel=0.05)
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, rel=0.05)


def test_bursts() -> None:
    once = asks(Arrivals("burst", burst=8), LENGTHS, 8, 0)
    assert {a.at_s for a in once} == {0.0}
    again = [a.at_s for a in asks(Arrivals("burst", burst=5, rate_per_s=10.0), LENGTHS, 4000, 0)]
    assert len(set(again)) == 800
    assert 4000 / again[-1] == pytest.approx(10, rel=0.1)


CSV = "arrival_s,input_tokens,output_tokens\n10.5,5,2\n10.0,300,20\n12.0,0,7\n13,7,0\n12.5,100,10\n"
LINES = '{"timestamp":2000,"input_length":7,"output_length":3,"hash_ids":[1]}\n\n{"timestamp":500,"input_length":9,"output_length":4}\n'


def test_a_trace_in_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode()))
    rows, left = read_trace(path, most_tokens=200)
    assert rows == (Ask(10.5, 5, 2), Ask(12.5, 100, 10))
    assert left == 3
    assert [a.at_s for a in asks(Arrivals("trace", trace=rows), LENGTHS, 9, 0)] == [0.0, 2.0]
    assert [a.at_s for a in asks(Arrivals("trace", rate_per_s=10.0, trace=rows), LENGTHS, 9, 0)] == [
        0.0,
        pytest.approx(0.1),
    ]


def test_a_trace_in_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(LINES)
    assert read_trace(path) == ((Ask(0.5, 9, 4), Ask(2.0, 7, 3)), 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arrival_s,input_tokens\n1,2\n", "no column 'output_tokens'"),
        ("arrival_s,input_tokens,output_tokens\n1,x,3\n", "row 1, column input_tokens: 'x'"),
        ("arrival_s,input_tokens,output_tokens\n-1,2,3\n", "arrival_s: '-1'"),
        ("arrival_s,input_tokens,output_tokens\nnan,2,3\n", "'nan'"),
        ("", "no request"),
        ("{broken\n", "row 1 is no JSON object"),
        ("{}\n", "no column 'arrival_s'"),
        ("\u00ff", None),
    ],
)
def test_traces_that_cannot_be_read(text: str, said: str | None, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("latin-1") if said is None else text.encode())
    with pytest.raises(InputError, match=said or "not UTF-8"):
        read_trace(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_trace(tmp_path / "none.csv")


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        "azure_2023_code.csv.gz",
        "mooncake_conversation.jsonl.gz",
        "rtp_llm_30min.jsonl.gz",
        "sharegpt_llama31_300.csv.gz",
    ],
)
def test_the_shared_traces(name: str, shared_data: Path) -> None:
    rows, left = read_trace(shared_data / "traces" / name)
    assert len(rows) >= 300
    assert left < 0.4 * len(rows)
    rate = (len(rows) - 1) / (rows[-1].at_s - rows[0].at_s)
    assert 0.1 < rate < 20
