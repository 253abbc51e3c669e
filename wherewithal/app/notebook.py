"""The public names of `import wherewithal`: the same questions as on the command line, answers as rich objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from wherewithal import ask, units
from wherewithal.app.results import Compared, Document, Result
from wherewithal.errors import InputError, nearest
from wherewithal.machine.load import system as load_system
from wherewithal.model.load import load_model
from wherewithal.plan.setup import Question
from wherewithal.plan.workload import parse_slo

_UNITS = {
    "input_tokens": "tokens",
    "output_tokens": "tokens",
    "cached_input_tokens": "tokens",
    "max_context": "tokens",
    "image_tokens": "tokens",
    "rate_per_s": "per_s",
    "power_limit_w": "w",
}
_WORKLOAD = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "accepted_tokens_per_step",
    "length_spread",
    "max_context",
    "image_tokens",
)


class Named(str):  # noqa: SLOT000  a record hangs on it
    """A name that was found: it asks like text, and has the attributes of what it names (`model("x").parameters`)."""

    record: Any

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the record behind the name."""
        if name.startswith("__") or name == "record":
            raise AttributeError(name)
        return getattr(self.record, name)


def _named(text: str, record: Any) -> Named:
    found = Named(text)
    found.record = record
    return found


def model(name: str | Path, catalog_dirs: Sequence[str | Path] = ()) -> Named:
    """Return a model by its catalog name, or by the path of a config.json, its folder, or a GGUF file.

    Raises:
        InputError: unknown, with the nearest names; or a file that cannot be read.
    """
    return _named(str(name), load_model(str(name), _dirs(catalog_dirs))[0])


def system(name: str | Path, catalog_dirs: Sequence[str | Path] = ()) -> Named:
    """Return a system by `NAME`, `NAME:CHIPS`, a chip's name, `this-machine`, or the path of a TOML file.

    Raises:
        InputError: unknown, with the nearest names; or a file that cannot be read.
    """
    return _named(str(name), load_system(str(name), dirs=_dirs(catalog_dirs)))


def workload(name: str | None = None, **lengths: float | str) -> dict[str, Any]:
    """Return a workload to ask with: a catalog name, or lengths (`input_tokens=4096, output_tokens="1k"`), or both.

    Raises:
        InputError: an unknown length, or one that is no number.
    """
    for key in lengths:
        if key not in _WORKLOAD:
            raise InputError("workload", f"no length {key!r}", f"one of {', '.join(_WORKLOAD)}")
    asked: dict[str, Any] = {key: _quantity(key, value) for key, value in lengths.items()}
    return asked | ({"workload": name} if name else {})


def slo(text: str = "", *, ttft: str = "", tpot: str = "") -> str:
    """Return service levels to ask with: `slo(ttft="2s", tpot="50ms")`, or `slo("ttft.p95=2s,tpot=50ms")`.

    Raises:
        InputError: an unknown latency or statistic, or a time without a unit.
    """
    named = [f"{name}={value}" for name, value in (("ttft", ttft), ("tpot", tpot)) if value]
    said = ",".join(filter(None, (text, *named)))
    parse_slo(said, "slo")
    return said


def plan(model: str | Path, on: str | Path, **options: Any) -> Result:
    """Return the frontier of layouts of `model` on `on`, and the best one under the service levels.

    Args:
        model: a name or a path, or what `model()` returned.
        on: a system, or what `system()` returned.
        options: `workload`, `slo`, and every field of `Question`; quantities in SI base units or as text with units.

    Raises:
        InputError: anything that cannot be used.
    """
    return Result(ask.plan(question(model, on, options)), "plan")


def predict(model: str | Path, on: str | Path, layout: str, **options: Any) -> Result:
    """Return what one deployment does under one load (`concurrency` or `rate_per_s`); options as in `plan`.

    Raises:
        InputError: anything that cannot be used.
    """
    return Result(ask.predict(question(model, on, {**options, "layout": layout})), "predict")


def compare(model: str | Path, on: Sequence[str | Path], **options: Any) -> Compared:
    """Return the best plans of `model` on several systems side by side; options as in `plan`.

    Raises:
        InputError: anything that cannot be used.
    """
    return Compared(ask.compare([question(model, one, options) for one in on]))


def fleet(scenario: str, **options: Any) -> Document:
    """Return a country's or company's chips, power and money by year.

    Args:
        scenario: of the catalog, such as one that `wherewithal catalog list scenarios` names.
        options: `against` (another scenario), `drivers`, `variable`, `year`, `draws`, `seed`, `overrides`.

    Raises:
        InputError: anything that cannot be used.
    """
    return Document("fleet", _answered("fleet", {"scenario": scenario, **options}), options.get("variable"))


def frontier(**options: Any) -> Document:
    """Return who leads in model quality, by how much and since when.

    Args:
        options: `index`, `by`, `only_open`, `since`, `outlook`, `backtest`, `on`, `slo`, `precision`, `draws`, `seed`.

    Raises:
        InputError: anything that cannot be used.
    """
    return Document("frontier", _answered("frontier", options))


def claims(name: str, **options: Any) -> Document:
    """Return published claims computed again from the catalog, each with a verdict.

    Args:
        name: of the list.
        options: `only` (ids), `overrides` (`{"ID.INPUT": value}`).

    Raises:
        InputError: anything that cannot be used.
    """
    return Document("claims", _answered("claims", {"name": name, **options}))


def _answered(verb: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of an answer to a checked question."""
    from pydantic import ValidationError

    from wherewithal.app import answers, asked

    record = asked.VERBS[verb]
    for key in words:
        if key not in record.model_fields:
            close = ", ".join(nearest(key, list(record.model_fields)))
            fix = f"did you mean {close}?" if close else f"one of {', '.join(record.model_fields)}"
            raise InputError("option", f"no {key!r}", fix)
    try:
        checked = record.model_validate(dict(words))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(".".join(map(str, first["loc"])), first["msg"], "see the help of the verb") from None
    return answers.run(checked)


def question(model: str | Path, on: str | Path, options: Mapping[str, Any]) -> Question:
    """Return the question that these words ask.

    Raises:
        InputError: an unknown option, with the nearest that there are.
    """
    words = dict(options)
    asked = words.pop("workload", None)
    words |= asked if isinstance(asked, Mapping) else {"workload": asked}
    known = [f.name for f in fields(Question)]
    for key in words:
        if key not in known:
            close = ", ".join(nearest(key, known))
            raise InputError(
                "option", f"no {key!r}", f"did you mean {close}?" if close else f"one of {', '.join(known)}"
            )
    words = {k: _quantity(k, v) for k, v in words.items()}
    for key in ("serving", "overrides"):
        if key in words:
            words[key] = (words[key],) if isinstance(words[key], str) else tuple(words[key])
    words["catalog_dirs"] = _dirs(words.get("catalog_dirs", ()))
    return Question(model=str(model), on=str(on), **words)


def _quantity(name: str, value: Any) -> Any:
    """Return a quantity given as text in SI base units, anything else as it is."""
    return units.parse(value, _UNITS.get(name, "1"), name) if isinstance(value, str) and _counts(name) else value


def _counts(name: str) -> bool:
    return name in _UNITS or name in ("accepted_tokens_per_step", "length_spread", "concurrency")


def _dirs(folders: Sequence[str | Path]) -> tuple[Path, ...]:
    return tuple(Path(f) for f in folders)
