"""Claims of a newspaper computed again: what holds, on which basis."""

from __future__ import annotations

import wherewithal as w

found = w.claims("wsj-2025-08", only=("C07", "C09", "C10"))
print(found)
for claim in found.to_dict()["claims"]:
    print(claim["id"], "true on:", "; ".join(claim["true_on"]) or "nothing")
