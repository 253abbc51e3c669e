"""Answers as objects of the library: a table, charts, and what a notebook shows of both."""

from __future__ import annotations

import importlib
import importlib.util
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from wherewithal.app import report, report_compare, rows
from wherewithal.app.charts import files, specs
from wherewithal.app.face import Face
from wherewithal.app.text import clean, number, shown
from wherewithal.errors import InputError, MissingExtra, nearest
from wherewithal.plan.answer import Answer, Comparison, Plan

VEGALITE = "application/vnd.vegalite.v6+json"
Rows = list[dict[str, Any]]


class Chart:
    """One chart of an answer: `spec` (Vega-Lite), `save(file)`; shows itself in a notebook."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    def save(self, path: str | Path, force: bool = False) -> Path:
        """Write the chart as .svg, .png, .pdf or .json by the name's ending, and return the path.

        Args:
            path: the file; one that is there is kept unless `force`.
            force: whether a file that is there may be replaced.

        Raises:
            InputError: another ending, a folder that is not, a link, or a file that is there.
            MissingExtra: the ending needs the extra `plots`.
        """
        files.write(self.spec, Path(path), force, "save")
        return Path(path)

    def __repr__(self) -> str:
        return f"<{self.spec['title']}: {self.spec['description']}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return the specification for viewers that draw it, a sentence for those that do not."""
        return {VEGALITE: self.spec, "text/html": self._repr_html_(), "text/plain": repr(self)}

    def _repr_html_(self) -> str:
        """Return the chart as a picture where the extra `plots` is there, its sentence where it is not."""
        title, said = escape(self.spec["title"], quote=True), escape(self.spec["description"], quote=True)
        if importlib.util.find_spec("vl_convert") is None:
            return f"<p><strong>{title}</strong>: {said}</p>"
        data = b64encode(files.drawn(self.spec, ".svg")).decode()
        return f'<img alt="{title}: {said}" src="data:image/svg+xml;base64,{data}">'


class Shown:
    """What all answers share: `to_dict()`, `table()`, `plot()`, and what a notebook shows."""

    verb: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of the contract."""
        raise NotImplementedError

    def flat(self) -> Rows:
        """Return the answer as flat rows, SI units in the names."""
        raise NotImplementedError

    def verdict(self) -> str:
        """Return the answer in one line."""
        raise NotImplementedError

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Return heads and cells of the table that a notebook shows."""
        raise NotImplementedError

    def charts(self) -> dict[str, dict[str, Any]]:
        """Return the Vega-Lite specifications by name."""
        return specs(self.verb, self.to_dict())

    def table(self, backend: str | None = None) -> Any:
        """Return the rows as a DataFrame of pandas or polars.

        Args:
            backend: "pandas" or "polars". Default: whichever is installed, pandas first.

        Raises:
            InputError: another backend.
            MissingExtra: neither library is installed, or not the one that is named.
        """
        return frame(self.flat(), backend)

    def plot(self, name: str | None = None) -> Chart:
        """Return a chart by name; without one the first.

        Raises:
            InputError: the answer has no such chart, with the names of those it has.
        """
        found = self.charts()
        if not found or (name is not None and name not in found):
            raise InputError(
                "plot", f"no chart {name or ''!r}", f"one of {', '.join(found) or 'none: nothing to draw'}"
            )
        return Chart(found[name] if name else next(iter(found.values())))

    def __repr__(self) -> str:
        return f"<{self.verdict()}>"

    def __str__(self) -> str:
        heads, cells = self.cells()
        return "\n".join([self.verdict(), "\t".join(heads), *("\t".join(row) for row in cells)]) + "\n"

    def _repr_html_(self) -> str:
        """Return the verdict, the table, and the first chart as a picture where the extra `plots` is there."""
        heads, cells = self.cells()
        return html_table(self.verdict(), heads, cells) + self._picture()

    def _picture(self) -> str:
        found = next(iter(self.charts().values()), None)
        if found is None or importlib.util.find_spec("vl_convert") is None:
            return ""
        return Chart(found)._repr_html_()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return table and text; the chart alone is that of `plot()`, since viewers show only the richest of a bundle."""
        return {"text/html": self._repr_html_(), "text/plain": str(self)}


class Result(Shown):
    """A plan or prediction: `best`, `frontier` and all other fields of the answer; prints and shows as a table."""

    def __init__(self, answer: Answer, verb: str) -> None:
        self.answer, self.verb = answer, verb

    def __getattr__(self, name: str) -> Any:
        """Return a field of the answer."""
        if name.startswith("__") or name == "answer":
            raise AttributeError(name)
        return getattr(self.answer, name)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of the contract."""
        return self.answer.to_dict()

    def flat(self) -> Rows:
        """Return a row a plan of the frontier."""
        return rows.plan_rows(self.answer)

    def verdict(self) -> str:
        """Return the answer in one line."""
        return (report.predict_verdict if self.verb == "predict" else report.plan_verdict)(self.answer)

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Return the plans of the trade-off with their 80% intervals, or why there is none."""
        if not self.answer.frontier:
            why = [[w.limit, clean(w.text), "; ".join(clean(f.change) for f in w.fix)] for w in self.answer.why_not]
            return ["limit", "why not", "what would make it"], why
        heads = [
            "",
            "layout",
            "serving",
            "tokens/s per user",
            "tokens/s per chip",
            "TTFT",
            "TPOT",
            "J/token",
            "USD/M tokens",
        ]
        plans = report.picked(self.answer)
        return heads, [_plan_cells(p, self.answer.best) for p in plans]

    def __str__(self) -> str:
        text = report.predict_text if self.verb == "predict" else report.plan_text
        return text(self.answer, Face(quiet=True))


class Compared(Shown):
    """A comparison: `systems`, `rows`, `flips`, `answers`; prints and shows as a table."""

    verb = "compare"

    def __init__(self, answer: Comparison) -> None:
        self.answer = answer

    def __getattr__(self, name: str) -> Any:
        """Return a field of the comparison."""
        if name.startswith("__") or name == "answer":
            raise AttributeError(name)
        return getattr(self.answer, name)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return self.answer.to_dict()

    def flat(self) -> Rows:
        """Return a row a measure."""
        return report_compare.compare_rows(self.answer)

    def verdict(self) -> str:
        """Return the answer in one line."""
        return report_compare.verdict(self.answer)

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Return every measure of every system with its 80% interval."""
        heads = ["measure", "unit", *self.answer.systems]
        body = []
        for row in self.answer.rows:
            found = [_banded(vars(v)) if v is not None else "-" for v in row.values]
            best = [f"{text} (best)" if row.winner == i else text for i, text in enumerate(found)]
            body.append([row.name, row.unit, *best])
        return heads, body

    def __str__(self) -> str:
        return report_compare.compare_text(self.answer, Face(quiet=True))


class Document(Shown):
    """An answer of fleet, frontier or claims: its JSON, shown as a table."""

    def __init__(self, verb: str, document: dict[str, Any], variable: str | None = None) -> None:
        self.verb, self.document, self.variable = verb, document, variable

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of the contract."""
        return self.document

    def charts(self) -> dict[str, dict[str, Any]]:
        """Return the Vega-Lite specifications by name."""
        return specs(self.verb, self.document, variable=self.variable)

    def flat(self) -> Rows:
        """Return the answer as flat rows."""
        if self.verb == "fleet":
            return list(self.document["rows"])
        if self.verb == "frontier":
            return [{"index": one["index"], **r} for one in self.document["indices"] for r in one["records"]]
        return [{"id": c["id"], "verdict": c["verdict"], **f} for c in self.document["claims"] for f in c["figures"]]

    def verdict(self) -> str:
        """Return the answer in one line: what its chart says, or its title."""
        if self.verb == "claims":
            kinds = [c["verdict"] for c in self.document["claims"]]
            said = ", ".join(f"{k} {kinds.count(k)}" for k in dict.fromkeys(kinds))
            return f"{clean(self.document['title'])}: {said}"
        found = self.charts()
        spec = found.get("lead") or next(iter(found.values()), None)
        return str(spec["description"]) if spec else clean(self.document.get("title", self.verb))

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Return heads and cells of the table that a notebook shows."""
        if self.verb == "claims":
            body = [[c["id"], c["claim"], _banded(c["figure"]), c["claimed"]["text"], c["verdict"]] for c in self.document["claims"]]  # fmt: skip
            return ["", "claim", "our figure (90%)", "printed", "verdict"], body
        if self.verb == "frontier":
            heads = ["index", "group", "best", "released", "score", "behind, months"]
            found = [(one, g) for one in self.document["indices"] for g in one["leaders"]]
            return heads, [
                [one["title"], g["group"], g["best"]["model"], g["best"]["date"], _banded(g["best"]), _banded(g["months"] or {})]
                for one, g in found
            ]  # fmt: skip
        return _fleet_cells(self.document["rows"], self.variable)


def _fleet_cells(found: Sequence[Mapping[str, Any]], variable: str | None) -> tuple[list[str], list[list[str]]]:
    from wherewithal.app.charts.fleet import VARIABLE, variables

    if found and "share" in found[0]:
        return ["input", "share of the spread", "known"], [[r["name"], f"{r['share']:.1%}", r["status"]] for r in found[:12]]  # fmt: skip
    names = variables(found)
    wanted = variable or (VARIABLE if VARIABLE in names else next(iter(names), ""))
    own = [r for r in found if r["variable"] == wanted]
    unit = own[0]["unit"] if own else ""
    heads = ["year", f"{wanted} [{unit}], median", "90% interval"]
    return heads, [[str(r["year"]), number(r["median"]), f"{number(r['p5'])} to {number(r['p95'])}"] for r in own]


def _plan_cells(p: Plan, best: Plan | None) -> list[str]:
    def both(value: Any, unit: str) -> str:
        text = shown(value, unit)
        return f"{text.value} {text.band}".strip()

    return [
        "chosen" if best is not None and report.same(p, best) else "",
        report.short_layout(p),
        p.serving,
        number(p.tokens_per_s_per_user),
        both(p.output_tokens_per_s_per_chip, ""),
        both(p.ttft_s, "s"),
        both(p.tpot_s, "s"),
        both(p.joules_per_output_token, ""),
        both(p.usd_per_million_output_tokens, ""),
    ]


def _banded(f: Mapping[str, Any]) -> str:
    value, low, high = (f.get(k) for k in ("value", "low", "high"))
    if value is None or isinstance(value, str):
        return value or "-"
    unit = f" {f['unit']}" if f.get("unit") else ""
    band = f" ({number(low)} to {number(high)})" if isinstance(low, float) and isinstance(high, float) else ""
    return f"{number(value)}{unit}{band}"


def html_table(verdict: str, heads: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Return a verdict and a table as HTML in which every text is escaped.

    Args:
        verdict: the line above the table.
        heads: of the columns.
        cells: rows of text.
    """
    top = "".join(f'<th scope="col">{escape(clean(h))}</th>' for h in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(clean(c))}</td>" for c in row) + "</tr>" for row in cells)
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    return f"<p><strong>{escape(clean(verdict, 2000))}</strong></p>{table}"


def frame(data: Rows, backend: str | None = None) -> Any:
    """Return rows as a DataFrame of the library that is there.

    Args:
        data: flat rows; a name that a row lacks is empty there.
        backend: "pandas" or "polars". Default: whichever is installed, pandas first.

    Raises:
        InputError: another backend.
        MissingExtra: neither is installed, or not the one that is named.
    """
    known = ("pandas", "polars")
    if backend is not None and backend not in known:
        raise InputError("backend", f"no {backend!r}", f"one of {', '.join(nearest(backend, known) or known)}")
    there = [b for b in ([backend] if backend else known) if importlib.util.find_spec(b) is not None]
    if not there or importlib.util.find_spec("narwhals") is None:
        raise MissingExtra(f"a table as a DataFrame ({backend or 'pandas or polars'})", "notebook")
    import narwhals

    names = list(dict.fromkeys(name for row in data for name in row))
    columns = {name: _one_kind([row.get(name) for row in data]) for name in names}
    return narwhals.from_dict(columns, backend=there[0]).to_native()  # type: ignore[arg-type]


def _one_kind(column: list[Any]) -> list[Any]:
    """Return a column that holds one kind: numbers all floats, text beside numbers all text, records as text."""
    kinds = {type(v) for v in column if v is not None}
    if kinds == {int, float}:
        return [None if v is None else float(v) for v in column]
    if len(kinds) > 1 or kinds & {dict, list, tuple}:
        return [None if v is None else str(v) for v in column]
    return column
