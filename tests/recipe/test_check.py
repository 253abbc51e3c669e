"""Arguments against a list: each way of being wrong is seen."""

from __future__ import annotations

import pytest

from wherewithal.catalog import recipe_record as records
from wherewithal.catalog.recipe_record import Argument
from wherewithal.errors import InputError
from wherewithal.recipe import check


def row(flag: str, kind: str = "str", choices: tuple[str, ...] = (), gone: str = "", group: str = "") -> Argument:
    return Argument(flag, kind, "", choices, (f"-{flag[2]}",), group, "1.0", gone, "source")


KNOWN = check.table(
    [
        (
            row("--size", "int"), row("--share", "float"), row("--on", "bool"), row("--kv", "choice", ("a", "b")),
            row("--more", "json"), row("--old", "int", gone="2.0"), row("more.x", "int"),
        )
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("--size", "8", None), ("-s", "8", None), ("--size", "8.5", "not int"), ("--size", None, "needs a value"),
        ("--share", "x", "not float"), ("--share", "0.9", None), ("--on", None, None), ("--on", "8", "takes no value"),
        ("--kv", "c", "not one of a, b"), ("--kv", "a", None), ("--more", "{", "not json"), ("--more", '{"x": 1}', None),
        ("--more", '{"y": 1}', "no key more.y"), ("--old", "1", "gone in 2.0"), ("--new", "1", "no argument"),
    ],
)  # fmt: skip
def test_each_way_of_being_wrong(flag: str, value: str | None, said: str | None) -> None:
    found = check.problem(flag, value, KNOWN)
    assert (found is None) if said is None else (found is not None and said in found)


def test_a_value_made_at_launch_is_only_asked_to_be_there() -> None:
    assert check.problem("--size", "$X", KNOWN, open_value=True) is None
    assert check.problem("--new", "$X", KNOWN, open_value=True)


def test_only_one_command_of_several_counts() -> None:
    known = check.table([(row("--a", group="serve"), row("--b", group="other"))], "serve")
    assert "--a" in known
    assert "--b" not in known


def test_all_problems_are_counted() -> None:
    check.refuse([], "x")
    with pytest.raises(InputError, match="and 1 more"):
        check.refuse(["one", "two"], "x")


def test_flags_of_older_versions_are_known_as_gone() -> None:
    known = check.table([records.arguments("sglang")])
    assert "gone in 0.5.23" in (check.problem("--cuda-graph-max-bs", "8", known) or "")
    assert check.problem("--cuda-graph-max-bs-decode", "8", known) is None
    known = check.table([records.arguments("vllm")])
    assert check.problem("--calculate-kv-scales", None, known)
