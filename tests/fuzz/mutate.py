"""Seeded wrong inputs: model configs, system files, GGUF headers and command lines, each as one `Case`.

The same seed gives the same cases on every machine. A case holds the words of a command line, in which `{file}` stands
for the path of the mutated file, and that file's bytes.
"""

from __future__ import annotations

import copy
import json
import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).resolve().parent / "seeds"
# One cheap question about a model file: one layout, one chip, no search.
MODEL_QUESTION = ["predict", "{file}", "--on", "h20-8:1", "--layout", "tp1", "--concurrency", "1", "--json"]
SYSTEM_QUESTION = ["predict", "llama-3.1-8b", "--on", "{file}:1", "--layout", "tp1", "--concurrency", "1", "--json"]


@dataclass(frozen=True)
class Case:
    """One wrong input: its kind, what was done to it, the command line, and the file that `{file}` stands for.

    `inside`: the place of the file in a folder of additions, for which `{file}` then stands.
    """

    kind: str
    what: str
    argv: tuple[str, ...]
    data: bytes | None = None
    suffix: str = ""
    inside: str = ""


def noise(rng: random.Random, size: int) -> bytes:
    return bytes(rng.randrange(256) for _ in range(size))


# ---- what can be done to any text file ---------------------------------------------------------------------------


def truncated(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def wrong_encoding(rng: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8")
    return rng.choice(
        [
            text.encode("utf-16"),
            text.encode("utf-32"),
            b"\xff\xfe" + data,
            data.replace(b"e", b"\xe9"),
            data.replace(b"\n", b"\x00\n"),
            data + b"\x00",
            b"\xed\xa0\x80" + data,
        ]
    )


def emptied(rng: random.Random, data: bytes) -> bytes:
    del data
    return rng.choice([b"", b" ", b"\n\n\n", b"\xef\xbb\xbf", b"\t", b"\x00"])


def binary(rng: random.Random, data: bytes) -> bytes:
    del data
    return noise(rng, rng.choice([1, 16, 400, 5000]))


def spliced(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + noise(rng, rng.randrange(1, 12)) + data[at + rng.randrange(12) :]


def oversized(rng: random.Random, data: bytes) -> bytes:
    return data + rng.choice([b" ", b"\n", b"#", b"x"]) * 3_000_000


# ---- model configs -----------------------------------------------------------------------------------------------

WRONG_VALUES: tuple[Any, ...] = (
    None, True, "", "many", "512", [], {}, [1, 2], {"a": 1}, [[[]]], -1, -512, 0, 0.5, -0.0, 1.5, 3, 7, 10**9, 10**18,
    10**400, 2**63, 1e308, "NaN", "\x00", "\u202e", "a" * 5000,
)  # fmt: skip
SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "intermediate_size")


def numeric_keys(config: dict[str, Any]) -> list[str]:
    return [k for k, v in config.items() if isinstance(v, int | float) and not isinstance(v, bool)]


def dropped(rng: random.Random, config: dict[str, Any]) -> bytes:
    for key in rng.sample(sorted(config), rng.randrange(1, 4)):
        del config[key]
    return json.dumps(config).encode()


def retyped(rng: random.Random, config: dict[str, Any]) -> bytes:
    for key in rng.sample(sorted(config), rng.randrange(1, 3)):
        config[key] = copy.deepcopy(rng.choice(WRONG_VALUES))
    return json.dumps(config).encode()


def negated(rng: random.Random, config: dict[str, Any]) -> bytes:
    key = rng.choice(numeric_keys(config))
    config[key] = -abs(config[key]) - 1
    return json.dumps(config).encode()


def enlarged(rng: random.Random, config: dict[str, Any]) -> bytes:
    key = rng.choice(numeric_keys(config))
    config[key] = rng.choice([10**9, 10**12, 10**18, 10**30, 2**64, 10**400, 1e300])
    return json.dumps(config).encode()


def not_a_number(rng: random.Random, config: dict[str, Any]) -> bytes:
    key = rng.choice(numeric_keys(config))
    config[key] = "@@"
    word = rng.choice(["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "9" * 5000, "0x10", "1_000", ".5", "01"])
    return json.dumps(config).replace('"@@"', word).encode()


def nested(rng: random.Random, config: dict[str, Any]) -> bytes:
    depth = rng.choice([80, 2_000, 100_000])
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    deep = opening * depth + "1" + closing * depth
    if rng.random() < 0.3:
        return deep.encode()
    config[rng.choice(sorted(config))] = "@@"
    return json.dumps(config).replace('"@@"', deep).encode()


def doubled(rng: random.Random, config: dict[str, Any]) -> bytes:
    key = rng.choice(numeric_keys(config))
    text = json.dumps(config)
    return (text[:-1] + f', "{key}": {rng.choice([1, 2, 4096])}' + "}").encode()


def not_an_object(rng: random.Random, config: dict[str, Any]) -> bytes:
    return rng.choice([b"null", b"[]", b"42", b'"text"', b"true", b"{}", json.dumps([config]).encode(), b"{}{}"])


def renamed(rng: random.Random, config: dict[str, Any]) -> bytes:
    word = rng.choice(["lama", "transformer", "resnet50", "", "../../etc/passwd", "bert", "x" * 300, "\x1b[31mred"])
    config["model_type"] = word
    config["architectures"] = rng.choice([[word], [], word, None, [None], [f"{word}ForCausalLM"]])
    return json.dumps(config).encode()


def lost_size(rng: random.Random, config: dict[str, Any]) -> bytes:
    config.pop(rng.choice(SIZES), None)
    return json.dumps(config).encode()


def misfit(rng: random.Random, config: dict[str, Any]) -> bytes:
    """Values that each look right, and do not go together."""
    config |= rng.choice(
        [
            {"num_attention_heads": 7, "num_key_value_heads": 3},
            {"num_key_value_heads": 999},
            {"layer_types": ["full_attention"]},
            {"layer_types": ["telepathy"] * config["num_hidden_layers"]},
            {"num_hidden_layers": 0},
            {"quantization_config": "fp8"},
            {"quantization_config": {"quant_method": "alchemy", "bits": 3}},
            {"quantization_config": {"quant_method": "gptq", "bits": -4}},
            {"quantization_config": []},
            {"torch_dtype": "float31"},
            {"vocab_size": 0},
            {"max_position_embeddings": -8},
        ]
    )
    return json.dumps(config).encode()


CONFIG_MUTATIONS: tuple[Callable[[random.Random, dict[str, Any]], bytes], ...] = (
    dropped, retyped, negated, enlarged, not_a_number, nested, doubled, not_an_object, renamed, lost_size, misfit,
)  # fmt: skip
TEXT_MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    truncated, wrong_encoding, emptied, binary, spliced, oversized,
)  # fmt: skip


def config_cases(count: int, seed: int = 1) -> Iterator[Case]:
    """Yield mutated `config.json` files."""
    rng = random.Random(seed)
    seeds = {p.stem: p.read_bytes() for p in sorted(SEEDS.glob("*.json"))}
    for i in range(count):
        name = rng.choice(sorted(seeds))
        # Two of three are well-formed JSON with a wrong content: those reach deepest.
        if i % 3:
            change = rng.choice(CONFIG_MUTATIONS)
            data = change(rng, json.loads(seeds[name]))
            yield Case("config", f"{name}: {change.__name__}", tuple(MODEL_QUESTION), data, ".json")
        else:
            text_change = rng.choice(TEXT_MUTATIONS)
            data = text_change(rng, seeds[name])
            yield Case("config", f"{name}: {text_change.__name__}", tuple(MODEL_QUESTION), data, ".json")


# ---- system files ------------------------------------------------------------------------------------------------

WRONG_QUANTITIES = (
    "12", "-5 GB/s", "0 GB/s", "1e999 GB/s", "nan GB/s", "inf GB/s", "5 parsecs", "GB/s", "", "5 GB/s/s", "5 TBs", "five GB",
    "5,5 GB/s", "9" * 5000 + " GB/s", "\\u0000", "5 GB 6 GB",
)  # fmt: skip
WRONG_TOML = (
    "true",
    "-1",
    "0",
    "[]",
    "{}",
    "nan",
    "-inf",
    "1979-05-27",
    "[[[[]]]]",
    "'x'",
    "10000000000000000000000",
    '""',
)


def system_line(rng: random.Random, text: str) -> bytes:
    """One `key = value` line with another value: a wrong quantity where it held one, else a wrong type."""
    lines = text.splitlines()
    at = rng.choice([i for i, line in enumerate(lines) if re.match(r"\s*[\w.-]+\s*=", line)])
    key, value = lines[at].split("=", 1)
    if rng.random() < 0.6 and re.search(r'"[^"]*"', value):
        value = re.sub(r'"[^"]*"', lambda _: f'"{rng.choice(WRONG_QUANTITIES)}"', value, count=1)
    else:
        value = f" {rng.choice(WRONG_TOML)}"
    lines[at] = f"{key}={value}"
    return "\n".join(lines).encode()


def system_dropped(rng: random.Random, text: str) -> bytes:
    lines = text.splitlines()
    del lines[rng.choice([i for i, line in enumerate(lines) if "=" in line and not line.strip().startswith("#")])]
    return "\n".join(lines).encode()


def system_doubled(rng: random.Random, text: str) -> bytes:
    lines = text.splitlines()
    at = rng.choice([i for i, line in enumerate(lines) if "=" in line and not line.strip().startswith("#")])
    return "\n".join([*lines[: at + 1], lines[at], *lines[at + 1 :]]).encode()


def system_unknown(rng: random.Random, text: str) -> bytes:
    word = "".join(rng.choice(string.ascii_lowercase) for _ in range(8))
    return (f"{word} = {rng.choice(WRONG_TOML)}\n" + text).encode()


def system_open(rng: random.Random, text: str) -> bytes:
    return (text + rng.choice(['\nx = "', "\n[", "\n[[a]", "\nx = {", "\nx = '''", "\n= 1", "\nx 1", "\n]"])).encode()


def system_nested(rng: random.Random, text: str) -> bytes:
    depth = rng.choice([100, 5_000, 100_000])
    return (f"x = {'[' * depth}{']' * depth}\n" + text).encode()


SYSTEM_MUTATIONS: tuple[Callable[[random.Random, str], bytes], ...] = (
    system_line, system_line, system_line, system_dropped, system_doubled, system_unknown, system_open, system_nested,
)  # fmt: skip


def system_cases(count: int, text: str, seed: int = 2) -> Iterator[Case]:
    """Yield mutated system files; `text` is a whole and right one."""
    rng = random.Random(seed)
    for i in range(count):
        if i % 4:
            change = rng.choice(SYSTEM_MUTATIONS)
            yield Case("system", change.__name__, tuple(SYSTEM_QUESTION), change(rng, text), ".toml")
        else:
            text_change = rng.choice(TEXT_MUTATIONS)
            data = text_change(rng, text.encode())
            yield Case("system", text_change.__name__, tuple(SYSTEM_QUESTION), data, ".toml")


def addition_cases(count: int, text: str, seed: int = 5) -> Iterator[Case]:
    """Yield a user's folder of additions with one mutated chip file, as `catalog check` and a question meet it."""
    rng = random.Random(seed)
    question = [
        "predict",
        "llama-3.1-8b",
        "--on",
        "own-card:1",
        "--layout",
        "tp1",
        "--concurrency",
        "1",
        "--catalog",
        "{file}",
    ]
    for i in range(count):
        argv = ["catalog", "check", "{file}"] if i % 2 else question
        change = rng.choice(SYSTEM_MUTATIONS)
        data = change(rng, text)
        if not i % 5:
            text_change = rng.choice(TEXT_MUTATIONS)
            data = text_change(rng, text.encode())
        name = rng.choice(["own-card.toml"] * 5 + ["OWN CARD.toml", "own-card.json", "x.txt", "\u202e.toml"])
        yield Case("addition", f"{argv[0]}: {change.__name__}", tuple(argv), data, inside=f"chips/{name}")


# ---- GGUF headers ------------------------------------------------------------------------------------------------


def gguf_seed(path: Path) -> bytes:
    """Write a small, right GGUF file and return it."""
    import gguf
    import numpy as np

    hidden, heads, kv, ff, vocab, layers = 64, 4, 2, 128, 256, 2
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_block_count(layers)
    writer.add_context_length(2048)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(ff)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(1)
    writer.add_vocab_size(vocab)
    writer.add_token_list([f"t{i}" for i in range(vocab)])
    shapes = {"token_embd": (vocab, hidden), "output": (vocab, hidden), "output_norm": (hidden,)}
    for i in range(layers):
        shapes |= {
            f"blk.{i}.attn_q": (hidden, hidden),
            f"blk.{i}.attn_k": (hidden * kv // heads, hidden),
            f"blk.{i}.attn_v": (hidden * kv // heads, hidden),
            f"blk.{i}.attn_output": (hidden, hidden),
            f"blk.{i}.attn_norm": (hidden,),
            f"blk.{i}.ffn_norm": (hidden,),
            f"blk.{i}.ffn_gate": (ff, hidden),
            f"blk.{i}.ffn_up": (ff, hidden),
            f"blk.{i}.ffn_down": (hidden, ff),
        }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", np.zeros(shape, np.float16 if len(shape) > 1 else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def header_end(data: bytes) -> int:
    """Return about where the key-value part before the token list ends: what lies behind is names and zeros."""
    return data.index(b"tokenizer.ggml.tokens")


def gguf_flipped(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randrange(1, 9)):
        out[rng.randrange(header_end(data))] ^= 1 << rng.randrange(8)
    return bytes(out)


def gguf_cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.choice([0, 1, 3, 4, 7, 8, 12, 16, 20, 23, 24, rng.randrange(24, header_end(data) + 900)])]


def gguf_counts(rng: random.Random, data: bytes) -> bytes:
    """Giant counts of tensors or of keys."""
    huge = rng.choice([2**31, 2**40, 2**63, 2**64 - 1, 10_000_000]).to_bytes(8, "little")
    at = rng.choice([8, 16])
    return data[:at] + huge + data[at + 8 :]


def gguf_lengths(rng: random.Random, data: bytes) -> bytes:
    """A giant length of a string or of the token list."""
    huge = rng.choice([2**20, 2**31, 2**40, 2**62, 2**64 - 1]).to_bytes(8, "little")
    token_list = header_end(data) + len(b"tokenizer.ggml.tokens") + 4 + 4
    at = rng.choice([24, token_list, token_list + 8])
    return data[:at] + huge + data[at + 8 :]


def gguf_magic(rng: random.Random, data: bytes) -> bytes:
    magic = rng.choice([b"FUGG", b"GGML", b"gguf", b"PK\x03\x04", b"\x7fELF", b"\x00" * 4])
    version = rng.choice([0, 1, 4, 99, 2**31, 3]).to_bytes(4, rng.choice(["little", "big"]))
    return rng.choice(
        [magic + data[4:], magic + version + data[8:], b"GGUF" + version.replace(b"\x03", b"\x63") + data[8:]]
    )


def gguf_types(rng: random.Random, data: bytes) -> bytes:
    """A key of another or an unknown type: what follows is then read askew."""
    key = rng.choice([b"llama.block_count", b"llama.embedding_length", b"llama.attention.head_count", b"general.name"])
    at = data.index(key) + len(key)
    return data[:at] + rng.choice([9, 8, 13, 99, 2**31, 12, 7]).to_bytes(4, "little") + data[at + 4 :]


def gguf_values(rng: random.Random, data: bytes) -> bytes:
    """A size that is zero or enormous."""
    key = rng.choice(
        [b"llama.block_count", b"llama.embedding_length", b"llama.attention.head_count", b"llama.feed_forward_length"]
    )
    at = data.index(key) + len(key) + 4
    return data[:at] + rng.choice([0, 2**31, 2**32 - 1, 10**9, 12345]).to_bytes(4, "little") + data[at + 4 :]


def gguf_keys(rng: random.Random, data: bytes) -> bytes:
    """A key or architecture of another name."""
    old, new = rng.choice(
        [
            (b"general.architecture", b"general.architecturf"),
            (b"llama.block_count", b"llama.clock_bount"),
            (b"llama.embedding_length", b"llama.imbedding_length"),
            (b"llama.attention.head_count", b"llama.attention.head_kount"),
        ]
    )
    return data.replace(old, new)


GGUF_MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    gguf_flipped, gguf_flipped, gguf_cut, gguf_cut, gguf_counts, gguf_lengths, gguf_magic, gguf_types, gguf_values, gguf_keys,
)  # fmt: skip


def gguf_cases(count: int, data: bytes, seed: int = 3) -> Iterator[Case]:
    """Yield mutated GGUF files; `data` is a whole and right one."""
    rng = random.Random(seed)
    for _ in range(count):
        change = rng.choice(GGUF_MUTATIONS)
        yield Case("gguf", change.__name__, tuple(MODEL_QUESTION), change(rng, data), ".gguf")


# ---- command lines -----------------------------------------------------------------------------------------------

GOOD_LINES = (
    "plan deepseek-v3 --on h20-8:32 --slo ttft=2s,tpot=50ms",
    "plan qwen3-32b --on rtx-4090-1 --precision weights=int4",
    "predict deepseek-v3 --on h20-8:16 --layout tp16 --concurrency 64",
    "predict llama-3.1-8b --on h200-8:1 --layout tp1 --concurrency 8 --input-tokens 4k --output-tokens 1k",
    "compare qwen3-32b --on h200-8:8 mi300x-8:8",
    "catalog show h20",
    "catalog list systems",
)
WRONG_WORDS = (
    "", " ", "-", "--", "=", ":", ",", "''", "-1", "0", "1e9", "nan", "inf", "1e400", "9" * 400, "\x00", "\x1b[31m", "\u202e",
    "caf\u00e9", "a" * 100_000, "../../..", "/", "/dev/null", "/dev/zero", "/nonexistent/config.json", "$(id)", "{}", "[]",
    "%s%n", "\ud800", "two words", "\n\n", "tp8", "h20-8", "\U0001f600",
)  # fmt: skip
WRONG_OPTIONS = (
    ("--slo", ("ttft=2", "tpot=50", "ttft", "=2s", "ttft=2s,ttft=3s", "speed=2s", "ttft=-2s", "ttft=nan", "ttft.p200=2s",
               "tpot=50GB", "ttft=2s;tpot=50ms", "tpot=0s", "ttft.=2s", ",,,", "ttft=1e400s")),
    ("--on", ("h20-8:0", "h20-8:-3", "h20-8:x", "h20-8:1.5", "h20-8:", ":8", "h20-8:8:8", "h20-9", "h20-8:1e99", "cloudmatrx-384",
              "prefill=h20-8:8", "prefill=h20-8:8,decode=", "decode=h20-8:8,decode=h20-8:8", "h20-8:99999999999999")),
    ("--layout", ("tp0", "tp-1", "tpx", "tp8 tp8", "qp8", "8tp", "tp1.5", "tp99999999999999999999", "tp8,,ep", "prefill:", "tp 8")),
    ("--precision", ("weights", "weights=", "weights=fp7", "mights=fp8", "weights=fp8,weights=int8", "=fp8", "fp8", "kv=128bit")),
    ("--concurrency", ("0", "-1", "1.5", "many", "1e30", "nan", "8s")),
    ("--rate", ("5", "-5rps", "0rps", "5 parsecs", "infrps", "rps", "5rps/s")),
    ("--input-tokens", ("4kk", "-4k", "0", "4.5", "four", "1e30", "4GB", "nan")),
    ("--output-tokens", ("1q", "-1", "0", "0.5", "", "1e30")),
    ("--power-limit", ("500", "-5kW", "5kWh", "kW", "0W", "nanW")),
    ("--accepted-tokens-per-step", ("0", "0.5", "-1", "x", "1e9", "nan", "inf")),
    ("--length-spread", ("-0.1", "1.1", "x", "nan", "20%x")),
    ("--cached-input-tokens", ("-1", "x", "1e30", "99999999")),
    ("--serving", ("both", "collocated", "afdx", "colocated;disaggregated")),
    ("--engine", ("vlm", "sgland", "generic@", "vllm@99.99.99x", "@")),
    ("--set", ("chip", "chip.memory", "chip.memory=", "chip.memory=96", "chip.memory=96 parsecs", "chip.colour=red", "=5", "a.b.c.d=1",
               "chip.memory=-1GB", "chip..memory=1GB")),
    ("--workload", ("chta", "", "no-such-load")),
    ("--catalog", ("/nonexistent", "/dev/null", "")),
    ("--seed", ("-1", "x", "1.5", "1e5")),
    ("--explain", ("=everything", "memroy")),
)  # fmt: skip


def line_option(rng: random.Random, words: list[str]) -> list[str]:
    """An option with a value that cannot be right."""
    option, values = rng.choice(WRONG_OPTIONS)
    value = rng.choice(values)
    if option in words:
        at = words.index(option)
        return [*words[: at + 1], value, *words[at + 2 :]]
    return (
        [*words, option, value]
        if option != "--explain"
        else [*words, f"--explain{value}" if value[0] == "=" else "--explain", value]
    )


def line_word(rng: random.Random, words: list[str]) -> list[str]:
    at = rng.randrange(len(words))
    return [*words[:at], rng.choice(WRONG_WORDS), *words[at + 1 :]]


def line_extra(rng: random.Random, words: list[str]) -> list[str]:
    at = rng.randrange(1, len(words) + 1)
    return [*words[:at], rng.choice([*WRONG_WORDS, "--jsn", "--json=yes", "-z", "--on", "--slo", "---"]), *words[at:]]


def line_dropped(rng: random.Random, words: list[str]) -> list[str]:
    at = rng.randrange(len(words))
    return words[:at] + words[at + 1 :]


def line_typo(rng: random.Random, words: list[str]) -> list[str]:
    """One letter of one word is another."""
    at = rng.choice([i for i, w in enumerate(words) if w])
    word = words[at]
    i = rng.randrange(len(word))
    swapped = rng.choice(
        [word[:i] + word[i + 1 :], word[:i] + rng.choice("qzx_@") + word[i + 1 :], word[:i] + word[i] + word[i:]]
    )
    return [*words[:at], swapped, *words[at + 1 :]]


def line_shuffled(rng: random.Random, words: list[str]) -> list[str]:
    return rng.sample(words, len(words))


def line_clash(rng: random.Random, words: list[str]) -> list[str]:
    return words + rng.choice(
        [
            ["--json", "--csv"],
            ["--markdown", "--json"],
            ["--concurrency", "4", "--rate", "2rps"],
            ["--layout", "tp1", "--layout", "tp2"],
        ]
    )


LINE_MUTATIONS: tuple[Callable[[random.Random, list[str]], list[str]], ...] = (
    line_option, line_option, line_option, line_word, line_extra, line_dropped, line_typo, line_shuffled, line_clash,
)  # fmt: skip


def line_cases(count: int, seed: int = 4) -> Iterator[Case]:
    """Yield wrong command lines."""
    rng = random.Random(seed)
    for _ in range(count):
        words = rng.choice(GOOD_LINES).split()
        change = rng.choice(LINE_MUTATIONS)
        yield Case("line", f"{words[0]}: {change.__name__}", tuple(change(rng, words)))
