"""What a measured run asks of `predict`, and how a condition is read that cannot be asked as it stands.

How a `load` is read:

* `closed`: as it stands, over `requests` in all; where they are not stated, WAVES for each in flight.
* `open`: as it stands, over `requests` in all where stated, else in steady state.
* `offline`: all requests at once.
* `static`: one batch that is not refilled; where there are no prompts, a decode pool alone.

A run was made, so it is possible: where a question is refused, the nearest one that can be asked is, and the row says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from wherewithal import ask
from wherewithal.catalog import files
from wherewithal.catalog import load as catalog
from wherewithal.catalog.engine_record import read_engine
from wherewithal.engine import distinct
from wherewithal.errors import InputError, WherewithalError
from wherewithal.measure.rows import Row
from wherewithal.model.load import load_model
from wherewithal.plan.answer import Answer

GENERIC = "generic"
# In flight where a source says only that all requests were queued at once.
EVERYTHING = 100_000.0
# Requests for each in flight where a closed load does not state its requests: what most that do state them ran. Its
# first burst and last tail are part of what was measured, which a steady state has not.
WAVES = 10.0
# Columns of an expert that a rank holds at least: the side of the blocks in which fp8 weights are scaled, and of the tiles
# of grouped products. Where data groups share experts, an engine that finds less keeps experts whole.
NARROWEST = 128
# Chips of a memory so large that nothing is refused for it.
ROOMY = "chip.memory=100 TB"


@dataclass(frozen=True)
class Way:
    """One way to ask a run.

    Attributes:
        engine: catalog name, with `@VERSION` where wanted.
        layout: in words.
        precision: (part, format).
        roomy: memory does not bind.
        at_once: all requests of an open load at once: what becomes of one that is more than the chips carry.
        said: what was read differently.
    """

    engine: str
    layout: str
    precision: tuple[tuple[str, str], ...]
    roomy: bool = False
    at_once: bool = False
    said: tuple[str, ...] = ()


class Refused(Exception):
    """A run that cannot be asked in any way; its text says why."""


@cache
def engine_of(name: str, version: str, serving: str = "") -> str:
    """Return the catalog's engine (`NAME@VERSION`) that served a row, or `generic` where it has none.

    A name of two parts (an engine behind another's front) is the first part that the catalog has. The version is the
    one that the catalog says the row's build to be, else the newest of those in the catalog that is not newer than the
    row's, the oldest where all are newer, and the engine's default where the row's cannot be compared, or where that
    version could not serve as the row was served (`serving`: a mode): then the version stated is that of a front.
    """
    known = catalog.names("engines")
    aliased = catalog.alias("engines", name) if name else None
    tried = [name, *([aliased.name] if aliased and aliased.relation == "exact" else []), *name.split("-")]
    found = next((n for n in tried if n in known and n != GENERIC), None)
    if found is None:
        return GENERIC
    built = builds(found).get(version)
    if built:
        return f"{found}@{built}"
    older = [(v, text) for text in versions(found) if (v := _version(text))]
    mine = _version(version)
    if len(older) < 2 or not mine:
        return found
    fitting = [o for o in older if o[0] <= mine]
    chosen = f"{found}@{(max(fitting) if fitting else min(older))[1]}"
    return chosen if not serving or serving in read_engine(chosen)[0].serving.modes else found


@cache
def versions(engine: str) -> tuple[str, ...]:
    """Return the versions of an engine that the catalog knows."""
    path = catalog.find("engines", engine)
    if path is None:
        return ()
    return tuple(files.read_toml(path, f"engines/{engine}.toml").get("versions", ()))


@cache
def builds(engine: str) -> dict[str, str]:
    """Return the names of builds that the catalog puts under a version of an engine, to that version."""
    path = catalog.find("engines", engine)
    tables = files.read_toml(path, f"engines/{engine}.toml").get("versions", {}) if path else {}
    return {build: version for version, table in tables.items() for build in table.get("builds", ())}


def _version(text: str) -> tuple[int, ...]:
    """Return a version as numbers; empty where it is none (a date or a commit cannot be compared)."""
    found = re.match(r"v?(\d{1,3}(?:\.\d{1,3})+)", text)
    return tuple(int(n) for n in found[1].split(".")) if found else ()


@cache
def splits_layers(engine: str) -> bool:
    """Return whether an engine splits a model over chips by layers unless told otherwise."""
    return engine != GENERIC and read_engine(engine)[0].splits == "layers"


def ways(row: Row, engine: str) -> Iterator[Way]:
    """Yield the ways to ask a run, the nearest to what is stated first.

    Args:
        row: any row of the run.
        engine: catalog name, with `@VERSION` where wanted.
    """
    precision = tuple(sorted(row.precision.items()))
    unsaid = row.load == "closed" and row.requests is None
    layout = _layout(row, engine)
    narrow = whole(row.layout, expert_columns(row.model)) != row.layout
    run: tuple[str, ...] = (f"requests not stated: {WAVES:g} for each in flight",) if unsaid else ()
    run += ("experts read as whole ones: slices would be too narrow",) if narrow else ()
    first = Way(engine, layout, precision, said=run)
    yield first
    if row.load == "open" and row.requests and row.request_rate_per_s:
        yield replace(first, at_once=True, said=(*run, "more than the chips carry: all requests at once"))
    generic = replace(first, engine=GENERIC, said=(*run, f"asked as {GENERIC}"))
    if engine != GENERIC:
        yield generic
    if "weights" in dict(precision):
        for parts in (("weights",), ()):
            fewer = tuple(p for p in precision if p[0] in parts)
            if fewer != precision:
                text = "activations and cache in the engine's default" if parts else "the checkpoint's own precision"
                yield replace(generic, precision=fewer, said=(*generic.said, text))
    elif precision:
        yield replace(generic, precision=(), said=(*generic.said, "the checkpoint's own precision"))


@cache
def expert_columns(model: str) -> float:
    """Return the columns inside a routed expert of a model of the catalog; 0 for a dense model, or an unknown one."""
    try:
        blocks = [block.sizes for _, _, block in distinct(load_model(model)[0])]
    except WherewithalError:
        return 0.0
    return min((s["expert_intermediate"] for s in blocks if s.get("expert_intermediate")), default=0.0)


def whole(layout: str, columns: float) -> str:
    """Return a layout whose data groups share whole experts, where slices over all its ranks would be too narrow."""
    out = []
    for part in layout.split(";"):
        size = {k: int(n) for k, n in re.findall(r"\b(tp|dp|ep)(\d+)", part)}
        ranks = size.get("tp", 1) * size.get("dp", 1)
        sliced = "ep" not in size and size.get("dp", 1) > 1 and columns
        out.append(f"{part} ep{ranks}" if sliced and columns / ranks < NARROWEST else part)
    return ";".join(out)


def _layout(row: Row, engine: str) -> str:
    """Return a row's layout as `predict` reads it."""
    layout = whole(row.layout, expert_columns(row.model))
    if splits_layers(engine) and "pp" not in layout:
        return re.sub(r"\btp(\d+)", r"pp\1", layout)
    return layout


def answered(row: Row, engine: str, figure: Callable[[Row, Way], Answer]) -> tuple[Answer, tuple[str, ...]]:
    """Return what the first way that can be asked answers, and what was read differently in it.

    Raises:
        Refused: no way can be asked; with the reason of the first.
    """
    reason = ""
    for way in ways(row, engine):
        if not way.layout:
            break
        for roomy in (False, True):
            one = replace(way, roomy=roomy)
            try:
                answer = figure(row, one)
            except DoesNotFit as error:
                reason = reason or str(error)
                continue
            except WherewithalError as error:
                reason = reason or str(error)
                break
            said = (*way.said, "priced as though memory held it") if roomy else way.said
            return answer, ((*said[:-1], f"{said[-1]} ({reason})") if said and reason else said)
    return _searched(row, engine, reason, figure)


def _searched(
    row: Row, engine: str, reason: str, figure: Callable[[Row, Way], Answer]
) -> tuple[Answer, tuple[str, ...]]:
    """Return the answer with the layout that `plan` chooses on the stated chips; the last resort."""
    precision = tuple(sorted(row.precision.items()))
    for name in dict.fromkeys((engine, GENERIC)):
        for roomy in (False, True):
            way = Way(name, "", precision, roomy)
            try:
                best = ask.plan(replace(question(row, way), layout=None, serving=("colocated",), requests=None)).best
                if best is None:
                    continue
                way = replace(way, layout=str(best.pools[0].layout).split(",")[0])
                answer = figure(row, way)
            except (WherewithalError, DoesNotFit) as error:
                reason = reason or str(error)
                continue
            stated = f"{row.layout!r} cannot be asked ({reason})" if row.layout else "layout not stated"
            said = f"{stated}: {way.layout}, which plan chooses on these chips"
            return answer, (said, *(("priced as though memory held it",) if roomy else ()))
    raise Refused(reason or "no layout can be asked")


class DoesNotFit(Exception):
    """A deployment that memory does not hold."""


def predict(asked: ask.Question) -> Answer:
    """Return the answer to a question, which has a plan.

    Raises:
        DoesNotFit: memory does not hold it.
        InputError: it cannot be asked.
    """
    answer = ask.predict(asked)
    if answer.best is None:
        raise DoesNotFit("; ".join(limit.text for limit in answer.why_not[:1]) or "does not fit")
    return answer


def question(row: Row, way: Way, statistic: str = "mean", pool: str = "") -> ask.Question:
    """Return the question that a run asks.

    Args:
        row: any row of the run.
        way: how to ask it.
        statistic: of the latencies.
        pool: `prefill` or `decode` for one pool alone, the other never the limit.

    Raises:
        InputError: what the question cannot do without is not stated.
    """
    at_once = way.at_once or row.load == "offline"
    is_open = row.load == "open" and not way.at_once
    flight = row.requests or EVERYTHING if at_once else row.concurrency
    if is_open and row.request_rate_per_s is None:
        raise InputError("request_rate_per_s", "not stated", "an open load needs it")
    if row.load in ("closed", "static") and flight is None:
        raise InputError("concurrency", "not stated", f"a {row.load} load needs it")
    if row.input_tokens is None:
        raise InputError("input_tokens", "not stated", "no length of the prompts, no prediction")
    slo = "" if statistic == "mean" else f"ttft.{statistic}=1d,tpot.{statistic}=1d"
    return ask.Question(
        model=row.model,
        on=f"{row.chip or row.system}:{int(row.chips)}",
        layout=f"{pool}: {way.layout}" if pool else way.layout,
        input_tokens=row.input_tokens,
        output_tokens=max(row.output_tokens or 2.0, 1.0),
        length_spread=row.length_spread or 0.0,
        cached_input_tokens=row.cached_input_tokens,
        accepted_tokens_per_step=row.accepted_tokens_per_step,
        concurrency=None if is_open else max(flight or 1.0, 1.0),
        rate_per_s=row.request_rate_per_s if is_open else None,
        requests=None if pool else row.requests or (WAVES * (flight or 1.0) if row.load == "closed" else None),
        load=row.load if not pool and row.load in ("static", "offline") else None,
        slo=slo,
        engine=None if way.engine == GENERIC else way.engine,
        precision=dict(way.precision),
        overrides=(ROOMY,) if way.roomy else (),
    )
