"""Recipes of many plans: arguments that exist, values that are quoted, layouts that come back, nothing of this machine."""

from __future__ import annotations

import csv
import itertools
import json
import re
import socket
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.recipe import plans, read
from wherewithal.catalog import load as catalog
from wherewithal.catalog import recipe_record as records
from wherewithal.errors import InputError
from wherewithal.plan.layout_text import parse_layout
from wherewithal.plan.setup import Question
from wherewithal.recipe import lines, make
from wherewithal.recipe.facts import CannotStart
from wherewithal.recipe.job import job

CASES = plans.cases()
EVERY = pytest.mark.parametrize("at", range(len(CASES)), ids=[f"{c.engine} {c.model} {c.on} {c.layout}" for c in CASES])


def test_there_are_fifty_over_all_engines() -> None:
    assert len(CASES) >= 50
    assert {c.engine for c in CASES} | {"ktransformers"} == set(records.recipes())


def listed(engine: str) -> dict[str, dict[str, str]]:
    """Return the rows of an engine's lists as the files say them, by every spelling."""
    found = {}
    for name in records.read_recipe(engine).lists:
        text = (catalog.builtin() / "flags" / f"{name}.csv").read_text(encoding="utf-8")
        for row in csv.DictReader(text.splitlines()):
            if not row["gone_in"]:
                found |= dict.fromkeys((row["flag"], *row["aliases"].split()), row)
    return found


@EVERY
def test_every_argument_is_in_the_engines_list(at: int) -> None:
    known = listed(CASES[at].engine)
    for name, text in plans.made(at).files.items():
        if name.startswith("serve") and name.endswith(".sh"):
            for flag, value in read.arguments(text).items():
                if flag.startswith("-"):
                    row = known[flag]
                    assert (value is None) == (row["kind"] == "bool"), flag
                    if row["choices"] and value and "$" not in value:
                        assert value in row["choices"].split("|")


@EVERY
def test_every_argument_says_where_it_comes_from(at: int) -> None:
    for name, text in plans.made(at).files.items():
        if name.startswith("serve") and name.endswith(".sh"):
            rows = text.splitlines()
            for before, row in itertools.pairwise(rows):
                if re.match(r"\s+--", row) and not re.match(r"\s+--(host|port) ", row):
                    assert before.strip().startswith("#"), row


@EVERY
def test_no_value_is_unquoted(at: int) -> None:
    argument = re.compile(r"\s+(--?[\w-]+)( ('[^']*'|\"[^\"]*\"))?|\s+\"\$MODEL\"|\s+#.*")
    for name, text in plans.made(at).files.items():
        inside = False
        for line in text.splitlines() if name.startswith("serve") else ():
            if inside and line.strip() != ")":
                assert argument.fullmatch(line), line
            inside = (inside or line.strip() in ("args=(", "args+=(")) and line.strip() != ")"


@EVERY
def test_the_layout_comes_back_out_of_the_arguments(at: int) -> None:
    made = plans.made(at)
    book = records.read_recipe(made.engine)
    assert made.answer.best is not None
    for pool in made.answer.best.pools:
        script = made.files["serve.sh" if pool.role == "all" else f"serve-{pool.role}.sh"]
        words = read.arguments(script)
        config = made.files.get("config.yaml" if pool.role == "all" else f"config-{pool.role}.yaml")
        entries = yaml.safe_load(config) if config else {}
        words |= {k: str(v) for k, v in entries.items() if not isinstance(v, dict)}
        for axis, degree in lines.layout(book, words).items():
            assert degree == getattr(pool.layout, axis), (axis, pool.layout)


@EVERY
def test_the_layout_in_words_is_the_plans(at: int) -> None:
    made = plans.made(at)
    assert made.answer.best is not None
    asked = parse_layout(made.layout)
    assert {p.role for p in made.answer.best.pools} == set(asked)
    for pool in made.answer.best.pools:
        assert asked[pool.role].replicas == pool.replicas
        for axis in ("tensor", "pipeline", "data", "context", "expert", "expert_tensor"):
            assert getattr(asked[pool.role].split, axis) == getattr(pool.layout, axis), axis


@pytest.mark.parametrize(
    ("engine", "model", "on"),
    [
        ("vllm", "deepseek-v3", "h200-8:16"),
        ("sglang", "qwen3-32b", "h100-8:8"),
        ("trtllm", "gpt-oss-120b", "b200-8:8"),
        ("llama.cpp", "qwen3-30b-a3b", "rtx-4090-1"),
        ("vllm-ascend", "qwen3-235b-a22b", "cloudmatrix-384:32"),
    ],
)
def test_best_plans_are_launched_too(engine: str, model: str, on: str, tmp_path: Path) -> None:
    more = {"precision": {"weights": "q4_0"}} if engine == "llama.cpp" else {}
    made = make.recipe(make.answered(Question(model=model, on=on, engine=engine, **more)), make.LAUNCHERS)  # type: ignore[arg-type]
    assert read.shellcheck({n: t for n, t in made.files.items() if n.endswith((".sh", ".sbatch"))}, tmp_path) == ""
    for name, text in made.files.items():
        for one in read.objects(text) if name in ("kubernetes.yaml", "dynamo.yaml") else ():
            read.check(one, one["kind"])


def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    texts = {}
    for at in range(len(CASES)):
        for name, text in plans.made(at).files.items():
            if name.endswith((".sh", ".sbatch")):
                texts[f"{at}-{name}"] = text
    assert len(texts) > 150
    assert read.shellcheck(texts, tmp_path) == ""


def test_shellcheck_would_say(tmp_path: Path) -> None:
    assert "SC2086" in read.shellcheck({"bad.sh": "#!/usr/bin/env bash\nexec serve --model $MODEL\n"}, tmp_path)


@EVERY
def test_yaml_fits_the_published_schemas(at: int) -> None:
    for name, text in plans.made(at).files.items():
        if name.startswith("compose"):
            read.check(read.objects(text)[0], "compose")
        if name in ("kubernetes.yaml", "dynamo.yaml"):
            objects = read.objects(text)
            for one in objects:
                read.check(one, one["kind"])
            names = [(o["kind"], o["metadata"]["name"]) for o in objects]
            assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "spoil",
    [lambda o: o["spec"].update(replicaz=1), lambda o: o["spec"]["template"]["spec"]["containers"][0].pop("name")],
)
def test_the_schemas_would_refuse(spoil) -> None:  # type: ignore[no-untyped-def]
    whole = list(yaml.safe_load_all(plans.made(0).files["kubernetes.yaml"]))
    one = next(o for o in whole if o["kind"] == "Deployment")
    spoil(one)
    with pytest.raises(jsonschema.ValidationError):
        read.check(one, "Deployment")


def test_replicas_over_several_nodes_become_leader_worker_sets() -> None:
    at = next(i for i, c in enumerate(CASES) if c.engine == "vllm" and c.layout == "2x dp16 ep16")
    objects = list(yaml.safe_load_all(plans.made(at).files["kubernetes.yaml"]))
    one = next(o for o in objects if o["kind"] == "LeaderWorkerSet")
    assert one["spec"]["replicas"] == 2
    assert one["spec"]["leaderWorkerTemplate"]["size"] == 2
    with pytest.raises(jsonschema.ValidationError):
        read.check({**one, "spec": {"replicas": 1}}, "LeaderWorkerSet")


@EVERY
def test_nothing_of_this_machine_and_no_secret(at: int) -> None:
    made = plans.made(at)
    text = "\n".join(made.files.values())
    assert not re.search(r"/root|/home/|(?i:hf_token|api[-_]key|password|secret)", text)
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", text)
    assert made.checked in text
    assert made.version in text


@EVERY
def test_what_cannot_be_said_stands_in_the_files(at: int) -> None:
    made = plans.made(at)
    whole = "\n".join(made.files.values())
    for said in made.cannot:
        assert said.split(": ", 1)[-1][:60] in whole


def test_json_holds_files_and_notes() -> None:
    document = json.loads(json.dumps(plans.made(0).to_dict(), allow_nan=False))
    assert {"files", "cannot", "notes", "next", "plan", "engine", "version", "checked"} <= document.keys()
    assert "--tensor-parallel-size" in document["files"]["serve.sh"]


def recipe(**said: object) -> make.Recipe:
    q = Question(**{"model": "deepseek-v3", "on": "h200-8:16", "concurrency": 16, **said})  # type: ignore[arg-type]
    return make.recipe(make.answered(q), make.LAUNCHERS)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"engine": "sglang@0.5.9", "layout": "tp16 ep16"}, "arguments are known of version 0.5.23 only"),
        ({"engine": "atom", "on": "mi355x-8:8", "layout": "tp8 ep8"}, "no recipe for 'atom'"),
        ({"engine": "vllm", "layout": "tp16 dp1 ep16", "on": "h200-8:16", "model": "deepseek-v3"}, ""),
        ({"engine": "llama.cpp", "layout": "pp16", "model": "llama-3.1-8b"}, "--rpc"),
        ({"layout": "tp16 ep16"}, "--engine: not said"),
    ],
)
def test_what_does_not_start_is_refused_with_the_reason(said: dict[str, object], words: str) -> None:
    if not words:
        assert recipe(**said).files
        return
    with pytest.raises(InputError, match=re.escape(words)):
        recipe(**said)


def test_a_best_plan_that_does_not_start_gives_way_to_one_that_does() -> None:
    q = Question(model="deepseek-v3", on="gb200-nvl72:16", engine="sglang")
    answer = make.answered(q)
    with pytest.raises(CannotStart, match="hosts of 4"):
        job(answer)
    made = make.recipe(answer, ())
    assert made.answer.best != answer.best
    assert made.answer.best in answer.frontier
    assert "does not start" in made.notes[0]
    assert "hosts of 4" in made.notes[0]


def test_a_given_layout_does_not_give_way() -> None:
    with pytest.raises(CannotStart):
        recipe(engine="sglang", on="h200-8:8", layout="tp8 ep4 two-batch")


def test_speculation_is_set_from_the_plan() -> None:
    text = recipe(engine="sglang", layout="tp16 ep16", accepted_tokens_per_step=2.4).files["serve.sh"]
    words = read.arguments(text)
    assert int(words["--speculative-num-draft-tokens"] or 0) == int(words["--speculative-num-steps"] or 0) + 1 >= 3
    assert words["--speculative-algorithm"] == "EAGLE"


def test_slots_times_length_is_the_context_of_a_server_that_divides_it() -> None:
    made = recipe(model="llama-3.1-8b", on="rtx-4090-1", engine="llama.cpp", layout="tp1", concurrency=4)
    words = read.arguments(made.files["serve.sh"])
    assert int(words["--ctx-size"] or 0) == int(words["--parallel"] or 0) * 5120
    assert words["--fit"] == "off"


def test_ports_and_devices_of_pools_on_one_host_do_not_meet() -> None:
    at = next(i for i, c in enumerate(CASES) if c.engine == "sglang" and "4x tp1" in c.layout)
    files = plans.made(at).files
    assert ': "${FIRST_DEVICE:=4}"' in files["launch-decode.sh"]
    first = [re.search(r"FIRST_PORT:=(\d+)", files[f"launch-{r}.sh"])[1] for r in ("prefill", "decode")]  # type: ignore[index]
    assert first == ["30000", "30100"]
    assert "http://127.0.0.1:30100" in files["route.sh"]


def test_offloaded_experts() -> None:
    made = recipe(
        model="qwen3-30b-a3b",
        on="rtx-4090-1",
        engine="llama.cpp",
        layout=None,
        precision={"weights": "q8_0"},
        offload=True,
    )
    assert made.answer.best is not None
    at = made.answer.best.pools[0].layout
    words = read.arguments(made.files["serve.sh"])
    assert at.host_layers or at.host_experts
    assert int(words.get("--n-cpu-moe") or 0) == at.host_experts


class TestWrite:
    """Writing: whole, inside the folder, nothing replaced unasked."""

    def test_refuses_to_replace(self, tmp_path: Path) -> None:
        made = plans.made(0)
        make.write(made, tmp_path / "out")
        before = (tmp_path / "out" / "serve.sh").read_text(encoding="utf-8")
        with pytest.raises(InputError, match="--force"):
            make.write(made, tmp_path / "out")
        make.write(made, tmp_path / "out", force=True)
        assert (tmp_path / "out" / "serve.sh").read_text(encoding="utf-8") == before

    def test_nothing_is_written_where_one_may_not_be(self, tmp_path: Path) -> None:
        (tmp_path / "slurm.sbatch").write_text("mine", encoding="utf-8")
        with pytest.raises(InputError, match="exists"):
            make.write(plans.made(0), tmp_path)
        assert [p.name for p in tmp_path.iterdir()] == ["slurm.sbatch"]

    def test_follows_no_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        with pytest.raises(InputError, match="link"):
            make.write(plans.made(0), tmp_path / "link", force=True)
        (tmp_path / "real" / "serve.sh").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(InputError, match="link"):
            make.write(plans.made(0), tmp_path / "real", force=True)
        assert not (tmp_path / "elsewhere").exists()
