"""Argument lists out of sources and help texts: every way of writing them is understood, nothing is run."""

from __future__ import annotations

import csv
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.test_tools import tool

read_flags = tool("read_flags")

CALLS = """
raise SystemExit("a source is read, never run")
import argparse
Cache = Literal["auto", "fp8"]
class Config:
    block: int | None = None
    share: float = 0.9
    cache: SkipValidation[Cache] = "auto"
    eager: bool = field(default=False)
    extra: dict[str, int] = field(default_factory=dict)
def add(parser, prefix=""):
    kwargs = get_kwargs(Config)
    parser.add_argument("--block-size", **kwargs["block"])
    parser.add_argument("--share", **{**kwargs["share"], "default": None})
    parser.add_argument(f"--{key}", **value)
    parser.add_argument("--cache-dtype", "-c", **kwargs["cache"])
    parser.add_argument("--enforce-eager", **kwargs["eager"])
    parser.add_argument("--extra", **kwargs["extra"])
    parser.add_argument(f"--{prefix}policy", type=str, choices=["a", "b"], default="a")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--port", type=int, default=8000)
    add_argument(g, flag_name="--wrapped", arg_type=int, default=3, env_var="X")
    add_negatable_bool_argument(g, flag_name="--maybe", default=True)
@click.option("--pick", type=click.Choice(["x", "y"]), default="x")
@click.option("--on/--off", is_flag=True)
def serve(): ...
"""
FIELDS = """
CHOICES = ["mooncake", "nixl"]
class Parallel(Struct):
    _NS_PATH = "parallel"
    tp_size: A[int, "the world"] = 1
    share: A[Optional[float], "of memory"] = None
    backend: A[str, Arg(help="x", choices=CHOICES + ["fake"], aliases=["--be"])] = "nixl"
    named: A[bool, Arg(cli_name="--other-name")] = False
    rank: A[int, Derived()]
    inner: A[int, Arg(no_cli=True)] = 0
"""
HELP = """----- common params -----

-t,    --threads N                      number of threads (default: -1)
                                        (env: LLAMA_ARG_THREADS)
--cpu-strict <0|1>                      strict placement (default: 0)
-ctk,  --cache-type-k TYPE              KV cache data type for K
                                        allowed values: f32, f16, q8_0
                                        (default: f16)
-cb,   --cont-batching, -nocb, --no-cont-batching
                                        whether to batch (default: enabled)
-sm,   --split-mode {none,layer,row}    how to split
--temp N                                temperature (default: 0.80)
-dev,  --device <dev1,dev2,..>          devices

----- server params -----

--port PORT                             port to listen (default: 8080)
"""


def rows(text: str, classes: tuple[str, ...] = (), tmp: Path | None = None) -> dict[str, dict[str, str]]:
    assert tmp is not None
    path = tmp / "args.py"
    path.write_text(text, encoding="utf-8")
    return {r["flag"]: r for r in read_flags.read(path, (), classes)}


def test_calls(tmp_path: Path) -> None:
    found = rows(CALLS, tmp=tmp_path)
    kinds = {flag: (r["kind"], r["choices"], r["aliases"]) for flag, r in found.items()}
    assert kinds == {
        "--block-size": ("int", "", ""), "--share": ("float", "", ""), "--cache-dtype": ("choice", "auto|fp8", "-c"),
        "--enforce-eager": ("bool", "", "--no-enforce-eager"), "--extra": ("json", "", ""),
        "--policy": ("choice", "a|b", ""), "--quiet": ("bool", "", ""), "--port": ("int", "", ""),
        "--wrapped": ("int", "", ""), "--maybe": ("bool", "", "--no-maybe"), "--pick": ("choice", "x|y", ""),
        "--on": ("bool", "", "--off"),
    }  # fmt: skip
    assert found["--port"]["default"] == "8000"
    assert found["--extra"]["default"] == "factory:dict"


def test_fields(tmp_path: Path) -> None:
    found = rows(FIELDS, ("Parallel",), tmp_path)
    assert set(found) == {"--tp-size", "--share", "--backend", "--other-name"}
    assert found["--backend"]["choices"] == "mooncake|nixl|fake"
    assert found["--backend"]["aliases"] == "--be"
    assert found["--share"]["kind"] == "float"
    assert not rows(FIELDS, ("Other",), tmp_path)


def test_help() -> None:
    found = {r["flag"]: r for r in read_flags.from_help(HELP)}
    assert set(found) == {
        "--threads", "--cpu-strict", "--cache-type-k", "--cont-batching", "--split-mode", "--temp", "--device", "--port",
    }  # fmt: skip
    assert found["--threads"] | {} == {
        "flag": "--threads", "kind": "int", "choices": "", "aliases": "-t", "group": "common params", "default": "-1",
    }  # fmt: skip
    assert found["--cache-type-k"]["choices"] == "f32|f16|q8_0"
    assert found["--cont-batching"]["kind"] == "bool"
    assert found["--cont-batching"]["aliases"] == "-cb -nocb --no-cont-batching"
    assert found["--split-mode"]["choices"] == "none|layer|row"
    assert found["--temp"]["kind"] == "float"
    assert found["--device"]["kind"] == "str"
    assert found["--port"]["group"] == "server params"


def test_packages_are_opened_in_every_form(tmp_path: Path) -> None:
    inner = tmp_path / "pkg"
    inner.mkdir()
    (inner / "args.py").write_text(CALLS, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as bundle:
        bundle.write(inner / "args.py", "pkg/args.py")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(inner / "args.py", "x-1/pkg/args.py")
    for package in (inner, tmp_path / "x.whl", tmp_path / "x.tar.gz"):
        assert len(read_flags.read(package, ("args.py",), ())) == 12


def test_what_a_new_version_lacks_is_kept_as_gone(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    old = [{"flag": "--a", "kind": "int"}, {"flag": "--b", "kind": "int"}, {"flag": "--c", "kind": "bool"}]
    read_flags.write(read_flags.merge([dict(r, default="", choices="", aliases="") for r in old], "1", "s", path), path)
    new = [{"flag": "--a", "kind": "int", "default": "", "choices": "", "aliases": "--c"}]
    read_flags.write(read_flags.merge(new, "2", "s", path), path)
    with path.open(encoding="utf-8", newline="") as file:
        found = {r["flag"]: r for r in csv.DictReader(file)}
    assert found["--a"]["first_seen"] == "1"
    assert found["--b"]["gone_in"] == "2"
    assert "--c" not in found


def server() -> str | None:
    """Return the real server, where there is one."""
    return os.environ.get("LLAMA_SERVER") or shutil.which("llama-server")


@pytest.mark.skipif(server() is None, reason="no llama-server: set LLAMA_SERVER")
def test_the_real_server_knows_every_argument_of_its_recipes(tmp_path: Path) -> None:
    """Of the binary that is there, whatever its version: what recipes say, it takes."""
    import subprocess

    from tests.recipe import plans, read

    ran = subprocess.run([str(server()), "--help"], capture_output=True, text=True, check=False, timeout=60)
    known = {n: r for r in read_flags.from_help(ran.stdout) for n in (r["flag"], *r["aliases"].split())}
    assert len(known) > 200
    cases = [i for i, c in enumerate(plans.cases()) if c.engine == "llama.cpp"]
    assert cases
    for at in cases:
        for flag, value in read.arguments(plans.made(at).files["serve.sh"]).items():
            if flag.startswith("-"):
                assert (value is None) == (known[flag]["kind"] == "bool"), flag
                if known[flag]["choices"] and value and "$" not in value:
                    assert value in known[flag]["choices"].split("|")


@pytest.mark.skipif(server() is None, reason="no llama-server: set LLAMA_SERVER")
def test_the_real_server_reads_a_recipe_to_the_point_of_loading(tmp_path: Path) -> None:
    """Started with a file that holds no weights, it complains of the file, not of an argument."""
    import subprocess

    from tests.recipe import plans

    at = next(i for i, c in enumerate(plans.cases()) if c.engine == "llama.cpp" and "xeon" in c.on)
    script = tmp_path / "serve.sh"
    script.write_text(plans.made(at).files["serve.sh"], encoding="utf-8")
    (tmp_path / "empty.gguf").write_bytes(b"")
    said = {"MODEL": str(tmp_path / "empty.gguf"), "PROGRAM": str(server()), "THREADS": "1", "PORT": "18099"}
    ran = subprocess.run(
        ["bash", str(script)], env={**os.environ, **said}, capture_output=True, text=True, check=False, timeout=60
    )
    text = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert "invalid argument" not in text
    assert "unknown" not in text.split("gguf")[0]
    assert "load" in text
