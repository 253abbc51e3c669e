"""Prompts are as long as asked, and no two begin alike unless they should."""

from __future__ import annotations

from pathlib import Path

import pytest

from wherewithal.errors import InputError
from wherewithal.measure.load import vocabulary
from wherewithal.measure.load.prompts import HIGH_ID, LOW_ID, Prompts

LETTERS = dict(enumerate(vocabulary._letters()))


def test_ids() -> None:
    made = [Prompts("ids", "salt").make(str(i), 500) for i in range(20)]
    assert {len(m) for m in made} == {500}
    assert len({tuple(m[:4]) for m in made}) == 20
    assert all(LOW_ID <= int(t) < HIGH_ID for m in made for t in m)
    assert Prompts("ids", "salt").make("3", 500) == made[3]
    assert Prompts("ids", "other run").make("3", 500) != made[3]


def test_ids_of_a_small_vocabulary() -> None:
    assert all(int(t) < 300 for t in Prompts("ids", "s", top=300).make("1", 1000))


def test_words() -> None:
    found = Prompts("text", "salt", extra=12.0, per_word=1.5).make("1", 312)
    assert isinstance(found, str)
    assert len(found.split()) == 200


def test_a_shared_prefix() -> None:
    one, two = (Prompts("ids", "salt", shared=64).make(n, 100) for n in "ab")
    assert one[:64] == two[:64]
    assert one[64:70] != two[64:70]
    words = [str(Prompts("text", "salt", shared=4).make(n, 100)).split() for n in "ab"]
    assert words[0][:4] == words[1][:4]
    assert len(Prompts("ids", "salt", shared=500).make("a", 100)) == 100


def bytewise(text: str) -> str:
    return "".join(LETTERS[b] for b in text.encode())


@pytest.fixture
def byte_level(tmp_path: Path) -> Path:
    """A vocabulary of bytes, and of ten words with the merges that make them."""
    gguf = pytest.importorskip("gguf")
    words = ["time", "year", "people", "day", "man", "thing", "woman", "life", "child", "world"]
    tokens, merges = list(LETTERS.values()), []
    for word in words:
        whole = bytewise(f" {word}")
        for n in range(2, len(whole) + 1):
            if whole[:n] not in tokens:
                tokens.append(whole[:n])
                merges.append(f"{whole[: n - 1]} {whole[n - 1]}")
    path = tmp_path / "bytes.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges(merges)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_a_byte_level_vocabulary(byte_level: Path) -> None:
    found = vocabulary.read(byte_level)
    assert {"time", "people", "world"} <= set(found.words)
    assert found.count(" time people world") == 3
    assert found.count("time") == 4  # no blank before it: letter by letter
    assert found.count(" time\u00e9!") == 1 + 2 + 1  # the word, two bytes, a mark
    assert found.count("") == 0
    made = Prompts("text", "s", words=found.words).make("1", 50)
    assert found.count(f" {made}") >= 50


def test_sentence_pieces() -> None:
    scores = {"\u2581": -1.0, "t": -2.0, "h": -2.0, "e": -2.0, "\u2581t": -0.5, "he": -0.4, "\u2581the": -0.1}
    found = vocabulary.Vocabulary("x", {}, scores, (), ())
    assert found.count("the the") == 2
    assert found.count("the z") == 1 + 1 + 1  # the, a blank, a byte
    assert found.count("\u00e9") == 1 + 2


def test_what_is_no_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"nonsense" * 10)
    with pytest.raises(InputError, match="cannot be read"):
        vocabulary.read(path)
    with pytest.raises(InputError, match="no such file"):
        vocabulary.read(tmp_path / "none.gguf")
