"""Events counted from bytes are those that a patient reader of JSON would count, however the bytes are cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.measure.load.stream import LARGEST_BYTES, Stream


def event(document: object, end: str = "\n\n") -> bytes:
    return f"data: {json.dumps(document)}{end}".encode()


def text(words: str, **more: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "text": words, "finish_reason": None}], **more}


def delta(**inner: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": inner, "finish_reason": None}]}


LAST = {"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
# What a text may hold that looks like the marks of other events.
TRICKY = [
    '"usage":{',
    '"error":',
    "data: [DONE]",
    "\n\n",
    "\r\n",
    '"choices":[]',
    '"content":""',
    "\\",
    "\u2028",
    ": ping",
]


@pytest.mark.parametrize("words", TRICKY)
def test_text_that_looks_like_more(words: str) -> None:
    stream = Stream()
    assert stream.feed(event(text(words))) == 1
    assert (stream.usage, stream.error, stream.done, stream.finish) == (None, "", False, "")


@given(
    words=st.lists(st.one_of(st.text(min_size=1), st.sampled_from(TRICKY)), max_size=8),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    end=st.sampled_from(["\n\n", "\r\n\r\n"]),
    keep=st.booleans(),
    compact=st.booleans(),
)
def test_every_cut_counts_the_same(words: list[str], cuts: list[int], end: str, keep: bool, compact: bool) -> None:
    gap = (",", ":") if compact else (", ", ": ")
    documents = [text(w) for w in words] + [LAST, USAGE]
    data = (
        b"".join(f"data: {json.dumps(d, separators=gap)}{end}".encode() for d in documents)
        + f"data: [DONE]{end}".encode()
    )
    stream, found, at = Stream(keep), 0, 0
    for size in cuts * (len(data) // sum(cuts) + 1):
        found += stream.feed(data[at : at + size])
        at += size
    found += stream.close()
    assert found == len(words)
    assert (stream.done, stream.finish, stream.usage) == (True, "length", USAGE["usage"])
    assert stream.pieces == (words if keep else None)


@pytest.mark.parametrize(
    ("document", "count"),
    [
        (delta(role="assistant", content=""), 0),
        (delta(role="assistant", content=None), 0),
        (delta(role="assistant"), 0),
        (delta(), 0),
        (delta(content="x"), 1),
        (delta(role="assistant", content="x"), 1),
        (delta(reasoning_content="x", content=None), 1),
        (text("x", usage=None), 1),
        (text("x", usage={"completion_tokens": 1}), 1),
        (text(""), 0),
        ({"choices": []}, 0),
        ({"object": "ping"}, 0),
        ([], 0),
        ("x", 0),
    ],
)
def test_what_counts_as_text(document: object, count: int) -> None:
    assert Stream().feed(event(document)) == count


def test_errors_and_comments() -> None:
    stream = Stream()
    assert stream.feed(b": ping\n\nevent: x\n\n") == 0
    stream.feed(event({"error": {"message": "out of memory"}}))
    assert stream.error == "out of memory"
    other = Stream()
    other.feed(b"data: {broken\n\n")
    assert "no JSON" in other.error


def test_an_end_without_a_blank_line() -> None:
    stream = Stream()
    assert stream.feed(event(text("a"))[:-2]) == 0
    assert stream.close() == 1


def test_an_event_without_an_end() -> None:
    with pytest.raises(ValueError, match="without an end"):
        Stream().feed(b"data: " + b"x" * LARGEST_BYTES)
