"""What was asked as a record, answered as the contract's JSON: the one call of HTTP, MCP and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wherewithal import ask, pulse
from wherewithal.app import report, report_compare, report_frontier
from wherewithal.app.asked import (
    VERBS,
    Asked,
    ClaimsAsked,
    CompareAsked,
    FleetAsked,
    FrontierAsked,
    PlanAsked,
    PredictAsked,
)
from wherewithal.app.asked import Serving as ServingAsked
from wherewithal.claims import run as claims_run
from wherewithal.errors import InputError
from wherewithal.fleet import against, drivers, events, model
from wherewithal.fleet.draw import sources
from wherewithal.frontier import frontier
from wherewithal.frontier.scores import ordinal
from wherewithal.plan.setup import Question

Progress = Callable[[str, int, int], None] | None
Document = dict[str, Any]


def run(asked: Asked, uploads: Path | None = None, progress: Progress = None) -> Document:
    """Return the answer as JSON-ready data.

    Args:
        asked: a checked record of `wherewithal.app.asked`.
        uploads: the server's own folder of uploaded headers, for a model named `upload:SHA256`.
        progress: called with (phase, done, total); what it raises ends the work.

    Raises:
        InputError: anything in it that cannot be used.
    """
    with pulse.heard(progress) as told:
        verb = next(name for name, kind in VERBS.items() if type(asked) is kind)
        return {"verb": verb, **_run(asked, uploads, told)}


def quick(asked: PlanAsked, near: Document, uploads: Path | None = None, progress: Progress = None) -> Document | None:
    """Return a first answer to a question that is near one answered before; None where its layouts do not serve.

    Args:
        asked: the question.
        near: an earlier answer of `plan` (its JSON), whose frontier's layouts are searched.
        uploads: as `run` takes it.
        progress: as `run` takes it.

    Raises:
        InputError: anything in the question that cannot be used, or `near` is no answer of `plan`.
    """
    try:
        layouts = ask.near_in(near)
    except (KeyError, TypeError, ValueError):
        raise InputError("near", "no answer of plan", "give the JSON of one, as it came") from None
    found = ask.quick(_question(asked, asked.on, uploads, explain=None), layouts, progress)
    return None if found is None else {**found.to_dict(), "verdict": report.plan_verdict(found)}


def _run(asked: Asked, uploads: Path | None, progress: Progress) -> Document:
    match asked:
        case PlanAsked():
            answer = ask.plan(_question(asked, asked.on, uploads, explain=asked.explain), progress)
            return {**answer.to_dict(), "verdict": report.plan_verdict(answer)}
        case PredictAsked():
            more = {k: getattr(asked, k) for k in ("layout", "requests", "load", "explain")}
            answer = ask.predict(_question(asked, asked.on, uploads, **more), progress)
            return {**answer.to_dict(), "verdict": report.predict_verdict(answer)}
        case CompareAsked():
            compared = ask.compare([_question(asked, on, uploads) for on in asked.on], progress)
            return {**compared.to_dict(), "verdict": report_compare.verdict(compared)}
        case FleetAsked():
            return _fleet(asked, progress)
        case FrontierAsked():
            view = frontier.run(_frontier(asked), progress)
            return {**view.to_dict(), "verdict": report_frontier.verdict(view)}
        case ClaimsAsked():
            return claims_run.run(asked.name, list(asked.only), asked.overrides, (), progress).to_dict()
    raise InputError("verb", f"no answer to {type(asked).__name__}", "")


def _question(asked: ServingAsked, on: str, uploads: Path | None, **more: Any) -> Question:
    if asked.concurrency is not None and asked.rate_per_s is not None:
        raise InputError("rate_per_s", "given together with concurrency", "give one of the two")
    said = asked.model_dump(exclude={"model", "on", "layout", "requests", "load", "explain"})
    return Question(model=_model(asked.model, uploads), on=on, **said, **more)


def _model(name: str, uploads: Path | None) -> str:
    """Return a model's name, or the path of an uploaded header in the server's own folder."""
    digest = name.removeprefix("upload:")
    if digest == name:
        return name
    for path in (uploads / f"{digest}.json", uploads / f"{digest}.gguf") if uploads else ():
        if path.is_file():
            return str(path)
    raise InputError("model", f"no upload {digest[:12]}...", "drop the file onto the page, or send it to /v1/models")


def _fleet(asked: FleetAsked, progress: Progress) -> Document:
    def one(name: str) -> model.Fleet:
        return model.run(name, asked.draws, asked.seed, (), asked.overrides, progress)

    found = one(asked.scenario)
    about: Document = {"banner": model.BANNER, "scenario": found.name, "title": found.scenario.title}
    if asked.drivers:
        variable, year = asked.variable, asked.year or found.years[-1]
        ranked, rest = drivers.rank(found, variable, year)
        return {
            **about,
            "rows": [{"variable": variable, "year": year, **asdict(d)} for d in ranked],
            "interaction": rest,
        }
    rows = found.table()
    if asked.against is not None:
        other = one(asked.against)
        rows, about["title"] = against.table(found, other), against.title(found, other)
    return {
        **about,
        "against": asked.against,
        "draws": found.draws.count,
        "seed": found.draws.seed,
        "inputs": sources(found.draws.used),
        "events": events.known(found.scenario),
        "left_out": found.left_out,
        "rows": rows,
    }


def _frontier(asked: FrontierAsked) -> frontier.Ask:
    question = None
    if asked.on is not None:
        question = Question(
            "", asked.on, slo=asked.slo, precision={str(k): v for k, v in asked.precision.items()}, seed=asked.seed
        )
    return frontier.Ask(
        index=asked.index,
        by=asked.by,
        only_open=asked.only_open,
        since=ordinal(asked.since, "since") if asked.since else None,
        outlook=asked.outlook,
        backtest=ordinal(asked.backtest, "backtest") if asked.backtest else None,
        question=question,
        draws=asked.draws,
        seed=asked.seed,
    )
