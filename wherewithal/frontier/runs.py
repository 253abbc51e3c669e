"""The best model that runs on a system: models of the catalog from the best score down, each through `ask.plan`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from wherewithal import ask
from wherewithal.catalog import load as catalog
from wherewithal.catalog import national
from wherewithal.errors import InputError, WherewithalError

Progress = Callable[[str, int, int], None] | None
# How many that run are looked for: the best, and the next to choose from.
WANTED = 3
# Places of an error that lie in the question and not in one model.
_ASKED = ("--on", "--slo", "--precision", "--workload", "--catalog", "--input-tokens", "--output-tokens", "units")


@dataclass(frozen=True)
class Rated:
    """A model of the catalog with its score.

    Attributes:
        name, variant: in the catalog and in the source of the score.
        index, vintage, value, status, source: the score [points] and how it is known.
        maker, country, license, release: as the catalog has them.
    """

    name: str
    variant: str
    index: str
    vintage: str
    value: float
    status: str
    source: str
    maker: str
    country: str
    license: str
    release: str


@dataclass(frozen=True)
class Tried:
    """What the planner said of one model.

    Attributes:
        model: with its score.
        runs: whether a layout meets what was asked.
        why: the limit that binds first where it does not run.
        output_tokens_per_s, tpot_s, chips: of the best layout; None where there is none.
        evidence: of that layout.
    """

    model: Rated
    runs: bool
    why: str
    output_tokens_per_s: float | None = None
    tpot_s: float | None = None
    chips: int | None = None
    evidence: str = ""


@dataclass(frozen=True)
class Runs:
    """The best that runs.

    Attributes:
        on, slo, precision: as asked.
        best: the highest score among those that run; None where none does.
        tried: all that were planned, highest score first; the search stops at the third that runs.
        rated: models of the catalog with a score.
    """

    on: str
    slo: str
    precision: dict[str, str]
    best: Tried | None
    tried: tuple[Tried, ...]
    rated: int


def rated(dirs: catalog.Dirs = ()) -> list[Rated]:
    """Return the open models of the catalog that have a score, best first; of several variants the best one.

    Raises:
        InputError: a cell of the table that cannot be read.
    """
    best: dict[str, national.Row] = {}
    for row in national.rows("quality", dirs):
        name = row.get("name")
        held = best.get(name)
        if row.value is not None and (held is None or held.value is None or row.value > held.value):
            best[name] = row
    known = set(catalog.names("models", dirs))
    out = []
    for name, row in best.items():
        if name in known and row.value is not None:
            m = catalog.record("models", name, dirs)
            out.append(Rated(
                name, row.get("variant"), row.get("index"), row.vintage, row.value, row.status, row.source,
                m.organization, m.country, m.license, m.release,
            ))  # fmt: skip
    return sorted(out, key=lambda r: (-r.value, r.name))


def best_that_runs(question: ask.Question, progress: Progress = None) -> Runs:
    """Return the best model of the catalog that runs where and how the question says; its `model` is not looked at.

    A score is that of the published weights: with other formats of the weights it is an upper bound.

    Args:
        question: a serving question; `on`, `slo`, `precision` and lengths are used.
        progress: called with (phase, models done, models in all).

    Raises:
        InputError: something in the question that no model could be planned with.
    """
    models = rated(question.catalog_dirs)
    tried: list[Tried] = []
    for at, one in enumerate(models):
        if progress is not None:
            progress("planning models, best first", at, len(models))
        tried.append(_tried(one, question))
        if sum(t.runs for t in tried) == WANTED:
            break
    best = next((t for t in tried if t.runs), None)
    return Runs(question.on, question.slo, dict(question.precision), best, tuple(tried), len(models))


def _tried(model: Rated, question: ask.Question) -> Tried:
    """Return what the planner says of a model; one that cannot be planned does not run, and says why."""
    try:
        said = _planned(repr(replace(question, model=model.name)), _Held(replace(question, model=model.name)))
    except InputError as error:
        if error.where.split()[0] in _ASKED:
            raise
        return Tried(model, False, f"cannot be planned: {error.what}")
    except WherewithalError as error:
        return Tried(model, False, f"cannot be planned: {error}")
    return replace(said, model=model)


class _Held:
    """A question that counts as equal to any other, so that the text beside it is the key of the cache."""

    def __init__(self, question: ask.Question) -> None:
        self.question = question

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


_NOBODY = Rated("", "", "", "", 0.0, "", "", "", "", "", "")


@lru_cache(maxsize=4096)
def _planned(_key: str, held: _Held) -> Tried:
    answer = ask.plan(held.question)
    best = answer.best
    if best is None or not best.feasible:
        why = answer.why_not[0].text if answer.why_not else "no layout carries this load"
        return Tried(_NOBODY, False, why)
    rate, tpot = best.output_tokens_per_s.value, best.tpot_s.value
    return Tried(_NOBODY, True, "", rate, tpot, best.chips, best.evidence)
