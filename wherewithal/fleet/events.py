"""Policy events by date: those that a scenario rests on, or undoes."""

from __future__ import annotations

from wherewithal.catalog import load as catalog
from wherewithal.catalog import national
from wherewithal.errors import InputError
from wherewithal.fleet.scenario import Scenario


def known(read: Scenario, dirs: catalog.Dirs = ()) -> list[dict[str, str]]:
    """Return the events of the table that the scenario's flows and changes name, with what names them.

    Raises:
        InputError: a date of which the table has no event.
    """
    rows: dict[str, national.Row] = {}
    for row in national.rows("events", dirs):
        rows.setdefault(row.get("date"), row)
    out = []
    asked = [("flows", n, f.event) for n, f in read.flows.items() if f.event]
    for kind, name, date in [*asked, *(("changes", n, c.event) for n, c in read.changes.items())]:
        if date not in rows:
            raise InputError(
                f"{kind}.{name}.event", f"no policy event of {date[:20]!r}", "a date of the table of events"
            )
        said = rows[date]
        out.append({"used_by": f"{kind}.{name}", "date": date, "event": said.get("event"), "source": said.source})
    return out
