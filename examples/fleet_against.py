"""What did a ban cost a country in chips? One scenario less another, on the same random numbers."""

from __future__ import annotations

import wherewithal as w

found = w.fleet("china-2030", against="no-h20-ban", draws=256)
print(found.to_dict()["banner"])
print(found)
drivers = w.fleet("china-2030", drivers=True, draws=256)
print(drivers.plot().spec["description"])
