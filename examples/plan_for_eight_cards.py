"""What do eight cards do with a model of 32 billion parameters, at 30 ms a token?"""

from __future__ import annotations

import wherewithal as w

result = w.plan("qwen3-32b", "h20-8", slo=w.slo(ttft="2s", tpot="30ms"))
print(result.verdict())
best = result.best
print(f"chosen: {best.serving}, {best.pools[0].layout}, {best.concurrency:.0f} in flight, bound by {best.bound_by}")
for lever in result.levers:
    if lever.effect is not None:
        print(f"{lever.change}: {lever.effect:+.0%}")

table = result.table()
print(table[["serving", "tokens_per_s_per_user", "output_tokens_per_s_per_chip", "chosen"]].head(5).to_string())
