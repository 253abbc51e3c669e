"""People: graduates by year with the lag of a degree, and authors by path with binomial intervals."""

from __future__ import annotations

import re

import numpy as np

from wherewithal.catalog import national
from wherewithal.fleet.draw import Array
from wherewithal.fleet.inputs import Input, Point
from wherewithal.fleet.measures import Keep, Worth
from wherewithal.fleet.scenario import Authors, Talent


def keep(said: Talent, worth: Worth, years: tuple[int, ...], take: Keep) -> None:
    """Keep colleges, graduates a year and those who go to such work, and the shares of authors by path.

    graduates(y) = [colleges approved by y - degree - 1, and the ramp's share of those approved in y - degree] x intake
    x share that graduates. After the last list no more colleges are taken to be approved.
    """
    approved = _approved(said, worth.dirs)
    intake, ramp, graduation, to_work = (
        worth.draws.values(worth.inputs.get(ref)) for ref in (said.intake, said.ramp, said.graduation, said.to_work)
    )
    colleges, graduates = np.zeros((worth.draws.count, len(years))), np.zeros((worth.draws.count, len(years)))
    for at, year in enumerate(years):
        colleges[:, at] = sum(n for y, n in approved.items() if y <= year)
        begun = year - said.degree_years
        running = sum(n for y, n in approved.items() if y < begun) + ramp * approved.get(begun, 0.0)
        graduates[:, at] = running * intake * graduation
    take("Talent|Colleges", "colleges", colleges)
    take("Talent|Graduates", "people/yr", graduates)
    take("Talent|Graduates|To AI work or study", "people/yr", graduates * to_work[:, None])
    if said.authors is not None:
        for part, share in _authors(said.authors, worth).items():
            take(f"Talent|Authors|{part}", "1", np.repeat(share[:, None], len(years), axis=1))


def _approved(said: Talent, dirs: tuple[object, ...]) -> dict[int, float]:
    """Return newly approved colleges by the year of approval: the last year that a list's name has."""
    out: dict[int, float] = {}
    for row in national.rows("talent", dirs):  # type: ignore[arg-type]
        if row.get("topic") == said.topic and row.get("metric") == said.colleges and row.value is not None:
            year = int(re.findall(r"\d{4}", row.get("period"))[-1])
            out[year] = out.get(year, 0.0) + row.value
    return out


def _authors(said: Authors, worth: Worth) -> dict[str, Array]:
    """Return draws (draws,) of the share of each path: median k/n, ends from the Wilson interval at 90%."""
    rows = {r.get("metric"): r for r in national.rows("talent", worth.dirs) if r.get("topic") == said.topic}
    whole = rows.get(said.total)
    out: dict[str, Array] = {}
    for part in said.parts:
        row = rows.get(part)
        if row is None or whole is None or not row.value or not whole.value:
            continue
        low, high = wilson(row.value, whole.value, 1.6448536269514722)
        point = Point(None, row.value / whole.value, low, high)
        given = Input(f"authors | {part}", "beta", "p5-p95", (point,), "1", row.status, row.source, row.note)
        out[part] = worth.draws.values(given)
    return out


def wilson(count: float, whole: float, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the Wilson interval of a share `count / whole` at a normal score `z` (1.96: 95%); Wilson 1927."""
    share = count / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * np.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    return float(middle - half), float(middle + half)
