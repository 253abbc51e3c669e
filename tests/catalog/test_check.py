"""Checking the catalog, and a user's folder of additions."""

from __future__ import annotations

from pathlib import Path

import pytest

from wherewithal.catalog.add import add, write_whole
from wherewithal.catalog.check import check, check_file
from wherewithal.errors import FileProblems, InputError


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_catalog_itself_is_sound() -> None:
    report = check()
    assert [f"{file}: {problem}" for file, problem in report.problems] == []
    assert report.files > 500
    assert report.figures > 2500


def test_what_is_missing_is_said_with_what_stands_in() -> None:
    fixes = {problem.fix for _, problem in check().missing}
    assert any("not usable yet" in fix for fix in fixes)
    assert any("stand in" in fix for fix in fixes)


def test_a_good_folder_has_no_problem(folder: Path) -> None:
    report = check([folder], only_user=True)
    assert (report.files, report.problems, report.doubts) == (2, [], [])
    assert report.figures == 10


@pytest.mark.parametrize(
    ("file", "old", "new", "group", "found"),
    [
        ("chips/mine.toml", "64 GiB", "64 GBs", "problems", 'chips/mine.toml: memory: "64 GBs": unknown unit "GBs"; did you mean "GB"?'),
        ("chips/mine.toml", 'from = "my own sheet"', 'from = "no-such-key"', "problems", 'chips/mine.toml: ranks.from: no source "no-such-key"; add it to sources.toml, or say it in words'),
        ("chips/mine.toml", 'label = "Mine"', 'label = "Mine"\nusual_system = "nowhere"', "problems", 'chips/mine.toml: usual_system: no system "nowhere"; name one of the catalog, or leave it out'),
        ("chips/mine.toml", 'is = "2 TB/s"', 'is = "200 TB/s"', "doubts", ""),
        ("chips/mine.toml", "400 TFLOP/s", "4000 TFLOP/s", "doubts", "chips/mine.toml: peak.fp8: 4 PFLOP/s against 200 TFLOP/s in bf16; usually 1 to 4.5 times"),
        ("systems/mine-4.toml", 'chip = "mine"', 'chip = "not-mine"', "problems", 'systems/mine-4.toml: chip: no chip "not-mine"; wherewithal catalog list chips'),
        ("systems/mine-4.toml", "2 kW", "20 kW", "doubts", "systems/mine-4.toml: power: 16.67 times the power of its 4 chips; usually 1 to 4; is it of as many chips as `node`?"),
        ("systems/mine-4.toml", "3 us", "3 ms", "doubts", "systems/mine-4.toml: tiers.ring.latency: 3 ms; usually 0.1 us to 1 ms"),
        ("systems/mine-4.toml", "chips = 4", "chips = 0", "problems", "systems/mine-4.toml: tiers.ring.chips: 0: 0 chips; must be between 1 and 10,000,000"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(folder: Path, file: str, old: str, new: str, group: str, found: str) -> None:
    edit(folder / file, old, new)
    lines = [f"{name}: {problem}" for name, problem in getattr(check([folder]), group)]
    if found:
        assert found in lines
    else:
        assert any(line.startswith(f"{file}: bandwidth: bandwidth over memory is") for line in lines)


def test_a_stray_file_and_a_bad_price_are_found(folder: Path) -> None:
    (folder / "chips" / "readme.md").write_text("hello", encoding="utf-8")
    (folder / "prices").mkdir()
    (folder / "prices" / "rent.csv").write_text(
        "item,name,what,place,date,value,low,high,unit,source,known,note\nx,mine,rent_usd_per_hour,,,much,,,USD/h,s,read,\n", encoding="utf-8"
    )  # fmt: skip
    lines = [f"{name}: {problem.path}" for name, problem in check([folder], only_user=True).problems]
    assert lines == ["chips/readme.md: file", "prices/rent.csv: line 2"]
    assert check([folder], only_user=True).rows()[0]["kind"] == "problem"


def test_adding(folder: Path, no_user_folder: Path, tmp_path: Path) -> None:
    source = folder / "chips" / "mine.toml"
    target = add("chip", source)
    assert target == no_user_folder / "chips" / "mine.toml"
    assert target.read_text() == source.read_text()
    with pytest.raises(InputError, match="exists; --force replaces it"):
        add("chip", source)
    assert add("chip", source, force=True) == target
    assert add("systems", folder / "systems" / "mine-4.toml").is_file()
    assert sorted(p.name for p in target.parent.iterdir()) == ["mine.toml"]


def test_a_wrong_file_is_not_added(folder: Path, no_user_folder: Path) -> None:
    source = folder / "chips" / "mine.toml"
    edit(source, 'from = "my own sheet"', 'from = "key"')
    with pytest.raises(FileProblems, match=r'ranks\.from: no source "key"'):
        add("chips", source)
    assert not no_user_folder.exists()
    with pytest.raises(InputError, match=r"does not end in \.toml"):
        check_file("chips", source.with_suffix(".json"))
    with pytest.raises(InputError, match="stand together in one file"):
        check_file("workloads", source)


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.toml"
    write_whole(path, b"a")
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    with pytest.raises(InputError, match="is a link or a folder"):
        write_whole(link, b"b", force=True)
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(path / "under-a-file.toml", b"b")
    assert path.read_bytes() == b"a"
    assert [p.name for p in path.parent.iterdir()] == ["x.toml"]
