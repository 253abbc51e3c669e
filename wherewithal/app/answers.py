"""What was asked as a record, answered as the contract's JSON: the one call of HTTP, MCP and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wherewithal import ask
from wherewithal.app.asked import Asked, ClaimsAsked, CompareAsked, FleetAsked, FrontierAsked, PlanAsked, PredictAsked
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
    match asked:
        case PlanAsked():
            return ask.plan(_question(asked, asked.on, uploads, explain=asked.explain), progress).to_dict()
        case PredictAsked():
            more = {k: getattr(asked, k) for k in ("layout", "requests", "load", "explain")}
            return ask.predict(_question(asked, asked.on, uploads, **more)).to_dict()
        case CompareAsked():
            return ask.compare([_question(asked, on, uploads) for on in asked.on], progress).to_dict()
        case FleetAsked():
            return _fleet(asked)
        case FrontierAsked():
            return frontier.run(_frontier(asked), progress).to_dict()
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


def _fleet(asked: FleetAsked) -> Document:
    def one(name: str) -> model.Fleet:
        return model.run(name, asked.draws, asked.seed, (), asked.overrides)

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
    rows = found.table() if asked.against is None else against.table(found, one(asked.against))
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
