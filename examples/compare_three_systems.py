"""Which of three systems serves a mixture-of-experts model cheapest, and what would change the order?"""

from __future__ import annotations

import wherewithal as w

both = w.compare("qwen3-30b-a3b", ["h20-8", "h100-8", "mi300x-8"], slo="tpot=20ms")
print(both.verdict())
heads, cells = both.cells()
for row in [heads, *cells]:
    print("\t".join(row))
for flip in both.flips:
    print("flips:", flip.text)
