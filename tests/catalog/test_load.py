"""The catalog that is installed, and finding things in it."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest

from wherewithal.catalog import load
from wherewithal.catalog.records import ChipRecord
from wherewithal.errors import FileProblems, InputError


def test_every_record_is_sound() -> None:
    for kind in load.KINDS:
        names = load.names(kind)
        assert names == sorted(set(names))
        for name in names:
            load.record(kind, name)
    assert len(load.names("chips")) > 150
    assert len(load.names("systems")) > 120
    assert len(load.names("models")) > 180


def test_every_figure_has_source_date_and_unit() -> None:
    sources = load.table("sources")
    for name in load.names("chips"):
        chip: ChipRecord = load.record("chips", name)
        assert chip.as_of
        for stated in (
            chip.ranks,
            chip.memory,
            chip.bandwidth,
            chip.power,
            chip.link,
            chip.on_package,
            *chip.peak.values(),
        ):
            if stated is not None:
                assert stated.from_ in sources, f"{name}: {stated}"
                assert stated.figure.value > 0


def test_a_name_is_found_before_an_alias_and_exactly_before_lowered() -> None:
    first = load.names("models")[0]
    assert load.resolve("models", first) == (first, "")
    assert load.resolve("models", first.upper())[0] == first


def test_every_alias_resolves_or_says_why() -> None:
    relations: dict[str, int] = {}
    for kind in ("chips", "systems", "models"):
        for alias in load.aliases(kind):
            relations[alias.relation] = relations.get(alias.relation, 0) + 1
            if alias.relation in ("none", "cut"):
                if load.find(kind, alias.alias) is None and load.find(kind, alias.alias.lower()) is None:
                    with pytest.raises(InputError, match="has no entry of its own"):
                        load.resolve(kind, alias.alias)
                continue
            name, note = load.resolve(kind, alias.alias)
            assert load.find(kind, name) or load.find("checkpoints", name)
            if name == alias.name and alias.alias.lower() != name and load.alias(kind, alias.alias) == alias:
                assert (note == "") == (alias.relation == "exact"), alias
    assert {"exact", "other-precision", "same-shape", "assumed", "adapter", "cut", "none"} <= set(relations)


def test_notes_say_what_an_alias_is_good_for() -> None:
    shape = next(a for a in load.aliases("models") if a.relation == "same-shape")
    assert "not for quality or licence" in shape.words()
    precision = next(a for a in load.aliases("models") if a.relation == "other-precision" and "suffix" in a.note)
    assert precision.precision
    assert "another precision" in precision.words()


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    name = load.names("models")[5]
    with pytest.raises(InputError) as error:
        load.resolve("models", name + "x", where="MODEL")
    assert name in str(error.value)
    assert str(error.value).startswith("MODEL: no model named ")
    with pytest.raises(InputError, match="no kind 'gizmos'"):
        load.names("gizmos")
    with pytest.raises(InputError) as error:
        load.resolve("chips", "\x1b[31m../../etc/passwd")
    assert "\x1b" not in str(error.value)


def test_a_quantised_checkpoint_has_its_models_shape_and_its_own_precision() -> None:
    for name in load.names("checkpoints"):
        data = load.model_record(name)
        base = load.model_record(data["checkpoint_of"])
        assert data["config"].get("hidden_size") == base["config"].get("hidden_size")
        assert "quantization_config" not in data["config"]
        assert data["hf_quant_config"]["quantization"]["quant_algo"]


def test_folded_lists_unfold() -> None:
    given = {"ignore": ["a.{0-2,7}.b", "re:x{2}", "c"], "layers": {"l.{1-2}.{3,5}": {"bits": 4}}, "n": 3}
    assert load.unfold(given) == {
        "ignore": ["a.0.b", "a.1.b", "a.2.b", "a.7.b", "re:x{2}", "c"],
        "layers": {f"l.{i}.{j}": {"bits": 4} for i in (1, 2) for j in (3, 5)},
        "n": 3,
    }
    for name in load.names("models"):
        text = str(load.model_record(name).get("hf_quant_config", ""))
        assert "{0-" not in text


def test_user_folders_come_first(folder: Path) -> None:
    assert load.record("chips", "mine", [folder]).maker == "Me"
    assert "mine" in load.names("chips", [folder])
    assert "mine" not in load.names("chips")
    (folder / "aliases.csv").write_text("kind,alias,name,relation,note\nchip,My Chip,mine,exact,\n", encoding="utf-8")
    assert load.resolve("chips", "my chip", [folder]) == ("mine", "")
    other = load.names("chips")[0]
    (folder / "chips" / f"{other}.toml").write_text((folder / "chips" / "mine.toml").read_text(), encoding="utf-8")
    assert load.record("chips", other, [folder]).maker == "Me"
    assert load.record("chips", other).maker != "Me"


def test_the_users_config_folder_is_searched(folder: Path, no_user_folder: Path) -> None:
    folder.rename(no_user_folder)
    assert load.record("chips", "mine").maker == "Me"
    assert (str(no_user_folder), True) in load.where()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--catalog: no folder"):
        load.names("chips", [tmp_path / "none"])


def test_a_wrong_file_is_never_skipped(folder: Path) -> None:
    (folder / "chips" / "bad.toml").write_text('label = "x"\n', encoding="utf-8")
    with pytest.raises(FileProblems, match=r"chips/bad\.toml: maker: is missing"):
        load.record("chips", "bad", [folder])


def test_defaults_and_workloads() -> None:
    assert load.default("pue").value == 1.3
    assert load.default("input_tokens").value == 4000
    assert load.default("output_tokens").value == 1000
    assert load.default("write_off").value == pytest.approx(4 * 365.25 * 86400)
    usable = [n for n, r in load.table("workloads").items() if r.input_tokens and r.output_tokens]
    assert load.workload(usable[0]).input_tokens
    unusable = next(n for n, r in load.table("workloads").items() if r.output_tokens is None)
    with pytest.raises(InputError, match="give --input-tokens and --output-tokens"):
        load.workload(unusable)
    with pytest.raises(InputError, match="no workload named"):
        load.workload("nope")


def test_sources_and_stamp() -> None:
    key = next(iter(load.table("sources")))
    assert load.source(key) != key
    assert load.source("words that are no key") == "words that are no key"
    assert load.stamp().startswith("20")


def test_it_is_fast() -> None:
    load.record("chips", load.names("chips")[0])  # first use builds the schemas
    load._builtin_raw.cache_clear()
    names = [(k, load.names(k)[-1]) for k in ("chips", "systems")]
    start = time.process_time()
    for kind, name in names:
        load.record(kind, name)
    load.model_record(load.names("models")[0])
    assert time.process_time() - start < 0.03


def test_it_reads_from_a_zip(tmp_path: Path) -> None:
    """Listing and reading work where the package lies in a zip, as with a zipapp."""
    root = Path(load.__file__).parent / "data"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in [*root.glob("chips/a*.toml"), root / "aliases.csv"]:
            archive.write(path, f"data/{path.relative_to(root).as_posix()}")
    inside = zipfile.Path(tmp_path / "all.zip", "data/")
    names = sorted(p.name for p in (inside / "chips").iterdir())
    assert names
    assert load.files.read_toml(inside / "chips" / names[0])["label"]
    assert len(load.read_csv(inside / "aliases.csv")) > 100


def test_an_alias_that_names_a_precision_says_which() -> None:
    other = next(a for a in load.aliases("models") if a.relation == "other-precision" and a.precision == "nvfp4")
    assert load.model_record(other.alias)["named_precision"] in ("nvfp4", "")
    assert {load.model_record(a.alias)["named_precision"] for a in load.aliases("models") if a.precision} >= {
        "nvfp4",
        "fp8",
    }
    assert load.model_record(load.names("models")[0])["named_precision"] == ""


def test_defaults_in_words_have_no_figure() -> None:
    words = [name for name, r in load.table("defaults").items() if r.unit == "text"]
    assert len(words) > 5
    with pytest.raises(ValueError, match="has no unit"):
        load.default(words[0])
